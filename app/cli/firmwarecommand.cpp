#include "app/cli/firmwarecommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/mcubootimage.h"
#include "core/firmware/vault.h"
#include "core/journal/queries.h"

#include <QFileInfo>
#include <QJsonArray>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 signerLimit = 64 * 1024;

struct FirmwareWords {
    std::string file, signer, product;
};

QByteArray imageBytes(const std::string &file)
{
    return readFile(QString::fromStdString(file), McubootImage::MaximumBytes, u"a firmware image"_s);
}

QByteArray signerPem(const std::string &file)
{
    return readFile(QString::fromStdString(file), signerLimit, u"a public key"_s);
}

void row(CliContext &context, const QString &name, const QString &value)
{
    context.result(u"  %1 %2"_s.arg(name, -17).arg(value));
}

int inspect(CliContext &context, const FirmwareWords &words)
{
    const McubootImage image = McubootImage::parse(imageBytes(words.file));
    QJsonObject object = image.toJson();
    object.insert(u"file"_s, QString::fromStdString(words.file));
    context.object(object);

    context.result(
        u"%1: MCUboot image, version %2"_s.arg(QString::fromStdString(words.file), image.version().toString()));
    row(context, u"size"_s,
        u"%1: header %2, content %3, protected list %4"_s.arg(humanSize(image.imageSize()))
            .arg(image.headerSize())
            .arg(image.payloadSize())
            .arg(image.protectedTlvSize()));
    if (image.trailingBytes() > 0)
        row(context, u"behind it"_s, u"%1 bytes of padding"_s.arg(image.trailingBytes()));
    QStringList flags;
    for (const QJsonValue flag : object.value(u"flags"_s).toArray())
        flags << flag.toString();
    if (!flags.isEmpty())
        row(context, u"flags"_s, flags.join(u", "_s));
    if (image.hash().isEmpty())
        row(context, u"hash"_s, u"none"_s);
    else
        row(context, u"hash"_s,
            u"%1 %2, %3"_s.arg(image.hashName(), hex(image.hash()),
                               image.isEncrypted() ? u"of the plain image"_s
                               : image.hashHolds() ? u"holds"_s
                                                   : u"DOES NOT HOLD: the image is damaged"_s));
    const QStringList signatures = image.signatureNames();
    row(context, u"signed with"_s, signatures.isEmpty() ? u"nothing"_s : signatures.join(u", "_s));
    if (const auto key = image.keyHash())
        row(context, u"by key"_s, hex(*key));
    if (const auto counter = image.securityCounter())
        row(context, u"security counter"_s, QString::number(*counter));
    for (const McubootDependency &need : image.dependencies())
        row(context, u"needs"_s, u"image %1 in version %2 or newer"_s.arg(need.image).arg(need.minimum.toString()));
    for (const McubootTlv &tlv : image.tlvs())
        row(context, tlv.isProtected ? u"protected entry"_s : u"entry"_s,
            u"%1, %2 bytes at %3"_s.arg(tlv.name()).arg(tlv.value.size()).arg(tlv.offset));
    return image.isEncrypted() || image.hash().isEmpty() || image.hashHolds() ? 0 : 1;
}

int verify(CliContext &context, const FirmwareWords &words)
{
    const QByteArray bytes = imageBytes(words.file);
    const QByteArray pem = signerPem(words.signer);
    const QString file = QString::fromStdString(words.file);
    try {
        const McubootImage image = McubootImage::parse(bytes);
        image.verify(pem);
        context.object({{u"file"_s, file},
                        {u"holds"_s, true},
                        {u"version"_s, image.version().toString()},
                        {u"hash"_s, hex(image.hash())},
                        {u"signatures"_s, image.signatureNames().join(u", "_s)}});
        context.result(u"%1 holds: version %2, %3 signature by the given key."_s.arg(
            file, image.version().toString(), image.signatureNames().join(u", "_s)));
        return 0;
    } catch (const Fault &fault) {
        // "Does this image hold?" is answered with no; only a key that is none leaves the question open.
        if (fault.is("firmware.signer"))
            throw;
        context.say(u"slipway: "_s + fault.text());
        context.object({{u"file"_s, file},
                        {u"holds"_s, false},
                        {u"fault"_s, QString::fromLatin1(fault.code())},
                        {u"sentence"_s, fault.sentence()},
                        {u"remedy"_s, fault.remedy()}});
        context.result(u"%1 does not hold."_s.arg(file));
        return 1;
    }
}

Vault vaultOf(const Home &home)
{
    return Vault(home.file(u"vault"_s));
}

