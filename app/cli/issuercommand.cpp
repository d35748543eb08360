#include "app/cli/issuercommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/accessrenewal.h"
#include "core/identity/check.h"
#include "core/identity/estissuer.h"
#include "core/steps/remoteissue.h"

#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

int show(CliContext &context, const IssuerWords &words)
{
    const Home home = context.openHome();
    const auto issuer = openIssuer(home, words, Mode::Production);
    QString trouble;
    try {
        issuer->checkHealth();
    } catch (const Fault &fault) {
        trouble = fault.text();
    }
    const CertificateFacts facts = certificateFacts(issuer->chain().front());
    context.object({{u"issuer"_s, issuer->name()},
                    {u"address"_s, issuer->address()},
                    {u"remote"_s, issuer->isRemote()},
                    {u"subject"_s, facts.subject},
                    {u"not-after"_s, facts.notAfter},
                    {u"sha256"_s, hex(facts.sha256)},
                    {u"ready"_s, trouble.isEmpty()},
                    {u"sentence"_s, trouble}});
    context.result(u"%1: %2"_s.arg(issuer->name(), trouble.isEmpty() ? u"ready"_s : trouble));
    context.result(u"  issues as %1, until %2"_s.arg(facts.subject, facts.notAfter));
    context.result(u"  SHA-256 of its certificate: %1"_s.arg(hex(facts.sha256)));
    return trouble.isEmpty() ? 0 : 3;
}

struct BootstrapWords {
    std::string url, fingerprint, out;
};

int bootstrap(CliContext &context, const BootstrapWords &words)
{
    QString url = text(words.url);
    if (url.startsWith(u"est:"))
        url = url.mid(4);
    const auto sha256 = fromHex(text(words.fingerprint).remove(u':').toLower());
    if (!sha256 || sha256->size() != 32)
        throw Fault("cli.issuer", {u"--fingerprint must be a SHA-256: 64 hex digits."_s});
    const auto chain = estBootstrap(url, *sha256, context.task());
    QByteArray pem;
    for (const QByteArray &der : chain)
        pem += certificateToPem(der);
    writeFile(text(words.out), pem);
    for (const QByteArray &der : chain) {
        const CertificateFacts facts = certificateFacts(der);
        context.object({{u"subject"_s, facts.subject}, {u"sha256"_s, hex(facts.sha256)}, {u"out"_s, text(words.out)}});
        context.result(u"%1"_s.arg(facts.subject));
    }
    context.result(u"%1 certificates are in %2, the issuing one first. The last has the fingerprint that was given."_s
                       .arg(chain.size())
                       .arg(text(words.out)));
    return 0;
}

struct SettleWords {
    std::string serial, certificate;
    bool notIssued = false;
};

int settle(CliContext &context, const SettleWords &words)
{
    if (words.notIssued != words.certificate.empty())
        throw Fault("cli.issuer", {u"Give either --certificate or --not-issued."_s});
    const Home home = context.openHome();
    const QString serial = text(words.serial);
    const auto journal = home.openJournal();
    const QString person = qEnvironmentVariable("USER", u"unknown"_s);
    const auto open = openRequestOf(*journal, Mode::Production, serial);
    if (!open)
        throw Fault("identity.nothing-open", {oneLine(serial, 80)});
    std::optional<IssuedCertificate> found;
    Profile profile;
    if (!words.notIssued) {
        profile = home.profiles().find(open->profile);
        const QByteArray der = certificateFromFile(readFile(text(words.certificate), fileLimit, u"a certificate"_s));
        const auto issuer = home.openIssuer(Mode::Production);
        CertificateExpectations expected;
        expected.serial = serial;
        expected.mudUrl = open->mudUrl;
        const auto findings = checkCertificate(der, profile, issuer->chain(), expected);
        const CertificateFacts facts = certificateFacts(der);
        if (!allHold(findings)) {
            throw Fault("identity.does-not-hold",
                        {facts.certificateSerial, serial, profile.name, whatDoesNotHold(findings)});
        }
        found = IssuedCertificate{der, facts.certificateSerial, facts.sha256, facts.issuer, facts.notAfter, {}};
    }
    settleRequest(*journal, Mode::Production, serial, profile, found, person);
    context.object({{u"serial"_s, serial},
                    {u"issued"_s, found.has_value()},
                    {u"certificate-serial"_s, found ? found->certificateSerial : QString()}});
    context.result(found ? u"Certificate %1 of %2 is on record."_s.arg(found->certificateSerial, serial)
                         : u"The request for %1 is closed: no certificate."_s.arg(serial));
    return 0;
}

