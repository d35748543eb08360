#include "drivers/smp/smpdevice.h"

#include "core/base/text.h"
#include "drivers/smp/imageupload.h"
#include "drivers/smp/smpfiles.h"
#include "drivers/smp/smpimages.h"
#include "drivers/smp/smpos.h"
#include "drivers/smp/smpsettings.h"
#include "drivers/smp/smpshell.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestFile = 4 * 1024 * 1024;

// 8 bytes, or 16 hex digits with or without separators: "02-00-5e-ff-fe-00-53-01".
QString eui64(const QByteArray &bytes)
{
    if (bytes.size() == 8)
        return hex(bytes, u'-');
    QString digits = QString::fromLatin1(bytes).trimmed();
    digits.remove(u'-').remove(u':').remove(u' ');
    const auto raw = fromHex(digits);
    return raw && raw->size() == 8 ? hex(*raw, u'-') : QString();
}

// Faults that say "this device does not have that"; anything else is trouble.
bool meansAbsent(const Fault &fault)
{
    return fault.is("device.lacks") || fault.is("device.refused");
}

} // namespace

SmpDevice::SmpDevice(std::unique_ptr<SmpClient> client, BoardQuirks board)
    : m_client(std::move(client)), m_board(std::move(board))
{
    if (m_board.hasKeys())
        m_keys.emplace(*m_client, m_board);
    if (!m_board.locks.isEmpty())
        m_lock.emplace(*m_client, m_board);
}

std::optional<QString> SmpDevice::fact(const FactSource &source, const Task &task)
{
    QByteArray bytes;
    switch (source.place) {
    case FactSource::Place::None:
        return std::nullopt;
    case FactSource::Place::Setting: {
        const auto value = smp::findSetting(*m_client, source.where, task);
        if (!value)
            return std::nullopt;
        bytes = *value;
        break;
    }
    case FactSource::Place::File:
        try {
            bytes = smp::downloadFile(*m_client, source.where, 4096, task.at(nullptr));
        } catch (const Fault &fault) {
            if (!meansAbsent(fault))
                throw;
            return std::nullopt;
        }
        break;
    case FactSource::Place::Shell:
        try {
            const Result result = smp::runShell(*m_client, source.where, true, task);
            if (result.status != 0)
                return std::nullopt;
            bytes = result.output.toUtf8();
            if (!source.output.pattern().isEmpty()) {
                const auto found = source.output.match(result.output);
                if (!found.hasMatch())
                    return std::nullopt;
                bytes = found.captured(std::min(1, source.output.captureCount())).toUtf8();
            }
        } catch (const Fault &fault) {
            if (!meansAbsent(fault))
                throw;
            return std::nullopt;
        }
        break;
    }
    if (source.form == FactSource::Form::Eui64)
        return eui64(bytes);
    while (bytes.endsWith('\0'))
        bytes.chop(1);
    return oneLine(QString::fromUtf8(bytes).trimmed(), 128);
}

DeviceFacts SmpDevice::facts(const Task &task)
{
    DeviceFacts facts;
    facts.driver = u"smp"_s;
    facts.port = m_client->link().port;
    facts.line = m_client->link().line;
    facts.board = fact(m_board.facts.value(u"board"_s), task).value_or(m_board.name);
    facts.serial = fact(m_board.facts.value(u"serial"_s), task).value_or(QString());
    facts.hardwareId = fact(m_board.facts.value(u"hardware-id"_s), task).value_or(QString());

    const bool recovery = smp::isSerialRecovery(*m_client, task);
    const auto loader = smp::bootLoader(*m_client, task);
    if (loader || recovery)
        facts.bootLoader = (loader ? loader->text() : u"MCUboot"_s) + (recovery ? u", serial recovery"_s : QString());
    try {
        const QList<ImageSlot> images = smp::imageList(*m_client, task);
        for (const ImageSlot &slot : images) {
            if (!slot.active)
                continue;
            facts.firmwareVersion = slot.version;
            facts.firmwareHash = slot.hash;
            break;
        }
    } catch (const Fault &fault) {
        if (!meansAbsent(fault))
            throw;
    }
    if (m_board.identityStatus.given()) {
        const Result status = smp::runShell(*m_client, m_board.identityStatus.command, true, task);
        if (status.status == 0)
            facts.identityPresent = m_board.identityStatus.pattern.match(status.output).hasMatch();
    }
    if (m_lock && m_board.locks.contains(u"debug"_s))
        facts.locked = m_lock->isLocked(u"debug"_s, task);

    if (const auto counter = fact(m_board.facts.value(u"security-counter"_s), task))
        facts.more.insert(u"security-counter"_s, *counter);
    const auto &buffers = m_client->parameters();
    if (buffers.told)
        facts.more.insert(u"buffers"_s, u"%1 x %2"_s.arg(buffers.bufferCount).arg(buffers.bufferSize));
    facts.more.insert(u"protocol"_s, u"SMP version %1"_s.arg(m_client->version() + 1));
    if (!recovery) {
        if (const auto os = smp::osInfo(*m_client, u"a"_s, task); os && !os->isEmpty())
            facts.more.insert(u"os"_s, *os);
    }
    return facts;
}

