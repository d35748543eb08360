#include "drivers/link/waiter.h"

#include "core/base/fault.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace slipway {

Waiter::Waiter() : m_wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (m_wake < 0)
        throw Fault("link.failed", {QStringLiteral("eventfd"), QString::fromLocal8Bit(std::strerror(errno))});
}

Waiter::~Waiter()
{
    ::close(m_wake);
}

short Waiter::wait(int fd, short events, Deadline deadline, const std::stop_token &stop)
{
    if (stop.stop_requested())
        throw Fault("base.stopped");
    const std::stop_callback wake(stop, [this] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(m_wake, &one, sizeof one);
    });
    for (;;) {
        pollfd fds[2] = {{m_wake, POLLIN, 0}, {fd, events, 0}};
        timespec span{};
        timespec *limit = nullptr;
        if (!deadline.isNever()) {
            const auto left = std::max(Deadline::Clock::duration::zero(), deadline.at() - Deadline::Clock::now());
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
            span.tv_sec = static_cast<time_t>(seconds.count());
            span.tv_nsec = static_cast<long>(std::chrono::nanoseconds(left - seconds).count());
            limit = &span;
        }
        const int n = ::ppoll(fds, fd < 0 ? 1 : 2, limit, nullptr);
        if (n < 0 && errno != EINTR)
            throw Fault("link.failed", {QStringLiteral("poll"), QString::fromLocal8Bit(std::strerror(errno))});
        if (stop.stop_requested()) {
            std::uint64_t drained = 0;
            [[maybe_unused]] const auto got = ::read(m_wake, &drained, sizeof drained);
            throw Fault("base.stopped");
        }
        if (n > 0 && (fds[0].revents & POLLIN)) { // left over from a stop that came as the last wait ended
            std::uint64_t drained = 0;
            [[maybe_unused]] const auto got = ::read(m_wake, &drained, sizeof drained);
        }
        if (n > 0 && fd >= 0 && fds[1].revents)
            return fds[1].revents;
        if (n >= 0 && deadline.expired())
            return 0;
    }
}

} // namespace slipway
