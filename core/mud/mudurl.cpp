#include "core/mud/mudurl.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/ipaddress.h"

#include <cctype>

namespace slipway {

namespace {

bool isUnreserved(char c)
{
    return std::isalnum(quint8(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool isSubDelimiter(char c)
{
    return c != '\0' && QByteArrayView("!$&'()*+,;=").contains(c);
}

// RFC 3986 section 3.3 pchar, plus the characters allowed besides. "" or the reason.
QString badText(QByteArrayView text, QByteArrayView besides, const char *where)
{
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || !std::isxdigit(quint8(text[i + 1])) || !std::isxdigit(quint8(text[i + 2])))
                return QStringLiteral("a percent sign in its %1 is not followed by two hex digits")
                    .arg(QLatin1String(where));
            i += 2;
        } else if (!isUnreserved(c) && !isSubDelimiter(c) && c != ':' && c != '@' && !besides.contains(c)) {
            return QStringLiteral("its %1 contains \"%2\"").arg(QLatin1String(where), QChar::fromLatin1(c));
        }
    }
    return {};
}

QString badHost(QByteArrayView host)
{
    if (host.isEmpty())
        return QStringLiteral("it names no host");
    if (host.startsWith('[')) {
        if (!host.endsWith(']') || host.size() < 4)
            return QStringLiteral("its IPv6 address has no closing bracket");
        for (const char c : host.sliced(1, host.size() - 2)) {
            if (!std::isxdigit(quint8(c)) && c != ':' && c != '.')
                return QStringLiteral("its IPv6 address is none");
        }
        const auto address = IpAddress::parse(QString::fromLatin1(host.sliced(1, host.size() - 2)));
        return address && host.contains(':') ? QString() : QStringLiteral("its IPv6 address is none");
    }
    for (const char c : host) {
        if (!isUnreserved(c))
            return QStringLiteral("its host contains \"%1\"").arg(QChar::fromLatin1(c));
    }
    if (host.startsWith('.') || host.startsWith('-') || host.contains(".."))
        return QStringLiteral("its host \"%1\" is no name").arg(QString::fromLatin1(host));
    return {};
}

QString badAuthority(QByteArrayView authority)
{
    if (authority.contains('@'))
        return QStringLiteral("it has user information before the host");
    QByteArrayView host = authority;
    const qsizetype colon = authority.lastIndexOf(':');
    if (colon >= 0 && colon > authority.lastIndexOf(']')) {
        host = authority.first(colon);
        const QByteArrayView port = authority.sliced(colon + 1);
        bool number = false;
        const uint value = QByteArray(port.data(), port.size()).toUInt(&number);
        if (!number || value == 0 || value > 65535 || !std::isdigit(quint8(port[0])))
            return QStringLiteral("its port is no number from 1 to 65535");
    }
    return badHost(host);
}

QString why(const QByteArray &octets)
{
    static constexpr QByteArrayView scheme("https://");
    const qsizetype colon = octets.indexOf(':');
    if (octets.left(scheme.size()).toLower() != scheme) {
        if (colon > 0 && octets.mid(colon, 3) == "://")
            return QStringLiteral("its scheme is \"%1\", not https").arg(QString::fromLatin1(octets.left(colon)));
        return QStringLiteral("it does not begin with https://");
    }
    if (octets.size() > MudUrl::MaximumOctets)
        return QStringLiteral("it has %1 octets, and DHCP and LLDP carry at most %2")
            .arg(octets.size())
            .arg(MudUrl::MaximumOctets);
    if (octets.contains('#'))
        return QStringLiteral("it has a fragment (#)");
    const QByteArrayView rest = QByteArrayView(octets).sliced(scheme.size());
    qsizetype authorityEnd = rest.size();
    for (const char c : {'/', '?'}) {
        const qsizetype at = rest.indexOf(c);
        if (at >= 0)
            authorityEnd = std::min(authorityEnd, at);
    }
    const QString authority = badAuthority(rest.first(authorityEnd));
    if (!authority.isEmpty())
        return authority;
    const QByteArrayView tail = rest.sliced(authorityEnd);
    const qsizetype query = tail.indexOf('?');
    const QString path = badText(query < 0 ? tail : tail.first(query), "/", "path");
    if (!path.isEmpty() || query < 0)
        return path;
    return badText(tail.sliced(query + 1), "/?", "query");
}

} // namespace

QString MudUrl::whyNot(const QString &text)
{
    if (text.isEmpty())
        return QStringLiteral("it is empty");
    for (const QChar c : text) {
        if (c.unicode() > 0x7e)
            return QStringLiteral("it contains \"%1\": map the IRI to a URI first (RFC 3987 section 3.1)")
                .arg(oneLine(QString(c)));
        if (c.unicode() <= 0x20)
            return QStringLiteral("it contains a space or a control character");
    }
    return why(text.toLatin1());
}

MudUrl MudUrl::parse(const QString &text)
{
    const QString reason = whyNot(text);
    if (!reason.isEmpty())
        throw Fault("mud.url", {oneLine(text, 80), reason});
    MudUrl url;
    url.m_octets = text.toLatin1();
    return url;
}

QString MudUrl::authority() const
{
    const QString rest = text().mid(8);
    qsizetype end = rest.size();
    for (const QChar c : {u'/', u'?'}) {
        const qsizetype at = rest.indexOf(c);
        if (at >= 0)
            end = std::min(end, at);
    }
    return rest.left(end).toLower();
}

QByteArray MudUrl::extensionValue() const
{
    QByteArray der;
    der += '\x16';
    if (m_octets.size() > 127)
        der += '\x81';
    der += char(m_octets.size());
    return der + m_octets;
}

MudUrl MudUrl::fromExtensionValue(const QByteArray &der)
{
    const auto bad = [](const QString &reason) { return Fault("mud.extension", {reason}); };
    if (der.size() < 2 || der[0] != '\x16')
        throw bad(QStringLiteral("it is no IA5String"));
    qsizetype at = 2;
    qsizetype length = quint8(der[1]);
    if (length == 0x81 && der.size() > 2) {
        length = quint8(der[2]);
        at = 3;
        if (length < 128)
            throw bad(QStringLiteral("its length is not in DER"));
    } else if (length >= 0x80) {
        throw bad(QStringLiteral("it is longer than %1 octets").arg(MaximumOctets));
    }
    if (der.size() != at + length)
        throw bad(QStringLiteral("its length is not that of its content"));
    return parse(QString::fromLatin1(der.mid(at)));
}

} // namespace slipway
