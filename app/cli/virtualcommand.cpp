#include "app/cli/virtualcommand.h"

#include "app/cli/usage.h"
#include "app/cli/virtualcoapcommand.h"
#include "app/cli/virtualespcommand.h"
#include "app/cli/virtuallinuxcommand.h"
#include "app/cli/virtualprobecommand.h"
#include "app/cli/virtualstm32command.h"
#include "app/cli/virtualuf2command.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualsmp.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 largestImage = 16 * 1024 * 1024;
constexpr qint64 largestKey = 64 * 1024;

[[noreturn]] void usage(const QString &what, const QString &instead)
{
    throw Fault("base.usage", {what, instead});
}

std::chrono::milliseconds span(const std::string &text, const QString &option)
{
    const auto ms = parseDurationMs(QString::fromStdString(text));
    if (!ms || *ms < 0)
        usage(u"\"%1\" is no time for %2."_s.arg(QString::fromStdString(text), option),
              u"Write it as in %1 16ms."_s.arg(option));
    return std::chrono::milliseconds(*ms);
}

// Until SIGINT or SIGTERM; every second `check` may throw.
void waitForStop(std::stop_token stop, const std::function<void()> &check)
{
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        stopped.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
        check();
    }
}

struct SmpWords {
    std::string pty, serial, board = "t1-rev-b", image, framing = "console", buffers = "4x2048", state,
                             server = "zephyr";
    std::string rebootTime = "150ms", eraseTime = "0ms", address = "127.0.0.1";
    int port = 0;
    quint64 seed = 1;
    bool noise = false, reenumerate = false, legacyRc = false;
    std::string seedFile, vendorKey, vendorChain;
    bool element = false;
    std::vector<std::string> faults, bootKeys;
};

int runSmp(CliContext &context, const SmpWords &words)
{
    VirtualSmpOptions options;
    if (!words.pty.empty()) {
        options.ptyLink = QString::fromStdString(words.pty);
    } else {
        options.link = VirtualSmpOptions::Link::Udp;
        options.udpPort = static_cast<quint16>(words.port);
        options.udpAddress = QString::fromStdString(words.address);
    }
    if (!words.seedFile.empty()) {
        const auto seed = fromHex(
            QString::fromLatin1(readFile(QString::fromStdString(words.seedFile), largestKey, u"a seed"_s).trimmed()));
        if (!seed || seed->isEmpty())
            usage(u"%1 holds no seed."_s.arg(QString::fromStdString(words.seedFile)), u"Write it in hex."_s);
        options.deviceSeed = *seed;
    }
    options.secureElement = words.element;
    if (!words.vendorKey.empty())
        options.vendorKey = readFile(QString::fromStdString(words.vendorKey), largestKey, u"a key"_s);
    if (!words.vendorChain.empty())
        options.vendorChain = readFile(QString::fromStdString(words.vendorChain), largestKey, u"certificates"_s);
    options.serial = QString::fromStdString(words.serial);
    options.board = QString::fromStdString(words.board);
    options.stateFolder = QString::fromStdString(words.state);
    options.framing = words.framing == "raw" ? VirtualSmpOptions::Framing::Raw : VirtualSmpOptions::Framing::Console;
    options.server =
        words.server == "mcuboot" ? VirtualSmpOptions::Server::McubootRecovery : VirtualSmpOptions::Server::Zephyr;
    const QStringList buffers = QString::fromStdString(words.buffers).split(u'x');
    bool countOk = false, sizeOk = false;
    options.bufferCount = buffers.value(0).toInt(&countOk);
    options.bufferSize = buffers.value(1).toInt(&sizeOk);
    if (buffers.size() != 2 || !countOk || !sizeOk || options.bufferCount < 1 || options.bufferCount > 64 ||
        options.bufferSize < 64 || options.bufferSize > 65535)
        usage(u"\"%1\" is no number and size of buffers."_s.arg(QString::fromStdString(words.buffers)),
              u"Write it as in --buffers 4x2048."_s);
    if (!words.image.empty())
        options.slot0 = readFile(QString::fromStdString(words.image), largestImage, u"a firmware image"_s);
    for (const std::string &key : words.bootKeys)
        options.bootKeys.append(readFile(QString::fromStdString(key), largestKey, u"a public key"_s));
    options.shellNoise = words.noise;
    options.reenumerate = words.reenumerate;
    options.legacyRc = words.legacyRc;
    options.rebootTime = span(words.rebootTime, u"--reboot-time"_s);
    options.eraseTime = span(words.eraseTime, u"--erase-time"_s);
    options.seed = words.seed;

    VirtualSmp device(options);
    for (const std::string &fault : words.faults)
        device.setFault(VirtualFault::parse(QString::fromStdString(fault)));
    device.start();
    context.say(u"Virtual device ready at %1"_s.arg(device.path()));
    context.object({{u"ready"_s, device.path()}});
    waitForStop(context.stop(), [&] {
        const QString trouble = device.facts().trouble;
        if (!trouble.isEmpty())
            throw Fault("virtual.link", {QString::fromStdString(words.pty), trouble});
    });
    return 0;
}

