// The passport as a document for people: A4, drawn with QPainter on a QPdfWriter from the same JSON that is signed.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/journal/passport.h"
#include "core/journal/pdfsheet.h"

#include <QBuffer>
#include <QDateTime>
#include <QHash>
#include <QJsonArray>
#include <QLocale>
#include <QSaveFile>

#include <algorithm>

namespace slipway {

namespace {

QString text(const QJsonObject &object, const char *key)
{
    return object.value(QLatin1String(key)).toVariant().toString();
}

// "21 November 2026, 14:32 UTC"
QString humanTime(const QString &rfc3339)
{
    const QDateTime at = QDateTime::fromString(rfc3339, Qt::ISODateWithMs);
    return at.isValid()
               ? QLocale::c().toString(at.toUTC(), QStringLiteral("d MMMM yyyy, HH:mm")) + QStringLiteral(" UTC")
               : rfc3339;
}

QString humanActName(const QString &act)
{
    static const QHash<QString, QString> names = {
        {QStringLiteral("identity.issue"), QStringLiteral("Certificate issued")},
        {QStringLiteral("identity.write"), QStringLiteral("Identity written")},
        {QStringLiteral("lock"), QStringLiteral("Device locked")},
        {QStringLiteral("erase"), QStringLiteral("Storage erased")},
    };
    return names.value(act, act);
}

QString number(double value)
{
    return QString::number(value, 'g', 6);
}

// "3.281 V" and what it had to be.
std::pair<QString, QString> measured(const QJsonObject &m)
{
    const QString unit = text(m, "unit").isEmpty() ? QString() : u' ' + text(m, "unit");
    const QJsonValue value = m.value(QLatin1String("value"));
    const QString said = value.isDouble() ? number(value.toDouble()) + unit : text(m, "text");
    const QJsonValue low = m.value(QLatin1String("low"));
    const QJsonValue high = m.value(QLatin1String("high"));
    QString limits;
    if (low.isDouble() && high.isDouble())
        limits = QStringLiteral("%1 to %2%3").arg(number(low.toDouble()), number(high.toDouble()), unit);
    else if (low.isDouble())
        limits = QStringLiteral("at least %1%2").arg(number(low.toDouble()), unit);
    else if (high.isDouble())
        limits = QStringLiteral("at most %1%2").arg(number(high.toDouble()), unit);
    else
        limits = text(m, "expected");
    return {said, limits};
}

QString span(double seconds)
{
    constexpr double shown = 0.05;
    return seconds < shown ? QStringLiteral("< 0.1 s") : humanSpan(seconds);
}

class PassportDrawing
{
public:
    PassportDrawing(PdfSheet &sheet, const QJsonObject &passport)
        : m_sheet(sheet), m_passport(passport), m_device(passport.value(QLatin1String("device")).toObject()),
          m_issued(passport.value(QLatin1String("issued")).toObject()),
          m_runs(passport.value(QLatin1String("runs")).toArray()), m_run(runNamed(text(m_device, "verdict-run")))
    {}

    void draw()
    {
        header();
        recipes();
        identity();
        steps();
        acts();
        cutWrites();
        history();
        record();
    }

private:
    QJsonObject runNamed(const QString &id) const
    {
        const auto found = std::find_if(m_runs.begin(), m_runs.end(),
                                        [&id](const QJsonValue &run) { return text(run.toObject(), "id") == id; });
        return found == m_runs.end() ? QJsonObject() : found->toObject();
    }

    // Where there are several, the headline alone would hide that another recipe did not pass, or did.
    void recipes()
    {
        const QJsonArray recipes = m_device.value(QLatin1String("recipes")).toArray();
        if (recipes.size() < 2)
            return;
        m_sheet.section(QStringLiteral("Last verdict of each recipe"));
        for (const QJsonValue &value : recipes) {
            const QJsonObject recipe = value.toObject();
            m_sheet.listRow(humanTime(text(recipe, "ended-at")), text(recipe, "recipe"), verdictOf(recipe));
        }
    }

