#include "core/steps/identityissue.h"

#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/identity/check.h"
#include "core/journal/queries.h"
#include "core/steps/issuerecords.h"
#include "core/steps/journallookup.h"
#include "core/steps/quotause.h"
#include "core/steps/remoteissue.h"

#include <QCborArray>
#include <QSet>
#include <QUuid>

#include <algorithm>
#include <future>
#include <thread>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;
using CertificateRow = Transaction::CertificateRow;

// One valid certificate of a group is enough for a unit.
QString certificateKindGroup(const QString &kind)
{
    return kind.isEmpty() || kind == u"tpm-idevid" ? u"idevid"_s : kind;
}

// Why orders must not be carried out. Most need only one quick question; who stands in the way is asked when one does.
class Conflicts
{
public:
    Conflicts(Transaction &transaction, Mode mode)
        : m_transaction(transaction), m_mode(mode),
          m_any(transaction, "SELECT EXISTS(SELECT 1 FROM certificate WHERE serial = ?1 AND mode IN (?2, "
                             "'elsewhere') AND revoked_entry IS NULL) OR EXISTS(SELECT 1 FROM certificate WHERE "
                             "public_key_sha256 = ?3) "
                             "OR EXISTS(SELECT 1 FROM certificate WHERE certificate_serial = ?4)")
    {
        m_any.bind(2, toString(mode));
    }

    std::optional<Fault> of(const IssueOrder &order)
    {
        const QString certificateSerial = hex(order.certificateSerial);
        m_any.bind(1, order.serial).bind(3, hex(order.request.publicKeySha256)).bind(4, certificateSerial);
        const bool any = m_any.step() && m_any.integer(0) != 0;
        m_any.again();
        if (!any)
            return {};
        // An LDevID stands beside the IDevID, and its owner renews it.
        const QString kind = order.profile.kind;
        const auto same = [&](const CertificateRow &row) {
            return certificateKindGroup(row.kind) == certificateKindGroup(kind);
        };
        const bool renew = order.renew && kind == u"ldevid";
        for (const CertificateRow &row : m_transaction.certificatesOfSerial(m_mode, order.serial)) {
            if (!row.revoked && same(row) && !renew)
                return Fault("identity.duplicate-serial", {order.serial, row.certificateSerial, row.at});
        }
        // A key is never certified again, not even after a revocation: it may have been revoked because it is known.
        for (const CertificateRow &row : m_transaction.certificatesOfKey(order.request.publicKeySha256)) {
            if (!(renew && same(row) && row.serial == order.serial && !row.revoked))
                return Fault("identity.duplicate-key", {row.serial, row.certificateSerial});
        }
        // What other stations issued, as far as their lists were imported.
        JournalLookup elsewhere(m_transaction,
                                "SELECT c.certificate_serial, c.at, e.body FROM certificate c JOIN entry e ON "
                                "e.seq = c.entry WHERE c.serial = ?1 AND c.mode = 'elsewhere' AND "
                                "c.revoked_entry IS NULL");
        elsewhere.bind(1, order.serial);
        while (m_mode == Mode::Production && elsewhere.step()) {
            const QCborMap body = readBody(elsewhere.blob(2));
            if (certificateKindGroup(body.value(u"kind"_s).toString()) == certificateKindGroup(kind))
                return Fault("identity.issued-elsewhere",
                             {order.serial, elsewhere.text(0), body.value(u"station"_s).toString()});
        }
        if (m_transaction.certificateSerialUsed(certificateSerial))
            return Fault("identity.number-used", {certificateSerial});
        return {};
    }

private:
    Transaction &m_transaction;
    Mode m_mode;
    JournalLookup m_any;
};

NewEntry intentEntry(const QString &id, const QString &device, const QCborMap &detail, const IssueRecord &record)
{
    return {u"intent"_s,
            record.run,
            device,
            {{u"intent"_s, id},
             {u"act"_s, u"identity.issue"_s},
             {u"index"_s, record.stepIndex},
             {u"mode"_s, toString(record.mode)},
             {u"detail"_s, detail}}};
}

NewEntry outcomeEntry(const QString &id, const QString &device, const QString &state, const QString &sentence,
                      const IssueRecord &record)
{
    return {u"outcome"_s,
            record.run,
            device,
            {{u"intent"_s, id}, {u"state"_s, state}, {u"sentence"_s, sentence}, {u"mode"_s, toString(record.mode)}}};
}

// Entries for certificates. What does not change from one to the next is encoded once: a batch has thousands.
class CertificateEntries
{
public:
    explicit CertificateEntries(const IssueRecord &record) : m_record(record) {}

