#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/mud/mudauthor.h"
#include "core/mud/mudurl.h"

#include <QRegularExpression>

#include <algorithm>
#include <set>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qsizetype mostSinglePorts = 8; // of one peer; more become a range

QString protocolName(int protocol)
{
    switch (protocol) {
    case 6:
        return u"tcp"_s;
    case 17:
        return u"udp"_s;
    case 1:
        return u"icmp"_s;
    case 58:
        return u"icmp6"_s;
    case -1:
        return u"any"_s;
    default:
        return u"ip%1"_s.arg(protocol);
    }
}

bool isHostName(const QString &name)
{
    static const QRegularExpression pattern(
        u"^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"_s);
    return name.size() <= 253 && pattern.match(name).hasMatch();
}

void readWho(MudPeer &peer, const QString &word, const QString &whole)
{
    const auto bad = [&](const QString &why) { return Fault("mud.peer", {oneLine(whole, 80), why}); };
    const qsizetype equals = word.indexOf(u'=');
    const QString key = equals < 0 ? word : word.left(equals);
    const QString value = equals < 0 ? QString() : word.mid(equals + 1);
    static const QList<std::pair<QString, MudPeer::Who>> alone{{u"local-networks"_s, MudPeer::Who::LocalNetworks},
                                                               {u"same-manufacturer"_s, MudPeer::Who::SameManufacturer},
                                                               {u"my-controller"_s, MudPeer::Who::MyController}};
    for (const auto &[name, who] : alone) {
        if (word == name) {
            peer.who = who;
            return;
        }
    }
    if (equals >= 0) {
        if (value.isEmpty())
            throw bad(u"nothing stands behind \"=\""_s);
        if (key == u"controller"_s)
            peer.who = MudPeer::Who::Controller;
        else if (key == u"manufacturer"_s)
            peer.who = MudPeer::Who::Manufacturer;
        else if (key == u"model"_s)
            peer.who = MudPeer::Who::Model;
        else
            throw bad(u"\"%1\" is none of controller, manufacturer and model"_s.arg(key));
        peer.value = peer.who == MudPeer::Who::Manufacturer ? value.toLower() : value;
        if (peer.who == MudPeer::Who::Model)
            peer.value = MudUrl::parse(value).text();
        return;
    }
    if (const auto prefix = IpPrefix::parse(word)) {
        peer.who = MudPeer::Who::Address;
        peer.value = prefix->text();
        (prefix->address.isV4() ? peer.v6 : peer.v4) = false;
        return;
    }
    peer.who = MudPeer::Who::Name;
    peer.value = QString::fromLatin1(plainName(word));
    if (!isHostName(peer.value))
        throw bad(u"\"%1\" is no host name"_s.arg(word));
}

} // namespace

MudPeer MudPeer::parse(const QString &text)
{
    const auto bad = [&](const QString &why) { return Fault("mud.peer", {oneLine(text, 80), why}); };
    const QStringList words = text.split(u' ', Qt::SkipEmptyParts);
    if (words.size() < 2)
        throw bad(u"it needs a peer and a protocol"_s);
    MudPeer peer;
    readWho(peer, words[0], text);
    const QString protocol = words[1].toLower();
    static const QRegularExpression numbered(u"^ip(\\d{1,3})$"_s);
    if (protocol == u"tcp"_s)
        peer.protocol = 6;
    else if (protocol == u"udp"_s)
        peer.protocol = 17;
    else if (protocol == u"icmp"_s)
        peer.protocol = 1;
    else if (protocol == u"icmp6"_s)
        peer.protocol = 58;
    else if (protocol == u"any"_s)
        peer.protocol = -1;
    else if (const auto match = numbered.match(protocol); match.hasMatch() && match.captured(1).toInt() < 256)
        peer.protocol = match.captured(1).toInt();
    else
        throw bad(u"\"%1\" is no protocol"_s.arg(words[1]));
    if (peer.protocol == 1)
        peer.v6 = false;
    if (peer.protocol == 58)
        peer.v4 = false;
    for (const QString &word : words.mid(2)) {
        static const QRegularExpression numbers(u"^(\\d{1,5})(?:-(\\d{1,5}))?$"_s);
        const auto match = numbers.match(word);
        if (match.hasMatch()) {
            const int low = match.captured(1).toInt();
            const int high = match.captured(2).isEmpty() ? low : match.captured(2).toInt();
            if (peer.protocol == 1 || peer.protocol == 58) {
                if (low > 255 || high != low)
                    throw bad(u"\"%1\" is no ICMP type"_s.arg(word));
                peer.icmpType = low;
            } else if (peer.protocol != 6 && peer.protocol != 17) {
                throw bad(u"only TCP and UDP have ports"_s);
            } else if (high > 65535 || low > high) {
                throw bad(u"\"%1\" is no port"_s.arg(word));
            } else {
                peer.ports = {quint16(low), quint16(high)};
            }
        } else if (word == u"in"_s) {
            peer.begins = MudDirection::ToDevice;
        } else if (word == u"either"_s) {
            peer.begins.reset();
        } else if (word == u"v4"_s && peer.v4) {
            peer.v6 = false;
        } else if (word == u"v6"_s && peer.v6) {
            peer.v4 = false;
        } else {
            throw bad(u"\"%1\" is no port, \"in\", \"either\", \"v4\" or \"v6\" that fits"_s.arg(word));
        }
    }
    return peer;
}

