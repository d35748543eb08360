#include "core/steps/flashing.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/uf2.h"
#include "core/steps/suitflashing.h"

#include <QCryptographicHash>
#include <QScopeGuard>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int tellings = 10; // while bytes are written

// A file as it was released, undamaged, and made by whom it must be made.
FirmwareFile judged(const FlashFile &file, const QByteArray &signer)
{
    if (!file.sha256.isEmpty() && QCryptographicHash::hash(file.bytes, QCryptographicHash::Sha256) != file.sha256)
        throw Fault("flash.pin", {file.name});
    FirmwareFile read = FirmwareFile::parse(file.bytes);
    if (read.suit()) {
        if (signer.isEmpty())
            throw Fault("flash.no-signer", {file.name});
        return read; // its signature comes first of all
    }
    if (!signer.isEmpty()) {
        if (!read.mcuboot())
            throw Fault("flash.no-signature", {file.name, read.formatName()});
        read.mcuboot()->verify(signer);
    }
    read.check();
    return read;
}

} // namespace

Flashing::Flashing(FlashOrder order) : m_order(std::move(order))
{
    if (m_order.files.isEmpty())
        throw Fault("internal.defect", {}, u"no file to flash"_s);
    for (const FlashFile &file : std::as_const(m_order.files))
        m_files.append(judged(file, m_order.signer));
    const bool suit = std::any_of(m_files.begin(), m_files.end(), [](const auto &file) { return file.suit(); });
    if (suit && m_files.size() > 1)
        throw Fault("flash.suit-alone", {});
    if (suit)
        m_suit = std::make_shared<SuitFlashing>(m_order, *m_files.front().suit());
    else if (!m_order.suit.payloads.isEmpty() || !m_order.suit.places.isEmpty())
        throw Fault("flash.suit-none", {m_order.files.front().name, m_files.front().formatName()});
}

const SuitManifest *Flashing::manifest() const
{
    return m_suit ? &m_suit->manifest() : nullptr;
}

QByteArray Flashing::manifestDigest() const
{
    return m_suit ? m_files.front().suit()->digest().bytes : QByteArray();
}

Flashing::Result Flashing::run(const std::function<Device &()> &device, const Task &task, const FlashSink &reached)
{
    if (m_suit)
        return m_suit->run(device, task, reached);
    // Without anybody who looks at progress it counts how far a write got all the same.
    Progress own;
    Progress &node = task.progress ? *task.progress : own;
    // The transfer weighs most.
    m_writeNode = &node.child(u"Write"_s, 8);
    m_startNode = &node.child(u"Restart"_s, 2);
    m_reached = reached;
    m_reach = m_told = {};
    const auto unwatch = qScopeGuard([this] {
        m_writeNode->watch({});
        m_writeNode = m_startNode = nullptr;
        m_reached = {};
    });
    checkUsbIds(device(), task);
    try {
        return goesToMemory(device()) ? toMemory(device, task) : toSlot(device, task);
    } catch (...) {
        if (m_reach.stage != m_told.stage || m_reach.done != m_told.done)
            tell();
        throw;
    }
}

// What is not told (0xffff in the file, nothing by the device) cannot be held against it. A part that was in its
// application has two ids; a file may be for either.
void Flashing::checkUsbIds(Device &device, const Task &task) const
{
    const auto told = std::find_if(m_files.begin(), m_files.end(), [](const auto &file) { return file.usbIds(); });
    if (told == m_files.end())
        return;
    const DeviceFacts facts = device.facts(task);
    const auto number = [&facts](const QString &fact, qsizetype from) {
        bool ok = false;
        const quint16 value = facts.more.value(fact).mid(from, 4).toUShort(&ok, 16);
        return ok ? std::optional(value) : std::nullopt;
    };
    for (const FirmwareFile &file : m_files) {
        if (!file.usbIds())
            continue;
        const FirmwareFile::UsbIds &ids = *file.usbIds();
        QStringList shown;
        bool fits = false;
        for (const QString &fact : {u"usb-id"_s, u"usb-id-application"_s}) {
            const auto vendor = number(fact, 0), product = number(fact, 5);
            if (!vendor || !product)
                continue;
            shown << facts.more.value(fact);
            fits = fits || ((ids.vendor == 0xffff || ids.vendor == *vendor) &&
                            (ids.product == 0xffff || ids.product == *product));
        }
        if (!fits && !shown.isEmpty())
            throw Fault("flash.usb-device", {ids.text(), oneLine(shown.join(u" or "_s), 60)});
        // The release is that of the firmware in the file, so it is held against the application that runs.
        const QStringList release = facts.more.value(u"usb-release-application"_s).split(u'.');
        bool major = false, minor = false;
        const int running =
            release.size() == 2 ? (release[0].toInt(&major, 16) << 8) + release[1].toInt(&minor, 16) : 0;
        if (major && minor && ids.release != 0xffff && ids.release < running && !m_order.allowOlder)
            throw Fault("flash.usb-older",
                        {ids.text(), oneLine(shown.first() + u", release "_s + release.join(u'.'), 60)});
    }
}