    NewEntry of(const IssueOrder &order, const IssuedCertificate &issued)
    {
        if (!m_form || m_issuer != issued.issuerName || m_notAfter != issued.notAfter || m_mudUrl != order.mudUrl ||
            m_kind != order.profile.kind || m_profile != order.profile.name || m_masaUrl != order.profile.masaUrl)
            begin(order, issued);
        using Value = CborForm::Value;
        const QByteArray serial = order.serial.toUtf8();
        const QByteArray number = issued.certificateSerial.toUtf8();
        return {u"certificate"_s,
                m_record.run,
                order.serial,
                {},
                m_form->filled({{Value::Bytes, issued.der},
                                {Value::Text, serial},
                                {Value::Bytes, issued.sha256},
                                {Value::Bytes, order.request.publicKeySha256},
                                {Value::Text, number}})};
    }

private:
    void begin(const IssueOrder &order, const IssuedCertificate &issued)
    {
        m_issuer = issued.issuerName;
        m_notAfter = issued.notAfter;
        m_mudUrl = order.mudUrl;
        m_profile = order.profile.name;
        m_masaUrl = order.profile.masaUrl;
        m_kind = order.profile.kind;
        QCborMap same{{u"mode"_s, toString(m_record.mode)}, {u"issuer"_s, m_issuer},
                      {u"method"_s, m_record.method},       {u"profile"_s, m_profile},
                      {u"not-after"_s, m_notAfter},         {u"transfer"_s, m_record.transfer}};
        if (m_kind != u"idevid")
            same.insert(u"kind"_s, m_kind);
        if (!m_mudUrl.isEmpty())
            same.insert(u"mud-url"_s, m_mudUrl);
        if (!m_masaUrl.isEmpty())
            same.insert(u"masa-url"_s, m_masaUrl);
        m_form.emplace(
            same, QStringList{u"der"_s, u"serial"_s, u"sha256"_s, u"public-key-sha256"_s, u"certificate-serial"_s});
    }

    const IssueRecord &m_record;
    std::optional<CborForm> m_form;
    QString m_issuer, m_notAfter, m_mudUrl, m_profile, m_masaUrl, m_kind;
};

} // namespace

QString newIntentId()
{
    return QUuid::createUuid().toString(QUuid::WithoutBraces);
}

std::optional<Fault> issueConflict(Transaction &transaction, Mode mode, const IssueOrder &order)
{
    return Conflicts(transaction, mode).of(order);
}

NewEntry issueIntentEntry(const QString &id, const QString &device, const QCborMap &detail, const IssueRecord &record)
{
    return intentEntry(id, device, detail, record);
}

NewEntry issueOutcomeEntry(const QString &id, const QString &device, const QString &state, const QString &sentence,
                           const IssueRecord &record, const QCborMap &detail)
{
    NewEntry entry = outcomeEntry(id, device, state, sentence, record);
    if (!detail.isEmpty())
        entry.body.insert(u"detail"_s, detail);
    return entry;
}

NewEntry issuedCertificateEntry(const IssueOrder &order, const IssuedCertificate &issued, const IssueRecord &record)
{
    return CertificateEntries(record).of(order, issued);
}

IssuedCertificate issueRecorded(Journal &journal, Issuer &issuer, const IssueOrder &wanted, const IssueRecord &record,
                                const Task &task)
{
    if (issuer.isRemote())
        return issueRemotely(journal, issuer, wanted, record, task);
    IssueOrder order = wanted;
    if (order.certificateSerial.isEmpty())
        order.certificateSerial = newCertificateSerial();
    const QString intent = newIntentId();
    journal.transact([&](Transaction &transaction) {
        if (const auto fault = Conflicts(transaction, record.mode).of(order))
            throw Fault(*fault);
        takeFromQuota(transaction, issuer, order, record.mode, record.run);
        transaction.append(intentEntry(intent, order.serial,
                                       {{u"serial"_s, order.serial},
                                        {u"profile"_s, order.profile.name},
                                        {u"public-key-sha256"_s, order.request.publicKeySha256},
                                        {u"certificate-serial"_s, hex(order.certificateSerial)}},
                                       record));
    });

    IssuedCertificate issued;
    try {
        withPatience(issuer.outage(), task, [&] { issued = issuer.issue(order, task); });
    } catch (const Fault &fault) {
        journal.appendDurably(outcomeEntry(intent, order.serial, u"not-done"_s, fault.sentence(), record));
        throw;
    }
    std::optional<Fault> late;
    journal.transact([&](Transaction &transaction) {
        late = Conflicts(transaction, record.mode).of(order);
        if (late) {
            transaction.append(outcomeEntry(intent, order.serial, u"not-done"_s, late->sentence(), record));
            return;
        }
        transaction.append(CertificateEntries(record).of(order, issued));
        transaction.append(outcomeEntry(intent, order.serial, u"done"_s, QString(), record));
    });
    if (late)
        throw Fault(*late);
    return issued;
}

