#include "app/cli/virtualprobecommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualprobe.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 largestFlash = 128 * 1024;

struct ProbeWords {
    std::string listen, uniqueId, flash, eraseTime = "0ms";
    int flashKib = 128;
    bool locked = false;
    std::vector<std::string> faults;
};

int runProbe(CliContext &context, const ProbeWords &words)
{
    VirtualProbeOptions options;
    const QString listen = QString::fromStdString(words.listen);
    if (listen != "auto"_L1) {
        bool ok = false;
        options.port = listen.toUShort(&ok);
        if (!ok || options.port == 0)
            throw Fault("base.usage", {u"\"%1\" is no port to listen on."_s.arg(oneLine(listen, 40)),
                                       u"Give a number from 1 to 65535, or auto."_s});
    }
    options.flashKib = words.flashKib;
    options.readoutProtected = words.locked;
    if (!words.uniqueId.empty()) {
        const auto id = fromHex(QString::fromStdString(words.uniqueId));
        if (!id || id->size() != 12)
            throw Fault("base.usage", {u"\"%1\" is no unique id."_s.arg(QString::fromStdString(words.uniqueId)),
                                       u"Give 12 bytes as 24 hex digits."_s});
        options.uniqueId = *id;
    }
    const auto eraseTime = parseDurationMs(QString::fromStdString(words.eraseTime));
    if (!eraseTime || *eraseTime < 0)
        throw Fault("base.usage", {u"\"%1\" is no time."_s.arg(QString::fromStdString(words.eraseTime)),
                                   u"Write it as in --erase-time 20ms."_s});
    options.eraseTime = std::chrono::milliseconds(*eraseTime);
    if (!words.flash.empty())
        options.flash = readFile(QString::fromStdString(words.flash), largestFlash, u"the content of a flash"_s);

    VirtualProbe device(options);
    for (const std::string &fault : words.faults)
        device.setFault(VirtualProbeFault::parse(QString::fromStdString(fault)));
    device.start();
    context.say(u"Virtual probe ready at %1"_s.arg(device.path()));
    context.object({{u"ready"_s, device.path()}, {u"port"_s, device.port()}});
    // Until SIGINT or SIGTERM.
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, context.stop(), [] { return false; });
    return 0;
}

} // namespace

void addVirtualProbeCommand(CLI::App &noun, CliContext &context)
{
    auto words = std::make_shared<ProbeWords>();
    CLI::App *command =
        noun.add_subcommand("probe", "An STM32F103 on a debug probe that OpenOCD can drive, until it is stopped");
    command->add_option("--listen", words->listen, "TCP port of this computer to listen on, or auto")
        ->type_name("PORT|auto")
        ->required();
    command->add_option("--flash-kib", words->flashKib, "Size of its flash (128)")
        ->type_name("KIB")
        ->check(CLI::Range(16, 128));
    command->add_option("--unique-id", words->uniqueId, "Its unique id, 24 hex digits")->type_name("HEX");
    command->add_option("--flash", words->flash, "What its flash holds (nothing)")->type_name("FILE");
    command->add_flag("--locked", words->locked, "Its readout protection is on");
    command->add_option("--erase-time", words->eraseTime, "Time to erase a page (0ms)")->type_name("TIME");
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in disconnect:after=70000; one of " +
                         VirtualProbeFault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command,
                         {u"slipway virtual probe --listen auto"_s, u"slipway virtual probe --listen 9824 --locked"_s});
    context.action(command, [&context, words] { return runProbe(context, *words); });
}

} // namespace slipway
