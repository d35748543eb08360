#include "core/mud/flowrules.h"

#include "core/mud/mudurl.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

const QString dnsClass = u"urn:ietf:params:mud:dns"_s;
const QString ntpClass = u"urn:ietf:params:mud:ntp"_s;

// What a rule misses a flow by: the least sum is the nearest rule.
enum Weight { SmallMiss = 1, KindMiss = 2, AddressMiss = 3, ProtocolMiss = 4, FarMiss = 6 };

bool within(const QList<IpPrefix> &list, const IpAddress &address)
{
    return std::any_of(list.begin(), list.end(), [&](const IpPrefix &p) { return p.contains(address); });
}

QString authorityOf(const QString &url)
{
    return MudUrl::whyNot(url).isEmpty() ? MudUrl::parse(url).authority() : QString();
}

} // namespace

FlowRules::FlowRules(const MudFile &file, const MudMappings &mappings, const DeviceTraffic &traffic)
    : m_mappings(mappings), m_traffic(traffic), m_names(traffic.names), m_local(mappings, traffic)
{
    if (file.mudUrl)
        m_ownAuthority = authorityOf(*file.mudUrl);
    for (const MudMappings::Name &name : mappings.names)
        m_names.state(name.name, name.address);
    for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
        const auto acls = file.aclsOf(direction);
        for (const MudAcl *acl : acls) {
            for (const MudAce &ace : acl->aces)
                add(*acl, ace, direction);
        }
    }
    addDefaults();
}

void FlowRules::add(const MudAcl &acl, const MudAce &ace, MudDirection direction)
{
    const bool from = direction == MudDirection::FromDevice;
    const MudMatches &m = ace.matches;
    Rule rule;
    rule.acl = &acl;
    rule.ace = &ace;
    rule.direction = direction;
    rule.accept = ace.actions.forwarding && *ace.actions.forwarding == MudForwarding::Accept;
    rule.name = ace.name.valueOr(u"(without name)"_s);
    rule.clause = u"RFC 8520 3.3"_s;
    rule.v4 = acl.takesIpv4() && !m.ipv6;
    rule.v6 = acl.takesIpv6() && !m.ipv4;
    if (acl.type) {
        const MudAclType type = *acl.type;
        rule.other = type != MudAclType::Ipv4 && type != MudAclType::Ipv6 && !m.ipv4 && !m.ipv6 && !m.tcp && !m.udp &&
                     !m.icmp && !m.terms;
        if (type == MudAclType::Eth && rule.other)
            rule.v4 = rule.v6 = true; // it looks at frames, whatever they carry
    }

    const auto need = [&rule](IpProtocol protocol) {
        if (rule.protocol >= 0 && rule.protocol != int(protocol))
            rule.v4 = rule.v6 = rule.other = false; // it contradicts itself and matches nothing
        rule.protocol = int(protocol);
    };
    if (const MudIpMatch *ip = m.ip()) {
        if (ip->protocol)
            rule.protocol = *ip->protocol;
        const auto &peer = from ? ip->destination : ip->source;
        const auto &device = from ? ip->source : ip->destination;
        if (peer)
            rule.peer = IpPrefix::parse(peer->text());
        if (device)
            rule.device = IpPrefix::parse(device->text());
        const auto &peerName = from ? ip->destinationDnsName : ip->sourceDnsName;
        const auto &deviceName = from ? ip->sourceDnsName : ip->destinationDnsName;
        if (peerName)
            rule.peerName = plainName(*peerName);
        rule.deviceNamed = deviceName.present();
        const auto unknown = [&rule](const auto &leaf) {
            if (leaf.present())
                rule.unjudged << leaf.name;
        };
        unknown(ip->dscp);
        unknown(ip->ecn);
        unknown(ip->ttl);
        unknown(ip->length);
        unknown(ip->ihl);
        unknown(ip->flags);
        unknown(ip->offset);
        unknown(ip->identification);
        unknown(ip->flowLabel);
    }
    if (m.tcp) {
        need(IpProtocol::Tcp);
        rule.peerPorts = from ? &m.tcp->destinationPort : &m.tcp->sourcePort;
        rule.devicePorts = from ? &m.tcp->sourcePort : &m.tcp->destinationPort;
        if (m.tcp->directionInitiated)
            rule.initiated = *m.tcp->directionInitiated;
        if (m.tcp->sequenceNumber.present() || m.tcp->acknowledgementNumber.present() || m.tcp->dataOffset.present() ||
            m.tcp->reserved.present() || m.tcp->flags.present() || m.tcp->windowSize.present() ||
            m.tcp->urgentPointer.present() || m.tcp->options.present())
            rule.unjudged << u"fields of the TCP header"_s;
    } else if (m.udp) {
        need(IpProtocol::Udp);
        rule.peerPorts = from ? &m.udp->destinationPort : &m.udp->sourcePort;
        rule.devicePorts = from ? &m.udp->sourcePort : &m.udp->destinationPort;
        if (m.udp->length.present())
            rule.unjudged << u"length"_s;
    } else if (m.icmp) {
        if (rule.protocol < 0) {
            rule.protocol = int(rule.v4 ? IpProtocol::Icmp : IpProtocol::Icmp6);
            if (rule.v4 && rule.v6)
                rule.v6 = false;
        }
        if (m.icmp->type)
            rule.icmpType = *m.icmp->type;
        if (m.icmp->code)
            rule.icmpCode = *m.icmp->code;
        if (m.icmp->restOfHeader.present())
            rule.unjudged << m.icmp->restOfHeader.name;
    }
    if (m.eth) {
        const auto &peer = from ? m.eth->destinationMac : m.eth->sourceMac;
        const auto &device = from ? m.eth->sourceMac : m.eth->destinationMac;
        if (peer)
            rule.peerMac = parseMac(*peer);
        if (device)
            rule.deviceMac = parseMac(*device);
        for (const auto *mask : {&m.eth->destinationMacMask, &m.eth->sourceMacMask, &m.eth->ethertype}) {
            if (mask->present())
                rule.unjudged << mask->name;
        }
    }
    for (const auto *interface : {&m.egressInterface, &m.ingressInterface}) {
        if (interface->present())
            rule.unjudged << interface->name;
    }
    if (m.terms) {
        rule.terms = &*m.terms;
        if (m.terms->controller)
            rule.controller = *m.terms->controller;
    }
    for (const MudUnknown &unknown : m.unknown)
        rule.unjudged << unknown.name;
    m_rules.push_back(std::move(rule));
}