struct RenewWords {
    IssuerWords issuer;
    std::string keyOut, out;
};

int renewAccess(CliContext &context, const RenewWords &words)
{
    const Home home = context.openHome();
    for (const std::string &file : {words.keyOut, words.out}) {
        if (QFileInfo::exists(text(file)))
            throw Fault("file.unwritable", {text(file), u"it exists already; a key in use is not written over"_s});
    }
    const auto issuer = openIssuer(home, words.issuer, Mode::Production);
    KeyAndCertificate renewed =
        renewAccess(*issuer, home.keysEncrypted() ? home.passphrase() : QByteArray(), context.task());
    writeFile(text(words.keyOut), renewed.keyPem, Access::OwnerOnly);
    cleanse(renewed.keyPem);
    writeFile(text(words.out), renewed.certificatePem);
    const CertificateFacts facts = certificateFacts(certificatesFromPem(renewed.certificatePem).front());
    context.object({{u"subject"_s, facts.subject},
                    {u"certificate-serial"_s, facts.certificateSerial},
                    {u"not-after"_s, facts.notAfter},
                    {u"key"_s, text(words.keyOut)},
                    {u"out"_s, text(words.out)}});
    context.result(u"%1 has a new certificate until %2 in %3, its key in %4. Name both in station.yaml."_s.arg(
        facts.subject, facts.notAfter, text(words.out), text(words.keyOut)));
    return 0;
}

} // namespace

void addIssuerOptions(CLI::App *command, const std::shared_ptr<IssuerWords> &words)
{
    command
        ->add_option("--issuer", words->issuer,
                     "file, pkcs11:token=...;object=..., est:https://HOST:PORT or cmp:http://HOST/PATH "
                     "(default: that of station.yaml)")
        ->type_name("ISSUER");
    command->add_option("--issuer-certificate", words->certificate, "Its chain, the issuing certificate first, PEM")
        ->type_name("PEM");
    command
        ->add_option("--issuer-secret-file", words->secretFile,
                     "File of mode 0600 with the PIN or shared secret (default: asked for, or --pin-fd)")
        ->type_name("FILE");
    command->add_option("--issuer-reference", words->reference, "CMP: reference of the shared secret")
        ->type_name("TEXT");
    command->add_option("--issuer-key", words->key, "The station's own key for EST or CMP, a file or pkcs11:...")
        ->type_name("KEY");
    command->add_option("--issuer-key-certificate", words->keyCertificate, "Its certificate")->type_name("PEM");
    command->add_option("--issuer-anchors", words->anchors, "Trusted for TLS and for CMP's signatures")
        ->type_name("PEM");
    command->add_option("--issuer-request", words->request, "CMP: p10cr (default), the request as it is; or ir")
        ->type_name("KIND")
        ->check(CLI::IsMember({"ir", "p10cr"}));
}