struct LineWords {
    std::string device, host, latency = "1ms";
    int baud = 921600;
    double drop = 0, flip = 0;
    qint64 cutAfter = -1;
    quint64 seed = 1;
};

int runLine(CliContext &context, const LineWords &words)
{
    LineOptions options;
    options.devicePath = QString::fromStdString(words.device);
    options.hostLink = QString::fromStdString(words.host);
    options.baud = words.baud;
    options.latency = span(words.latency, u"--latency"_s);
    options.drop = words.drop;
    options.flip = words.flip;
    options.cutAfter = words.cutAfter;
    options.seed = words.seed;
    LineModel line(options);
    line.start();
    context.say(
        u"Virtual line ready at %1, %2 baud, device at %3"_s.arg(line.path()).arg(words.baud).arg(options.devicePath));
    context.object({{u"ready"_s, line.path()}});
    waitForStop(context.stop(), [] {});
    const LineModel::Counters counters = line.counters();
    context.object({{u"to-device"_s, counters.toDevice},
                    {u"to-host"_s, counters.toHost},
                    {u"dropped"_s, counters.dropped},
                    {u"flipped"_s, counters.flipped},
                    {u"overrun"_s, counters.overrun}});
    return 0;
}

} // namespace

void addVirtualCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand("virtual", "Devices that are not there, and the line to them");
    noun->require_subcommand(1);

    auto smp = std::make_shared<SmpWords>();
    CLI::App *command = noun->add_subcommand("smp", "A device that speaks SMP, until it is stopped");
    CLI::Option *pty =
        command->add_option("--pty", smp->pty, "Make a pseudo-terminal and point this link to it")->type_name("PATH");
    CLI::Option *udp = command->add_option("--udp", smp->port, "Listen on this UDP port (0: any)")
                           ->type_name("PORT")
                           ->check(CLI::Range(0, 65535))
                           ->excludes(pty);
    command->add_option("--address", smp->address, "Address to listen on (127.0.0.1)")->type_name("IP")->needs(udp);
    command->add_option("--serial", smp->serial, "Serial number it has already (none)")->type_name("SN");
    command->add_option("--board", smp->board, "What it says it is (t1-rev-b)")->type_name("NAME");
    command->add_option("--image", smp->image, "Firmware in slot 0 (an empty 1.0.0)")->type_name("FILE");
    command->add_option("--boot-key", smp->bootKeys, "Public key its boot loader trusts; none: it checks hashes only")
        ->type_name("PEM");
    command->add_option("--framing", smp->framing, "console or raw")->check(CLI::IsMember({"console", "raw"}));
    command->add_option("--buffers", smp->buffers, "Number and size of its buffers (4x2048)")->type_name("NxSIZE");
    command->add_option("--server", smp->server, "zephyr, or mcuboot for serial recovery")
        ->check(CLI::IsMember({"zephyr", "mcuboot"}));
    command->add_option("--state", smp->state, "Keep what survives a power cut in this folder")->type_name("DIR");
    command
        ->add_option("--device-seed", smp->seedFile,
                     "It derives its key from the seed in this file, hex (none: no seed)")
        ->type_name("FILE");
    command->add_flag("--secure-element", smp->element, "It has a secure element that makes keys");
    CLI::Option *vendorKey =
        command->add_option("--vendor-key", smp->vendorKey, "It comes with this key, DER")->type_name("FILE");
    command->add_option("--vendor-chain", smp->vendorChain, "And with these certificates, PEM")
        ->type_name("FILE")
        ->needs(vendorKey);
    command->add_flag("--shell-noise", smp->noise, "SMP inside a shell console, with prompts and log lines between");
    command->add_flag("--legacy-rc", smp->legacyRc, "Answer success with \"rc: 0\", as older firmware does");
    command->add_option("--reboot-time", smp->rebootTime, "How long it is deaf in a restart (150ms)")
        ->type_name("TIME");
    command->add_flag("--reenumerate", smp->reenumerate, "Its port goes and comes back in a restart");
    command->add_option("--erase-time", smp->eraseTime, "Time to erase 4096 bytes of flash (0ms)")->type_name("TIME");
    command->add_option("--seed", smp->seed, "Of noise and faults")->type_name("N")->check(wholeNumber(0));
    command
        ->add_option("--fault", smp->faults,
                     "Trouble to play, as in late:delay=800ms,every=3; one of " +
                         VirtualFault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual smp --pty /tmp/dut0 --serial T1-00000001"_s,
                                   u"slipway virtual smp --udp 1337 --buffers 2x2048"_s,
                                   u"slipway virtual smp --pty /tmp/dut0 --fault reboot-at:after=30000"_s});
    context.action(command, [&context, smp, command] {
        if (command->count("--pty") + command->count("--udp") == 0)
            usage(u"A virtual device needs a link."_s, u"Give --pty PATH or --udp PORT."_s);
        return runSmp(context, *smp);
    });

    addVirtualEspCommand(noun, context);
    addVirtualStm32Command(*noun, context);
    addVirtualUf2Command(*noun, context);

    auto line = std::make_shared<LineWords>();
    command = noun->add_subcommand("line", "A serial line with a real rate between a port and a virtual device");
    command->add_option("--device", line->device, "Pseudo-terminal of the device")->type_name("PTY")->required();
    command->add_option("--host", line->host, "Link to make to the host's end")->type_name("PTY")->required();
    command->add_option("--baud", line->baud, "Bits per second, 10 a byte (921600)")->check(CLI::Range(50, 50'000'000));
    command->add_option("--latency", line->latency, "Latency timer of the adapter (1ms)")->type_name("TIME");
    command->add_option("--drop", line->drop, "Probability that a byte is lost")->check(CLI::Range(0.0, 1.0));
    command->add_option("--flip", line->flip, "Probability that a byte is damaged")->check(CLI::Range(0.0, 1.0));
    command->add_option("--cut-after", line->cutAfter, "The wire breaks after so many bytes towards the device")
        ->type_name("N")
        ->check(wholeNumber(0));
    command->add_option("--seed", line->seed, "Of losses and damage")->type_name("N")->check(wholeNumber(0));
    CliContext::examples(command,
                         {u"slipway virtual line --device /tmp/dut0 --host /tmp/line0 --baud 921600 --latency 1ms"_s,
                          u"slipway virtual line --device /tmp/dut0 --host /tmp/line0 --drop 0.0001"_s});
    context.action(command, [&context, line] { return runLine(context, *line); });

    addVirtualCoapCommand(noun, context);
    addVirtualLinuxCommand(noun, context);
    addVirtualProbeCommand(*noun, context);
}

} // namespace slipway
