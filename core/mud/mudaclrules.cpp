// What RFC 8519 and RFC 8520 ask of access lists beyond the types of their leaves.

#include "core/base/text.h"
#include "core/mud/mudrules.h"
#include "core/mud/mudurl.h"

#include <QSet>

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

void checkPorts(Findings &findings, const MudPorts &ports)
{
    if (!ports.present())
        return;
    const bool range = ports.lower.present() || ports.upper.present();
    const bool single = ports.op.present() || ports.port.present();
    if (range && single) {
        findings.error(ports.line, ports.path, u"RFC 8519 4.2"_s,
                       u"a range of ports and an operator exclude each other"_s);
        return;
    }
    if (range && (!ports.lower.present() || !ports.upper.present()))
        findings.error(
            ports.line, ports.path, u"RFC 8519 4.2"_s,
            u"%1 is missing: a range has both ends"_s.arg(ports.lower.present() ? u"upper-port"_s : u"lower-port"_s));
    if (ports.lower && ports.upper && *ports.lower > *ports.upper)
        findings.error(ports.line, ports.path, u"RFC 8519 4.2"_s,
                       u"the range of ports from %1 to %2 is empty"_s.arg(*ports.lower).arg(*ports.upper));
    if (single && !ports.port.present())
        findings.error(ports.line, ports.path, u"RFC 8519 4.2"_s, u"an operator needs a port"_s);
    if (ports.port && ports.op &&
        ((*ports.op == MudPortOperator::LessOrEqual && *ports.port == 65535) ||
         (*ports.op == MudPortOperator::GreaterOrEqual && *ports.port == 0)))
        findings.warning(ports.line, ports.path, u"RFC 8519 4.2"_s, u"these are all ports there are"_s);
}

// RFC 8520 section 2: publishers should keep to the leaves that it names.
template <typename T> void unusual(Findings &findings, const MudContainer &place, const MudLeaf<T> &leaf)
{
    if (leaf.present())
        findings.warning(leaf.line, place.pathOf(leaf), u"RFC 8520 2"_s,
                         u"%1 is no match that MUD managers are expected to know"_s.arg(leaf.name));
}

void checkIp(Findings &findings, const MudIpMatch &ip, bool fromDevice, bool toDevice)
{
    if (ip.sourceDnsName.present() && fromDevice)
        findings.error(ip.sourceDnsName.line, ip.pathOf(ip.sourceDnsName), u"RFC 8520 8"_s,
                       u"src-dnsname must not stand in a from-device policy: the source is the device itself; "
                       "dst-dnsname is meant"_s);
    if (ip.destinationDnsName.present() && toDevice)
        findings.error(ip.destinationDnsName.line, ip.pathOf(ip.destinationDnsName), u"RFC 8520 8"_s,
                       u"dst-dnsname must not stand in a to-device policy: the destination is the device itself; "
                       "src-dnsname is meant"_s);
    for (const MudLeaf<QString> *name : {&ip.sourceDnsName, &ip.destinationDnsName}) {
        QHostAddress literal;
        if (*name && literal.setAddress(**name))
            findings.warning(
                name->line, ip.pathOf(*name), u"RFC 8520 2"_s,
                u"an IP address stands where a name belongs: a MUD manager should not apply such a file by "
                "itself"_s);
    }
    for (const MudLeaf<MudPrefix> *network : {&ip.source, &ip.destination}) {
        if (network->present())
            findings.warning(network->line, ip.pathOf(*network), u"RFC 8520 2"_s,
                             u"%1 is an IP address: a MUD manager should not apply such a file by itself"_s.arg(
                                 *network ? (*network)->text() : network->name));
    }
    unusual(findings, ip, ip.dscp);
    unusual(findings, ip, ip.ecn);
    unusual(findings, ip, ip.ttl);
    unusual(findings, ip, ip.length);
    unusual(findings, ip, ip.ihl);
    unusual(findings, ip, ip.flags);
    unusual(findings, ip, ip.offset);
    unusual(findings, ip, ip.identification);
    unusual(findings, ip, ip.flowLabel);
}

