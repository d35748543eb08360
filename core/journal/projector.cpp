#include "core/journal/projector.h"

#include "core/base/fault.h"

#include <QCborArray>
#include <QCborValue>

namespace slipway {

namespace {

using L1 = QLatin1String;

constexpr qsizetype runsRemembered = 4096;

// One row on its way into a table: binds columns of the body and keeps their bytes alive until the statement ran.
class Row
{
public:
    Row(Statement &statement, const Record &record) : m_statement(statement), m_record(record) {}

    Row &text(QByteArrayView utf8)
    {
        m_statement.bindText(++m_at, utf8);
        return *this;
    }
    Row &number(qint64 value)
    {
        m_statement.bind(++m_at, value);
        return *this;
    }
    // As the body has it: text, number, truth, bytes (as hex), or nothing.
    Row &key(L1 key)
    {
        const QCborValue value = m_record.body.value(key);
        ++m_at;
        if (value.isString())
            keep(value.toString().toUtf8());
        else if (value.isInteger())
            m_statement.bind(m_at, qint64(value.toInteger()));
        else if (value.isDouble())
            m_statement.bind(m_at, value.toDouble());
        else if (value.isBool())
            m_statement.bind(m_at, qint64(value.toBool()));
        else if (value.isByteArray())
            keep(value.toByteArray().toHex());
        else
            m_statement.bindNull(m_at);
        return *this;
    }
    // The same, but never nothing.
    Row &keyOrEmpty(L1 key)
    {
        if (m_record.body.contains(key))
            return this->key(key);
        m_statement.bindText(++m_at, {});
        return *this;
    }
    Row &index()
    {
        m_statement.bind(++m_at, qint64(m_record.body.value(L1("index")).toInteger(-1)));
        return *this;
    }
    Row &hexKey(L1 key)
    {
        const QCborValue value = m_record.body.value(key);
        ++m_at;
        if (value.isByteArray())
            keep(value.toByteArray().toHex());
        else if (value.isString())
            keep(value.toString().toLower().remove(u':').toUtf8());
        else
            m_statement.bindText(m_at, {});
        return *this;
    }
    void run() { m_statement.run(); }

private:
    void keep(QByteArray bytes)
    {
        m_kept[m_used] = std::move(bytes);
        m_statement.bindText(m_at, m_kept[m_used]);
        ++m_used;
    }

