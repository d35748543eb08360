#include "core/steps/flashing.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/uf2.h"

#include <QCryptographicHash>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

// A file as it was released, undamaged, and made by whom it must be made.
FirmwareFile judged(const FlashFile &file, const QByteArray &signer)
{
    if (!file.sha256.isEmpty() && QCryptographicHash::hash(file.bytes, QCryptographicHash::Sha256) != file.sha256)
        throw Fault("flash.pin", {file.name});
    FirmwareFile read = FirmwareFile::parse(file.bytes);
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
}

Flashing::Result Flashing::run(const std::function<Device &()> &device, const Task &task)
{
    // The transfer weighs most.
    m_writeNode = task.progress ? &task.progress->child(u"Write"_s, 8) : nullptr;
    m_startNode = task.progress ? &task.progress->child(u"Restart"_s, 2) : nullptr;
    return goesToMemory(device()) ? toMemory(device, task) : toSlot(device, task);
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
    const Memory::WriteResult written =
        memory.write(segments, {.verify = m_order.verify, .eraseAll = m_order.eraseAll, .family = chosen},
                     task.at(m_writeNode));
    if (m_order.verify && !written.verified)
        throw Fault("flash.unverified", {});
    if (m_writeNode)
        m_writeNode->finish();
    if (m_order.start)
        device().memory()->start({}, task.at(m_startNode));
    if (m_startNode)
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
    const Firmware::WriteResult written =
        firmware.write(m_files.front().bytes(), {.image = m_order.image}, task.at(m_writeNode));
    if (m_writeNode)
        m_writeNode->finish();
    result.written = true;
    result.bytes = written.bytes;
    result.resumedAt = written.resumedAt;
    result.seconds = written.seconds;
    result.lineLimit = written.lineLimit;
    activate(firmware, task);
    startImage(device, result, task.at(m_startNode));
    return result;
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
    if (m_startNode)
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
    if (m_startNode)
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
