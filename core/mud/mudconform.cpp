#include "core/mud/mudconform.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Kind = ConformFinding::Kind;
using Severity = ConformFinding::Severity;
using Verdict = FlowRules::Outcome::Verdict;
using Initiator = TrafficFlow::Initiator;

constexpr int mostListed = 1000; // findings of a kind
constexpr qsizetype mostAddresses = 16;
constexpr qsizetype mostPorts = 16;

QString initiatorText(Initiator initiator)
{
    return initiator == Initiator::Device ? u"device"_s : initiator == Initiator::Peer ? u"peer"_s : u"unknown"_s;
}

class Checker
{
public:
    Checker(const MudFile &file, const DeviceTraffic &traffic, const MudMappings &mappings)
        : m_file(file), m_traffic(traffic), m_rules(file, mappings, traffic), m_used(m_rules.rules().size())
    {}

    ConformReport check()
    {
        for (const TrafficFlow &flow : m_traffic.flows) {
            judge(flow);
            const bool ownWish = flow.fromPackets > 0 && (flow.initiator != Initiator::Peer || flow.deviceAnswered());
            if (flow.isIp() && ownWish && infrastructureClause(flow).isEmpty() && !m_traffic.asked.isEmpty())
                m_byPeer[flow.peer.text()] << &flow;
        }
        judgeNames();
        judgeUrls();
        judgeCompleteness();
        judgeUse();
        return finish();
    }

private:
    void judge(const TrafficFlow &flow);
    void judgeFrom(const TrafficFlow &flow, const FlowRules::Outcome &from);
    void judgeTo(const TrafficFlow &flow, const FlowRules::Outcome &to);
    void count(const FlowRules::Outcome &outcome);
    void report(const TrafficFlow &flow, Kind kind, MudDirection direction, const FlowRules::Outcome &outcome);
    void allow(const TrafficFlow &flow, const QString &rule, const QString &clause);
    void merge(ConformFinding &into, const TrafficFlow &flow) const;
    void judgeNames();
    void judgeUrls();
    void judgeCompleteness();
    void judgeUse();
    ConformReport finish();
    static QString flowSentence(const ConformFinding &finding);

    const MudFile &m_file;
    const DeviceTraffic &m_traffic;
    FlowRules m_rules;
    std::vector<quint64> m_used;
    ConformReport m_report;
    QHash<QString, QList<const TrafficFlow *>> m_byPeer;
    QHash<QString, qsizetype> m_groups, m_allowedGroups;
    QHash<QString, qsizetype> m_portsListed;
};

void Checker::count(const FlowRules::Outcome &outcome)
{
    if (outcome.rule >= 0)
        ++m_used[size_t(outcome.rule)];
}

void Checker::judge(const TrafficFlow &flow)
{
    ++m_report.flows;
    const QString infrastructure = infrastructureClause(flow);
    FlowRules::Outcome from;
    FlowRules::Outcome to;
    if (flow.fromPackets > 0)
        from = m_rules.judge(flow, MudDirection::FromDevice, !infrastructure.isEmpty());
    if (flow.toPackets > 0)
        to = m_rules.judge(flow, MudDirection::ToDevice, !infrastructure.isEmpty());
    const bool fromGood = flow.fromPackets == 0 || from.verdict == Verdict::Allowed;
    const bool toGood = flow.toPackets == 0 || to.verdict == Verdict::Allowed;
    count(from);
    count(to);
    if (fromGood && toGood) {
        const bool byPeer = flow.initiator == Initiator::Peer && to.rule >= 0;
        const int rule = byPeer || from.rule < 0 ? to.rule : from.rule;
        if (rule < 0) {
            ++m_report.infrastructureFlows;
            allow(flow, u"infrastructure"_s, infrastructure);
        } else {
            ++m_report.allowedFlows;
            allow(flow, m_rules.rules()[size_t(rule)].name, m_rules.rules()[size_t(rule)].clause);
        }
        for (const auto &[direction, outcome] :
             {std::pair{MudDirection::FromDevice, from}, std::pair{MudDirection::ToDevice, to}}) {
            if (outcome.rule >= 0 && outcome.fit != NameFit::InTime) {
                report(flow, Kind::StaleName, direction, outcome);
                break;
            }
        }
        return;
    }
    if (flow.initiator == Initiator::Peer && !toGood) {
        judgeTo(flow, to);
        return; // what the device answered is part of that
    }
    if (!fromGood)
        judgeFrom(flow, from);
    else
        judgeTo(flow, to);
}

