#include "drivers/probe/openocdclient.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <cstring>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto startPatience = 20s;

QString logText(const QByteArray &log)
{
    return oneLine(QString::fromUtf8(log.right(2000)), 2000);
}

} // namespace

QString OpenOcdClient::Reply::why() const
{
    const QString errors = openocd::errorsOf(log);
    if (!errors.isEmpty())
        return errors;
    return text.isEmpty() ? u"it does not say why"_s : oneLine(QString::fromUtf8(text), 160);
}

OpenOcdClient::OpenOcdClient(const QList<QByteArray> &arguments, QString port, QString board, const Task &task)
    : m_port(std::move(port)), m_board(std::move(board)), m_program(std::make_unique<OpenOcdProgram>(arguments))
{
    // The first answer comes when it has reached the chip, or it ends. It looks at the chip from then on when it is
    // asked to, not every tenth of a second.
    exchange("poll off", u"reach the chip"_s, startPatience, task, true);
    m_startLog = std::exchange(m_log, {});
    task.say(u"OpenOCD: "_s + logText(m_startLog));
    // It goes on with a chip that is another one than it was told.
    if (const auto trouble = openocd::troubleIn(m_startLog);
        trouble && (!std::strcmp(trouble->code, "probe.wrong-chip-id") ||
                    !std::strcmp(trouble->code, "probe.no-target") || !std::strcmp(trouble->code, "probe.no-power"))) {
        const bool examined =
            std::strcmp(trouble->code, "probe.wrong-chip-id") &&
            exchange("[target current] was_examined", u"say whether it reached the chip"_s, 5s, task, true)
                    .text.trimmed() == "1";
        if (!examined)
            tell(*trouble, m_startLog);
    }
}

void OpenOcdClient::tell(const openocd::Trouble &trouble, const QByteArray &log) const
{
    const QString detail = logText(log);
    const auto is = [&trouble](const char *code) { return !std::strcmp(trouble.code, code); };
    if (is("link.usb-permission"))
        throw Fault("link.usb-permission", {m_port}, detail);
    if (is("link.busy"))
        throw Fault("link.busy", {m_port}, detail);
    if (is("link.gone"))
        throw Fault("link.gone", {m_port}, detail);
    if (is("probe.script"))
        throw Fault("probe.script", {trouble.what}, detail);
    if (is("probe.config"))
        throw Fault("probe.config", {trouble.what}, detail);
    if (is("probe.no-probe"))
        throw Fault("probe.no-probe", {m_port}, detail);
    if (is("probe.no-power"))
        throw Fault("probe.no-power", {m_port}, detail);
    if (is("probe.wrong-chip-id"))
        throw Fault("probe.wrong-chip", {trouble.what, m_board}, detail);
    throw Fault("probe.no-target", {m_port}, detail);
}

void OpenOcdClient::ended(const QString &what, bool starting)
{
    m_log += m_program->takeLog();
    const QString how = m_program->ending();
    m_log += m_program->takeLog();
    const QByteArray log = std::exchange(m_log, {});
    m_program.reset();
    if (const auto trouble = openocd::troubleIn(log)) {
        const bool known = starting || !std::strcmp(trouble->code, "link.gone");
        if (known)
            tell(*trouble, log);
    }
    if (starting && how.startsWith("exit status 127"_L1))
        throw Fault("probe.start", {how}, logText(log));
    if (starting && !how.startsWith("killed"_L1)) {
        const QString errors = openocd::errorsOf(log);
        throw Fault("probe.start", {errors.isEmpty() ? how : errors}, logText(log));
    }
    throw Fault("probe.died", {what}, how + u": "_s + logText(log));
}

openocd::Answer OpenOcdClient::exchange(const QByteArray &command, const QString &what,
                                        std::chrono::milliseconds patience, const Task &task, bool starting)
{
    if (!m_program)
        throw Fault("internal.defect", {}, u"OpenOCD is over"_s);
    task.check(u"OpenOCD"_s);
    const Task limited = task.within(patience);
    const int number = ++m_number;
    try {
        QByteArray in;
        if (!m_program->send(openocd::request(number, command), limited.deadline, limited.stop))
            ended(what, starting);
        for (;;) {
            const auto heard = m_program->hear(in, limited.deadline, limited.stop);
            if (heard == OpenOcdProgram::Heard::End)
                ended(what, starting);
            if (heard == OpenOcdProgram::Heard::Nothing) {
                task.check(u"OpenOCD"_s); // the task's own end
                const QByteArray log = m_program->takeLog();
                throw Fault("probe.silent", {what, humanSpan(double(patience.count()) / 1000)}, logText(log));
            }
            const qsizetype end = in.indexOf(openocd::terminator);
            if (end < 0 && in.size() <= openocd::longestAnswer)
                continue;
            const auto answer = end < 0 ? std::nullopt : openocd::parseAnswer(in.first(end), number);
            if (!answer || in.size() > end + 1)
                throw Fault("probe.bad-answer", {what}, oneLine(QString::fromUtf8(in.left(300)), 300));
            m_log += m_program->takeLog();
            return *answer;
        }
    } catch (const Fault &) {
        // A command may be under way: nothing more can be asked of this one.
        if (m_program) {
            m_program->kill();
            m_program.reset();
        }
        throw;
    }
}

OpenOcdClient::Reply OpenOcdClient::ask(const QByteArray &command, const QString &what,
                                        std::chrono::milliseconds patience, const Task &task)
{
    m_program ? void(m_program->takeLog()) : void();
    const openocd::Answer answer = exchange(command, what, patience, task, false);
    Reply reply{answer.ok, answer.text, std::exchange(m_log, {})};
    if (reply.ok)
        return reply;
    if (const auto trouble = openocd::troubleIn(reply.log); trouble && !std::strcmp(trouble->code, "link.gone")) {
        m_program.reset(); // it does not look for the probe again
        tell(*trouble, reply.log);
    }
    task.say(u"OpenOCD could not %1: %2"_s.arg(what, logText(reply.log)));
    return reply;
}

QByteArray OpenOcdClient::demand(const QByteArray &command, const QString &what, std::chrono::milliseconds patience,
                                 const Task &task)
{
    const Reply reply = ask(command, what, patience, task);
    if (reply.ok)
        return reply.text;
    const auto trouble = openocd::troubleIn(reply.log);
    if (trouble && !std::strcmp(trouble->code, "probe.no-target"))
        tell(*trouble, reply.log);
    throw Fault("probe.refused", {what, reply.why()}, logText(reply.log));
}

} // namespace slipway