QString MudPeer::text() const
{
    QStringList words;
    switch (who) {
    case Who::Name:
    case Who::Address:
        words << value;
        break;
    case Who::LocalNetworks:
        words << u"local-networks"_s;
        break;
    case Who::SameManufacturer:
        words << u"same-manufacturer"_s;
        break;
    case Who::MyController:
        words << u"my-controller"_s;
        break;
    case Who::Controller:
        words << u"controller="_s + value;
        break;
    case Who::Manufacturer:
        words << u"manufacturer="_s + value;
        break;
    case Who::Model:
        words << u"model="_s + value;
        break;
    }
    words << protocolName(protocol);
    if (ports)
        words << (ports->first == ports->second ? QString::number(ports->first)
                                                : u"%1-%2"_s.arg(ports->first).arg(ports->second));
    if (icmpType)
        words << QString::number(*icmpType);
    if (!begins)
        words << u"either"_s;
    else if (*begins == MudDirection::ToDevice)
        words << u"in"_s;
    if (v4 && !v6 && protocol != 1 && who != Who::Address)
        words << u"v4"_s;
    if (v6 && !v4 && protocol != 58 && who != Who::Address)
        words << u"v6"_s;
    return words.join(u' ');
}

namespace {

// Turns flows into peers.
class PeerFinder
{
public:
    PeerFinder(const DeviceTraffic &traffic, const MudMappings &mappings, const QString &mudUrl, QStringList &remarks)
        : m_traffic(traffic), m_mappings(mappings), m_local(mappings, traffic), m_names(traffic.names),
          m_remarks(remarks)
    {
        for (const MudMappings::Name &name : mappings.names)
            m_names.state(name.name, name.address);
        if (MudUrl::whyNot(mudUrl).isEmpty())
            m_authority = MudUrl::parse(mudUrl).authority();
    }

    QList<MudPeer> find()
    {
        std::set<IpAddress> pinged;
        for (const TrafficFlow &flow : m_traffic.flows) {
            if (flow.isIcmp() && flow.fromPackets > 0)
                pinged.insert(flow.peer);
        }
        for (const TrafficFlow &flow : m_traffic.flows) {
            if (!infrastructureClause(flow).isEmpty())
                continue;
            if (!flow.isIp()) {
                remark(u"%1 is no IP: no rule was made for it."_s.arg(flow.protocolText()));
                continue;
            }
            const bool began = flow.initiator == TrafficFlow::Initiator::Peer;
            if (began && !flow.deviceAnswered() && !(flow.isIcmp() && pinged.contains(flow.peer)))
                continue; // others' doing
            take(flow);
        }
        return combined();
    }

private:
    void remark(const QString &sentence)
    {
        if (!m_remarks.contains(sentence) && m_remarks.size() < 200)
            m_remarks << sentence;
    }

