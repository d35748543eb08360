#pragma once
// The rules of a MUD file, with the two that RFC 8520 adds, held against flows (RFC 8520 sections 3.3, 4 and 8; RFC
// 8519). Rules are asked in the order of the policy's lists, the first that matches decides, and what no rule takes is
// dropped (section 5).
//
// A term that depends on something that nobody said (which hosts are a controller, what MUD URL a neighbour has) gives
// "maybe", and a flow that is allowed or not depending on such a term cannot be judged: no false alarm, and no false
// peace either.

#include "core/mud/devicetraffic.h"
#include "core/mud/mudfile.h"

namespace slipway {

// What a network's administrator knows and a MUD file does not.
struct MudMappings {
    QMap<QString, QList<IpPrefix>> controllers; // class or URN to its hosts
    QList<IpPrefix> myController;               // empty: not known
    QList<IpPrefix> localNetworks;              // empty: from DHCP and router advertisements, else assumed
    struct Thing {
        IpAddress address;
        QString mudUrl;
    };
    QList<Thing> things; // MUD URLs of other Things
    struct Name {
        QByteArray name;
        IpAddress address;
    };
    QList<Name> names; // beside what the capture's DNS answers say

    // "CLASS=ADDRESS[,ADDRESS...]" and so on, as on the command line. They throw mud.mapping.
    void addController(const QString &text);   // CLASS=PREFIX[,PREFIX...]
    void addMyController(const QString &text); // PREFIX[,PREFIX...]
    void addLocalNetwork(const QString &text); // PREFIX[,PREFIX...]
    void addThing(const QString &text);        // ADDRESS=MUD-URL
    void addName(const QString &text);         // NAME=ADDRESS[,ADDRESS...]
};

// Whether an address is of the device's own networks (RFC 8520 section 4.5), and how that is known.
class LocalNetworks
{
public:
    LocalNetworks(const MudMappings &mappings, const DeviceTraffic &traffic);
    // Link-local addresses and groups that no router forwards always are.
    bool contains(const IpAddress &address) const;
    // True where nobody said: private addresses (RFC 1918, RFC 4193) are taken for local then.
    bool assumed() const { return m_assumed4 || m_assumed6; }
    QStringList text() const;

private:
    QList<IpPrefix> m_prefixes;
    bool m_assumed4 = true, m_assumed6 = true;
};

class FlowRules
{
public:
    // All three must outlive it.
    FlowRules(const MudFile &file, const MudMappings &mappings, const DeviceTraffic &traffic);

    enum class Tri { No, Maybe, Yes };
    struct Rule {
        const MudAcl *acl = nullptr; // null: one of the two that RFC 8520 adds
        const MudAce *ace = nullptr;
        MudDirection direction = MudDirection::FromDevice;
        bool accept = true;
        QString name; // "cl0-frdev", "default DNS"
        QString clause;
        // For the comparison
        bool v4 = true, v6 = true, other = false; // kinds of packets that its list takes
        int protocol = -1;                        // -1: any
        std::optional<IpPrefix> peer, device;
        QByteArray peerName;
        bool deviceNamed = false; // by a DNS name, which RFC 8520 section 8 forbids
        const MudPorts *peerPorts = nullptr, *devicePorts = nullptr;
        std::optional<quint16> peerPort; // of an added rule
        std::optional<MudDirection> initiated;
        std::optional<int> icmpType, icmpCode;
        const MudTerms *terms = nullptr;
        QString controller; // of an added rule, or of the terms
        std::optional<quint64> peerMac, deviceMac;
        QStringList unjudged; // leaves that are not followed: "dscp"
    };
    const std::vector<Rule> &rules() const { return m_rules; }

    struct Outcome {
        enum class Verdict { Allowed, Denied, Unjudged };
        Verdict verdict = Verdict::Denied;
        int rule = -1; // the first that matched or could; -1: none, dropped by default
        NameFit fit = NameFit::InTime;
    };
    // passes: what becomes of a flow that no rule takes; false but for what a network cannot do without.
    Outcome judge(const TrafficFlow &flow, MudDirection direction, bool passes = false) const;

    struct Nearest {
        int rule = -1; // none where no rule comes near
        QString why;   // clauses: "its port is 8883 and the flow's 1883"
    };
    // The rule that misses the flow by least; of those that could match, what is not known.
    Nearest nearest(const TrafficFlow &flow, MudDirection direction) const;

    // Any rule names it.
    bool namesHost(const QByteArray &name) const;
    const LocalNetworks &local() const { return m_local; }
    const NameTable &names() const { return m_names; }
    // Whether somebody said what the address is: a controller, a Thing, a server of the network's.
    bool isMapped(const IpAddress &address) const;
    // As the report calls the other side: its names, else its address.
    QString peerText(const TrafficFlow &flow) const;

private:
    struct Miss {
        int weight = 0;
        QStringList why;
        NameFit fit = NameFit::InTime;
    };
    void add(const MudAcl &acl, const MudAce &ace, MudDirection direction);
    void addDefaults();
    Tri test(const Rule &rule, const TrafficFlow &flow, Miss *miss, NameFit *fit) const;
    Tri testTerms(const Rule &rule, const TrafficFlow &flow, Miss *miss) const;
    Tri testController(const QString &controller, const TrafficFlow &flow, Miss *miss) const;
    Tri testThing(const Rule &rule, const TrafficFlow &flow, Miss *miss) const;

    const MudMappings &m_mappings;
    const DeviceTraffic &m_traffic;
    NameTable m_names; // the capture's and those stated
    LocalNetworks m_local;
    QString m_ownAuthority;
    std::vector<Rule> m_rules;
};

} // namespace slipway
