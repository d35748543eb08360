// `slipway identity revoke | release | crl | ocsp`.

#include "app/cli/identitysubcommands.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"
#include "core/identity/rotation.h"
#include "core/steps/remoteissue.h"
#include "core/steps/revocation.h"

#include <QDateTime>
#include <QFile>
#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;
constexpr int responderDays = 90;
constexpr qint64 responderRenewalSeconds = 7 * 86400;

struct RevocationWords {
    std::string serial, reason = "unspecified", out, key, request;
    std::vector<std::string> freshest;
    int days = 30, hours = 0;
    qint64 base = 0;
    bool training = false, delta = false, der = false;

    Mode mode() const { return training ? Mode::Training : Mode::Production; }
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

QString hoursWords(qint64 seconds)
{
    return seconds % 86400 == 0 ? u"%1 days"_s.arg(seconds / 86400) : u"%1 hours"_s.arg(seconds / 3600);
}

// What a remote issuer gave is revoked by it, or by nobody.
void revokeThere(CliContext &context, const Home &home, Journal &journal, const QStringList &certificates,
                 const QString &reason)
{
    const auto issuer = home.openIssuer(Mode::Production);
    const QString own = certificateFacts(issuer->chain().front()).subject;
    for (const QString &number : certificates) {
        const QByteArray der = certificateOnRecord(journal, number);
        if (der.isEmpty() || certificateFacts(der).issuer != own)
            continue;
        try {
            context.say(issuer->revoke(der, reason, context.task())
                            ? u"%1 has revoked %2."_s.arg(issuer->name(), number)
                            : u"%1 offers no way to revoke %2. Tell its people."_s.arg(issuer->name(), number));
        } catch (const Fault &fault) {
            context.say(
                u"%1 is revoked on record, but not by its issuer. %2 Tell its people."_s.arg(number, fault.text()));
        }
    }
}

int revoke(CliContext &context, const RevocationWords &words)
{
    const Home home = context.openHome();
    const auto journal = home.openJournal();
    const QStringList revoked = revokeRecorded(*journal, words.mode(), text(words.serial), text(words.reason));
    if (words.mode() == Mode::Production && home.issuerSettings().kind() >= IssuerSettings::Kind::Est)
        revokeThere(context, home, *journal, revoked, text(words.reason));
    for (const QString &certificate : revoked) {
        context.object({{u"certificate-serial"_s, certificate}, {u"reason"_s, text(words.reason)}});
        context.result(u"Certificate %1 is revoked (%2)."_s.arg(certificate, text(words.reason)));
    }
    context.say(u"Publish it with: slipway identity crl --out FILE"_s);
    return 0;
}

int release(CliContext &context, const RevocationWords &words)
{
    const Home home = context.openHome();
    const auto journal = home.openJournal();
    for (const QString &certificate : releaseRecorded(*journal, words.mode(), text(words.serial))) {
        context.object({{u"certificate-serial"_s, certificate}, {u"released"_s, true}});
        context.result(u"Certificate %1 is good again."_s.arg(certificate));
    }
    context.say(u"Publish it with: slipway identity crl --delta --out FILE"_s);
    return 0;
}

// The issuer of the mode, or one of its former keys.
// Keys in a token need none, and nobody is asked for it.
QByteArray passphraseFor(const Home &home, const CaFiles &ca)
{
    return ca.keyPath.startsWith(u"pkcs11:") ? QByteArray() : home.passphrase();
}

std::unique_ptr<FileIssuer> signerOf(const Home &home, const RevocationWords &words)
{
    std::unique_ptr<Issuer> issuer = home.openIssuer(words.mode());
    auto *file = dynamic_cast<FileIssuer *>(issuer.get());
    if (!file)
        throw Fault("identity.no-crl", {issuer->name()});
    const QString wanted = text(words.key);
    if (wanted.isEmpty() || shortKeyId(file->chain().front()) == wanted) {
        (void)issuer.release();
        return std::unique_ptr<FileIssuer>(file);
    }
    for (const CaFiles &ca : caFiles(home, words.training)) {
        if (ca.id == wanted)
            return FileIssuer::open(ca.keyPath, ca.certificatePath, passphraseFor(home, ca), ca.pin);
    }
    throw Fault("identity.no-ca", {oneLine(wanted, 40)});
}

int crl(CliContext &context, const RevocationWords &words)
{
    const Home home = context.openHome();
    const auto issuer = signerOf(home, words);
    const auto journal = home.openJournal();
    CrlOrder order;
    order.mode = words.mode();
    order.delta = words.delta;
    if (words.base > 0)
        order.base = words.base;
    order.seconds = words.hours > 0 ? words.hours * 3600 : words.days * qint64(86400);
    for (const std::string &url : words.freshest)
        order.freshestUrls << text(url);
    const PublishedCrl published = publishCrl(*journal, *issuer, order);
    QByteArray content = published.der;
    if (!words.der) {
        content = "-----BEGIN X509 CRL-----\n";
        const QByteArray base64 = published.der.toBase64();
        for (qsizetype at = 0; at < base64.size(); at += 64)
            content += base64.mid(at, 64) + '\n';
        content += "-----END X509 CRL-----\n";
    }
    writeFile(text(words.out), content);
    QJsonObject object{{u"issuer"_s, issuer->name()},      {u"key"_s, shortKeyId(issuer->chain().front())},
                       {u"number"_s, published.number},    {u"entries"_s, published.entries},
                       {u"removed"_s, published.removed},  {u"next-update"_s, published.nextUpdate},
                       {u"bytes"_s, published.der.size()}, {u"out"_s, text(words.out)}};
    if (published.base)
        object.insert(u"base"_s, *published.base);
    context.object(object);
    context.result(u"The revocation list%1 number %2 of %3 is in %4: %5 entries, valid for %6."_s
                       .arg(published.base ? u" (delta to %1)"_s.arg(*published.base) : QString())
                       .arg(published.number)
                       .arg(issuer->name(), text(words.out))
                       .arg(published.entries)
                       .arg(hoursWords(order.seconds)));
    return 0;
}

// The key that signs responses for that CA; made anew when it is missing or near its end.
std::unique_ptr<SigningKey> responderFor(const Home &home, Journal &journal, const CaFiles &ca)
{
    const QString path = home.file(u"keys/ocsp-%1"_s.arg(shortKeyId(ca.chain.front())));
    const QString soon =
        QDateTime::currentDateTimeUtc().addSecs(responderRenewalSeconds).toString(u"yyyyMMddHHmmss"_s) + u'Z';
    if (QFileInfo::exists(path + u".key"_s) && QFileInfo::exists(path + u".pem"_s)) {
        const QByteArray own = certificatesFromPem(readFile(path + u".pem"_s, fileLimit, u"a certificate"_s)).front();
        if (certificateFacts(own).notAfter > soon)
            return SigningKey::open(path + u".key"_s, path + u".pem"_s, home.passphrase());
    }
    KeyAndCertificate made =
        createOcspResponder(ca.keyPath, ca.certificatePath, home.passphrase(), responderDays, ca.pin);
    const CertificateFacts facts = certificateFacts(certificatesFromPem(made.certificatePem).front());
    journal.appendDurably({u"issuer.ocsp-responder"_s,
                           QString(),
                           QString(),
                           {{u"issuer"_s, facts.issuer},
                            {u"certificate-serial"_s, facts.certificateSerial},
                            {u"sha256"_s, facts.sha256},
                            {u"not-after"_s, facts.notAfter}}});
    QFile::remove(path + u".pem"_s); // so that the two never differ
    writeFile(path + u".key"_s, made.keyPem, Access::OwnerOnly);
    cleanse(made.keyPem);
    writeFile(path + u".pem"_s, made.certificatePem);
    return SigningKey::open(path + u".key"_s, path + u".pem"_s, home.passphrase());
}

int ocsp(CliContext &context, const RevocationWords &words)
{
    const Home home = context.openHome();
    const QByteArray request = readFile(text(words.request), fileLimit, u"an OCSP request"_s);
    const QList<CaFiles> keys = caFiles(home, false) + caFiles(home, true); // all that issued here
    QList<QByteArray> issuers;
    for (const CaFiles &ca : keys)
        issuers << ca.chain.front();
    const qsizetype asked = ocspIssuerOf(request, issuers);
    const auto journal = home.openJournal();
    const auto responder = responderFor(home, *journal, keys[std::max<qsizetype>(0, asked)]);
    OcspForm form;
    form.at = QDateTime::currentSecsSinceEpoch();
    form.seconds = qint64(words.hours > 0 ? words.hours : 24) * 3600;
    const auto look = [&](const QString &serial, qsizetype issuer) {
        const CertificateFacts ca = certificateFacts(issuers[issuer]);
        return statusRecorded(*journal, serial, ca.subject, ca.subjectKeyId);
    };
    const OcspResponse response = ocspRespond(request, *responder, issuers, look, form);
    writeFile(text(words.out), response.der);
    for (const OcspAnswer &answer : response.answers) {
        const QString state = answer.status.state == OcspStatus::State::Good      ? u"good"_s
                              : answer.status.state == OcspStatus::State::Revoked ? u"revoked"_s
                                                                                  : u"unknown"_s;
        context.object({{u"certificate-serial"_s, answer.certificateSerial},
                        {u"status"_s, state},
                        {u"revoked-at"_s, answer.status.revokedAt},
                        {u"reason"_s, answer.status.reason},
                        {u"nonce"_s, response.nonce},
                        {u"out"_s, text(words.out)}});
        context.result(u"%1: %2"_s.arg(answer.certificateSerial, state));
    }
    return 0;
}

} // namespace

