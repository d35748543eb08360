#pragma once
// SLIP packets (RFC 1055) as the ESP ROM loader uses them: C0 before and behind every packet, C0 and DB inside escaped
// as DB DC and DB DD. Pure: bytes in, packets out; damage is skipped, never thrown.

#include "core/codec/packetdeframer.h"

namespace slipway::slip {

constexpr char end = '\xc0';

// Appends the packet with both marks.
void append(QByteArray &out, QByteArrayView packet);
QByteArray frame(QByteArrayView packet);

// Finds packets between marks. What stands before the first mark is text of somebody else (a boot log) and is passed
// over; a packet with a wrong escape or longer than limit is dropped up to the next mark. Memory is bounded by limit.
class Deframer final : public PacketDeframer
{
public:
    explicit Deframer(qsizetype limit = 0x10000 + 8);

    void feed(QByteArrayView bytes) override;
    bool next(QByteArray &packet) override;
    void reset() override;
    qint64 dropped() const override { return m_dropped; }

private:
    void drop();

    enum class State { Outside, Inside, Escape };
    qsizetype m_limit;
    State m_state = State::Outside;
    QByteArray m_partial;
    QList<QByteArray> m_ready;
    qsizetype m_taken = 0;
    qint64 m_dropped = 0;
};

} // namespace slipway::slip