int add(CliContext &context, const FirmwareWords &words)
{
    const Home home = context.openHome();
    const QByteArray bytes = imageBytes(words.file);
    const McubootImage image = McubootImage::parse(bytes);
    QString signer;
    if (words.signer.empty()) {
        image.checkHash();
        context.say(u"No --signer: the image's hash was checked, not who made it."_s);
    } else {
        image.verify(signerPem(words.signer));
        signer = hex(image.keyHash().value_or(QByteArray()));
    }
    const QByteArray sha256 = vaultOf(home).put(bytes);
    const QString name = oneLine(QFileInfo(QString::fromStdString(words.file)).fileName(), 200);
    home.openJournal()->appendDurably({u"artifact"_s,
                                       QString(),
                                       QString(),
                                       {{u"sha256"_s, sha256},
                                        {u"name"_s, name},
                                        {u"size"_s, bytes.size()},
                                        {u"product"_s, oneLine(QString::fromStdString(words.product), 100)},
                                        {u"version"_s, image.version().toString()},
                                        {u"signer"_s, signer},
                                        {u"admitted-by"_s, oneLine(qEnvironmentVariable("USER"), 100)},
                                        {u"use"_s, u"admitted"_s}}});
    context.object({{u"sha256"_s, hex(sha256)},
                    {u"name"_s, name},
                    {u"version"_s, image.version().toString()},
                    {u"size"_s, bytes.size()},
                    {u"signer"_s, signer}});
    context.result(u"%1 is in the vault: version %2, sha256 %3"_s.arg(name, image.version().toString(), hex(sha256)));
    return 0;
}

int list(CliContext &context)
{
    const Home home = context.openHome();
    QHash<QByteArray, Entry> admitted; // the last one of each
    EntryFilter filter;
    filter.kind = u"artifact"_s;
    JournalReader(home.file(u"journal.db"_s)).forEachEntry(filter, [&](const Entry &entry) {
        if (entry.body.value(u"use"_s).toString() == u"admitted")
            admitted.insert(entry.body.value(u"sha256"_s).toByteArray(), entry);
        return true;
    });
    const Vault vault = vaultOf(home);
    const auto stored = vault.list();
    for (const QByteArray &sha256 : stored) {
        const Entry entry = admitted.value(sha256);
        const auto word = [&](QLatin1StringView key) { return entry.body.value(key).toString(); };
        const qint64 size = QFileInfo(vault.path(sha256)).size();
        context.object({{u"sha256"_s, hex(sha256)},
                        {u"name"_s, word("name"_L1)},
                        {u"product"_s, word("product"_L1)},
                        {u"version"_s, word("version"_L1)},
                        {u"size"_s, size},
                        {u"signer"_s, word("signer"_L1)},
                        {u"admitted-by"_s, word("admitted-by"_L1)},
                        {u"at"_s, entry.at},
                        {u"recorded"_s, admitted.contains(sha256)}});
        if (admitted.contains(sha256)) {
            context.result(
                u"%1  %2  %3  %4%5"_s.arg(hex(sha256.left(8)), word("version"_L1), humanSize(size), word("name"_L1),
                                          word("signer"_L1).isEmpty() ? u", signer not checked"_s : QString()));
        } else {
            context.result(u"%1  not on record  %2"_s.arg(hex(sha256.left(8)), humanSize(size)));
        }
    }
    if (stored.isEmpty())
        context.say(u"The vault is empty. Add an image with: slipway firmware add FILE --signer PEM"_s);
    return 0;
}

} // namespace

void addFirmwareCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand("firmware", "Firmware images: inspect, verify, keep, write");
    noun->require_subcommand(1);
    const auto words = std::make_shared<FirmwareWords>();

    CLI::App *command = noun->add_subcommand("inspect", "Show what an MCUboot image holds; exit 1 when it is damaged");
    command->add_option("file", words->file, "MCUboot image")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway firmware inspect t1-1.4.2-p256.bin --json"_s});
    context.action(command, [&context, words] { return inspect(context, *words); });

    command = noun->add_subcommand("verify", "Check hash and signature of an image; exit 1 when they do not hold");
    command->add_option("file", words->file, "MCUboot image")->type_name("FILE")->required();
    command->add_option("--signer", words->signer, "Public key or certificate that must have signed it")
        ->type_name("PEM")
        ->required();
    CliContext::examples(command, {u"slipway firmware verify t1-1.4.2-p256.bin --signer p256.pub.pem"_s});
    context.action(command, [&context, words] { return verify(context, *words); });

    command = noun->add_subcommand("add", "Put an image into the station's vault, on record");
    command->add_option("file", words->file, "MCUboot image")->type_name("FILE")->required();
    command->add_option("--signer", words->signer, "Public key or certificate that must have signed it")
        ->type_name("PEM");
    command->add_option("--product", words->product, "Product it is for")->type_name("NAME");
    CliContext::examples(command,
                         {u"slipway firmware add t1-1.4.2-p256.bin --signer p256.pub.pem --product t1 --home H"_s});
    context.action(command, [&context, words] { return add(context, *words); });

    command = noun->add_subcommand("list", "List what the vault holds");
    CliContext::examples(command, {u"slipway firmware list --home H --json"_s});
    context.action(command, [&context] { return list(context); });
}

} // namespace slipway
