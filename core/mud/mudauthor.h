#pragma once
// Makes MUD files (RFC 8520): from what is known of a product and the peers it talks to, or from what it did in a
// capture, in names rather than addresses; new, or as an addition to a file that exists. Of one that exists everything
// stays as it was, what Slipway does not know included; rules are added behind those that are there.
//
// The same input gives the same bytes, rules stand in the order of their names, and a rule's name comes from what it
// says, so that two versions differ only where they differ.

#include "core/mud/mudconform.h"

namespace slipway {

// One thing that the product exchanges packets with.
struct MudPeer {
    enum class Who {
        Name, // a DNS name
        LocalNetworks,
        SameManufacturer,
        Manufacturer, // authority of its MUD URLs
        Model,        // MUD URL
        Controller,   // class or URN
        MyController,
        Address, // a prefix: for groups; discouraged for hosts (RFC 8520 section 8, RFC 9726)
    };
    Who who = Who::Name;
    QString value;
    int protocol = 6; // IP's number; -1: any
    // Of the service: on the peer's side where the product begins, else on the product's own. Nothing: any.
    std::optional<std::pair<quint16, quint16>> ports;
    std::optional<int> icmpType;
    // Who begins; nothing: not known, either may.
    std::optional<MudDirection> begins = MudDirection::FromDevice;
    bool v4 = true, v6 = true;

    // "mqtt.example tcp 8883", "local-networks udp 5683 in", "same-manufacturer udp 5353", "my-controller tcp 443",
    // "controller=urn:example:hub tcp 8883", "manufacturer=mud.example udp 5683", "model=https://... tcp 80",
    // "224.0.1.187 udp 5683", "mqtt.example icmp 8", "mqtt.example tcp 9000-9100 v6". Throws mud.peer.
    static MudPeer parse(const QString &text);
    QString text() const; // the same form
    bool operator<(const MudPeer &other) const { return text() < other.text(); }
};

struct MudProduct {
    QString mudUrl; // needed, unless a file exists
    QString systeminfo, mfgName, modelName, documentation, mudSignature;
    std::optional<int> cacheValidity; // hours
    QDateTime lastUpdate;             // of the file
};

struct MudDraft {
    QByteArray json;
    QStringList kept, added; // names of rules
    QStringList unused;      // of an existing file, which the capture did not need
    QStringList removed;     // of these, where that was asked for
    QStringList remarks;     // what a person should look at
};

// What the flows of a capture ask for. Remarks say where there was no name to use.
QList<MudPeer> peersOf(const DeviceTraffic &traffic, const MudMappings &mappings, const QString &mudUrl,
                       QStringList &remarks);

// Throws mud.author, mud.url.
MudDraft authorMudFile(const MudProduct &product, const QList<MudPeer> &peers);
MudDraft extendMudFile(const MudFile &existing, const MudProduct &product, const QList<MudPeer> &peers);
// From a capture; `existing` may be null. With `tidy` rules that the capture did not need are taken out.
MudDraft authorFromTraffic(const MudFile *existing, const MudProduct &product, const QList<MudPeer> &besides,
                           const DeviceTraffic &traffic, const MudMappings &mappings, bool tidy);

} // namespace slipway