// RFC 8520 section 5 and appendix A: what stands behind the last rule of every file. TCP for DNS too (RFC 7766).
void FlowRules::addDefaults()
{
    for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
        for (const auto &[name, controller, protocol, port] :
             {std::tuple{u"default DNS"_s, dnsClass, IpProtocol::Udp, quint16(53)},
              std::tuple{u"default DNS"_s, dnsClass, IpProtocol::Tcp, quint16(53)},
              std::tuple{u"default NTP"_s, ntpClass, IpProtocol::Udp, quint16(123)}}) {
            Rule rule;
            rule.direction = direction;
            rule.name = name;
            rule.clause = u"RFC 8520 5, appendix A"_s;
            rule.protocol = int(protocol);
            rule.peerPort = port;
            rule.controller = controller;
            if (protocol == IpProtocol::Tcp)
                rule.initiated = MudDirection::FromDevice;
            m_rules.push_back(rule);
        }
    }
}

FlowRules::Tri FlowRules::testController(const QString &controller, const TrafficFlow &flow, Miss *miss) const
{
    const auto known = m_mappings.controllers.constFind(controller);
    const bool dns = controller == dnsClass;
    const bool ntp = controller == ntpClass;
    QStringList hosts;
    if (known != m_mappings.controllers.cend()) {
        if (within(*known, flow.peer))
            return Tri::Yes;
        for (const IpPrefix &host : *known)
            hosts << (host.length == 128 ? host.address.text() : host.text());
    } else if (dns || ntp) {
        const QList<IpAddress> &offered = dns ? m_traffic.dnsServers : m_traffic.ntpServers;
        if (offered.contains(flow.peer))
            return Tri::Yes;
        for (const IpAddress &host : offered)
            hosts << host.text();
    }
    if (hosts.isEmpty()) {
        if (miss)
            miss->why << u"nobody said which hosts are %1"_s.arg(controller);
        return Tri::Maybe;
    }
    if (miss) {
        miss->weight += AddressMiss;
        miss->why << u"%1 is %2 here"_s.arg(controller, hosts.join(u", "_s));
    }
    return Tri::No;
}