// The protocol number that the transport's container stands for.
void checkTransport(Findings &findings, const MudMatches &matches)
{
    const MudIpMatch *ip = matches.ip();
    const QString l4 = u"RFC 8519 4.1"_s;
    if (matches.tcp.has_value() + matches.udp.has_value() + matches.icmp.has_value() > 1)
        findings.error(matches.line, matches.path, l4, u"tcp, udp and icmp exclude each other"_s);
    if (matches.tcp) {
        const MudTcpMatch &tcp = *matches.tcp;
        checkPorts(findings, tcp.sourcePort);
        checkPorts(findings, tcp.destinationPort);
        unusual(findings, tcp, tcp.sequenceNumber);
        unusual(findings, tcp, tcp.acknowledgementNumber);
        unusual(findings, tcp, tcp.dataOffset);
        unusual(findings, tcp, tcp.reserved);
        unusual(findings, tcp, tcp.flags);
        unusual(findings, tcp, tcp.windowSize);
        unusual(findings, tcp, tcp.urgentPointer);
        unusual(findings, tcp, tcp.options);
    }
    if (matches.udp) {
        checkPorts(findings, matches.udp->sourcePort);
        checkPorts(findings, matches.udp->destinationPort);
        unusual(findings, *matches.udp, matches.udp->length);
    }
    if (!ip || !ip->protocol)
        return;
    const int icmp = ip->version == 4 ? 1 : 58;
    const auto never = [&](const QString &name, int number) {
        findings.warning(
            ip->protocol.line, ip->pathOf(ip->protocol), l4,
            u"no packet has protocol %1 and is %2, whose number is %3: this never matches"_s.arg(*ip->protocol)
                .arg(name)
                .arg(number));
    };
    if (matches.tcp && *ip->protocol != 6)
        never(u"tcp"_s, 6);
    if (matches.udp && *ip->protocol != 17)
        never(u"udp"_s, 17);
    if (matches.icmp && *ip->protocol != icmp)
        never(u"icmp"_s, icmp);
}

void checkTerms(Findings &findings, const MudTerms &terms)
{
    if (terms.count() == 0)
        findings.warning(terms.line, terms.path, u"RFC 8520 4"_s, u"this names nobody: it matches everybody"_s);
    if (terms.count() > 1)
        findings.warning(terms.line, terms.path, u"RFC 8520 4"_s,
                         u"all of these must hold at once; one term in each entry is what managers expect"_s);
    if (terms.model && whyNoUri(*terms.model, true).isEmpty()) {
        const QString why = MudUrl::whyNot(*terms.model);
        if (!why.isEmpty())
            findings.warning(
                terms.model.line, terms.pathOf(terms.model), u"RFC 8520 4.4"_s,
                u"\"%1\" is no MUD URL (%2): no device can match it"_s.arg(oneLine(*terms.model, 80), why));
    }
    if (!terms.controller || !whyNoUri(*terms.controller, true).isEmpty())
        return;
    static const QString registered = u"urn:ietf:params:mud:"_s;
    if (!whyNoUri(*terms.controller, false).isEmpty())
        findings.warning(terms.controller.line, terms.pathOf(terms.controller), u"RFC 8520 4.6"_s,
                         u"\"%1\" has no scheme, and a class is named by a URI such as https://mud.example/hub or "
                         "urn:ietf:params:mud:dns"_s.arg(oneLine(*terms.controller, 80)));
    else if (terms.controller->startsWith(registered, Qt::CaseInsensitive) &&
             terms.controller->mid(registered.size()) != u"dns" && terms.controller->mid(registered.size()) != u"ntp")
        findings.warning(terms.controller.line, terms.pathOf(terms.controller), u"RFC 8520 17.7"_s,
                         u"\"%1\" is not registered; urn:ietf:params:mud:dns and urn:ietf:params:mud:ntp are"_s.arg(
                             oneLine(*terms.controller, 80)));
}

void checkMatches(Findings &findings, const MudAcl &acl, const MudMatches &matches, bool fromDevice, bool toDevice)
{
    const QString type = acl.type ? toString(*acl.type) : u"without type"_s;
    const auto wrongType = [&](const MudContainer &place, const QString &what) {
        findings.error(place.line, place.path, u"RFC 8519 4.1"_s,
                       u"an access list %1 cannot match %2"_s.arg(acl.type ? u"of type %1"_s.arg(type) : type, what));
    };
    if (matches.ipv4 && matches.ipv6)
        findings.error(matches.line, matches.path, u"RFC 8519 4.1"_s, u"ipv4 and ipv6 exclude each other"_s);
    if (matches.ipv4) {
        if (!acl.type.present() || (acl.type && !acl.takesIpv4()))
            wrongType(*matches.ipv4, u"ipv4"_s);
        checkIp(findings, *matches.ipv4, fromDevice, toDevice);
    }
    if (matches.ipv6) {
        if (!acl.type.present() || (acl.type && !acl.takesIpv6()))
            wrongType(*matches.ipv6, u"ipv6"_s);
        checkIp(findings, *matches.ipv6, fromDevice, toDevice);
    }
    if (matches.eth) {
        if (!acl.type.present() || (acl.type && (*acl.type == MudAclType::Ipv4 || *acl.type == MudAclType::Ipv6)))
            wrongType(*matches.eth, u"eth"_s);
        findings.warning(matches.eth->line, matches.eth->path, u"RFC 8520 2"_s,
                         u"Ethernet headers are no match that MUD managers are expected to know"_s);
    }
    checkTransport(findings, matches);
    if (matches.terms)
        checkTerms(findings, *matches.terms);
    for (const MudLeaf<QString> *leaf : {&matches.egressInterface, &matches.ingressInterface}) {
        if (leaf->present())
            findings.error(
                leaf->line, matches.pathOf(*leaf), u"RFC 8520 2"_s,
                u"%1 names an interface of a network element, which a MUD file cannot know"_s.arg(leaf->name));
    }
}

