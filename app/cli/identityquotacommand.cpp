// `slipway identity quota sign | require | add | show | report | settle`.

#include "app/cli/identitysubcommands.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/cms.h"
#include "core/identity/quota.h"
#include "core/steps/identitylist.h"
#include "core/steps/quotause.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QHash>
#include <QJsonDocument>
#include <QUuid>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;
constexpr qint64 reportLimit = 64 * 1024 * 1024;

struct QuotaWords {
    std::string product, first, last, lastDay, station, out, file, note, id;
    std::vector<std::string> engineers;
    int count = 0;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

QJsonObject objectOf(const Quota &quota)
{
    QJsonObject object = QJsonDocument::fromJson(quota.json()).object();
    object.insert(u"signer"_s, quota.signer);
    return object;
}

int sign(CliContext &context, const QuotaWords &words)
{
    const Home home = context.openHome();
    Quota quota;
    quota.id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    quota.product = text(words.product);
    quota.count = words.count;
    quota.firstSerial = text(words.first);
    quota.lastSerial = text(words.last);
    quota.lastDay = text(words.lastDay);
    const QByteArray station =
        certificateFromFile(readFile(text(words.station), fileLimit, u"a station's certificate"_s));
    quota.stationKey = hex(certificateFacts(station).publicKeySha256);
    quota.issuedAt = rfc3339Now();
    quota.note = text(words.note);
    quota.document = quota.json();
    Quota::parse(quota.document); // as the station will read it
    const QByteArray file = cmsSign(*home.openStationKey(), quota.document);
    const auto journal = home.openJournal();
    signedQuotaRecorded(*journal, quota); // on record before it is out
    writeFile(text(words.out), file);
    context.object(objectOf(quota));
    context.result(u"Quota %1 is in %2: %3 certificates for %4, %5 to %6, until %7."_s.arg(quota.id, text(words.out))
                       .arg(quota.count)
                       .arg(quota.product, quota.firstSerial, quota.lastSerial, quota.lastDay));
    return 0;
}

int require(CliContext &context, const QuotaWords &words)
{
    const Home home = context.openHome();
    QByteArray anchors;
    QStringList names;
    for (const std::string &file : words.engineers) {
        for (const QByteArray &der : certificatesFromPem(readFile(text(file), fileLimit, u"a certificate"_s))) {
            anchors += certificateToPem(der);
            names << certificateFacts(der).subject;
        }
    }
    const auto journal = home.openJournal();
    journal->appendDurably({u"quota.required"_s,
                            QString(),
                            QString(),
                            {{u"engineers"_s, names.join(u"; "_s)},
                             {u"sha256"_s, QCryptographicHash::hash(anchors, QCryptographicHash::Sha256)}}});
    writeFile(home.file(u"keys/quota-anchors.pem"_s), anchors);
    context.object({{u"engineers"_s, names.join(u"; "_s)}});
    context.result(u"This station issues within quotas of %1 only, from now on."_s.arg(names.join(u"; "_s)));
    return 0;
}

QByteArray anchorsOf(const Home &home)
{
    const QString path = home.file(u"keys/quota-anchors.pem"_s);
    if (!QFileInfo::exists(path))
        throw Fault("base.usage", {u"This station knows no engineer who may sign a quota"_s,
                                   u"Name one first: slipway identity quota require --engineer CERT"_s});
    return readFile(path, fileLimit, u"a certificate"_s);
}

int add(CliContext &context, const QuotaWords &words)
{
    const Home home = context.openHome();
    const QByteArray file = readFile(text(words.file), fileLimit, u"a quota"_s);
    const Quota quota = Quota::verify(file, anchorsOf(home));
    if (quota.stationKey != home.stationKeyId())
        throw Fault("identity.quota", {u"it is for another station"_s});
    home.profiles().find(quota.product);
    const auto journal = home.openJournal();
    QDir().mkpath(home.file(u"quotas"_s));
    addQuotaRecorded(*journal, quota);
    writeFile(home.file(u"quotas/%1.p7m"_s.arg(quota.id)), file);
    context.object(objectOf(quota));
    context.result(u"Quota %1 of %2: %3 certificates for %4, %5 to %6, until %7."_s.arg(quota.id, quota.signer)
                       .arg(quota.count)
                       .arg(quota.product, quota.firstSerial, quota.lastSerial, quota.lastDay));
    return 0;
}

// The engineer's side: what was signed here, and whether the station's report came back.
int showSigned(CliContext &context, Journal &journal)
{
    const QList<SignedQuota> list = signedQuotas(journal);
    for (const SignedQuota &own : list) {
        QJsonObject object = objectOf(own.quota);
        object.insert(u"state"_s, own.settled ? u"settled"_s : u"out"_s);
        QString words = u"signed, no report yet"_s;
        if (own.settled) {
            object.insert(u"used"_s, own.used);
            object.insert(u"left"_s, own.unused);
            object.insert(u"station"_s, own.station);
            object.insert(u"troubles"_s, own.troubles);
            words = u"settled %1 with %2: %3 of %4 used%5"_s.arg(own.settledAt.left(10), own.station)
                        .arg(own.used)
                        .arg(own.quota.count)
                        .arg(own.troubles.isEmpty() ? QString() : u"; NOT as it should be: "_s + own.troubles);
        }
        context.object(object);
        context.result(u"%1  %2  %3"_s.arg(own.quota.id, own.quota.product, words));
    }
    return int(list.size());
}

int show(CliContext &context)
{
    using State = QuotaStanding::State;
    static const QHash<State, QString> names{{State::Unknown, u"unknown"_s},
                                             {State::Open, u"open"_s},
                                             {State::UsedUp, u"used-up"_s},
                                             {State::Over, u"over"_s},
                                             {State::Reported, u"reported"_s}};
    const Home home = context.openHome();
    const auto journal = home.openJournal();
    const int own = showSigned(context, *journal);
    if (own > 0 && !QFileInfo::exists(home.file(u"keys/quota-anchors.pem"_s)))
        return 0;
    const QuotaBook book = QuotaBook::open(home.file(u"quotas"_s), anchorsOf(home), home.stationKeyId());
    for (const QuotaStanding &standing : quotaStandings(*journal, book)) {
        const Quota &quota = standing.quota;
        QJsonObject object = objectOf(quota);
        object.insert(u"used"_s, standing.used);
        object.insert(u"left"_s, standing.left);
        object.insert(u"closed"_s, standing.state == State::Reported);
        object.insert(u"state"_s, names.value(standing.state));
        context.object(object);
        context.result(u"%1  %2  %3 to %4: %5"_s.arg(quota.id, quota.product, quota.firstSerial, quota.lastSerial,
                                                     standing.words()));
        if (standing.isDue())
            context.say(u"Report it: slipway identity quota report %1 --out FILE"_s.arg(quota.id));
    }
    if (book.quotas().isEmpty())
        context.result(u"There is no quota here: nothing is issued."_s);
    for (const QString &trouble : book.troubles())
        context.say(trouble);
    return book.troubles().isEmpty() ? 0 : 1;
}

int report(CliContext &context, const QuotaWords &words)
{
    const Home home = context.openHome();
    const QuotaBook book = QuotaBook::open(home.file(u"quotas"_s), anchorsOf(home), home.stationKeyId());
    for (const Quota &quota : book.quotas()) {
        if (quota.id != text(words.id))
            continue;
        const auto journal = home.openJournal();
        const QByteArray document = closeQuotaRecorded(*journal, quota, home.stationName());
        writeFile(text(words.out), cmsSign(*home.openStationKey(), document));
        const QuotaUse use = quotaUse(*journal, quota.id);
        context.object({{u"id"_s, quota.id},
                        {u"used"_s, use.used},
                        {u"unused"_s, quota.count - use.used},
                        {u"out"_s, text(words.out)}});
        context.result(u"Quota %1 is closed: %2 used, %3 go back. The signed report is in %4."_s.arg(quota.id)
                           .arg(use.used)
                           .arg(quota.count - use.used)
                           .arg(text(words.out)));
        return 0;
    }
    throw Fault("identity.quota-unknown", {oneLine(text(words.id), 60)});
}

int settle(CliContext &context, const QuotaWords &words)
{
    const Home home = context.openHome();
    const QByteArray file = readFile(text(words.file), reportLimit, u"a report"_s);
    const QByteArray anchors = readFile(text(words.station), fileLimit, u"a station's CA certificate"_s);
    CmsSigner signer;
    const QByteArray document = cmsVerify(file, anchors, &signer);
    // The station that the quota was for, not just any under that CA.
    const QString key = QJsonDocument::fromJson(document)
                            .object()
                            .value(u"quota"_s)
                            .toObject()
                            .value(u"station-key-sha256"_s)
                            .toString();
    if (hex(certificateFacts(signer.certificate).publicKeySha256) != key)
        throw Fault("identity.quota-report", {u"it was signed by another station than the quota is for"_s});
    const auto journal = home.openJournal();
    const QuotaSettlement settlement = settleQuotaRecorded(*journal, document);
    QString station;
    const ImportResult imported = importList(*journal, readList(settlement.list, &station), settlement.station,
                                             QCryptographicHash::hash(document, QCryptographicHash::Sha256));
    QStringList troubles = settlement.troubles;
    for (const ImportConflict &conflict : imported.conflicts)
        troubles << u"%1 of %2 is double: %3"_s.arg(conflict.what, conflict.serial, conflict.with);
    for (const QString &trouble : std::as_const(troubles)) {
        context.object({{u"trouble"_s, trouble}});
        context.result(u"  NO  "_s + trouble);
    }
    context.object({{u"id"_s, settlement.id},
                    {u"station"_s, settlement.station},
                    {u"used"_s, settlement.used},
                    {u"unused"_s, settlement.unused},
                    {u"certificates"_s, imported.added + imported.known},
                    {u"troubles"_s, troubles.size()}});
    context.result(u"Quota %1 of %2: %3 of %4 used, %5 came back."_s.arg(settlement.id, settlement.station)
                       .arg(settlement.used)
                       .arg(settlement.count)
                       .arg(settlement.unused));
    return troubles.isEmpty() ? 0 : 1;
}

} // namespace

