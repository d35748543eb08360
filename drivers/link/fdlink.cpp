#include "drivers/link/fdlink.h"

#include "core/base/fault.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway {

FdLink::FdLink(int fd, LinkInfo info) : m_info(std::move(info))
{
    adopt(fd);
}

FdLink::~FdLink()
{
    if (m_fd >= 0)
        ::close(m_fd);
}

void FdLink::adopt(int fd)
{
    if (m_fd >= 0)
        ::close(m_fd);
    m_fd = fd;
    struct stat what {};
    m_socket = ::fstat(fd, &what) == 0 && S_ISSOCK(what.st_mode);
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        throw Fault("link.failed", {m_info.port, QString::fromLocal8Bit(std::strerror(errno))});
}

int FdLink::release()
{
    return std::exchange(m_fd, -1);
}

void FdLink::gone(const char *call, int error) const
{
    throw Fault(
        "link.gone", {m_info.port},
        QStringLiteral("%1: %2").arg(QString::fromLatin1(call), error ? QString::fromLocal8Bit(std::strerror(error))
                                                                      : QStringLiteral("end of stream")));
}

int FdLink::wait(int wanted, Deadline deadline, const std::stop_token &stop)
{
    if (m_fd < 0)
        gone("wait", EBADF);
    short events = 0;
    if (wanted & Readable)
        events |= POLLIN;
    if (wanted & Writable)
        events |= POLLOUT;
    const short got = m_waiter.wait(m_fd, events, deadline, stop);
    int result = 0;
    if (got & POLLIN)
        result |= Readable;
    if (got & POLLOUT)
        result |= Writable;
    // Hung up or broken: reading says how.
    if (got & (POLLHUP | POLLERR | POLLNVAL)) {
        if (!(wanted & Readable))
            gone("poll", EIO);
        result |= Readable;
    }
    return result;
}

qsizetype FdLink::readSome(char *to, qsizetype size)
{
    for (;;) {
        const ssize_t n = ::read(m_fd, to, static_cast<size_t>(size));
        if (n > 0)
            return n;
        if (n == 0) // readable and nothing there: the other end is gone; ptys and unplugged ports alike
            gone("read", 0);
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        gone("read", errno);
    }
}

qsizetype FdLink::writeSome(QByteArrayView bytes)
{
    if (m_fd < 0)
        gone("write", EBADF);
    for (;;) {
        // A socket whose other end is gone must not end the program.
        const ssize_t n = m_socket ? ::send(m_fd, bytes.data(), static_cast<size_t>(bytes.size()), MSG_NOSIGNAL)
                                   : ::write(m_fd, bytes.data(), static_cast<size_t>(bytes.size()));
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 0;
        gone("write", errno);
    }
}

void FdLink::discardInput()
{
    char scratch[4096];
    while (m_fd >= 0 && ::read(m_fd, scratch, sizeof scratch) > 0) {
    }
}

void FdLink::reopen(const Task &)
{
    gone("reopen", ENOENT);
}

void FdLink::setBaud(int) {}

} // namespace slipway
