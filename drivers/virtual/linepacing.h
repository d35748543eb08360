#pragma once
// The arithmetic of the line model: pure functions of given times, so that its accuracy can be tested without a clock.

#include <QByteArray>

#include <chrono>
#include <optional>
#include <random>

namespace slipway {

// When bytes that are sent one after the other have crossed a UART: 10 bits each (8N1), back to back while there are
// any. Times in nanoseconds on any steady scale; exact, no error adds up.
class UartPacer
{
public:
    explicit UartPacer(int baud) : m_baud(baud) {}

    // Bytes, of those that wait, that have wholly crossed by `now`. since: when the first of them came to an idle wire
    // (used only when the wire was idle). Call again with the rest.
    qint64 crossed(qint64 now, qint64 waiting, qint64 since);
    // When the count-th of the waiting bytes will have crossed.
    qint64 nextAt(qint64 since, qint64 count = 1) const;
    // When to call crossed() next: at the end of all that waits, to the byte, since that is what the other side waits
    // for; before it at whole milliseconds, so that a busy line costs one waking each.
    qint64 lookAt(qint64 now, qint64 waiting, qint64 since) const;
    static constexpr qint64 batch = 1'000'000;

private:
    qint64 endOf(qint64 count) const; // of the count-th byte after m_start
    qint64 m_baud;
    qint64 m_start = 0; // the wire has been busy since then
    qint64 m_done = 0;  // bytes crossed since
    bool m_busy = false;
};

// How a USB-serial adapter hands received bytes to the host: in packets of `packet` bytes as they fill, and what is
// left when its latency timer runs out, counted from the first byte that waits.
class LatencyTimer
{
public:
    LatencyTimer(qint64 latency, int packet) : m_latency(latency), m_packet(packet) {}

    void add(QByteArrayView bytes, qint64 now);
    QByteArray take(qint64 now);         // what the host gets by now
    std::optional<qint64> dueAt() const; // when take() gives something; nothing: empty
    bool isEmpty() const { return m_bytes.isEmpty(); }

private:
    qint64 m_latency;
    int m_packet;
    QByteArray m_bytes;
    qint64 m_first = 0; // when the oldest of them came
};

// Bytes lost and bits flipped, reproducibly.
class LineNoise
{
public:
    LineNoise(double drop, double flip, quint64 seed) : m_drop(drop), m_flip(flip), m_random(seed) {}
    void apply(QByteArray &bytes, qint64 &dropped, qint64 &flipped);

private:
    double chance() { return static_cast<double>(m_random() >> 11) * 0x1p-53; }
    double m_drop, m_flip;
    std::mt19937_64 m_random;
};

} // namespace slipway
