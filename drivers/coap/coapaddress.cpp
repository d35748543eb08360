#include "drivers/coap/coapaddress.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

const QStringList credentialNames{u"psk"_s, u"anchors"_s, u"certificate"_s, u"key"_s, u"raw-public-key"_s, u"name"_s};

[[noreturn]] void bad(const QString &text, const QString &why)
{
    throw Fault("coap.address", {oneLine(text, 80), why});
}

bool isNumber(const QString &host)
{
    in_addr v4{};
    in6_addr v6{};
    const QByteArray text = host.section(u'%', 0, 0).toUtf8();
    return ::inet_pton(AF_INET, text.constData(), &v4) == 1 || ::inet_pton(AF_INET6, text.constData(), &v6) == 1;
}

} // namespace

CoapAddress CoapAddress::parse(const QString &text)
{
    CoapAddress out;
    QString rest = text.trimmed();
    if (rest.startsWith("coaps://"_L1, Qt::CaseInsensitive)) {
        out.secure = true;
        rest = rest.mid(8);
    } else if (rest.startsWith("coap://"_L1, Qt::CaseInsensitive)) {
        rest = rest.mid(7);
    } else {
        bad(text, u"it does not begin with coap:// or coaps://"_s);
    }
    const qsizetype question = rest.indexOf(u'?');
    if (question >= 0) {
        for (const QString &part : rest.mid(question + 1).split(u'&')) {
            const QString name = part.section(u'=', 0, 0), value = part.section(u'=', 1);
            if (!credentialNames.contains(name))
                bad(text,
                    u"\"%1\" is not known.%2"_s.arg(oneLine(name, 40), didYouMean(name, credentialNames)).chopped(1));
            if (value.isEmpty() || out.credentials.contains(name))
                bad(text, u"%1 must name one file"_s.arg(name));
            if (name == "name"_L1 && value != "host"_L1 && value != "serial"_L1)
                bad(text, u"name must be host or serial"_s);
            out.credentials.insert(name, value);
        }
        if (!out.secure)
            bad(text, u"credentials are for coaps:// only"_s);
        rest.truncate(question);
    }
    if (rest.endsWith(u'/'))
        rest.chop(1);
    QString port;
    if (rest.startsWith(u'[')) {
        const qsizetype end = rest.indexOf(u']');
        if (end < 0)
            bad(text, u"the bracket is not closed"_s);
        out.host = rest.mid(1, end - 1);
        port = rest.mid(end + 1);
        if (!port.isEmpty() && (!port.startsWith(u':') || port.size() < 2))
            bad(text, u"a port is a number behind a colon"_s);
        port = port.mid(1);
        const qsizetype percent = out.host.indexOf(u'%');
        if (percent >= 0) {
            QString zone = out.host.mid(percent + 1);
            if (zone.startsWith("25"_L1) && zone.size() > 2 && ::if_nametoindex(zone.toUtf8().constData()) == 0)
                zone = zone.mid(2); // RFC 6874, unless an interface has that very name
            if (zone.isEmpty())
                bad(text, u"the interface behind % is missing"_s);
            out.host = out.host.left(percent) + u'%' + zone;
        }
        if (!out.host.contains(u':') || !isNumber(out.host))
            bad(text, u"in brackets stands an IPv6 address"_s);
    } else {
        if (rest.count(u':') > 1)
            bad(text, u"an IPv6 address stands in brackets"_s);
        const qsizetype colon = rest.indexOf(u':');
        out.host = colon < 0 ? rest : rest.left(colon);
        if (colon >= 0) {
            port = rest.mid(colon + 1);
            if (port.isEmpty())
                bad(text, u"a port is a number behind a colon"_s);
        }
    }
    static const QString forbidden = u"/\\ \"<>@#[]"_s;
    for (const QChar c : out.host) {
        if (c.unicode() < 0x21 || forbidden.contains(c))
            bad(text, u"it goes on behind host and port, or the host has a sign that no host has"_s);
    }
    bool number = true;
    out.port = port.isEmpty() ? (out.secure ? securePort : plainPort) : int(port.toUShort(&number));
    if (!number || out.port == 0)
        bad(text, u"a port is a number from 1 to 65535"_s);
    if (out.host.isEmpty() || out.host.size() > 255)
        bad(text, u"there is no host in it"_s);
    return out;
}

QString CoapAddress::toString() const
{
    const QString place = host.contains(u':') ? u'[' + host + u']' : host;
    return u"%1://%2:%3"_s.arg(secure ? u"coaps"_s : u"coap"_s, place).arg(port);
}

bool CoapAddress::isName() const
{
    return !isNumber(host);
}

SocketAddress resolve(const CoapAddress &address)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo *list = nullptr;
    const QByteArray host = address.host.toUtf8(), port = QByteArray::number(address.port);
    const QString zone = address.host.section(u'%', 1);
    if (!zone.isEmpty() && ::if_nametoindex(zone.toUtf8().constData()) == 0 && zone.toUInt() == 0)
        throw Fault("coap.no-interface", {oneLine(zone, 40), networkInterfaces().join(u", "_s)});
    const int rc = ::getaddrinfo(host.constData(), port.constData(), &hints, &list);
    if (rc != 0 || !list)
        throw Fault("coap.unknown-host", {oneLine(address.host, 80)}, QString::fromLocal8Bit(::gai_strerror(rc)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owner(list, ::freeaddrinfo);
    if (list->ai_family == AF_INET6) {
        const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(list->ai_addr);
        const bool local = IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&v6->sin6_addr);
        if (local && v6->sin6_scope_id == 0)
            throw Fault("coap.zone", {address.host, networkInterfaces().join(u", "_s)});
    }
    SocketAddress out;
    out.size = list->ai_addrlen;
    std::memcpy(&out.address, list->ai_addr, list->ai_addrlen);
    return out;
}

QString hostText(const sockaddr *address, socklen_t size)
{
    char host[NI_MAXHOST] = {};
    if (::getnameinfo(address, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return QString::fromLatin1(host);
}

QStringList networkInterfaces()
{
    QStringList out;
    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0)
        return out;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> owner(list, ::freeifaddrs);
    for (const ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP))
            continue;
        const int family = at->ifa_addr->sa_family;
        const QString name = QString::fromLocal8Bit(at->ifa_name);
        if ((family == AF_INET || family == AF_INET6) && !out.contains(name))
            out << name;
    }
    return out;
}

} // namespace slipway
