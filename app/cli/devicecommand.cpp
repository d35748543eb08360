#include "app/cli/devicecommand.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/clockstate.h"
#include "drivers/link/linediagnosis.h"

#include <QDateTime>
#include <QJsonArray>
#include <QRegularExpression>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr std::chrono::seconds identifyTime{60};

struct DeviceWords {
    std::string port, driver = "smp", board;
    int baud = 0;
};

int list(CliContext &context)
{
    const QList<PortChoice> ports = context.drivers().ports();
    for (const PortChoice &port : ports) {
        QJsonArray candidates;
        for (const PortInfo &candidate : port.candidates)
            candidates.append(QJsonObject{
                {u"driver"_s, candidate.driver}, {u"why"_s, candidate.why}, {u"likely"_s, candidate.likely}});
        context.object({{u"port"_s, port.port},
                        {u"topology"_s, port.topology},
                        {u"description"_s, port.description},
                        {u"driver"_s, port.driver()},
                        {u"why"_s, port.why()},
                        {u"candidates"_s, candidates}});
        context.result(port.port);
        context.result(u"  %1"_s.arg(port.description));
        if (!port.topology.isEmpty())
            context.result(u"  plugged in at %1"_s.arg(port.topology));
        context.result(u"  %1%2"_s.arg(port.driver().isEmpty() ? QString() : port.driver() + u": "_s, port.why()));
    }
    if (ports.isEmpty())
        context.say(
            u"No port is there. Plug a device in; a network address such as udp:192.0.2.7:1337 needs no port."_s);
    return 0;
}

// One fact a line, those that are not known left out.
void show(CliContext &context, const DeviceFacts &facts)
{
    const auto line = [&](const QString &name, const QString &value) {
        if (!value.isEmpty())
            context.result(u"%1 %2"_s.arg(name + u':', -18).arg(oneLine(value, 200)));
    };
    const auto yesNo = [](std::optional<bool> value) { return !value ? QString() : *value ? u"yes"_s : u"no"_s; };
    line(u"port"_s, facts.line.isEmpty() ? facts.port : u"%1, %2"_s.arg(facts.port, facts.line));
    line(u"board"_s, facts.board);
    line(u"serial"_s, facts.serial);
    line(u"hardware id"_s, facts.hardwareId);
    line(u"boot loader"_s, facts.bootLoader);
    line(u"firmware"_s, facts.firmwareVersion);
    line(u"firmware hash"_s, hex(facts.firmwareHash));
    line(u"has an identity"_s, yesNo(facts.identityPresent));
    line(u"locked"_s, yesNo(facts.locked));
    for (auto it = facts.more.constBegin(); it != facts.more.constEnd(); ++it)
        line(it.key(), it.value());
}

// What the device's clock means for certificates, where the driver can ask for the time; of the one that it has, where
// it has one.
std::optional<ClockState> clockOf(CliContext &context, Device &device, const Task &task)
{
    Clock *own = device.clock();
    if (!own)
        return {};
    DeviceClock clock;
    try {
        clock.time = own->time(task);
        clock.asked = true;
    } catch (const Fault &fault) {
        if (fault.is("base.stopped"))
            throw;
        context.say(u"The device did not tell its time: "_s + fault.sentence());
        return {};
    }
    const QDateTime now = QDateTime::currentDateTimeUtc();
    try {
        Keys *keys = device.keys();
        const QList<QByteArray> chain = keys ? keys->readChain(task) : QList<QByteArray>();
        if (!chain.isEmpty())
            return judgeClock(certificateFacts(chain.first()), clock, now);
    } catch (const Fault &fault) {
        if (fault.is("base.stopped"))
            throw; // else its clock alone
    }
    return judgeClock(clock, now);
}

int identify(CliContext &context, const DeviceWords &words)
{
    const Driver &driver = context.drivers().find(QString::fromStdString(words.driver));
    const Task task = context.task().within(identifyTime);
    OpenOptions options;
    options.port = QString::fromStdString(words.port);
    options.baud = words.baud;
    options.board = QString::fromStdString(words.board);
    const auto device = driver.open(options, task);
    const DeviceFacts facts = device->facts(task);
    QJsonObject object = facts.toJson();
    const std::optional<ClockState> clock = clockOf(context, *device, task);
    if (clock)
        object.insert(
            u"clock"_s,
            QJsonObject{{u"state"_s, clock->state}, {u"sentence"_s, clock->sentence}, {u"remedy"_s, clock->remedy}});
    context.object(object);
    show(context, facts);
    if (clock) {
        context.result(u"%1 %2"_s.arg(u"clock:"_s, -18).arg(clock->sentence));
        if (!clock->remedy.isEmpty())
            context.result(u"%1 %2"_s.arg(QString(), -18).arg(clock->remedy));
    }
    return 0;
}

