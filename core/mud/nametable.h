#pragma once
// Which names an address had, and when: from the answers in a device's own DNS traffic, from mDNS, and from what a
// person states. Names are lower case without the last dot. An answer counts for the name that was asked and for every
// alias on the way to it (CNAME, RFC 1034 section 3.6.2). Bounded: 65536 records, aliases followed 16 deep.

#include "core/codec/dnsmessage.h"

#include <QHash>
#include <QSet>

#include <vector>

namespace slipway {

// How well a name's time fits to that of a flow, worst first.
enum class NameFit {
    None,
    Late,   // the name was only seen to have that address afterwards
    Stale,  // the answer's time to live was over when the flow began
    InTime, // RFC 1035 section 3.2.1: begun within the answer's time to live
};

class NameTable
{
public:
    static constexpr qsizetype MaximumRecords = 65536;

    void add(const DnsMessage &answer, qint64 atNs);
    // For ever; what a person states.
    void state(const QByteArray &name, const IpAddress &address);

    struct Name {
        QByteArray name;
        NameFit fit = NameFit::None;
    };
    // All names that the address had in the capture, best fit first, then by name.
    QList<Name> namesOf(const IpAddress &address, qint64 atNs) const;
    // Whether the address had that name; a first label "*" stands for any labels.
    NameFit fits(const IpAddress &address, const QByteArray &pattern, qint64 atNs) const;
    QList<IpAddress> addressesOf(const QByteArray &name) const;
    // The names that were asked, or led there, before this one in a chain of aliases.
    QSet<QByteArray> aliasesOf(const QByteArray &name) const;
    bool isFull() const { return m_full; }

private:
    struct Record {
        QByteArray name;
        qint64 fromNs = 0, untilNs = 0;
    };
    void add(const QByteArray &name, const IpAddress &address, qint64 fromNs, qint64 untilNs);
    static NameFit fit(const Record &record, qint64 atNs);

    const std::vector<Record> *recordsOf(const IpAddress &address) const;

    std::vector<std::pair<IpAddress, std::vector<Record>>> m_addresses;
    QHash<QByteArray, qsizetype> m_index;          // the address's octets to its place
    QHash<QByteArray, QSet<QByteArray>> m_aliases; // target to those that point to it
    qsizetype m_count = 0;
    bool m_full = false;
};

// Lower case, without the last dot; "*" stays.
QByteArray plainName(const QString &name);
bool nameMatches(const QByteArray &pattern, const QByteArray &name);

} // namespace slipway
