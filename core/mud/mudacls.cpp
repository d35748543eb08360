// Reads ietf-access-control-list:acls (RFC 8519) with what RFC 8520 adds to it.

#include "core/mud/mudobject.h"

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

void readPorts(Findings &findings, Object &above, const char *name, MudPorts &ports)
{
    const JsonMember *found = above.container(name);
    if (!found)
        return;
    Object object(findings, found->value, ports, above.pathOf(*found), aclModule);
    object.number(ports.lower, "lower-port", 0, 65535);
    object.number(ports.upper, "upper-port", 0, 65535);
    object.word<MudPortOperator>(ports.op, "operator",
                                 {{"lte", MudPortOperator::LessOrEqual},
                                  {"gte", MudPortOperator::GreaterOrEqual},
                                  {"eq", MudPortOperator::Equal},
                                  {"neq", MudPortOperator::NotEqual}},
                                 rfc8519);
    object.number(ports.port, "port", 0, 65535);
    object.finish();
}

void readIp(Findings &findings, const JsonMember &member, const QString &path, int version, MudIpMatch &ip)
{
    ip.version = version;
    Object object(findings, member.value, ip, path, aclModule);
    object.number(ip.dscp, "dscp", 0, 63);
    object.number(ip.ecn, "ecn", 0, 3);
    object.number(ip.length, "length", 0, 65535);
    object.number(ip.ttl, "ttl", 0, 255);
    object.number(ip.protocol, "protocol", 0, 255);
    if (version == 4) {
        object.number(ip.ihl, "ihl", 5, 60);
        object.bits(ip.flags, "flags", {"reserved", "fragment", "more"});
        object.number(ip.offset, "offset", 20, 65535);
        object.number(ip.identification, "identification", 0, 65535);
        object.prefix(ip.destination, "destination-ipv4-network", 4);
        object.prefix(ip.source, "source-ipv4-network", 4);
    } else {
        object.prefix(ip.destination, "destination-ipv6-network", 6);
        object.prefix(ip.source, "source-ipv6-network", 6);
        object.number(ip.flowLabel, "flow-label", 0, 1048575);
    }
    object.host(ip.sourceDnsName, "src-dnsname", dnsModule);
    object.host(ip.destinationDnsName, "dst-dnsname", dnsModule);
    object.finish();
}

void readTcp(Findings &findings, const JsonMember &member, const QString &path, MudTcpMatch &tcp)
{
    Object object(findings, member.value, tcp, path, aclModule);
    object.number(tcp.sequenceNumber, "sequence-number", 0, 4294967295);
    object.number(tcp.acknowledgementNumber, "acknowledgement-number", 0, 4294967295);
    object.number(tcp.dataOffset, "data-offset", 5, 15);
    object.number(tcp.reserved, "reserved", 0, 255);
    object.bits(tcp.flags, "flags", {"cwr", "ece", "urg", "ack", "psh", "rst", "syn", "fin"});
    object.number(tcp.windowSize, "window-size", 0, 65535);
    object.number(tcp.urgentPointer, "urgent-pointer", 0, 65535);
    object.binary(tcp.options, "options", 1, 40);
    readPorts(findings, object, "source-port", tcp.sourcePort);
    readPorts(findings, object, "destination-port", tcp.destinationPort);
    object.word<MudDirection>(tcp.directionInitiated, "direction-initiated",
                              {{"to-device", MudDirection::ToDevice}, {"from-device", MudDirection::FromDevice}},
                              "RFC 8520 4.8", mudModule);
    object.finish();
}

void readEth(Findings &findings, const JsonMember &member, const QString &path, MudEthMatch &eth)
{
    Object object(findings, member.value, eth, path, aclModule);
    object.mac(eth.destinationMac, "destination-mac-address");
    object.mac(eth.destinationMacMask, "destination-mac-address-mask");
    object.mac(eth.sourceMac, "source-mac-address");
    object.mac(eth.sourceMacMask, "source-mac-address-mask");
    object.text(eth.ethertype, "ethertype");
    object.finish();
}

void readTerms(Findings &findings, const JsonMember &member, const QString &path, MudTerms &terms)
{
    Object object(findings, member.value, terms, path, mudModule);
    object.host(terms.manufacturer, "manufacturer");
    object.empty(terms.sameManufacturer, "same-manufacturer");
    object.uri(terms.model, "model");
    object.empty(terms.localNetworks, "local-networks");
    object.uri(terms.controller, "controller");
    object.empty(terms.myController, "my-controller");
    object.finish();
}

