// `slipway mud sign` and `slipway mud verify`.

#include "app/cli/mudcommand.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/mudsignature.h"
#include "core/mud/mudcheck.h"

#include <QDateTime>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 certificateLimit = 256 * 1024;
constexpr qint64 signatureLimit = 1024 * 1024;

struct SignWords {
    std::string file, key, certificate, out, signature, anchors, device, at;
    std::vector<std::string> chain;
    bool unchecked = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

// A file, whose passphrase is asked for where it has one and none was given; or a key in a token, whose PIN is.
std::unique_ptr<SigningKey> openKey(CliContext &context, const SignWords &words)
{
    const QString key = text(words.key), certificate = text(words.certificate);
    SecretSource pin;
    pin.ask = context.askSecret();
    QByteArray passphrase = context.passphrase();
    try {
        return SigningKey::open(key, certificate, passphrase, pin);
    } catch (const Fault &fault) {
        if (!fault.is("issuer.passphrase") || !passphrase.isEmpty())
            throw;
        passphrase = context.askAtTerminal(u"the passphrase of %1"_s.arg(oneLine(key, 200)));
        if (passphrase.isEmpty())
            throw;
    }
    struct Cleanser {
        QByteArray &secret;
        ~Cleanser() { cleanse(secret); }
    } const cleanser{passphrase};
    return SigningKey::open(key, certificate, passphrase, pin);
}

// What is wrong with a key of the station is here wrong with what was handed in.
std::unique_ptr<SigningKey> openSigner(CliContext &context, const SignWords &words)
{
    if (const QString file = text(words.key); !file.startsWith(u"pkcs11:")) {
        QByteArray key = readFile(file, certificateLimit, u"a private key"_s);
        cleanse(key);
    }
    (void)readFile(text(words.certificate), certificateLimit, u"a certificate"_s);
    try {
        return openKey(context, words);
    } catch (const Fault &fault) {
        if (fault.is("issuer.key"))
            throw Fault("signer.key",
                        {text(words.key), u"it is no private key in PEM form, or one that is too short or of a kind "
                                          "that is not used here"_s},
                        fault.text());
        if (fault.is("issuer.certificate"))
            throw Fault("signer.certificate", {text(words.certificate)}, fault.text());
        if (fault.is("issuer.mismatch"))
            throw Fault("signer.mismatch", {text(words.key), text(words.certificate)});
        throw;
    }
}

int sign(CliContext &context, const SignWords &words)
{
    const QString path = text(words.file);
    const QByteArray content = readFile(path, MudFile::MaximumBytes, u"a MUD file"_s);
    if (!words.unchecked) {
        const MudFile file = MudFile::parse(content, oneLine(path));
        int errors = 0;
        for (const MudFinding &finding : checkMudFile(file)) {
            if (finding.severity != MudFinding::Severity::Error)
                continue;
            ++errors;
            context.say(u"%1:%2: %3 (%4)"_s.arg(path, QString::number(finding.line), finding.message, finding.clause));
        }
        if (errors > 0) {
            context.say(u"It is not signed. Mend it, or sign it as it is with --unchecked."_s);
            return 1;
        }
    }
    QList<QByteArray> above;
    for (const std::string &chain : words.chain)
        above += certificatesFromPem(readFile(text(chain), certificateLimit, u"a certificate chain"_s));
    const auto key = openSigner(context, words);
    const QByteArray signature = signMudFile(*key, content, above);
    const QString out = text(words.out);
    writeFile(out, signature);
    const CertificateFacts facts = certificateFacts(key->certificate());
    context.object({{u"file"_s, path},
                    {u"signature"_s, out},
                    {u"signer"_s, facts.subject},
                    {u"not-after"_s, facts.notAfter},
                    {u"bytes"_s, signature.size()}});
    context.result(u"%1 is signed by %2; the signature is in %3."_s.arg(path, facts.subject, out));
    return 0;
}

int verify(CliContext &context, const SignWords &words)
{
    const QString path = text(words.file);
    const QByteArray content = readFile(path, MudFile::MaximumBytes, u"a MUD file"_s);
    const QByteArray signature = readFile(text(words.signature), signatureLimit, u"a signature"_s);
    MudSignatureRules rules;
    rules.anchorsPem = readFile(text(words.anchors), certificateLimit, u"a file of trust anchors"_s);
    if (!words.device.empty())
        rules.deviceCertificate =
            certificateFromFile(readFile(text(words.device), certificateLimit, u"a certificate"_s));
    if (!words.at.empty()) {
        const QDateTime at = QDateTime::fromString(text(words.at), Qt::ISODate);
        if (!at.isValid())
            throw Fault("base.usage", {u"\"%1\" is no time."_s.arg(oneLine(text(words.at), 80)),
                                       u"Write it as 2026-11-20T00:00:00Z."_s});
        rules.at = at.toSecsSinceEpoch();
    }
    MudSignature found;
    try {
        found = verifyMudSignature(content, signature, rules);
    } catch (const Fault &fault) {
        // What cannot be read at all is unusable input; all else is a check that does not hold.
        static const QStringList unusable{u"cms.damaged"_s, u"cms.smime"_s, u"cms.not-detached"_s, u"cms.algorithm"_s,
                                          u"identity.certificate"_s};
        if (unusable.contains(QLatin1String(fault.code())))
            throw;
        context.say(fault);
        return 1;
    }
    for (const CmsSigner &signer : std::as_const(found.signers)) {
        QStringList chain;
        for (const CmsSigner::Link &link : signer.chain)
            chain += link.subject;
        context.object({{u"file"_s, path},
                        {u"signer"_s, signer.subject},
                        {u"not-after"_s, signer.notAfter},
                        {u"anchor"_s, signer.chain.back().subject},
                        {u"anchor-key-identifier"_s, hex(signer.chain.back().keyIdentifier)},
                        {u"mudsigner"_s, found.expectedSigner}});
        context.result(u"%1 is signed by %2."_s.arg(path, chain.join(u", under "_s)));
    }
    if (!words.device.empty())
        context.say(found.expectedSigner.isEmpty() ? u"The device's certificate names no signer of MUD files."_s
                                                   : u"It is the signer that the device's certificate names."_s);
    // Only now, being authentic, is the file read.
    try {
        const MudFile file = MudFile::parse(content, oneLine(path));
        if (!found.deviceMudUrl.isEmpty() && file.mudUrl && *file.mudUrl != found.deviceMudUrl)
            context.say(u"The device's certificate has the MUD URL %1, and the file has %2."_s.arg(found.deviceMudUrl,
                                                                                                   *file.mudUrl));
    } catch (const Fault &fault) {
        context.say(fault);
    }
    return 0;
}

} // namespace

