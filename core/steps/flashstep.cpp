// flash: judges firmware files, writes them, and sees that the device holds or runs them. How far a write got stands in
// the journal at any moment: the intent before the device is changed, stages and tenths while it is, the outcome after.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/flashing.h"
#include "core/steps/flashtrail.h"
#include "core/steps/kinds.h"
#include "core/steps/recipesignature.h"
#include "core/steps/suitrecord.h"

#include <QCborArray>
#include <QCryptographicHash>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 signerLimit = 64 * 1024;

QByteArray sha256Of(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

class FlashStep : public Step
{
public:
    explicit FlashStep(const RecipeStep &step) : m_p(step.parameters) {}

    // Nothing reaches the device before the files have been judged.
    void prepare(StepContext &context) override
    {
        FlashOrder order;
        order.files = files(context.recipe());
        if (m_p.contains(u"signer"_s))
            order.signer =
                readReleased(context.recipe(), m_p.value(u"signer"_s).toString(), signerLimit, u"a public key"_s);
        order.version = m_p.value(u"version"_s).toString();
        order.image = m_p.value(u"image-number"_s).toInt();
        order.permanent = m_p.value(u"activation"_s).toString() == u"permanent";
        order.allowOlder = m_p.value(u"allow-downgrade"_s).toBool();
        order.reinstall = m_p.value(u"reinstall"_s).toBool();
        order.eraseAll = m_p.value(u"erase"_s).toString() == u"all";
        order.verify = m_p.value(u"verify"_s).toBool();
        order.start = m_p.value(u"start"_s).toBool();
        order.suit = suit(context.recipe());
        m_flashing.emplace(std::move(order));
        for (const FirmwareFile &file : m_flashing->files()) {
            if (file.mcuboot() && m_flashing->order().signer.isEmpty())
                throw Fault("flash.no-signer", {QFileInfo(m_p.value(u"image"_s).toString()).fileName()});
        }
    }

    void run(StepContext &context, const Task &task) override
    {
        if (!m_flashing)
            prepare(context);
        const FlashOrder &order = m_flashing->order();
        QStringList names;
        QCborArray files;
        for (const FlashFile &file : order.files) {
            names << file.name;
            files.append(QCborMap{{u"name"_s, file.name}, {u"sha256"_s, sha256Of(file.bytes)}});
        }
        QCborMap detail{{u"files"_s, files}};
        if (const SuitManifest *manifest = m_flashing->manifest()) {
            detail.insert(u"suit-sequence"_s, qint64(manifest->sequence()));
            detail.insert(u"suit-manifest"_s, m_flashing->manifestDigest());
        }
        FlashTrail trail(context, names.join(u", "_s), detail);
        Flashing::Result result;
        m_context = &context;
        try {
            result = m_flashing->run([&context]() -> Device & { return context.device(); }, task,
                                     [&trail](const FlashReach &reach) { trail.reached(reach); });
        } catch (...) {
            trail.cut();
            throw;
        }
        trail.done(result.summary());
        for (qsizetype i = 0; i < m_flashing->files().size(); ++i)
            record(context, order.files[i], m_flashing->files()[i], result);
        if (!result.version.isEmpty())
            context.fact(u"firmware"_s, result.version);
        if (!result.hash.isEmpty())
            context.fact(u"firmware-hash"_s, hex(result.hash));
        if (result.sequence)
            context.fact(u"suit-sequence"_s, QString::number(*result.sequence));
        context.summary(result.summary());
    }

private:
    QList<FlashFile> files(const Recipe &recipe) const
    {
        QList<FlashFile> out;
        const auto add = [&out, &recipe](const QString &path, std::optional<quint64> at, const QByteArray &sha256) {
            out.append({.name = QFileInfo(path).fileName(),
                        .bytes = readReleased(recipe, path, FirmwareFile::MaximumBytes, u"a firmware image"_s),
                        .at = at,
                        .sha256 = sha256});
        };
        if (m_p.contains(u"image"_s)) {
            add(m_p.value(u"image"_s).toString(),
                m_p.contains(u"at"_s) ? std::optional<quint64>(m_p.value(u"at"_s).toULongLong()) : std::nullopt,
                m_p.value(u"sha256"_s).toByteArray());
        }
        const QVariantList more = m_p.value(u"files"_s).toList();
        for (const QVariant &item : more) {
            const QVariantMap image = item.toMap();
            add(image.value(u"file"_s).toString(), image.value(u"at"_s).toULongLong(),
                image.value(u"sha256"_s).toByteArray());
        }
        return out;
    }

    SuitOrder suit(const Recipe &recipe)
    {
        SuitOrder suit;
        const QVariantMap payloads = m_p.value(u"payloads"_s).toMap();
        for (auto it = payloads.begin(); it != payloads.end(); ++it) {
            suit.payloads.append({.name = it.key(),
                                  .bytes = readReleased(recipe, it.value().toMap().value(u"file"_s).toString(),
                                                        FirmwareFile::MaximumBytes, u"a payload"_s)});
        }
        const QVariantMap places = m_p.value(u"components"_s).toMap();
        for (auto it = places.begin(); it != places.end(); ++it)
            suit.places.insert(it.key(), it.value().toString());
        if (m_p.contains(u"vendor-id"_s))
            suit.vendor = QUuid(m_p.value(u"vendor-id"_s).toString());
        if (m_p.contains(u"class-id"_s))
            suit.deviceClass = QUuid(m_p.value(u"class-id"_s).toString());
        suit.sameSequence = m_p.value(u"reinstall"_s).toBool();
        suit.known = [this](const DeviceFacts &facts) {
            JournalReader reader(m_context->journal().path());
            return suitOnRecord(reader, m_context->serial().isEmpty() ? facts.serial : m_context->serial(), facts);
        };
        return suit;
    }

    void record(StepContext &context, const FlashFile &wanted, const FirmwareFile &file,
                const Flashing::Result &result) const
    {
        QCborMap body{
            {u"sha256"_s, sha256Of(wanted.bytes)}, {u"name"_s, wanted.name},
            {u"size"_s, wanted.bytes.size()},      {u"product"_s, context.recipe().name},
            {u"version"_s, result.version},        {u"format"_s, file.format()},
            {u"compared"_s, result.compared},      {u"use"_s, result.written ? u"flashed"_s : u"already running"_s}};
        if (wanted.at)
            body.insert(u"at"_s, qint64(*wanted.at));
        if (const auto &image = file.mcuboot()) {
            body.insert(u"signer"_s, image->keyHash() ? hex(*image->keyHash()) : QString());
            body.insert(u"image-hash"_s, image->hash());
            if (const auto counter = image->securityCounter())
                body.insert(u"security-counter"_s, qint64(*counter));
        }
        if (const SuitManifest *manifest = m_flashing->manifest()) {
            body.insert(u"suit-sequence"_s, qint64(manifest->sequence()));
            body.insert(u"suit-manifest"_s, m_flashing->manifestDigest());
            QCborArray components;
            for (const Flashing::Result::Piece &piece : result.pieces) {
                components.append(QCborMap{{u"component"_s, piece.component},
                                           {u"place"_s, piece.place},
                                           {u"sha256"_s, piece.sha256},
                                           {u"size"_s, piece.bytes}});
            }
            if (!components.isEmpty())
                body.insert(u"components"_s, components);
        }
        context.record(u"artifact"_s, body);
    }

    QVariantMap m_p;
    StepContext *m_context = nullptr; // of the run that goes on
    std::optional<Flashing> m_flashing;
};

// What speaks against these parameters, whatever the device.
QList<std::pair<QString, QString>> troublesOf(const QVariantMap &p, const Recipe &recipe)
{
    QList<std::pair<QString, QString>> troubles;
    if (const auto why = recipe.deviceClass.rulesOutFieldUpdate())
        troubles.append({QString(), u"\"flash\" is ruled out: "_s + *why});
    const bool one = p.contains(u"image"_s);
    if (one == p.contains(u"files"_s))
        troubles.append({one ? u"files"_s : QString(), u"\"flash\" takes either \"image\" or \"files\""_s});
    else if (one && !p.contains(u"signer"_s) && !p.contains(u"sha256"_s))
        troubles.append({u"image"_s, u"say by \"signer\" whose signature the image must have, or by \"sha256\" which "
                                     "file it must be"_s});
    if (!one) {
        for (const QString &name : {u"at"_s, u"sha256"_s, u"signer"_s}) {
            if (p.contains(name))
                troubles.append({name, u"\"%1\" goes with \"image\", not with \"files\""_s.arg(name)});
        }
        const QVariantList files = p.value(u"files"_s).toList();
        for (const QVariant &file : files) {
            if (!file.toMap().contains(u"sha256"_s))
                troubles.append(
                    {u"files"_s, u"every file needs its \"sha256\", as in 0x%1: { file: NAME, sha256: ... }"_s.arg(
                                     file.toMap().value(u"at"_s).toULongLong(), 0, 16)});
        }
    }
    for (const QString &name : {u"vendor-id"_s, u"class-id"_s}) {
        if (p.contains(name) && QUuid(p.value(name).toString()).isNull())
            troubles.append({name, u"\"%1\" must be a UUID, as in fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s.arg(name)});
    }
    const QVariantMap payloads = p.value(u"payloads"_s).toMap();
    for (auto it = payloads.begin(); it != payloads.end(); ++it) {
        if (!it.value().toMap().contains(u"file"_s))
            troubles.append({u"payloads"_s, u"every payload must be a file"_s});
    }
    return troubles;
}

} // namespace

StepKind flashKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"flash"_s;
    kind.title = u"Flash"_s;
    kind.summary = u"Judges firmware, writes it and sees that the device runs it."_s;
    kind.manual =
        u"Before a byte is sent the file is judged. An MCUboot image must be whole and signed by the key in `signer`; "
        "refused are images that are damaged, signed by another key, too large for the slot, that need another image "
        "first, and such as are older than what the device runs, by version or by security counter. "
        "`allow-downgrade` lets the version go back, never the security counter. Any other file (Intel HEX, "
        "S-records, ELF, UF2, DfuSe, ESP image, an update bundle, raw bytes) must be the one whose `sha256` the recipe "
        "names: no other file can slip in, and a signed recipe vouches for it.\n\n"
        "A device with image slots that runs exactly this image already is left alone. Otherwise the image is written "
        "(an interrupted transfer goes on where it stopped), the hash that the device then reports is compared, the "
        "image is activated, the device restarts, and version and hash of what it runs are read back. With "
        "`activation: test` the image starts on trial and is confirmed only after it has answered: one that does not "
        "start well is undone by the next restart. With `permanent` it is confirmed from the first start. A boot "
        "loader that "
        "tells nothing of what it holds (plain DFU) fails unless `verify: false` says that this is known.\n\n"
        "A device with memory at addresses (a ROM loader, DfuSe, a debug probe) takes one `image`, at `at` where the "
        "file does not say itself where it belongs, or several `files` by address. What would overlap, lie outside "
        "the memory or belongs to another chip is refused before anything is erased. Afterwards the device's own "
        "digest is "
        "compared, or all is read back; a device that allows neither fails unless `verify: false` says that this is "
        "known. Then the loader is left, unless `start: false`. A .dfu file goes only to the USB device that it "
        "names.\n\n"
        "A SUIT envelope is opened with the key in `signer`: signature, digest, manifest, in this order. Refused is a "
        "manifest for another vendor or class than the device tells or `vendor-id` and `class-id` say, one with a "
        "sequence number below what the device or the record of this unit has, one with a command or parameter that "
        "is not known. What it fetches stands in the envelope or comes as `payloads`. A device that carries out "
        "envelopes by itself gets it as it is; on any other, `components` says where each goes.\n\n"
        "How far a write got is on record at any moment: the intent before anything is changed, the stage and the "
        "bytes while it goes on, the outcome after. A unit whose cable was pulled, or whose station lost its power, "
        "can be run again."_s;
    kind.example =
        u"- flash: { image: ../firmware/t1-1.4.2-p256.bin, signer: ../firmware/fw-signing.pem, retries: 1 }"_s;
    kind.parameters = {
        {.name = u"image"_s, .type = Type::File, .doc = u"The image."_s},
        {.name = u"signer"_s,
         .type = Type::File,
         .doc = u"Public key or certificate (PEM) that an MCUboot image or SUIT envelope must be signed with."_s},
        {.name = u"sha256"_s,
         .type = Type::Digest,
         .doc = u"Which file it must be, where it carries no signature; `sha256sum` prints it."_s},
        {.name = u"at"_s, .type = Type::Address, .doc = u"Where it goes, for a file that does not say so itself."_s},
        {.name = u"files"_s,
         .type = Type::Images,
         .doc = u"Several files in place of `image`, by address: `0x10000: { file: app.bin, sha256: ... }`."_s},
        {.name = u"version"_s, .doc = u"That must run at the end, for a file that does not tell its version."_s},
        {.name = u"image-number"_s,
         .type = Type::Integer,
         .fallback = qlonglong(0),
         .doc = u"Which image of a device with several (MCUboot's image number)."_s,
         .minimum = 0,
         .maximum = 15},
        {.name = u"activation"_s,
         .type = Type::Choice,
         .fallback = u"test"_s,
         .choices = {u"test"_s, u"permanent"_s},
         .doc = u"`test`: on trial, confirmed when it answers; `permanent`: confirmed at once."_s},
        {.name = u"allow-downgrade"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Accept an image with a lower version than the device runs."_s},
        {.name = u"reinstall"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Write the image even where the device runs it already."_s},
        {.name = u"erase"_s,
         .type = Type::Choice,
         .fallback = u"needed"_s,
         .choices = {u"needed"_s, u"all"_s},
         .doc = u"Memory at addresses: what the files need, or all of it."_s},
        {.name = u"verify"_s,
         .type = Type::Boolean,
         .fallback = true,
         .doc =
             u"Memory at addresses: compare afterwards. Image slots: false allows a boot loader that tells nothing of "
             "what it holds."_s},
        {.name = u"start"_s,
         .type = Type::Boolean,
         .fallback = true,
         .doc = u"Memory at addresses: leave the loader and run what was written."_s},
        {.name = u"payloads"_s,
         .type = Type::Files,
         .doc = u"SUIT: files that the manifest fetches and the envelope does not hold, told by their digests: "
                "`payloads: { app.bin: ../firmware/app.bin }`."_s},
        {.name = u"components"_s,
         .type = Type::Map,
         .doc = u"SUIT: where each component goes, `0x08000000`, `image 0`, `file:NAME` or `setting:NAME`; not needed "
                "for a single image: `components: { \"00\": image 0, \"01\": \"file:model.bin\" }`."_s},
        {.name = u"vendor-id"_s, .doc = u"SUIT: UUID of the device's vendor, where the device does not tell it."_s},
        {.name = u"class-id"_s, .doc = u"SUIT: UUID of the device's class, where the device does not tell it."_s}};
    kind.weight = 12;
    kind.timeoutMs = 300'000;
    kind.writes = true;
    kind.transfers = true;
    kind.needs = [](const QVariantMap &p) {
        return p.contains(u"files"_s) || p.contains(u"at"_s) ? QSet{Capability::Memory}
                                                             : QSet{Capability::Firmware, Capability::Reset};
    };
    kind.needsInstead = [](const QVariantMap &) { return QSet{Capability::Memory}; };
    kind.check = troublesOf;
    kind.make = [](const RecipeStep &step) { return std::make_unique<FlashStep>(step); };
    kind.acts = {u"flash"_s};
    kind.repeatableActs = {u"flash"_s};
    kind.reconcile = FlashTrail::reconcile;
    return kind;
}

} // namespace slipway
