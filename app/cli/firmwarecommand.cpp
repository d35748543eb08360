#include "app/cli/firmwarecommand.h"

#include "app/cli/firmwarefindcommand.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/firmwarefile.h"
#include "core/firmware/signerkey.h"
#include "core/firmware/vault.h"
#include "core/journal/queries.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QUuid>

#include <algorithm>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 signerLimit = 64 * 1024;

constexpr int longestMap = 40; // lines for people; JSON has them all

struct FirmwareWords {
    std::string file, signer, product, version, source, at;
    std::string sequence, vendor, deviceClass, device, slot;
    std::vector<std::string> payloads;
    bool sameSequence = false;
};

QByteArray fileBytes(const std::string &file)
{
    return readFile(QString::fromStdString(file), FirmwareFile::MaximumBytes, u"a firmware file"_s);
}

QByteArray signerPem(const std::string &file)
{
    return readFile(QString::fromStdString(file), signerLimit, u"a public key"_s);
}

void row(CliContext &context, const QString &name, const QString &value)
{
    context.result(u"  %1 %2"_s.arg(name, -17).arg(value));
}

std::optional<quint64> number(const std::string &word, const QString &option)
{
    if (word.empty())
        return {};
    bool ok = false;
    const quint64 value = QString::fromStdString(word).toULongLong(&ok, 0);
    if (!ok)
        throw Fault("base.usage", {u"\"%1\" is no number."_s.arg(oneLine(QString::fromStdString(word), 40)),
                                   u"Write %1 as 134217728 or 0x8000000."_s.arg(option)});
    return value;
}

std::optional<QUuid> uuid(const std::string &word, const QString &option)
{
    if (word.empty())
        return {};
    const QUuid value(QString::fromStdString(word));
    if (value.isNull())
        throw Fault("base.usage", {u"\"%1\" is no UUID."_s.arg(oneLine(QString::fromStdString(word), 60)),
                                   u"Write %1 as fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe."_s.arg(option)});
    return value;
}

void inspectMcuboot(CliContext &context, const McubootImage &image)
{
    row(context, u"content"_s,
        u"%1: header %2, content %3, protected list %4"_s.arg(humanSize(image.imageSize()))
            .arg(image.headerSize())
            .arg(image.payloadSize())
            .arg(image.protectedTlvSize()));
    if (image.trailingBytes() > 0)
        row(context, u"behind it"_s, u"%1 bytes of padding"_s.arg(image.trailingBytes()));
    QStringList flags;
    for (const QJsonValue flag : image.toJson().value(u"flags"_s).toArray())
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
}

// What goes where, in order, gaps and overlaps between.
void map(CliContext &context, const FirmwareFile &file)
{
    for (const FirmwareFile::Part &part : file.parts()) {
        if (!part.name.isEmpty())
            context.result(u"  for %1"_s.arg(part.name));
        quint64 end = 0;
        int lines = 0;
        for (const MemorySegment &piece : part.pieces) {
            if (++lines > longestMap) {
                context.result(u"    and %1 more pieces (--json lists them)"_s.arg(part.pieces.size() - longestMap));
                break;
            }
            if (lines > 1 && file.hasAddresses() && piece.at > end)
                context.result(u"    %1  gap of %2"_s.arg(addressText(end), humanSize(qint64(piece.at - end))));
            context.result(u"    %1 to %2  %3 bytes%4"_s.arg(addressText(piece.at), addressText(piece.end() - 1))
                               .arg(piece.bytes.size())
                               .arg(file.hasAddresses() && lines > 1 && piece.at < end ? u", OVERLAPS what is before"_s
                                                                                       : QString()));
            end = std::max(end, piece.end());
        }
    }
}

