#include "drivers/smp/smpidentity.h"

#include "core/base/text.h"
#include "core/codec/pem.h"
#include "drivers/link/directhost.h"
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

// The serial number becomes one word of a command line.
QString withSerial(QString command, const QString &serial)
{
    for (const QChar c : serial) {
        if (!(c.isLetterOrNumber() || u"-_.:/+"_s.contains(c)))
            throw Fault("smp.serial-form", {oneLine(serial, 60)});
    }
    if (serial.isEmpty() || serial.size() > 64)
        throw Fault("smp.serial-form", {oneLine(serial, 60)});
    return command.replace("${serial}"_L1, serial);
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
    const QString command = withSerial(m_board.request.command, serial);
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

Keys::Element SmpKeys::generateInElement(const Task &task)
{
    const BoardQuirks::Element &element = m_board.element;
    if (!element.generate.given())
        return Keys::generateInElement(task);
    const Shell::Result made = smp::runShell(m_client, element.generate.command, true, task);
    if (made.status != 0) {
        if (matches(m_board.generate, made.output))
            throw Fault("device.locked", {}, refusal(made));
        throw Fault("device.refused", {u"make a key in its %1"_s.arg(element.name), refusal(made)});
    }
    const Shell::Result told = smp::runShell(m_client, element.handle.command, true, task);
    const auto found = element.handle.pattern.match(told.output);
    if (told.status != 0 || !found.hasMatch())
        throw Fault("device.refused", {u"name the key in its %1"_s.arg(element.name), refusal(told)});
    Element out{element.name, oneLine(found.captured(1), 80), {}};
    try {
        if (!element.attestationFile.isEmpty())
            out.attestation = smp::downloadFile(m_client, element.attestationFile, longestRequest, task.at(nullptr));
    } catch (const SmpRefusal &refusal) {
        if (!refusal.error().isNotFound()) // an element that says nothing
            throw;
    }
    return out;
}

void SmpKeys::derive(const QString &serial, const Task &task)
{
    if (!m_board.derive.given())
        return Keys::derive(serial, task);
    const Shell::Result result = smp::runShell(m_client, withSerial(m_board.derive.command, serial), true, task);
    if (result.status == 0)
        return;
    if (matches(m_board.generate, result.output))
        throw Fault("device.locked", {}, refusal(result));
    throw Fault("device.refused", {u"derive its key"_s, refusal(result)});
}

void SmpKeys::load(const SecretBytes &pkcs8, const Task &task)
{
    if (!m_board.injectTaken.given())
        return Keys::load(pkcs8, task);
    const QString &port = m_client.link().port;
    if (port.startsWith("udp:"_L1) && !isDirectHost(QStringView(port).sliced(4)))
        throw Fault("device.open-network", {port});
    smp::uploadFile(m_client, m_board.injectFile, pkcs8.borrowed(), task.at(nullptr));
    const Shell::Result result = smp::runShell(m_client, m_board.injectTaken.command, true, task);
    if (result.status == 0)
        return;
    if (matches(m_board.injectTaken, result.output))
        throw Fault("device.locked", {}, refusal(result));
    throw Fault("device.refused", {u"take the key"_s, refusal(result)});
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