void Checker::judgeFrom(const TrafficFlow &flow, const FlowRules::Outcome &from)
{
    if (from.verdict == Verdict::Unjudged)
        report(flow, Kind::Unjudged, MudDirection::FromDevice, from);
    // A refusal of what others began is no wish of the device.
    else if (flow.initiator == Initiator::Peer && !flow.deviceAnswered())
        report(flow, Kind::Refused, MudDirection::FromDevice, from);
    else
        report(flow, Kind::Flow, MudDirection::FromDevice, from);
}

void Checker::judgeTo(const TrafficFlow &flow, const FlowRules::Outcome &to)
{
    if (to.verdict == Verdict::Unjudged)
        report(flow, Kind::Unjudged, MudDirection::ToDevice, to);
    else if (flow.initiator != Initiator::Peer)
        report(flow, Kind::Answer, MudDirection::ToDevice, to);
    else
        report(flow, flow.deviceAnswered() ? Kind::Accepted : Kind::Refused, MudDirection::ToDevice, to);
}

void Checker::merge(ConformFinding &into, const TrafficFlow &flow) const
{
    if (into.flows == 0) {
        into.isFlow = true;
        into.peer = m_rules.peerText(flow);
        into.protocol = flow.protocolText();
        if (flow.isIcmp())
            into.protocol += u" type %1"_s.arg(flow.icmpType);
        if (flow.quic)
            into.protocol = u"UDP (QUIC)"_s;
        into.initiator = initiatorText(flow.initiator);
        into.firstNs = flow.firstNs;
    }
    ++into.flows;
    const QString address = flow.isIp() ? flow.peer.text() : QString();
    if (!address.isEmpty() && into.addresses.size() < mostAddresses && !into.addresses.contains(address))
        into.addresses << address;
    if (into.askedFor.isEmpty())
        into.askedFor = QString::fromLatin1(flow.askedFor);
    if (flow.portsKnown && (flow.isTcp() || flow.isUdp()) && into.ports.size() < mostPorts &&
        !into.ports.contains(flow.servicePort())) {
        into.ports << flow.servicePort();
        std::sort(into.ports.begin(), into.ports.end());
    }
    into.fromPackets += flow.fromPackets;
    into.toPackets += flow.toPackets;
    into.fromBytes += flow.fromBytes;
    into.toBytes += flow.toBytes;
    into.firstNs = std::min(into.firstNs, flow.firstNs);
    into.lastNs = std::max(into.lastNs, flow.lastNs);
}

void Checker::allow(const TrafficFlow &flow, const QString &rule, const QString &clause)
{
    const QString key = u"%1\n%2\n%3\n%4\n%5"_s.arg(rule, m_rules.peerText(flow), flow.protocolText())
                            .arg(flow.servicePort())
                            .arg(int(flow.initiator));
    auto at = m_allowedGroups.find(key);
    if (at == m_allowedGroups.end()) {
        if (m_report.allowed.size() >= mostListed)
            return;
        ConformFinding entry;
        entry.severity = Severity::Warning;
        entry.rule = rule;
        entry.clause = clause;
        at = m_allowedGroups.insert(key, m_report.allowed.size());
        m_report.allowed << entry;
    }
    merge(m_report.allowed[*at], flow);
}

