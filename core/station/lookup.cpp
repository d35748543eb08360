#include "core/station/lookup.h"

#include <QCborValue>

namespace slipway {

Lookup::Lookup(const QString &journalPath) : m_database(journalPath, Database::Access::Read) {}

bool Lookup::any(const char *sql, Mode mode, const QString &serial, const QString &recipe)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, sql, false);
    s.bind(1, serial).bind(2, toString(mode)).bind(3, recipe);
    return s.step();
}

bool Lookup::hasPassed(Mode mode, const QString &serial, const QString &recipe)
{
    return any("SELECT 1 FROM run WHERE device = ?1 AND mode = ?2 AND recipe = ?3 AND verdict = 'PASS' LIMIT 1", mode,
               serial, recipe);
}

bool Lookup::hasCountedRun(Mode mode, const QString &serial, const QString &recipe)
{
    return any("SELECT 1 FROM run WHERE device = ?1 AND mode = ?2 AND recipe = ?3 AND verdict IN ('PASS', 'FAIL', "
               "'UNKNOWN') LIMIT 1",
               mode, serial, recipe);
}

int Lookup::failsSince(Mode mode, const QString &serial, const Recipe &recipe, const QDateTime &since)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database,
                "SELECT count(*) FROM run WHERE device = ?1 AND mode = ?2 AND recipe = ?3 AND recipe_sha256 = ?4 AND "
                "verdict = 'FAIL' AND ended_at >= ?5",
                false);
    s.bind(1, serial).bind(2, toString(mode)).bind(3, recipe.name);
    s.bind(4, QString::fromLatin1(recipe.sha256.toHex())).bind(5, since.toUTC().toString(Qt::ISODateWithMs));
    return s.step() ? int(s.integer(0)) : 0;
}

QList<QDateTime> Lookup::passedSince(Mode mode, const QDateTime &since)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database,
                "SELECT ended_at FROM run WHERE mode = ?1 AND ended_at >= ?2 AND verdict = 'PASS' ORDER BY ended_at",
                false);
    s.bind(1, toString(mode)).bind(2, since.toUTC().toString(Qt::ISODateWithMs));
    QList<QDateTime> times;
    while (s.step())
        times += QDateTime::fromString(s.text(0), Qt::ISODateWithMs);
    return times;
}

LotStock Lookup::lotStock(Mode mode, const QString &lot)
{
    const std::lock_guard lock(m_mutex);
    return slipway::lotStock(m_database.handle(), mode, lot);
}

QList<QuotaStanding> Lookup::quotaStandings(const QuotaBook &book)
{
    const std::lock_guard lock(m_mutex);
    return slipway::quotaStandings(m_database.handle(), book);
}

QList<Lookup::OpenIntent> Lookup::intents(const char *sql, const QString &key, const QString &mode)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, sql, false);
    s.bind(1, key);
    if (!mode.isEmpty())
        s.bind(2, mode);
    QList<OpenIntent> found;
    while (s.step()) {
        OpenIntent intent;
        intent.id = s.text(0);
        intent.run = s.text(1);
        intent.device = s.text(2);
        intent.act = s.text(3);
        intent.at = s.text(4);
        intent.index = int(s.integer(5));
        intent.detail = QCborValue::fromCbor(s.blob(6)).toMap().value(QLatin1String("detail")).toMap();
        found += intent;
    }
    return found;
}

QList<Lookup::OpenIntent> Lookup::openIntentsOfRun(const QString &run)
{
    return intents("SELECT i.id, i.run, i.device, i.act, i.at, i.idx, e.body FROM intent i JOIN entry e ON e.seq = "
                   "i.entry WHERE i.run = ?1 AND (i.state IS NULL OR i.state = 'unknown') ORDER BY i.entry",
                   run, {});
}

