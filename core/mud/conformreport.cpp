// What a check of conformance says: sentences, JSON, and what is let through without a rule.

#include "core/mud/mudconform.h"

#include <QDateTime>
#include <QJsonArray>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Kind = ConformFinding::Kind;
using Severity = ConformFinding::Severity;

QString timeText(qint64 ns)
{
    return QDateTime::fromMSecsSinceEpoch(ns / 1'000'000, Qt::UTC).toString(u"yyyy-MM-ddTHH:mm:ss.zzzZ"_s);
}

} // namespace

QString infrastructureClause(const TrafficFlow &flow)
{
    switch (EtherType(flow.etherType)) {
    case EtherType::Arp:
        return u"RFC 826"_s;
    case EtherType::Lldp:
        return u"RFC 8520 12"_s;
    case EtherType::Eapol:
        return u"IEEE 802.1X"_s;
    default:
        break;
    }
    if (!flow.isIp())
        return {};
    if (flow.isUdp() && flow.portsKnown) {
        if (flow.devicePort == 68 && flow.peerPort == 67)
            return u"RFC 8520 10, RFC 2131"_s;
        if (flow.devicePort == 546 && flow.peerPort == 547)
            return u"RFC 8520 10, RFC 8415"_s;
        return {};
    }
    if (flow.etherType == quint16(EtherType::Ipv4)) {
        if (IpProtocol(flow.protocol) == IpProtocol::Igmp)
            return u"RFC 3376"_s;
        // Errors about packets that were let through.
        if (IpProtocol(flow.protocol) == IpProtocol::Icmp &&
            (flow.icmpType == 3 || flow.icmpType == 11 || flow.icmpType == 12))
            return u"RFC 1122 3.2.2"_s;
        return {};
    }
    if (IpProtocol(flow.protocol) == IpProtocol::Icmp6) {
        if (flow.icmpType >= 133 && flow.icmpType <= 137)
            return u"RFC 4861"_s;
        if ((flow.icmpType >= 130 && flow.icmpType <= 132) || flow.icmpType == 143)
            return u"RFC 3810"_s;
        if (flow.icmpType >= 1 && flow.icmpType <= 4)
            return u"RFC 4443 2.4, RFC 4890"_s;
    }
    return {};
}

int ConformReport::count(ConformFinding::Severity severity) const
{
    return int(std::count_if(findings.begin(), findings.end(),
                             [severity](const ConformFinding &f) { return f.severity == severity; }));
}

bool ConformReport::conforms(bool strict) const
{
    return count(Severity::Violation) == 0 && (!strict || findings.isEmpty());
}

QString ConformReport::sentence(bool strict) const
{
    const int violations = count(Severity::Violation);
    const int unjudged = count(Severity::Unjudged);
    const int warnings = count(Severity::Warning);
    const auto counted = [](quint64 number, const QString &what) {
        return u"%1 %2%3"_s.arg(number).arg(what, number == 1 ? QString() : u"s"_s);
    };
    QString text = violations > 0
                       ? u"The device does not keep to its MUD file: "_s + counted(quint64(violations), u"violation"_s)
                   : conforms(strict) ? u"The device keeps to its MUD file: %1 allowed"_s.arg(
                                            counted(allowedFlows + infrastructureFlows, u"flow"_s))
                                      : u"The device breaks no rule of its MUD file, but the check is strict"_s;
    if (unjudged > 0)
        text += u", %1 not to be judged"_s.arg(unjudged);
    if (warnings > 0)
        text += u", "_s + counted(quint64(warnings), u"warning"_s);
    return text + u'.';
}

