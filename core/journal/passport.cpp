#include "core/journal/passport.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/journal/entryjson.h"
#include "core/journal/unitproof.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace slipway {

namespace {

QString s(const char *text)
{
    return QString::fromUtf8(text);
}

// Adds what is there; empty texts are left out.
void put(QJsonObject &object, const char *key, const QString &value)
{
    if (!value.isEmpty())
        object.insert(s(key), value);
}

void put(QJsonObject &object, const char *key, const std::optional<double> &value)
{
    if (value)
        object.insert(s(key), *value);
}

void put(QJsonObject &object, const char *key, const std::optional<Verdict> &value)
{
    if (value)
        object.insert(s(key), toString(*value));
}

QString pem(const QByteArray &der)
{
    constexpr qsizetype lineLength = 64;
    if (der.isEmpty())
        return {};
    const QByteArray text = der.toBase64();
    QByteArray out = "-----BEGIN CERTIFICATE-----\n";
    for (qsizetype at = 0; at < text.size(); at += lineLength)
        out += text.mid(at, lineLength) + '\n';
    return QString::fromLatin1(out + "-----END CERTIFICATE-----\n");
}

QJsonObject measurementJson(const MeasurementRow &row)
{
    QJsonObject object{{s("entry"), row.entry}, {s("name"), row.name}, {s("marginal"), row.marginal}};
    put(object, "value", row.value);
    put(object, "unit", row.unit);
    put(object, "low", row.low);
    put(object, "high", row.high);
    put(object, "text", row.text);
    put(object, "expected", row.expected);
    put(object, "verdict", row.verdict);
    return object;
}

QJsonObject stepJson(const StepRow &row)
{
    QJsonObject object{
        {s("index"), row.index}, {s("step"), row.step}, {s("tries"), row.tries}, {s("entry"), row.entry}};
    put(object, "name", row.name);
    put(object, "begun-at", row.begunAt);
    put(object, "ended-at", row.endedAt);
    put(object, "verdict", row.verdict);
    if (row.verdict)
        object.insert(s("seconds"), row.seconds);
    put(object, "summary", row.summary);
    put(object, "sentence", row.sentence);
    put(object, "fault", row.fault);
    QJsonArray measurements;
    for (const MeasurementRow &measurement : row.measurements)
        measurements.append(measurementJson(measurement));
    object.insert(s("measurements"), measurements);
    return object;
}

QJsonObject artifactJson(const ArtifactRow &row)
{
    QJsonObject object{{s("entry"), row.entry}, {s("at"), row.at}, {s("run"), row.run}, {s("sha256"), row.sha256}};
    if (row.size > 0)
        object.insert(s("size"), row.size);
    put(object, "name", row.name);
    put(object, "product", row.product);
    put(object, "version", row.version);
    put(object, "signer", row.signer);
    put(object, "admitted-by", row.admittedBy);
    put(object, "use", row.use);
    return object;
}

QJsonObject runJson(const RunRow &row)
{
    QJsonObject object{{s("id"), row.id},
                       {s("mode"), toString(row.mode)},
                       {s("begun-at"), row.begunAt},
                       {s("first-entry"), row.firstEntry},
                       {s("signed"), row.isSigned},
                       {s("attempt"), row.attempt}};
    put(object, "slot", row.slot);
    put(object, "recipe", row.recipe);
    put(object, "recipe-version", row.recipeVersion);
    put(object, "recipe-sha256", row.recipeSha256);
    put(object, "driver", row.driver);
    put(object, "port", row.port);
    put(object, "operator", row.person);
    put(object, "ended-at", row.endedAt);
    put(object, "verdict", row.verdict);
    put(object, "sentence", row.sentence);
    put(object, "fault", row.fault);
    if (!row.endedAt.isEmpty()) {
        object.insert(s("seconds"), row.seconds);
        object.insert(s("irreversible"), row.irreversible);
        object.insert(s("last-entry"), row.lastEntry);
    }
    return object;
}

QJsonObject certificateJson(const CertificateInfo &row)
{
    QJsonObject object{{s("entry"), row.entry},
                       {s("at"), row.at},
                       {s("serial"), row.serial},
                       {s("certificate-serial"), row.certificateSerial},
                       {s("revoked"), !row.revokedAt.isEmpty()}};
    put(object, "sha256", row.sha256);
    put(object, "public-key-sha256", row.publicKeySha256);
    put(object, "issuer", row.issuer);
    put(object, "not-after", row.notAfter);
    put(object, "profile", row.profile);
    put(object, "mud-url", row.mudUrl);
    put(object, "masa-url", row.masaUrl);
    put(object, "method", row.method);
    put(object, "transfer", row.transfer);
    put(object, "run", row.run);
    put(object, "revoked-at", row.revokedAt);
    put(object, "revoked-reason", row.revokedReason);
    put(object, "pem", pem(row.der));
    return object;
}

QJsonObject signedPoint(const Checkpoint &point)
{
    QJsonObject object{{s("entry"), point.seq}, {s("hash"), hex(point.hash)}, {s("signature"), hex(point.signature)}};
    put(object, "at", QString::fromUtf8(point.at));
    return object;
}

// The entry's eight lines of hashed text can be put together from this (README.md).
QJsonObject chainEntry(const Entry &entry)
{
    return {{s("entry"), entry.seq},           {s("at"), entry.at},
            {s("kind"), entry.kind},           {s("run"), entry.run},
            {s("device"), entry.device},       {s("body"), toJson(entry.body)},
            {s("body-cbor"), hex(entry.cbor)}, {s("prev"), hex(entry.prev)},
            {s("hash"), hex(entry.hash)}};
}

// From entries of kinds that have no table to ask by unit.
void addFromEntry(const Entry &entry, QJsonObject &facts, QJsonArray &numbers, QJsonArray &labels, QJsonArray &acts)
{
    const auto text = [&entry](const char *key) {
        return toJson(entry.body.value(QLatin1String(key))).toVariant().toString();
    };
    if (entry.kind == u"fact") {
        facts.insert(text("name"), toJson(entry.body.value(QLatin1String("value"))));
    } else if (entry.kind == u"number") {
        numbers.append(QJsonObject{
            {s("entry"), entry.seq}, {s("at"), entry.at}, {s("pool"), text("pool")}, {s("value"), text("value")}});
    } else if (entry.kind == u"label") {
        QJsonObject label{{s("entry"), entry.seq}, {s("at"), entry.at}, {s("run"), entry.run}};
        put(label, "template", text("template"));
        put(label, "sha256", text("sha256"));
        put(label, "scanned-back", text("scanned-back"));
        labels.append(label);
    } else if (entry.kind == u"intent") {
        acts.append(QJsonObject{{s("entry"), entry.seq},
                                {s("at"), entry.at},
                                {s("run"), entry.run},
                                {s("intent"), text("intent")},
                                {s("act"), text("act")},
                                {s("state"), s("open")}});
    } else if (entry.kind == u"outcome") {
        for (qsizetype i = 0; i < acts.size(); ++i) {
            QJsonObject act = acts.at(i).toObject();
            if (act.value(s("intent")).toString() == text("intent")) {
                act.insert(s("state"), text("state"));
                act.insert(s("ended-at"), entry.at);
                put(act, "sentence", text("sentence"));
                if (const QCborValue detail = entry.body.value(QLatin1String("detail"));
                    detail.isMap() && !detail.toMap().isEmpty())
                    act.insert(s("detail"), toJson(detail));
                acts.replace(i, act);
            }
        }
    }
}

// The graver, the higher; none: the run did not end.
int gravity(const std::optional<Verdict> &verdict)
{
    if (!verdict)
        return 2;
    switch (*verdict) {
    case Verdict::Pass:
        return 0;
    case Verdict::Stopped:
        return 1;
    case Verdict::Error:
        return 3;
    case Verdict::Unknown:
        return 4;
    case Verdict::Fail:
        return 5;
    }
    return 5;
}

// The last run in each recipe, in the order of those runs: a later one in the same recipe settles the earlier, one in
// another recipe does not. Recipes are told apart by name; a new version of one settles what the old one said.
std::vector<RunRow> lastOfEachRecipe(const std::vector<RunRow> &runs)
{
    std::vector<RunRow> last;
    for (const RunRow &run : runs) {
        std::erase_if(last, [&run](const RunRow &earlier) { return earlier.recipe == run.recipe; });
        last.push_back(run);
    }
    return last;
}

std::optional<Checkpoint> headFileOf(const QString &path, const QString &serial)
{
    try {
        return readHeadFile(path);
    } catch (const Fault &) { // file.*, journal.tampered: unreadable
        throw Fault("journal.unproven", {oneLine(serial, 60), QStringLiteral("journal.head cannot be read")});
    }
}

} // namespace

