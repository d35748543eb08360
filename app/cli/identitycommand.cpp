#include "app/cli/identitycommand.h"

#include "app/cli/identitysubcommands.h"
#include "app/cli/issuercommand.h"
#include "app/cli/partitioncommand.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/clockstate.h"
#include "core/identity/rotation.h"
#include "core/journal/queries.h"
#include "core/steps/identityissue.h"
#include "core/steps/remoteissue.h"

#include <QDateTime>
#include <QFileInfo>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;

struct IdentityWords {
    std::string csr, certificate, profile, serial, mudUrl, out, ca, deviceTime;
    bool training = false, renew = false;
    IssuerWords issuer;

    Mode mode() const { return training ? Mode::Training : Mode::Production; }
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

// Before anything is issued: a certificate that could not be written down would be on record all the same.
void checkWritable(const QString &out)
{
    const QFileInfo file(out);
    const QFileInfo folder(file.absolutePath());
    QString why;
    if (!folder.isDir())
        why = u"the folder %1 does not exist"_s.arg(folder.filePath());
    else if (file.isDir())
        why = u"it is a folder"_s;
    else if (!folder.isWritable() || (file.exists() && !file.isWritable()))
        why = u"permission denied"_s;
    if (!why.isEmpty())
        throw Fault("file.unwritable", {out, why});
}

int issue(CliContext &context, const IdentityWords &words)
{
    const Home home = context.openHome();
    const QString out = text(words.out);
    IssueOrder order;
    order.profile = home.profiles().find(text(words.profile));
    const QByteArray csr = readFile(text(words.csr), fileLimit, u"a certificate request"_s);
    try {
        order.request = CertificateRequest::parse(csr);
    } catch (const Fault &fault) {
        // In a run this is the device's fault, here it is a file that cannot be used.
        context.say(fault);
        return 2;
    }
    order.serial = text(words.serial);
    order.mudUrl = text(words.mudUrl);
    order.certificateSerial = newCertificateSerial();
    order.renew = words.renew;
    if (words.renew && order.profile.kind != u"ldevid")
        throw Fault("identity.kind", {order.profile.name, order.profile.kind});
    checkWritable(out);

    const auto issuer = openIssuer(home, words.issuer, words.mode());
    const auto journal = home.openJournal();
    IssueRecord record;
    record.mode = words.mode();
    record.method = u"unknown"_s; // a request in a file does not say where its key was made
    record.transfer = u"network-transferred"_s;
    ProgressLine line(context);
    Task task = line.task();
    task.log = [&context](const QString &words) { context.say(words); };
    const IssuedCertificate issued = issueRecorded(*journal, *issuer, order, record, task);
    const QByteArray pem = certificateToPem(issued.der);
    try {
        writeFile(out, pem);
    } catch (const Fault &) {
        context.say(
            u"The certificate is on record. Get it with: slipway identity export %1 --out FILE"_s.arg(order.serial));
        throw;
    }
    context.object({{u"serial"_s, order.serial},
                    {u"certificate-serial"_s, issued.certificateSerial},
                    {u"sha256"_s, hex(issued.sha256)},
                    {u"public-key-sha256"_s, hex(order.request.publicKeySha256)},
                    {u"issuer"_s, issued.issuerName},
                    {u"not-after"_s, issued.notAfter},
                    {u"profile"_s, order.profile.name},
                    {u"mud-url"_s, order.mudUrl},
                    {u"mode"_s, toString(words.mode())},
                    {u"bytes"_s, issued.der.size()},
                    {u"out"_s, out}});
    context.result(u"Certificate %1 for %2 is in %3 and on record."_s.arg(hex(*fromHex(issued.certificateSerial), u':'),
                                                                          order.serial, out));
    return 0;
}

// The chain of the station's issuer that the certificate names; that of production when it names none of them.
QList<QByteArray> chainFor(const Home &home, const QByteArray &der, const std::string &ca)
{
    if (!ca.empty())
        return certificatesFromPem(readFile(text(ca), fileLimit, u"a certificate chain"_s));
    QList<QList<QByteArray>> chains;
    for (const QString &name : {u"issuer"_s, u"training"_s}) {
        chains << certificatesFromPem(
            readFile(home.file(u"keys/%1.pem"_s.arg(name)), fileLimit, u"a certificate chain"_s));
        for (const FormerCa &former : formerCas(home.file(u"keys"_s), name))
            chains << former.chain;
    }
    return chainOf(der, chains);
}

// What the station's journal knows of it.
CertificateFinding revocation(const Home &home, const CertificateFacts &facts)
{
    CertificateFinding finding;
    finding.field = u"revocation"_s;
    finding.ok = true;
    finding.expected = u"not revoked"_s;
    finding.found = u"not on this station's record"_s;
    finding.clause = u"RFC 5280 6.1.3"_s;
    JournalReader reader(home.file(u"journal.db"_s));
    for (const Mode mode : {Mode::Production, Mode::Training}) {
        for (const CertificateInfo &known : reader.certificatesOf(mode, facts.subjectSerial)) {
            if (known.sha256 != hex(facts.sha256))
                continue;
            finding.ok = known.revokedAt.isEmpty();
            finding.found =
                finding.ok ? u"not revoked"_s : u"revoked %1, %2"_s.arg(known.revokedAt, known.revokedReason);
            if (!finding.ok)
                finding.sentence = u"It was revoked"_s;
        }
    }
    return finding;
}

// What a person read off the device, or "none".
DeviceClock deviceClock(const QString &words)
{
    DeviceClock clock;
    clock.asked = true;
    if (words == u"none")
        return clock;
    clock.time = QDateTime::fromString(words, Qt::ISODateWithMs).toUTC();
    if (!clock.time.isValid())
        throw Fault("identity.device-time", {oneLine(words, 60)});
    return clock;
}

int check(CliContext &context, const IdentityWords &words)
{
    const Home home = context.openHome();
    const Profile profile = home.profiles().find(text(words.profile));
    const QByteArray der = certificateFromFile(readFile(text(words.certificate), fileLimit, u"a certificate"_s));
    CertificateExpectations expected;
    if (!words.serial.empty())
        expected.serial = text(words.serial);
    if (!words.mudUrl.empty())
        expected.mudUrl = text(words.mudUrl);
    auto findings = checkCertificate(der, profile, chainFor(home, der, words.ca), expected);
    findings << revocation(home, certificateFacts(der));
    if (!words.deviceTime.empty())
        findings << clockFinding(
            judgeClock(certificateFacts(der), deviceClock(text(words.deviceTime)), QDateTime::currentDateTimeUtc()));
    int wrong = 0;
    for (const CertificateFinding &finding : std::as_const(findings)) {
        context.object(finding.toJson());
        context.result(u"  %1 %2 %3"_s.arg(finding.ok ? u"ok"_s : u"NO"_s, -3)
                           .arg(finding.field, -25)
                           .arg(oneLine(finding.found, 400)));
        if (!finding.ok) {
            ++wrong;
            context.result(u"      %1. Expected: %2 (%3)"_s.arg(finding.sentence, finding.expected, finding.clause));
        }
    }
    context.result(
        wrong == 0
            ? u"All %1 fields hold for profile %2."_s.arg(findings.size()).arg(profile.name)
            : u"%1 of %2 fields do not hold for profile %3."_s.arg(wrong).arg(findings.size()).arg(profile.name));
    return wrong == 0 ? 0 : 1;
}

int exportCertificate(CliContext &context, const IdentityWords &words)
{
    const Home home = context.openHome();
    const QString serial = text(words.serial);
    const auto known = JournalReader(home.file(u"journal.db"_s)).certificatesOf(words.mode(), serial);
    // The one that is valid, else the last one that was.
    const CertificateInfo *wanted = nullptr;
    for (const CertificateInfo &info : known) {
        if (!wanted || (!wanted->revokedAt.isEmpty() && (info.revokedAt.isEmpty() || info.entry > wanted->entry)))
            wanted = &info;
    }
    if (!wanted)
        throw Fault("identity.not-issued", {oneLine(serial, 80)});
    writeFile(text(words.out), certificateToPem(wanted->der));
    context.object({{u"serial"_s, serial},
                    {u"certificate-serial"_s, wanted->certificateSerial},
                    {u"sha256"_s, wanted->sha256},
                    {u"revoked-at"_s, wanted->revokedAt},
                    {u"out"_s, text(words.out)}});
    context.result(u"Certificate %1 of %2 is in %3."_s.arg(wanted->certificateSerial, serial, text(words.out)));
    if (!wanted->revokedAt.isEmpty())
        context.say(u"It was revoked at %1."_s.arg(wanted->revokedAt));
    return 0;
}

} // namespace

void addIdentityCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand("identity", "Device identities: issue, check, revoke certificates");
    noun->require_subcommand(1);
    const auto words = std::make_shared<IdentityWords>();
    const auto training = [&](CLI::App *command) {
        command->add_flag("--training", words->training, "With the training CA and in the training record");
    };

    CLI::App *command = noun->add_subcommand("issue", "Issue a certificate for a request, on record");
    command->add_option("--csr", words->csr, "Certificate request, PEM or DER")->type_name("FILE")->required();
    command->add_option("--profile", words->profile, "Certificate profile of the station")
        ->type_name("NAME")
        ->required();
    command->add_option("--serial", words->serial, "Serial number of the device")->type_name("SN")->required();
    command->add_option("--mud-url", words->mudUrl, "MUD URL (RFC 8520) for the certificate")->type_name("URL");
    command->add_option("--out", words->out, "Where the certificate goes, PEM")->type_name("FILE")->required();
    command->add_flag("--renew", words->renew, "An LDevID beside the one that the unit has, also for the same key");
    training(command);
    addIssuerOptions(command, std::shared_ptr<IssuerWords>(words, &words->issuer));
    CliContext::examples(command, {u"slipway identity issue --csr d.csr --profile t1 --serial T1-00000009 --mud-url "
                                   "https://mud.example/t1/1.4.json --out d.pem --home H"_s});
    context.action(command, [&context, words] { return issue(context, *words); });

    command = noun->add_subcommand(
        "check", "Judge a certificate against a profile, field by field; exit 1 when one does not hold");
    command->add_option("certificate", words->certificate, "Certificate, PEM or DER")->type_name("CERT")->required();
    command->add_option("--profile", words->profile, "Certificate profile of the station")
        ->type_name("NAME")
        ->required();
    command->add_option("--serial", words->serial, "Serial number it must have")->type_name("SN");
    command->add_option("--mud-url", words->mudUrl, "MUD URL it must have")->type_name("URL");
    command->add_option("--ca", words->ca, "Chain of its issuer, issuing certificate first (default: this station's)")
        ->type_name("PEM");
    command
        ->add_option("--device-time", words->deviceTime,
                     "What the device's clock says, 2026-11-21T18:00:00Z, or none: is it valid to the device?")
        ->type_name("TIME");
    CliContext::examples(command,
                         {u"slipway identity check d.pem --profile t1 --home H"_s,
                          u"slipway identity check d.pem --profile t1 --serial T1-00000009 --json --home H"_s});
    context.action(command, [&context, words] { return check(context, *words); });

    command = noun->add_subcommand("export", "Write down again a certificate that is on record");
    command->add_option("serial", words->serial, "Serial number of the device")->type_name("SERIAL")->required();
    command->add_option("--out", words->out, "Where the certificate goes, PEM")->type_name("FILE")->required();
    training(command);
    CliContext::examples(command, {u"slipway identity export T1-00000009 --out d.pem --home H"_s});
    context.action(command, [&context, words] { return exportCertificate(context, *words); });

    addIdentityRevocationCommands(*noun, context);
    addIdentityCaCommands(*noun, context);
    addIdentityListCommands(*noun, context);
    addIdentityQuotaCommands(*noun, context);
    addIdentityBatchCommands(*noun, context);
    addPartitionCommands(*noun, context);

    addIssuerCommands(noun, context);
}

} // namespace slipway
