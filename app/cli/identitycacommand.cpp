// `slipway identity ca list | rotate | export`.

#include "app/cli/identitysubcommands.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/issuer.h"
#include "core/identity/rotation.h"

#include <QDir>
#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 256 * 1024;

struct CaWords {
    std::string key = "P-256", newKey, out;
    bool training = false;
    QString name() const { return training ? u"training"_s : u"issuer"_s; }
    Mode mode() const { return training ? Mode::Training : Mode::Production; }
};

int list(CliContext &context, const CaWords &words)
{
    const Home home = context.openHome();
    const auto issuer = home.openIssuer(words.mode());
    const auto show = [&context](const QByteArray &der, const QString &state, const QString &file) {
        const CertificateFacts facts = certificateFacts(der);
        context.object({{u"key"_s, shortKeyId(der)},
                        {u"state"_s, state},
                        {u"name"_s, facts.subject},
                        {u"not-after"_s, facts.notAfter},
                        {u"sha256"_s, hex(facts.sha256)},
                        {u"certificate"_s, file}});
        context.result(u"  %1  %2  %3"_s.arg(shortKeyId(der), state.leftJustified(7), facts.subject));
    };
    const QList<CaFiles> keys = caFiles(home, words.training);
    show(issuer->chain().front(), u"issues"_s,
         issuer->isRemote() ? home.issuerSettings().certificate : keys.front().certificatePath);
    for (const CaFiles &ca : keys.mid(1))
        show(ca.chain.front(), u"former"_s, ca.certificatePath);
    return 0;
}

// Before the new key is used: the record names each key that ever signed.
void recordRotation(Journal &journal, const QString &subject, const Rotation &rotation, Mode mode)
{
    journal.appendDurably({u"issuer.rotated"_s,
                           QString(),
                           QString(),
                           {{u"issuer"_s, subject},
                            {u"old-key-id"_s, rotation.oldId()},
                            {u"new-key-id"_s, rotation.newId()},
                            {u"new-sha256"_s, certificateFacts(rotation.newCertificate()).sha256},
                            {u"mode"_s, toString(mode)}}});
}

// From a key in a token to the next one there.
int rotateInToken(CliContext &context, const Home &home, const CaWords &words)
{
    const CaFiles ca = caFiles(home, false).front();
    const QString newKey = QString::fromStdString(words.newKey);
    if (newKey.isEmpty() || words.out.empty())
        throw Fault("identity.ca-token", {ca.keyPath});
    const QString out = QFileInfo(QString::fromStdString(words.out)).absoluteFilePath();
    if (QFileInfo::exists(out))
        throw Fault("file.unwritable", {out, u"it exists already"_s});
    const QString subject = certificateFacts(ca.chain.front()).subject;
    const auto journal = home.openJournal();
    Rotation rotation(home.file(u"keys"_s), words.name(), ca.keyPath, ca.certificatePath, newKey, ca.pin);
    writeFile(out, certificateToPem(rotation.newCertificate()));
    recordRotation(*journal, subject, rotation, words.mode());
    rotation.commit();
    context.object({{u"old-key"_s, rotation.oldId()},
                    {u"new-key"_s, rotation.newId()},
                    {u"name"_s, subject},
                    {u"use"_s, newKey},
                    {u"certificate"_s, out},
                    {u"sha256"_s, hex(certificateFacts(rotation.newCertificate()).sha256)}});
    context.result(u"%1 will issue with key %2 once station.yaml says so. Write there, below \"issuer\":"_s.arg(
        subject, rotation.newId()));
    context.result(u"  use: \"%1\""_s.arg(newKey));
    context.result(u"  certificate: %1"_s.arg(out));
    context.say(u"Key %1 still signs revocation lists: --ca-key %1. Hand out the new certificate and the links: "
                "slipway identity ca export --out-folder FOLDER"_s.arg(rotation.oldId()));
    return 0;
}

int rotate(CliContext &context, const CaWords &words)
{
    const Home home = context.openHome();
    const auto kind = words.training ? IssuerSettings::Kind::File : home.issuerSettings().kind();
    if (kind == IssuerSettings::Kind::Token)
        return rotateInToken(context, home, words);
    const auto issuer = home.openIssuer(words.mode()); // finishes a rotation that was cut short
    if (issuer->isRemote())
        throw Fault("identity.ca-elsewhere", {issuer->name()});
    if (!words.newKey.empty() || !words.out.empty())
        throw Fault("identity.ca-file", {issuer->name()});
    const QString subject = certificateFacts(issuer->chain().front()).subject;
    const auto journal = home.openJournal();
    Rotation rotation(home.file(u"keys"_s), words.name(), home.passphrase(), QString::fromStdString(words.key));
    recordRotation(*journal, subject, rotation, words.mode());
    rotation.commit();
    context.object({{u"old-key"_s, rotation.oldId()},
                    {u"new-key"_s, rotation.newId()},
                    {u"name"_s, subject},
                    {u"sha256"_s, hex(certificateFacts(rotation.newCertificate()).sha256)}});
    context.result(u"%1 issues with key %2 from now on. Key %3 still signs revocation lists: --ca-key %3."_s.arg(
        subject, rotation.newId(), rotation.oldId()));
    context.say(u"Hand out the new certificate and the links: slipway identity ca export --out-folder FOLDER"_s);
    return 0;
}