void showManifest(CliContext &context, const SuitManifest &manifest)
{
    row(context, u"sequence number"_s, QString::number(manifest.sequence()));
    row(context, u"components"_s, manifest.components().join(u", "_s));
    for (auto it = manifest.texts().constBegin(); it != manifest.texts().constEnd(); ++it)
        row(context, it.key(), it.value());
    if (!manifest.severed().isEmpty())
        row(context, u"taken out"_s, manifest.severed().join(u", "_s));
    for (const SuitPlan &plan : manifest.plans()) {
        if (manifest.plans().size() > 1)
            context.result(u"  one of %1 cases"_s.arg(manifest.plans().size()));
        for (qsizetype i = 0; i < plan.components.size(); ++i) {
            const SuitPlan::Component &component = plan.components[i];
            QStringList facts;
            if (component.slot)
                facts << u"in slot %1"_s.arg(*component.slot);
            if (!component.vendor.isEmpty())
                facts << u"vendor "_s + component.vendor;
            if (!component.deviceClass.isEmpty())
                facts << u"class "_s + component.deviceClass;
            if (!component.stored.isEmpty())
                facts << component.stored;
            if (component.size)
                facts << u"%1 bytes"_s.arg(*component.size);
            if (component.digest)
                facts << component.digest->algorithmName() + u' ' + hex(component.digest->bytes);
            if (component.invoked)
                facts << u"started"_s;
            context.result(u"    %1: %2"_s.arg(manifest.components()[i], facts.join(u", "_s)));
        }
        for (const SuitPayload &payload : plan.payloads)
            context.result(u"    from %1%2"_s.arg(oneLine(payload.uri, 200), manifest.integrated().contains(payload.uri)
                                                                                 ? u", in this file"_s
                                                                                 : QString()));
    }
}

int inspect(CliContext &context, const FirmwareWords &words)
{
    const FirmwareFile file = FirmwareFile::parse(fileBytes(words.file));
    QJsonObject object = file.toJson();
    object.insert(u"file"_s, QString::fromStdString(words.file));
    std::optional<SuitManifest> manifest;
    if (!words.signer.empty()) {
        const QByteArray pem = signerPem(words.signer);
        if (!file.suit())
            throw Fault("base.usage", {u"--signer is for SUIT envelopes, and this is a %1."_s.arg(file.formatName()),
                                       u"Check a signature with: slipway firmware verify."_s});
        manifest = file.suit()->open(pem);
        object.insert(u"manifest"_s, manifest->toJson());
    }
    if (const auto at = number(words.at, u"--at"_s)) {
        QJsonArray segments;
        for (const MemorySegment &segment : file.segments(at))
            segments << QJsonObject{{u"at"_s, qint64(segment.at)}, {u"size"_s, segment.bytes.size()}};
        object.insert(u"segments"_s, segments);
    }
    context.object(object);

    context.result(
        u"%1: %2, %3"_s.arg(QString::fromStdString(words.file), file.formatName(), humanSize(file.bytes().size())));
    for (const FirmwareFile::Fact &fact : file.facts()) {
        if (!fact.label.isEmpty())
            row(context, fact.label, fact.text);
    }
    if (file.mcuboot())
        inspectMcuboot(context, *file.mcuboot());
    map(context, file);
    if (manifest)
        showManifest(context, *manifest);
    else if (file.suit())
        context.result(u"  What is in it is shown once its signature holds: give --signer."_s);
    const QStringList defects = file.defects();
    for (const QString &defect : defects)
        context.say(u"slipway: "_s + defect);
    return defects.isEmpty() ? 0 : 1;
}

struct Held {
    QJsonObject json;
    QString sentence; // "version 1.4.2, ECDSA signature by the given key"
    SuitManifest manifest;
};