void addMudSignCommands(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<SignWords>();
    CLI::App *command = noun.add_subcommand("sign", "Sign a MUD file: detached CMS beside it (RFC 8520 section 13.1)");
    command->add_option("file", words->file, "MUD file, JSON")->type_name("FILE")->required();
    command->add_option("--key", words->key, "Private key of the signer: a file, or pkcs11:token=...;object=...")
        ->type_name("KEY")
        ->required();
    command->add_option("--cert", words->certificate, "Certificate of the signer; those above it may follow")
        ->type_name("PEM")
        ->required();
    command->add_option("--chain", words->chain, "Certificates above the signer's, to be included")->type_name("PEM");
    command->add_option("--out", words->out, "Where the signature goes, DER")->type_name("FILE")->required();
    command->add_flag("--unchecked", words->unchecked, "Sign it although it has errors");
    CliContext::examples(command, {u"slipway mud sign 1.4.json --key mud.key --cert mud.pem --out 1.4.p7s"_s});
    context.action(command, [&context, words] { return sign(context, *words); });

    command = noun.add_subcommand(
        "verify", "Verify the signature of a MUD file (RFC 8520 section 13.2); exit 1 when it does not hold");
    command->add_option("file", words->file, "MUD file, byte by byte as it was fetched")->type_name("FILE")->required();
    command->add_option("--signature", words->signature, "Its signature, DER or PEM")->type_name("FILE")->required();
    command->add_option("--anchors", words->anchors, "Who is trusted to say who may sign")
        ->type_name("PEM")
        ->required();
    command->add_option("--device", words->device, "Certificate of the device: its mudsigner must have signed")
        ->type_name("CERT");
    command->add_option("--at", words->at, "Judge the certificates' validity at this time (default: now)")
        ->type_name("TIME");
    CliContext::examples(command,
                         {u"slipway mud verify 1.4.json --signature 1.4.p7s --anchors ca.pem"_s,
                          u"slipway mud verify 1.4.json --signature 1.4.p7s --anchors ca.pem --device idevid.pem"_s});
    context.action(command, [&context, words] { return verify(context, *words); });
}

} // namespace slipway
