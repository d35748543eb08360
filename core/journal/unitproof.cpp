#include "core/journal/unitproof.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/journal/chain.h"
#include "core/journal/projector.h"
#include "core/journal/queries.h"
#include "core/journal/schema.h"
#include "core/journal/tablecompare.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <set>
#include <thread>
#include <vector>

namespace slipway {

namespace {

constexpr qint64 smallestPart = 20'000; // entries: below, a thread costs more than it saves
constexpr qint64 mostParts = 8;
constexpr qint64 checkEvery = 1024; // entries

// A unit's rows in each table that a passport is made of.
struct UnitRows {
    const char *table;
    const char *where;
};
constexpr char ofItsRuns[] = "run IN (SELECT id FROM run WHERE device = ?1)";
constexpr UnitRows unitRows[] = {
    {"device", "mode IN ('production', 'training') AND serial = ?1"},
    {"run", "device = ?1"},
    {"step", ofItsRuns},
    {"measurement", ofItsRuns},
    {"certificate", "serial = ?1"},
    {"number", "device = ?1"},
    {"artifact", ofItsRuns},
    {"intent", ofItsRuns},
    {"label", ofItsRuns},
};

// Views into the row, gone with the next step.
QByteArrayView view(const Statement &s, int column)
{
    const auto *data = static_cast<const char *>(sqlite3_column_blob(s.handle(), column));
    return QByteArrayView(data, sqlite3_column_bytes(s.handle(), column));
}

// Text without a control character: a line end would let two entries have the same hash.
bool isPlainText(const Statement &s, int column)
{
    if (s.type(column) != SQLITE_TEXT)
        return false;
    const QByteArrayView text = view(s, column);
    return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

class UnitProof
{
public:
    UnitProof(Database &database, const QString &serial, const Task &task)
        : m_database(database), m_serial(serial), m_utf8(serial.toUtf8()), m_task(task)
    {}

    void chain()
    {
        m_end = m_database.number("SELECT max(seq) FROM entry");
        const qint64 processors = std::max(1U, std::thread::hardware_concurrency());
        const qint64 parts = std::clamp<qint64>(m_end / smallestPart, 1, std::min(processors, mostParts));
        m_parts.resize(size_t(parts));
        for (qint64 i = 0; i < parts; ++i) {
            m_parts[size_t(i)].first = m_end * i / parts + 1;
            m_parts[size_t(i)].last = m_end * (i + 1) / parts;
        }
        {
            std::vector<std::jthread> threads;
            for (size_t i = 1; i < m_parts.size(); ++i)
                threads.emplace_back([this, i] { read(m_parts[i]); });
            read(m_parts.front());
        }
        QByteArray last = chainStart();
        for (const Part &part : m_parts) {
            if (part.wrong)
                std::rethrow_exception(part.wrong);
            if (part.first > part.last)
                continue;
            if (part.firstPrev != last)
                refuse(part.first == 1
                           ? QStringLiteral("entry 1 does not begin the chain")
                           : QStringLiteral("entry %1 was rewritten: the next one goes on from another hash")
                                 .arg(part.first - 1));
            last = part.lastHash;
        }
        m_endHash = last;
    }

    void signedEnd(const std::optional<Checkpoint> &headFile, const JournalVerifier &verifier)
    {
        Statement s(m_database, "SELECT seq, hash, signature FROM head WHERE id = 1", false);
        if (!s.step())
            refuse(QStringLiteral("the signed head of the journal is missing"));
        if (!verifier.verify(headMessage(s.integer(0), s.blob(1)), s.blob(2)))
            refuse(QStringLiteral("the signature of the journal's head does not hold"));
        if (s.integer(0) > m_end)
            refuse(missing(s.integer(0), QStringLiteral("the signed head")));
        if (s.integer(0) < m_end)
            refuse(QStringLiteral("entry %1 stands after the signed end of the journal").arg(s.integer(0) + 1));
        if (s.blob(1) != m_endHash)
            refuse(
                QStringLiteral("entry %1, or one before it, is not the one that the journal's head signed").arg(m_end));
        if (!headFile)
            refuse(QStringLiteral("journal.head is missing"));
        if (!verifier.verify(headFile->message(), headFile->signature))
            refuse(QStringLiteral("the signature in journal.head does not hold"));
        if (headFile->seq > m_end)
            refuse(missing(headFile->seq, QStringLiteral("journal.head")));
        if (headFile->seq > 0 && hashAt(headFile->seq) != headFile->hash)
            refuse(QStringLiteral("entry %1, or one before it, is not the one that journal.head signed")
                       .arg(headFile->seq));
        if (const qint64 seq = m_database.number("SELECT max(seq) FROM checkpoint"); seq > m_end)
            refuse(missing(seq, QStringLiteral("a checkpoint")));
    }

    void tables()
    {
        Database replayed(m_database.path(), Database::Access::Memory);
        createProjections(replayed);
        replay(replayed);
        for (const UnitRows &rows : unitRows) {
            const QByteArray name = rows.table;
            if (formOf(m_database, name) != formOf(replayed, name))
                refuse(QStringLiteral("table %1 of the database was changed").arg(QLatin1String(name)));
            const auto table = std::find_if(projectionTables().begin(), projectionTables().end(),
                                            [&name](const ProjectionTable &t) { return name == t.name; });
            const QByteArray sql = "SELECT * FROM " + name + " WHERE " + rows.where + " ORDER BY " + table->key;
            Statement there(m_database, sql.constData(), false);
            Statement right(replayed, sql.constData(), false);
            there.bind(1, m_serial);
            right.bind(1, m_serial);
            if (const std::optional<qint64> entry = firstDifference(there, right, table->entry))
                refuse(QStringLiteral("table %1 does not say what entry %2 says").arg(QLatin1String(name)).arg(*entry));
        }
    }

private:
    struct Part {
        qint64 first = 1, last = 0;
        QByteArray firstPrev, lastHash;
        std::vector<qint64> own;   // entries to replay that belong to no run
        std::set<QByteArray> runs; // that have to do with the unit
        std::exception_ptr wrong;
    };

    [[noreturn]] void refuse(const QString &words) const
    {
        throw Fault("journal.unproven", {oneLine(m_serial, 60), words});
    }

    QString missing(qint64 seq, const QString &witness) const
    {
        return QStringLiteral("entry %1 is missing: %2 names entry %3 as written").arg(m_end + 1).arg(witness).arg(seq);
    }

    QByteArray hashAt(qint64 seq) const
    {
        Statement s(m_database, "SELECT hash FROM entry WHERE seq = ?1", false);
        s.bind(1, seq);
        return s.step() ? s.blob(0) : QByteArray();
    }

    static QString formOf(Database &database, const QByteArray &table)
    {
        Statement s(database, "SELECT sql FROM sqlite_schema WHERE name = ?1 AND type = 'table'", false);
        s.bindText(1, table);
        return s.step() ? s.text(0) : QString();
    }

    // In a thread of its own, with a connection of its own. Entries are only ever added, so that a later state of the
    // database holds the same ones up to m_end.
    void read(Part &part)
    {
        try {
            const Database database(m_database.path(), Database::Access::Read);
            Statement s(database,
                        "SELECT seq, at, kind, run, device, body, prev, hash FROM entry WHERE seq BETWEEN ?1 AND ?2 "
                        "ORDER BY seq",
                        false);
            s.bind(1, part.first).bind(2, part.last);
            EntryHasher hasher;
            qint64 expected = part.first;
            while (s.step()) {
                if (s.integer(0) != expected)
                    refuse(QStringLiteral("entry %1 is missing").arg(expected));
                entry(s, hasher, part);
                if (++expected % checkEvery == 0) {
                    m_task.check(QStringLiteral("Checking the journal"));
                    if (m_stopOthers)
                        return;
                }
            }
            if (expected <= part.last)
                refuse(QStringLiteral("entry %1 is missing").arg(expected));
        } catch (...) {
            part.wrong = std::current_exception();
            m_stopOthers = true;
        }
    }

    void entry(const Statement &s, EntryHasher &hasher, Part &part) const
    {
        enum { Seq, At, KindColumn, Run, Device, Body, Prev, Hash };
        const qint64 seq = s.integer(Seq);
        const bool shaped = isPlainText(s, At) && isPlainText(s, KindColumn) && isPlainText(s, Run) &&
                            isPlainText(s, Device) && s.type(Body) == SQLITE_BLOB && s.type(Prev) == SQLITE_BLOB &&
                            s.type(Hash) == SQLITE_BLOB && view(s, Prev).size() == hashBytes;
        const QByteArrayView kind = view(s, KindColumn);
        const QByteArrayView run = view(s, Run);
        const QByteArrayView body = view(s, Body);
        if (!shaped || hasher(seq, view(s, At), kind, run, view(s, Device), body, view(s, Prev)) != view(s, Hash))
            refuse(QStringLiteral("entry %1 was changed: its content does not match its hash").arg(seq));
        if (seq == part.first)
            part.firstPrev = view(s, Prev).toByteArray();
        else if (view(s, Prev) != part.lastHash)
            refuse(QStringLiteral("entry %1 was rewritten: the next one goes on from another hash").arg(seq - 1));
        part.lastHash = view(s, Hash).toByteArray();

        // A revocation names a certificate and no unit; there are few.
        const bool own = view(s, Device) == m_utf8 || (kind == "certificate" && body.contains(m_utf8));
        if (own && !run.isEmpty())
            part.runs.insert(run.toByteArray());
        else if (own || kind == "revocation" || (kind == "outcome" && run.isEmpty()))
            part.own.push_back(seq);
    }

    void replay(Database &replayed) const
    {
        std::set<qint64> wanted;
        std::set<QByteArray> runs;
        for (const Part &part : m_parts) {
            wanted.insert(part.own.begin(), part.own.end());
            runs.insert(part.runs.begin(), part.runs.end());
        }
        Statement ofRun(m_database, "SELECT seq FROM entry WHERE run = ?1", false);
        for (const QByteArray &run : runs) {
            ofRun.bindText(1, run);
            while (ofRun.step())
                wanted.insert(ofRun.integer(0));
            ofRun.reset();
        }
        Projector projector(replayed);
        Statement s(m_database, "SELECT seq, at, kind, run, device, body FROM entry WHERE seq = ?1", false);
        for (const qint64 seq : wanted) {
            m_task.check(QStringLiteral("Checking the journal"));
            const Resetting resetting(s);
            s.bind(1, seq);
            if (!s.step())
                refuse(QStringLiteral("entry %1 is missing").arg(seq));
            Record record{s.integer(0), s.utf8(1), s.utf8(2), s.utf8(3), s.utf8(4), {}};
            record.body = ProjectedBody(record.kind, s.blob(5));
            try {
                projector.apply(record);
            } catch (const Fault &fault) {
                refuse(QStringLiteral("entry %1: %2").arg(seq).arg(sentencePart(fault)));
            }
        }
    }

    static QString sentencePart(const Fault &fault)
    {
        QString words = fault.sentence();
        if (words.endsWith(u'.'))
            words.chop(1);
        return words;
    }

    Database &m_database;
    const QString m_serial;
    const QByteArray m_utf8;
    const Task &m_task;
    qint64 m_end = 0;
    QByteArray m_endHash;
    std::vector<Part> m_parts;
    std::atomic<bool> m_stopOthers = false;
};

} // namespace

void proveUnit(Database &database, const std::optional<Checkpoint> &headFile, const QString &serial,
               const JournalVerifier &verifier, const Task &task)
{
    UnitProof proof(database, serial, task);
    proof.chain();
    proof.signedEnd(headFile, verifier);
    proof.tables();
}

} // namespace slipway