    static bool within(const QList<IpPrefix> &list, const IpAddress &address)
    {
        return std::any_of(list.begin(), list.end(), [&](const IpPrefix &p) { return p.contains(address); });
    }

    void take(const TrafficFlow &flow)
    {
        const quint16 service = flow.servicePort();
        // Allowed by default (RFC 8520 appendix A), unless DHCP named other servers.
        const bool toDns = flow.portsKnown && flow.peerPort == 53 && (flow.isUdp() || flow.isTcp()) && !flow.group;
        const bool toNtp = flow.portsKnown && flow.peerPort == 123 && flow.isUdp() && !flow.group;
        if (flow.initiator != TrafficFlow::Initiator::Peer && (toDns || toNtp)) {
            const QString urn = toDns ? u"urn:ietf:params:mud:dns"_s : u"urn:ietf:params:mud:ntp"_s;
            const auto mapped = m_mappings.controllers.constFind(urn);
            const auto &offered = toDns ? m_traffic.dnsServers : m_traffic.ntpServers;
            if (mapped != m_mappings.controllers.cend() ? within(*mapped, flow.peer) : offered.contains(flow.peer))
                return;
            const bool named = !namesFor(flow).isEmpty();
            if (mapped == m_mappings.controllers.cend() && offered.isEmpty() && !named) {
                remark(u"%1 was taken for the network's own %2 server, which every device may use."_s.arg(
                    flow.peer.text(), toDns ? u"DNS"_s : u"NTP"_s));
                return;
            }
        }
        MudPeer peer;
        peer.protocol = flow.protocol;
        peer.v4 = flow.peer.isV4();
        peer.v6 = !peer.v4;
        if (flow.isIcmp() && flow.portsKnown)
            peer.icmpType = flow.icmpType;
        else if (flow.portsKnown)
            peer.ports = {service, service};
        if (flow.isIcmp()) {
            // An answer stands for the request in the other direction.
            const bool v6 = flow.protocol == quint8(IpProtocol::Icmp6);
            const bool answer = flow.icmpType == (v6 ? 129 : 0);
            if (answer)
                peer.icmpType = v6 ? 128 : 8;
            peer.begins = (flow.fromPackets > 0) != answer ? MudDirection::FromDevice : MudDirection::ToDevice;
        } else if (flow.initiator == TrafficFlow::Initiator::Unknown) {
            peer.begins = flow.peerPort <= flow.devicePort ? MudDirection::FromDevice : MudDirection::ToDevice;
            remark(
                u"A TCP connection with %1 began before the capture: its side with the lower port, %2, was taken for "
                "the one that serves."_s.arg(flow.peer.text())
                    .arg(service));
        } else {
            peer.begins =
                flow.initiator == TrafficFlow::Initiator::Peer ? MudDirection::ToDevice : MudDirection::FromDevice;
        }
        name(peer, flow);
    }

    // All names that it asked for and that led there in time; else the one that fits best.
    QByteArrayList namesFor(const TrafficFlow &flow) const
    {
        const auto names = m_names.namesOf(flow.peer, flow.firstNs);
        QByteArrayList asked;
        QByteArray best;
        for (const NameTable::Name &name : names) { // best fit first
            if (!isHostName(QString::fromLatin1(name.name)))
                continue;
            if (name.fit == NameFit::InTime && m_traffic.asked.contains(name.name))
                asked << name.name;
            if (best.isEmpty() || (name.name == flow.askedFor && name.fit == NameFit::InTime))
                best = name.name;
        }
        return asked.isEmpty() && !best.isEmpty() ? QByteArrayList{best} : asked;
    }

    void add(const MudPeer &peer)
    {
        const QString text = peer.text();
        if (!m_seen.contains(text)) {
            m_seen.insert(text);
            m_peers << peer;
        }
    }

