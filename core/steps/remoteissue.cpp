#include "core/steps/remoteissue.h"

#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/steps/issuerecords.h"

#include <QCborArray>

#include <sqlite3.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using Transaction = Journal::Transaction;

// Waits so long; false when the task ended first.
bool pause(std::chrono::milliseconds span, const Task &task, const QString &note)
{
    if (task.progress)
        task.progress->setNote(note);
    std::mutex mutex;
    std::condition_variable_any wake;
    {
        std::unique_lock lock(mutex);
        wake.wait_until(lock, task.stop, task.deadline.sooner(span).at(), [] { return false; });
    }
    if (task.progress)
        task.progress->setNote(QString());
    return !task.stop.stop_requested() && !task.deadline.expired();
}

// The pauses of an outage, each twice as long as the one before.
class Patience
{
public:
    Patience(const OutagePolicy &policy, const Task &task)
        : m_policy(policy), m_task(task), m_until(Deadline::in(policy.patience)), m_next(policy.firstPause)
    {}
    // Whether to try again now.
    bool again(const Fault &fault)
    {
        if (m_policy.patience.count() <= 0 || m_until.expired() || m_task.stop.stop_requested())
            return false;
        const auto span = std::min(m_next, m_until.remaining());
        m_next = std::min(m_next * 2, m_policy.longestPause);
        m_task.say(u"%1 Trying again in %2."_s.arg(fault.sentence(), humanSpan(double(span.count()) / 1000)));
        return pause(span, m_task, u"waiting for the issuer: %1"_s.arg(fault.sentence()));
    }

private:
    const OutagePolicy m_policy;
    const Task &m_task;
    const Deadline m_until;
    std::chrono::milliseconds m_next;
};

class RemoteOrder
{
public:
    RemoteOrder(Journal &journal, Issuer &issuer, const IssueOrder &order, const IssueRecord &record, const Task &task)
        : m_journal(journal), m_issuer(issuer), m_order(order), m_record(record), m_task(task)
    {}

    IssuedCertificate run()
    {
        m_order.certificateSerial.clear(); // the authority's affair
        m_journal.transact([this](Transaction &transaction) { begin(transaction); });
        m_order.beforeConfirm = [this](const IssuedCertificate &issued) { keep(issued); };
        m_order.whileWaiting = [this](const QByteArray &answer) { wait(answer); };
        for (;;) {
            try {
                const IssuedCertificate issued = m_issuer.issue(m_order, m_task);
                if (!issued.deviation.isEmpty())
                    refuse(issued);
                if (m_issuer.confirms())
                    end(u"done"_s, {});
                return issued;
            } catch (const Fault &fault) {
                if (m_refused)
                    throw;
                if (m_kept) // the authority did not take the confirmation
                    giveUp(fault);
                const bool lost = fault.is(u"issuer.answer-lost");
                m_pending = fault.is(u"issuer.pending") || fault.is(u"issuer.pending-away");
                m_forgotten = fault.is(u"issuer.forgotten");
                const bool known = lost || m_forgotten || fault.is(u"issuer.already-asked");
                m_lost = m_lost || known;
                const bool worthwhile = lost ? m_issuer.mayAskAgain() : fault.retryable();
                if (!m_patience)
                    m_patience.emplace(m_issuer.outage(), m_task);
                if (worthwhile && m_patience->again(fault))
                    continue;
                // A clear refusal is an end where nothing was lost before.
                const bool open = m_pending || m_lost || (m_wasPending && !fault.is(u"issuer.refused"));
                end(open ? u"unknown"_s : u"not-done"_s, fault.sentence());
                // A person ended the waiting; asking again later is safe.
                if (m_task.stop.stop_requested() && (m_pending || (!open && fault.retryable())))
                    throw Fault("base.stopped", {}, fault.text());
                if (m_lost && !known && !m_pending)
                    throw Fault("issuer.answer-lost", {m_issuer.address(), u"its answer got lost before"_s},
                                fault.text());
                throw;
            }
        }
    }

private:
    void begin(Transaction &transaction)
    {
        const auto open = openRequestOf(transaction, m_record.mode, m_order.serial);
        if (open) {
            const bool same = open->publicKeySha256 == m_order.request.publicKeySha256 &&
                              open->issuer == m_issuer.address() && open->certificateSerial.isEmpty();
            if (!same || open->forgotten || !(open->pending || m_issuer.mayAskAgain()))
                throw Fault("identity.open-request", {m_order.serial, open->issuer, open->at});
        }
        if (const auto fault = issueConflict(transaction, m_record.mode, m_order))
            throw Fault(*fault);
        if (open) {
            m_task.say(u"the request of %1 is asked for again"_s.arg(open->at));
            m_intent = open->intent;
            m_order.transaction = open->transaction;
            m_order.request = CertificateRequest::parse(open->request); // the same message once more
            m_lost = !open->pending;
            m_wasPending = open->pending;
            m_order.heard = open->heard;
            return;
        }
        m_intent = newIntentId();
        m_order.transaction = newCertificateSerial();
        transaction.append(issueIntentEntry(m_intent, m_order.serial,
                                            {{u"serial"_s, m_order.serial},
                                             {u"profile"_s, m_order.profile.name},
                                             {u"public-key-sha256"_s, m_order.request.publicKeySha256},
                                             {u"mud-url"_s, m_order.mudUrl},
                                             {u"issuer"_s, m_issuer.address()},
                                             {u"transaction"_s, m_order.transaction},
                                             {u"request"_s, m_order.request.der}},
                                            m_record));
    }

