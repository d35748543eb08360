#include "core/journal/schema.h"

#include "core/base/deadline.h"
#include "core/base/fault.h"

namespace slipway {

namespace {

constexpr char recordSql[] = R"sql(
CREATE TABLE entry(
    seq    INTEGER PRIMARY KEY,
    at     TEXT NOT NULL,
    kind   TEXT NOT NULL,
    run    TEXT NOT NULL,
    device TEXT NOT NULL,
    body   BLOB NOT NULL,
    prev   BLOB NOT NULL,
    hash   BLOB NOT NULL
);
CREATE INDEX entry_run ON entry(run);
CREATE INDEX entry_device ON entry(device) WHERE run = '' AND device <> '';
CREATE TABLE head(
    id        INTEGER PRIMARY KEY CHECK(id = 1),
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    signature BLOB NOT NULL
);
CREATE TABLE checkpoint(
    seq       INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    hash      BLOB NOT NULL,
    signature BLOB NOT NULL
);
)sql";

// Came later: journals that were there before get them when they are opened for writing.
constexpr char laterSql[] = R"sql(
CREATE INDEX IF NOT EXISTS entry_mud ON entry(seq) WHERE kind = 'mud.accepted';
)sql";

constexpr char projectionSql[] = R"sql(
CREATE TABLE device(
    mode TEXT NOT NULL, serial TEXT NOT NULL, first_entry INTEGER NOT NULL, last_entry INTEGER NOT NULL,
    first_at TEXT NOT NULL, last_at TEXT NOT NULL, runs INTEGER NOT NULL, last_run TEXT, verdict TEXT,
    PRIMARY KEY(mode, serial)
) WITHOUT ROWID;
CREATE TABLE run(
    id TEXT PRIMARY KEY, entry INTEGER NOT NULL, ended_entry INTEGER, device TEXT NOT NULL, mode TEXT NOT NULL,
    slot TEXT, recipe TEXT, recipe_version TEXT, recipe_sha256 TEXT, signed INTEGER, driver TEXT, port TEXT,
    attempt INTEGER, operator TEXT, begun_at TEXT NOT NULL, ended_at TEXT, verdict TEXT, sentence TEXT, remedy TEXT,
    fault TEXT, seconds REAL, step INTEGER, irreversible INTEGER
) WITHOUT ROWID;
CREATE INDEX run_device ON run(device, entry);
CREATE INDEX run_entry ON run(mode, entry);
CREATE INDEX run_ended ON run(mode, ended_at);
CREATE INDEX run_open ON run(entry) WHERE ended_at IS NULL;
CREATE TABLE step(
    run TEXT NOT NULL, idx INTEGER NOT NULL, entry INTEGER NOT NULL, ended_entry INTEGER, step TEXT, name TEXT,
    tries INTEGER NOT NULL, begun_at TEXT, ended_at TEXT, verdict TEXT, seconds REAL, summary TEXT, sentence TEXT,
    remedy TEXT, fault TEXT,
    PRIMARY KEY(run, idx)
) WITHOUT ROWID;
CREATE TABLE measurement(
    run TEXT NOT NULL, entry INTEGER NOT NULL, idx INTEGER, name TEXT, value REAL, unit TEXT, low REAL, high REAL,
    marginal INTEGER, verdict TEXT, text TEXT, expected TEXT,
    PRIMARY KEY(run, entry)
) WITHOUT ROWID;
CREATE TABLE certificate(
    entry INTEGER PRIMARY KEY, mode TEXT NOT NULL, serial TEXT NOT NULL, certificate_serial TEXT NOT NULL,
    sha256 TEXT, public_key_sha256 TEXT, issuer TEXT, not_after TEXT, profile TEXT, mud_url TEXT, masa_url TEXT,
    method TEXT, transfer TEXT, run TEXT NOT NULL, at TEXT NOT NULL, revoked_entry INTEGER, revoked_at TEXT,
    revoked_reason TEXT
);
CREATE INDEX certificate_unit ON certificate(serial);
CREATE INDEX certificate_key ON certificate(public_key_sha256);
CREATE INDEX certificate_number ON certificate(certificate_serial);
CREATE TABLE number(
    entry INTEGER PRIMARY KEY, mode TEXT NOT NULL, pool TEXT NOT NULL, value TEXT NOT NULL, run TEXT NOT NULL,
    device TEXT NOT NULL, at TEXT NOT NULL,
    UNIQUE(mode, pool, value)
);
CREATE INDEX number_length ON number(mode, pool, length(value), value);
CREATE INDEX number_unit ON number(device, mode, pool);
CREATE TABLE artifact(
    entry INTEGER PRIMARY KEY, sha256 TEXT, name TEXT, size INTEGER, product TEXT, version TEXT, signer TEXT,
    admitted_by TEXT, use TEXT, run TEXT NOT NULL, device TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX artifact_sha256 ON artifact(sha256);
CREATE INDEX artifact_run ON artifact(run);
CREATE TABLE intent(
    id TEXT PRIMARY KEY, entry INTEGER NOT NULL, act TEXT NOT NULL, idx INTEGER, run TEXT NOT NULL,
    device TEXT NOT NULL, at TEXT NOT NULL, state TEXT, outcome_entry INTEGER, outcome_at TEXT, sentence TEXT
) WITHOUT ROWID;
CREATE INDEX intent_open ON intent(entry) WHERE state IS NULL;
CREATE INDEX intent_run ON intent(run);
CREATE TABLE label(
    entry INTEGER PRIMARY KEY, template TEXT, sha256 TEXT, scanned_back TEXT, run TEXT NOT NULL, device TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX label_run ON label(run);
)sql";

constexpr ProjectionTable tables[] = {
    {"device", "mode, serial", "last_entry"},
    {"run", "id", "entry"},
    {"step", "run, idx", "entry"},
    {"measurement", "run, entry", "entry"},
    {"certificate", "entry", "entry"},
    {"number", "entry", "entry"},
    {"artifact", "entry", "entry"},
    {"intent", "id", "entry"},
    {"label", "entry", "entry"},
};

// Changing to WAL needs the file alone for a moment, and SQLite does not wait for that by itself.
void useWal(Database &database)
{
    const Deadline deadline = Deadline::in(std::chrono::seconds(10));
    for (;;) {
        try {
            if (database.text("PRAGMA journal_mode=WAL") != QLatin1String("wal"))
                throw Fault("journal.unwritable",
                            {database.path(), QStringLiteral("no write-ahead log possible there")});
            return;
        } catch (const Fault &fault) {
            if (!fault.is("journal.busy") || deadline.expired())
                throw;
            sqlite3_sleep(5);
        }
    }
}

bool isEmpty(Database &database)
{
    return database.number("SELECT count(*) FROM sqlite_schema") == 0;
}

} // namespace

