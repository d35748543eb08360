#pragma once
// A MUD URL (RFC 8520 sections 2, 3.1 and 11; absolute-URI of RFC 3986 section 4.3): https, a host, no user
// information, no fragment, ASCII, at most 255 octets so that DHCP and LLDP can carry it as well. Kept byte for byte as
// given: two MUD URLs are the same when their octets are. Also its X.509 form, id-pe-mud-url (1.3.6.1.5.5.7.1.25).
// Throws mud.url with the reason.

#include <QByteArray>
#include <QString>

namespace slipway {

class MudUrl
{
public:
    static constexpr qsizetype MaximumOctets = 255;
    static constexpr const char *ExtensionOid = "1.3.6.1.5.5.7.1.25";

    static MudUrl parse(const QString &text);
    // Why it is none, as a clause ("it has a fragment"); "" when it is one.
    static QString whyNot(const QString &text);

    QString text() const { return QString::fromLatin1(m_octets); }
    QByteArray octets() const { return m_octets; }
    QString authority() const; // "mud.example", "mud.example:8443": what `manufacturer` and `same-manufacturer` compare

    // The extension's value: IA5String (16 LL ...), DER. The extension wraps it in an OCTET STRING.
    QByteArray extensionValue() const;
    // Strict: exactly one IA5String in DER, nothing behind it, and a MUD URL inside.
    static MudUrl fromExtensionValue(const QByteArray &der);

private:
    QByteArray m_octets;
};

} // namespace slipway
