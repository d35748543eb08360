#pragma once
// Turns a stream of bytes into SMP packets. Pure: bytes in, packets out; damage is skipped, never thrown.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>

namespace slipway {

class PacketDeframer
{
public:
    virtual ~PacketDeframer() = default;
    virtual void feed(QByteArrayView bytes) = 0;
    // The next complete packet, header first; false when there is none yet.
    virtual bool next(QByteArray &packet) = 0;
    // Forgets what came in part: after a time-out, or when the port was opened anew.
    virtual void reset() = 0;
    // Packets begun and thrown away: damaged, cut, or too large.
    virtual qint64 dropped() const = 0;
};

} // namespace slipway
