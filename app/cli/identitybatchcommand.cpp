// `slipway identity batch issue | show | bind | close`.

#include "app/cli/identitysubcommands.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/keylot.h"
#include "core/steps/identitylot.h"

#include <QDate>
#include <QDir>
#include <QFileInfo>
#include <QSet>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 64 * 1024;
constexpr qint64 serialsLimit = 16 * 1024 * 1024;
constexpr qsizetype mostInLot = 100'000;

struct BatchWords {
    std::string name, profile, requests, serials, mudUrl, lastDay, serial, out, reason = "cessationOfOperation";
    int keyFd = -1;
    bool training = false;

    Mode mode() const { return training ? Mode::Training : Mode::Production; }
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

QString folderOf(const Home &home, const BatchWords &words)
{
    return home.lotFolder(words.mode(), text(words.name));
}

// One serial number a line.
QStringList serialsFrom(const QString &path)
{
    QStringList serials;
    QSet<QString> seen;
    const auto lines = readFile(path, serialsLimit, u"a list of serial numbers"_s).split('\n');
    for (const QByteArray &line : lines) {
        const QString serial = QString::fromUtf8(line).trimmed();
        if (serial.isEmpty())
            continue;
        if (seen.contains(serial))
            throw Fault("identity.lot-empty", {u"serial number %1 stands there twice"_s.arg(oneLine(serial, 64))});
        seen.insert(serial);
        serials << serial;
        if (serials.size() > mostInLot)
            throw Fault("identity.lot-empty", {u"a lot has at most %1 units"_s.arg(mostInLot)});
    }
    return serials;
}

int issue(CliContext &context, const BatchWords &words)
{
    const Home home = context.openHome();
    const QString name = text(words.name);
    IssueOrder like;
    like.profile = home.profiles().find(text(words.profile));
    like.mudUrl = text(words.mudUrl);
    std::vector<IssueOrder> orders;
    int unusable = 0;
    const bool stationKeys = words.requests.empty();
    if (stationKeys && words.serials.empty())
        throw Fault("base.usage",
                    {u"A lot needs --requests or --serials"_s, u"See slipway identity batch issue --help."_s});
    const QStringList serials = stationKeys ? serialsFrom(text(words.serials)) : QStringList();
    if (!stationKeys) {
        const QDir folder(text(words.requests));
        if (!folder.exists())
            throw Fault("identity.lot-empty", {u"there is no folder %1"_s.arg(folder.path())});
        for (const QFileInfo &file : folder.entryInfoList(QDir::Files, QDir::Name)) {
            IssueOrder order = like;
            try {
                order.request =
                    CertificateRequest::parse(readFile(file.filePath(), fileLimit, u"a certificate request"_s));
            } catch (const Fault &fault) {
                context.say(file.fileName() + u": "_s + fault.sentence());
                ++unusable;
                continue;
            }
            order.serial = order.request.serialNumber;
            orders.push_back(std::move(order));
        }
    }
    if (stationKeys ? serials.isEmpty() : orders.empty())
        throw Fault("identity.lot-empty", {u"no %1 in %2"_s.arg(stationKeys ? u"serial number"_s : u"usable request"_s,
                                                                text(stationKeys ? words.serials : words.requests))});
    const QString lastDay = text(words.lastDay);
    if (!lastDay.isEmpty() && !QDate::fromString(lastDay, u"yyyy-MM-dd"_s).isValid())
        throw Fault("base.usage", {u"\"%1\" is no day"_s.arg(oneLine(lastDay, 40)), u"Give it as 2026-12-31."_s});
    const auto issuer = home.openIssuer(words.mode());
    const auto journal = home.openJournal();
    if (stationKeys && home.passphrase().isEmpty())
        throw Fault("identity.lot-passphrase");
    beginLot(*journal, words.mode(), name, like.profile.name, stationKeys, lastDay);
    ProgressLine line(context, name);
    if (stationKeys) {
        KeyLot lot = KeyLot::create(folderOf(home, words), home.passphrase());
        line.progress().setTotal(serials.size());
        for (const QString &serial : serials) {
            context.task().check(u"Making the keys"_s);
            IssueOrder order = like;
            order.serial = serial;
            order.request = lot.makePair(like.profile.keyType, serial);
            orders.push_back(std::move(order));
            line.progress().setDone(qint64(orders.size()));
        }
    }
    IssueRecord record;
    record.mode = words.mode();
    record.batch = name;
    record.method = stationKeys ? u"bamboo"_s : u"avocado"_s;
    record.transfer = stationKeys ? u"infrastructure-generated, mechanically-transferred"_s
                                  : u"device-generated, network-transferred"_s;
    const std::vector<BatchItem> items = issueBatchRecorded(*journal, *issuer, orders, record, context.task());
    int issued = 0;
    for (size_t i = 0; i < items.size(); ++i) {
        QJsonObject object{{u"serial"_s, orders[i].serial}};
        if (items[i].certificate) {
            ++issued;
            object.insert(u"certificate-serial"_s, items[i].certificate->certificateSerial);
        } else {
            if (stationKeys)
                KeyLot::discard(folderOf(home, words), orders[i].request.publicKeySha256);
            const QString why = items[i].fault ? items[i].fault->sentence() : u"it was not issued"_s;
            object.insert(u"fault"_s, why);
            context.say(u"%1: %2"_s.arg(orders[i].serial, why));
        }
        context.object(object);
    }
    context.result(u"Lot %1: %2 of %3 certificates are issued and wait for their units."_s.arg(name).arg(issued).arg(
        items.size() + size_t(unusable)));
    return issued == int(items.size()) && unusable == 0 ? 0 : 1;
}

void print(CliContext &context, const Lot &lot)
{
    for (const LotItem &item : lot.items) {
        context.object({{u"serial"_s, item.serial},
                        {u"certificate-serial"_s, item.certificateSerial},
                        {u"state"_s, item.state},
                        {u"since"_s, item.since}});
        context.result(u"  %1 %2 %3"_s.arg(item.serial, -20).arg(item.state, -8).arg(item.certificateSerial));
    }
    QStringList counts;
    for (const QString &state : {u"used"_s, u"waiting"_s, u"bound"_s, u"revoked"_s, u"lost"_s}) {
        if (lot.count(state) > 0)
            counts << u"%1 %2"_s.arg(lot.count(state)).arg(state);
    }
    const QString until = lot.lastDay.isEmpty() ? QString() : u" (until %1)"_s.arg(lot.lastDay);
    context.result(u"Lot %1%2: %3."_s.arg(lot.name, lot.closed ? u" (closed)"_s : until, counts.join(u", "_s)));
}

int show(CliContext &context, const BatchWords &words)
{
    const Home home = context.openHome();
    print(context, lotRecorded(*home.openJournal(), words.mode(), text(words.name)));
    return 0;
}

void writeAll(int fd, QByteArrayView bytes)
{
    for (qsizetype at = 0; at < bytes.size();) {
        const ssize_t written = ::write(fd, bytes.data() + at, size_t(bytes.size() - at));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            throw Fault("file.unwritable",
                        {u"the file descriptor of --key-fd"_s, QString::fromLocal8Bit(strerror(errno))});
        at += written;
    }
}

// For programming equipment of others: the certificate to a file, the key to a pipe and nowhere else.
int bind(CliContext &context, const BatchWords &words)
{
    const Home home = context.openHome();
    const auto journal = home.openJournal();
    const Lot lot = lotRecorded(*journal, words.mode(), text(words.name));
    if (lot.stationKeys && (words.keyFd < 3 || ::fcntl(words.keyFd, F_GETFD) < 0))
        throw Fault("base.usage", {u"This lot's keys were made here, and there is nowhere to give the key to"_s,
                                   u"Give the number of an open pipe with --key-fd."_s});
    const QString folder = folderOf(home, words);
    std::optional<KeyLot> keys;
    if (lot.stationKeys)
        keys = home.openKeyLot(words.mode(), text(words.name)); // before anything is taken
    const QFileInfo out(text(words.out));
    if (!QFileInfo(out.absolutePath()).isWritable())
        throw Fault("file.unwritable", {out.filePath(), u"its folder cannot be written to"_s});
    const BoundPair pair = bindPair(*journal, words.mode(), text(words.name), text(words.serial));
    try {
        writeFile(out.filePath(), certificateToPem(pair.certificate));
        if (keys) {
            writeAll(words.keyFd, keys->unseal(pair.publicKeySha256));
        }
    } catch (const Fault &fault) {
        endBinding(*journal, words.mode(), pair, BindingEnd::Kept, fault.sentence());
        throw;
    }
    endBinding(*journal, words.mode(), pair, BindingEnd::Used, u"Given out."_s);
    if (keys)
        KeyLot::discard(folder, pair.publicKeySha256);
    context.object(
        {{u"serial"_s, pair.serial}, {u"certificate-serial"_s, pair.certificateSerial}, {u"out"_s, out.filePath()}});
    context.result(u"Certificate %1 is bound to %2."_s.arg(pair.certificateSerial, pair.serial));
    return 0;
}

int close(CliContext &context, const BatchWords &words)
{
    const Home home = context.openHome();
    const auto journal = home.openJournal();
    const Lot lot = closeLot(*journal, words.mode(), text(words.name), text(words.reason));
    KeyLot::discardAll(folderOf(home, words));
    print(context, lot);
    if (lot.count(u"revoked"_s) + lot.count(u"lost"_s) > 0)
        context.say(u"Publish what was revoked with: slipway identity crl --out FILE"_s);
    return lot.count(u"lost"_s) > 0 ? 1 : 0;
}

} // namespace

