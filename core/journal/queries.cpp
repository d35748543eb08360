#include "core/journal/queries.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/journal/schema.h"

#include <QDateTime>
#include <QFileInfo>
#include <QRegularExpression>
#include <QSet>

namespace slipway {

namespace {

constexpr char runColumns[] = "SELECT id, device, mode, slot, recipe, recipe_version, recipe_sha256, signed, driver, "
                              "port, attempt, operator, begun_at, ended_at, verdict, sentence, remedy, fault, seconds, "
                              "step, irreversible, entry, ended_entry FROM run ";

Mode modeOf(const QString &text)
{
    return modeFromString(text).value_or(Mode::Production);
}

RunRow readRun(const Statement &s)
{
    RunRow row;
    row.id = s.text(0);
    row.device = s.text(1);
    row.mode = modeOf(s.text(2));
    row.slot = s.text(3);
    row.recipe = s.text(4);
    row.recipeVersion = s.text(5);
    row.recipeSha256 = s.text(6);
    row.isSigned = s.integer(7) != 0;
    row.driver = s.text(8);
    row.port = s.text(9);
    row.attempt = int(s.integer(10));
    row.person = s.text(11);
    row.begunAt = s.text(12);
    row.endedAt = s.text(13);
    row.verdict = verdictFromString(s.text(14));
    row.sentence = s.text(15);
    row.remedy = s.text(16);
    row.fault = s.text(17);
    row.seconds = s.real(18);
    row.step = s.isNull(19) ? -1 : int(s.integer(19));
    row.irreversible = s.integer(20) != 0;
    row.firstEntry = s.integer(21);
    row.lastEntry = s.integer(22);
    return row;
}

std::vector<RunRow> readRuns(Statement &s)
{
    std::vector<RunRow> rows;
    while (s.step())
        rows.push_back(readRun(s));
    return rows;
}

UnitRow readUnit(const Statement &s)
{
    UnitRow row;
    row.mode = modeOf(s.text(0));
    row.serial = s.text(1);
    row.firstAt = s.text(2);
    row.lastAt = s.text(3);
    row.runs = int(s.integer(4));
    row.lastRun = s.text(5);
    row.verdict = verdictFromString(s.text(6));
    return row;
}

constexpr char unitColumns[] = "SELECT mode, serial, first_at, last_at, runs, last_run, verdict FROM device ";

std::optional<double> maybeReal(const Statement &s, int column)
{
    return s.isNull(column) ? std::nullopt : std::optional(s.real(column));
}

QString existing(const QString &path)
{
    if (!QFileInfo::exists(path))
        throw Fault("journal.missing", {path});
    return path;
}

} // namespace

QCborMap readBody(const QByteArray &bytes)
{
    const CborDecoded decoded = decodeCbor(bytes, {2 * 1024 * 1024, 64, 1 << 20});
    if (decoded.ok() && decoded.used == bytes.size() && decoded.value.isMap())
        return decoded.value.toMap();
    return {{QStringLiteral("unreadable"), bytes}};
}

JournalReader::JournalReader(const QString &path) : m_database(existing(path), Database::Access::Read)
{
    checkJournalForm(m_database);
}

void JournalReader::forEachEntry(const EntryFilter &filter, const std::function<bool(const Entry &)> &function)
{
    const std::lock_guard lock(m_mutex);
    QByteArray where = " WHERE e.seq > ?1";
    if (!filter.run.isEmpty())
        where += " AND e.run = ?2";
    if (!filter.device.isEmpty())
        where += " AND e.seq IN (SELECT x.seq FROM run r JOIN entry x ON x.run = r.id WHERE r.device = ?3 UNION ALL "
                 "SELECT x.seq FROM entry x WHERE x.run = '' AND x.device <> '' AND x.device = ?3)";
    // A kind's name as a literal: only so can an index on entries of that kind be used.
    static const QRegularExpression name(QStringLiteral("^[a-z][a-z.-]*$"));
    const bool named = name.match(filter.kind).hasMatch();
    if (named)
        where += " AND e.kind = '" + filter.kind.toLatin1() + '\'';
    else if (!filter.kind.isEmpty())
        where += " AND e.kind = ?4";
    QByteArray sql = "SELECT e.seq, e.at, e.kind, e.run, e.device, e.body, e.prev, e.hash, r.mode FROM entry e LEFT "
                     "JOIN run r ON r.id = e.run" +
                     where;
    if (filter.last > 0)
        sql = "SELECT * FROM (" + sql + " ORDER BY e.seq DESC LIMIT ?5) ORDER BY seq";
    else
        sql += " ORDER BY e.seq";
    Statement s(m_database, sql.constData(), false);
    s.bind(1, filter.after);
    if (!filter.run.isEmpty())
        s.bind(2, filter.run);
    if (!filter.device.isEmpty())
        s.bind(3, filter.device);
    if (!named && !filter.kind.isEmpty())
        s.bind(4, filter.kind);
    if (filter.last > 0)
        s.bind(5, qint64(filter.last));
    while (s.step()) {
        Entry entry;
        entry.seq = s.integer(0);
        entry.at = s.text(1);
        entry.kind = s.text(2);
        entry.run = s.text(3);
        entry.device = s.text(4);
        entry.cbor = s.blob(5);
        entry.body = readBody(entry.cbor);
        entry.prev = s.blob(6);
        entry.hash = s.blob(7);
        entry.mode = modeFromString(s.text(8));
        if (!entry.mode)
            entry.mode = modeFromString(entry.body.value(QLatin1String("mode")).toString());
        if (!function(entry))
            return;
    }
}

std::vector<Entry> JournalReader::entries(const EntryFilter &filter)
{
    std::vector<Entry> found;
    forEachEntry(filter, [&found](const Entry &entry) {
        found.push_back(entry);
        return true;
    });
    return found;
}

qint64 JournalReader::lastEntry()
{
    const std::lock_guard lock(m_mutex);
    return m_database.number("SELECT max(seq) FROM entry");
}

std::vector<OpenIntent> JournalReader::openIntents()
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database,
                "SELECT i.id, i.act, i.run, i.device, i.at, i.idx, i.entry, r.mode, e.body FROM intent i LEFT JOIN run "
                "r ON r.id = i.run LEFT JOIN entry e ON e.seq = i.entry WHERE i.state IS NULL ORDER BY i.entry",
                false);
    std::vector<OpenIntent> rows;
    while (s.step()) {
        OpenIntent row;
        row.id = s.text(0);
        row.act = s.text(1);
        row.run = s.text(2);
        row.device = s.text(3);
        row.at = s.text(4);
        row.index = int(s.integer(5));
        row.entry = s.integer(6);
        row.mode = modeOf(s.text(7));
        row.detail = readBody(s.blob(8)).value(QLatin1String("detail")).toMap();
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<RunRow> JournalReader::openRuns()
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(runColumns) + "WHERE ended_at IS NULL ORDER BY entry").constData(), false);
    return readRuns(s);
}

