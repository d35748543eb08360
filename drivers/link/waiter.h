#pragma once
// poll() on one descriptor that a stop token ends at once: the token's callback writes to an eventfd which is polled
// as well. Throws base.stopped.

#include "core/base/deadline.h"

#include <stop_token>

namespace slipway {

class Waiter
{
public:
    Waiter();
    ~Waiter();
    Waiter(const Waiter &) = delete;
    Waiter &operator=(const Waiter &) = delete;

    // Returns revents of fd (fd < 0: waits for nothing but the stop); 0 at the deadline.
    short wait(int fd, short events, Deadline deadline, const std::stop_token &stop);

private:
    int m_wake = -1;
};

} // namespace slipway