std::span<const ProjectionTable> projectionTables()
{
    return tables;
}

void createRecordTables(Database &database)
{
    database.run(recordSql);
}

void createLaterIndexes(Database &database)
{
    database.run(laterSql);
}

void createProjections(Database &database)
{
    database.run(projectionSql);
}

void dropProjections(Database &database)
{
    for (const ProjectionTable &table : tables)
        database.run(QByteArray(QByteArray("DROP TABLE IF EXISTS ") + table.name).constData());
}

void checkJournalForm(Database &database)
{
    if (database.number("PRAGMA application_id") != journalApplicationId)
        throw Fault("journal.foreign", {database.path()});
    const qint64 form = database.number("PRAGMA user_version");
    if (form > journalForm)
        throw Fault("journal.newer", {database.path(), QString::number(form), QString::number(journalForm)});
    if (form < 1)
        throw Fault("journal.foreign", {database.path()});
}

void prepareJournal(Database &database)
{
    if (!isEmpty(database))
        checkJournalForm(database);
    useWal(database);
    // The log may grow to 32 MiB before it is copied back into the file, so that a commit seldom pays for that.
    database.run("PRAGMA synchronous=FULL; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY;"
                 "PRAGMA trusted_schema=OFF; PRAGMA journal_size_limit=67108864;"
                 "PRAGMA wal_autocheckpoint=8192");
    if (!isEmpty(database)) {
        if (database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'entry_mud'") == 0)
            database.run(laterSql);
        return;
    }
    database.run("BEGIN IMMEDIATE");
    try {
        if (isEmpty(database)) { // another process may have been faster
            createRecordTables(database);
            database.run(laterSql);
            createProjections(database);
            const QByteArray marks = "PRAGMA application_id=" + QByteArray::number(journalApplicationId) +
                                     ";PRAGMA user_version=" + QByteArray::number(journalForm);
            database.run(marks.constData());
        }
        database.run("COMMIT");
    } catch (...) {
        if (database.inTransaction())
            sqlite3_exec(database.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
        throw;
    }
    checkJournalForm(database);
}

} // namespace slipway