// Stages only go on; a chunk that is erased after another was written is still writing.
void Flashing::reach(WriteStage stage)
{
    if (stage < m_reach.stage ||
        (stage == m_told.stage && m_reach.done - m_told.done < std::max<qint64>(1, m_reach.total / tellings)))
        return;
    m_reach.stage = stage;
    tell();
}

void Flashing::tell()
{
    m_told = m_reach;
    if (m_reached)
        m_reached(m_reach);
}

// Tells that the writing begins. A driver that never says where it is, may have changed something at any time.
StageSink Flashing::beginWriting(const QList<MemorySegment> &segments, qint64 total)
{
    watchBytes(segments, total);
    tell();
    m_reach.stage = WriteStage::Writing;
    return [this](WriteStage stage) {
        if (m_reach.done == 0 && stage < WriteStage::Writing)
            m_reach.stage = stage;
        reach(stage);
    };
}

void Flashing::watchBytes(const QList<MemorySegment> &segments, qint64 total)
{
    m_reach.total = total;
    m_writeNode->watch([this, segments](qint64 done) {
        if (m_reach.stage > WriteStage::Writing)
            return;
        m_reach.done = std::clamp<qint64>(done, 0, m_reach.total);
        qint64 left = m_reach.done;
        for (const MemorySegment &segment : segments) {
            m_reach.at = segment.at + quint64(std::min<qint64>(left, segment.bytes.size()));
            if (left < segment.bytes.size())
                break;
            left -= segment.bytes.size();
        }
        if (m_reach.done > 0)
            reach(WriteStage::Writing);
    });
}

bool Flashing::goesToMemory(Device &device) const
{
    if (!device.memory() && !device.firmware())
        throw Fault("device.lacks", {u"take firmware"_s});
    if (!device.memory() || !device.firmware())
        return device.memory() != nullptr;
    // One that has both: what has an address goes there.
    return m_files.size() > 1 || m_files.front().hasAddresses() || m_order.files.front().at.has_value();
}

// Memory

Flashing::Result Flashing::toMemory(const std::function<Device &()> &device, const Task &task)
{
    Memory &memory = *device().memory();
    const QList<quint32> taken = memory.families(task);
    std::optional<quint32> chosen;
    QList<MemorySegment> segments;
    for (qsizetype i = 0; i < m_files.size(); ++i) {
        const std::optional<quint32> &named = m_order.files[i].family;
        const bool narrow = named && taken.contains(*named); // one that it does not take is refused like any other
        const auto family = m_files[i].familyAmong(narrow ? QList<quint32>{*named} : taken);
        if (family && chosen && family != chosen)
            throw Fault("firmware.families", {uf2FamilyName(*chosen) + u", "_s + uf2FamilyName(*family)});
        chosen = family ? family : chosen;
        segments += m_files[i].segments(m_order.files[i].at, family ? family : named);
    }
    segments = tidy(segments);

    memory.check(segments, task);
    qint64 total = 0;
    for (const MemorySegment &segment : std::as_const(segments))
        total += segment.bytes.size();
    const Memory::WriteResult written = memory.write(segments,
                                                     {.verify = m_order.verify,
                                                      .eraseAll = m_order.eraseAll,
                                                      .stage = beginWriting(segments, total),
                                                      .family = chosen},
                                                     task.at(m_writeNode));
    m_reach.done = total;
    m_reach.at.reset();
    if (m_order.verify && !written.verified)
        throw Fault("flash.unverified", {});
    m_writeNode->finish();
    reach(WriteStage::Restarting);
    if (m_order.start)
        device().memory()->start({}, task.at(m_startNode));
    m_startNode->finish();

    Result result;
    result.written = true;
    result.version = wantedVersion();
    result.bytes = written.bytes;
    result.seconds = written.seconds;
    result.lineLimit = written.lineLimit;
    result.compared = written.how;
    return result;
}

