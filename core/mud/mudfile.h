#pragma once
// A MUD file (RFC 8520 section 3, RFC 8519 for the access lists, RFC 7951 for their JSON) as typed structs. Nothing of
// the file is lost: what no document read here defines stands in `unknown` of the container it was found in, and
// `bytes` is what a signature covers.
//
// Every container and leaf knows its line; a container knows its path, a YANG instance identifier
// (/ietf-access-control-list:acls/acl[name='mud-1-v4fr']/aces/ace[name='cl0-frdev']/matches/ipv4), and a leaf's path is
// its container's path, "/" and its name: pathOf(). A leaf that is there but cannot be read has a line and no value,
// and a finding says why.
//
// parse() reads and says what does not fit the types; whether the file makes sense is checkMudFile() in mudcheck.h.

#include "core/codec/json.h"
#include "core/mud/mudfinding.h"

#include <QByteArray>
#include <QDateTime>
#include <QHostAddress>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace slipway {

template <typename T> struct MudLeaf {
    std::optional<T> value;
    int line = 0; // 0: it is not in the file
    QString name; // as in the file: "protocol", "ietf-acldns:src-dnsname"; "" when it is not there

    bool present() const { return line > 0; }
    explicit operator bool() const { return value.has_value(); }
    const T &operator*() const { return *value; }
    const T *operator->() const { return &*value; }
    T valueOr(const T &other) const { return value.value_or(other); }
};

// A member that none of the documents read here defines at this place.
struct MudUnknown {
    QString name; // as in the file, "nist-mud:something"
    int line = 0;
    QString path;
    JsonValue value;
    // The YANG module it belongs to: the part before the colon, or "" for that of the container.
    QString module() const { return name.contains(u':') ? name.section(u':', 0, 0) : QString(); }
};

struct MudContainer {
    int line = 0; // 0: it is not in the file
    QString path;
    std::vector<MudUnknown> unknown;

    bool present() const { return line > 0; }
    template <typename T> QString pathOf(const MudLeaf<T> &leaf) const { return path + u'/' + leaf.name; }
};

enum class MudDirection { FromDevice, ToDevice };
enum class MudForwarding { Accept, Drop, Reject };
enum class MudPortOperator { Equal, NotEqual, LessOrEqual, GreaterOrEqual };

// RFC 8519 port-range-or-operator: either a range or an operator with a port.
struct MudPorts : MudContainer {
    MudLeaf<quint16> lower, upper;
    MudLeaf<MudPortOperator> op; // Equal when it is left out
    MudLeaf<quint16> port;

    // Whether a port is meant; true for every port when the container is absent or could not be read.
    bool matches(quint16 number) const;
    QString text() const; // "443", "1024-65535", "not 80", "any"
};

struct MudPrefix {
    QHostAddress address; // with the host's bits cleared
    int length = 0;
    bool contains(const QHostAddress &other) const { return other.isInSubnet(address, length); }
    QString text() const { return address.toString() + u'/' + QString::number(length); }
};

// Container ipv4 or ipv6 of an ACE's matches.
struct MudIpMatch : MudContainer {
    int version = 4; // or 6
    MudLeaf<quint8> dscp, ecn, ttl, protocol;
    MudLeaf<quint16> length;
    MudLeaf<MudPrefix> source, destination;             // source-ipv4-network ...
    MudLeaf<QString> sourceDnsName, destinationDnsName; // ietf-acldns:src-dnsname ...
    // IPv4 only
    MudLeaf<quint8> ihl;
    MudLeaf<QStringList> flags; // of "reserved", "fragment" (do not fragment), "more"
    MudLeaf<quint16> offset, identification;
    // IPv6 only
    MudLeaf<quint32> flowLabel;
};

struct MudTcpMatch : MudContainer {
    MudLeaf<quint32> sequenceNumber, acknowledgementNumber;
    MudLeaf<quint8> dataOffset, reserved;
    MudLeaf<QStringList> flags; // of "cwr", "ece", "urg", "ack", "psh", "rst", "syn", "fin"
    MudLeaf<quint16> windowSize, urgentPointer;
    MudLeaf<QByteArray> options;
    MudPorts sourcePort, destinationPort;
    MudLeaf<MudDirection> directionInitiated; // ietf-mud:direction-initiated
};

struct MudUdpMatch : MudContainer {
    MudLeaf<quint16> length;
    MudPorts sourcePort, destinationPort;
};

struct MudIcmpMatch : MudContainer {
    MudLeaf<quint8> type, code;
    MudLeaf<QByteArray> restOfHeader;
};

struct MudEthMatch : MudContainer {
    MudLeaf<QString> destinationMac, destinationMacMask, sourceMac, sourceMacMask; // lower case, with colons
    MudLeaf<QString> ethertype;
};

// Container ietf-mud:mud of an ACE's matches (RFC 8520 section 4): who the other side is.
struct MudTerms : MudContainer {
    MudLeaf<QString> manufacturer;  // authority of the other Thing's MUD URL, lower case
    MudLeaf<bool> sameManufacturer; // an empty leaf: true when it is there
    MudLeaf<QString> model;         // MUD URL of the other Thing
    MudLeaf<bool> localNetworks;
    MudLeaf<QString> controller; // URI of a class; never to be fetched
    MudLeaf<bool> myController;
    int count() const;
};

