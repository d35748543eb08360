#include "drivers/stm32/stm32client.h"

#include "core/base/fault.h"
#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using stm32::Command;

namespace {

constexpr auto usual = 1500ms; // an answer that costs the loader nothing, with the slowest adapter
constexpr auto program = 3s;   // 256 bytes of flash; the slowest take 0.25 s
constexpr auto probe = 250ms;  // while the loader is looked for
constexpr auto quiet = 40ms;   // nothing more comes: longer than an adapter's 16 ms
constexpr qsizetype mostNoise = 256;

} // namespace

Stm32Client::Stm32Client(std::unique_ptr<ByteLink> link) : m_link(std::move(link)) {}

void Stm32Client::send(QByteArrayView bytes, const Task &task)
{
    const double rate = m_link->info().bytesPerSecond();
    const auto onTheWire = std::chrono::milliseconds(rate > 0 ? qint64(1500.0 * double(bytes.size()) / rate) : 0);
    m_link->write(bytes, task.deadline.sooner(2s + onTheWire), task.stop);
    m_wireBytes += bytes.size();
}

void Stm32Client::begin(Command command, const Task &task)
{
    task.check(u"The boot loader"_s);
    m_asked = command;
    m_in.clear();
    send(stm32::commandFrame(command), task);
}

bool Stm32Client::commanded(Command command, const Task &task)
{
    for (int i = 0; i < 2; ++i) {
        begin(command, task);
        if (acknowledged(usual, task))
            return true;
    }
    return false;
}

void Stm32Client::unreadable(const QByteArray &came) const
{
    throw Fault("stm32.bad-reply", {stm32::toText(m_asked)}, u"it said "_s + hex(came.left(64)));
}

QByteArray Stm32Client::receive(qsizetype count, std::chrono::milliseconds patience, const Task &task)
{
    const Deadline deadline = task.deadline.sooner(patience);
    while (m_in.size() < count) {
        const QByteArray more = m_link->read(deadline, task.stop);
        if (more.isEmpty()) {
            task.check(u"The boot loader"_s);
            throw Fault("stm32.silent", {stm32::toText(m_asked)}, u"%1 of %2 bytes came"_s.arg(m_in.size()).arg(count));
        }
        m_wireBytes += more.size();
        m_in += more;
    }
    const QByteArray out = m_in.first(count);
    m_in.remove(0, count);
    return out;
}

bool Stm32Client::acknowledged(std::chrono::milliseconds patience, const Task &task)
{
    const QByteArray came = receive(1, patience, task);
    if (came[0] == stm32::ack)
        return true;
    if (came[0] != stm32::nack)
        unreadable(came + m_in);
    return false;
}

QByteArray Stm32Client::answer(Command command, const Task &task)
{
    if (!commanded(command, task))
        throw Fault("stm32.refused", {stm32::toText(command)});
    QByteArray out;
    while (out.size() < stm32::answerSize(command, out))
        out += receive(stm32::answerSize(command, out) - out.size(), usual, task);
    return out;
}

stm32::Loader Stm32Client::get(const Task &task)
{
    const QByteArray came = answer(Command::Get, task);
    const auto loader = stm32::parseGet(came);
    if (!loader)
        unreadable(came);
    return *loader;
}

quint16 Stm32Client::id(const Task &task)
{
    const QByteArray came = answer(Command::GetId, task);
    const auto id = stm32::parseId(came);
    if (!id)
        unreadable(came);
    return *id;
}

stm32::VersionAnswer Stm32Client::version(const Task &task)
{
    const QByteArray came = answer(Command::GetVersion, task);
    const auto version = stm32::parseVersion(came);
    if (!version)
        unreadable(came);
    return *version;
}

std::optional<char> Stm32Client::mark(const Task &task)
{
    const Deadline deadline = task.deadline.sooner(probe);
    for (;;) {
        const QByteArray more = m_link->read(deadline, task.stop);
        if (more.isEmpty()) {
            task.check(u"Looking for the boot loader"_s);
            return {};
        }
        for (const char byte : more) {
            if (byte == stm32::ack || byte == stm32::nack)
                return byte;
        }
        m_noise = (m_noise + more).right(mostNoise);
    }
}

