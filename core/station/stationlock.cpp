#include "core/station/stationlock.h"

#include "core/base/fault.h"

#include <QFile>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

StationLock::StationLock(const QString &homePath)
{
    const QString path = homePath + QStringLiteral("/station.lock");
    m_fd = ::open(QFile::encodeName(path).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m_fd < 0)
        throw Fault("file.unwritable", {path, QString::fromLocal8Bit(std::strerror(errno))});
    if (::flock(m_fd, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        ::close(m_fd);
        if (why == EWOULDBLOCK)
            throw Fault("station.busy", {homePath});
        throw Fault("file.unwritable", {path, QString::fromLocal8Bit(std::strerror(why))});
    }
}

StationLock::~StationLock()
{
    ::close(m_fd);
}

} // namespace slipway
