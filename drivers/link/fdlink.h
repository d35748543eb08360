#pragma once
// A ByteLink over a file descriptor that is read and written without blocking: the common part of serial ports,
// pseudo-terminals and sockets, and as it is for a socket pair or pipe made by somebody else.

#include "drivers/link/bytelink.h"
#include "drivers/link/waiter.h"

namespace slipway {

class FdLink : public ByteLink
{
public:
    // Takes the descriptor over and makes it non-blocking.
    FdLink(int fd, LinkInfo info);
    ~FdLink() override;
    FdLink(const FdLink &) = delete;
    FdLink &operator=(const FdLink &) = delete;

    const LinkInfo &info() const override { return m_info; }
    int wait(int wanted, Deadline deadline, const std::stop_token &stop) override;
    qsizetype readSome(char *to, qsizetype size) override;
    qsizetype writeSome(QByteArrayView bytes) override;
    void discardInput() override;
    void reopen(const Task &task) override; // here: throws link.gone
    void setBaud(int baud) override;        // here: nothing

protected:
    explicit FdLink(LinkInfo info) : m_info(std::move(info)) {}
    int fd() const { return m_fd; }
    void adopt(int fd); // non-blocking from now on
    int release();      // the descriptor is the caller's again
    LinkInfo &changeInfo() { return m_info; }
    [[noreturn]] void gone(const char *call, int error) const;
    Waiter &waiter() { return m_waiter; }

private:
    int m_fd = -1;
    bool m_socket = false;
    LinkInfo m_info;
    Waiter m_waiter;
};

} // namespace slipway
