// flash: verifies an MCUboot image, writes it, and sees that the device runs it.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/mcubootimage.h"
#include "core/steps/kinds.h"

#include <QCryptographicHash>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 signerLimit = 64 * 1024;

class FlashStep : public Step
{
public:
    explicit FlashStep(const RecipeStep &step) : m_p(step.parameters), m_image(m_p.value(u"image-number"_s).toInt()) {}

    // Nothing reaches the device before the image has been verified.
    void prepare(StepContext &) override
    {
        const QByteArray bytes =
            readFile(m_p.value(u"image"_s).toString(), McubootImage::MaximumBytes, u"a firmware image"_s);
        McubootImage image = McubootImage::parse(bytes);
        image.verify(readFile(m_p.value(u"signer"_s).toString(), signerLimit, u"a public key"_s));
        m_firmware = std::move(image);
    }

    void run(StepContext &context, const Task &task) override
    {
        if (!m_firmware)
            prepare(context);
        Firmware *firmware = context.device().firmware();
        if (!firmware)
            throw Fault("device.lacks", {u"take firmware"_s});
        layOut(task);

        const auto before = running(*firmware, task);
        if (before && before->hash == m_firmware->hash() && !m_p.value(u"reinstall"_s).toBool()) {
            if (!before->confirmed)
                firmware->confirm(task);
            record(context, u"already running"_s);
            context.summary(u"%1 runs already"_s.arg(m_firmware->version().toString()));
            return;
        }
        checkAgainst(context, *firmware, task);
        const Firmware::WriteResult result = write(*firmware, task);
        start(context, task, before);
        record(context, u"flashed"_s);
        context.fact(u"firmware"_s, m_firmware->version().toString());
        context.fact(u"firmware-hash"_s, hex(m_firmware->hash()));
        context.summary(summary(result));
    }

private:
    // Progress: the transfer weighs most.
    void layOut(const Task &task)
    {
        m_writeNode = task.progress ? &task.progress->child(u"Write"_s, 8) : nullptr;
        m_startNode = task.progress ? &task.progress->child(u"Restart"_s, 2) : nullptr;
    }

    std::optional<Firmware::ImageSlot> running(Firmware &firmware, const Task &task) const
    {
        const auto list = firmware.imageSlots(task);
        for (const Firmware::ImageSlot &slot : list) {
            if (slot.image == m_image && slot.active)
                return slot;
        }
        return {};
    }

    void checkAgainst(StepContext &context, Firmware &firmware, const Task &task) const
    {
        RunningFirmware known;
        known.slotSize = firmware.capacity(m_image, task);
        known.allowOlder = m_p.value(u"allow-downgrade"_s).toBool();
        const auto list = firmware.imageSlots(task);
        for (const Firmware::ImageSlot &slot : list) {
            const auto version = McubootVersion::parse(slot.version);
            if (!slot.active || !version)
                continue;
            known.images.insert(slot.image, *version);
            if (slot.image == m_image)
                known.version = version;
        }
        // Few devices tell it; where one does not, its boot loader is the judge and the restart shows what it said.
        bool told = false;
        const quint32 counter = context.device().facts(task).more.value(u"security-counter"_s).toUInt(&told);
        if (told)
            known.securityCounter = counter;
        m_firmware->checkAgainst(known);
    }

    Firmware::WriteResult write(Firmware &firmware, const Task &task) const
    {
        Firmware::WriteOptions options;
        options.image = m_image;
        const Task writing = task.at(m_writeNode);
        const Firmware::WriteResult result = firmware.write(m_firmware->bytes(), options, writing);
        if (m_writeNode)
            m_writeNode->finish();
        const auto list = firmware.imageSlots(task);
        QString others;
        for (const Firmware::ImageSlot &slot : list) {
            if (slot.image != m_image)
                continue;
            if (slot.hash == m_firmware->hash()) {
                if (slot.slot != 0 || !slot.active) // a boot loader's recovery writes what it boots anyway
                    firmware.activate(slot.hash, permanent(), task);
                return result;
            }
            others += u" slot %1: %2"_s.arg(slot.slot).arg(hex(slot.hash));
        }
        throw Fault("flash.hash", {m_firmware->version().toString()},
                    u"wanted %1;%2"_s.arg(hex(m_firmware->hash()), others));
    }

