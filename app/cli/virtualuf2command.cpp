#include "app/cli/virtualuf2command.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualuf2.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct Words {
    std::string root, board = "rp2040", flash, restartTime = "150ms", place = "1-1";
    bool unmounted = false, comesBack = false;
    std::vector<std::string> faults;
};

int run(CliContext &context, const Words &words)
{
    VirtualUf2Options options = virtualUf2Board(QString::fromStdString(words.board));
    options.root = QString::fromStdString(words.root);
    options.place = QString::fromStdString(words.place);
    static const QRegularExpression place(u"^[0-9]{1,3}-[0-9]{1,3}(\\.[0-9]{1,3}){0,5}$"_s);
    if (!place.match(options.place).hasMatch())
        throw Fault("base.usage", {u"\"%1\" is no place on a bus."_s.arg(oneLine(options.place, 40)),
                                   u"Write it as in --place 1-2.3."_s});
    options.mounted = !words.unmounted;
    const auto restart = parseDurationMs(QString::fromStdString(words.restartTime));
    if (!restart || *restart < 0)
        throw Fault("base.usage", {u"\"%1\" is no time."_s.arg(oneLine(QString::fromStdString(words.restartTime), 40)),
                                   u"Write it as in --restart-time 150ms."_s});
    options.restartTime = std::chrono::milliseconds(*restart);
    std::vector<VirtualUf2Fault> faults;
    for (const std::string &fault : words.faults)
        faults.push_back(VirtualUf2Fault::parse(QString::fromStdString(fault)));
    QByteArray content;
    if (!words.flash.empty())
        content = readFile(QString::fromStdString(words.flash), options.rom.flashBytes, u"the content of the flash"_s);
    if (!VirtualUf2::canMount())
        throw Fault("virtual.link", {options.root, u"/dev/fuse may not be used here, or fusermount3 is missing"_s});
    // Only a folder that is ours is taken away in the end.
    const bool there = QFileInfo::exists(options.root);
    if (there && !QDir(options.root).isEmpty() && !QFileInfo::exists(options.root + u"/proc/self/mountinfo"_s))
        throw Fault("base.usage", {u"The folder %1 holds other things."_s.arg(options.root), u"Name another one."_s});

    VirtualUf2 device(options);
    if (!content.isEmpty())
        device.setFlash(options.rom.flashAt, content);
    for (const VirtualUf2Fault &fault : faults)
        device.setFault(fault);
    device.start();
    context.say(u"Virtual %1 ready at %2, its drive is %3"_s.arg(QString::fromStdString(words.board), device.root(),
                                                                 device.folder()));
    context.object({{u"ready"_s, device.root()}, {u"drive"_s, device.folder()}});

    // Until SIGINT or SIGTERM.
    std::mutex mutex;
    std::condition_variable_any stopped;
    const std::stop_token stop = context.stop();
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex);
            stopped.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
        }
        const VirtualUf2::Facts facts = device.facts();
        if (!facts.trouble.isEmpty())
            throw Fault("virtual.link", {device.folder(), facts.trouble});
        if (words.comesBack && !stop.stop_requested() && facts.applicationRuns)
            device.bootLoader();
    }
    device.stop();
    if (!there)
        QDir(device.root()).removeRecursively();
    return 0;
}

} // namespace

void addVirtualUf2Command(CLI::App &noun, CliContext &context)
{
    auto words = std::make_shared<Words>();
    CLI::App *command =
        noun.add_subcommand("uf2", "A device with a UF2 boot loader, and its drive, until it is stopped");
    command
        ->add_option("--root", words->root,
                     "Folder for what a kernel would show: sys/, proc/, and the drive below media/; the port to name")
        ->type_name("DIR")
        ->required();
    command->add_option("--board", words->board, virtualUf2Boards().join(u", "_s).toStdString() + " (rp2040)")
        ->type_name("NAME");
    command->add_option("--place", words->place, "Where it is plugged in (1-1)")->type_name("BUS-PORT");
    command->add_option("--flash", words->flash, "What its flash holds (nothing)")->type_name("FILE");
    command->add_option("--restart-time", words->restartTime, "How long it is away when it restarts (150ms)")
        ->type_name("TIME");
    command->add_flag("--unmounted", words->unmounted, "Nobody mounts the drive");
    command->add_flag("--comes-back", words->comesBack,
                      "Somebody starts the boot loader again a second after the application");
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in cut:after=20,delay=2s; one of " +
                         VirtualUf2Fault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual uf2 --root /tmp/pico0"_s,
                                   u"slipway virtual uf2 --root /tmp/nano0 --board nrf52840 --fault refuse"_s});
    context.action(command, [&context, words] { return run(context, *words); });
}

} // namespace slipway