void acceptRecorded(Journal &journal, const IssueOrder &order, const IssuedCertificate &certificate,
                    const IssueRecord &record)
{
    journal.transact([&](Transaction &transaction) {
        if (const auto fault = Conflicts(transaction, record.mode).of(order))
            throw Fault(*fault);
        transaction.append(CertificateEntries(record).of(order, certificate));
    });
}

namespace {

// Many orders in groups. Each transaction brings the certificates of one group and the intent of the group after next
// to the disk at once, while the group between them is being signed.
class Batch
{
public:
    Batch(Journal &journal, Issuer &issuer, std::span<IssueOrder> orders, const IssueRecord &record, const Task &task,
          size_t group)
        : m_journal(journal), m_issuer(issuer), m_record(record), m_task(task), m_orders(orders),
          m_items(orders.size()), m_certificateEntries(record)
    {
        group = std::max<size_t>(1, group);
        for (size_t at = 0; at < orders.size(); at += group)
            m_groups.push_back({at, std::min(at + group, orders.size()), newIntentId(), 0, 0});
    }

    std::vector<BatchItem> run()
    {
        number(0);
        number(1);
        commit(m_groups.size(), 0, 2); // intents of the first two groups
        std::future<void> commits;
        const auto finish = [&] {
            if (commits.valid())
                commits.get();
        };
        try {
            for (size_t k = 0; k < m_groups.size(); ++k) {
                number(k + 2);
                sign(m_groups[k]);
                finish();
                commits = std::async(std::launch::async, [this, k] { commit(k, k + 2, k + 3); });
            }
            finish();
        } catch (...) {
            if (commits.valid())
                commits.wait();
            throw;
        }
        return std::move(m_items);
    }

private:
    struct Group {
        size_t begin, end;
        QString intent;
        qint64 intentSeq;
        qint64 lastSeq; // of its certificates
    };

    // Gives a group's certificates their serial numbers.
    void number(size_t k)
    {
        for (size_t i = k < m_groups.size() ? m_groups[k].begin : 0; k < m_groups.size() && i < m_groups[k].end; ++i) {
            if (m_orders[i].certificateSerial.isEmpty())
                m_orders[i].certificateSerial = newCertificateSerial();
        }
    }

    // Signs what has no fault yet, with as many threads as are of use to the issuer. An order's own fault stays with
    // it; a stop ends the signing of all that follow.
    void sign(const Group &group)
    {
        const size_t stride = std::min(size_t(std::max(1, m_issuer.parallelism())), group.end - group.begin);
        std::vector<std::jthread> others;
        for (size_t first = 1; first < stride; ++first)
            others.emplace_back([this, &group, first, stride] { sign(group, first, stride); });
        sign(group, 0, stride);
    }

    void sign(const Group &group, size_t first, size_t stride)
    {
        for (size_t i = group.begin + first; i < group.end; i += stride) {
            if (m_items[i].fault)
                continue;
            try {
                m_items[i].certificate = m_issuer.issue(m_orders[i], m_task);
            } catch (const Fault &fault) {
                m_items[i].fault = fault;
            }
        }
    }

    // The certificates of group `done` (none: beyond the end) and the intents of groups [from, to).
    void commit(size_t done, size_t from, size_t to)
    {
        try {
            m_journal.transact([&](Transaction &transaction) {
                if (done < m_groups.size())
                    recordGroup(transaction, m_groups[done], done > 0 ? m_groups[done - 1].lastSeq : 0);
                for (size_t k = from; k < std::min(to, m_groups.size()); ++k)
                    openGroup(transaction, m_groups[k]);
            });
        } catch (...) {
            if (done < m_groups.size()) // not on record, so it must not get out
                for (size_t i = m_groups[done].begin; i < m_groups[done].end; ++i)
                    m_items[i].certificate.reset();
            throw;
        }
    }

