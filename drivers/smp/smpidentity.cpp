#include "drivers/smp/smpidentity.h"

#include "core/base/text.h"
#include "core/codec/pem.h"
#include "drivers/smp/smpfiles.h"
#include "drivers/smp/smpshell.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 longestRequest = 16 * 1024, longestChain = 64 * 1024;
constexpr qsizetype longestSignature = 80; // DER of two 32-byte numbers is at most 72

bool matches(const BoardCommand &command, const QString &output)
{
    return !command.pattern.pattern().isEmpty() && command.pattern.match(output).hasMatch();
}

// The words of a refusal: what the device printed, else its status.
QString refusal(const Shell::Result &result)
{
    const QString words = oneLine(result.output, 120);
    return words.isEmpty() ? u"status %1"_s.arg(result.status) : words;
}

} // namespace

void SmpKeys::generate(const Task &task)
{
    const Shell::Result result = smp::runShell(m_client, m_board.generate.command, true, task);
    if (result.status == 0)
        return;
    if (matches(m_board.generate, result.output))
        throw Fault("device.locked", {}, refusal(result));
    throw Fault("device.refused", {u"make a key"_s, refusal(result)});
}

QByteArray SmpKeys::request(const QString &serial, const Task &task)
{
    // The serial number becomes one word of a command line.
    for (const QChar c : serial) {
        if (!(c.isLetterOrNumber() || u"-_.:/+"_s.contains(c)))
            throw Fault("smp.serial-form", {oneLine(serial, 60)});
    }
    if (serial.isEmpty() || serial.size() > 64)
        throw Fault("smp.serial-form", {oneLine(serial, 60)});
    QString command = m_board.request.command;
    command.replace("${serial}"_L1, serial);
    const Shell::Result result = smp::runShell(m_client, command, true, task);
    if (result.status != 0)
        throw Fault("device.refused", {u"make a certificate request"_s, refusal(result)});
    return smp::downloadFile(m_client, m_board.requestFile, longestRequest, task.at(nullptr));
}

QByteArray SmpKeys::sign(const QByteArray &challenge, const Task &task)
{
    QString command = m_board.sign.command;
    command.replace("${challenge}"_L1, hex(challenge));
    const Shell::Result result = smp::runShell(m_client, command, true, task);
    if (result.status != 0)
        throw Fault("device.refused", {u"sign"_s, refusal(result)});
    const auto found = m_board.sign.pattern.match(result.output);
    const auto signature = found.hasMatch() ? fromHex(found.captured(1)) : std::nullopt;
    if (!signature || signature->isEmpty() || signature->size() > longestSignature)
        throw Fault("smp.bad-output", {oneLine(m_board.sign.command.section(u'$', 0, 0).trimmed(), 60)},
                    oneLine(result.output));
    return *signature;
}

void SmpKeys::writeChain(const QList<QByteArray> &chain, const Task &task)
{
    QByteArray text;
    for (const QByteArray &der : chain)
        text += toPem("CERTIFICATE", der);
    smp::uploadFile(m_client, m_board.chainFile, text, task);
}

QList<QByteArray> SmpKeys::readChain(const Task &task)
{
    try {
        return fromPem(smp::downloadFile(m_client, m_board.chainFile, longestChain, task.at(nullptr)), "CERTIFICATE");
    } catch (const SmpRefusal &refusal) {
        if (refusal.error().isNotFound() || (refusal.error().group == quint16(smp::Fs) && refusal.error().rc == 16))
            return {}; // no such file, or an empty one
        throw;
    }
}

QStringList SmpLock::locks(const Task &)
{
    return m_board.locks.keys();
}

const BoardLock &SmpLock::find(const QString &name) const
{
    const auto found = m_board.locks.constFind(name);
    if (found == m_board.locks.constEnd())
        throw Fault("device.lacks", {u"lock \"%1\""_s.arg(oneLine(name, 40))});
    return *found;
}

bool SmpLock::isLocked(const QString &name, const Task &task)
{
    const BoardLock &lock = find(name);
    const Shell::Result result = smp::runShell(m_client, lock.status.command, true, task);
    if (result.status != 0)
        throw Fault("device.refused", {u"tell whether \"%1\" is locked"_s.arg(name), refusal(result)});
    return matches(lock.status, result.output);
}

void SmpLock::lock(const QString &name, const Task &task)
{
    const BoardLock &lock = find(name);
    const Shell::Result result = smp::runShell(m_client, lock.lock.command, false, task);
    if (result.status != 0)
        throw Fault("device.refused", {u"lock \"%1\""_s.arg(name), refusal(result)});
    if (!isLocked(name, task))
        throw Fault("smp.lock-open", {name});
}

} // namespace slipway