// manufacturer, same-manufacturer and model look at the other Thing's MUD URL.
FlowRules::Tri FlowRules::testThing(const Rule &rule, const TrafficFlow &flow, Miss *miss) const
{
    QString url;
    for (const MudMappings::Thing &thing : m_mappings.things) {
        if (thing.address == flow.peer)
            url = thing.mudUrl;
    }
    if (url.isEmpty() && flow.peerMac != 0)
        url = QString::fromLatin1(m_traffic.otherThings.value(flow.peerMac));
    if (url.isEmpty()) {
        // A MUD manager knows the URLs of Things on its own network only.
        if (!m_local.contains(flow.peer)) {
            if (miss) {
                miss->weight += AddressMiss;
                miss->why << u"the other side is no Thing of this network"_s;
            }
            return Tri::No;
        }
        if (miss)
            miss->why << u"nobody said which MUD URL %1 has"_s.arg(flow.peer.text());
        return Tri::Maybe;
    }
    const MudTerms &terms = *rule.terms;
    const QString authority = authorityOf(url);
    bool fits = true;
    if (terms.manufacturer)
        fits = fits && authority == *terms.manufacturer;
    if (terms.sameManufacturer)
        fits = fits && !authority.isEmpty() && authority == m_ownAuthority;
    if (terms.model)
        fits = fits && url == *terms.model;
    if (!fits && miss) {
        miss->weight += AddressMiss;
        miss->why << u"the other side's MUD URL is %1"_s.arg(url);
    }
    return fits ? Tri::Yes : Tri::No;
}

FlowRules::Tri FlowRules::testTerms(const Rule &rule, const TrafficFlow &flow, Miss *miss) const
{
    Tri result = Tri::Yes;
    if (!rule.controller.isEmpty())
        result = std::min(result, testController(rule.controller, flow, miss));
    if (!rule.terms || (result == Tri::No && !miss))
        return result;
    const MudTerms &terms = *rule.terms;
    if (terms.localNetworks && !m_local.contains(flow.peer)) {
        if (miss) {
            miss->weight += AddressMiss;
            miss->why << u"%1 is not of the local networks (%2)"_s.arg(flow.peer.text(), m_local.text().join(u", "_s));
        }
        result = Tri::No;
    }
    if (terms.myController) {
        if (m_mappings.myController.isEmpty()) {
            if (miss)
                miss->why << u"nobody said which hosts are this device's controller (my-controller)"_s;
            result = std::min(result, Tri::Maybe);
        } else if (!within(m_mappings.myController, flow.peer)) {
            if (miss) {
                miss->weight += AddressMiss;
                miss->why << u"%1 is not this device's controller"_s.arg(flow.peer.text());
            }
            result = Tri::No;
        }
    }
    if (terms.manufacturer || terms.sameManufacturer || terms.model)
        result = std::min(result, testThing(rule, flow, miss));
    return result;
}

