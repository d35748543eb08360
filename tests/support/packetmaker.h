#pragma once
// Packets and captures for tests, built from the documents: Ethernet II, 802.1Q, IPv4, IPv6, TCP, UDP, ICMP, DNS; pcap
// and pcapng in either byte order.

#include "core/codec/ipaddress.h"

#include <QByteArray>
#include <QtEndian>

#include <utility>
#include <vector>

namespace slipway::test {

template <typename T> QByteArray big(T value)
{
    QByteArray bytes(sizeof(T), '\0');
    qToBigEndian(value, bytes.data());
    return bytes;
}

template <typename T> QByteArray ordered(T value, bool bigEndian)
{
    QByteArray bytes(sizeof(T), '\0');
    bigEndian ? qToBigEndian(value, bytes.data()) : qToLittleEndian(value, bytes.data());
    return bytes;
}

inline QByteArray macBytes(quint64 mac)
{
    return big<quint64>(mac).mid(2);
}

inline IpAddress ip(const char *text)
{
    return *IpAddress::parse(QString::fromLatin1(text));
}

inline QByteArray ipBytes(const IpAddress &address)
{
    const QByteArray all(reinterpret_cast<const char *>(address.bytes().data()), 16);
    return address.isV4() ? all.mid(12) : all;
}

inline QByteArray ethernet(quint64 to, quint64 from, quint16 type, const QByteArray &body)
{
    return macBytes(to) + macBytes(from) + big(type) + body;
}

// fragment: flags and offset of IPv4. options: multiple of four bytes.
inline QByteArray ipPacket(const IpAddress &from, const IpAddress &to, quint8 protocol, const QByteArray &body,
                           quint16 fragment = 0, const QByteArray &options = {}, quint16 id = 7)
{
    if (!from.isV4())
        return big<quint32>(0x60000000) + big(quint16(body.size())) + char(protocol) + char(64) + ipBytes(from) +
               ipBytes(to) + body;
    const qsizetype header = 20 + options.size();
    return QByteArray(1, char(0x40 | header / 4)) + '\0' + big(quint16(header + body.size())) + big(id) +
           big(fragment) + char(64) + char(protocol) + big<quint16>(0) + ipBytes(from) + ipBytes(to) + options + body;
}

inline QByteArray udp(quint16 from, quint16 to, const QByteArray &body)
{
    return big(from) + big(to) + big(quint16(8 + body.size())) + big<quint16>(0) + body;
}

inline QByteArray tcp(quint16 from, quint16 to, quint8 flags, const QByteArray &body = {}, quint32 sequence = 1,
                      quint32 acknowledged = 1)
{
    return big(from) + big(to) + big(sequence) + big(acknowledged) + char(0x50) + char(flags) + big<quint16>(1024) +
           big<quint32>(0) + body;
}

inline QByteArray icmp(quint8 type, quint8 code = 0)
{
    return QByteArray(1, char(type)) + char(code) + big<quint16>(0) + big<quint32>(1);
}

inline QByteArray dnsName(const QByteArray &name)
{
    QByteArray bytes;
    for (const QByteArray &label : name.split('.'))
        bytes += char(label.size()) + label;
    return bytes + '\0';
}

inline QByteArray dnsQuery(const QByteArray &name, quint16 type = 1)
{
    return big<quint16>(0x1234) + big<quint16>(0x0100) + big<quint16>(1) + QByteArray(6, '\0') + dnsName(name) +
           big(type) + big<quint16>(1);
}

struct DnsRecord {
    QByteArray name;
    quint16 type = 1;
    quint32 ttl = 60;
    QByteArray data;
};

inline QByteArray dnsAnswer(const QByteArray &name, const std::vector<DnsRecord> &records, int code = 0)
{
    QByteArray bytes = big<quint16>(0x1234) + big(quint16(0x8180 | code)) + big<quint16>(1) +
                       big(quint16(records.size())) + QByteArray(4, '\0') + dnsName(name) + big<quint16>(1) +
                       big<quint16>(1);
    for (const DnsRecord &record : records)
        bytes += (record.name.isEmpty() ? QByteArray("\xc0\x0c", 2) : dnsName(record.name)) + big(record.type) +
                 big<quint16>(1) + big(record.ttl) + big(quint16(record.data.size())) + record.data;
    return bytes;
}

inline DnsRecord addressRecord(const IpAddress &address, quint32 ttl = 60, const QByteArray &name = {})
{
    return {name, quint16(address.isV4() ? 1 : 28), ttl, ipBytes(address)};
}

// A TLS ClientHello with a server name.
inline QByteArray clientHello(const QByteArray &name)
{
    const QByteArray entry = QByteArray(1, '\0') + big(quint16(name.size())) + name;
    const QByteArray list = big(quint16(entry.size())) + entry;
    const QByteArray extension = big<quint16>(0) + big(quint16(list.size())) + list;
    const QByteArray other = big<quint16>(0x2b) + big<quint16>(3) + QByteArray("\2\3\4", 3);
    const QByteArray hello = QByteArray("\3\3", 2) + QByteArray(32, 'r') + '\0' + big<quint16>(2) +
                             QByteArray("\x13\x01", 2) + '\1' + '\0' + big(quint16(other.size() + extension.size())) +
                             other + extension;
    const QByteArray handshake = QByteArray("\1\0", 2) + big(quint16(hello.size())) + hello;
    return QByteArray("\x16\3\1", 3) + big(quint16(handshake.size())) + handshake;
}

// A capture in the making.
class PcapMaker
{
public:
    explicit PcapMaker(quint32 link = 1, bool bigEndian = false, bool nano = false)
        : m_big(bigEndian), m_nano(nano),
          m_bytes(u32(nano ? 0xa1b23c4d : 0xa1b2c3d4) + u16(2) + u16(4) + u32(0) + u32(0) + u32(262144) + u32(link))
    {}
    void add(qint64 atNs, const QByteArray &packet, int cutTo = -1)
    {
        const QByteArray kept = cutTo < 0 ? packet : packet.left(cutTo);
        m_bytes += u32(quint32(atNs / 1'000'000'000)) + u32(quint32(atNs % 1'000'000'000 / (m_nano ? 1 : 1000))) +
                   u32(quint32(kept.size())) + u32(quint32(packet.size())) + kept;
    }
    const QByteArray &bytes() const { return m_bytes; }

private:
    QByteArray u16(quint16 value) const { return ordered(value, m_big); }
    QByteArray u32(quint32 value) const { return ordered(value, m_big); }
    bool m_big, m_nano;
    QByteArray m_bytes;
};

class PcapNgMaker
{
public:
    explicit PcapNgMaker(bool bigEndian = false) : m_big(bigEndian) { section(); }
    void section() { block(0x0a0d0d0a, u32(0x1a2b3c4d) + u16(1) + u16(0) + ordered<quint64>(~quint64(0), m_big)); }
    void interface(quint16 link, const QByteArray &options = {}, quint32 snapLength = 0)
    {
        block(1, u16(link) + u16(0) + u32(snapLength) + options);
    }
    QByteArray option(quint16 code, const QByteArray &value) const
    {
        return u16(code) + u16(quint16(value.size())) + value + QByteArray((4 - value.size() % 4) % 4, '\0');
    }
    void enhanced(quint32 interface, quint64 ticks, const QByteArray &packet)
    {
        block(6, u32(interface) + u32(quint32(ticks >> 32)) + u32(quint32(ticks)) + u32(quint32(packet.size())) +
                     u32(quint32(packet.size())) + packet);
    }
    void simple(const QByteArray &packet) { block(3, u32(quint32(packet.size())) + packet); }
    void block(quint32 type, QByteArray body)
    {
        body += QByteArray((4 - body.size() % 4) % 4, '\0');
        const quint32 length = quint32(body.size() + 12);
        m_bytes += u32(type) + u32(length) + body + u32(length);
    }
    void setOrder(bool bigEndian) { m_big = bigEndian; }
    bool isBig() const { return m_big; }
    const QByteArray &bytes() const { return m_bytes; }

private:
    QByteArray u16(quint16 value) const { return ordered(value, m_big); }
    QByteArray u32(quint32 value) const { return ordered(value, m_big); }
    bool m_big;
    QByteArray m_bytes;
};

} // namespace slipway::test