// Throws where it does not hold.
Held checked(const FirmwareFile &file, const QByteArray &pem, const FirmwareWords &words, const SuitTarget &target,
             const QList<QByteArray> &payloads)
{
    Held held;
    if (file.mcuboot()) {
        const McubootImage &image = *file.mcuboot();
        image.verify(pem);
        const QString signatures = image.signatureNames().join(u", "_s);
        held.json = {
            {u"version"_s, image.version().toString()}, {u"hash"_s, hex(image.hash())}, {u"signatures"_s, signatures}};
        held.sentence = u"version %1, %2 signature by the given key."_s.arg(image.version().toString(), signatures);
        return held;
    }
    if (!file.suit())
        throw Fault("firmware.unsigned-format", {file.formatName()});
    const SuitManifest manifest = file.suit()->open(pem);
    manifest.check(target);
    const QStringList notGiven = manifest.checkPayloads(payloads);
    held.json = {{u"sequence"_s, qint64(manifest.sequence())},
                 {u"signatures"_s, file.suit()->signatureNames().join(u", "_s)},
                 {u"manifest"_s, manifest.toJson()},
                 {u"payloads-not-given"_s, QJsonArray::fromStringList(notGiven)}};
    held.sentence = u"SUIT manifest number %1, %2 signature by the given key."_s.arg(manifest.sequence())
                        .arg(file.suit()->signatureNames().join(u", "_s));
    if (!notGiven.isEmpty())
        held.sentence += u" Not checked, as it was not given with --payload: %1."_s.arg(notGiven.join(u", "_s));
    if (!manifest.severed().isEmpty())
        held.sentence += u" Taken out of the envelope: %1."_s.arg(manifest.severed().join(u", "_s));
    if (words.vendor.empty() || words.deviceClass.empty())
        held.sentence += u" Whether it is for a certain device was not checked%1."_s.arg(
            words.vendor.empty() ? u" (--vendor, --class)"_s : u" (--class)"_s);
    return held;
}

int verify(CliContext &context, const FirmwareWords &words)
{
    const QByteArray bytes = fileBytes(words.file);
    const QByteArray pem = signerPem(words.signer);
    const QString name = QString::fromStdString(words.file);
    SuitTarget target;
    target.sequence = number(words.sequence, u"--sequence"_s);
    target.slot = number(words.slot, u"--slot"_s);
    target.allowEqual = words.sameSequence;
    target.vendor = uuid(words.vendor, u"--vendor"_s);
    target.deviceClass = uuid(words.deviceClass, u"--class"_s);
    target.device = uuid(words.device, u"--device"_s);
    QList<QByteArray> payloads;
    for (const std::string &payload : words.payloads)
        payloads << fileBytes(payload);
    try {
        const FirmwareFile file = FirmwareFile::parse(bytes);
        Held held = checked(file, pem, words, target, payloads);
        held.json.insert(u"file"_s, name);
        held.json.insert(u"format"_s, file.format());
        held.json.insert(u"holds"_s, true);
        context.object(held.json);
        context.result(u"%1 holds: %2"_s.arg(name, held.sentence));
        return 0;
    } catch (const Fault &fault) {
        // "Does this image hold?" is answered with no; only a key that is none leaves the question open.
        if (fault.is("firmware.signer"))
            throw;
        context.say(u"slipway: "_s + fault.text());
        context.object({{u"file"_s, name},
                        {u"holds"_s, false},
                        {u"fault"_s, QString::fromLatin1(fault.code())},
                        {u"sentence"_s, fault.sentence()},
                        {u"remedy"_s, fault.remedy()}});
        context.result(u"%1 does not hold."_s.arg(name));
        return 1;
    }
}

Vault vaultOf(const Home &home)
{
    return Vault(home.file(u"vault"_s));
}

// What the file says of its version; the word for one that says nothing.
QString versionOf(const FirmwareFile &file, const QString &word)
{
    QString stated;
    for (const FirmwareFile::Fact &fact : file.facts()) {
        if (fact.key == u"version")
            stated = fact.text;
    }
    if (!stated.isEmpty() && !word.isEmpty() && word != stated)
        throw Fault("firmware.version", {stated, word});
    return stated.isEmpty() ? word : stated;
}

