#pragma once
// The forms in which a device or its label tells its MUD URL, built and read: DHCPv4 option 161 and DHCPv6 option 112
// (RFC 8520 section 10), LLDP's TLV (RFC 8520 section 12, IEEE 802.1AB), and the SQRL text of a QR code (RFC 9238). The
// certificate extension is MudUrl's own. Reading throws mud.emission with the reason, and mud.url.

#include "core/mud/mudurl.h"

#include <QByteArray>
#include <QString>

namespace slipway {

// Code, length and MUDstring. Throws mud.emission for a URL that does not fit 255 octets; MudUrl sees to that.
QByteArray mudDhcp4Option(const MudUrl &url);
QByteArray mudDhcp6Option(const MudUrl &url);
// The content of either option: the URL, and behind a space what is reserved and not read.
MudUrl mudUrlFromDhcp(const QByteArray &content);

// The organizationally specific TLV with its head: type 127, OUI 00-00-5E, subtype 1.
QByteArray mudLldpTlv(const MudUrl &url);
MudUrl mudUrlFromLldp(const QByteArray &tlv);

struct MudLabel {
    QString company, product, model; // printable US-ASCII; product may be empty
    QString mac;                     // 12 or 16 hex digits; may be empty
    MudUrl url;
};
// Throws mud.emission: what is no US-ASCII, a URL with a query.
QByteArray mudLabelText(const MudLabel &label);
// What a scanner gave: the text of RFC 9238, or the URL alone. A query is cut off, as the RFC has it.
MudLabel mudLabelFrom(const QString &scanned);

} // namespace slipway
