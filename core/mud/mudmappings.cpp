#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/mud/flowrules.h"
#include "core/mud/mudurl.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QList<IpPrefix> prefixes(const QString &text, const QString &whole, const QString &shape)
{
    QList<IpPrefix> list;
    const QStringList words = text.split(u',');
    for (const QString &word : words) {
        const auto prefix = IpPrefix::parse(word.trimmed());
        if (!prefix)
            throw Fault("mud.mapping", {oneLine(whole, 80), shape});
        list << *prefix;
    }
    return list;
}

// "left=right" at the last "=", since a class may be a URI with a query.
std::pair<QString, QString> sides(const QString &text, const QString &shape, bool last)
{
    const qsizetype at = last ? text.lastIndexOf(u'=') : text.indexOf(u'=');
    if (at < 1 || at + 1 == text.size())
        throw Fault("mud.mapping", {oneLine(text, 80), shape});
    return {text.left(at).trimmed(), text.mid(at + 1).trimmed()};
}

} // namespace

void MudMappings::addController(const QString &text)
{
    const QString shape = u"urn:ietf:params:mud:dns=192.0.2.1"_s;
    const auto [name, hosts] = sides(text, shape, true);
    controllers[name] += prefixes(hosts, text, shape);
}

void MudMappings::addMyController(const QString &text)
{
    myController += prefixes(text, text, u"192.0.2.1 or 192.0.2.0/28"_s);
}

void MudMappings::addLocalNetwork(const QString &text)
{
    localNetworks += prefixes(text, text, u"192.0.2.0/24"_s);
}

void MudMappings::addThing(const QString &text)
{
    const QString shape = u"192.0.2.7=https://mud.example/lamp.json"_s;
    const auto [host, url] = sides(text, shape, false);
    const auto address = IpAddress::parse(host);
    if (!address)
        throw Fault("mud.mapping", {oneLine(text, 80), shape});
    things.append({*address, MudUrl::parse(url).text()});
}

void MudMappings::addName(const QString &text)
{
    const QString shape = u"mqtt.example=192.0.2.9"_s;
    const auto [name, hosts] = sides(text, shape, false);
    const QStringList words = hosts.split(u',');
    for (const QString &word : words) {
        const auto address = IpAddress::parse(word.trimmed());
        if (!address)
            throw Fault("mud.mapping", {oneLine(text, 80), shape});
        names.append({plainName(name), *address});
    }
}

LocalNetworks::LocalNetworks(const MudMappings &mappings, const DeviceTraffic &traffic)
{
    const bool given = !mappings.localNetworks.isEmpty();
    m_prefixes = given ? mappings.localNetworks : traffic.prefixes;
    for (const IpPrefix &prefix : std::as_const(m_prefixes))
        (prefix.address.isV4() ? m_assumed4 : m_assumed6) = false;
    if (given)
        m_assumed4 = m_assumed6 = false;
    const auto assume = [this](const char *text) { m_prefixes << *IpPrefix::parse(QString::fromLatin1(text)); };
    if (m_assumed4) {
        for (const char *text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"})
            assume(text);
    }
    if (m_assumed6)
        assume("fc00::/7");
}

bool LocalNetworks::contains(const IpAddress &address) const
{
    if (address.isLinkLocal() || address.isLocalGroup())
        return true;
    for (const IpPrefix &prefix : m_prefixes) {
        if (prefix.contains(address))
            return true;
    }
    return false;
}

QStringList LocalNetworks::text() const
{
    QStringList list;
    for (const IpPrefix &prefix : m_prefixes)
        list << prefix.text();
    return list;
}

} // namespace slipway
