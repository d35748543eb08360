#include "core/mud/nametable.h"

#include <algorithm>
#include <limits>

namespace slipway {

namespace {

constexpr int deepest = 16;
constexpr qint64 second = 1'000'000'000;

QByteArray octets(const IpAddress &address)
{
    return QByteArray(reinterpret_cast<const char *>(address.bytes().data()), qsizetype(address.bytes().size()));
}

} // namespace

QByteArray plainName(const QString &name)
{
    QByteArray plain = name.toLatin1().toLower();
    if (plain.endsWith('.'))
        plain.chop(1);
    return plain;
}

bool nameMatches(const QByteArray &pattern, const QByteArray &name)
{
    if (!pattern.startsWith("*."))
        return pattern == name;
    const QByteArrayView tail = QByteArrayView(pattern).sliced(1); // ".example.com"
    return name.size() > tail.size() && name.endsWith(tail);
}

const std::vector<NameTable::Record> *NameTable::recordsOf(const IpAddress &address) const
{
    const auto at = m_index.constFind(octets(address));
    return at == m_index.cend() ? nullptr : &m_addresses[size_t(*at)].second;
}

void NameTable::add(const QByteArray &name, const IpAddress &address, qint64 fromNs, qint64 untilNs)
{
    const QByteArray key = octets(address);
    auto at = m_index.find(key);
    if (at == m_index.end()) {
        if (m_count >= MaximumRecords) {
            m_full = true;
            return;
        }
        at = m_index.insert(key, qsizetype(m_addresses.size()));
        m_addresses.emplace_back(address, std::vector<Record>());
    }
    std::vector<Record> &records = m_addresses[size_t(*at)].second;
    for (Record &record : records) {
        if (record.name == name && fromNs <= record.untilNs && untilNs >= record.fromNs) {
            record.fromNs = std::min(record.fromNs, fromNs);
            record.untilNs = std::max(record.untilNs, untilNs);
            return;
        }
    }
    if (m_count >= MaximumRecords) {
        m_full = true;
        return;
    }
    records.push_back({name, fromNs, untilNs});
    ++m_count;
}

void NameTable::state(const QByteArray &name, const IpAddress &address)
{
    add(name, address, 0, std::numeric_limits<qint64>::max());
}

void NameTable::add(const DnsMessage &answer, qint64 atNs)
{
    for (const DnsMessage::Answer &record : answer.answers) {
        if (record.type == DnsMessage::Cname && m_aliases.size() < MaximumRecords && !record.name.isEmpty()) {
            QSet<QByteArray> &aliases = m_aliases[record.target];
            if (aliases.size() < 256)
                aliases.insert(record.name);
        }
    }
    for (const DnsMessage::Answer &record : answer.answers) {
        if (record.type != DnsMessage::A && record.type != DnsMessage::Aaaa)
            continue;
        // RFC 2181 section 8: a time to live with the highest bit set is none.
        const qint64 life = record.ttl > 0x7fffffff ? 0 : qint64(record.ttl);
        // A second of grace: an answer that may not be kept is still used once.
        const qint64 until = atNs + (life + 1) * second;
        add(record.name, record.address, atNs, until);
        const auto aliases = aliasesOf(record.name);
        for (const QByteArray &alias : aliases)
            add(alias, record.address, atNs, until);
    }
}

QSet<QByteArray> NameTable::aliasesOf(const QByteArray &name) const
{
    QSet<QByteArray> found;
    QList<QByteArray> edge{name};
    for (int depth = 0; depth < deepest && !edge.isEmpty() && found.size() < 256; ++depth) {
        QList<QByteArray> next;
        for (const QByteArray &target : std::as_const(edge)) {
            const auto aliases = m_aliases.value(target);
            for (const QByteArray &alias : aliases) {
                if (alias != name && !found.contains(alias)) {
                    found.insert(alias);
                    next << alias;
                }
            }
        }
        edge = next;
    }
    return found;
}

NameFit NameTable::fit(const Record &record, qint64 atNs)
{
    if (atNs < record.fromNs)
        return NameFit::Late;
    return atNs > record.untilNs ? NameFit::Stale : NameFit::InTime;
}

QList<NameTable::Name> NameTable::namesOf(const IpAddress &address, qint64 atNs) const
{
    QList<Name> names;
    const auto *records = recordsOf(address);
    if (!records)
        return names;
    for (const Record &record : *records) {
        const NameFit now = fit(record, atNs);
        const auto same =
            std::find_if(names.begin(), names.end(), [&](const Name &n) { return n.name == record.name; });
        if (same == names.end())
            names.append({record.name, now});
        else
            same->fit = std::max(same->fit, now);
    }
    std::sort(names.begin(), names.end(),
              [](const Name &a, const Name &b) { return a.fit != b.fit ? a.fit > b.fit : a.name < b.name; });
    return names;
}

NameFit NameTable::fits(const IpAddress &address, const QByteArray &pattern, qint64 atNs) const
{
    NameFit best = NameFit::None;
    if (const auto *records = recordsOf(address)) {
        for (const Record &record : *records) {
            if (nameMatches(pattern, record.name))
                best = std::max(best, fit(record, atNs));
        }
    }
    return best;
}

QList<IpAddress> NameTable::addressesOf(const QByteArray &name) const
{
    QList<IpAddress> addresses;
    for (const auto &[address, records] : m_addresses) {
        if (std::any_of(records.begin(), records.end(), [&](const Record &r) { return r.name == name; }))
            addresses << address;
    }
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

} // namespace slipway