QList<Firmware::ImageSlot> SmpDevice::imageSlots(const Task &task)
{
    return smp::imageList(*m_client, task);
}

std::optional<qint64> SmpDevice::capacity(int image, const Task &task)
{
    if (const auto places = smp::slotInfo(*m_client, task)) {
        std::optional<qint64> size;
        for (const smp::SlotInfo &place : *places) {
            if (place.image != image)
                continue;
            // Where it says so, the slot that uploads go to; else slot 1, which the application uses.
            if (place.uploadImage ? *place.uploadImage == image : (!size || place.slot == 1))
                size = place.size;
        }
        if (size)
            return size;
    }
    if (m_board.slotBytes > 0)
        return m_board.slotBytes;
    return std::nullopt;
}

Firmware::WriteResult SmpDevice::write(const QByteArray &image, const WriteOptions &options, const Task &task)
{
    return uploadImage(*m_client, image, options, restartTime(), task);
}

void SmpDevice::activate(const QByteArray &hash, bool permanent, const Task &task)
{
    smp::setImageState(*m_client, hash, permanent, task);
}

void SmpDevice::confirm(const Task &task)
{
    smp::setImageState(*m_client, {}, true, task);
}

void SmpDevice::erase(int image, int slot, const Task &task)
{
    smp::eraseSlot(*m_client, image * 2 + slot, task);
}

QByteArray SmpDevice::read(Kind kind, const QString &name, const Task &task)
{
    return kind == Kind::File ? smp::downloadFile(*m_client, name, longestFile, task)
                              : smp::readSetting(*m_client, name, task);
}

void SmpDevice::write(Kind kind, const QString &name, const QByteArray &content, const Task &task)
{
    if (kind == Kind::File)
        smp::uploadFile(*m_client, name, content, task);
    else
        smp::writeSetting(*m_client, name, content, task);
}

// SMP has no command that deletes a file; Zephyr's shell has.
void SmpDevice::remove(Kind kind, const QString &name, const Task &task)
{
    if (kind == Kind::Setting)
        return smp::deleteSetting(*m_client, name, task);
    const QString what = u"delete the file %1"_s.arg(oneLine(name, 80));
    for (const QChar c : name) {
        if (c.isSpace() || c.category() == QChar::Other_Control || c == u'"' || c == u'\'')
            throw Fault("device.lacks", {what});
    }
    const Result result = smp::runShell(*m_client, u"fs rm "_s + name, true, task);
    if (result.status != 0)
        throw Fault("device.refused", {what, oneLine(result.output, 120)});
}

std::optional<QByteArray> SmpDevice::sha256(const QString &file, const Task &task)
{
    return smp::fileSha256(*m_client, file, task);
}

void SmpDevice::commitSettings(const Task &task)
{
    for (const auto call : {smp::commitSettings, smp::saveSettings}) {
        try {
            call(*m_client, task);
        } catch (const Fault &fault) {
            if (!fault.is("device.lacks")) // older servers save at once
                throw;
        }
    }
}

Shell::Result SmpDevice::run(const QString &command, const Task &task)
{
    return smp::runShell(*m_client, command, false, task);
}

void SmpDevice::reset(const Task &task)
{
    smp::restart(*m_client, restartTime(), task);
}

void SmpDevice::setTime(const QDateTime &utc, const Task &task)
{
    smp::setTime(*m_client, utc, task);
}

QDateTime SmpDevice::time(const Task &task)
{
    return smp::time(*m_client, task);
}

} // namespace slipway
