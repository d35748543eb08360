#include "app/cli/virtualespcommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/virtual/virtualesp.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct Words {
    std::string pty, chip = "esp32c3", mac = "c4:0a:24:fe:10:01", revision = "0.3", content;
    std::string eraseTime = "0ms", programTime = "0ms";
    int megabytes = 4;
    bool secureBoot = false, flashEncryption = false, secureDownload = false, bootPinFree = false;
    std::vector<std::string> faults;
};

[[noreturn]] void usage(const QString &what, const QString &instead)
{
    throw Fault("base.usage", {what, instead});
}

std::chrono::milliseconds span(const std::string &text, const QString &option)
{
    const auto ms = parseDurationMs(QString::fromStdString(text));
    if (!ms || *ms < 0)
        usage(u"\"%1\" is no time for %2."_s.arg(QString::fromStdString(text), option),
              u"Write it as in %1 45ms."_s.arg(option));
    return std::chrono::milliseconds(*ms);
}

int run(CliContext &context, const Words &words)
{
    VirtualEspOptions options;
    options.ptyLink = QString::fromStdString(words.pty);
    options.bootPinHeld = !words.bootPinFree;
    EspRomOptions &rom = options.rom;
    rom.chip = QString::fromStdString(words.chip);
    const auto mac = fromHex(QString::fromStdString(words.mac).remove(u':').remove(u'-'));
    if (!mac || mac->size() != 6)
        usage(u"\"%1\" is no MAC address."_s.arg(QString::fromStdString(words.mac)),
              u"Write it as in --mac c4:0a:24:fe:10:01."_s);
    rom.mac = *mac;
    const QStringList revision = QString::fromStdString(words.revision).split(u'.');
    bool majorOk = false, minorOk = false;
    const int major = revision.value(0).toInt(&majorOk), minor = revision.value(1).toInt(&minorOk);
    if (revision.size() != 2 || !majorOk || !minorOk || major < 0 || major > 3 || minor < 0 || minor > 15)
        usage(u"\"%1\" is no revision of a chip."_s.arg(QString::fromStdString(words.revision)),
              u"Write it as in --revision 0.3."_s);
    rom.revision = 100 * major + minor;
    rom.flashBytes = qint64(words.megabytes) * 1024 * 1024;
    if (!words.content.empty())
        rom.flash = readFile(QString::fromStdString(words.content), rom.flashBytes, u"the flash memory"_s);
    rom.secureBoot = words.secureBoot;
    rom.flashEncryption = words.flashEncryption;
    rom.secureDownload = words.secureDownload;
    rom.eraseTime = span(words.eraseTime, u"--erase-time"_s);
    rom.programTime = span(words.programTime, u"--program-time"_s);

    VirtualEsp chip(options);
    for (const std::string &fault : words.faults)
        chip.setFault(VirtualEspFault::parse(QString::fromStdString(fault)));
    chip.start();
    context.say(u"Virtual %1 ready at %2"_s.arg(rom.chip, chip.path()));
    context.object({{u"ready"_s, chip.path()}});
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, context.stop(), [] { return false; });
    return 0;
}

} // namespace

void addVirtualEspCommand(CLI::App *noun, CliContext &context)
{
    auto words = std::make_shared<Words>();
    CLI::App *command = noun->add_subcommand("esp", "An ESP32 family chip in its ROM loader, until it is stopped");
    command->add_option("--pty", words->pty, "Make a pseudo-terminal and point this link to it")
        ->type_name("PATH")
        ->required();
    command->add_option("--chip", words->chip, EspRom::chips().join(u", "_s).toStdString() + " (esp32c3)")
        ->type_name("NAME");
    command->add_option("--mac", words->mac, "Its address (c4:0a:24:fe:10:01)")->type_name("MAC");
    command->add_option("--revision", words->revision, "Of the chip (0.3)")->type_name("N.N");
    command->add_option("--flash", words->megabytes, "MiB of flash memory (4)")
        ->type_name("MIB")
        ->check(CLI::IsMember({1, 2, 4, 8, 16}));
    command->add_option("--content", words->content, "What the flash memory holds (nothing)")->type_name("FILE");
    command->add_flag("--secure-boot", words->secureBoot, "Boots only signed software");
    command->add_flag("--flash-encryption", words->flashEncryption, "Its flash memory is encrypted");
    command->add_flag("--secure-download", words->secureDownload, "In secure download mode");
    command->add_flag("--boot-pin-free", words->bootPinFree,
                      "A restart starts the application, which answers nothing (a jig holds BOOT)");
    command->add_option("--erase-time", words->eraseTime, "Time to erase 4096 bytes of flash (0ms)")->type_name("TIME");
    command->add_option("--program-time", words->programTime, "Time to program 256 bytes of flash (0ms)")
        ->type_name("TIME");
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in late:delay=800ms,every=3; one of " +
                         VirtualEspFault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual esp --chip esp32c3 --pty /tmp/esp0"_s,
                                   u"slipway virtual esp --chip esp32 --revision 3.0 --pty /tmp/esp0 --secure-boot"_s,
                                   u"slipway virtual esp --pty /tmp/esp0 --fault disconnect:after=40,delay=2s"_s});
    context.action(command, [&context, words] { return run(context, *words); });
}

} // namespace slipway
