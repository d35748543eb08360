#pragma once
// SMP packets as lines of a serial console (Zephyr "SMP over console"): the packet gets its length (2 bytes,
// big-endian, counting the CRC) in front and its CRC-16/XMODEM behind, is cut into pieces of 93 bytes, and each piece
// goes out as base64 on a line of at most 127 bytes with its newline. The first line begins with 06 09, the further
// ones with 04 14.

#include "core/codec/packetdeframer.h"

namespace slipway {

namespace console {
constexpr qsizetype longestLine = 127;                        // with the newline
constexpr qsizetype bytesPerLine = (longestLine - 3) / 4 * 3; // 93
constexpr qsizetype longestPacket = 0xffff - 2;               // the length field counts the CRC
constexpr qsizetype packetOverhead = 4;                       // length and CRC, in the device's receive buffer too
// Bytes on the wire for a packet of that size.
constexpr qsizetype wireSize(qsizetype packet)
{
    const qsizetype all = packet + packetOverhead, whole = all / bytesPerLine, rest = all % bytesPerLine;
    return whole * longestLine + (rest ? 3 + (rest + 2) / 3 * 4 : 0);
}
} // namespace console

class ConsoleFramer
{
public:
    // Appends the lines of one packet. The packet is at most console::longestPacket bytes long; a longer one is a
    // defect of the caller (internal.defect).
    static void append(QByteArray &out, QByteArrayView packet);
    static QByteArray frame(QByteArrayView packet);
};

// Finds packets in what a console prints. The marks may stand anywhere in a line, so log lines, prompts, ANSI escapes
// and other garbage between, before and behind frames do no harm; a packet that lost a byte fails its CRC and is
// dropped. Memory is bounded: one line and one packet.
class ConsoleDeframer final : public PacketDeframer
{
public:
    explicit ConsoleDeframer(qsizetype limit = console::longestPacket);

    void feed(QByteArrayView bytes) override;
    bool next(QByteArray &packet) override;
    void reset() override;
    qint64 dropped() const override { return m_dropped; }

private:
    void line(QByteArrayView text);
    void piece(bool first, QByteArrayView text);
    void drop();

    qsizetype m_limit;
    QByteArray m_line;    // what came since the last newline
    QByteArray m_partial; // decoded pieces of the packet that is coming in, with length and CRC
    bool m_open = false;  // there is such a packet
    QList<QByteArray> m_ready;
    qsizetype m_taken = 0;
    qint64 m_dropped = 0;
};

} // namespace slipway