// With `miss` every term is asked and says why it does not hold; without, the first that does not hold ends it.
FlowRules::Tri FlowRules::test(const Rule &rule, const TrafficFlow &flow, Miss *miss, NameFit *fit) const
{
    Tri result = Tri::Yes;
    const auto no = [&](int weight, auto why) {
        result = Tri::No;
        if (miss) {
            miss->weight += weight;
            miss->why << why();
        }
        return miss == nullptr;
    };
    const auto maybe = [&](auto why) {
        result = std::min(result, Tri::Maybe);
        if (miss)
            miss->why << why();
    };

    const bool v4 = flow.isIp() && flow.etherType == quint16(EtherType::Ipv4);
    const bool v6 = flow.isIp() && !v4;
    if ((v4 && !rule.v4) || (v6 && !rule.v6) || (!flow.isIp() && !rule.other)) {
        if (no(KindMiss, [&] {
                return v4 ? u"it is not for IPv4"_s : v6 ? u"it is not for IPv6"_s : u"it is for IP only"_s;
            }))
            return Tri::No;
    }
    if (rule.protocol >= 0 && (!flow.isIp() || flow.protocol != rule.protocol)) {
        if (no(ProtocolMiss, [&] {
                TrafficFlow meant;
                meant.etherType = quint16(EtherType::Ipv4);
                meant.protocol = quint8(rule.protocol);
                return u"it is for %1"_s.arg(meant.protocolText());
            }))
            return Tri::No;
    } else if (rule.peerPorts || rule.peerPort) {
        if (!flow.portsKnown) {
            maybe([] { return u"the packets are fragments whose first one is not in the capture"_s; });
        } else {
            const bool right = rule.peerPort ? flow.peerPort == *rule.peerPort : rule.peerPorts->matches(flow.peerPort);
            if (!right && no(SmallMiss, [&] {
                    return u"its port is %1, not %2"_s
                        .arg(rule.peerPort ? QString::number(*rule.peerPort) : rule.peerPorts->text())
                        .arg(flow.peerPort);
                }))
                return Tri::No;
            if (rule.devicePorts && !rule.devicePorts->matches(flow.devicePort) && no(SmallMiss, [&] {
                    return u"its port of the device is %1, not %2"_s.arg(rule.devicePorts->text()).arg(flow.devicePort);
                }))
                return Tri::No;
        }
    }
    if ((rule.icmpType || rule.icmpCode) && flow.isIcmp() && !flow.portsKnown)
        maybe([] { return u"the packets are fragments whose first one is not in the capture"_s; });
    else if (rule.icmpType && *rule.icmpType != flow.icmpType &&
             no(SmallMiss, [&] { return u"its ICMP type is %1, not %2"_s.arg(*rule.icmpType).arg(flow.icmpType); }))
        return Tri::No;
    else if (rule.icmpCode && *rule.icmpCode != flow.icmpCode &&
             no(SmallMiss, [&] { return u"its ICMP code is %1, not %2"_s.arg(*rule.icmpCode).arg(flow.icmpCode); }))
        return Tri::No;
    if (rule.initiated && flow.isTcp()) {
        const bool byDevice = *rule.initiated == MudDirection::FromDevice;
        if (flow.initiator == TrafficFlow::Initiator::Unknown) {
            maybe([] { return u"the capture does not hold the beginning of the connection"_s; });
        } else if (byDevice != (flow.initiator == TrafficFlow::Initiator::Device) && no(SmallMiss, [&] {
                       return byDevice
                                  ? u"it is for connections that the device opens, and the other side opened this"_s
                                  : u"it is for connections that the other side opens, and the device opened this"_s;
                   })) {
            return Tri::No;
        }
    }
    if (rule.peer && !rule.peer->contains(flow.peer) &&
        no(AddressMiss, [&] { return u"it is for %1"_s.arg(rule.peer->text()); }))
        return Tri::No;
    if (rule.device && !rule.device->contains(flow.device) &&
        no(AddressMiss, [&] { return u"it is for a device at %1"_s.arg(rule.device->text()); }))
        return Tri::No;
    if (rule.deviceNamed && no(AddressMiss, [] { return u"it names the device itself (RFC 8520 8 forbids that)"_s; }))
        return Tri::No;
    if (!rule.peerName.isEmpty()) {
        const NameFit now = flow.isIp() ? m_names.fits(flow.peer, rule.peerName, flow.firstNs) : NameFit::None;
        if (fit)
            *fit = now;
        if (now == NameFit::None &&
            no(AddressMiss, [&] { return u"it is for %1"_s.arg(QString::fromLatin1(rule.peerName)); }))
            return Tri::No;
    }
    if (rule.peerMac && *rule.peerMac != flow.peerMac &&
        no(AddressMiss, [&] { return u"it is for %1"_s.arg(macText(*rule.peerMac)); }))
        return Tri::No;
    if (rule.terms || !rule.controller.isEmpty()) {
        const Tri terms = testTerms(rule, flow, miss);
        result = std::min(result, terms);
        if (result == Tri::No && !miss)
            return Tri::No;
    }
    for (const QString &leaf : rule.unjudged)
        maybe([&] { return u"it looks at %1, which is not followed here"_s.arg(leaf); });
    return result;
}

