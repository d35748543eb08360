#pragma once
// What devices say about themselves and the network in the protocols that every network has: the name asked for in a
// TLS ClientHello (RFC 6066) or an HTTP request, whether a datagram is QUIC (RFC 9000), DHCPv4 (RFC 2131, 2132) and
// DHCPv6 (RFC 8415) with the MUD URL (RFC 8520 section 10), router advertisements (RFC 4861, 8106), LLDP with the MUD
// URL (IEEE 802.1AB; RFC 8520 section 12). Pure functions over the payload of one packet; what is damaged or cut gives
// what stands before. Texts are printable ASCII, everything else is "?".

#include "core/codec/ipaddress.h"

#include <QByteArray>

#include <optional>

namespace slipway {

// Lower case; empty: none, or not to be seen in this segment.
QByteArray tlsServerName(QByteArrayView payload);
QByteArray httpHost(QByteArrayView payload); // without the port
// Whether this is the beginning of a TLS ClientHello or of an HTTP request of which more is to come.
bool isCutBeginning(QByteArrayView payload);
bool isQuicLongHeader(QByteArrayView payload);

struct DhcpFacts {
    bool reply = false; // from a server
    quint64 client = 0; // DHCPv4: the client's MAC address
    IpAddress assigned;
    int prefix = -1; // bits of the subnet mask, -1: none
    QList<IpAddress> routers, dnsServers, ntpServers;
    QByteArray hostName;
    QByteArray mudUrl; // as sent, up to the first space
};
std::optional<DhcpFacts> dhcp4(QByteArrayView payload);
std::optional<DhcpFacts> dhcp6(QByteArrayView payload);

struct RouterFacts {
    QList<IpPrefix> prefixes; // on-link
    QList<IpAddress> dnsServers;
};
std::optional<RouterFacts> routerAdvertisement(QByteArrayView icmpBody); // behind type, code and checksum

// The MUD URL that an LLDP frame carries, empty where it carries none.
QByteArray lldpMudUrl(QByteArrayView frame);

} // namespace slipway
