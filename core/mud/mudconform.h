#pragma once
// Whether a device keeps to its MUD file: every flow and name of a capture that the file does not allow, and every
// permission that was not used. RFC 8520 sections 4, 5 and 8; what a MUD manager lets through without a rule, since the
// network would not work without it, is in the room's README with its documents.
//
// A violation is what a MUD manager would drop, or a name that no rule names. What cannot be judged (a controller that
// nobody mapped, a connection whose beginning is missing, packets lost) and warnings (a permission not used, a name
// used after its time to live, packets to the device that it did not answer) leave the device conforming, unless
// strict.

#include "core/mud/flowrules.h"

#include <QJsonObject>

namespace slipway {

struct ConformFinding {
    enum class Kind {
        Flow,       // sent by the device and not allowed
        Answer,     // sent to the device in a flow whose other half is allowed
        Accepted,   // began at the other side, not allowed, and the device answered
        Refused,    // the same, and the device did not answer, or refused
        Name,       // asked for, and no rule names it
        Unjudged,   // allowed or not, depending on what nobody said
        StaleName,  // allowed by a name whose time to live was over, or that was not asked for yet
        NotUsed,    // a rule that nothing matched
        MudUrl,     // the device's own MUD URLs and the file's differ
        Incomplete, // packets were lost or not followed
    };
    enum class Severity { Violation, Unjudged, Warning };

    Kind kind = Kind::Flow;
    Severity severity = Severity::Violation;
    QString message; // a sentence
    QString clause;  // "RFC 8520 5"
    QString rule;    // name of the rule, or of the nearest
    QString path;    // of the rule, as in MudFinding
    int line = 0;    // of the rule in the MUD file
    QString why;     // why the nearest rule does not match, or what is not known

    // Of flows; several that differ in nothing but ports of the moment and addresses of one name are one.
    bool isFlow = false;
    QString peer; // names, or the address
    QStringList addresses;
    QString askedFor; // TLS server name or HTTP host
    QString protocol;
    QList<quint16> ports; // of the service
    QString initiator;    // "device", "peer", "unknown"
    quint64 flows = 0, fromPackets = 0, toPackets = 0, fromBytes = 0, toBytes = 0;
    qint64 firstNs = 0, lastNs = 0;

    QJsonObject toJson() const;
};

QString toString(ConformFinding::Kind kind);         // "flow", "answer", ...
QString toString(ConformFinding::Severity severity); // "violation", "unjudged", "warning"

struct ConformReport {
    QList<ConformFinding> findings; // violations first, each kind in the order of time
    QList<ConformFinding> allowed; // flows, with the rule that lets them through; rule "infrastructure" where none does
    quint64 flows = 0, allowedFlows = 0, infrastructureFlows = 0;
    quint64 rules = 0, rulesUsed = 0;
    QStringList localNetworks;
    bool localAssumed = false; // private addresses were taken for local
    quint64 notListed = 0;     // findings beyond the first 1000 of a kind

    int count(ConformFinding::Severity severity) const;
    // Strict: what cannot be judged, and warnings, count as well.
    bool conforms(bool strict) const;
    QString sentence(bool strict) const; // "The device keeps to its MUD file: 12 flows allowed ..."
    QJsonObject toJson(const DeviceTraffic &traffic, bool strict) const;
};

// Which documents let a flow through although no rule does, or "".
QString infrastructureClause(const TrafficFlow &flow);

// Throws nothing: whoever calls checks first that the capture holds packets of the device.
ConformReport checkConformance(const MudFile &file, const DeviceTraffic &traffic, const MudMappings &mappings);

} // namespace slipway