    void start(StepContext &context, const Task &task, const std::optional<Firmware::ImageSlot> &before) const
    {
        const Task starting = task.at(m_startNode);
        if (m_startNode)
            m_startNode->setNote(u"waiting for the device to restart"_s);
        Reset *reset = context.device().resetter();
        if (!reset)
            throw Fault("device.lacks", {u"be restarted from here"_s});
        reset->reset(starting);
        Firmware *firmware = context.device().firmware(); // the device may be another object now
        if (!firmware)
            throw Fault("flash.not-running", {m_firmware->version().toString(), u"nothing that can be asked"_s});
        auto now = running(*firmware, starting);
        if (!now || now->hash != m_firmware->hash()) {
            if (now && before && now->hash == before->hash)
                throw Fault("flash.refused", {m_firmware->version().toString(), now->version});
            throw Fault("flash.not-running",
                        {m_firmware->version().toString(), now ? oneLine(now->version, 40) : u"no image"_s});
        }
        if (!permanent()) {
            firmware->confirm(starting);
            now = running(*firmware, starting);
        }
        if (!now || !now->confirmed)
            throw Fault("flash.not-confirmed", {m_firmware->version().toString()});
        if (m_startNode)
            m_startNode->finish();
    }

    bool permanent() const { return m_p.value(u"activation"_s).toString() == u"permanent"; }

    void record(StepContext &context, const QString &use) const
    {
        const QByteArray bytes = m_firmware->bytes();
        QCborMap body{{u"sha256"_s, QCryptographicHash::hash(bytes, QCryptographicHash::Sha256)},
                      {u"name"_s, QFileInfo(m_p.value(u"image"_s).toString()).fileName()},
                      {u"size"_s, bytes.size()},
                      {u"product"_s, context.recipe().name},
                      {u"version"_s, m_firmware->version().toString()},
                      {u"signer"_s, m_firmware->keyHash() ? hex(*m_firmware->keyHash()) : QString()},
                      {u"image-hash"_s, m_firmware->hash()},
                      {u"use"_s, use}};
        if (const auto counter = m_firmware->securityCounter())
            body.insert(u"security-counter"_s, qint64(*counter));
        context.record(u"artifact"_s, body);
    }

    QString summary(const Firmware::WriteResult &result) const
    {
        QString text = u"%1, %2"_s.arg(m_firmware->version().toString(), humanSize(m_firmware->bytes().size()));
        if (result.seconds > 0) {
            const double rate = double(result.bytes) / result.seconds;
            text += u" at "_s + humanRate(rate);
            if (result.lineLimit > 0)
                text += u", %1 % of the line"_s.arg(qRound(100 * rate / result.lineLimit));
        }
        if (result.resumedAt > 0)
            text += u", resumed at %1"_s.arg(humanSize(result.resumedAt));
        return text;
    }

    QVariantMap m_p;
    int m_image;
    std::optional<McubootImage> m_firmware;
    Progress *m_writeNode = nullptr;
    Progress *m_startNode = nullptr;
};

} // namespace

StepKind flashKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"flash"_s;
    kind.title = u"Flash"_s;
    kind.summary = u"Verifies an MCUboot image, writes it and sees that the device runs it."_s;
    kind.manual =
        u"Before a byte is sent the image's structure, hash and signature are verified with the key in `signer`. "
        "Refused are images that are damaged, signed by another key, too large for the slot, that need another image "
        "first, and such as are older than what the device runs, by version or by security counter. "
        "`allow-downgrade` lets the version go back, never the security counter.\n\n"
        "A device that runs exactly this image already is left alone. Otherwise the image is written (an interrupted "
        "transfer goes on where it stopped), the hash that the device then reports is compared, the image is "
        "activated, the device restarts, and version and hash of what it runs are read back. With `activation: test` "
        "the image starts on trial and is confirmed only after it has answered: one that does not start well is "
        "undone by the next restart. With `permanent` it is confirmed from the first start."_s;
    kind.example =
        u"- flash: { image: ../firmware/t1-1.4.2-p256.bin, signer: ../firmware/fw-signing.pem, retries: 1 }"_s;
    kind.parameters = {{.name = u"image"_s, .type = Type::File, .required = true, .doc = u"The signed image."_s},
                       {.name = u"signer"_s,
                        .type = Type::File,
                        .required = true,
                        .doc = u"Public key or certificate (PEM) that the image must be signed with."_s},
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
                        .doc = u"Write the image even where the device runs it already."_s}};
    kind.weight = 12;
    kind.timeoutMs = 300'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Firmware, Capability::Reset}; };
    kind.check = [](const QVariantMap &, const Recipe &recipe) {
        QList<std::pair<QString, QString>> troubles;
        if (const auto why = recipe.deviceClass.rulesOutFieldUpdate())
            troubles.append({QString(), u"\"flash\" is ruled out: "_s + *why});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<FlashStep>(step); };
    return kind;
}

} // namespace slipway