// After a refusal in the middle of a run of fillers: the rest of the run counts as commands, each refused, and one byte
// may be left over. One or two more bytes show where the loader stands.
bool Stm32Client::settle(const Task &task)
{
    for (int i = 0; i < 2; ++i) {
        while (!m_link->read(task.deadline.sooner(quiet), task.stop).isEmpty())
            task.check(u"Looking for the boot loader"_s);
        const char byte = stm32::filler(1);
        send(QByteArrayView(&byte, 1), task);
        if (mark(task) == stm32::nack)
            return true;
    }
    return false;
}

void Stm32Client::synchronise(const Task &task)
{
    task.check(u"Looking for the boot loader"_s);
    m_in.clear();
    m_noise.clear();
    m_link->discardInput();
    try {
        // A loader just reset says ACK. One that was found before takes the first byte for half a command and refuses
        // it with the second.
        for (int i = 0; i < 2; ++i) {
            send(QByteArrayView(&stm32::autobaud, 1), task);
            if (mark(task))
                return;
        }
        // Or it waits for the rest of a frame.
        qsizetype sent = 0;
        for (qsizetype run = 8; sent < stm32::longestFrame; run = std::min<qsizetype>(run * 4, 16384)) {
            QByteArray fillers;
            for (qsizetype i = 0; i < run; ++i)
                fillers.append(stm32::filler(sent + i));
            send(fillers, task);
            sent += run;
            if (mark(task) == stm32::nack && settle(task))
                return;
        }
    } catch (const Fault &fault) {
        // Nobody takes the bytes. The task's own end is told as such.
        if (!fault.is("base.timeout") || task.deadline.expired())
            throw;
    }
    if (!m_noise.isEmpty())
        throw Fault("stm32.not-loader",
                    {m_link->info().port, u"it says \"%1\""_s.arg(oneLine(QString::fromLatin1(m_noise.left(40))))});
    throw Fault("stm32.no-answer", {m_link->info().port});
}

Stm32Client::Outcome Stm32Client::read(quint32 at, qsizetype count, QByteArray &to, const Task &task)
{
    if (!commanded(Command::ReadMemory, task))
        return Outcome::Denied;
    send(stm32::addressFrame(at), task);
    if (!acknowledged(usual, task))
        return Outcome::Address;
    send(stm32::readCountFrame(count), task);
    if (!acknowledged(usual, task))
        return Outcome::Data;
    to = receive(count, usual, task);
    return Outcome::Done;
}

Stm32Client::Outcome Stm32Client::write(quint32 at, QByteArrayView block, const Task &task)
{
    if (!commanded(Command::WriteMemory, task))
        return Outcome::Denied;
    send(stm32::addressFrame(at), task);
    if (!acknowledged(usual, task))
        return Outcome::Address;
    send(stm32::writeFrame(block), task);
    return acknowledged(program, task) ? Outcome::Done : Outcome::Data;
}

Stm32Client::Outcome Stm32Client::twice(Command command, QByteArrayView frame, std::chrono::milliseconds patience,
                                        const Task &task)
{
    if (!commanded(command, task))
        return Outcome::Denied;
    if (!frame.isEmpty())
        send(frame, task);
    return acknowledged(patience, task) ? Outcome::Done : Outcome::Data;
}

Stm32Client::Outcome Stm32Client::erase(const QList<quint16> &pages, bool extended, std::chrono::milliseconds patience,
                                        const Task &task)
{
    return twice(extended ? Command::ExtendedErase : Command::Erase,
                 extended ? stm32::extendedEraseFrame(pages) : stm32::eraseFrame(pages), patience, task);
}

Stm32Client::Outcome Stm32Client::eraseAll(bool extended, std::chrono::milliseconds patience, const Task &task)
{
    return twice(extended ? Command::ExtendedErase : Command::Erase,
                 extended ? stm32::extendedEraseAllFrame() : stm32::eraseAllFrame(), patience, task);
}

Stm32Client::Outcome Stm32Client::go(quint32 at, const Task &task)
{
    if (!commanded(Command::Go, task))
        return Outcome::Denied;
    send(stm32::addressFrame(at), task);
    return acknowledged(usual, task) ? Outcome::Done : Outcome::Address;
}

Stm32Client::Outcome Stm32Client::protection(Command command, std::chrono::milliseconds patience, const Task &task)
{
    return twice(command, {}, patience, task);
}

Stm32Client::Outcome Stm32Client::writeProtect(const QList<quint16> &sectors, const Task &task)
{
    return twice(Command::WriteProtect, stm32::sectorsFrame(sectors), program, task);
}

} // namespace slipway