struct MudMatches : MudContainer {
    std::optional<MudEthMatch> eth;
    std::optional<MudIpMatch> ipv4, ipv6;
    std::optional<MudTcpMatch> tcp;
    std::optional<MudUdpMatch> udp;
    std::optional<MudIcmpMatch> icmp;
    std::optional<MudTerms> terms; // ietf-mud:mud
    MudLeaf<QString> egressInterface, ingressInterface;

    const MudIpMatch *ip() const { return ipv4 ? &*ipv4 : ipv6 ? &*ipv6 : nullptr; }
};

struct MudActions : MudContainer {
    MudLeaf<MudForwarding> forwarding;
    MudLeaf<QString> logging; // "log-syslog", "log-none"
};

struct MudAce : MudContainer {
    MudLeaf<QString> name;
    MudMatches matches; // not present: every packet of its ACL's type
    MudActions actions;
};

enum class MudAclType { Ipv4, Ipv6, Eth, MixedEthIpv4, MixedEthIpv6, MixedEthIpv4Ipv6 };

struct MudAcl : MudContainer {
    MudLeaf<QString> name;
    MudLeaf<MudAclType> type;
    std::vector<MudAce> aces; // in their order, which counts

    bool takesIpv4() const; // by its type; true for both where it has none
    bool takesIpv6() const;
};

// from-device-policy or to-device-policy.
struct MudPolicy : MudContainer {
    struct Entry : MudContainer {
        MudLeaf<QString> name; // of an ACL
    };
    std::vector<Entry> accessLists;
};

// Quarantine (draft-richardson-shg-mud-quarantined-access; "nist-mud:quarantined-device-policy" as published): the ACEs
// that stay in force while a device is in quarantine.
struct MudQuarantine : MudContainer {
    QString module; // "nist-mud"
    struct Entry : MudContainer {
        MudLeaf<QString> aceName;
    };
    std::vector<Entry> enabledAces;
};

// Owner and licence (draft-ietf-iotops-ol-03).
struct MudOwnerLicense : MudContainer {
    enum class Shape {
        Current,  // ietf-owner-license:owner-license
        Obsolete, // ietf-ol:ol and what came before: read as far as it goes, reported
    };
    Shape shape = Shape::Current;
    struct License : MudContainer {
        MudLeaf<QString> ownerName;
        std::vector<MudLeaf<QString>> spdxTags;    // one leaf for each
        std::vector<MudLeaf<QString>> licenseInfo; // URIs
    };
    std::vector<License> licenses;
};

// Where remote attestation finds what it needs (draft-ietf-iotops-mud-rats): verifiers, reference integrity
// measurements, endorsements. Kept, not judged.
struct MudAttestation : MudContainer {
    std::vector<MudLeaf<QString>> ras, rim, edt; // URIs
};

struct MudFile : MudContainer {                            // container ietf-mud:mud
    static constexpr qsizetype MaximumBytes = 1024 * 1024; // of a file; 2000 rules and more

    QByteArray bytes;  // the file itself
    JsonDocument json; // and all of it as JSON

    MudLeaf<quint8> mudVersion;
    MudLeaf<QString> mudUrl;
    MudLeaf<QDateTime> lastUpdate;
    MudLeaf<QString> mudSignature; // URI, often relative to mud-url
    MudLeaf<quint8> cacheValidity; // hours; cacheValidityHours() knows the default
    MudLeaf<bool> isSupported;
    MudLeaf<QString> systeminfo, mfgName, modelName, firmwareRev, softwareRev, documentation;
    std::vector<MudLeaf<QString>> extensions;
    int extensionsLine = 0; // of the list itself
    MudPolicy fromDevice, toDevice;
    std::optional<MudQuarantine> quarantine;
    std::optional<MudOwnerLicense> ownerLicense;
    std::optional<MudAttestation> attestation;

    MudContainer aclsContainer; // ietf-access-control-list:acls
    std::vector<MudAcl> acls;
    std::vector<MudUnknown> unknownRoots; // beside the two root objects

    struct ForeignModule { // a module of which there are nodes, and that no document read here defines
        QString name;
        int line = 0; // of the first such node
        QString path;
    };
    std::vector<ForeignModule> foreignModules;

    QList<MudFinding> readFindings; // what did not fit; part of what checkMudFile() gives

    // name: what to call the file in messages. Throws mud.json for what is no JSON object, too deep or too large.
    static MudFile parse(const QByteArray &bytes, const QString &name = QStringLiteral("The MUD file"));

    int cacheValidityHours() const { return cacheValidity.valueOr(48); }
    bool names(QStringView extension) const; // in `extensions`
    // The first ACL of that name, or null.
    const MudAcl *acl(QStringView name) const;
    // The ACLs that a policy names, in its order; names without an ACL are left out.
    std::vector<const MudAcl *> aclsOf(MudDirection direction) const;
    const MudPolicy &policy(MudDirection d) const { return d == MudDirection::FromDevice ? fromDevice : toDevice; }
    // ACEs of that name in any ACL that a policy uses.
    std::vector<const MudAce *> acesNamed(QStringView name) const;
};

QString toString(MudDirection direction);   // "from-device"
QString toString(MudForwarding forwarding); // "accept"
QString toString(MudAclType type);          // "ipv4-acl-type"

} // namespace slipway
