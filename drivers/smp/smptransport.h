#pragma once
// SMP packets over a ByteLink: as lines of a console, raw, or one to a datagram. Sends and receives at the same time
// from one thread: what was handed in goes out while answers are awaited, in large writes.

#include "core/codec/packetdeframer.h"
#include "drivers/link/bytelink.h"

#include <chrono>
#include <deque>
#include <memory>

namespace slipway {

enum class SmpFraming { Console, Raw, Datagram };

class SmpTransport
{
public:
    // A link of datagrams has its own framing whatever is asked for.
    SmpTransport(std::unique_ptr<ByteLink> link, SmpFraming framing);

    const LinkInfo &info() const { return m_link->info(); }
    SmpFraming framing() const { return m_framing; }

    // Queues a packet; it goes out during receive().
    void send(QByteArrayView packet);
    // The next packet that came in, or false at the deadline.
    bool receive(QByteArray &packet, Deadline deadline, const std::stop_token &stop);
    // Ends whatever garbage the other end may have on its line: before the first packet and after silence.
    void nudge();
    void reopen(const Task &task);
    void setBaud(int baud);
    // Forgets what waits in both directions.
    void clear();

    // Bytes on the wire for a packet.
    qsizetype wireSize(qsizetype packet) const;
    // Largest packet that a device with such receive buffers takes.
    qsizetype largestPacket(qsizetype buffer) const;
    // Time that the line needs for so many bytes; where the rate is not known, that of a slow line.
    std::chrono::milliseconds wireTime(qsizetype bytes) const;

    qint64 bytesHeard() const { return m_heard; }
    QByteArray lastHeard() const { return m_tail; } // the last few bytes, for a diagnosis

private:
    void flush();

    std::unique_ptr<ByteLink> m_link;
    SmpFraming m_framing;
    std::unique_ptr<PacketDeframer> m_deframer; // none for datagrams
    QByteArray m_out;
    qsizetype m_written = 0;
    std::deque<QByteArray> m_datagrams;
    QByteArray m_in;
    QByteArray m_tail;
    qint64 m_heard = 0;
};

} // namespace slipway