QJsonObject makePassport(JournalReader &reader, const JournalVerifier &verifier, std::optional<Mode> mode,
                         const QString &serial, const PassportIssue &issue, const Task &task)
{
    const std::optional<Checkpoint> headFile = headFileOf(reader.path(), serial);
    const Snapshot snapshot(reader.database());
    proveUnit(reader.database(), headFile, serial, verifier, task);
    std::optional<UnitRow> unit;
    for (const Mode candidate : {Mode::Production, Mode::Training}) {
        if (!unit && (!mode || *mode == candidate))
            unit = reader.unit(candidate, serial);
    }
    if (!unit)
        throw Fault("journal.no-unit", {oneLine(serial, 60), didYouMean(serial, reader.serialsLike(serial))});

    QJsonArray runs;
    QJsonArray firmware;
    const std::vector<RunRow> rows = reader.runsOf(unit->mode, serial);
    for (const RunRow &row : rows) {
        QJsonObject run = runJson(row);
        QJsonArray steps;
        for (const StepRow &step : reader.stepsOf(row.id))
            steps.append(stepJson(step));
        run.insert(s("steps"), steps);
        runs.append(run);
        for (const ArtifactRow &artifact : reader.artifactsOf(row.id))
            firmware.append(artifactJson(artifact));
    }
    QJsonArray certificates;
    QString mudUrl;
    for (const CertificateInfo &row : reader.certificatesOf(unit->mode, serial)) {
        certificates.append(certificateJson(row));
        if (!row.mudUrl.isEmpty() && row.revokedAt.isEmpty())
            mudUrl = row.mudUrl;
    }

    QJsonObject facts;
    QJsonArray numbers, labels, acts, entries;
    EntryFilter filter;
    filter.device = serial;
    reader.forEachEntry(filter, [&](const Entry &entry) {
        if (entry.mode.value_or(Mode::Production) == unit->mode) {
            addFromEntry(entry, facts, numbers, labels, acts);
            entries.append(chainEntry(entry));
        }
        return true;
    });

    QJsonObject device{{s("serial"), serial},
                       {s("first-seen"), unit->firstAt},
                       {s("last-seen"), unit->lastAt},
                       {s("runs"), unit->runs},
                       {s("facts"), facts}};
    QJsonArray recipes;
    const RunRow *worst = nullptr;
    const std::vector<RunRow> last = lastOfEachRecipe(rows);
    for (const RunRow &row : last) {
        QJsonObject recipe{{s("recipe"), row.recipe}, {s("run"), row.id}};
        put(recipe, "verdict", row.verdict);
        put(recipe, "ended-at", row.endedAt);
        recipes.append(recipe);
        if (!worst || gravity(row.verdict) >= gravity(worst->verdict))
            worst = &row;
    }
    device.insert(s("recipes"), recipes);
    if (worst) {
        put(device, "verdict", worst->verdict);
        device.insert(s("verdict-run"), worst->id);
    }
    put(device, "mud-url", mudUrl);

    QJsonObject chain{{s("description"), s("SHA-256 over eight lines: slipway-entry-1, seq, at, kind, run, device, "
                                           "body-cbor, prev; see the journal's documentation")}};
    if (const std::optional<Checkpoint> head = reader.head())
        chain.insert(s("head"), signedPoint(*head));
    if (const std::optional<Checkpoint> checkpoint = reader.lastCheckpoint())
        chain.insert(s("checkpoint"), signedPoint(*checkpoint));

    QJsonObject passport{{s("format"), s("slipway-passport-2")},
                         {s("mode"), toString(unit->mode)},
                         {s("issued"), QJsonObject{{s("at"), issue.at.isEmpty() ? rfc3339Now() : issue.at},
                                                   {s("station"), issue.station},
                                                   {s("program"), issue.program},
                                                   {s("anchor-sha256"), hex(verifier.anchorSha256())}}},
                         {s("device"), device},
                         {s("certificates"), certificates},
                         {s("firmware"), firmware},
                         {s("numbers"), numbers},
                         {s("labels"), labels},
                         {s("acts"), acts},
                         {s("runs"), runs},
                         {s("entries"), entries},
                         {s("chain"), chain}};
    if (unit->mode == Mode::Training)
        passport.insert(s("note"), s("TRAINING: made for practice; this is no record of a real device."));
    return passport;
}

QByteArray passportBytes(const QJsonObject &passport)
{
    return QJsonDocument(passport).toJson(QJsonDocument::Indented);
}

QString passportFileName(const QString &serial)
{
    QString name = serial.left(100);
    for (QChar &c : name) {
        const bool plain = (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || (c >= u'0' && c <= u'9') ||
                           c == u'-' || c == u'_' || c == u'.';
        if (!plain)
            c = u'_';
    }
    if (name.isEmpty() || name.startsWith(u'.'))
        name.prepend(u'_');
    return name;
}

} // namespace slipway