    void header()
    {
        const QString serial = text(m_device, "serial");
        const QString ended = text(m_run, "ended-at");
        const QString verdict = verdictOf(m_device);
        m_sheet.title(serial, text(m_run, "recipe"), verdict, ended.isEmpty() ? QString() : humanTime(ended),
                      verdict == u"PASS" ? QString() : text(m_run, "sentence"));
    }

    static QString verdictOf(const QJsonObject &object)
    {
        const QString verdict = text(object, "verdict");
        return verdict.isEmpty() ? QStringLiteral("NOT ENDED") : verdict;
    }

    QJsonObject lastOf(const char *key) const
    {
        return m_passport.value(QLatin1String(key)).toArray().last().toObject();
    }

    // The fact is what the device said when the run began; the act is what was done since.
    bool locked() const
    {
        const QJsonArray acts = m_passport.value(QLatin1String("acts")).toArray();
        return std::any_of(acts.begin(), acts.end(), [](const QJsonValue &value) {
            const QJsonObject act = value.toObject();
            return text(act, "act") == u"lock" && text(act, "state") == u"done";
        });
    }

    void identity()
    {
        const QJsonObject certificate = lastOf("certificates");
        const QJsonObject facts = m_device.value(QLatin1String("facts")).toObject();
        const QJsonObject image = lastOf("firmware");
        const auto fact = [&facts](const char *name) {
            return facts.value(QLatin1String(name)).toVariant().toString();
        };

        constexpr qsizetype hashDigits = 64;
        const bool signerIsHash = fromHex(text(image, "signer")) && text(image, "signer").size() == hashDigits;
        PdfSheet::Pairs device{{QStringLiteral("Serial number"), text(m_device, "serial")},
                               {QStringLiteral("Board"), fact("board")},
                               {QStringLiteral("Hardware id"), fact("hardware-id")},
                               {QStringLiteral("Boot loader"), fact("boot-loader")},
                               {QStringLiteral("Locked"), locked() ? QStringLiteral("yes") : fact("locked")}};
        PdfSheet::Pairs firmware{
            {QStringLiteral("Firmware"), text(image, "version")},
            {QStringLiteral("Image"), text(image, "name")},
            {QStringLiteral("Size"),
             image.isEmpty() ? QString() : humanSize(image.value(QLatin1String("size")).toInteger())},
            {QStringLiteral("Signed by"), signerIsHash ? QString() : text(image, "signer")}};
        m_sheet.section(QStringLiteral("Device"));
        m_sheet.columns(device, firmware);
        m_sheet.wide(QStringLiteral("MUD URL"), text(m_device, "mud-url"));
        m_sheet.wide(QStringLiteral("MASA"), text(certificate, "masa-url"));
        m_sheet.wide(QStringLiteral("Image SHA-256"), text(image, "sha256"));
        if (signerIsHash)
            m_sheet.wide(QStringLiteral("Signed by key"), text(image, "signer"));
        if (certificate.isEmpty())
            return;
        const QString notAfter = text(certificate, "not-after");
        m_sheet.section(QStringLiteral("Identity"));
        m_sheet.wide(QStringLiteral("Issued by"), text(certificate, "issuer"), PdfSheet::Type::Text);
        m_sheet.columns(
            {{QStringLiteral("Issued"), humanTime(text(certificate, "at"))},
             {QStringLiteral("Valid until"),
              notAfter == u"99991231235959Z" ? QStringLiteral("no expiry (IEEE 802.1AR)") : notAfter}},
            {{QStringLiteral("Profile"), text(certificate, "profile")},
             {QStringLiteral("Status"), certificate.value(QLatin1String("revoked")).toBool()
                                            ? QStringLiteral("REVOKED, ") + humanTime(text(certificate, "revoked-at"))
                                            : QStringLiteral("not revoked")}});
        m_sheet.wide(QStringLiteral("Key loading"),
                     text(certificate, "method") + QStringLiteral(", ") + text(certificate, "transfer"),
                     PdfSheet::Type::Text);
        m_sheet.wide(QStringLiteral("Certificate number"), text(certificate, "certificate-serial"));
        m_sheet.wide(QStringLiteral("Certificate SHA-256"), text(certificate, "sha256"));
        m_sheet.wide(QStringLiteral("Public key SHA-256"), text(certificate, "public-key-sha256"));
    }

