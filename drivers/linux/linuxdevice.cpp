#include "drivers/linux/linuxdevice.h"

#include "core/base/text.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto commandTime = 60s; // where the task says nothing
constexpr auto restartAnswer = 3s;

QString named(const QString &command)
{
    return u"the command \"%1\""_s.arg(oneLine(command, 60));
}

} // namespace

LinuxDevice::LinuxDevice(std::unique_ptr<ByteLink> link, const LinuxBoard &board)
    : m_board(board), m_console(std::move(link), m_board), m_files(m_console, m_board),
      m_firmware(m_console, m_files, m_board), m_settings(m_console, m_files, m_board),
      m_keys(m_console, m_files, m_board), m_locks(m_console, m_board), m_eraser(m_console, m_board)
{}

void LinuxDevice::attach(const QList<LinuxBoard> &known, const Task &task)
{
    m_console.attach(task);
    for (const LinuxBoard &board : known) {
        if (!board.recognise.given())
            continue;
        LinuxConsole::Order order;
        order.command = board.recognise.command.toUtf8();
        order.what = u"asking what it is"_s;
        order.patience = 10s;
        const auto reply = m_console.run(order, task);
        if (!reply.ok() || !board.recognise.output.match(reply.text()).hasMatch())
            continue;
        const LinuxBoard session = m_board; // that is how it was reached
        m_board = board;
        m_board.user = session.user;
        m_board.passwordFile = session.passwordFile;
        m_board.shellStart = session.shellStart;
        return;
    }
}

std::optional<QString> LinuxDevice::fact(const LinuxFact &fact, const Task &task)
{
    LinuxConsole::Order order;
    order.command = fact.source.command.toUtf8();
    order.what = named(fact.source.command);
    order.patience = 20s;
    const auto reply = m_console.run(order, task);
    if (!reply.ok())
        return std::nullopt;
    QString text = reply.text();
    if (!fact.source.output.pattern().isEmpty()) {
        const auto found = fact.source.output.match(text);
        if (!found.hasMatch())
            return std::nullopt;
        text = found.captured(std::min(1, fact.source.output.captureCount()));
    }
    if (fact.form == LinuxFact::Form::Eui64) {
        QString digits = text.trimmed();
        digits.remove(u'-').remove(u':').remove(u' ');
        const auto raw = fromHex(digits);
        return raw && (raw->size() == 8 || raw->size() == 6) ? std::optional(hex(*raw, u'-')) : std::nullopt;
    }
    while (text.endsWith(QChar(0)))
        text.chop(1);
    return oneLine(text.trimmed(), 128);
}

DeviceFacts LinuxDevice::facts(const Task &task)
{
    DeviceFacts facts;
    facts.driver = u"linux"_s;
    facts.port = m_console.info().port;
    facts.line = m_console.info().line;
    const auto told = [&](const char *name) {
        const auto found = m_board.facts.constFind(QLatin1String(name));
        return found == m_board.facts.constEnd() ? std::nullopt : fact(*found, task);
    };
    facts.board = told("board").value_or(m_board.name);
    facts.serial = told("serial").value_or(QString());
    facts.hardwareId = told("hardware-id").value_or(QString());
    facts.bootLoader = told("boot-loader").value_or(QString());
    facts.firmwareVersion = told("firmware").value_or(QString());
    if (Firmware *updater = firmware()) {
        try {
            const auto list = updater->imageSlots(task);
            for (const Firmware::ImageSlot &slot : list) {
                if (!slot.active)
                    continue;
                if (!slot.version.isEmpty())
                    facts.firmwareVersion = slot.version;
                facts.firmwareHash = slot.hash;
            }
        } catch (const Fault &fault) {
            if (!fault.is("device.refused")) // an installer that is not there or has no service yet
                throw;
        }
    }
    if (m_board.identityStatus.given()) {
        LinuxConsole::Order order;
        order.command = m_board.identityStatus.command.toUtf8();
        order.what = named(m_board.identityStatus.command);
        const auto reply = m_console.run(order, task);
        const QRegularExpression &present = m_board.identityStatus.output;
        facts.identityPresent = reply.ok() && (present.pattern().isEmpty() || present.match(reply.text()).hasMatch());
    }
    if (m_board.locks.contains(u"debug"_s))
        facts.locked = m_locks.isLocked(u"debug"_s, task);
    facts.more.insert(u"shell"_s, m_console.shellName());
    LinuxConsole::Order order;
    order.command = "uname -srm";
    order.what = u"asking for its kernel"_s;
    if (const auto reply = m_console.run(order, task); reply.ok())
        facts.more.insert(u"os"_s, oneLine(reply.text(), 128));
    return facts;
}

