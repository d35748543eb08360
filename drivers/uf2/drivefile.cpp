#include "drivers/uf2/drivefile.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"

#include <QDir>
#include <QFile>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype alignment = 4096; // of memory and pieces, enough for any drive
constexpr qsizetype piece = 32 * 1024, lastPiece = 512;

struct Free {
    void operator()(char *bytes) const { std::free(bytes); }
};
using Buffer = std::unique_ptr<char, Free>;

Buffer buffer()
{
    auto *bytes = static_cast<char *>(std::aligned_alloc(alignment, size_t(piece)));
    if (!bytes)
        throw std::bad_alloc();
    return Buffer(bytes);
}

class File
{
public:
    File(const QString &path, int flags) : m_name(QFile::encodeName(path)), m_flags(flags | O_CLOEXEC)
    {
        m_fd = ::open(m_name.constData(), m_flags | O_DIRECT, 0644);
        if (m_fd < 0 && errno == EINVAL)
            plain();
        m_error = m_fd < 0 ? errno : 0;
    }
    ~File()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    int error() const { return m_error; }
    ssize_t read(char *to, size_t size)
    {
        const ssize_t got = ::read(m_fd, to, size);
        if (got >= 0 || errno != EINVAL || !m_direct)
            return got;
        plain();
        return m_fd < 0 ? -1 : ::read(m_fd, to, size);
    }
    ssize_t write(const char *from, size_t size, qint64 at)
    {
        ssize_t put = ::pwrite(m_fd, from, size, at);
        if (put < 0 && errno == EINVAL && m_direct) {
            plain();
            put = m_fd < 0 ? -1 : ::pwrite(m_fd, from, size, at);
        }
        if (put > 0 && !m_direct && ::fdatasync(m_fd) != 0)
            return -1;
        return put;
    }
    int sync() const { return ::fsync(m_fd) == 0 ? 0 : errno; }

private:
    void plain()
    {
        if (m_fd >= 0)
            ::close(m_fd);
        m_direct = false;
        m_fd = ::open(m_name.constData(), (m_flags & ~O_TRUNC) | (m_flags & O_WRONLY ? O_SYNC : 0), 0644);
        if (m_fd >= 0)
            ::posix_fadvise(m_fd, 0, 0, POSIX_FADV_DONTNEED);
    }

    QByteArray m_name;
    int m_flags;
    int m_fd = -1;
    int m_error = 0;
    bool m_direct = true;
};

QString words(int error)
{
    return QString::fromLocal8Bit(std::strerror(error));
}

} // namespace

bool meansGone(int error)
{
    return error == EIO || error == ENODEV || error == ENXIO || error == ENOTCONN || error == ECONNABORTED ||
           error == ENOMEDIUM || error == ESHUTDOWN;
}

std::optional<QByteArray> readDriveFile(const QString &folder, const QString &name, qint64 limit, const Task &task)
{
    File file(QDir(folder).filePath(name), O_RDONLY);
    if (file.error() == ENOENT)
        return std::nullopt;
    const auto failed = [&](int error) {
        if (error == EACCES || error == EPERM)
            throw Fault("uf2.permission", {folder});
        if (meansGone(error))
            throw Fault("uf2.stale", {folder}, name + u": "_s + words(error));
        throw Fault("file.unreadable", {QDir(folder).filePath(name), words(error)});
    };
    if (file.error())
        failed(file.error());
    const Buffer bytes = buffer();
    QByteArray out;
    for (;;) {
        task.check(u"Reading the drive"_s);
        const ssize_t got = file.read(bytes.get(), size_t(piece));
        if (got < 0)
            failed(errno);
        if (got == 0)
            return out;
        out.append(bytes.get(), got);
        if (out.size() > limit)
            throw Fault("file.too-large", {name, humanSize(limit)});
        if (task.progress)
            task.progress->setDone(out.size());
    }
}

DriveWrite writeDriveFile(const QString &folder, const QString &name, const QByteArray &content, const Task &task)
{
    DriveWrite out;
    const auto failed = [&](int error) {
        if (error == EROFS)
            throw Fault("uf2.read-only", {folder});
        if (error == EACCES || error == EPERM)
            throw Fault("uf2.permission", {folder});
        if (error == ENOSPC || error == EFBIG)
            throw Fault("uf2.no-room", {folder, humanSize(out.done), humanSize(content.size())});
        if (!meansGone(error))
            throw Fault("uf2.write", {folder, QString::number(out.done), words(error)});
        out.goneAt = error;
        return out;
    };
    const QByteArray at = QFile::encodeName(folder);
    struct statvfs room {};
    if (::statvfs(at.constData(), &room) != 0)
        return failed(errno);
    if (room.f_flag & ST_RDONLY)
        throw Fault("uf2.read-only", {folder});
    const auto free = qint64(std::min<quint64>(quint64(room.f_bavail) * room.f_frsize, quint64(1) << 60));
    if (free < content.size())
        throw Fault("uf2.no-room", {folder, humanSize(free), humanSize(content.size())});

    File file(QDir(folder).filePath(name), O_WRONLY | O_CREAT | O_TRUNC);
    if (file.error())
        return failed(file.error());
    const Buffer bytes = buffer();
    if (task.progress)
        task.progress->setTotal(content.size());
    const qsizetype early = content.size() - lastPiece;
    while (out.done < content.size()) {
        task.check(u"Writing the firmware"_s);
        out.last = out.done >= early;
        const qsizetype size = out.last ? content.size() - out.done : std::min(piece, early - qsizetype(out.done));
        std::memcpy(bytes.get(), content.constData() + out.done, size_t(size));
        const ssize_t put = file.write(bytes.get(), size_t(size), out.done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return failed(put < 0 ? errno : EIO);
        out.done += put;
        if (task.progress)
            task.progress->setDone(out.done);
    }
    // Nothing of the firmware is left to go; the file system's own notes are of no use to a boot loader that restarts.
    if (const int error = file.sync())
        return failed(error);
    return out;
}

} // namespace slipway