    // It has the request and has not decided: whoever comes after us may ask for the same again, from there on.
    void wait(const QByteArray &answer)
    {
        m_wasPending = m_pending = true;
        m_patience.reset(); // an outage from now on is another one
        if (!answer.isEmpty())
            m_order.heard = m_order.heard.isEmpty() ? QList{answer} : QList{m_order.heard.first(), answer};
        end(u"unknown"_s, u"%1 has not decided yet."_s.arg(m_issuer.name()),
            answer.isEmpty() ? QCborMap() : QCborMap{{u"answer"_s, answer}});
    }

    // The certificate becomes durable before the authority hears that it arrived. Where nobody waits to hear it, this
    // is the end.
    void keep(const IssuedCertificate &issued)
    {
        m_journal.transact([&](Transaction &transaction) {
            IssueOrder now = m_order;
            now.certificateSerial = fromHex(issued.certificateSerial).value_or(QByteArray());
            if (const auto fault = issueConflict(transaction, m_record.mode, now))
                throw Fault(*fault);
            transaction.append(issuedCertificateEntry(m_order, issued, m_record));
            if (!m_issuer.confirms())
                transaction.append(issueOutcomeEntry(m_intent, m_order.serial, u"done"_s, {}, m_record));
        });
        m_kept = issued;
    }

    void end(const QString &state, const QString &sentence, const QCborMap &detail = {})
    {
        QCborMap more = detail;
        if (state == u"unknown")
            more.insert(u"pending"_s, m_pending);
        if (m_forgotten)
            more.insert(u"forgotten"_s, true);
        m_journal.appendDurably(issueOutcomeEntry(m_intent, m_order.serial, state, sentence, m_record, more));
    }

    // Asks for the revocation; what came of it, in words.
    QString revoke(const IssuedCertificate &issued)
    {
        try {
            Task task = m_task.within(std::chrono::seconds(30));
            task.stop = {}; // a stop must not leave a certificate behind that is valid
            return m_issuer.revoke(issued.der, u"unspecified"_s, task)
                       ? u"The issuer was asked to revoke it, and did."_s
                       : u"The issuer offers no way to revoke it; its people must be told."_s;
        } catch (const Fault &fault) {
            return u"The issuer was asked to revoke it, and did not: %1"_s.arg(fault.sentence());
        }
    }

    NewEntry revocation(const IssuedCertificate &issued) const
    {
        return {u"revocation"_s,
                m_record.run,
                m_order.serial,
                {{u"certificate-serial"_s, issued.certificateSerial},
                 {u"reason"_s, u"unspecified"_s},
                 {u"mode"_s, toString(m_record.mode)}}};
    }

    // It deviates: on record, so that key and number are spent, and nobody gets it.
    [[noreturn]] void refuse(const IssuedCertificate &issued)
    {
        m_refused = true;
        const QString sentence =
            u"Certificate %1 deviates from the order: %2. "_s.arg(issued.certificateSerial, issued.deviation) +
            revoke(issued);
        m_journal.transact([&](Transaction &transaction) {
            bool ours = false; // under another key or a number that is used it is not this unit's
            try {
                IssueOrder now = m_order;
                now.certificateSerial = fromHex(issued.certificateSerial).value_or(QByteArray());
                ours = certificateFacts(issued.der).publicKeySha256 == m_order.request.publicKeySha256 &&
                       !now.certificateSerial.isEmpty() && !issueConflict(transaction, m_record.mode, now);
            } catch (const Fault &) { // no certificate at all
            }
            if (ours) {
                transaction.append(issuedCertificateEntry(m_order, issued, m_record));
                transaction.append(revocation(issued));
            }
            transaction.append(issueOutcomeEntry(m_intent, m_order.serial, u"not-done"_s, sentence, m_record,
                                                 {{u"deviation"_s, issued.deviation}, {u"der"_s, issued.der}}));
        });
        m_task.say(sentence);
        throw Fault("issuer.deviates", {issued.certificateSerial, m_order.serial, issued.deviation}, sentence);
    }

