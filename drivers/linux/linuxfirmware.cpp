#include "drivers/linux/linuxfirmware.h"

#include "core/base/progress.h"
#include "core/base/text.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestReport = 4 * 1024 * 1024; // installers draw bars

// What an installer says last is why it failed; RAUC and SWUpdate mark it.
QString reason(const QString &output, int status)
{
    const QStringList lines = output.split(u'\n', Qt::SkipEmptyParts);
    for (auto it = lines.rbegin(); it != lines.rend(); ++it) {
        for (const auto &mark : {"LastError:"_L1, "[ERROR]"_L1, "ERROR"_L1}) {
            const qsizetype at = it->indexOf(mark);
            if (at >= 0 && !it->mid(at + mark.size()).trimmed().isEmpty())
                return oneLine(it->mid(at + mark.size()).trimmed(), 140);
        }
    }
    return lines.isEmpty() ? u"status %1"_s.arg(status) : oneLine(lines.last().trimmed(), 140);
}

QString captured(const LinuxCommand &command, const QString &output)
{
    if (command.output.pattern().isEmpty())
        return oneLine(output.section(u'\n', 0, 0), 64);
    const auto found = command.output.match(output);
    return found.hasMatch() ? oneLine(found.captured(std::min(1, command.output.captureCount())), 64) : QString();
}

} // namespace

RaucStatus LinuxFirmware::status(const Task &task)
{
    const QString output = m_console.ask(m_board.status.command, u"tell its firmware"_s, task);
    const auto status = RaucStatus::parse(output.toUtf8());
    if (!status)
        throw Fault("linux.output-form", {m_board.status.command}, oneLine(output));
    return *status;
}

QList<RaucSlot> LinuxFirmware::raucSlots(const RaucStatus &status) const
{
    QList<RaucSlot> out;
    for (const RaucSlot &slot : status.bootSlots) {
        if (slot.slotClass == m_board.slotClass)
            out << slot;
    }
    return out;
}

QList<Firmware::ImageSlot> LinuxFirmware::imageSlots(const Task &task)
{
    QList<ImageSlot> out;
    if (m_board.update == LinuxBoard::Update::Rauc) {
        const RaucStatus told = status(task);
        for (const RaucSlot &from : raucSlots(told)) {
            ImageSlot slot;
            slot.slot = int(out.size());
            slot.version = from.version;
            slot.hash = from.sha256;
            slot.bootable = from.bootStatus != u"bad";
            slot.active = from.booted();
            slot.permanent = from.name == told.primary;
            slot.pending = slot.permanent && !slot.active;
            slot.confirmed = slot.active && from.bootStatus == u"good";
            out << slot;
        }
        return out;
    }
    ImageSlot running;
    running.version = captured(m_board.version, m_console.ask(m_board.version.command, u"tell its firmware"_s, task));
    running.bootable = running.active = true;
    if (m_board.runningSlot.given()) {
        const QString name =
            captured(m_board.runningSlot, m_console.ask(m_board.runningSlot.command, u"tell its slot"_s, task));
        bool isNumber = false;
        running.slot = name.toInt(&isNumber);
        if (!isNumber)
            running.slot = name == u"b" || name == u"B" ? 1 : 0;
    }
    running.confirmed = running.permanent = m_written.isEmpty();
    out << running;
    if (!m_written.isEmpty()) {
        ImageSlot next;
        next.slot = running.slot == 0 ? 1 : 0;
        next.hash = m_written;
        next.bootable = next.pending = true;
        out << next;
    }
    return out;
}

std::optional<qint64> LinuxFirmware::capacity(int, const Task &task)
{
    return m_files.room(m_board.firmwareFile, task);
}

void LinuxFirmware::command(const QString &command, const QString &what, const Task &task)
{
    m_console.ask(command, what, task);
}

Firmware::WriteResult LinuxFirmware::write(const QByteArray &image, const WriteOptions &options, const Task &task)
{
    if (image.isEmpty())
        throw Fault("firmware.empty");
    Progress *sending = task.progress ? &task.progress->child(u"Send"_s, 8) : nullptr;
    Progress *installing = task.progress ? &task.progress->child(u"Install"_s, 2) : nullptr;
    WriteResult result;
    result.lineLimit = m_console.info().bytesPerSecond();
    if (sending)
        sending->setLineLimit(result.lineLimit);
    if (options.stage)
        options.stage(WriteStage::Writing);
    if (sending)
        sending->watch([whole = task.progress](qint64 done) { whole->setDone(done); });
    const LinuxFiles::Sent sent = m_files.put(image, m_board.firmwareFile, options.resume, task.at(sending));
    result.bytes = sent.bytes;
    result.resumedAt = sent.resumedAt;
    result.seconds = sent.seconds;
    if (sending) {
        sending->watch({});
        sending->finish();
    }
    if (installing) {
        installing->begin();
        installing->setNote(u"installing"_s);
    }
    task.say(u"The firmware is on the device (%1); installing."_s.arg(sent.how));
    LinuxConsole::Order order;
    order.command = filledIn(m_board.install, {{u"file"_s, m_board.firmwareFile}}).toUtf8();
    order.what = u"the installation"_s;
    order.patience = m_board.installTime;
    order.limit = longestReport;
    const auto reply = m_console.run(order, task);
    m_files.remove(m_board.firmwareFile, task);
    if (!reply.ok())
        throw Fault("linux.install", {reason(reply.text(), reply.status)}, oneLine(reply.text()));
    m_written = QCryptographicHash::hash(image, QCryptographicHash::Sha256);
    if (installing)
        installing->finish();
    return result;
}

void LinuxFirmware::activate(const QByteArray &wanted, bool, const Task &task)
{
    const QByteArray hash = wanted.isEmpty() ? m_written : wanted;
    if (m_board.update == LinuxBoard::Update::Rauc) {
        const RaucStatus told = status(task);
        const QList<RaucSlot> list = raucSlots(told);
        for (const RaucSlot &slot : list) {
            // By the hash of the image in the slot, or of the bundle that was just installed: then it is the other
            // slot.
            const bool meant = slot.sha256 == hash || (hash == m_written && !slot.booted());
            if (!meant || hash.isEmpty())
                continue;
            if (told.primary != slot.name)
                command(filledIn(m_board.activate, {{u"slot"_s, slot.name}}), u"start from %1"_s.arg(slot.name), task);
            return;
        }
        throw Fault("device.refused", {u"start that image"_s, u"no slot holds it"_s});
    }
    if (hash != m_written || hash.isEmpty())
        throw Fault("device.refused", {u"start that image"_s, u"it was not installed in this session"_s});
    if (!m_board.activate.isEmpty()) // else the installer did so
        command(m_board.activate, u"start the new firmware"_s, task);
}

void LinuxFirmware::confirm(const Task &task)
{
    if (!m_board.confirm.isEmpty())
        command(m_board.confirm, u"keep its firmware"_s, task);
    m_written.clear();
}

void LinuxFirmware::erase(int, int, const Task &)
{
    throw Fault("device.lacks", {u"erase a firmware slot"_s});
}

} // namespace slipway
