#include "core/codec/rawframing.h"

#include "core/codec/smpheader.h"

namespace slipway {

RawDeframer::RawDeframer(Side side, qsizetype limit) : m_side(side), m_limit(limit) {}

void RawDeframer::feed(QByteArrayView bytes)
{
    if (m_at == m_buffer.size()) {
        m_buffer.resize(0);
        m_at = 0;
    } else if (m_at > m_limit) {
        m_buffer.remove(0, m_at);
        m_at = 0;
    }
    m_buffer.append(bytes);
}

bool RawDeframer::plausible(QByteArrayView bytes, qsizetype &whole) const
{
    const auto header = SmpHeader::decode(bytes);
    if (!header || header->version > 1 || header->flags != 0 || header->isResponse() != (m_side == Side::Host))
        return false;
    whole = SmpHeader::size + header->length;
    return whole <= m_limit;
}

bool RawDeframer::next(QByteArray &packet)
{
    while (m_buffer.size() - m_at >= SmpHeader::size) {
        const QByteArrayView rest = QByteArrayView(m_buffer).sliced(m_at);
        qsizetype whole = 0;
        if (!plausible(rest, whole)) {
            if (!m_skipping)
                ++m_dropped;
            m_skipping = true;
            ++m_at;
            continue;
        }
        if (rest.size() < whole)
            return false;
        packet = rest.first(whole).toByteArray();
        m_at += whole;
        m_skipping = false;
        return true;
    }
    return false;
}

void RawDeframer::reset()
{
    m_buffer.clear();
    m_at = 0;
    m_skipping = false;
}

} // namespace slipway