std::optional<RunRow> JournalReader::run(const QString &id)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(runColumns) + "WHERE id = ?1").constData(), false);
    s.bind(1, id);
    if (!s.step())
        return {};
    return readRun(s);
}

std::vector<StepRow> JournalReader::stepsOf(const QString &run)
{
    const std::lock_guard lock(m_mutex);
    std::vector<StepRow> rows;
    Statement s(
        m_database,
        "SELECT idx, step, name, tries, begun_at, ended_at, verdict, seconds, summary, sentence, remedy, fault, "
        "entry, ended_entry FROM step WHERE run = ?1 ORDER BY idx",
        false);
    s.bind(1, run);
    while (s.step()) {
        StepRow row;
        row.index = int(s.integer(0));
        row.step = s.text(1);
        row.name = s.text(2);
        row.tries = int(s.integer(3));
        row.begunAt = s.text(4);
        row.endedAt = s.text(5);
        row.verdict = verdictFromString(s.text(6));
        row.seconds = s.real(7);
        row.summary = s.text(8);
        row.sentence = s.text(9);
        row.remedy = s.text(10);
        row.fault = s.text(11);
        row.entry = s.integer(12);
        row.endedEntry = s.integer(13);
        rows.push_back(std::move(row));
    }
    Statement m(m_database,
                "SELECT entry, idx, name, value, unit, low, high, marginal, verdict, text, expected FROM measurement "
                "WHERE run = ?1 ORDER BY entry",
                false);
    m.bind(1, run);
    while (m.step()) {
        MeasurementRow row;
        row.entry = m.integer(0);
        row.index = int(m.integer(1));
        row.name = m.text(2);
        row.value = maybeReal(m, 3);
        row.unit = m.text(4);
        row.low = maybeReal(m, 5);
        row.high = maybeReal(m, 6);
        row.marginal = m.integer(7) != 0;
        row.verdict = verdictFromString(m.text(8));
        row.text = m.text(9);
        row.expected = m.text(10);
        const auto step = std::find_if(rows.begin(), rows.end(),
                                       [&row](const StepRow &candidate) { return candidate.index == row.index; });
        if (step != rows.end())
            step->measurements.push_back(std::move(row));
    }
    return rows;
}

std::vector<RunRow> JournalReader::runsOf(Mode mode, const QString &device)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(runColumns) + "WHERE device = ?1 AND +mode = ?2 ORDER BY entry").constData(),
                false);
    s.bind(1, device).bind(2, toString(mode));
    return readRuns(s);
}

std::vector<RunRow> JournalReader::lastRuns(Mode mode, int count)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(runColumns) + "WHERE mode = ?1 ORDER BY entry DESC LIMIT ?2").constData(),
                false);
    s.bind(1, toString(mode)).bind(2, qint64(count));
    return readRuns(s);
}

std::vector<UnitRow> JournalReader::units(Mode mode, int count)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(unitColumns) + "WHERE mode = ?1 ORDER BY last_entry DESC LIMIT ?2").constData(),
                false);
    s.bind(1, toString(mode)).bind(2, qint64(count > 0 ? count : -1));
    std::vector<UnitRow> rows;
    while (s.step())
        rows.push_back(readUnit(s));
    return rows;
}