void addIdentityBatchCommands(CLI::App &noun, CliContext &context)
{
    CLI::App *batch = noun.add_subcommand("batch", "Certificates issued for a lot at once, bound at the station later");
    batch->require_subcommand(1);
    const auto words = std::make_shared<BatchWords>();
    const auto lot = [&](CLI::App *command) {
        command->add_option("lot", words->name, "Name of the lot")->type_name("LOT")->required();
        command->add_flag("--training", words->training, "With the training CA and in the training record");
    };

    CLI::App *command = batch->add_subcommand("issue", "Issue a lot: for requests, or for keys that the station makes");
    lot(command);
    command->add_option("--profile", words->profile, "Certificate profile of the station")
        ->type_name("NAME")
        ->required();
    CLI::Option *requests =
        command->add_option("--requests", words->requests, "Folder with the devices' requests")->type_name("DIR");
    CLI::Option *serials =
        command->add_option("--serials", words->serials, "Make keys for these serial numbers, one a line; kept sealed")
            ->type_name("FILE");
    requests->excludes(serials);
    command->add_option("--mud-url", words->mudUrl, "MUD URL (RFC 8520) for the certificates")->type_name("URL");
    command->add_option("--last-day", words->lastDay, "Nothing is taken out of the lot after that day, UTC: 2026-12-31")
        ->type_name("DAY");
    CliContext::examples(command, {u"slipway identity batch issue lot7 --profile t1 --requests csr --mud-url "
                                   "https://mud.example/t1/1.4.json --home H"_s,
                                   u"slipway identity batch issue lot8 --profile t1 --serials sn.txt --mud-url "
                                   "https://mud.example/t1/1.4.json --passphrase-fd 3 --home H 3<pass"_s});
    context.action(command, [&context, words] { return issue(context, *words); });

    command = batch->add_subcommand("show", "What became of each certificate of a lot");
    lot(command);
    CliContext::examples(command, {u"slipway identity batch show lot7 --home H"_s});
    context.action(command, [&context, words] { return show(context, *words); });

    command = batch->add_subcommand("bind", "Take one out of a lot for a unit, once and for all");
    lot(command);
    command->add_option("--serial", words->serial, "Serial number of the unit")->type_name("SN")->required();
    command->add_option("--out", words->out, "Where the certificate goes, PEM")->type_name("FILE")->required();
    command->add_option("--key-fd", words->keyFd, "Open pipe that gets the private key (PKCS#8, DER)")
        ->type_name("N")
        ->check(CLI::Range(3, 1023));
    CliContext::examples(command, {u"slipway identity batch bind lot8 --serial T1-00000009 --out d.pem --key-fd 4 "
                                   "--passphrase-fd 3 --home H 3<pass 4>&1 | programmer"_s});
    context.action(command, [&context, words] { return bind(context, *words); });

    command = batch->add_subcommand("close",
                                    "Account for every certificate and revoke what is left; exit 1 where one is lost");
    lot(command);
    command->add_option("--reason", words->reason, "Why the rest is revoked (cessationOfOperation)")->type_name("R");
    CliContext::examples(command, {u"slipway identity batch close lot7 --home H"_s});
    context.action(command, [&context, words] { return close(context, *words); });
}

} // namespace slipway