IssuerSettings issuerSettings(const Home &home, const IssuerWords &words)
{
    IssuerSettings settings = home.issuerSettings();
    if (!words.issuer.empty()) {
        const IssuerSettings::Kind before = settings.kind();
        settings.use = text(words.issuer);
        if (settings.kind() != before) { // what belongs to the other kind does not go with it
            const auto patience = settings.patience;
            settings = IssuerSettings();
            settings.use = text(words.issuer);
            settings.patience = patience;
        }
    }
    const auto path = [](const std::string &word, QString &setting) {
        if (!word.empty())
            setting = text(word).startsWith(u"pkcs11:") ? text(word) : QFileInfo(text(word)).absoluteFilePath();
    };
    path(words.certificate, settings.certificate);
    path(words.secretFile, settings.secretFile);
    path(words.key, settings.key);
    path(words.keyCertificate, settings.keyCertificate);
    path(words.anchors, settings.anchors);
    if (!words.reference.empty())
        settings.reference = text(words.reference);
    if (!words.request.empty())
        settings.p10cr = words.request == "p10cr";
    return settings;
}

std::unique_ptr<Issuer> openIssuer(const Home &home, const IssuerWords &words, Mode mode)
{
    if (mode == Mode::Training) {
        if (!words.issuer.empty())
            throw Fault("cli.issuer", {u"Training has a CA of its own; leave out --issuer or --training."_s});
        return home.openIssuer(mode);
    }
    return home.openIssuer(issuerSettings(home, words));
}

void addIssuerCommands(CLI::App *identity, CliContext &context)
{
    const auto shown = std::make_shared<IssuerWords>();
    CLI::App *command = identity->add_subcommand("issuer", "Whether the issuer is ready, and what it issues with");
    addIssuerOptions(command, shown);
    CliContext::examples(command, {u"slipway identity issuer --home H"_s,
                                   u"slipway identity issuer --issuer 'pkcs11:token=factory;object=ca' "
                                   "--issuer-certificate ca.pem --pin-fd 3 3< pin --home H"_s});
    context.action(command, [&context, shown] { return show(context, *shown); });

    const auto first = std::make_shared<BootstrapWords>();
    command = identity->add_subcommand(
        "bootstrap", "Fetch an EST server's CA certificates, checked by a fingerprint that you know from elsewhere");
    command->add_option("url", first->url, "est:https://HOST:PORT")->type_name("URL")->required();
    command->add_option("--fingerprint", first->fingerprint, "SHA-256 of the root certificate (DER), hex")
        ->type_name("HEX")
        ->required();
    command->add_option("--out", first->out, "Where they go, PEM, the issuing one first")
        ->type_name("FILE")
        ->required();
    CliContext::examples(command,
                         {u"slipway identity bootstrap est:https://ca.example:8443 --fingerprint 3fa1... --out "
                          "est-ca.pem"_s});
    context.action(command, [&context, first] { return bootstrap(context, *first); });

    const auto settled = std::make_shared<SettleWords>();
    command = identity->add_subcommand("settle", "Say what became of a request whose answer was lost");
    command->add_option("serial", settled->serial, "Serial number of the device")->type_name("SERIAL")->required();
    command->add_option("--certificate", settled->certificate, "The certificate, as the issuer's people gave it")
        ->type_name("FILE");
    command->add_flag("--not-issued", settled->notIssued, "The issuer has none, or has revoked it");
    CliContext::examples(command, {u"slipway identity settle T1-00000009 --certificate d.pem --home H"_s,
                                   u"slipway identity settle T1-00000009 --not-issued --home H"_s});
    context.action(command, [&context, settled] { return settle(context, *settled); });

    const auto renewed = std::make_shared<RenewWords>();
    const std::shared_ptr<IssuerWords> issuer(renewed, &renewed->issuer);
    command = identity->add_subcommand("renew-access",
                                       "Have a new key and certificate issued with which the station shows itself "
                                       "(EST simplereenroll, CMP kur)");
    addIssuerOptions(command, issuer);
    command->add_option("--key-out", renewed->keyOut, "Where the new key goes, PEM, a new file")
        ->type_name("FILE")
        ->required();
    command->add_option("--out", renewed->out, "Where the new certificate goes, PEM, a new file")
        ->type_name("FILE")
        ->required();
    CliContext::examples(command, {u"slipway identity renew-access --key-out ra-2.key --out ra-2.pem --home H"_s});
    context.action(command, [&context, renewed] { return renewAccess(context, *renewed); });
}

} // namespace slipway