void addIdentityRevocationCommands(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<RevocationWords>();
    const auto training = [&](CLI::App *command) {
        command->add_flag("--training", words->training, "With the training CA and in the training record");
    };
    CLI::App *command = noun.add_subcommand("revoke", "Revoke a device's certificates, or one certificate");
    command->add_option("serial", words->serial, "Serial number of the device, or of a certificate in hex")
        ->type_name("SERIAL")
        ->required();
    command
        ->add_option("--reason", words->reason,
                     "keyCompromise, superseded, cessationOfOperation, ... (RFC 5280 5.3.1); certificateHold can be "
                     "taken back")
        ->type_name("R");
    training(command);
    CliContext::examples(command, {u"slipway identity revoke T1-00000009 --reason keyCompromise --home H"_s});
    context.action(command, [&context, words] { return revoke(context, *words); });

    command = noun.add_subcommand("release", "End the hold of a device's certificates, or of one certificate");
    command->add_option("serial", words->serial, "Serial number of the device, or of a certificate in hex")
        ->type_name("SERIAL")
        ->required();
    training(command);
    CliContext::examples(command, {u"slipway identity release T1-00000009 --home H"_s});
    context.action(command, [&context, words] { return release(context, *words); });

    command = noun.add_subcommand("crl", "Write the issuer's revocation list, or what changed since the last one");
    command->add_option("--out", words->out, "Where the list goes")->type_name("FILE")->required();
    command->add_option("--days", words->days, "Valid for so many days (30)")
        ->type_name("N")
        ->check(CLI::Range(1, 3660));
    command->add_option("--hours", words->hours, "Valid for so many hours, instead of days")
        ->type_name("N")
        ->check(CLI::Range(1, 8760));
    CLI::Option *delta = command->add_flag("--delta", words->delta, "Only what changed since the last whole list");
    command->add_option("--base", words->base, "The whole list that the delta is to (the last one)")
        ->type_name("NUMBER")
        ->check(CLI::Range(qint64(1), qint64(1) << 53))
        ->needs(delta);
    command
        ->add_option("--freshest-url", words->freshest,
                     "Where deltas are published: goes into a whole list, repeatable")
        ->type_name("URL")
        ->excludes(delta);
    command->add_option("--ca-key", words->key, "Sign with a former key of the CA (identity ca list)")->type_name("ID");
    command->add_flag("--der", words->der, "In DER instead of PEM");
    training(command);
    CliContext::examples(command, {u"slipway identity crl --out issuer.crl --home H"_s,
                                   u"slipway identity crl --delta --hours 6 --out delta.crl --home H"_s});
    context.action(command, [&context, words] { return crl(context, *words); });

    command = noun.add_subcommand("ocsp", "Answer an OCSP request from a file, signed by a delegated responder");
    command->add_option("--request", words->request, "OCSP request, DER")->type_name("FILE")->required();
    command->add_option("--out", words->out, "Where the response goes, DER")->type_name("FILE")->required();
    command->add_option("--hours", words->hours, "Valid for so many hours (24)")
        ->type_name("N")
        ->check(CLI::Range(1, 8760));
    CliContext::examples(command, {u"slipway identity ocsp --request r.der --out a.der --home H"_s});
    context.action(command, [&context, words] { return ocsp(context, *words); });
}

} // namespace slipway