int add(CliContext &context, const FirmwareWords &words)
{
    const Home home = context.openHome();
    const QByteArray bytes = fileBytes(words.file);
    const FirmwareFile file = FirmwareFile::parse(bytes);
    if (file.mcuboot())
        file.mcuboot()->checkHash();
    file.check();
    QString signer;
    if (words.signer.empty()) {
        context.say(u"No --signer: the file was checked for damage, not who made it."_s);
    } else {
        const QByteArray pem = signerPem(words.signer);
        checked(file, pem, words, {}, {});
        signer = file.mcuboot() ? hex(file.mcuboot()->keyHash().value_or(QByteArray()))
                                : hex(publicKeyHash(publicKeyFromPem(pem).get()));
    }
    const QString version = versionOf(file, oneLine(QString::fromStdString(words.version), 100));
    const QString path = QString::fromStdString(words.file);
    const QString name = oneLine(QFileInfo(path).fileName(), 200);
    const QString source =
        oneLine(words.source.empty() ? QFileInfo(path).absoluteFilePath() : QString::fromStdString(words.source), 400);
    const QString product = oneLine(QString::fromStdString(words.product), 100);
    const QByteArray sha256 = vaultOf(home).put(bytes);
    home.openJournal()->appendDurably({u"artifact"_s,
                                       QString(),
                                       QString(),
                                       {{u"sha256"_s, sha256},
                                        {u"name"_s, name},
                                        {u"size"_s, bytes.size()},
                                        {u"format"_s, file.format()},
                                        {u"product"_s, product},
                                        {u"version"_s, version},
                                        {u"signer"_s, signer},
                                        {u"source"_s, source},
                                        {u"admitted-by"_s, oneLine(qEnvironmentVariable("USER"), 100)},
                                        {u"use"_s, u"admitted"_s}}});
    context.object({{u"sha256"_s, hex(sha256)},
                    {u"name"_s, name},
                    {u"format"_s, file.format()},
                    {u"product"_s, product},
                    {u"version"_s, version},
                    {u"size"_s, bytes.size()},
                    {u"signer"_s, signer},
                    {u"source"_s, source}});
    context.result(u"%1 is in the vault: %2%3, sha256 %4"_s.arg(
        name, file.formatName(), version.isEmpty() ? QString() : u" of version "_s + version, hex(sha256)));
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
    QList<QByteArray> all = stored;
    for (auto it = admitted.constBegin(); it != admitted.constEnd(); ++it) {
        if (!stored.contains(it.key()))
            all << it.key();
    }
    std::sort(all.begin(), all.end());
    for (const QByteArray &sha256 : std::as_const(all)) {
        const Entry entry = admitted.value(sha256);
        const bool here = stored.contains(sha256);
        const auto word = [&](QLatin1StringView key) { return entry.body.value(key).toString(); };
        const qint64 size = here ? QFileInfo(vault.path(sha256)).size() : entry.body.value("size"_L1).toInteger();
        context.object({{u"sha256"_s, hex(sha256)},
                        {u"name"_s, word("name"_L1)},
                        {u"format"_s, word("format"_L1)},
                        {u"product"_s, word("product"_L1)},
                        {u"version"_s, word("version"_L1)},
                        {u"size"_s, size},
                        {u"signer"_s, word("signer"_L1)},
                        {u"source"_s, word("source"_L1)},
                        {u"admitted-by"_s, word("admitted-by"_L1)},
                        {u"at"_s, entry.at},
                        {u"recorded"_s, admitted.contains(sha256)},
                        {u"stored"_s, here}});
        if (!admitted.contains(sha256)) {
            context.result(u"%1  not on record  %2"_s.arg(hex(sha256.left(8)), humanSize(size)));
            continue;
        }
        QStringList line{hex(sha256.left(8)), word("version"_L1), humanSize(size), word("name"_L1)};
        if (!word("product"_L1).isEmpty())
            line << u"for "_s + word("product"_L1);
        if (!word("admitted-by"_L1).isEmpty())
            line << u"admitted by "_s + word("admitted-by"_L1);
        if (!word("source"_L1).isEmpty())
            line << u"from "_s + word("source"_L1);
        if (word("signer"_L1).isEmpty())
            line << u"signer not checked"_s;
        if (!here)
            line << u"NO LONGER IN THE VAULT"_s;
        context.result(line.join(u"  "_s));
    }
    if (all.isEmpty())
        context.say(u"The vault is empty. Add an image with: slipway firmware add FILE --signer PEM"_s);
    return 0;
}

} // namespace

void addFirmwareCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand("firmware", "Firmware files: inspect, verify, keep, find, write");
    noun->require_subcommand(1);
    const auto words = std::make_shared<FirmwareWords>();

    CLI::App *command =
        noun->add_subcommand("inspect", "Show what a firmware file holds and what goes where; exit 1 when damaged");
    command->add_option("file", words->file, "Intel HEX, S-record, UF2, ELF, DfuSe, ESP, MCUboot, SUIT or raw file")
        ->type_name("FILE")
        ->required();
    command->add_option("--at", words->at, "Address for a file that names none")->type_name("ADDR");
    command->add_option("--signer", words->signer, "Key of a SUIT envelope; its content is shown only when it holds")
        ->type_name("PEM");
    CliContext::examples(command, {u"slipway firmware inspect t1-1.4.2-p256.bin --json"_s,
                                   u"slipway firmware inspect update.suit --signer pub.pem"_s});
    context.action(command, [&context, words] { return inspect(context, *words); });

    command = noun->add_subcommand("verify", "Check hash and signature of a file; exit 1 when they do not hold");
    command->add_option("file", words->file, "MCUboot image or SUIT envelope")->type_name("FILE")->required();
    command->add_option("--signer", words->signer, "Public key or certificate that must have signed it")
        ->type_name("PEM")
        ->required();
    command->add_option("--sequence", words->sequence, "SUIT: number of the manifest that the device has")
        ->type_name("N");
    command->add_flag("--same-sequence", words->sameSequence, "SUIT: the same number once more will do");
    command->add_option("--vendor", words->vendor, "SUIT: vendor id of the device")->type_name("UUID");
    command->add_option("--class", words->deviceClass, "SUIT: class id of the device")->type_name("UUID");
    command->add_option("--device", words->device, "SUIT: device id")->type_name("UUID");
    command->add_option("--slot", words->slot, "SUIT: slot that it would be stored in")->type_name("N");
    command->add_option("--payload", words->payloads, "SUIT: a payload that came separately; may be repeated")
        ->type_name("FILE");
    CliContext::examples(command, {u"slipway firmware verify t1-1.4.2-p256.bin --signer p256.pub.pem"_s,
                                   u"slipway firmware verify update.suit --signer pub.pem --sequence 4 --payload "
                                   u"file.bin"_s});
    context.action(command, [&context, words] { return verify(context, *words); });

    command = noun->add_subcommand("add", "Put a file into the station's vault, on record");
    command->add_option("file", words->file, "Firmware file")->type_name("FILE")->required();
    command->add_option("--signer", words->signer, "Public key or certificate that must have signed it")
        ->type_name("PEM");
    command->add_option("--product", words->product, "Product it is for")->type_name("NAME");
    command->add_option("--version", words->version, "Its version, where the file does not say")->type_name("VERSION");
    command->add_option("--from", words->source, "Where it came from (the file's path)")->type_name("SOURCE");
    CliContext::examples(command,
                         {u"slipway firmware add t1-1.4.2-p256.bin --signer p256.pub.pem --product t1 --home H"_s});
    context.action(command, [&context, words] { return add(context, *words); });

    command = noun->add_subcommand("list", "List what the vault holds");
    CliContext::examples(command, {u"slipway firmware list --home H --json"_s});
    context.action(command, [&context] { return list(context); });

    addFirmwareFindCommand(noun, context);
}

} // namespace slipway
