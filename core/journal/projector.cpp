#include "core/journal/projector.h"

#include "core/base/fault.h"

namespace slipway {

namespace {

constexpr qsizetype runsRemembered = 4096;

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
                        "certificate_serial = ?3 AND (revoked_entry IS NULL OR revoked_reason = 'certificateHold')"),
          release(d, "UPDATE certificate SET revoked_entry = NULL, revoked_at = NULL, revoked_reason = NULL WHERE "
                     "certificate_serial = ?1 AND revoked_reason = 'certificateHold'"),
          number(d, "INSERT OR IGNORE INTO number(entry, mode, run, device, at, pool, value) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
          artifact(d, "INSERT INTO artifact(entry, run, device, at, sha256, name, size, product, version, signer, "
                      "admitted_by, use) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
          intent(
              d,
              "INSERT OR IGNORE INTO intent(entry, run, device, at, id, act, idx) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
          outcome(d, "UPDATE intent SET outcome_entry = ?1, outcome_at = ?2, state = ?4, sentence = ?5 WHERE id = ?3"),
          label(d, "INSERT INTO label(entry, run, device, at, template, sha256, scanned_back) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
    {}

    Statement runKnown, runDevice, device, deviceVerdict, runBegun, runEnded, stepBegun, stepEnded, measurement,
        certificate, revocation, release, number, artifact, intent, outcome, label;
};

Projector::Projector(const Database &database) : m_database(database), m_s(std::make_unique<Statements>(database)) {}

Projector::~Projector() = default;

void Projector::apply(const Record &record)
{
    const Projection own = record.body.projection();
    if (own == Projection::Number) // the only one that may be refused: before anything else
        number(record);
    if (!record.run.isEmpty() && !record.device.isEmpty() && own != Projection::RunBegun) {
        RunKnown &run = runOf(record);
        if (run.exists && run.device.isEmpty()) { // the unit said who it is after the run had begun
            run.device = record.device;
            m_s->runDevice.bindText(1, record.run).bindText(2, record.device).run();
            seeDevice(record, run.mode, record.device, true);
        }
    }
    switch (own) {
    case Projection::None:
    case Projection::Number:
        break;
    case Projection::RunBegun:
        runBegun(record);
        break;
    case Projection::RunEnded:
        runEnded(record);
        break;
    case Projection::StepBegun:
        insert(m_s->stepBegun.bindText(1, record.run).bind(2, record.seq).bindText(3, record.at), record, 4);
        break;
    case Projection::StepEnded:
        insert(m_s->stepEnded.bindText(1, record.run).bind(2, record.seq).bindText(3, record.at), record, 4);
        break;
    case Projection::Measurement:
        insert(m_s->measurement.bindText(1, record.run).bind(2, record.seq), record, 3);
        break;
    case Projection::Certificate:
        certificate(record);
        break;
    case Projection::Revocation:
        insert(m_s->revocation.bind(1, record.seq).bindText(2, record.at), record, 3);
        break;
    case Projection::Release:
        insert(m_s->release, record, 1);
        break;
    case Projection::Artifact:
        ofRun(m_s->artifact, record);
        break;
    case Projection::Intent:
        ofRun(m_s->intent, record);
        break;
    case Projection::Outcome:
        insert(m_s->outcome.bind(1, record.seq).bindText(2, record.at), record, 3);
        break;
    case Projection::Label:
        ofRun(m_s->label, record);
        break;
    }
}

// What is bound already, and the body's values from that parameter on.
void Projector::insert(Statement &statement, const Record &record, int first)
{
    record.body.bind(statement, first);
    statement.run();
}

// Tables that begin with entry, run, device, at.
void Projector::ofRun(Statement &statement, const Record &record)
{
    statement.bind(1, record.seq).bindText(2, record.run).bindText(3, record.device).bindText(4, record.at);
    insert(statement, record, 5);
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
    if (!record.body.mode().isEmpty())
        return record.body.mode();
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
    const QByteArray mode = record.body.mode().isEmpty() ? QByteArray("production") : record.body.mode();
    m_s->runBegun.bindText(1, record.run).bind(2, record.seq).bindText(3, record.device);
    insert(m_s->runBegun.bindText(4, mode).bindText(5, record.at), record, 6);
    if (m_runs.size() >= runsRemembered)
        m_runs.clear();
    m_runs.insert(record.run, {record.device, mode, true});
    if (!record.device.isEmpty())
        seeDevice(record, mode, record.device, true);
}

void Projector::runEnded(const Record &record)
{
    insert(m_s->runEnded.bindText(1, record.run).bind(2, record.seq).bindText(3, record.at), record, 4);
    const RunKnown run = runOf(record);
    if (!run.device.isEmpty()) {
        Statement &s = m_s->deviceVerdict;
        s.bindText(1, run.mode).bindText(2, run.device).bind(3, record.seq).bindText(4, record.at);
        record.body.bindOne(s, 5, 0); // its verdict
        s.bindText(6, record.run).run();
    }
    m_runs.remove(record.run);
}

void Projector::certificate(const Record &record)
{
    const QByteArray mode = modeOf(record);
    m_s->certificate.bind(1, record.seq).bindText(2, mode).bindText(3, record.at).bindText(4, record.run);
    insert(m_s->certificate, record, 5);
    const QByteArrayView serial = record.body.text(0);
    if (record.run.isEmpty() && !serial.isEmpty())
        seeDevice(record, mode, serial, false);
}

void Projector::number(const Record &record)
{
    const QByteArray mode = modeOf(record);
    m_s->number.bind(1, record.seq).bindText(2, mode).bindText(3, record.run).bindText(4, record.device);
    insert(m_s->number.bindText(5, record.at), record, 6);
    if (sqlite3_changes(m_database.handle()) == 0)
        throw Fault("journal.number-taken",
                    {QString::fromUtf8(record.body.text(1)), QString::fromUtf8(record.body.text(0))});
}

} // namespace slipway