// Slots

Flashing::Result Flashing::toSlot(const std::function<Device &()> &device, const Task &task)
{
    if (m_files.size() > 1)
        throw Fault("device.lacks", {u"take several files at addresses"_s});
    Firmware &firmware = *device().firmware();
    Result result;
    if (const auto slot = running(firmware, task))
        result.before = *slot;
    result.version = wantedVersion();
    const bool silent = !m_order.verify && result.version.isEmpty() && !mcuboot() && tellsNothing(firmware, task);
    if (mcuboot())
        result.hash = mcuboot()->hash();

    if (!result.hash.isEmpty() && result.before.hash == result.hash && !m_order.reinstall) {
        if (!result.before.confirmed && !m_order.trial)
            firmware.confirm(task);
        result.now = result.before;
        result.now.confirmed = result.confirmed = result.before.confirmed || !m_order.trial;
        return result;
    }
    checkAgainst(device(), firmware, task);
    const QByteArray &bytes = m_files.front().bytes();
    const Firmware::WriteResult written =
        firmware.write(bytes, {.image = m_order.image, .stage = beginWriting({}, bytes.size())}, task.at(m_writeNode));
    m_writeNode->finish();
    m_reach.done = m_reach.total;
    reach(WriteStage::Restarting);
    result.written = true;
    result.bytes = written.bytes;
    result.resumedAt = written.resumedAt;
    result.seconds = written.seconds;
    result.lineLimit = written.lineLimit;
    activate(firmware, task);
    if (silent) {
        if (Reset *reset = device().resetter())
            reset->reset(task.at(m_startNode));
        m_startNode->finish();
        return result;
    }
    startImage(device, result, task.at(m_startNode));
    return result;
}

// A boot loader that names its images and says nothing of what they hold or which of them runs (plain DFU): it judges
// an image itself when it takes it over, and there is nothing to read back.
bool Flashing::tellsNothing(Firmware &firmware, const Task &task)
{
    const auto list = firmware.imageSlots(task);
    return std::all_of(list.begin(), list.end(), [](const Firmware::ImageSlot &slot) {
        return !slot.active && slot.version.isEmpty() && slot.hash.isEmpty();
    });
}

std::optional<Firmware::ImageSlot> Flashing::running(Firmware &firmware, const Task &task) const
{
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        if (slot.image == m_order.image && slot.active)
            return slot;
    }
    return {};
}

// Slot size, versions and security counter, as far as the device tells them.
void Flashing::checkAgainst(Device &device, Firmware &firmware, const Task &task) const
{
    RunningFirmware known;
    known.slotSize = firmware.capacity(m_order.image, task);
    if (!mcuboot()) {
        if (known.slotSize && m_files.front().bytes().size() > *known.slotSize)
            throw Fault("firmware.oversize",
                        {QString::number(m_files.front().bytes().size()), QString::number(*known.slotSize)});
        return;
    }
    known.allowOlder = m_order.allowOlder;
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        const auto version = McubootVersion::parse(slot.version);
        if (!slot.active || !version)
            continue;
        known.images.insert(slot.image, *version);
        if (slot.image == m_order.image)
            known.version = version;
    }
    // Few devices tell it; where one does not, its boot loader is the judge and the restart shows what it said.
    bool told = false;
    const quint32 counter = device.facts(task).more.value(u"security-counter"_s).toUInt(&told);
    if (told)
        known.securityCounter = counter;
    mcuboot()->checkAgainst(known);
}