    // Came, was kept, and the confirmation was not taken.
    [[noreturn]] void giveUp(const Fault &fault)
    {
        m_refused = true;
        const QString sentence =
            u"Certificate %1 could not be confirmed. "_s.arg(m_kept->certificateSerial) + revoke(*m_kept);
        m_journal.transact([&](Transaction &transaction) {
            transaction.append(revocation(*m_kept));
            transaction.append(issueOutcomeEntry(m_intent, m_order.serial, u"not-done"_s, sentence, m_record));
        });
        m_task.say(sentence);
        throw Fault(fault);
    }

    Journal &m_journal;
    Issuer &m_issuer;
    IssueOrder m_order;
    const IssueRecord &m_record;
    const Task &m_task;
    QString m_intent;
    std::optional<IssuedCertificate> m_kept;
    std::optional<Patience> m_patience;
    bool m_lost = false, m_pending = false, m_wasPending = false, m_forgotten = false, m_refused = false;
};

QString columnText(sqlite3_stmt *statement, int column)
{
    return QString::fromUtf8(reinterpret_cast<const char *>(sqlite3_column_text(statement, column)));
}

QCborMap columnMap(sqlite3_stmt *statement, int column)
{
    const QByteArray bytes(static_cast<const char *>(sqlite3_column_blob(statement, column)),
                           sqlite3_column_bytes(statement, column));
    return QCborValue::fromCbor(bytes).toMap();
}

} // namespace

namespace {

class Query
{
public:
    Query(Transaction &transaction, const char *sql)
    {
        if (sqlite3_prepare_v2(transaction.handle(), sql, -1, &m_statement, nullptr) != SQLITE_OK)
            throw Fault("internal.defect", {}, QString::fromUtf8(sqlite3_errmsg(transaction.handle())));
    }
    ~Query() { sqlite3_finalize(m_statement); }
    Query(const Query &) = delete;
    Query &operator=(const Query &) = delete;
    sqlite3_stmt *get() const { return m_statement; }

private:
    sqlite3_stmt *m_statement = nullptr;
};

// What the authority said, in this run or a later one that took the order up again; outcomes that were written by
// others since say nothing of it.
void readOutcomes(Transaction &transaction, OpenRequest &open)
{
    const Query statement(transaction,
                          "SELECT seq, body FROM entry WHERE run = '' AND device = ?1 AND device <> '' AND "
                          "kind = 'outcome' UNION ALL SELECT seq, body FROM entry WHERE run IN (SELECT id FROM run "
                          "WHERE device = ?1 UNION SELECT run FROM intent WHERE id = ?2 AND run <> '') AND "
                          "device = ?1 AND kind = 'outcome' ORDER BY 1");
    const QByteArray device = open.serial.toUtf8(), intent = open.intent.toUtf8();
    sqlite3_bind_text(statement.get(), 1, device.constData(), int(device.size()), SQLITE_STATIC);
    sqlite3_bind_text(statement.get(), 2, intent.constData(), int(intent.size()), SQLITE_STATIC);
    while (sqlite3_step(statement.get()) == SQLITE_ROW) {
        const QCborMap body = columnMap(statement.get(), 1);
        const QCborMap detail = body.value(u"detail"_s).toMap();
        if (body.value(u"intent"_s).toString() != open.intent || !detail.contains(u"pending"_s))
            continue;
        open.pending = detail.value(u"pending"_s).toBool();
        open.forgotten = open.forgotten || detail.contains(u"forgotten"_s);
        if (const QByteArray answer = detail.value(u"answer"_s).toByteArray(); !answer.isEmpty())
            open.heard = open.heard.isEmpty() ? QList{answer} : QList{open.heard.first(), answer};
    }
}

} // namespace

IssuedCertificate issueRemotely(Journal &journal, Issuer &issuer, const IssueOrder &order, const IssueRecord &record,
                                const Task &task)
{
    return RemoteOrder(journal, issuer, order, record, task).run();
}