bool matchesNothingInParticular(const MudMatches &m)
{
    return !m.eth && !m.ipv4 && !m.ipv6 && !m.tcp && !m.udp && !m.icmp && !m.terms && !m.egressInterface.present() &&
           !m.ingressInterface.present() && m.unknown.empty();
}

} // namespace

void checkAcl(Findings &findings, const MudAcl &acl, bool fromDevice, bool toDevice)
{
    if (acl.type && *acl.type != MudAclType::Ipv4 && *acl.type != MudAclType::Ipv6)
        findings.warning(acl.type.line, acl.pathOf(acl.type), u"RFC 8520 2"_s,
                         u"%1 is no type that MUD managers are expected to know"_s.arg(toString(*acl.type)));
    if (!acl.type.present())
        findings.warning(acl.line, acl.path, u"RFC 8519 4.1"_s, u"the access list has no type"_s);
    if (acl.aces.empty())
        findings.warning(acl.line, acl.path, u"RFC 8519 4.1"_s, u"the access list has no entries: it allows nothing"_s);
    for (const MudAce &ace : acl.aces) {
        checkMatches(findings, acl, ace.matches, fromDevice, toDevice);
        if (matchesNothingInParticular(ace.matches))
            findings.warning(ace.line, ace.path, u"RFC 8519 4.1"_s, u"the entry matches every packet"_s);
        if (!ace.actions.forwarding.present())
            findings.error(ace.line, ace.path + u"/actions/forwarding"_s, u"RFC 8519 4.1"_s,
                           u"actions/forwarding is missing"_s);
        if (ace.actions.forwarding && *ace.actions.forwarding == MudForwarding::Reject)
            findings.warning(ace.actions.forwarding.line, ace.actions.pathOf(ace.actions.forwarding), u"RFC 8520 2"_s,
                             u"a MUD file should say accept or drop; managers may take reject for drop"_s);
        if (ace.actions.logging && *ace.actions.logging != u"log-none")
            findings.warning(ace.actions.logging.line, ace.actions.pathOf(ace.actions.logging), u"RFC 8520 2"_s,
                             u"a MUD manager should ignore %1: whether to log is for the network to say"_s.arg(
                                 *ace.actions.logging));
    }
}

void checkAclNames(Findings &findings, const MudFile &file)
{
    const auto check = [&](const MudContainer &place, const MudLeaf<QString> &name, const QString &what,
                           QSet<QString> &seen) {
        if (!name.present()) {
            findings.error(place.line, place.path, u"RFC 8519 4.1"_s, u"%1 has no name"_s.arg(what));
            return;
        }
        if (!name)
            return;
        if (name->isEmpty() || name->size() > 64)
            findings.error(name.line, place.pathOf(name), u"RFC 8519 4.1"_s,
                           u"a name has 1 to 64 characters, and this has %1"_s.arg(name->size()));
        if (seen.contains(*name))
            findings.error(
                name.line, place.path, u"RFC 7950 7.8.2"_s,
                u"the name \"%1\" is taken: %2 cannot be told from the one before"_s.arg(oneLine(*name, 64), what));
        seen.insert(*name);
    };
    QSet<QString> lists;
    for (const MudAcl &acl : file.acls) {
        check(acl, acl.name, u"this access list"_s, lists);
        const auto odd = [](QChar c) { return c.isSpace() || !c.isPrint(); };
        if (acl.name && std::any_of(acl.name->begin(), acl.name->end(), odd))
            findings.warning(acl.name.line, acl.pathOf(acl.name), u"RFC 8519 4.1"_s,
                             u"the name of an access list should have neither space nor special characters"_s);
        QSet<QString> entries;
        for (const MudAce &ace : acl.aces)
            check(ace, ace.name, u"this entry"_s, entries);
    }
}

QString didYouMeanAcl(const MudFile &file, const QString &name)
{
    QStringList names;
    for (const MudAcl &acl : file.acls)
        names += acl.name.valueOr({});
    const QString meant = nearMiss(name, names);
    return meant.isEmpty() ? QString() : u"; did you mean \"%1\"?"_s.arg(oneLine(meant, 64));
}

} // namespace slipway::mud
