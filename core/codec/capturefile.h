#pragma once
// Reads packet captures: pcap in its four byte orders and resolutions (draft-ietf-opsawg-pcap) and pcapng
// (draft-ietf-opsawg-pcapng: section headers, interface descriptions with if_tsresol and if_tsoffset, enhanced, simple
// and obsolete packet blocks, interface statistics for what was lost; every other block is skipped). Both byte orders,
// several sections, files, pipes and standard input ("-"). Holds at most one packet and a buffer of a mebibyte,
// whatever the size of the file. Packets above 262144 bytes, libpcap's own limit, are refused.
// Throws file.unreadable, capture.format, capture.link-type.

#include "core/codec/packetsource.h"

#include <QString>

#include <memory>
#include <vector>

namespace slipway {

class CaptureFile : public PacketSource
{
public:
    static constexpr quint32 MaximumPacket = 262144;

    explicit CaptureFile(const QString &path);
    explicit CaptureFile(QByteArrayView content); // which outlives this; for tests and fuzzing
    ~CaptureFile() override;
    CaptureFile(const CaptureFile &) = delete;
    CaptureFile &operator=(const CaptureFile &) = delete;

    bool next(CapturedPacket &packet, const Task &task) override;
    quint64 lost() const override { return m_lost; }
    QString remark() const override;
    // Bytes of the file, 0 where it is a pipe; and those read so far. For progress.
    qint64 size() const { return m_size; }
    qint64 position() const { return m_position; }

private:
    struct Interface {
        LinkType link = LinkType::Ethernet;
        bool known = true; // the link type
        quint32 type = 1;  // as in the file
        quint32 snapLength = 0;
        quint8 resolution = 6; // if_tsresol
        qint64 offset = 0;     // if_tsoffset, seconds
        quint64 lost = 0;      // isb_ifdrop
    };
    enum class Kind { Pcap, PcapNg };

    void begin();
    bool nextPcap(CapturedPacket &packet);
    bool nextBlock(CapturedPacket &packet);
    void section(quint32 length);
    void describeInterface(quint32 length);
    void statistics(quint32 length);
    bool packetBlock(quint32 type, quint32 length, CapturedPacket &packet);
    void deliver(const Interface &interface, quint32 captured, quint32 wire, CapturedPacket &packet);
    const Interface &interfaceAt(quint32 index) const;

    bool have(size_t bytes); // that many are in the buffer
    bool skip(quint64 bytes);
    size_t fill(size_t wanted);
    quint16 u16(size_t at) const;
    quint32 u32(size_t at) const;
    quint64 u64(size_t at) const;
    [[noreturn]] void bad(const QString &why) const;

    QString m_name;
    int m_fd = -1;
    bool m_ownsFd = false;
    std::vector<char> m_buffer;
    const char *m_data = nullptr; // what is in the buffer, or the content given
    size_t m_at = 0, m_end = 0;
    bool m_ended = false, m_cut = false, m_begun = false;
    qint64 m_size = 0, m_position = 0;

    Kind m_kind = Kind::Pcap;
    bool m_swapped = false, m_nano = false;
    quint64 m_toSkip = 0; // before the next record
    qint64 m_lastNs = 0;
    quint64 m_lost = 0;
    std::vector<Interface> m_interfaces;
};

} // namespace slipway