void Checker::report(const TrafficFlow &flow, Kind kind, MudDirection direction, const FlowRules::Outcome &outcome)
{
    // Flows to many ports of one peer are one finding, as a scan is one act; so are those of one refusal.
    const bool oneForAll = kind == Kind::Refused || kind == Kind::StaleName;
    const QString base = u"%1\n%2\n%3\n%4\n%5"_s.arg(int(kind))
                             .arg(int(direction))
                             .arg(m_rules.peerText(flow), flow.protocolText())
                             .arg(int(flow.initiator) * 256 + (flow.isIcmp() ? flow.icmpType : 0));
    QString key = oneForAll ? base : base + u'\n' + QString::number(flow.servicePort());
    if (!oneForAll && !m_groups.contains(key)) {
        if (m_portsListed[base] >= mostPorts)
            key = base;
        else
            ++m_portsListed[base];
    }
    const auto known = m_groups.constFind(key);
    if (known != m_groups.cend()) {
        merge(m_report.findings[*known], flow);
        return;
    }
    if (m_report.findings.size() >= mostListed) {
        ++m_report.notListed;
        return;
    }
    ConformFinding finding;
    finding.kind = kind;
    finding.severity = kind == Kind::Unjudged                             ? Severity::Unjudged
                       : kind == Kind::Refused || kind == Kind::StaleName ? Severity::Warning
                                                                          : Severity::Violation;
    int rule = outcome.rule;
    if (kind == Kind::StaleName) {
        finding.why = outcome.fit == NameFit::Stale
                          ? u"the answer's time to live was over when the flow began"_s
                          : u"the capture's answer with that name came after the flow began"_s;
        finding.clause = u"RFC 9726, RFC 1035 3.2.1"_s;
    } else {
        const auto nearest = m_rules.nearest(flow, direction);
        if (outcome.rule < 0 || nearest.rule >= 0)
            rule = nearest.rule;
        finding.why = nearest.why;
        finding.clause = u"RFC 8520 5"_s;
    }
    if (rule >= 0) {
        const FlowRules::Rule &r = m_rules.rules()[size_t(rule)];
        finding.rule = r.name;
        if (r.ace) {
            finding.path = r.ace->path;
            finding.line = r.ace->line;
        }
    }
    merge(finding, flow);
    m_groups.insert(key, m_report.findings.size());
    m_report.findings << finding;
}

void Checker::judgeNames()
{
    int listed = 0;
    for (auto it = m_traffic.asked.constBegin(); it != m_traffic.asked.constEnd(); ++it) {
        const QByteArray &name = it.key();
        if (name.endsWith(".local") || name.endsWith(".arpa") || name == "localhost" || m_rules.namesHost(name))
            continue;
        const auto aliases = m_rules.names().aliasesOf(name);
        if (std::any_of(aliases.begin(), aliases.end(), [&](const QByteArray &a) { return m_rules.namesHost(a); }))
            continue;
        const auto addresses = m_rules.names().addressesOf(name);
        const auto isOwn = [&](const IpAddress &a) { return m_rules.local().contains(a) || m_rules.isMapped(a); };
        if (!addresses.isEmpty() && std::all_of(addresses.begin(), addresses.end(), isOwn))
            continue;
        // It leads somewhere only when it is used.
        const bool used = std::any_of(addresses.begin(), addresses.end(), [&](const IpAddress &address) {
            const auto flows = m_byPeer.constFind(address.text());
            return !isOwn(address) && flows != m_byPeer.cend() &&
                   std::any_of(flows->begin(), flows->end(), [&](const TrafficFlow *flow) {
                       return m_rules.names().fits(address, name, flow->firstNs) == NameFit::InTime;
                   });
        });
        if (++listed > mostListed) {
            ++m_report.notListed;
            continue;
        }
        ConformFinding finding;
        finding.kind = Kind::Name;
        finding.severity = used ? Severity::Violation : Severity::Warning;
        finding.peer = QString::fromLatin1(name);
        for (const IpAddress &address : addresses) {
            if (finding.addresses.size() < mostAddresses)
                finding.addresses << address.text();
        }
        finding.flows = it->count;
        finding.firstNs = finding.lastNs = it->firstNs;
        finding.clause = u"RFC 8520 8, RFC 9726"_s;
        finding.message = (used              ? u"The device asks for %1 and goes there; no rule names it."_s
                           : it->onlyMissing ? u"The device asks for %1, which no rule names; there is no such name."_s
                           : it->answered    ? u"The device asks for %1, which no rule names; it did not go there."_s
                                             : u"The device asks for %1, which no rule names; nobody answered."_s)
                              .arg(finding.peer);
        m_report.findings << finding;
    }
}

void Checker::judgeUrls()
{
    const auto add = [this](Severity severity, const QString &message, const QString &clause) {
        ConformFinding finding;
        finding.kind = Kind::MudUrl;
        finding.severity = severity;
        finding.message = message;
        finding.clause = clause;
        m_report.findings << finding;
    };
    const auto &urls = m_traffic.mudUrls;
    if (urls.contains(u"dhcp"_s) && urls.contains(u"dhcp6"_s) && urls.value(u"dhcp"_s) != urls.value(u"dhcp6"_s))
        add(Severity::Violation, u"The device sends different MUD URLs over DHCPv4 and DHCPv6."_s, u"RFC 8520 10"_s);
    for (auto it = urls.constBegin(); it != urls.constEnd(); ++it) {
        if (m_file.mudUrl && it.value() != m_file.mudUrl->toLatin1()) {
            add(Severity::Warning,
                u"The device sends the MUD URL %1 (%2), and the file's is %3."_s.arg(
                    QString::fromLatin1(it.value()), it.key() == u"lldp"_s ? u"LLDP"_s : u"DHCP"_s, *m_file.mudUrl),
                it.key() == u"lldp"_s ? u"RFC 8520 12"_s : u"RFC 8520 10"_s);
        }
    }
}

