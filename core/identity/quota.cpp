#include "core/identity/quota.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/cms.h"

#include <QDate>
#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

namespace slipway {

namespace {

constexpr qint64 maximumBytes = 64 * 1024;
constexpr int mostCertificates = 1'000'000;

Fault bad(const QString &why)
{
    return Fault("identity.quota", {why});
}

// "T1-00000042" to "T1-" and 42; digits: how many.
struct Split {
    QString prefix;
    qint64 number = -1;
    qsizetype digits = 0;
};

Split split(const QString &serial)
{
    static const QRegularExpression form(QStringLiteral("^(.*?)([0-9]{1,18})$"));
    const auto match = form.match(serial);
    if (!match.hasMatch())
        return {serial, -1, 0};
    return {match.captured(1), match.captured(2).toLongLong(), match.captured(2).size()};
}

} // namespace

QByteArray Quota::json() const
{
    const QJsonObject object{{QStringLiteral("format"), QStringLiteral("slipway-quota-1")},
                             {QStringLiteral("id"), id},
                             {QStringLiteral("product"), product},
                             {QStringLiteral("count"), count},
                             {QStringLiteral("first-serial"), firstSerial},
                             {QStringLiteral("last-serial"), lastSerial},
                             {QStringLiteral("last-day"), lastDay},
                             {QStringLiteral("station-key-sha256"), stationKey},
                             {QStringLiteral("issued-at"), issuedAt},
                             {QStringLiteral("note"), note}};
    return QJsonDocument(object).toJson(QJsonDocument::Indented);
}

Quota Quota::parse(const QByteArray &json)
{
    QJsonParseError error;
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    const QJsonObject object = document.object();
    if (!document.isObject() || object.value(QLatin1String("format")).toString() != u"slipway-quota-1")
        throw bad(QStringLiteral("it is not in the form slipway-quota-1"));
    const auto text = [&](const char *key, qsizetype limit) {
        const QString value = object.value(QLatin1String(key)).toString();
        if (value.size() > limit || oneLine(value) != value.left(400))
            throw bad(QStringLiteral("its %1 is too long or has control characters").arg(QLatin1String(key)));
        return value;
    };
    Quota quota;
    quota.id = text("id", 64);
    quota.product = text("product", 100);
    quota.count = object.value(QLatin1String("count")).toInt(-1);
    quota.firstSerial = text("first-serial", 64);
    quota.lastSerial = text("last-serial", 64);
    quota.lastDay = text("last-day", 10);
    quota.stationKey = text("station-key-sha256", 64);
    quota.issuedAt = text("issued-at", 40);
    quota.note = text("note", 200);
    quota.document = json;
    static const QRegularExpression idForm(QStringLiteral("^[0-9a-f-]{36}$"));
    static const QRegularExpression keyForm(QStringLiteral("^[0-9a-f]{64}$"));
    const Split first = split(quota.firstSerial);
    const Split last = split(quota.lastSerial);
    if (!idForm.match(quota.id).hasMatch())
        throw bad(QStringLiteral("it has no id"));
    if (quota.product.isEmpty())
        throw bad(QStringLiteral("it names no product"));
    if (quota.count < 1 || quota.count > mostCertificates)
        throw bad(QStringLiteral("it is for 1 to %1 certificates, not %2").arg(mostCertificates).arg(quota.count));
    if (first.number < 0 || last.number < first.number || first.digits != last.digits || first.prefix != last.prefix)
        throw bad(QStringLiteral("\"%1\" to \"%2\" is no range of serial numbers such as T1-00000001 to T1-00000500")
                      .arg(quota.firstSerial, quota.lastSerial));
    if (!QDate::fromString(quota.lastDay, QStringLiteral("yyyy-MM-dd")).isValid())
        throw bad(QStringLiteral("its last day \"%1\" is no date such as 2026-12-31").arg(quota.lastDay));
    if (!keyForm.match(quota.stationKey).hasMatch())
        throw bad(QStringLiteral("it does not say for which station it is"));
    return quota;
}

Quota Quota::verify(const QByteArray &file, const QByteArray &anchorsPem)
{
    if (file.size() > maximumBytes)
        throw bad(QStringLiteral("it is larger than %1").arg(humanSize(maximumBytes)));
    CmsSigner signer;
    Quota quota = parse(cmsVerify(file, anchorsPem, &signer));
    quota.signer = signer.subject;
    return quota;
}

bool Quota::covers(const QString &serial) const
{
    const Split own = split(serial);
    const Split first = split(firstSerial);
    return serial.size() == firstSerial.size() && own.number >= first.number &&
           own.number <= split(lastSerial).number && serial.startsWith(first.prefix) && own.digits >= first.digits;
}

QuotaBook QuotaBook::of(const QList<Quota> &quotas)
{
    QuotaBook book;
    book.m_quotas = quotas;
    return book;
}

QuotaBook QuotaBook::open(const QString &folder, const QByteArray &anchorsPem, const QString &stationKey)
{
    QuotaBook book;
    const auto files = QDir(folder).entryInfoList({QStringLiteral("*.p7m")}, QDir::Files, QDir::Name);
    for (const QFileInfo &file : files) {
        try {
            const Quota quota =
                Quota::verify(readFile(file.filePath(), maximumBytes, QStringLiteral("a quota")), anchorsPem);
            if (quota.stationKey != stationKey)
                throw bad(QStringLiteral("it is for another station"));
            book.m_quotas << quota;
        } catch (const Fault &fault) {
            book.m_troubles << file.fileName() + QLatin1String(": ") + fault.sentence();
        }
    }
    return book;
}

} // namespace slipway
