#include "core/codec/packetdecode.h"

#include <QtEndian>

namespace slipway {

namespace {

constexpr int mostTags = 4;
constexpr int mostExtensions = 8;

quint16 be16(QByteArrayView bytes, qsizetype at)
{
    return qFromBigEndian<quint16>(bytes.data() + at);
}

quint32 be32(QByteArrayView bytes, qsizetype at)
{
    return qFromBigEndian<quint32>(bytes.data() + at);
}

quint64 mac(QByteArrayView bytes, qsizetype at)
{
    return quint64(be16(bytes, at)) << 32 | be32(bytes, at + 2);
}

void transport(QByteArrayView bytes, DecodedPacket &packet)
{
    packet.payload = bytes;
    if (packet.fragment && !packet.firstFragment)
        return;
    switch (IpProtocol(packet.protocol)) {
    case IpProtocol::Tcp: {
        if (bytes.size() < 20) {
            packet.damaged = true;
            return;
        }
        const qsizetype header = quint8(bytes[12]) / 16 * 4;
        packet.hasPorts = true;
        packet.sourcePort = be16(bytes, 0);
        packet.destinationPort = be16(bytes, 2);
        packet.tcpSequence = be32(bytes, 4);
        packet.tcpFlags = quint8(bytes[13]);
        packet.damaged = header < 20 || header > bytes.size();
        packet.payload = packet.damaged ? QByteArrayView() : bytes.sliced(header);
        return;
    }
    case IpProtocol::Udp: {
        if (bytes.size() < 8) {
            packet.damaged = true;
            return;
        }
        packet.hasPorts = true;
        packet.sourcePort = be16(bytes, 0);
        packet.destinationPort = be16(bytes, 2);
        const qsizetype length = be16(bytes, 4); // 0: a jumbogram's
        packet.damaged = length != 0 && length < 8;
        packet.payload = packet.damaged ? QByteArrayView() : bytes.sliced(8);
        if (length >= 8 && length - 8 < packet.payload.size())
            packet.payload = packet.payload.first(length - 8);
        return;
    }
    case IpProtocol::Icmp:
    case IpProtocol::Icmp6:
        if (bytes.size() < 4) {
            packet.damaged = true;
            return;
        }
        packet.hasIcmp = true;
        packet.icmpType = quint8(bytes[0]);
        packet.icmpCode = quint8(bytes[1]);
        packet.payload = bytes.sliced(4);
        return;
    default:
        return;
    }
}

void ipv4(QByteArrayView bytes, DecodedPacket &packet)
{
    if (bytes.size() < 20 || quint8(bytes[0]) >> 4 != 4) {
        packet.damaged = true;
        return;
    }
    const qsizetype header = (quint8(bytes[0]) & 0x0f) * 4;
    packet.isIp = true;
    packet.source = IpAddress::fromV4(bytes.data() + 12);
    packet.destination = IpAddress::fromV4(bytes.data() + 16);
    packet.protocol = quint8(bytes[9]);
    const quint16 fragment = be16(bytes, 6);
    packet.fragment = (fragment & 0x3fff) != 0;
    packet.firstFragment = packet.fragment && (fragment & 0x1fff) == 0;
    packet.fragmentId = be16(bytes, 4);
    qsizetype total = be16(bytes, 2); // 0: cut up by the network card
    if (total == 0)
        total = bytes.size();
    if (header < 20 || header > bytes.size() || total < header) {
        packet.damaged = true;
        return;
    }
    transport(bytes.first(std::min(total, bytes.size())).sliced(header), packet);
}

void ipv6(QByteArrayView bytes, DecodedPacket &packet)
{
    if (bytes.size() < 40 || quint8(bytes[0]) >> 4 != 6) {
        packet.damaged = true;
        return;
    }
    packet.isIp = true;
    packet.source = IpAddress::fromV6(bytes.data() + 8);
    packet.destination = IpAddress::fromV6(bytes.data() + 24);
    quint8 next = quint8(bytes[6]);
    const qsizetype length = be16(bytes, 4);
    QByteArrayView rest = bytes.sliced(40);
    if (length != 0 && length < rest.size()) // 0: a jumbogram, or cut up by the network card
        rest = rest.first(length);
    for (int i = 0;; ++i) {
        packet.protocol = next;
        const bool extension = next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
        if (!extension)
            break;
        if (i == mostExtensions || rest.size() < 8) {
            packet.damaged = true;
            return;
        }
        const quint8 following = quint8(rest[0]);
        qsizetype size = (quint8(rest[1]) + 1) * 8;
        if (next == 44) {
            const quint16 offset = be16(rest, 2);
            packet.fragment = (offset & 0xfff9) != 0;
            packet.firstFragment = packet.fragment && (offset & 0xfff8) == 0;
            packet.fragmentId = be32(rest, 4);
            size = 8;
        } else if (next == 51) {
            size = (quint8(rest[1]) + 2) * 4;
        }
        if (size > rest.size()) {
            packet.damaged = true;
            return;
        }
        rest = rest.sliced(size);
        next = following;
        if (packet.fragment && !packet.firstFragment) {
            packet.protocol = next;
            break;
        }
    }
    transport(rest, packet);
}

void network(QByteArrayView bytes, DecodedPacket &packet)
{
    for (int i = 0; i < mostTags; ++i) {
        const auto type = EtherType(packet.etherType);
        if (type != EtherType::Vlan && type != EtherType::ServiceVlan)
            break;
        if (bytes.size() < 4) {
            packet.damaged = true;
            return;
        }
        packet.vlan = quint16(be16(bytes, 0) & 0x0fff);
        packet.etherType = be16(bytes, 2);
        bytes = bytes.sliced(4);
    }
    switch (EtherType(packet.etherType)) {
    case EtherType::Ipv4:
        ipv4(bytes, packet);
        break;
    case EtherType::Ipv6:
        ipv6(bytes, packet);
        break;
    default:
        packet.payload = bytes;
        if (packet.etherType < 0x600)
            packet.etherType = 0; // a length
        break;
    }
}

} // namespace

bool decodePacket(LinkType link, QByteArrayView bytes, DecodedPacket &packet)
{
    packet = DecodedPacket();
    switch (link) {
    case LinkType::Ethernet:
        if (bytes.size() < 14)
            return false;
        packet.hasDestinationMac = packet.hasSourceMac = true;
        packet.destinationMac = mac(bytes, 0);
        packet.sourceMac = mac(bytes, 6);
        packet.etherType = be16(bytes, 12);
        network(bytes.sliced(14), packet);
        return true;
    case LinkType::LinuxSll:
        if (bytes.size() < 16)
            return false;
        packet.outgoing = be16(bytes, 0) == 4;
        packet.hasSourceMac = be16(bytes, 2) == 1 && be16(bytes, 4) == 6;
        packet.sourceMac = packet.hasSourceMac ? mac(bytes, 6) : 0;
        packet.etherType = be16(bytes, 14);
        network(bytes.sliced(16), packet);
        return true;
    case LinkType::LinuxSll2:
        if (bytes.size() < 20)
            return false;
        packet.outgoing = bytes[10] == 4;
        packet.hasSourceMac = be16(bytes, 8) == 1 && bytes[11] == 6;
        packet.sourceMac = packet.hasSourceMac ? mac(bytes, 12) : 0;
        packet.etherType = be16(bytes, 0);
        network(bytes.sliced(20), packet);
        return true;
    case LinkType::Raw:
    case LinkType::RawAix:
    case LinkType::RawBsd:
    case LinkType::Ipv4:
    case LinkType::Ipv6:
        if (bytes.isEmpty())
            return false;
        packet.etherType = quint16(quint8(bytes[0]) >> 4 == 6 ? EtherType::Ipv6 : EtherType::Ipv4);
        network(bytes, packet);
        return packet.isIp;
    }
    return false;
}

} // namespace slipway