int diagnose(CliContext &context, const DeviceWords &words)
{
    const QString port = QString::fromStdString(words.port);
    const LineDiagnosis line = diagnoseLine(port);
    QJsonObject object{{u"port"_s, port}, {u"node"_s, line.node}, {u"adapter"_s, line.adapterDriver}};
    const auto tell = [&](const QString &key, const QString &label, const QJsonValue &value, const QString &text) {
        if (text.isEmpty())
            return;
        object.insert(key, value);
        context.result(u"%1 %2"_s.arg(label + u':', -18).arg(text));
    };
    context.result(u"%1 %2"_s.arg(u"port:"_s, -18).arg(port));
    tell(u"adapter"_s, u"adapter"_s, line.adapterDriver, line.adapterDriver);
    tell(u"latency-timer-ms"_s, u"latency timer"_s, line.latencyMs.value_or(0),
         line.latencyMs ? u"%1 ms"_s.arg(*line.latencyMs) : QString());
    tell(u"usb-megabit"_s, u"USB speed"_s, line.usbMegabit.value_or(0),
         line.usbMegabit ? u"%1 Mbit/s"_s.arg(*line.usbMegabit) : QString());
    int baud = words.baud;
    if (!words.driver.empty()) {
        const Task task = context.task().within(identifyTime);
        OpenOptions options;
        options.port = port;
        options.baud = words.baud;
        options.board = QString::fromStdString(words.board);
        const auto device = context.drivers().find(QString::fromStdString(words.driver)).open(options, task);
        const DeviceFacts facts = device->facts(task);
        static const QRegularExpression rate(u"^([0-9 ]+) baud"_s);
        if (const auto match = rate.match(facts.line); match.hasMatch())
            baud = match.captured(1).remove(u' ').toInt();
        tell(u"line"_s, u"line"_s, facts.line, facts.line);
        const QString buffers = facts.more.value(u"buffers"_s);
        tell(u"buffers"_s, u"device's buffers"_s, buffers, buffers);
    }
    const QString advice = line.advice(baud, 0);
    object.insert(u"advice"_s, advice);
    context.object(object);
    context.result(advice.isEmpty() ? u"Nothing is known that would make this line faster."_s : advice);
    return 0;
}

} // namespace

void addDeviceCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand("device", "Ports and the devices behind them");
    noun->require_subcommand(1);

    CLI::App *command =
        noun->add_subcommand("list", "Ports on which a device may be, with the place they are plugged in");
    CliContext::examples(command, {u"slipway device list"_s, u"slipway device list --json"_s});
    context.action(command, [&context] { return list(context); });

    const auto words = std::make_shared<DeviceWords>();
    command = noun->add_subcommand("identify", "Ask the device on a port what it is");
    command->add_option("port", words->port, "/dev/ttyUSB0, a pseudo-terminal, or udp:ADDRESS:PORT")
        ->type_name("PORT")
        ->required();
    command->add_option("--driver", words->driver, "Protocol (smp)")->type_name("NAME");
    command->add_option("--board", words->board, "Board, where the device does not say which it is")->type_name("NAME");
    command->add_option("--baud", words->baud, "Rate of the serial port (found by trying)")
        ->type_name("BAUD")
        ->check(CLI::Range(1200, 12'000'000));
    CliContext::examples(command, {u"slipway device identify /dev/ttyUSB0 --driver smp"_s,
                                   u"slipway device identify udp:192.0.2.7:1337 --driver smp --json"_s,
                                   u"slipway device identify \"udp:[fe80::1%eth0]\" --driver smp"_s});
    context.action(command, [&context, words] { return identify(context, *words); });

    const auto line = std::make_shared<DeviceWords>();
    line->driver.clear();
    command = noun->add_subcommand("diagnose", "Say what limits a serial line, and what would help");
    command->add_option("port", line->port, "/dev/ttyUSB0 or a link to it")->type_name("PORT")->required();
    command->add_option("--driver", line->driver, "Ask the device, too, what it can take")->type_name("NAME");
    command->add_option("--board", line->board, "Board, where the device does not say which it is")->type_name("NAME");
    command->add_option("--baud", line->baud, "Rate of the serial port")
        ->type_name("BAUD")
        ->check(CLI::Range(1200, 12'000'000));
    CliContext::examples(command, {u"slipway device diagnose /dev/ttyUSB0"_s,
                                   u"slipway device diagnose /dev/ttyUSB0 --driver smp --json"_s});
    context.action(command, [&context, line] { return diagnose(context, *line); });
}

} // namespace slipway
