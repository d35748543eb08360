#pragma once
// What one captured packet says about who talks to whom: Ethernet with 802.1Q/802.1ad tags, Linux cooked captures, raw
// IP; ARP, IPv4 with options and fragments (RFC 791), IPv6 with extension headers (RFC 8200, at most 8 of them), TCP,
// UDP, ICMP. Views into the packet, no copy and no allocation. Checksums are not looked at: network cards fill them in
// after the capture.

#include "core/codec/ipaddress.h"
#include "core/codec/packetsource.h"

namespace slipway {

enum class EtherType : quint16 {
    None = 0, // raw IP, or a frame with a length (IEEE 802.3)
    Ipv4 = 0x0800,
    Arp = 0x0806,
    Vlan = 0x8100,
    Ipv6 = 0x86dd,
    ServiceVlan = 0x88a8,
    Eapol = 0x888e,
    Lldp = 0x88cc,
};

enum class IpProtocol : quint8 { HopByHop = 0, Icmp = 1, Igmp = 2, Tcp = 6, Udp = 17, Icmp6 = 58 };

enum TcpFlag : quint8 { TcpFin = 1, TcpSyn = 2, TcpRst = 4, TcpAck = 16 };

struct DecodedPacket {
    // Link layer. Cooked captures hold only the sender's address, raw ones none.
    bool hasSourceMac = false, hasDestinationMac = false;
    quint64 sourceMac = 0, destinationMac = 0; // 48 bits
    bool outgoing = false;                     // cooked captures: sent by the capturing computer
    quint16 etherType = 0;
    std::optional<quint16> vlan; // the inner tag's

    // Network layer.
    bool isIp = false;
    IpAddress source, destination;
    quint8 protocol = 0; // behind IPv6's extension headers
    bool fragment = false, firstFragment = false;
    quint32 fragmentId = 0;

    // Transport layer, where it is there: not in a fragment that is not the first.
    bool hasPorts = false;
    quint16 sourcePort = 0, destinationPort = 0;
    quint8 tcpFlags = 0;
    quint32 tcpSequence = 0; // of the first byte of payload; of SYN, where that is set
    bool hasIcmp = false;
    quint8 icmpType = 0, icmpCode = 0;

    // Behind the last header understood: of TCP, UDP, ICMP; the whole of ARP, LLDP.
    QByteArrayView payload;
    bool damaged = false; // a header is cut off or contradicts itself; what stands above it is right

    bool isGroup() const { return hasDestinationMac ? (destinationMac >> 40 & 1) != 0 : destination.isMulticast(); }
};

// False where not even the link layer can be read.
bool decodePacket(LinkType link, QByteArrayView bytes, DecodedPacket &packet);

} // namespace slipway