    void steps()
    {
        const QJsonArray steps = m_run.value(QLatin1String("steps")).toArray();
        if (steps.isEmpty())
            return;
        m_sheet.section(QStringLiteral("What was done"));
        for (const QJsonValue &value : steps) {
            const QJsonObject step = value.toObject();
            const QString name = text(step, "name").isEmpty() ? text(step, "step") : text(step, "name");
            const int tries = step.value(QLatin1String("tries")).toInt(1);
            QString words = text(step, "summary").isEmpty() ? text(step, "sentence") : text(step, "summary");
            if (tries > 1)
                words += QStringLiteral(" (%1 tries)").arg(tries);
            const QJsonArray measurements = step.value(QLatin1String("measurements")).toArray();
            const QJsonValue seconds = step.value(QLatin1String("seconds"));
            m_sheet.stepRow(name, words, seconds.isDouble() ? span(seconds.toDouble()) : QString(), verdictOf(step),
                            !measurements.isEmpty());
            for (qsizetype i = 0; i < measurements.size(); ++i)
                measurement(measurements.at(i).toObject(), i + 1 == measurements.size());
        }
    }

    void measurement(const QJsonObject &row, bool last)
    {
        const auto [said, limits] = measured(row);
        const QJsonValue value = row.value(QLatin1String("value"));
        const QJsonValue low = row.value(QLatin1String("low"));
        const QJsonValue high = row.value(QLatin1String("high"));
        PdfSheet::Gauge gauge;
        if (value.isDouble() && low.isDouble() && high.isDouble())
            gauge = {true, value.toDouble(), low.toDouble(), high.toDouble()};
        m_sheet.measurementRow(text(row, "name"), said, limits, gauge, verdictOf(row),
                               row.value(QLatin1String("marginal")).toBool(), last);
    }

    void acts()
    {
        const QJsonArray acts = m_passport.value(QLatin1String("acts")).toArray();
        const auto isFlash = [](const QJsonValue &value) { return text(value.toObject(), "act") == u"flash"; };
        if (std::any_of(acts.begin(), acts.end(), [&](const QJsonValue &value) { return !isFlash(value); }))
            m_sheet.section(QStringLiteral("Done once and for all"));
        for (const QJsonValue &value : acts) {
            const QJsonObject act = value.toObject();
            if (isFlash(value))
                continue;
            m_sheet.listRow(humanTime(text(act, "at")), humanActName(text(act, "act")), text(act, "state"));
        }
    }

    // Firmware that did not get all the way, until a later write did.
    void cutWrites()
    {
        const QJsonArray acts = m_passport.value(QLatin1String("acts")).toArray();
        QJsonArray cut;
        for (const QJsonValue &value : acts) {
            if (text(value.toObject(), "act") != u"flash")
                continue;
            if (text(value.toObject(), "state") == u"done")
                cut = {};
            else if (text(value.toObject(), "state") != u"not-done")
                cut.append(value);
        }
        if (cut.isEmpty())
            return;
        m_sheet.section(QStringLiteral("Firmware that was not written to the end"));
        for (const QJsonValue &value : cut) {
            const QJsonObject act = value.toObject();
            m_sheet.listRow(humanTime(text(act, "at")), text(act, "state"), text(act, "sentence"));
        }
    }

    void history()
    {
        if (m_runs.size() < 2)
            return;
        m_sheet.section(QStringLiteral("All runs"));
        for (const QJsonValue &value : m_runs) {
            const QJsonObject run = value.toObject();
            m_sheet.listRow(humanTime(text(run, "begun-at")), text(run, "recipe"), verdictOf(run));
        }
    }

