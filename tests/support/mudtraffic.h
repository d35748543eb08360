#pragma once
// Traffic of one device for tests of MUD conformance: a device, a router, peers; packets go straight to the recorder.

#include "core/mud/mudauthor.h"
#include "tests/support/packetmaker.h"

namespace slipway::test {

class Bed
{
public:
    static constexpr quint64 device = 0x020000000001;
    static constexpr quint64 router = 0x0200000000fe;
    IpAddress here = ip("192.168.7.55");
    IpAddress here6 = ip("fd00:7::55");
    qint64 now = 1'700'000'000'000'000'000;

    Bed() : recorder({device, {}}) {}

    void frame(const QByteArray &bytes)
    {
        now += 1'000'000; // a millisecond
        pcap.add(now, bytes);
        recorder.take({now, LinkType::Ethernet, bytes, quint32(bytes.size())});
    }
    void packet(bool fromDevice, const IpAddress &peer, quint8 protocol, const QByteArray &body, quint16 fragment = 0)
    {
        if (!fromDevice && peer.isMulticast())
            return; // a group sends nothing
        const IpAddress own = peer.isV4() ? here : here6;
        const quint64 other = peer.isMulticast() ? 0x01005e000001 : router;
        frame(ethernet(fromDevice ? other : device, fromDevice ? device : router, peer.isV4() ? 0x0800 : 0x86dd,
                       fromDevice ? ipPacket(own, peer, protocol, body, fragment)
                                  : ipPacket(peer, own, protocol, body, fragment)));
    }
    // A connection of a few packets; the device's port where it opens it is `port`.
    void tcpOut(const IpAddress &peer, quint16 to, quint16 port = 40000, const QByteArray &said = "hello")
    {
        packet(true, peer, 6, tcp(port, to, TcpSyn));
        packet(false, peer, 6, tcp(to, port, TcpSyn | TcpAck));
        packet(true, peer, 6, tcp(port, to, TcpAck, said));
        packet(false, peer, 6, tcp(to, port, TcpAck, "answer"));
    }
    void tcpIn(const IpAddress &peer, quint16 service, bool taken, quint16 port = 50000)
    {
        packet(false, peer, 6, tcp(port, service, TcpSyn));
        packet(true, peer, 6, tcp(service, port, taken ? TcpSyn | TcpAck : TcpRst | TcpAck));
        if (taken)
            packet(false, peer, 6, tcp(port, service, TcpAck, "request"));
    }
    void udpOut(const IpAddress &peer, quint16 to, quint16 port = 41000, bool answered = true)
    {
        packet(true, peer, 17, udp(port, to, "request"));
        if (answered)
            packet(false, peer, 17, udp(to, port, "answer"));
    }
    void dns(const QByteArray &name, const std::vector<DnsRecord> &records, int code = 0,
             const IpAddress &server = ip("192.168.7.1"))
    {
        packet(true, server, 17, udp(42000, 53, dnsQuery(name)));
        packet(false, server, 17, udp(53, 42000, dnsAnswer(name, records, code)));
    }
    void resolve(const QByteArray &name, const IpAddress &address, quint32 ttl = 60)
    {
        dns(name, {addressRecord(address, ttl)});
    }
    // A connection of the device in segments, each from..to of what is sent in that direction; the order is that on the
    // wire.
    struct Segment {
        bool fromDevice = true;
        qsizetype from = 0, to = 0;
    };
    void segments(const IpAddress &peer, quint16 to, const QByteArray &sent, const QByteArray &received,
                  const std::vector<Segment> &order, quint16 port = 43000, bool opened = true)
    {
        constexpr quint32 ours = 0xfffffff0, theirs = 0x7ffffff0; // so that numbers go round
        quint32 weSent = ours, theySent = theirs;                 // up to here
        if (opened) {
            packet(true, peer, 6, tcp(port, to, TcpSyn, {}, ours - 1, 0));
            packet(false, peer, 6, tcp(to, port, TcpSyn | TcpAck, {}, theirs - 1, ours));
        }
        for (const Segment &one : order) {
            const QByteArray body = (one.fromDevice ? sent : received).mid(one.from, one.to - one.from);
            const quint32 sequence = (one.fromDevice ? ours : theirs) + quint32(one.from);
            packet(one.fromDevice, peer, 6,
                   one.fromDevice ? tcp(port, to, TcpAck, body, sequence, theySent)
                                  : tcp(to, port, TcpAck, body, sequence, weSent));
            (one.fromDevice ? weSent : theySent) = sequence + quint32(body.size());
        }
    }
    // What a DHCP server tells: router and DNS server 192.168.7.1, mask /24, perhaps an NTP server. byDevice: the
    // device pretends to be one.
    void dhcp(bool ntp = false, bool byDevice = false, const QByteArray &mask = QByteArray("\xff\xff\xff\0", 4))
    {
        QByteArray body = QByteArray("\2\1\6\0", 4) + QByteArray(12, '\0') + ipBytes(here) + QByteArray(8, '\0') +
                          macBytes(device) + QByteArray(202, '\0') + big<quint32>(0x63825363);
        const QByteArray server = ipBytes(ip("192.168.7.1"));
        body += "\1\4" + mask + "\3\4" + server + "\6\4" + server;
        if (ntp)
            body += "\x2a\4" + server;
        packet(byDevice, ip("192.168.7.1"), 17, udp(67, 68, body + '\xff'));
    }
    DeviceTraffic traffic() { return recorder.finish(); }

    TrafficRecorder recorder;
    PcapMaker pcap;
};

inline MudFile mudFile(const QStringList &peers, const QString &url = QStringLiteral("https://mud.example/t1.json"))
{
    MudProduct product;
    product.mudUrl = url;
    product.lastUpdate = QDateTime::fromSecsSinceEpoch(1'700'000'000, Qt::UTC);
    product.systeminfo = QStringLiteral("A thermostat");
    QList<MudPeer> list;
    for (const QString &peer : peers)
        list << MudPeer::parse(peer);
    return MudFile::parse(authorMudFile(product, list).json);
}

} // namespace slipway::test
