#pragma once
// A point in time (steady clock) by which a wait must end. Every wait on a device has one.

#include <algorithm>
#include <chrono>

namespace slipway {

class Deadline
{
public:
    using Clock = std::chrono::steady_clock;

    static Deadline in(std::chrono::milliseconds span) { return Deadline(Clock::now() + span); }
    static Deadline never() { return Deadline(Clock::time_point::max()); }

    bool isNever() const { return m_at == Clock::time_point::max(); }
    bool expired() const { return !isNever() && Clock::now() >= m_at; }
    // Never negative; an hour where there is no end.
    std::chrono::milliseconds remaining() const
    {
        using namespace std::chrono;
        if (isNever())
            return hours(1);
        return std::max(milliseconds(0), ceil<milliseconds>(m_at - Clock::now()));
    }
    Clock::time_point at() const { return m_at; }
    Deadline sooner(Deadline other) const { return Deadline(std::min(m_at, other.m_at)); }
    Deadline sooner(std::chrono::milliseconds span) const { return sooner(in(span)); }

private:
    explicit Deadline(Clock::time_point at) : m_at(at) {}
    Clock::time_point m_at;
};

} // namespace slipway