    void openGroup(Transaction &transaction, Group &group)
    {
        Conflicts conflicts(transaction, m_record.mode);
        QCborArray serials;
        for (size_t i = group.begin; i < group.end; ++i) {
            const IssueOrder &order = m_orders[i];
            BatchItem &item = m_items[i];
            item.fault = conflicts.of(order);
            if (!item.fault && m_serials.contains(order.serial))
                item.fault = Fault("identity.duplicate-serial", {order.serial, u"of this batch"_s, u"now"_s});
            else if (!item.fault && m_keys.contains(order.request.publicKeySha256))
                item.fault =
                    Fault("identity.duplicate-key", {m_keys.value(order.request.publicKeySha256), u"of this batch"_s});
            if (!item.fault) {
                try {
                    takeFromQuota(transaction, m_issuer, order, m_record.mode, m_record.run);
                } catch (const Fault &fault) {
                    item.fault = fault;
                }
            }
            if (item.fault)
                continue;
            m_serials.insert(order.serial);
            m_keys.insert(order.request.publicKeySha256, order.serial);
            serials.append(order.serial);
        }
        group.intentSeq = transaction.append(intentEntry(group.intent, QString(), {{u"serials"_s, serials}}, m_record));
    }

    void recordGroup(Transaction &transaction, Group &group, qint64 ownLastSeq)
    {
        // What was looked up when the intent was written still holds, unless somebody else issued since. Our own
        // group before this one stands right before ownLastSeq; against that one m_serials and m_keys have guarded.
        JournalLookup others(transaction, "SELECT 1 FROM entry WHERE seq > ?1 AND seq NOT BETWEEN ?2 AND ?3 AND "
                                          "kind = 'certificate' LIMIT 1");
        const qint64 ownFirstSeq = ownLastSeq - m_lastCount + 1;
        const bool lookAgain = others.bind(1, group.intentSeq).bind(2, ownFirstSeq).bind(3, ownLastSeq).step();
        Conflicts conflicts(transaction, m_record.mode);
        qint64 recorded = 0;
        for (size_t i = group.begin; i < group.end; ++i) {
            BatchItem &item = m_items[i];
            if (!item.certificate)
                continue;
            if (lookAgain) {
                item.fault = conflicts.of(m_orders[i]);
                if (item.fault) {
                    item.certificate.reset();
                    continue;
                }
            }
            group.lastSeq = transaction.append(m_certificateEntries.of(m_orders[i], *item.certificate));
            ++recorded;
            if (!m_record.batch.isEmpty()) { // what belongs to the lot, and is still to be bound
                group.lastSeq = transaction.append({u"number"_s,
                                                    m_record.run,
                                                    m_orders[i].serial,
                                                    {{u"pool"_s, u"batch:"_s + m_record.batch},
                                                     {u"value"_s, item.certificate->certificateSerial},
                                                     {u"mode"_s, toString(m_record.mode)}}});
                ++recorded;
            }
        }
        m_lastCount = recorded;
        transaction.append(
            outcomeEntry(group.intent, QString(), recorded > 0 ? u"done"_s : u"not-done"_s,
                         u"%1 of %2 certificates issued."_s.arg(m_record.batch.isEmpty() ? recorded : recorded / 2)
                             .arg(group.end - group.begin),
                         m_record));
    }

    Journal &m_journal;
    Issuer &m_issuer;
    const IssueRecord &m_record;
    const Task &m_task;
    std::span<IssueOrder> m_orders;
    std::vector<BatchItem> m_items;
    std::vector<Group> m_groups;
    // Only touched within transactions.
    CertificateEntries m_certificateEntries;
    QSet<QString> m_serials;
    QHash<QByteArray, QString> m_keys;
    qint64 m_lastCount = 0;
};

} // namespace

namespace {

// Each order to an authority somewhere else has an intent of its own.
std::vector<BatchItem> oneByOne(Journal &journal, Issuer &issuer, std::span<const IssueOrder> orders,
                                const IssueRecord &record, const Task &task)
{
    std::vector<BatchItem> items(orders.size());
    for (size_t i = 0; i < orders.size(); ++i) {
        try {
            items[i].certificate = issueRemotely(journal, issuer, orders[i], record, task);
        } catch (const Fault &fault) {
            items[i].fault = fault;
        }
    }
    return items;
}

} // namespace

std::vector<BatchItem> issueBatchRecorded(Journal &journal, Issuer &issuer, std::span<IssueOrder> orders,
                                          const IssueRecord &record, const Task &task, size_t group)
{
    if (orders.empty())
        return {};
    if (issuer.isRemote())
        return oneByOne(journal, issuer, orders, record, task);
    return Batch(journal, issuer, orders, record, task, group).run();
}

} // namespace slipway