FlowRules::Outcome FlowRules::judge(const TrafficFlow &flow, MudDirection direction, bool passes) const
{
    Outcome outcome;
    bool mayPass = false;
    bool mayDrop = false;
    bool decided = false;
    for (size_t i = 0; i < m_rules.size() && !decided; ++i) {
        const Rule &rule = m_rules[i];
        if (rule.direction != direction)
            continue;
        NameFit fit = NameFit::InTime;
        const Tri match = test(rule, flow, nullptr, &fit);
        if (match == Tri::No)
            continue;
        if (outcome.rule < 0 || (match == Tri::Yes && !mayDrop && rule.accept)) {
            outcome.rule = int(i);
            outcome.fit = fit;
        }
        (rule.accept ? mayPass : mayDrop) = true;
        decided = match == Tri::Yes;
    }
    if (!decided)
        (passes ? mayPass : mayDrop) = true;
    outcome.verdict = mayPass && mayDrop ? Outcome::Verdict::Unjudged
                      : mayPass          ? Outcome::Verdict::Allowed
                                         : Outcome::Verdict::Denied;
    return outcome;
}

FlowRules::Nearest FlowRules::nearest(const TrafficFlow &flow, MudDirection direction) const
{
    Nearest best;
    int least = FarMiss + 1; // further away is not near
    for (size_t i = 0; i < m_rules.size(); ++i) {
        const Rule &rule = m_rules[i];
        if (rule.direction != direction)
            continue;
        Miss miss;
        const Tri match = test(rule, flow, &miss, nullptr);
        if (match == Tri::Yes && rule.accept)
            continue;
        // The rules that are added come near only where nothing but the server differs.
        const int weight = miss.weight + (rule.ace ? 0 : 3);
        if (weight >= least)
            continue;
        least = weight;
        best.rule = int(i);
        best.why = match == Tri::Yes ? u"it drops what it matches"_s : miss.why.join(u"; "_s);
    }
    return best;
}

bool FlowRules::namesHost(const QByteArray &name) const
{
    return std::any_of(m_rules.begin(), m_rules.end(), [&](const Rule &rule) {
        return rule.accept && !rule.peerName.isEmpty() && nameMatches(rule.peerName, name);
    });
}

bool FlowRules::isMapped(const IpAddress &address) const
{
    if (within(m_mappings.myController, address) || m_traffic.dnsServers.contains(address) ||
        m_traffic.ntpServers.contains(address))
        return true;
    for (const MudMappings::Thing &thing : m_mappings.things) {
        if (thing.address == address)
            return true;
    }
    return std::any_of(m_mappings.controllers.begin(), m_mappings.controllers.end(),
                       [&](const QList<IpPrefix> &hosts) { return within(hosts, address); });
}

QString FlowRules::peerText(const TrafficFlow &flow) const
{
    if (!flow.isIp())
        return flow.peerMac ? macText(flow.peerMac) : u"unknown"_s;
    // What it asked for first, then where aliases led.
    QStringList words;
    const auto names = m_names.namesOf(flow.peer, flow.firstNs);
    for (const bool asked : {true, false}) {
        for (const NameTable::Name &name : names) {
            if (words.size() < 4 && m_traffic.asked.contains(name.name) == asked)
                words << QString::fromLatin1(name.name);
        }
    }
    return words.isEmpty() ? flow.peer.text() : words.join(u", "_s);
}

} // namespace slipway