QList<Lookup::OpenIntent> Lookup::openIntentsOfUnit(Mode mode, const QString &serial)
{
    return intents("SELECT i.id, i.run, i.device, i.act, i.at, i.idx, e.body FROM run r JOIN intent i ON i.run = r.id "
                   "JOIN entry e ON e.seq = i.entry WHERE r.device = ?1 AND r.mode = ?2 AND r.ended_at IS NOT NULL AND "
                   "(i.state IS NULL OR i.state = 'unknown') ORDER BY i.entry",
                   serial, toString(mode));
}

QList<Lookup::RunRow> Lookup::runs(const char *sql)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, sql, false);
    Statement step(m_database,
                   "SELECT idx, name, ended_at IS NOT NULL FROM step WHERE run = ?1 ORDER BY entry DESC LIMIT 1",
                   false);
    QList<RunRow> found;
    while (s.step()) {
        RunRow row;
        row.id = s.text(0);
        row.device = s.text(1);
        row.recipe = s.text(2);
        row.slot = s.text(3);
        row.begunAt = s.text(4);
        row.mode = s.text(5);
        row.entry = s.integer(6);
        row.sentence = s.text(7);
        step.bind(1, row.id);
        if (step.step()) {
            row.lastIndex = int(step.integer(0));
            row.lastStep = step.text(1);
            row.lastEnded = step.integer(2) != 0;
        }
        step.reset();
        found += row;
    }
    return found;
}

QList<Lookup::RunRow> Lookup::openRuns()
{
    return runs(
        "SELECT id, device, recipe, slot, begun_at, mode, entry, sentence FROM run WHERE ended_at IS NULL ORDER "
        "BY entry");
}

QList<Lookup::RunRow> Lookup::unsettledRuns()
{
    return runs(
        "SELECT r.id, r.device, r.recipe, r.slot, r.begun_at, r.mode, r.entry, r.sentence FROM run r WHERE "
        "(((r.fault LIKE 'station.interrupted%' OR r.fault = 'station.outcome-unknown') "
        "AND NOT EXISTS (SELECT 1 FROM run l WHERE r.device <> '' AND l.device = r.device AND l.mode = r.mode AND "
        "l.entry > r.entry AND l.ended_at IS NOT NULL)) "
        "OR (r.ended_at IS NOT NULL AND r.id IN (SELECT run FROM intent WHERE state IS NULL OR state = 'unknown'))) "
        "AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.run = r.id AND e.kind = 'run.dismissed') "
        "ORDER BY r.entry");
}

bool Lookup::numberGiven(Mode mode, const QString &pool, const QString &value)
{
    return any("SELECT 1 FROM number WHERE value = ?1 AND mode = ?2 AND pool = ?3", mode, value, pool);
}

QString Lookup::driverOf(const QString &run)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT driver FROM run WHERE id = ?1", false);
    s.bind(1, run);
    return s.step() ? s.text(0) : QString();
}

QString Lookup::factOf(const QString &run, const QString &name)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT body FROM entry WHERE run = ?1 AND kind = 'fact' ORDER BY seq DESC", false);
    s.bind(1, run);
    while (s.step()) {
        const QCborMap body = QCborValue::fromCbor(s.blob(0)).toMap();
        if (body.value(QLatin1String("name")).toString() == name)
            return body.value(QLatin1String("value")).toString();
    }
    return {};
}

QStringList Lookup::doneActs(const QString &run)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT act FROM intent WHERE run = ?1 AND state = 'done' ORDER BY entry", false);
    s.bind(1, run);
    QStringList acts;
    while (s.step())
        acts += s.text(0);
    return acts;
}

QStringList Lookup::reconciled(const QString &run)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database,
                "SELECT i.sentence FROM intent i JOIN run r ON r.id = i.run WHERE i.run = ?1 AND i.outcome_entry > "
                "r.ended_entry AND i.state IN ('done', 'not-done', 'partial') ORDER BY i.outcome_entry",
                false);
    s.bind(1, run);
    QStringList sentences;
    while (s.step())
        sentences += s.text(0);
    return sentences;
}

} // namespace slipway
