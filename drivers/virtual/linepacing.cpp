#include "drivers/virtual/linepacing.h"

#include <algorithm>

namespace slipway {

namespace {
constexpr qint64 bitsPerByte = 10;
constexpr qint64 second = 1'000'000'000;
} // namespace

// count hardly exceeds the baud rate (see crossed), so the product stays below some 4e6 * 1e10.
qint64 UartPacer::endOf(qint64 count) const
{
    return m_start + (count * bitsPerByte * second + m_baud - 1) / m_baud;
}

qint64 UartPacer::nextAt(qint64 since, qint64 count) const
{
    if (m_busy && since <= endOf(m_done))
        return endOf(m_done + count);
    return since + (count * bitsPerByte * second + m_baud - 1) / m_baud;
}

qint64 UartPacer::lookAt(qint64 now, qint64 waiting, qint64 since) const
{
    return std::min(nextAt(since, waiting), std::max(nextAt(since), (now / batch + 1) * batch));
}

qint64 UartPacer::crossed(qint64 now, qint64 waiting, qint64 since)
{
    if (waiting <= 0)
        return 0;
    if (m_busy && since > endOf(m_done)) // there was a gap
        m_busy = false;
    if (!m_busy) {
        m_busy = true;
        m_start = since;
        m_done = 0;
    }
    // endOf(k) <= now is k <= (now - start) * baud / 10^10.
    const qint64 span = std::clamp<qint64>(now - m_start, 0, 1000 * second);
    const qint64 over = std::clamp(span * m_baud / (bitsPerByte * second), m_done, m_done + waiting);
    const qint64 n = over - m_done;
    m_done = over;
    while (m_done >= m_baud) { // that many take exactly 10 seconds
        m_start += bitsPerByte * second;
        m_done -= m_baud;
    }
    return n;
}

void LatencyTimer::add(QByteArrayView bytes, qint64 now)
{
    if (bytes.isEmpty())
        return;
    if (m_bytes.isEmpty())
        m_first = now;
    m_bytes.append(bytes);
}

QByteArray LatencyTimer::take(qint64 now)
{
    qsizetype size = m_bytes.size() / m_packet * m_packet;
    if (!m_bytes.isEmpty() && now >= m_first + m_latency)
        size = m_bytes.size();
    if (size == 0)
        return {};
    const QByteArray out = m_bytes.first(size);
    m_bytes.remove(0, size);
    m_first = now; // the timer starts anew with each packet
    return out;
}

std::optional<qint64> LatencyTimer::dueAt() const
{
    if (m_bytes.isEmpty())
        return {};
    return m_bytes.size() >= m_packet ? m_first : m_first + m_latency;
}

void LineNoise::apply(QByteArray &bytes, qint64 &dropped, qint64 &flipped)
{
    if (m_drop <= 0 && m_flip <= 0)
        return;
    QByteArray out;
    out.reserve(bytes.size());
    for (char byte : bytes) {
        if (m_drop > 0 && chance() < m_drop) {
            ++dropped;
            continue;
        }
        if (m_flip > 0 && chance() < m_flip) {
            byte = static_cast<char>(byte ^ (1 << m_random() % 8));
            ++flipped;
        }
        out.append(byte);
    }
    bytes = out;
}

} // namespace slipway
