#include "core/journal/rebuild.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/journal/projector.h"
#include "core/journal/queries.h"
#include "core/journal/schema.h"

#include <QFileInfo>

namespace slipway {

namespace {

constexpr qint64 progressEvery = 4096; // entries

} // namespace

qint64 refillProjections(Database &database, const Task &task)
{
    dropProjections(database);
    createProjections(database);
    Projector projector(database);
    if (task.progress)
        task.progress->setTotal(database.number("SELECT count(*) FROM entry"));
    Statement s(database, "SELECT seq, at, kind, run, device, body FROM entry ORDER BY seq", false);
    qint64 entries = 0;
    while (s.step()) {
        Record record{s.integer(0), s.utf8(1), s.utf8(2), s.utf8(3), s.utf8(4), {}};
        record.body = ProjectedBody(record.kind, s.blob(5));
        try {
            projector.apply(record);
        } catch (const Fault &fault) {
            if (!fault.is("journal.number-taken")) // verify names it
                throw;
        }
        if (++entries % progressEvery == 0) {
            task.check(QStringLiteral("Rebuilding the journal's tables"));
            if (task.progress)
                task.progress->setDone(entries);
        }
    }
    return entries;
}

qint64 rebuildProjections(const QString &path, const Task &task)
{
    if (!QFileInfo::exists(path))
        throw Fault("journal.missing", {path});
    Database database(path, Database::Access::Write);
    checkJournalForm(database);
    prepareJournal(database);
    database.run("BEGIN IMMEDIATE");
    try {
        const qint64 entries = refillProjections(database, task);
        database.run("COMMIT");
        return entries;
    } catch (...) {
        if (database.inTransaction())
            sqlite3_exec(database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
        throw;
    }
}

std::vector<NewEntry> savedFromProjections(Database &database, qint64 lastSeq)
{
    std::vector<NewEntry> saved;
    try {
        Statement numbers(database, "SELECT run, device, mode, pool, value FROM number WHERE entry > ?1 ORDER BY entry",
                          false);
        numbers.bind(1, lastSeq);
        while (numbers.step()) {
            saved.push_back({QStringLiteral("number"),
                             numbers.text(0),
                             numbers.text(1),
                             {{QStringLiteral("mode"), numbers.text(2)},
                              {QStringLiteral("pool"), numbers.text(3)},
                              {QStringLiteral("value"), numbers.text(4)},
                              {QStringLiteral("recovered"), true}}});
        }
        Statement certificates(
            database,
            "SELECT run, mode, serial, certificate_serial, sha256, public_key_sha256, issuer, not_after, "
            "profile, mud_url, masa_url FROM certificate WHERE entry > ?1 ORDER BY entry",
            false);
        certificates.bind(1, lastSeq);
        while (certificates.step()) {
            QCborMap body{{QStringLiteral("recovered"), true}};
            static const char *const keys[] = {"mode",
                                               "serial",
                                               "certificate-serial",
                                               "sha256",
                                               "public-key-sha256",
                                               "issuer",
                                               "not-after",
                                               "profile",
                                               "mud-url",
                                               "masa-url"};
            int column = 1;
            for (const char *key : keys) {
                if (!certificates.isNull(column))
                    body.insert(QLatin1String(key), certificates.text(column));
                ++column;
            }
            saved.push_back({QStringLiteral("certificate"), certificates.text(0), certificates.text(2), body});
        }
    } catch (const Fault &) { // the tables are gone as well: there is nothing to save
    }
    return saved;
}

} // namespace slipway