void Checker::judgeCompleteness()
{
    const auto add = [this](const QString &message) {
        ConformFinding finding;
        finding.kind = Kind::Incomplete;
        finding.severity = Severity::Unjudged;
        finding.message = message;
        m_report.findings << finding;
    };
    if (m_traffic.lost > 0)
        add(u"The capture lost %1 packets."_s.arg(m_traffic.lost));
    if (!m_traffic.remark.isEmpty())
        add(m_traffic.remark);
    if (m_traffic.unfollowed > 0)
        add(u"The device had more than %1 flows; %2 packets of it were not judged."_s.arg(DeviceTraffic::MaximumFlows)
                .arg(m_traffic.unfollowed));
    if (m_traffic.names.isFull())
        add(u"The device's DNS answers hold more names than are kept."_s);
    if (m_report.notListed > 0)
        add(u"%1 more findings are not listed."_s.arg(m_report.notListed));
}

void Checker::judgeUse()
{
    for (size_t i = 0; i < m_used.size(); ++i) {
        const FlowRules::Rule &rule = m_rules.rules()[i];
        if (!rule.ace)
            continue;
        ++m_report.rules;
        if (m_used[i] > 0) {
            ++m_report.rulesUsed;
            continue;
        }
        if (!rule.accept)
            continue; // nothing to take back
        ConformFinding finding;
        finding.kind = Kind::NotUsed;
        finding.severity = Severity::Warning;
        finding.rule = rule.name;
        finding.path = rule.ace->path;
        finding.line = rule.ace->line;
        finding.clause = u"RFC 8520 3.3"_s;
        finding.message = u"Rule %1 (%2) was not used."_s.arg(rule.name, toString(rule.direction));
        m_report.findings << finding;
    }
}

QString Checker::flowSentence(const ConformFinding &f)
{
    QStringList ports;
    for (const quint16 port : f.ports)
        ports << QString::number(port);
    QString other = f.peer;
    if (!f.addresses.isEmpty() && !f.addresses.contains(f.peer))
        other += u" (%1)"_s.arg(f.addresses.mid(0, 3).join(u", "_s));
    else if (!f.askedFor.isEmpty() && f.askedFor != f.peer)
        other += u" (asked for as %1)"_s.arg(f.askedFor);
    const QString service = ports.isEmpty() ? f.protocol : f.protocol + u" port "_s + ports.join(u", "_s);
    switch (f.kind) {
    case Kind::Flow:
        return f.initiator == u"peer"_s
                   ? u"The device answers %1 over %2, which the file does not allow."_s.arg(other, service)
                   : u"The device sends to %1 over %2, which the file does not allow."_s.arg(other, service);
    case Kind::Answer:
        return u"The answers from %1 over %2 would not reach the device: no rule lets them in."_s.arg(other, service);
    case Kind::Accepted:
        return u"The device takes %2 from %1, which the file does not allow."_s.arg(other, service);
    case Kind::Refused:
        return u"%1 spoke to the device over %2, which the file does not allow; the device did not take it up."_s.arg(
            other, service);
    case Kind::Unjudged:
        return u"Whether the file allows %2 with %1 cannot be judged."_s.arg(other, service);
    case Kind::StaleName:
        return u"%1 over %2 is allowed by name, but the name did not fit in time."_s.arg(other, service);
    default:
        return {};
    }
}

ConformReport Checker::finish()
{
    for (ConformFinding &finding : m_report.findings) {
        if (finding.isFlow)
            finding.message = flowSentence(finding);
    }
    std::stable_sort(m_report.findings.begin(), m_report.findings.end(),
                     [](const ConformFinding &a, const ConformFinding &b) {
                         return std::pair(int(a.severity), int(a.kind)) < std::pair(int(b.severity), int(b.kind));
                     });
    m_report.localNetworks = m_rules.local().text();
    m_report.localAssumed = m_rules.local().assumed();
    return std::move(m_report);
}

} // namespace

ConformReport checkConformance(const MudFile &file, const DeviceTraffic &traffic, const MudMappings &mappings)
{
    return Checker(file, traffic, mappings).check();
}

} // namespace slipway
