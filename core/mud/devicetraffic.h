#pragma once
// What one device did in a capture: its flows, the names it asked for and what they led to, what it said about itself,
// and what the network told it. TrafficRecorder takes packets one by one and keeps nothing of them but what a DNS
// message over TCP, a TLS ClientHello or the head of an HTTP request still lacks; memory is bounded by the number of
// flows (262144), names and such pieces (256 of at most 64 KiB).
//
// Which packets are the device's: frames with its MAC address; where a capture holds no such addresses (raw IP) or only
// the sender's (Linux cooked), those of the IP addresses given or learnt from the frames it sent. Group traffic
// (multicast, broadcast) of others is not the device's doing and only read for names and facts.
//
// Who began: for TCP the sender of SYN (RFC 9293 section 3.5), unknown where the capture does not hold it; otherwise
// the sender of the first packet.

#include "core/codec/networkhints.h"
#include "core/codec/packetdecode.h"
#include "core/mud/nametable.h"

#include <QHash>
#include <QMap>

#include <array>
#include <limits>
#include <vector>

namespace slipway {

struct TrafficFlow {
    enum class Initiator : quint8 { Unknown, Device, Peer };

    IpAddress device, peer; // none where it is no IP
    quint64 peerMac = 0;    // 0: not in the capture; of a router where the peer is beyond one
    quint16 etherType = 0;
    quint8 protocol = 0;
    bool group = false;                   // sent to a group or to all
    bool portsKnown = false;              // or the ICMP type; false for fragments whose first one is missing
    quint16 devicePort = 0, peerPort = 0; // TCP, UDP
    quint8 icmpType = 0, icmpCode = 0;    // ICMP; a flow holds one direction there
    Initiator initiator = Initiator::Unknown;
    quint8 fromTcpFlags = 0, toTcpFlags = 0; // all seen
    quint8 looked = 0;                       // payloads searched for names
    bool quic = false;
    quint64 fromPackets = 0, toPackets = 0; // from and to the device
    quint64 fromBytes = 0, toBytes = 0;     // on the wire, with headers
    qint64 firstNs = std::numeric_limits<qint64>::max(), lastNs = 0;
    QByteArray askedFor; // TLS server name or HTTP host, the device's own word

    bool isIp() const { return etherType == quint16(EtherType::Ipv4) || etherType == quint16(EtherType::Ipv6); }
    bool isTcp() const { return isIp() && IpProtocol(protocol) == IpProtocol::Tcp; }
    bool isUdp() const { return isIp() && IpProtocol(protocol) == IpProtocol::Udp; }
    bool isIcmp() const
    {
        return isIp() && (IpProtocol(protocol) == IpProtocol::Icmp || IpProtocol(protocol) == IpProtocol::Icmp6);
    }
    // The port that stands for the service: that of the side which did not begin.
    quint16 servicePort() const;
    // Whether a device that was spoken to gave an answer other than a refusal (TCP RST).
    bool deviceAnswered() const;
    // "TCP", "UDP", "ICMP", "IPv6 protocol 47", "EtherType 0x88e1"
    QString protocolText() const;
};

struct AskedName { // by the device, of a DNS server
    quint64 count = 0;
    qint64 firstNs = 0;
    bool answered = false;    // with an address or alias
    bool onlyMissing = false; // every answer was that there is no such name
};

struct DeviceTraffic {
    static constexpr size_t MaximumFlows = 262144;
    static constexpr qsizetype MaximumNames = 65536;

    std::vector<TrafficFlow> flows; // in the order in which they began
    NameTable names;
    QMap<QByteArray, AskedName> asked;

    // What the device sends of itself, each once. "dhcp", "dhcp6", "lldp" to the MUD URL as sent.
    QMap<QString, QByteArray> mudUrls;
    QByteArray hostName;
    QList<IpAddress> addresses; // of the device
    // What the network told it.
    QList<IpAddress> routers, dnsServers, ntpServers;
    QList<IpPrefix> prefixes; // of its own networks
    // MUD URLs of other Things in the capture, by their MAC address.
    QMap<quint64, QByteArray> otherThings;

    quint64 packets = 0, bytes = 0; // of the capture, as on the wire
    quint64 devicePackets = 0;
    quint64 damaged = 0;    // packets with a header that cannot be read
    quint64 unfollowed = 0; // packets of the device beyond MaximumFlows
    quint64 lost = 0;       // by the capture
    qint64 firstNs = 0, lastNs = 0;
    QString remark;                 // of the source
    QMap<quint64, quint64> senders; // some MAC addresses that sent, with their packets

    double seconds() const { return double(lastNs - firstNs) / 1e9; }
};

class TrafficRecorder
{
public:
    struct Device {
        std::optional<quint64> mac;
        QList<IpAddress> addresses;
        // A MAC or an IP address. Throws mud.device.
        static Device parse(const QString &text);
    };

    explicit TrafficRecorder(const Device &device);
    void take(const CapturedPacket &packet);
    // Takes all that the source has, until its end; progress counts nothing. Throws capture.*, base.stopped.
    void takeAll(PacketSource &source, const Task &task);
    // Asks a source that was read by hand what it lost.
    void endOf(const PacketSource &source);
    const DeviceTraffic &soFar() const { return m_traffic; }
    DeviceTraffic finish();

private:
    enum class Side { Neither, From, To };
    Side sideOf(const DecodedPacket &packet);
    TrafficFlow *flowOf(const DecodedPacket &packet, Side side);
    void resolveFragment(DecodedPacket &packet);
    void grow();
    void readContent(const DecodedPacket &packet, Side side, TrafficFlow *flow, qint64 atNs);
    struct Stream { // of one direction of a TCP connection, in order
        QByteArray bytes;
        quint32 next = 0;                            // sequence number behind them
        QList<std::pair<quint32, QByteArray>> ahead; // came too early, with their sequence numbers
        qint64 atNs = 0;
    };
    void readStream(const DecodedPacket &packet, Side side, TrafficFlow &flow, qint64 atNs);
    // How much of it is done with; -1: all, and nothing of the stream is wanted any more.
    qsizetype readPart(QByteArrayView bytes, bool dns, bool from, TrafficFlow &flow, qint64 atNs);
    quint64 streamOf(const TrafficFlow &flow, bool from) const;
    void readDns(QByteArrayView payload, bool fromDevice, bool toDevice, bool multicast, qint64 atNs);
    void readDhcp(const DhcpFacts &facts, const char *name, const DecodedPacket &packet, Side side);

    Device m_device;
    DeviceTraffic m_traffic;
    struct Place {
        quint32 flow = 0; // place in flows + 1, 0: free
        quint32 tag = 0;  // of its hash, so that few flows are looked at in vain
    };
    std::vector<Place> m_table; // open addressing
    IpAddress m_lastSource;     // of the device
    struct Fragment {
        quint64 key = 0;
        quint16 sourcePort = 0, destinationPort = 0; // or ICMP type and code
    };
    std::array<Fragment, 256> m_fragments{};
    QHash<quint64, Stream> m_streams; // by place in flows and direction
};

} // namespace slipway