std::optional<UnitRow> JournalReader::unit(Mode mode, const QString &serial)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, (QByteArray(unitColumns) + "WHERE mode = ?1 AND serial = ?2").constData(), false);
    s.bind(1, toString(mode)).bind(2, serial);
    if (!s.step())
        return {};
    return readUnit(s);
}

QStringList JournalReader::serialsLike(const QString &serial)
{
    constexpr qint64 looked = 5000;
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT serial FROM device WHERE abs(length(serial) - ?1) <= 2 LIMIT ?2", false);
    s.bind(1, qint64(serial.size())).bind(2, looked);
    QStringList found;
    while (s.step())
        found << s.text(0);
    return found;
}

std::vector<CertificateInfo> JournalReader::certificatesOf(Mode mode, const QString &serial)
{
    const std::lock_guard lock(m_mutex);
    Statement s(
        m_database,
        "SELECT c.entry, c.certificate_serial, c.sha256, c.public_key_sha256, c.issuer, c.not_after, c.profile, "
        "c.mud_url, c.masa_url, c.run, c.at, c.revoked_at, c.revoked_reason, e.body, c.method, c.transfer "
        "FROM certificate c LEFT JOIN entry e ON e.seq = c.entry WHERE c.serial = ?1 AND c.mode = ?2 ORDER BY c.entry",
        false);
    s.bind(1, serial).bind(2, toString(mode));
    std::vector<CertificateInfo> rows;
    while (s.step()) {
        CertificateInfo row;
        row.entry = s.integer(0);
        row.mode = mode;
        row.serial = serial;
        row.certificateSerial = s.text(1);
        row.sha256 = s.text(2);
        row.publicKeySha256 = s.text(3);
        row.issuer = s.text(4);
        row.notAfter = s.text(5);
        row.profile = s.text(6);
        row.mudUrl = s.text(7);
        row.masaUrl = s.text(8);
        row.run = s.text(9);
        row.at = s.text(10);
        row.revokedAt = s.text(11);
        row.revokedReason = s.text(12);
        row.der = readBody(s.blob(13)).value(QLatin1String("der")).toByteArray();
        row.method = s.text(14);
        row.transfer = s.text(15);
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<ArtifactRow> JournalReader::artifactsOf(const QString &run)
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database,
                "SELECT entry, sha256, name, size, product, version, signer, admitted_by, use, run, at FROM artifact "
                "WHERE run = ?1 ORDER BY entry",
                false);
    s.bind(1, run);
    std::vector<ArtifactRow> rows;
    while (s.step()) {
        ArtifactRow row;
        row.entry = s.integer(0);
        row.sha256 = s.text(1);
        row.name = s.text(2);
        row.size = s.integer(3);
        row.product = s.text(4);
        row.version = s.text(5);
        row.signer = s.text(6);
        row.admittedBy = s.text(7);
        row.use = s.text(8);
        row.run = s.text(9);
        row.at = s.text(10);
        rows.push_back(std::move(row));
    }
    return rows;
}

RunCounters JournalReader::counters(Mode mode, qint64 sinceEntry)
{
    const std::lock_guard lock(m_mutex);
    RunCounters counters;
    const QString hourAgo =
        QDateTime::currentDateTimeUtc().addSecs(-3600).toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss.zzzZ"));
    Statement s(m_database,
                "SELECT device, verdict, ended_at FROM run WHERE mode = ?1 AND entry >= ?2 AND ended_at IS NOT NULL "
                "ORDER BY entry",
                false);
    s.bind(1, toString(mode)).bind(2, sinceEntry);
    QSet<QString> seen;
    int first = 0;
    int firstPassed = 0;
    while (s.step()) {
        const std::optional<Verdict> verdict = verdictFromString(s.text(1));
        if (!verdict)
            continue;
        const bool passed = *verdict == Verdict::Pass;
        counters.done += passed;
        counters.failed += *verdict == Verdict::Fail;
        counters.errors += *verdict == Verdict::Error || *verdict == Verdict::Unknown;
        counters.stopped += *verdict == Verdict::Stopped;
        counters.lastHour += passed && s.text(2) >= hourAgo;
        if (!passed && *verdict != Verdict::Fail)
            continue;
        const QString device = s.text(0);
        if (device.isEmpty() || !seen.contains(device)) {
            seen.insert(device);
            ++first;
            firstPassed += passed;
        }
    }
    if (first > 0)
        counters.firstPassYield = double(firstPassed) / first;
    return counters;
}

std::optional<Checkpoint> JournalReader::lastCheckpoint()
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT seq, at, hash, signature FROM checkpoint ORDER BY seq DESC LIMIT 1", false);
    if (!s.step())
        return {};
    return Checkpoint{s.integer(0), s.utf8(1), s.blob(2), s.blob(3)};
}

std::optional<Checkpoint> JournalReader::head()
{
    const std::lock_guard lock(m_mutex);
    Statement s(m_database, "SELECT seq, hash, signature FROM head WHERE id = 1", false);
    if (!s.step())
        return {};
    return Checkpoint{s.integer(0), {}, s.blob(1), s.blob(2)};
}

} // namespace slipway