    void name(MudPeer peer, const TrafficFlow &flow)
    {
        for (auto it = m_mappings.controllers.constBegin(); it != m_mappings.controllers.constEnd(); ++it) {
            if (within(*it, flow.peer) && !it.key().startsWith(u"urn:ietf:params:mud:"_s)) {
                peer.who = MudPeer::Who::Controller;
                peer.value = it.key();
                add(peer);
                return;
            }
        }
        if (within(m_mappings.myController, flow.peer)) {
            peer.who = MudPeer::Who::MyController;
            add(peer);
            return;
        }
        QString url;
        for (const MudMappings::Thing &thing : m_mappings.things) {
            if (thing.address == flow.peer)
                url = thing.mudUrl;
        }
        if (url.isEmpty() && flow.peerMac != 0)
            url = QString::fromLatin1(m_traffic.otherThings.value(flow.peerMac));
        if (!url.isEmpty() && MudUrl::whyNot(url).isEmpty()) {
            const QString authority = MudUrl::parse(url).authority();
            peer.who = authority == m_authority ? MudPeer::Who::SameManufacturer : MudPeer::Who::Manufacturer;
            peer.value = peer.who == MudPeer::Who::Manufacturer ? authority : QString();
            add(peer);
            return;
        }
        // A local host's name is one of this network, and no other installation has it.
        if (m_local.contains(flow.peer)) {
            peer.who = MudPeer::Who::LocalNetworks;
            add(peer);
            return;
        }
        const QByteArrayList found = namesFor(flow);
        for (const QByteArray &one : found) {
            peer.who = MudPeer::Who::Name;
            peer.value = QString::fromLatin1(one);
            add(peer);
        }
        if (!found.isEmpty())
            return;
        peer.who = MudPeer::Who::Address;
        peer.value = IpPrefix{flow.peer, 128}.text();
        add(peer);
        if (!flow.peer.isMulticast()) {
            remark(
                u"No DNS answer in the capture names %1%2: the rule for it holds the address, which RFC 8520 and RFC "
                "9726 advise against. Put the name in its place."_s.arg(
                    flow.peer.text(), flow.askedFor.isEmpty() ? QString()
                                                              : u" (the device asked for %1 there)"_s.arg(
                                                                    QString::fromLatin1(flow.askedFor))));
        }
    }

    // The same peer over IPv4 and IPv6 is one; many ports are a range.
    QList<MudPeer> combined()
    {
        QMap<QString, QList<MudPeer>> groups;
        for (const MudPeer &peer : std::as_const(m_peers)) {
            MudPeer key = peer;
            key.ports.reset();
            groups[key.text()] << peer;
        }
        QMap<QString, MudPeer> made;
        for (QList<MudPeer> &group : groups) {
            std::optional<quint16> low, high;
            qsizetype single = 0;
            bool any = false;
            for (const MudPeer &peer : std::as_const(group)) {
                if (!peer.ports) {
                    any = true;
                    continue;
                }
                ++single;
                low = std::min(low.value_or(65535), peer.ports->first);
                high = std::max(high.value_or(0), peer.ports->second);
            }
            if (!any && single > mostSinglePorts) {
                MudPeer range = group.first();
                range.ports = {*low, *high};
                remark(u"%1 ports with %2 became the range %3-%4."_s.arg(single)
                           .arg(range.text().section(u' ', 0, 0))
                           .arg(*low)
                           .arg(*high));
                group = {range};
            }
            for (const MudPeer &peer : std::as_const(group)) {
                MudPeer key = peer;
                if (peer.protocol != 1 && peer.protocol != 58 && peer.who != MudPeer::Who::Address)
                    key.v4 = key.v6 = true;
                const auto at = made.find(key.text());
                if (at == made.end()) {
                    made.insert(key.text(), peer);
                } else {
                    at->v4 = at->v4 || peer.v4;
                    at->v6 = at->v6 || peer.v6;
                }
            }
        }
        return made.values();
    }

    const DeviceTraffic &m_traffic;
    const MudMappings &m_mappings;
    LocalNetworks m_local;
    NameTable m_names;
    QStringList &m_remarks;
    QString m_authority;
    QList<MudPeer> m_peers;
    QSet<QString> m_seen;
};

} // namespace

QList<MudPeer> peersOf(const DeviceTraffic &traffic, const MudMappings &mappings, const QString &mudUrl,
                       QStringList &remarks)
{
    return PeerFinder(traffic, mappings, mudUrl, remarks).find();
}

} // namespace slipway
