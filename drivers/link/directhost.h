#pragma once
// Whether a host is this computer or on the same wire: loopback and link-local addresses, which no router passes on
// (RFC 4291 sections 2.5.3 and 2.5.6, RFC 3927). A name is neither.

#include <QStringView>

namespace slipway {

inline bool isDirectHost(QStringView host)
{
    if (host.startsWith(u'['))
        host = host.sliced(1);
    const auto isHex = [](QChar c) { return c.isDigit() || (c.toLower() >= u'a' && c.toLower() <= u'f'); };
    if (host.startsWith(u"fe", Qt::CaseInsensitive) && host.size() > 4 && host[4] == u':') {
        const QChar third = host[2].toLower();
        return (third == u'8' || third == u'9' || third == u'a' || third == u'b') && isHex(host[3]);
    }
    if (host == u"::1" || host.startsWith(u"::1]"))
        return true;
    int dots = 0;
    for (const QChar c : host) {
        if (c == u':') // a port
            break;
        if (!c.isDigit() && c != u'.')
            return false;
        dots += c == u'.' ? 1 : 0;
    }
    return dots == 3 && (host.startsWith(u"127.") || host.startsWith(u"169.254."));
}

} // namespace slipway
