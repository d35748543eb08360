#pragma once
// SMP packets one after the other on a wire with nothing between them (MCUboot's raw serial protocol, Zephyr's raw UART
// transport): the length in the header is all there is. A header that cannot be one is skipped byte by byte, so that
// the stream is found again after noise; a packet cut short is forgotten with reset() after a time-out.

#include "core/codec/packetdeframer.h"

namespace slipway {

class RawDeframer final : public PacketDeframer
{
public:
    // limit: longest packet, header included. A host hears responses only, a device requests only.
    enum class Side { Host, Device };
    explicit RawDeframer(Side side, qsizetype limit = 16 * 1024);

    void feed(QByteArrayView bytes) override;
    bool next(QByteArray &packet) override;
    void reset() override;
    qint64 dropped() const override { return m_dropped; }

private:
    bool plausible(QByteArrayView header, qsizetype &whole) const;

    Side m_side;
    qsizetype m_limit;
    QByteArray m_buffer;
    qsizetype m_at = 0;
    bool m_skipping = false;
    qint64 m_dropped = 0;
};

} // namespace slipway