// The device's own hash of what it holds, not ours, names what is to start next.
void Flashing::activate(Firmware &firmware, const Task &task) const
{
    if (!mcuboot()) {
        firmware.activate({}, m_order.permanent, task);
        return;
    }
    const auto list = firmware.imageSlots(task);
    QString others;
    for (const Firmware::ImageSlot &slot : list) {
        if (slot.image != m_order.image)
            continue;
        if (slot.hash == mcuboot()->hash()) {
            if (slot.slot != 0 || !slot.active) // a boot loader's recovery writes what it boots anyway
                firmware.activate(slot.hash, m_order.permanent, task);
            return;
        }
        others += u" slot %1: %2"_s.arg(slot.slot).arg(hex(slot.hash));
    }
    throw Fault("flash.hash", {wantedVersion()}, u"wanted %1;%2"_s.arg(hex(mcuboot()->hash()), others));
}

void Flashing::startImage(const std::function<Device &()> &device, Result &result, const Task &task) const
{
    m_startNode->setNote(u"waiting for the device to restart"_s);
    Reset *reset = device().resetter();
    if (!reset)
        throw Fault("device.lacks", {u"be restarted from here"_s});
    reset->reset(task);
    Firmware *firmware = device().firmware(); // the device may be another object now
    const QString wanted = result.version.isEmpty() ? u"The new firmware"_s : result.version;
    if (!firmware)
        throw Fault("flash.not-running", {wanted, u"nothing that can be asked"_s});
    auto now = running(*firmware, task);
    const bool runs =
        now && (mcuboot() ? now->hash == result.hash : result.version.isEmpty() || now->version == result.version);
    if (!runs) {
        if (now && !now->hash.isEmpty() && now->hash == result.before.hash)
            throw Fault("flash.refused", {wanted, oneLine(now->version, 40)});
        throw Fault("flash.not-running", {wanted, now ? oneLine(now->version, 40) : u"no image"_s});
    }
    if (!m_order.permanent && !m_order.trial && (mcuboot() || !now->confirmed)) {
        firmware->confirm(task);
        now = running(*firmware, task);
    }
    result.confirmed = now && now->confirmed;
    if (!m_order.trial && !result.confirmed)
        throw Fault("flash.not-confirmed", {wanted});
    result.now = *now;
    if (result.version.isEmpty())
        result.version = oneLine(now->version, 40);
    result.compared = mcuboot() ? u"hash read back"_s : u"version read back"_s;
    m_startNode->finish();
}

QString Flashing::wantedVersion() const
{
    if (mcuboot())
        return mcuboot()->version().toString();
    if (!m_order.version.isEmpty())
        return m_order.version;
    for (const FirmwareFile::Fact &fact : m_files.front().facts()) {
        if (fact.key == u"version")
            return oneLine(fact.value.toString(), 40);
    }
    return {};
}

QString FlashReach::words() const
{
    const QString bytes = u"%1 of %2"_s.arg(humanSize(done), humanSize(total));
    const QString place = at ? u" (%1)"_s.arg(addressText(*at)) : QString();
    switch (stage) {
    case WriteStage::Checking:
        return u"before anything was erased or written"_s;
    case WriteStage::Erasing:
        return done > 0 ? u"while memory was erased, with %1 written"_s.arg(bytes) : u"while memory was erased"_s;
    case WriteStage::Writing:
        return u"while it was written, at %1%2"_s.arg(bytes, place);
    case WriteStage::Verifying:
        return u"after all of it was written, while it was compared"_s;
    case WriteStage::Restarting:
        break;
    }
    return u"after all of it was written, while the device restarted"_s;
}

QString Flashing::Result::summary() const
{
    if (!written)
        return u"%1 runs already"_s.arg(version);
    QString text = humanSize(bytes + resumedAt);
    if (!version.isEmpty())
        text.prepend(version + u", "_s);
    if (rate() > 0) {
        text += u" at "_s + humanRate(rate());
        if (lineLimit > 0)
            text += u", %1 % of the line"_s.arg(qRound(100 * rate() / lineLimit));
    }
    if (resumedAt > 0)
        text += u", resumed at %1"_s.arg(humanSize(resumedAt));
    return text;
}

} // namespace slipway