    void record()
    {
        const QJsonObject chain = m_passport.value(QLatin1String("chain")).toObject();
        const QJsonObject head = chain.value(QLatin1String("head")).toObject();
        const QJsonObject checkpoint = chain.value(QLatin1String("checkpoint")).toObject();
        const QJsonArray entries = m_passport.value(QLatin1String("entries")).toArray();
        m_sheet.section(QStringLiteral("Record"), 170);
        m_sheet.columns(
            {{QStringLiteral("Station"), text(m_issued, "station")},
             {QStringLiteral("Operator"), text(m_run, "operator")},
             {QStringLiteral("Place"), text(m_run, "slot")}},
            {{QStringLiteral("Recipe"),
              text(m_run, "recipe-version").isEmpty()
                  ? QString()
                  : QStringLiteral("version %1, %2")
                        .arg(text(m_run, "recipe-version"), m_run.value(QLatin1String("signed")).toBool()
                                                                ? QStringLiteral("signed")
                                                                : QStringLiteral("not signed"))},
             {QStringLiteral("Entries"),
              entries.isEmpty() ? QString()
                                : QStringLiteral("%1, from %2 to %3")
                                      .arg(entries.size())
                                      .arg(entries.first().toObject().value(QLatin1String("entry")).toInteger())
                                      .arg(entries.last().toObject().value(QLatin1String("entry")).toInteger())}});
        m_sheet.wide(QStringLiteral("Recipe SHA-256"), text(m_run, "recipe-sha256"));
        if (!entries.isEmpty())
            m_sheet.wide(QStringLiteral("Hash of entry %1")
                             .arg(entries.last().toObject().value(QLatin1String("entry")).toInteger()),
                         text(entries.last().toObject(), "hash"));
        const QJsonObject &point = checkpoint.isEmpty() ? head : checkpoint;
        if (!point.isEmpty())
            m_sheet.wide(QStringLiteral("Journal signed at %1").arg(point.value(QLatin1String("entry")).toInteger()),
                         text(point, "hash"));
        m_sheet.wide(QStringLiteral("Station's CA, SHA-256"), text(m_issued, "anchor-sha256"));
        const QString file = passportFileName(text(m_device, "serial"));
        m_sheet.paragraph(
            QStringLiteral(
                "This page is for reading. The record itself is the file %1.json with the station's signature "
                "%1.json.p7s; it holds every entry of the journal about this device, and openssl cms -verify "
                "checks it.")
                .arg(file));
    }

    PdfSheet &m_sheet;
    const QJsonObject &m_passport;
    const QJsonObject m_device;
    const QJsonObject m_issued;
    const QJsonArray m_runs;
    const QJsonObject m_run; // the one the verdict is of
};

} // namespace

void writePassportPdf(const QJsonObject &passport, const QString &path)
{
    PdfSheet::Frame frame;
    const QJsonObject issued = passport.value(QLatin1String("issued")).toObject();
    frame.kind = QStringLiteral("Device passport");
    frame.issuer = text(issued, "station");
    frame.footer = QStringLiteral("Issued %1 by %2").arg(humanTime(text(issued, "at")), text(issued, "program"));
    frame.name = text(passport.value(QLatin1String("device")).toObject(), "serial");
    frame.training = text(passport, "mode") == u"training";

    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        throw Fault("file.unwritable", {path, file.errorString()});
    // Twice: the first time to know how many pages there are.
    const auto draw = [&](QIODevice &device) {
        PdfSheet sheet(device, frame);
        PassportDrawing(sheet, passport).draw();
        return sheet.finish();
    };
    QByteArray trial;
    QBuffer buffer(&trial);
    buffer.open(QIODevice::WriteOnly);
    frame.pages = draw(buffer);
    draw(file);
    if (!file.commit())
        throw Fault("file.unwritable", {path, file.errorString()});
}

} // namespace slipway