void addIdentityQuotaCommands(CLI::App &noun, CliContext &context)
{
    CLI::App *quota =
        noun.add_subcommand("quota", "Leave to issue without a connection: signed, bounded, reported back");
    quota->require_subcommand(1);
    const auto words = std::make_shared<QuotaWords>();

    CLI::App *command = quota->add_subcommand("sign", "The engineer: sign a quota for a station, with this home's key");
    command->add_option("--product", words->product, "Certificate profile")->type_name("NAME")->required();
    command->add_option("--count", words->count, "How many certificates")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(1, 1'000'000));
    command->add_option("--first", words->first, "First serial number")->type_name("SN")->required();
    command->add_option("--last", words->last, "Last serial number")->type_name("SN")->required();
    command->add_option("--last-day", words->lastDay, "Last day, UTC: 2026-12-31")->type_name("DAY")->required();
    command->add_option("--station", words->station, "Certificate of the station: its keys/station.pem")
        ->type_name("CERT")
        ->required();
    command->add_option("--note", words->note, "For people")->type_name("TEXT");
    command->add_option("--out", words->out, "Where the quota goes")->type_name("FILE")->required();
    CliContext::examples(command,
                         {u"slipway identity quota sign --product t1 --count 500 --first T1-00001000 --last "
                          "T1-00001999 --last-day 2026-12-31 --station line3.pem --out q.p7m --home OFFICE"_s});
    context.action(command, [&context, words] { return sign(context, *words); });

    command = quota->add_subcommand("require", "The station: issue within quotas of these engineers only");
    command->add_option("--engineer", words->engineers, "CA certificate of an engineer's home: its keys/station-ca.pem")
        ->type_name("CERT")
        ->required();
    CliContext::examples(command, {u"slipway identity quota require --engineer office-ca.pem --home LINE3"_s});
    context.action(command, [&context, words] { return require(context, *words); });

    command = quota->add_subcommand("add", "The station: take in a quota");
    command->add_option("file", words->file, "Signed quota")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway identity quota add q.p7m --home LINE3"_s});
    context.action(command, [&context, words] { return add(context, *words); });

    command = quota->add_subcommand(
        "show", "The station's quotas and what is left of them; at the office, those signed here and their reports");
    CliContext::examples(command, {u"slipway identity quota show --home LINE3"_s});
    context.action(command, [&context] { return show(context); });

    command = quota->add_subcommand("report", "The station: close a quota and write the signed report of its use");
    command->add_option("id", words->id, "The quota")->type_name("ID")->required();
    command->add_option("--out", words->out, "Where the report goes")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway identity quota report ID --out report.p7m --home LINE3"_s});
    context.action(command, [&context, words] { return report(context, *words); });

    command = quota->add_subcommand(
        "settle", "The engineer: hold a report against the quota; exit 1 where something is not as it should be");
    command->add_option("file", words->file, "Signed report")->type_name("FILE")->required();
    command->add_option("--station-ca", words->station, "CA certificate of the station: its keys/station-ca.pem")
        ->type_name("CERT")
        ->required();
    CliContext::examples(command,
                         {u"slipway identity quota settle report.p7m --station-ca line3-ca.pem --home OFFICE"_s});
    context.action(command, [&context, words] { return settle(context, *words); });
}

} // namespace slipway
