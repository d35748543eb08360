#include "drivers/smp/smpos.h"

#include "core/base/progress.h"
#include "core/base/text.h"

#include <QCborArray>
#include <QTimeZone>

#include <algorithm>
#include <array>

namespace slipway::smp {

using namespace Qt::StringLiterals;

namespace {

enum Command : quint8 { Echo = 0, DateTime = 4, ResetCommand = 5, ParametersCommand = 6, Info = 7, BootInfo = 8 };
enum EnumCommand : quint8 { GroupList = 1 };

constexpr qint64 clockNotSet = 4; // of the group's errors

constexpr int smallestBuffer = 64, largestBuffer = 64 * 1024, mostBuffers = 64;

constexpr std::chrono::milliseconds restartAnswer{400};
constexpr std::chrono::milliseconds probeAnswer{120}; // a device that is up answers an echo sooner
constexpr std::chrono::milliseconds stillUp{2500};    // accepted the restart, yet goes on answering

const QString dateTimeForm = u"yyyy-MM-dd'T'HH:mm:ss"_s;

} // namespace

QString echo(SmpClient &client, const QString &text, const Task &task, const SmpClient::Patience &patience)
{
    const auto reply = client.demand(SmpRequest::write(Os, Echo, {{"d"_L1, text}}), u"echo"_s, task, patience);
    return reply.body.value("r"_L1).toString();
}

SmpClient::Parameters askParameters(SmpClient &client, const Task &task, const SmpClient::Patience &patience)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Os, ParametersCommand), task, patience);
    SmpClient::Parameters parameters = client.parameters();
    const auto size = reply.integer("buf_size"_L1), count = reply.integer("buf_count"_L1);
    parameters.told = reply.ok() && size && count && *size >= smallestBuffer;
    if (parameters.told) {
        parameters.bufferSize = static_cast<int>(std::min<qint64>(*size, largestBuffer));
        parameters.bufferCount = static_cast<int>(std::clamp<qint64>(*count, 1, mostBuffers));
        client.setParameters(parameters);
    }
    return parameters;
}

void askRestart(SmpClient &client, const Task &task)
{
    // Once only: a second restart would make a boot loader give up an image that is on trial.
    const SmpReply reply = client.exchange(SmpRequest::write(Os, ResetCommand), task, {restartAnswer, 1});
    reply.require(u"restart"_s);
}

void restart(SmpClient &client, std::chrono::milliseconds longest, const Task &task)
{
    const Task whole = task.within(longest);
    if (task.progress)
        task.progress->setNote(u"waiting for the device to restart"_s);
    bool accepted = false, down = false, unplugged = false;
    try {
        askRestart(client, whole);
        accepted = true;
    } catch (const Fault &fault) {
        // The answer may be lost with the restart: what follows shows whether it happened.
        if (fault.is("link.gone"))
            down = unplugged = true;
        else if (!fault.is("smp.no-answer"))
            throw;
    }
    const Deadline up = Deadline::in(stillUp);
    const SmpClient::Patience probe{probeAnswer, 1};
    for (;;) {
        try {
            if (unplugged) {
                client.reopen(whole);
                unplugged = false;
            }
            echo(client, QString(), whole, probe);
            if (down || (accepted && up.expired()))
                break;
            if (up.expired())
                throw Fault("smp.no-restart", {humanSpan(double(stillUp.count()) / 1000)}, u"request lost"_s);
            // Answers still: the restart is yet to come. A link that goes with it ends this wait at once.
            client.collect(whole.deadline.sooner(probeAnswer / 4), whole.stop);
        } catch (const Fault &fault) {
            if (fault.is("link.gone")) {
                if (unplugged) // reopen() waited until the end
                    throw Fault("smp.no-restart", {humanSpan(double(longest.count()) / 1000)}, fault.detail());
                unplugged = true;
            } else if (fault.is("device.refused") || fault.is("device.lacks")) {
                if (down) // it answers, if only to say that echo without text is not to its taste
                    break;
                continue;
            } else if (fault.is("smp.no-restart")) {
                throw;
            } else if (!fault.is("smp.no-answer") && !fault.is("smp.not-smp") && !fault.is("smp.bad-reply") &&
                       !fault.is("base.timeout")) {
                throw;
            } else {
                client.nudge();
            }
            down = true;
        }
        if (whole.deadline.expired()) {
            task.check(u"The restart"_s);
            throw Fault("smp.no-restart", {humanSpan(double(longest.count()) / 1000)});
        }
    }
    client.forgetAll();
    askParameters(client, whole);
    if (task.progress)
        task.progress->setNote(QString());
}

QString BootLoader::text() const
{
    static constexpr std::array modes = {
        "single application",        "swap using scratch", "overwrite only", "swap using move",
        "direct XIP without revert", "direct XIP",         "RAM load",       "firmware loader",
        "RAM load without swap",     "swap using offset",
    };
    QString out = name;
    if (mode && *mode >= 0 && static_cast<size_t>(*mode) < modes.size())
        out += u", "_s + QLatin1String(modes[static_cast<size_t>(*mode)]);
    if (noDowngrade)
        out += u", no downgrade"_s;
    return out;
}

std::optional<BootLoader> bootLoader(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Os, BootInfo), task);
    BootLoader out;
    out.name = reply.text("bootloader"_L1);
    if (!reply.ok() || out.name.isEmpty())
        return std::nullopt;
    if (out.name == "MCUboot"_L1) {
        const SmpReply mode = client.exchange(SmpRequest::read(Os, BootInfo, {{"query"_L1, u"mode"_s}}), task);
        if (const auto number = mode.integer("mode"_L1); mode.ok() && number)
            out.mode = static_cast<int>(*number);
        out.noDowngrade = mode.flag("no-downgrade"_L1);
    }
    return out;
}

std::optional<QString> osInfo(SmpClient &client, const QString &format, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Os, Info, {{"format"_L1, format}}), task);
    if (!reply.ok())
        return std::nullopt;
    return reply.text("output"_L1);
}

bool isSerialRecovery(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::write(Os, Echo), task);
    return reply.error && reply.error->rc == RcInvalid && !reply.error->group;
}

void setTime(SmpClient &client, const QDateTime &utc, const Task &task)
{
    client.demand(SmpRequest::write(Os, DateTime, {{"datetime"_L1, utc.toUTC().toString(dateTimeForm)}}),
                  u"set its clock"_s, task);
}

QDateTime time(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Os, DateTime), task);
    if (reply.error && reply.error->group == quint16(Os) && reply.error->rc == clockNotSet)
        return {}; // since power came nobody has told it the time
    reply.require(u"tell the time"_s);
    const QString text = reply.text("datetime"_L1);
    QDateTime out = QDateTime::fromString(text.left(19), dateTimeForm);
    if (!out.isValid())
        throw Fault("smp.bad-reply", {u"tell the time"_s}, text);
    out.setTimeZone(QTimeZone::utc());
    return out;
}

std::optional<QList<int>> groups(SmpClient &client, const Task &task)
{
    const SmpReply reply = client.exchange(SmpRequest::read(Enumeration, GroupList), task);
    if (!reply.ok())
        return std::nullopt;
    QList<int> out;
    for (const QCborValue &group : reply.body.value("groups"_L1).toArray())
        out << static_cast<int>(group.toInteger(-1));
    return out;
}

} // namespace slipway::smp