    Statement &m_statement;
    const Record &m_record;
    int m_at = 0;
    size_t m_used = 0;
    std::array<QByteArray, 24> m_kept;
};

} // namespace

struct Projector::Statements {
    explicit Statements(const Database &d)
        : runKnown(d, "SELECT device, mode FROM run WHERE id = ?1"),
          runDevice(d, "UPDATE run SET device = ?2 WHERE id = ?1"),
          device(d, "INSERT INTO device(mode, serial, first_entry, last_entry, first_at, last_at, runs, last_run, "
                    "verdict) VALUES(?1, ?2, ?3, ?3, ?4, ?4, ?5, ?6, NULL) ON CONFLICT(mode, serial) DO UPDATE SET "
                    "last_entry = ?3, last_at = ?4, runs = runs + ?5, last_run = coalesce(?6, last_run), "
                    "verdict = CASE WHEN ?5 THEN NULL ELSE verdict END"),
          deviceVerdict(d, "UPDATE device SET last_entry = ?3, last_at = ?4, verdict = ?5 WHERE mode = ?1 AND "
                           "serial = ?2 AND last_run = ?6"),
          runBegun(d, "INSERT OR IGNORE INTO run(id, entry, device, mode, begun_at, slot, recipe, recipe_version, "
                      "recipe_sha256, signed, driver, port, attempt, operator) "
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
          runEnded(d, "UPDATE run SET ended_entry = ?2, ended_at = ?3, verdict = ?4, sentence = ?5, remedy = ?6, "
                      "fault = ?7, seconds = ?8, step = ?9, irreversible = ?10 WHERE id = ?1"),
          stepBegun(d, "INSERT INTO step(run, entry, begun_at, idx, step, name, tries) VALUES(?1, ?2, ?3, ?4, ?5, "
                       "?6, 1) ON CONFLICT(run, idx) DO UPDATE SET tries = tries + 1, ended_entry = NULL, "
                       "ended_at = NULL, verdict = NULL, seconds = NULL, summary = NULL, sentence = NULL, "
                       "remedy = NULL, fault = NULL"),
          stepEnded(d, "INSERT INTO step(run, entry, ended_entry, ended_at, idx, step, name, verdict, seconds, "
                       "summary, sentence, remedy, fault, tries) VALUES(?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                       "?11, ?12, 1) ON CONFLICT(run, idx) DO UPDATE SET ended_entry = ?2, ended_at = ?3, "
                       "verdict = ?7, seconds = ?8, summary = ?9, sentence = ?10, remedy = ?11, fault = ?12"),
          measurement(d, "INSERT INTO measurement(run, entry, idx, name, value, unit, low, high, marginal, verdict, "
                         "text, expected) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
          certificate(d, "INSERT INTO certificate(entry, mode, at, run, serial, certificate_serial, sha256, "
                         "public_key_sha256, issuer, not_after, profile, mud_url, masa_url, method, transfer) "
                         "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"),
          revocation(d, "UPDATE certificate SET revoked_entry = ?1, revoked_at = ?2, revoked_reason = ?4 WHERE "
                        "certificate_serial = ?3 AND revoked_entry IS NULL"),
          number(d, "INSERT OR IGNORE INTO number(entry, mode, run, device, at, pool, value) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
          artifact(d, "INSERT INTO artifact(entry, run, device, at, sha256, name, size, product, version, signer, "
                      "admitted_by, use) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
          intent(d, "INSERT OR IGNORE INTO intent(id, entry, run, device, at, act, idx) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
          outcome(d, "UPDATE intent SET outcome_entry = ?2, outcome_at = ?3, state = ?4, sentence = ?5 WHERE id = ?1"),
          label(d, "INSERT INTO label(entry, run, device, at, template, sha256, scanned_back) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
    {}

    Statement runKnown, runDevice, device, deviceVerdict, runBegun, runEnded, stepBegun, stepEnded, measurement,
        certificate, revocation, number, artifact, intent, outcome, label;
};

Projector::Projector(const Database &database) : m_database(database), m_s(std::make_unique<Statements>(database)) {}

Projector::~Projector() = default;

void Projector::apply(const Record &record)
{
    using Apply = void (Projector::*)(const Record &);
    static const QHash<QByteArray, Apply> kinds = {
        {"run.begun", &Projector::runBegun},      {"run.ended", &Projector::runEnded},
        {"step.begun", &Projector::stepBegun},    {"step.ended", &Projector::stepEnded},
        {"measurement", &Projector::measurement}, {"certificate", &Projector::certificate},
        {"revocation", &Projector::revocation},   {"number", &Projector::number},
        {"artifact", &Projector::artifact},       {"intent", &Projector::intent},
        {"outcome", &Projector::outcome},         {"label", &Projector::label},
    };
    const Apply own = kinds.value(record.kind, nullptr);
    if (own == &Projector::number) // the only one that may be refused: before anything else
        number(record);
    if (!record.run.isEmpty() && !record.device.isEmpty() && own != &Projector::runBegun) {
        RunKnown &run = runOf(record);
        if (run.exists && run.device.isEmpty()) { // the unit said who it is after the run had begun
            run.device = record.device;
            m_s->runDevice.bindText(1, record.run).bindText(2, record.device).run();
            seeDevice(record, run.mode, record.device, true);
        }
    }
    if (own && own != &Projector::number)
        (this->*own)(record);
}

Projector::RunKnown &Projector::runOf(const Record &record)
{
    const auto found = m_runs.find(record.run);
    if (found != m_runs.end())
        return *found;
    RunKnown run;
    m_s->runKnown.bindText(1, record.run);
    const Resetting resetting(m_s->runKnown);
    if (m_s->runKnown.step()) {
        run.exists = true;
        run.device = m_s->runKnown.utf8(0);
        run.mode = m_s->runKnown.utf8(1);
    }
    if (m_runs.size() >= runsRemembered)
        m_runs.clear();
    return *m_runs.insert(record.run, run);
}

// Entries carry their mode themselves, or belong to a run that does; anything else is production.
QByteArray Projector::modeOf(const Record &record)
{
    const QCborValue own = record.body.value(L1("mode"));
    if (own.isString())
        return own.toString().toUtf8();
    if (!record.run.isEmpty()) {
        const RunKnown &run = runOf(record);
        if (run.exists)
            return run.mode;
    }
    return "production";
}

void Projector::seeDevice(const Record &record, QByteArrayView mode, QByteArrayView serial, bool newRun)
{
    Statement &s = m_s->device;
    s.bindText(1, mode).bindText(2, serial).bind(3, record.seq).bindText(4, record.at).bind(5, qint64(newRun));
    if (newRun)
        s.bindText(6, record.run);
    else
        s.bindNull(6);
    s.run();
}

void Projector::runBegun(const Record &record)
{
    QByteArray mode = record.body.value(L1("mode")).toString().toUtf8();
    if (mode.isEmpty())
        mode = "production";
    Row(m_s->runBegun, record)
        .text(record.run)
        .number(record.seq)
        .text(record.device)
        .text(mode)
        .text(record.at)
        .key(L1("slot"))
        .key(L1("recipe"))
        .key(L1("recipe-version"))
        .key(L1("recipe-sha256"))
        .key(L1("signed"))
        .key(L1("driver"))
        .key(L1("port"))
        .key(L1("attempt"))
        .key(L1("operator"))
        .run();
    if (m_runs.size() >= runsRemembered)
        m_runs.clear();
    m_runs.insert(record.run, {record.device, mode, true});
    if (!record.device.isEmpty())
        seeDevice(record, mode, record.device, true);
}

void Projector::runEnded(const Record &record)
{
    Row(m_s->runEnded, record)
        .text(record.run)
        .number(record.seq)
        .text(record.at)
        .key(L1("verdict"))
        .key(L1("sentence"))
        .key(L1("remedy"))
        .key(L1("fault"))
        .key(L1("seconds"))
        .key(L1("step"))
        .key(L1("irreversible"))
        .run();
    const RunKnown run = runOf(record);
    if (!run.device.isEmpty()) {
        Row(m_s->deviceVerdict, record)
            .text(run.mode)
            .text(run.device)
            .number(record.seq)
            .text(record.at)
            .key(L1("verdict"))
            .text(record.run)
            .run();
    }
    m_runs.remove(record.run);
}

void Projector::stepBegun(const Record &record)
{
    Row(m_s->stepBegun, record)
        .text(record.run)
        .number(record.seq)
        .text(record.at)
        .index()
        .key(L1("step"))
        .key(L1("name"))
        .run();
}

void Projector::stepEnded(const Record &record)
{
    Row(m_s->stepEnded, record)
        .text(record.run)
        .number(record.seq)
        .text(record.at)
        .index()
        .key(L1("step"))
        .key(L1("name"))
        .key(L1("verdict"))
        .key(L1("seconds"))
        .key(L1("summary"))
        .key(L1("sentence"))
        .key(L1("remedy"))
        .key(L1("fault"))
        .run();
}

void Projector::measurement(const Record &record)
{
    Row(m_s->measurement, record)
        .text(record.run)
        .number(record.seq)
        .index()
        .key(L1("name"))
        .key(L1("value"))
        .key(L1("unit"))
        .key(L1("low"))
        .key(L1("high"))
        .key(L1("marginal"))
        .key(L1("verdict"))
        .key(L1("text"))
        .key(L1("expected"))
        .run();
}

void Projector::certificate(const Record &record)
{
    const QByteArray mode = modeOf(record);
    Row(m_s->certificate, record)
        .number(record.seq)
        .text(mode)
        .text(record.at)
        .text(record.run)
        .keyOrEmpty(L1("serial"))
        .hexKey(L1("certificate-serial"))
        .hexKey(L1("sha256"))
        .hexKey(L1("public-key-sha256"))
        .key(L1("issuer"))
        .key(L1("not-after"))
        .key(L1("profile"))
        .key(L1("mud-url"))
        .key(L1("masa-url"))
        .key(L1("method"))
        .key(L1("transfer"))
        .run();
    const QByteArray serial = record.body.value(L1("serial")).toString().toUtf8();
    if (record.run.isEmpty() && !serial.isEmpty())
        seeDevice(record, mode, serial, false);
}

void Projector::revocation(const Record &record)
{
    Row(m_s->revocation, record)
        .number(record.seq)
        .text(record.at)
        .hexKey(L1("certificate-serial"))
        .key(L1("reason"))
        .run();
}

void Projector::number(const Record &record)
{
    const QByteArray mode = modeOf(record);
    Row(m_s->number, record)
        .number(record.seq)
        .text(mode)
        .text(record.run)
        .text(record.device)
        .text(record.at)
        .keyOrEmpty(L1("pool"))
        .keyOrEmpty(L1("value"))
        .run();
    if (sqlite3_changes(m_database.handle()) == 0)
        throw Fault("journal.number-taken",
                    {record.body.value(L1("value")).toString(), record.body.value(L1("pool")).toString()});
}

void Projector::artifact(const Record &record)
{
    Row(m_s->artifact, record)
        .number(record.seq)
        .text(record.run)
        .text(record.device)
        .text(record.at)
        .hexKey(L1("sha256"))
        .key(L1("name"))
        .key(L1("size"))
        .key(L1("product"))
        .key(L1("version"))
        .key(L1("signer"))
        .key(L1("admitted-by"))
        .key(L1("use"))
        .run();
}

void Projector::intent(const Record &record)
{
    Row(m_s->intent, record)
        .keyOrEmpty(L1("intent"))
        .number(record.seq)
        .text(record.run)
        .text(record.device)
        .text(record.at)
        .keyOrEmpty(L1("act"))
        .index()
        .run();
}

void Projector::outcome(const Record &record)
{
    Row(m_s->outcome, record)
        .keyOrEmpty(L1("intent"))
        .number(record.seq)
        .text(record.at)
        .keyOrEmpty(L1("state"))
        .key(L1("sentence"))
        .run();
}

void Projector::label(const Record &record)
{
    Row(m_s->label, record)
        .number(record.seq)
        .text(record.run)
        .text(record.device)
        .text(record.at)
        .key(L1("template"))
        .hexKey(L1("sha256"))
        .key(L1("scanned-back"))
        .run();
}

} // namespace slipway
