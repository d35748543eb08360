#pragma once
// The device's end of a pseudo-terminal: the master, with the other end raw and reachable through a symlink. Throws
// virtual.link. A file that is no symlink is never replaced.

#include <QString>

#include <sys/types.h>

namespace slipway {

// A descriptor that is closed in the end.
class OwnedFd
{
public:
    explicit OwnedFd(int fd = -1) : m_fd(fd) {}
    OwnedFd(OwnedFd &&other) noexcept : m_fd(other.release()) {}
    OwnedFd &operator=(OwnedFd &&other) noexcept
    {
        reset(other.release());
        return *this;
    }
    ~OwnedFd() { reset(); }
    int get() const { return m_fd; }
    explicit operator bool() const { return m_fd >= 0; }
    int release()
    {
        const int fd = m_fd;
        m_fd = -1;
        return fd;
    }
    void reset(int fd = -1);

private:
    int m_fd;
};

class PtyEnd
{
public:
    explicit PtyEnd(QString link = {});
    PtyEnd(const PtyEnd &) = delete;
    PtyEnd &operator=(const PtyEnd &) = delete;
    ~PtyEnd(); // removes the symlink when it is still ours

    int fd() const { return m_master.get(); }
    // A pseudo-terminal has no rate; the one set here tells whoever opens the other end what the line behind it
    // carries. Rates that the kernel has no name for are left out.
    void tellRate(int baud);
    QString path() const { return m_link.isEmpty() ? m_slave : m_link; }

private:
    OwnedFd m_master;
    QString m_link, m_slave;
};

// write(2), without SIGPIPE where the descriptor is a socket whose other end is gone.
ssize_t writeQuietly(int fd, const char *bytes, size_t size);

// "No such file or directory"
QString systemError(int number);

} // namespace slipway