QJsonObject ConformReport::toJson(const DeviceTraffic &traffic, bool strict) const
{
    QJsonObject urls;
    for (auto it = traffic.mudUrls.constBegin(); it != traffic.mudUrls.constEnd(); ++it)
        urls.insert(it.key(), QString::fromLatin1(it.value()));
    QStringList addresses;
    for (const IpAddress &address : traffic.addresses)
        addresses << address.text();
    return {{u"conforms"_s, conforms(strict)},
            {u"strict"_s, strict},
            {u"violations"_s, count(Severity::Violation)},
            {u"unjudged"_s, count(Severity::Unjudged)},
            {u"warnings"_s, count(Severity::Warning)},
            {u"flows"_s, qint64(flows)},
            {u"allowed-flows"_s, qint64(allowedFlows)},
            {u"infrastructure-flows"_s, qint64(infrastructureFlows)},
            {u"rules"_s, qint64(rules)},
            {u"rules-used"_s, qint64(rulesUsed)},
            {u"packets"_s, qint64(traffic.packets)},
            {u"device-packets"_s, qint64(traffic.devicePackets)},
            {u"lost"_s, qint64(traffic.lost)},
            {u"damaged"_s, qint64(traffic.damaged)},
            {u"seconds"_s, traffic.seconds()},
            {u"device-addresses"_s, QJsonArray::fromStringList(addresses)},
            {u"device-mud-urls"_s, urls},
            {u"local-networks"_s, QJsonArray::fromStringList(localNetworks)},
            {u"local-networks-assumed"_s, localAssumed}};
}

QString toString(ConformFinding::Kind kind)
{
    switch (kind) {
    case Kind::Flow:
        return u"flow"_s;
    case Kind::Answer:
        return u"answer"_s;
    case Kind::Accepted:
        return u"accepted"_s;
    case Kind::Refused:
        return u"refused"_s;
    case Kind::Name:
        return u"name"_s;
    case Kind::Unjudged:
        return u"unjudged"_s;
    case Kind::StaleName:
        return u"stale-name"_s;
    case Kind::NotUsed:
        return u"not-used"_s;
    case Kind::MudUrl:
        return u"mud-url"_s;
    case Kind::Incomplete:
        return u"incomplete"_s;
    }
    return {};
}

QString toString(ConformFinding::Severity severity)
{
    switch (severity) {
    case Severity::Violation:
        return u"violation"_s;
    case Severity::Unjudged:
        return u"unjudged"_s;
    case Severity::Warning:
        return u"warning"_s;
    }
    return {};
}

QJsonObject ConformFinding::toJson() const
{
    QJsonObject object{{u"kind"_s, toString(kind)},
                       {u"severity"_s, toString(severity)},
                       {u"message"_s, message},
                       {u"clause"_s, clause}};
    if (!rule.isEmpty())
        object.insert(u"rule"_s, rule);
    if (line > 0) {
        object.insert(u"line"_s, line);
        object.insert(u"path"_s, path);
    }
    if (!why.isEmpty())
        object.insert(u"why"_s, why);
    if (kind == Kind::Name && !isFlow) {
        object.insert(u"name"_s, peer);
        object.insert(u"addresses"_s, QJsonArray::fromStringList(addresses));
        object.insert(u"queries"_s, qint64(flows));
        object.insert(u"first"_s, timeText(firstNs));
    }
    if (isFlow) {
        QJsonArray numbers;
        for (const quint16 port : ports)
            numbers << int(port);
        object.insert(u"peer"_s, peer);
        object.insert(u"addresses"_s, QJsonArray::fromStringList(addresses));
        if (!askedFor.isEmpty())
            object.insert(u"asked-for"_s, askedFor);
        object.insert(u"protocol"_s, protocol);
        object.insert(u"ports"_s, numbers);
        object.insert(u"initiator"_s, initiator);
        object.insert(u"flows"_s, qint64(flows));
        object.insert(u"from-device"_s,
                      QJsonObject{{u"packets"_s, qint64(fromPackets)}, {u"bytes"_s, qint64(fromBytes)}});
        object.insert(u"to-device"_s, QJsonObject{{u"packets"_s, qint64(toPackets)}, {u"bytes"_s, qint64(toBytes)}});
        object.insert(u"first"_s, timeText(firstNs));
        object.insert(u"last"_s, timeText(lastNs));
    }
    return object;
}

} // namespace slipway