std::optional<OpenRequest> openRequestOf(Transaction &transaction, Mode mode, const QString &serial)
{
    const Query statement(transaction, "SELECT i.id, i.at, i.run, e.body FROM intent i JOIN entry e ON e.seq = i.entry "
                                       "WHERE i.device = ?1 AND i.act = 'identity.issue' AND (i.state IS NULL OR "
                                       "i.state = 'unknown') ORDER BY i.entry DESC");
    sqlite3_stmt *raw = statement.get();
    const QByteArray key = serial.toUtf8();
    sqlite3_bind_text(raw, 1, key.constData(), int(key.size()), SQLITE_STATIC);
    while (sqlite3_step(raw) == SQLITE_ROW) {
        const QCborMap body = columnMap(raw, 3);
        const QCborMap detail = body.value(u"detail"_s).toMap();
        if (!detail.contains(u"transaction"_s) || body.value(u"mode"_s).toString() != toString(mode))
            continue;
        OpenRequest open;
        open.intent = columnText(raw, 0);
        open.at = columnText(raw, 1);
        open.run = columnText(raw, 2);
        open.serial = serial;
        open.issuer = detail.value(u"issuer"_s).toString();
        open.profile = detail.value(u"profile"_s).toString();
        open.mudUrl = detail.value(u"mud-url"_s).toString();
        open.publicKeySha256 = detail.value(u"public-key-sha256"_s).toByteArray();
        open.transaction = detail.value(u"transaction"_s).toByteArray();
        open.request = detail.value(u"request"_s).toByteArray();
        readOutcomes(transaction, open);
        open.lost = !open.pending;
        const auto rows = transaction.certificatesOfKey(open.publicKeySha256);
        if (!rows.empty())
            open.certificateSerial = rows.front().certificateSerial;
        return open;
    }
    return {};
}

std::optional<OpenRequest> openRequestOf(Journal &journal, Mode mode, const QString &serial)
{
    std::optional<OpenRequest> open;
    journal.transact([&](Transaction &transaction) { open = openRequestOf(transaction, mode, serial); });
    return open;
}

void settleRequest(Journal &journal, Mode mode, const QString &serial, const Profile &profile,
                   const std::optional<IssuedCertificate> &certificate, const QString &person)
{
    journal.transact([&](Transaction &transaction) {
        const auto open = openRequestOf(transaction, mode, serial);
        if (!open)
            throw Fault("identity.nothing-open", {oneLine(serial, 80)});
        IssueRecord record;
        record.mode = mode;
        record.run = open->run;
        const QCborMap by{{u"operator"_s, person}};
        if (!certificate) {
            if (!open->certificateSerial.isEmpty()) {
                transaction.append({u"revocation"_s,
                                    open->run,
                                    serial,
                                    {{u"certificate-serial"_s, open->certificateSerial},
                                     {u"reason"_s, u"unspecified"_s},
                                     {u"mode"_s, toString(mode)}}});
            }
            transaction.append(issueOutcomeEntry(open->intent, serial, u"not-done"_s,
                                                 u"A person found out that the issuer has no valid certificate."_s,
                                                 record, by));
            return;
        }
        IssueOrder order;
        order.request = CertificateRequest::parse(open->request);
        order.profile = profile;
        order.serial = serial;
        order.mudUrl = open->mudUrl;
        if (certificateFacts(certificate->der).publicKeySha256 != open->publicKeySha256) {
            throw Fault("identity.does-not-hold", {certificate->certificateSerial, serial, profile.name,
                                                   u"it is not for the key of the open request"_s});
        }
        if (open->certificateSerial != certificate->certificateSerial) {
            order.certificateSerial = fromHex(certificate->certificateSerial).value_or(QByteArray());
            if (const auto fault = issueConflict(transaction, mode, order))
                throw Fault(*fault);
            transaction.append(issuedCertificateEntry(order, *certificate, record));
        }
        transaction.append(issueOutcomeEntry(open->intent, serial, u"done"_s,
                                             u"A person fetched the certificate from the issuer."_s, record, by));
    });
}

QByteArray certificateOnRecord(Journal &journal, const QString &certificateSerial)
{
    QByteArray der;
    journal.transact([&](Transaction &transaction) {
        const Query statement(transaction, "SELECT e.body FROM certificate c JOIN entry e ON e.seq = c.entry WHERE "
                                           "c.certificate_serial = ?1");
        const QByteArray number = certificateSerial.toUtf8();
        sqlite3_bind_text(statement.get(), 1, number.constData(), int(number.size()), SQLITE_STATIC);
        if (sqlite3_step(statement.get()) == SQLITE_ROW)
            der = columnMap(statement.get(), 0).value(u"der"_s).toByteArray();
    });
    return der;
}

void withPatience(const OutagePolicy &policy, const Task &task, const std::function<void()> &act)
{
    Patience patience(policy, task);
    for (;;) {
        try {
            act();
            return;
        } catch (const Fault &fault) {
            if (fault.retryable() && patience.again(fault))
                continue;
            if (fault.retryable() && task.stop.stop_requested())
                throw Fault("base.stopped", {}, fault.text());
            throw;
        }
    }
}

} // namespace slipway
