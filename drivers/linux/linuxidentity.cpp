#include "drivers/linux/linuxidentity.h"

#include "core/base/text.h"
#include "core/codec/pem.h"

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr qint64 longestProduct = 16 * 1024, longestChain = 64 * 1024;
constexpr auto keyTime = 120s; // a device without entropy makes one wait
constexpr auto eraseTime = 60min;

QString refusal(const LinuxConsole::Reply &reply)
{
    const QString words = oneLine(reply.text(), 120);
    return words.isEmpty() ? u"status %1"_s.arg(reply.status) : words;
}

LinuxConsole::Reply runFor(LinuxConsole &console, const QString &command, const QString &what,
                           std::chrono::milliseconds patience, const Task &task)
{
    LinuxConsole::Order order;
    order.command = command.toUtf8();
    order.what = what;
    order.patience = patience;
    return console.run(order, task);
}

// It becomes part of a subject name on a command line, where / and + begin another one.
void checkSerial(const QString &serial)
{
    bool plain = !serial.isEmpty() && serial.size() <= 64;
    for (const QChar c : serial)
        plain = plain && c.unicode() < 0x80 && (c.isLetterOrNumber() || u"-_.:"_s.contains(c));
    if (!plain)
        throw Fault("linux.serial-form", {oneLine(serial, 60)});
}

} // namespace

void LinuxKeys::generate(const Task &task)
{
    const auto reply = runFor(m_console, m_board.generate.command, u"making a key"_s, keyTime, task);
    if (reply.ok())
        return;
    const QRegularExpression &locked = m_board.generate.output;
    if (!locked.pattern().isEmpty() && locked.match(reply.text()).hasMatch())
        throw Fault("device.locked", {}, refusal(reply));
    throw Fault("device.refused", {u"make a key"_s, refusal(reply)});
}

// Runs a command that leaves its result in ${out}, and fetches that.
QByteArray LinuxKeys::product(const QString &command, QMap<QString, QString> values, const QString &what,
                              const Task &task)
{
    const QString out = m_console.scratch(task) + u"/out"_s;
    values.insert(u"out"_s, out);
    const auto reply =
        runFor(m_console, u"rm -f %1;"_s.arg(console::shellWord(out)) + filledIn(command, values), what, keyTime, task);
    if (!reply.ok())
        throw Fault("device.refused", {what, refusal(reply)});
    return m_files.get(out, longestProduct, task.at(nullptr));
}

QByteArray LinuxKeys::request(const QString &serial, const Task &task)
{
    checkSerial(serial);
    return product(m_board.request, {{u"serial"_s, serial}}, u"make a certificate request"_s, task);
}

QByteArray LinuxKeys::sign(const QByteArray &challenge, const Task &task)
{
    const QString in = m_console.scratch(task) + u"/in"_s;
    m_files.put(challenge, in, false, task.at(nullptr));
    return product(m_board.sign, {{u"in"_s, in}}, u"sign"_s, task);
}

void LinuxKeys::writeChain(const QList<QByteArray> &chain, const Task &task)
{
    QByteArray text;
    for (const QByteArray &der : chain)
        text += toPem("CERTIFICATE", der);
    m_files.put(text, m_board.chainFile, false, task.at(nullptr));
}

QList<QByteArray> LinuxKeys::readChain(const Task &task)
{
    if (!m_files.exists(m_board.chainFile, task))
        return {};
    return fromPem(m_files.get(m_board.chainFile, longestChain, task.at(nullptr)), "CERTIFICATE");
}

Keys::Element LinuxKeys::generateInElement(const Task &task)
{
    const LinuxBoard::Element &element = m_board.element;
    if (!element.handle.given())
        return Keys::generateInElement(task);
    generate(task); // the board's command makes it there
    const auto told = runFor(m_console, element.handle.command, u"naming the key"_s, keyTime, task);
    const auto found = element.handle.output.match(told.text());
    if (!told.ok() || !found.hasMatch())
        throw Fault("device.refused", {u"name the key in its %1"_s.arg(element.name), refusal(told)});
    Element out{element.name, oneLine(found.captured(element.handle.output.captureCount() > 0 ? 1 : 0), 80), {}};
    if (!element.attestationFile.isEmpty())
        out.attestation = m_files.get(element.attestationFile, longestProduct, task.at(nullptr));
    return out;
}

void LinuxKeys::derive(const QString &serial, const Task &task)
{
    if (m_board.derive.isEmpty())
        return Keys::derive(serial, task);
    checkSerial(serial);
    const auto reply =
        runFor(m_console, filledIn(m_board.derive, {{u"serial"_s, serial}}), u"deriving its key"_s, keyTime, task);
    if (reply.ok())
        return;
    const QRegularExpression &locked = m_board.generate.output;
    if (!locked.pattern().isEmpty() && locked.match(reply.text()).hasMatch())
        throw Fault("device.locked", {}, refusal(reply));
    throw Fault("device.refused", {u"derive its key"_s, refusal(reply)});
}

// For its owner alone, from the first byte on.
void LinuxKeys::load(const SecretBytes &pkcs8, const Task &task)
{
    if (m_board.injectFile.isEmpty())
        return Keys::load(pkcs8, task);
    const SecretBytes pem = secretPem("PRIVATE KEY", pkcs8);
    m_files.put(pem.borrowed(), m_board.injectFile, false, task.at(nullptr), LinuxFiles::Readers::Owner);
}

const LinuxLock &LinuxLocks::find(const QString &name) const
{
    const auto found = m_board.locks.constFind(name);
    if (found == m_board.locks.constEnd())
        throw Fault("device.lacks", {u"lock \"%1\""_s.arg(oneLine(name, 40))});
    return *found;
}

bool LinuxLocks::isLocked(const QString &name, const Task &task)
{
    const LinuxLock &lock = find(name);
    const QString told = m_console.ask(lock.status.command, u"tell whether \"%1\" is locked"_s.arg(name), task);
    return lock.status.output.match(told).hasMatch();
}

void LinuxLocks::lock(const QString &name, const Task &task)
{
    m_console.ask(find(name).lock.command, u"lock \"%1\""_s.arg(name), task);
    if (!isLocked(name, task))
        throw Fault("linux.lock-open", {name});
}

const LinuxArea &LinuxEraser::find(const QString &name) const
{
    const auto found = m_board.areas.constFind(name);
    if (found == m_board.areas.constEnd())
        throw Fault("device.lacks", {u"erase \"%1\""_s.arg(oneLine(name, 40))});
    return *found;
}

void LinuxEraser::erase(const QString &area, const Task &task)
{
    const QString what = u"erase \"%1\""_s.arg(area);
    const auto reply = runFor(m_console, find(area).erase, what, eraseTime, task);
    if (!reply.ok())
        throw Fault("device.refused", {what, refusal(reply)});
}

bool LinuxEraser::isBlank(const QString &area, const Task &task)
{
    const QString what = u"looking whether \"%1\" is blank"_s.arg(area);
    const auto reply = runFor(m_console, find(area).blank, what, eraseTime, task);
    if (reply.status > 1) // as grep and cmp: 1 says no, more that it could not be told
        throw Fault("device.refused", {u"tell whether \"%1\" is blank"_s.arg(area), refusal(reply)});
    return reply.ok();
}

} // namespace slipway