void readMatches(Findings &findings, const JsonMember &member, const QString &path, MudMatches &matches)
{
    Object object(findings, member.value, matches, path, aclModule);
    if (const JsonMember *found = object.container("eth"))
        readEth(findings, *found, object.pathOf(*found), matches.eth.emplace());
    if (const JsonMember *found = object.container("ipv4"))
        readIp(findings, *found, object.pathOf(*found), 4, matches.ipv4.emplace());
    if (const JsonMember *found = object.container("ipv6"))
        readIp(findings, *found, object.pathOf(*found), 6, matches.ipv6.emplace());
    if (const JsonMember *found = object.container("tcp"))
        readTcp(findings, *found, object.pathOf(*found), matches.tcp.emplace());
    if (const JsonMember *found = object.container("udp")) {
        MudUdpMatch &udp = matches.udp.emplace();
        Object ports(findings, found->value, udp, object.pathOf(*found), aclModule);
        ports.number(udp.length, "length", 0, 65535);
        readPorts(findings, ports, "source-port", udp.sourcePort);
        readPorts(findings, ports, "destination-port", udp.destinationPort);
        ports.finish();
    }
    if (const JsonMember *found = object.container("icmp")) {
        MudIcmpMatch &icmp = matches.icmp.emplace();
        Object fields(findings, found->value, icmp, object.pathOf(*found), aclModule);
        fields.number(icmp.type, "type", 0, 255);
        fields.number(icmp.code, "code", 0, 255);
        fields.binary(icmp.restOfHeader, "rest-of-header", 0, 65535);
        fields.finish();
    }
    if (const JsonMember *found = object.container("mud", mudModule))
        readTerms(findings, *found, object.pathOf(*found), matches.terms.emplace());
    object.text(matches.egressInterface, "egress-interface");
    object.text(matches.ingressInterface, "ingress-interface");
    object.finish();
}

MudAce readAce(Findings &findings, const JsonValue &value, const QString &path)
{
    MudAce ace;
    Object object(findings, value, ace, path, aclModule);
    object.text(ace.name, "name");
    if (const JsonMember *found = object.container("matches"))
        readMatches(findings, *found, object.pathOf(*found), ace.matches);
    if (const JsonMember *found = object.container("actions")) {
        Object actions(findings, found->value, ace.actions, object.pathOf(*found), aclModule);
        actions.word<MudForwarding>(
            ace.actions.forwarding, "forwarding",
            {{"accept", MudForwarding::Accept}, {"drop", MudForwarding::Drop}, {"reject", MudForwarding::Reject}},
            "RFC 8519 4.1", nullptr, aclModule);
        actions.word<QString>(ace.actions.logging, "logging",
                              {{"log-syslog", u"log-syslog"_s}, {"log-none", u"log-none"_s}}, "RFC 8519 4.1", nullptr,
                              aclModule);
        actions.finish();
    }
    if (const JsonMember *found = object.container("statistics"))
        findings.error(found->line, object.pathOf(*found), u"RFC 8519 4.1"_s,
                       u"statistics are what a device counts, and have no place in a file"_s);
    object.finish();
    return ace;
}

MudAcl readAcl(Findings &findings, const JsonValue &value, const QString &path)
{
    MudAcl acl;
    Object object(findings, value, acl, path, aclModule);
    object.text(acl.name, "name");
    object.word<MudAclType>(acl.type, "type",
                            {{"ipv4-acl-type", MudAclType::Ipv4},
                             {"ipv6-acl-type", MudAclType::Ipv6},
                             {"eth-acl-type", MudAclType::Eth},
                             {"mixed-eth-ipv4-acl-type", MudAclType::MixedEthIpv4},
                             {"mixed-eth-ipv6-acl-type", MudAclType::MixedEthIpv6},
                             {"mixed-eth-ipv4-ipv6-acl-type", MudAclType::MixedEthIpv4Ipv6}},
                            "RFC 8519 4.1", nullptr, aclModule);
    if (const JsonMember *found = object.container("aces")) {
        MudContainer container;
        Object aces(findings, found->value, container, object.pathOf(*found), aclModule);
        aces.list("ace", "name", [&](const JsonValue &item, const QString &itemPath) {
            acl.aces.push_back(readAce(findings, item, itemPath));
        });
        aces.finish();
        std::move(container.unknown.begin(), container.unknown.end(), std::back_inserter(acl.unknown));
    }
    object.finish();
    return acl;
}

} // namespace

void readAcls(Findings &findings, const JsonMember &acls, MudFile &file)
{
    Object object(findings, acls.value, file.aclsContainer, u'/' + acls.name, aclModule);
    object.list("acl", "name", [&](const JsonValue &item, const QString &path) {
        file.acls.push_back(readAcl(findings, item, path));
    });
    if (const JsonMember *found = object.container("attachment-points"))
        findings.warning(found->line, object.pathOf(*found), u"RFC 8519 4.1"_s,
                         u"interfaces of a network element are named here, which a MUD file cannot know"_s);
    object.finish();
}

} // namespace slipway::mud