int exportAll(CliContext &context, const CaWords &words)
{
    const Home home = context.openHome();
    QList<CaFiles> keys = caFiles(home, words.training);
    if (const auto issuer = home.openIssuer(words.mode()); issuer->isRemote()) {
        keys.front().chain = issuer->chain();
        keys.front().id = shortKeyId(issuer->chain().front());
        keys.front().folder.clear();
    }
    const QString folder = QString::fromStdString(words.out);
    if (!QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, u"the folder could not be made"_s});
    const auto write = [&](const QString &name, const QByteArray &pem) {
        writeFile(folder + u'/' + name, pem);
        context.object({{u"file"_s, folder + u'/' + name}});
        context.result(folder + u'/' + name);
    };
    for (const CaFiles &ca : keys) {
        write(u"%1-%2.pem"_s.arg(words.name(), ca.id), certificateToPem(ca.chain.front()));
        if (ca.folder.isEmpty())
            continue;
        for (const QString &link : {u"old-with-new"_s, u"new-with-old"_s})
            write(u"%1-%2-%3.pem"_s.arg(words.name(), ca.id, link),
                  readFile(ca.folder + u'/' + link + u".pem"_s, fileLimit, u"a certificate"_s));
    }
    return 0;
}

} // namespace

QList<CaFiles> caFiles(const Home &home, bool training)
{
    const QString name = training ? u"training"_s : u"issuer"_s;
    const IssuerSettings &settings = home.issuerSettings();
    CaFiles current;
    if (!training && settings.kind() == IssuerSettings::Kind::Token) {
        const auto absolute = [&home](const QString &path) {
            return path.isEmpty() || QDir::isAbsolutePath(path) ? path : home.file(path);
        };
        current.keyPath = settings.use;
        current.certificatePath = absolute(settings.certificate);
        current.pin = {absolute(settings.secretFile), home.askSecret()};
    } else {
        finishRotation(home.file(u"keys"_s), name);
        current.keyPath = home.file(u"keys/"_s + name + u".key"_s);
        current.certificatePath = home.file(u"keys/"_s + name + u".pem"_s);
        current.pin = {{}, home.askSecret()};
    }
    current.chain = certificatesFromPem(readFile(current.certificatePath, fileLimit, u"a certificate chain"_s));
    current.id = shortKeyId(current.chain.front());
    QList<CaFiles> list{current};
    for (const FormerCa &ca : formerCas(home.file(u"keys"_s), name)) {
        // In a token the next key is made ready before station.yaml names it.
        if (ca.id == current.id)
            list.front().folder = ca.folder;
        else
            list << CaFiles{ca.id, ca.folder, ca.keyPath, ca.certificatePath, ca.chain, current.pin};
    }
    return list;
}

void addIdentityCaCommands(CLI::App &noun, CliContext &context)
{
    CLI::App *ca = noun.add_subcommand("ca", "The station's issuing CA: its keys, and a new one");
    ca->require_subcommand(1);
    const auto words = std::make_shared<CaWords>();
    const auto training = [&](CLI::App *command) {
        command->add_flag("--training", words->training, "The training CA");
    };
    CLI::App *command = ca->add_subcommand("list", "The key that issues and those that did");
    training(command);
    CliContext::examples(command, {u"slipway identity ca list --home H"_s});
    context.action(command, [&context, words] { return list(context, *words); });

    command = ca->add_subcommand("rotate", "Give the CA a new key under its name, with link certificates; runs go on");
    command->add_option("--key", words->key, "P-256 (default), P-384, Ed25519, RSA-3072, RSA-4096")
        ->type_name("TYPE")
        ->check(CLI::IsMember({"P-256", "P-384", "Ed25519", "RSA-3072", "RSA-4096"}));
    command
        ->add_option("--new-key", words->newKey,
                     "For a CA in a token: the next key, which is in a token already (pkcs11-tool --keypairgen)")
        ->type_name("pkcs11:...");
    command->add_option("--out", words->out, "With --new-key: where its certificate goes, a new file, PEM")
        ->type_name("FILE");
    training(command);
    CliContext::examples(command, {u"slipway identity ca rotate --home H"_s,
                                   u"slipway identity ca rotate --new-key 'pkcs11:token=factory;object=ca-2' "
                                   "--out keys/token-ca-2.pem --home H"_s});
    context.action(command, [&context, words] { return rotate(context, *words); });

    command = ca->add_subcommand("export", "Write the CA's certificates and links into a folder");
    command->add_option("--out-folder", words->out, "Folder, made where it is missing")->type_name("DIR")->required();
    training(command);
    CliContext::examples(command, {u"slipway identity ca export --out-folder anchors --home H"_s});
    context.action(command, [&context, words] { return exportAll(context, *words); });
}

} // namespace slipway
