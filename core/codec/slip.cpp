#include "core/codec/slip.h"

#include <utility>

namespace slipway::slip {

namespace {
constexpr char escape = '\xdb', escapedEnd = '\xdc', escapedEscape = '\xdd';
}

void append(QByteArray &out, QByteArrayView packet)
{
    const qsizetype before = out.size();
    out.resize(before + 2 * packet.size() + 2); // at most
    char *to = out.data() + before;
    *to++ = end;
    for (const char c : packet) {
        if (c == end || c == escape) {
            *to++ = escape;
            *to++ = c == end ? escapedEnd : escapedEscape;
        } else {
            *to++ = c;
        }
    }
    *to++ = end;
    out.resize(to - out.constData());
}

QByteArray frame(QByteArrayView packet)
{
    QByteArray out;
    append(out, packet);
    return out;
}

Deframer::Deframer(qsizetype limit) : m_limit(limit) {}

// Two marks in a row are the end of one packet and the beginning of the next, or an empty one: either way inside.
void Deframer::feed(QByteArrayView bytes)
{
    for (const char c : bytes) {
        if (c == end) {
            if (m_state == State::Escape)
                drop();
            else if (m_state == State::Inside && !m_partial.isEmpty())
                m_ready << std::exchange(m_partial, {});
            m_state = State::Inside;
            continue;
        }
        switch (m_state) {
        case State::Outside:
            break;
        case State::Inside:
            if (c == escape)
                m_state = State::Escape;
            else if (m_partial.size() < m_limit)
                m_partial += c;
            else
                drop();
            break;
        case State::Escape:
            if ((c == escapedEnd || c == escapedEscape) && m_partial.size() < m_limit) {
                m_partial += c == escapedEnd ? end : escape;
                m_state = State::Inside;
            } else {
                drop();
            }
            break;
        }
    }
}

void Deframer::drop()
{
    ++m_dropped;
    m_partial.clear();
    m_state = State::Outside;
}

bool Deframer::next(QByteArray &packet)
{
    if (m_taken == m_ready.size())
        return false;
    packet = std::move(m_ready[m_taken++]);
    if (m_taken == m_ready.size()) {
        m_ready.clear();
        m_taken = 0;
    }
    return true;
}

void Deframer::reset()
{
    m_state = State::Outside;
    m_partial.clear();
    m_ready.clear();
    m_taken = 0;
}

} // namespace slipway::slip
