#include "app/cli/virtualstm32command.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualstm32.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 largestFlash = 16 * 1024 * 1024;

struct Stm32Words {
    std::string pty, chip = "f103", uniqueId, flash, eraseTime = "0ms";
    int flashKib = 0;
    bool locked = false;
    std::vector<std::string> faults;
};

int runStm32(CliContext &context, const Stm32Words &words)
{
    VirtualStm32Options options;
    options.ptyLink = QString::fromStdString(words.pty);
    options.chip = QString::fromStdString(words.chip);
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

    VirtualStm32 device(options);
    for (const std::string &fault : words.faults)
        device.setFault(VirtualStm32Fault::parse(QString::fromStdString(fault)));
    device.start();
    context.say(u"Virtual STM32 ready at %1"_s.arg(device.path()));
    context.object({{u"ready"_s, device.path()}});

    // Until SIGINT or SIGTERM.
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    const std::stop_token stop = context.stop();
    while (!stop.stop_requested()) {
        stopped.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
        const QString trouble = device.facts().trouble;
        if (!trouble.isEmpty())
            throw Fault("virtual.link", {device.path(), trouble});
    }
    return 0;
}

} // namespace

void addVirtualStm32Command(CLI::App &noun, CliContext &context)
{
    auto words = std::make_shared<Stm32Words>();
    CLI::App *command = noun.add_subcommand("stm32", "An STM32 in its system boot loader, until it is stopped");
    command->add_option("--pty", words->pty, "Make a pseudo-terminal and point this link to it")
        ->type_name("PATH")
        ->required();
    command
        ->add_option("--chip", words->chip,
                     "What it is (f103), one of " + virtualStm32Chips().join(u", "_s).toStdString())
        ->type_name("NAME");
    command->add_option("--flash-kib", words->flashKib, "Size of its flash (the chip's)")
        ->type_name("KIB")
        ->check(CLI::Range(1, 4096));
    command->add_option("--unique-id", words->uniqueId, "Its unique id, 24 hex digits")->type_name("HEX");
    command->add_option("--flash", words->flash, "What its flash holds (nothing)")->type_name("FILE");
    command->add_flag("--locked", words->locked, "Its readout protection is on");
    command->add_option("--erase-time", words->eraseTime, "Time to erase a page or sector (0ms)")->type_name("TIME");
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in disconnect:after=700,delay=2s; one of " +
                         VirtualStm32Fault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual stm32 --pty /tmp/stm0"_s,
                                   u"slipway virtual stm32 --pty /tmp/stm0 --chip f405 --locked"_s});
    context.action(command, [&context, words] { return runStm32(context, *words); });
}

} // namespace slipway