Shell::Result LinuxDevice::run(const QString &command, const Task &task)
{
    LinuxConsole::Order order;
    order.command = command.toUtf8();
    order.what = named(command);
    order.patience = task.deadline.isNever() ? std::chrono::milliseconds(commandTime) : task.deadline.remaining();
    const auto reply = m_console.run(order, task);
    return {reply.status, reply.text()};
}

// Something that is another after each start, or nothing.
QString LinuxDevice::proof(const Task &task)
{
    LinuxConsole::Order order;
    order.command = m_board.restartProof.toUtf8();
    order.what = u"asking which start this is"_s;
    const auto reply = m_console.run(order, task);
    return reply.ok() ? reply.text() : QString();
}

void LinuxDevice::reset(const Task &task)
{
    const Task restarting = task.within(m_board.restartTime);
    const QString before = proof(restarting);
    LinuxConsole::Order order;
    order.command = m_board.restart.toUtf8();
    order.what = u"the restart"_s;
    order.patience = restartAnswer;
    order.parting = true;
    const auto reply = m_console.run(order, restarting);
    if (!reply.ok())
        m_files.trouble(reply.text(), m_board.restart, u"restart"_s);
    m_console.forget();
    for (;;) {
        try {
            m_console.attach(restarting, true);
            if (before.isEmpty() || proof(restarting) != before)
                return;
        } catch (const Fault &fault) {
            if (fault.is("link.gone")) {
                m_console.link().reopen(restarting);
            } else if (fault.is("linux.silent") || fault.is("linux.logged-out") || fault.is("linux.no-answer") ||
                       fault.is("linux.no-login") || fault.is("linux.timeout") || fault.is("linux.garbled") ||
                       fault.is("linux.no-shell")) {
                if (restarting.deadline.expired())
                    throw Fault("linux.no-restart", {humanSpan(double(m_board.restartTime.count()))},
                                QString::fromUtf8(fault.what()));
            } else {
                throw;
            }
        }
        if (restarting.deadline.expired())
            throw Fault("linux.no-restart", {humanSpan(double(m_board.restartTime.count()))});
    }
}

void LinuxDevice::setTime(const QDateTime &utc, const Task &task)
{
    const QString text = utc.toUTC().toString(u"yyyy-MM-dd HH:mm:ss"_s);
    LinuxConsole::Order order;
    order.command = filledIn(m_board.clockSet, {{u"time"_s, text}}).toUtf8();
    order.what = u"setting the clock"_s;
    const auto reply = m_console.run(order, task);
    // date prints the time it was to set even where it may not.
    if (!reply.ok() || reply.text().contains("not permitted"_L1))
        m_files.trouble(reply.text(), u"the clock"_s, u"set the clock"_s);
}

QDateTime LinuxDevice::time(const Task &task)
{
    const QString text = m_console.ask(m_board.clockRead, u"tell the time"_s, task);
    bool isNumber = false;
    const qint64 seconds = text.toLongLong(&isNumber);
    if (!isNumber || seconds < 0 || seconds > 253402300799) // the last second of 9999
        throw Fault("linux.output-form", {m_board.clockRead}, oneLine(text));
    return QDateTime::fromSecsSinceEpoch(seconds, Qt::UTC);
}

} // namespace slipway
