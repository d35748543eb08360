#include "core/journal/verify.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/journal/chain.h"
#include "core/journal/headfile.h"
#include "core/journal/projector.h"
#include "core/journal/queries.h"
#include "core/journal/schema.h"
#include "core/journal/tablecompare.h"

#include <QCborArray>
#include <QFileInfo>
#include <QSet>

#include <algorithm>
#include <map>

namespace slipway {

namespace {

constexpr size_t mostFindings = 50;
constexpr qint64 progressEvery = 4096;

QByteArray sqlOf(const ProjectionTable &table)
{
    return QByteArray("SELECT * FROM ") + table.name + " ORDER BY " + table.key;
}

bool hasControl(QByteArrayView text)
{
    return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

class Verification
{
public:
    Verification(const QString &path, const JournalVerifier *verifier, const Task &task)
        : m_path(path), m_verifier(verifier), m_task(task), m_replayed(path, Database::Access::Memory)
    {}

    JournalReport run()
    {
        if (!QFileInfo::exists(m_path))
            throw Fault("journal.missing", {m_path});
        readHeadFileFirst();
        try {
            Database database(m_path, Database::Access::Read);
            checkJournalForm(database);
            const Snapshot snapshot(database);
            checkDatabase(database);
            loadSigned(database);
            walk(database);
            checkEnd(database);
            if (m_chainGood)
                compareProjections(database);
            else
                m_report.notes << QStringLiteral(
                    "Derived tables were not compared, because the entries are not sound.");
        } catch (const Fault &fault) {
            if (!fault.is("journal.damaged") && !fault.is("journal.disk-error"))
                throw;
            found(m_expected, QStringLiteral("cannot be read: ") + fault.sentence());
        }
        std::stable_sort(m_report.findings.begin(), m_report.findings.end(),
                         [](const JournalFinding &a, const JournalFinding &b) {
                             return (a.entry == 0 ? INT64_MAX : a.entry) < (b.entry == 0 ? INT64_MAX : b.entry);
                         });
        return m_report;
    }

private:
    void found(qint64 entry, const QString &words)
    {
        if (entry > 0 && !m_named.contains(entry))
            m_named.insert(entry);
        else if (entry > 0)
            return; // said once
        if (m_report.findings.size() >= mostFindings) {
            m_report.more = true;
            return;
        }
        m_report.findings.push_back({entry, entry > 0 ? QStringLiteral("entry %1: %2").arg(entry).arg(words) : words});
    }

    // Before the database's state is fixed, so that a checkpoint made meanwhile is not taken for one too many.
    void readHeadFileFirst()
    {
        try {
            m_headFile = readHeadFile(m_path);
        } catch (const Fault &fault) {
            m_headFileBad = true;
            found(0, fault.sentence());
        }
    }

    void checkDatabase(Database &database)
    {
        const QString words = database.text("PRAGMA quick_check(1)");
        if (words != QLatin1String("ok"))
            found(0, QStringLiteral("The database is damaged: %1.").arg(words));
        Database fresh(m_path, Database::Access::Memory);
        prepareFresh(fresh);
        const auto objects = [](Database &d) {
            std::map<QString, QString> found;
            Statement s(
                d, "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                false);
            while (s.step())
                found[s.text(0)] = s.text(1);
            return found;
        };
        const auto always = objects(fresh);
        createLaterIndexes(fresh);
        const auto expected = objects(fresh);
        auto there = objects(database);
        for (const auto &[name, sql] : expected) {
            const auto it = there.find(name);
            if (it == there.end() && always.count(name) == 0)
                continue;
            if (it == there.end()) {
                found(0, QStringLiteral("The database lacks its %1.").arg(name));
                m_tablesGood = false;
            } else if (it->second != sql) {
                found(0, QStringLiteral("The database's %1 was changed.").arg(name));
                m_tablesGood = false;
            }
            if (it != there.end())
                there.erase(it);
        }
        for (const auto &[name, sql] : there)
            found(0, QStringLiteral("The database holds something that is not Slipway's: %1.").arg(name));
    }

    static void prepareFresh(Database &fresh)
    {
        createRecordTables(fresh);
        createProjections(fresh);
    }

    void loadSigned(Database &database)
    {
        Statement s(database, "SELECT seq, at, hash, signature FROM checkpoint ORDER BY seq", false);
        while (s.step())
            m_checkpoints.insert({s.integer(0), Checkpoint{s.integer(0), s.utf8(1), s.blob(2), s.blob(3)}});
        Statement h(database, "SELECT seq, hash, signature FROM head WHERE id = 1", false);
        if (h.step())
            m_head = Checkpoint{h.integer(0), {}, h.blob(1), h.blob(2)};
        m_report.checkpoints = qint64(m_checkpoints.size());
        m_report.lastCheckpoint = m_checkpoints.empty() ? 0 : m_checkpoints.rbegin()->first;
        // Where a key is known, signatures are due: that none are there is what somebody wants who took them out.
        m_report.isSigned =
            m_verifier || !m_checkpoints.empty() || m_headFile || (m_head && !m_head->signature.isEmpty());
        m_report.signaturesChecked = m_verifier;
        if (!m_report.isSigned)
            m_report.notes << QStringLiteral("This journal is not signed: only its chain can be checked.");
        else if (!m_verifier)
            m_report.notes << QStringLiteral("Signatures were not checked: no certificate was given.");
    }

    bool holds(const QByteArray &message, const QByteArray &signature) const
    {
        return !m_verifier || m_verifier->verify(message, signature);
    }

    void walk(Database &database)
    {
        prepareFresh(m_replayed);
        m_replayed.run("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; BEGIN");
        m_projector = std::make_unique<Projector>(m_replayed);
        const qint64 total = database.number("SELECT count(*) FROM entry");
        if (m_task.progress)
            m_task.progress->setTotal(total);
        Statement s(database, "SELECT seq, at, kind, run, device, body, prev, hash FROM entry ORDER BY seq", false);
        while (s.step()) {
            entry(s);
            if (++m_report.entries % progressEvery == 0) {
                m_task.check(QStringLiteral("Checking the journal"));
                if (m_task.progress)
                    m_task.progress->setDone(m_report.entries);
            }
        }
        m_replayed.run("COMMIT");
        m_report.lastEntry = m_expected - 1;
        m_report.lastHash = m_lastHash;
        if (m_task.progress)
            m_task.progress->setDone(m_report.entries);
    }

    void entry(const Statement &s)
    {
        const qint64 seq = s.integer(0);
        if (seq < m_expected) { // seq 0 or below
            bad();
            m_report.findings.push_back(
                {1, QStringLiteral("entry %1: does not belong here: the first entry is 1").arg(seq)});
            m_skipPrev = true;
            return;
        }
        if (seq > m_expected) {
            bad();
            found(m_expected, seq == m_expected + 1
                                  ? QStringLiteral("is missing")
                                  : QStringLiteral("is missing, as are those up to entry %1").arg(seq - 1));
            m_skipPrev = true;
            m_expected = seq;
        }
        const bool typed = s.type(1) == SQLITE_TEXT && s.type(2) == SQLITE_TEXT && s.type(3) == SQLITE_TEXT &&
                           s.type(4) == SQLITE_TEXT && s.type(5) == SQLITE_BLOB && s.type(6) == SQLITE_BLOB &&
                           s.type(7) == SQLITE_BLOB;
        Record record{seq, s.utf8(1), s.utf8(2), s.utf8(3), s.utf8(4), {}};
        const QByteArray body = s.blob(5);
        const QByteArray prev = s.blob(6);
        const QByteArray hash = s.blob(7);
        const QByteArray computed = m_hasher(seq, record.at, record.kind, record.run, record.device, body, prev);
        const bool shaped = typed && prev.size() == hashBytes && hash.size() == hashBytes && !hasControl(record.at) &&
                            !hasControl(record.kind) && !hasControl(record.run) && !hasControl(record.device);
        if (!shaped) {
            bad();
            found(seq, QStringLiteral("is not in the form of an entry"));
        } else if (computed != hash) {
            bad();
            found(seq, QStringLiteral("was changed: its content does not match its hash"));
        } else if (prev != m_lastHash && !m_skipPrev) {
            bad();
            if (seq == 1)
                found(seq, QStringLiteral("does not begin the chain: its prev is not zero"));
            else
                found(seq - 1, QStringLiteral("was rewritten: entry %1 goes on from another hash").arg(seq));
        }
        if (seq == 1)
            m_report.firstKind = QString::fromUtf8(record.kind);
        checkpointAt(seq, hash);
        m_skipPrev = false;
        m_lastHash = hash;
        ++m_expected;
        if (m_chainGood)
            replay(record, body);
        if (record.kind == "journal.loss")
            m_report.notes << QStringLiteral("Entry %1 of %2: a person accepted that entries are gone: %3")
                                  .arg(seq)
                                  .arg(QString::fromUtf8(record.at),
                                       readBody(body).value(QLatin1String("sentence")).toString());
    }

    void checkpointAt(qint64 seq, const QByteArray &hash)
    {
        const auto it = m_checkpoints.find(seq);
        if (it == m_checkpoints.end()) {
            if (seq % checkpointEvery == 0 && m_report.isSigned)
                found(seq, QStringLiteral("the checkpoint that belongs to it is missing"));
            return;
        }
        const Checkpoint &checkpoint = it->second;
        if (!holds(checkpoint.message(), checkpoint.signature)) {
            found(seq, QStringLiteral("the signature of its checkpoint does not hold"));
        } else if (checkpoint.hash != hash) {
            notTheSigned(seq, QStringLiteral("its checkpoint of %1").arg(QString::fromUtf8(checkpoint.at)));
        } else {
            m_lastGoodCheckpoint = seq;
        }
        m_checkpoints.erase(it);
    }

    // The chain may have been computed anew from an earlier entry on.
    void notTheSigned(qint64 seq, const QString &what)
    {
        const bool explained =
            std::any_of(m_report.findings.begin(), m_report.findings.end(), [&](const auto &finding) {
                return finding.entry > m_lastGoodCheckpoint && finding.entry <= seq;
            });
        if (!explained)
            found(seq, m_lastGoodCheckpoint + 1 < seq
                           ? QStringLiteral("is not the one that %1 signed: it, or an entry from %2 on, was rewritten")
                                 .arg(what)
                                 .arg(m_lastGoodCheckpoint + 1)
                           : QStringLiteral("was rewritten: it is not the one that %1 signed").arg(what));
        bad();
    }

    void replay(Record &record, const QByteArray &body)
    {
        const QCborMap map = readBody(body);
        if (map.contains(QLatin1String("unreadable")) && map.size() == 1) {
            found(record.seq, QStringLiteral("its body is no well-formed CBOR map"));
            bad();
            return;
        }
        record.body = ProjectedBody(record.kind, body);
        try {
            m_projector->apply(record);
        } catch (const Fault &fault) {
            found(record.seq, fault.sentence());
        }
    }

    void checkEnd(Database &database)
    {
        const qint64 end = m_report.lastEntry;
        const auto cut = [&](qint64 seq, const QString &what) {
            m_cut = true;
            found(
                end + 1,
                QStringLiteral("is missing: the journal ends early; %1 names entry %2 as written").arg(what).arg(seq));
            bad();
        };
        // Checkpoints of entries that are not there.
        for (const auto &[seq, checkpoint] : m_checkpoints) {
            if (!holds(checkpoint.message(), checkpoint.signature))
                found(0, QStringLiteral("The signature of the checkpoint for entry %1 does not hold.").arg(seq));
            else if (seq > end)
                cut(seq, QStringLiteral("a checkpoint"));
            else if (seq < 1)
                found(0, QStringLiteral("There is a checkpoint for entry %1.").arg(seq));
        }
        if (m_headFile) {
            if (!holds(m_headFile->message(), m_headFile->signature))
                found(0, QStringLiteral("The signature in %1 does not hold.").arg(headFilePath(m_path)));
            else if (m_headFile->seq > end)
                cut(m_headFile->seq, QStringLiteral("journal.head"));
            else if (m_headFile->seq > 0 && hashAt(database, m_headFile->seq) != m_headFile->hash)
                notTheSigned(m_headFile->seq, QStringLiteral("journal.head"));
        } else if (m_report.isSigned && !m_headFileBad) {
            const QString words =
                QStringLiteral("%1 is missing: without it, entries cut off at the end may go unnoticed.")
                    .arg(headFilePath(m_path));
            if (m_verifier)
                found(0, words);
            else
                m_report.notes << words; // a database alone, handed to a stranger
        }
        if (!m_head) {
            if (m_cut)
                found(0, QStringLiteral("The signed head of the journal is missing."));
            else if (end > 0)
                found(end, QStringLiteral("the signed head that belongs to the last entry is missing"));
            return;
        }
        if (m_report.isSigned && !holds(headMessage(m_head->seq, m_head->hash), m_head->signature))
            found(m_cut ? 0 : std::max<qint64>(end, 1),
                  m_cut ? QStringLiteral("The signature of the journal's head does not hold.")
                        : QStringLiteral("the signature of the journal's head does not hold"));
        else if (m_head->seq > end)
            cut(m_head->seq, QStringLiteral("the signed head"));
        else if (m_head->seq < end)
            found(m_head->seq + 1,
                  QStringLiteral("stands after the signed end of the journal, entry %1").arg(m_head->seq));
        else if (m_head->hash != m_lastHash)
            notTheSigned(end, QStringLiteral("the journal's head"));
    }

    static QByteArray hashAt(Database &database, qint64 seq)
    {
        Statement s(database, "SELECT hash FROM entry WHERE seq = ?1", false);
        s.bind(1, seq);
        return s.step() ? s.blob(0) : QByteArray();
    }

    void compareProjections(Database &database)
    {
        if (!m_tablesGood)
            return;
        for (const ProjectionTable &table : projectionTables()) {
            Statement there(database, sqlOf(table).constData(), false);
            Statement right(m_replayed, sqlOf(table).constData(), false);
            if (const std::optional<qint64> entry = firstDifference(there, right, table.entry))
                found(*entry,
                      QStringLiteral("table %1 does not say what the entries say; \"slipway journal rebuild\" mends it")
                          .arg(QLatin1String(table.name)));
        }
    }

    void bad() { m_chainGood = false; }

    const QString m_path;
    const JournalVerifier *m_verifier;
    const Task &m_task;
    JournalReport m_report;
    Database m_replayed;
    std::unique_ptr<Projector> m_projector;
    EntryHasher m_hasher;
    std::map<qint64, Checkpoint> m_checkpoints;
    std::optional<Checkpoint> m_head;
    std::optional<Checkpoint> m_headFile;
    bool m_headFileBad = false;
    bool m_tablesGood = true;
    bool m_chainGood = true;
    bool m_cut = false;      // the end is missing
    bool m_skipPrev = false; // the entry before is missing
    qint64 m_expected = 1;
    qint64 m_lastGoodCheckpoint = 0;
    QByteArray m_lastHash = chainStart();
    QSet<qint64> m_named;
};

} // namespace

JournalReport verifyJournal(const QString &path, const JournalVerifier *verifier, const Task &task)
{
    return Verification(path, verifier, task).run();
}

} // namespace slipway
