#include "app/cli/devicecommand.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QJsonArray>

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
    bool any = false;
    for (const auto &driver : context.drivers().all()) {
        const auto ports = driver->ports();
        for (const PortInfo &port : ports) {
            any = true;
            context.object({{u"port"_s, port.port},
                            {u"topology"_s, port.topology},
                            {u"description"_s, port.description},
                            {u"driver"_s, port.driver},
                            {u"why"_s, port.why}});
            context.result(u"%1\t%2\t%3\t%4"_s.arg(port.port, port.driver, port.topology, port.description));
        }
    }
    if (!any)
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
    context.object(facts.toJson());
    show(context, facts);
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
}

} // namespace slipway
