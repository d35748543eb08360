#include "drivers/virtual/deviceend.h"

#include "core/base/fault.h"

#include <QFile>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace slipway {

QString systemError(int number)
{
    char text[128];
    return QString::fromLocal8Bit(strerror_r(number, text, sizeof text));
}

ssize_t writeQuietly(int fd, const char *bytes, size_t size)
{
    const ssize_t sent = ::send(fd, bytes, size, MSG_NOSIGNAL);
    return sent < 0 && errno == ENOTSOCK ? ::write(fd, bytes, size) : sent;
}

void OwnedFd::reset(int fd)
{
    if (m_fd >= 0)
        ::close(m_fd);
    m_fd = fd;
}

namespace {

[[noreturn]] void failed(const QString &what)
{
    throw Fault("virtual.link", {what, systemError(errno)});
}

void pointTo(const QString &link, const QString &target)
{
    struct stat status = {};
    const QByteArray name = QFile::encodeName(link);
    if (::lstat(name.constData(), &status) == 0 && !S_ISLNK(status.st_mode)) {
        errno = EEXIST;
        failed(link);
    }
    // Beside it and renamed, so that the name is never missing while a device re-enumerates.
    const QByteArray fresh = name + ".new" + QByteArray::number(::getpid());
    ::unlink(fresh.constData());
    if (::symlink(QFile::encodeName(target).constData(), fresh.constData()) != 0)
        failed(link);
    if (::rename(fresh.constData(), name.constData()) != 0) {
        const int error = errno;
        ::unlink(fresh.constData());
        errno = error;
        failed(link);
    }
}

} // namespace

PtyEnd::PtyEnd(QString link) : m_link(std::move(link))
{
    m_master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    char slave[128];
    if (!m_master || ::grantpt(m_master.get()) != 0 || ::unlockpt(m_master.get()) != 0 ||
        ::ptsname_r(m_master.get(), slave, sizeof slave) != 0)
        failed(m_link.isEmpty() ? QStringLiteral("/dev/ptmx") : m_link);
    m_slave = QFile::decodeName(slave);
    termios settings = {};
    if (::tcgetattr(m_master.get(), &settings) != 0)
        failed(m_slave);
    ::cfmakeraw(&settings);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (::tcsetattr(m_master.get(), TCSANOW, &settings) != 0)
        failed(m_slave);
    if (!m_link.isEmpty())
        pointTo(m_link, m_slave);
}

void PtyEnd::tellRate(int baud)
{
    static constexpr std::pair<int, speed_t> known[] = {
        {9600, B9600},       {19200, B19200},     {57600, B57600},     {115200, B115200},   {230400, B230400},
        {460800, B460800},   {500000, B500000},   {921600, B921600},   {1000000, B1000000}, {1500000, B1500000},
        {2000000, B2000000}, {3000000, B3000000}, {4000000, B4000000},
    };
    termios settings = {};
    for (const auto &[rate, code] : known) {
        if (rate == baud && ::tcgetattr(m_master.get(), &settings) == 0) {
            ::cfsetspeed(&settings, code);
            ::tcsetattr(m_master.get(), TCSANOW, &settings);
        }
    }
}

PtyEnd::~PtyEnd()
{
    if (!m_link.isEmpty() && QFile::symLinkTarget(m_link) == m_slave)
        QFile::remove(m_link);
}

} // namespace slipway
