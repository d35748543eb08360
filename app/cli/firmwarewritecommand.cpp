#include "app/cli/firmwarewritecommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/firmware/mcubootimage.h"

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 signerLimit = 64 * 1024;

struct WriteWords {
    std::string file, driver = "smp", port, signer, board, at;
    int baud = 0;
    bool older = false, trial = false;
};

// Image number of --at: the one thing an SMP device lets choose.
int imageNumber(const std::string &at)
{
    if (at.empty())
        return 0;
    const QString text = QString::fromStdString(at);
    bool ok = false;
    const int number = text.toInt(&ok, 0);
    if (!ok || number < 0 || number > 15)
        throw Fault("base.usage", {u"\"%1\" is no image of this device."_s.arg(oneLine(text, 40)),
                                   u"Give --at the image's number, 0 to 15."_s});
    return number;
}

std::optional<Firmware::ImageSlot> running(Firmware &firmware, int image, const Task &task)
{
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        if (slot.image == image && slot.active)
            return slot;
    }
    return {};
}

// Slot size, versions and security counter, as far as the device tells them.
RunningFirmware known(Device &device, int image, bool allowOlder, const Task &task)
{
    RunningFirmware out;
    Firmware &firmware = *device.firmware();
    out.slotSize = firmware.capacity(image, task);
    out.allowOlder = allowOlder;
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        const auto version = McubootVersion::parse(slot.version);
        if (!slot.active || !version)
            continue;
        out.images.insert(slot.image, *version);
        if (slot.image == image)
            out.version = version;
    }
    bool told = false;
    const quint32 counter = device.facts(task).more.value(u"security-counter"_s).toUInt(&told);
    if (told)
        out.securityCounter = counter;
    return out;
}

struct Written {
    Firmware::WriteResult transfer;
    Firmware::ImageSlot before, now;
};

Written writeAndStart(CliContext &context, Device &device, const McubootImage &image, int number, bool trial)
{
    ProgressLine line(context);
    Progress &transfer = line.progress().add(u"Write"_s, 8);
    Progress &restart = line.progress().add(u"Restart"_s, 2);
    const Task task = line.task();
    Firmware &firmware = *device.firmware();
    const QString version = image.version().toString();

    Written out;
    if (const auto slot = running(firmware, number, task))
        out.before = *slot;
    Firmware::WriteOptions options;
    options.image = number;
    out.transfer = firmware.write(image.bytes(), options, task.at(&transfer));
    transfer.finish();

    // Its own hash of what it holds, not ours.
    std::optional<Firmware::ImageSlot> stored;
    const auto list = firmware.imageSlots(task);
    for (const Firmware::ImageSlot &slot : list) {
        if (slot.image == number && slot.hash == image.hash() && !(stored && stored->active))
            stored = slot;
    }
    if (!stored)
        throw Fault("flash.hash", {version}, hex(image.hash()));
    if (!stored->active) // a boot loader's recovery writes what it boots anyway
        firmware.activate(image.hash(), false, task);

    Reset *reset = device.resetter();
    if (!reset)
        throw Fault("device.lacks", {u"be restarted from here"_s});
    reset->reset(task.at(&restart));
    const auto now = running(firmware, number, task);
    if (!now || now->hash != image.hash()) {
        if (now && now->hash == out.before.hash)
            throw Fault("flash.refused", {version, oneLine(now->version, 40)});
        throw Fault("flash.not-running", {version, now ? oneLine(now->version, 40) : u"no image"_s});
    }
    out.now = *now;
    if (!trial && !now->confirmed) {
        firmware.confirm(task);
        const auto confirmed = running(firmware, number, task);
        if (!confirmed || !confirmed->confirmed)
            throw Fault("flash.not-confirmed", {version});
        out.now = *confirmed;
    }
    restart.finish();
    return out;
}

void report(CliContext &context, const WriteWords &words, const McubootImage &image, const Written &written)
{
    const Firmware::WriteResult &transfer = written.transfer;
    const double rate = transfer.seconds > 0 ? double(transfer.bytes) / transfer.seconds : 0;
    QJsonObject object{{u"file"_s, QString::fromStdString(words.file)},
                       {u"port"_s, QString::fromStdString(words.port)},
                       {u"version"_s, written.now.version},
                       {u"hash"_s, hex(written.now.hash)},
                       {u"confirmed"_s, written.now.confirmed},
                       {u"before"_s, written.before.version},
                       {u"bytes"_s, transfer.bytes},
                       {u"resumed-at"_s, transfer.resumedAt},
                       {u"seconds"_s, transfer.seconds},
                       {u"rate"_s, rate}};
    QString speed;
    if (transfer.bytes > 0) {
        speed = u", %1 in %2 at %3"_s.arg(humanSize(transfer.bytes), humanSpan(transfer.seconds), humanRate(rate));
        if (transfer.lineLimit > 0) {
            object.insert(u"line-share"_s, rate / transfer.lineLimit);
            speed += u", %1 % of the line"_s.arg(qRound(100 * rate / transfer.lineLimit));
        }
    }
    context.object(object);
    context.result(u"%1 runs %2%3%4."_s.arg(QString::fromStdString(words.port), image.version().toString(),
                                            written.now.confirmed ? QString() : u", on trial"_s, speed));
}

int write(CliContext &context, const WriteWords &words)
{
    // Nothing reaches the device before the image is known to be good.
    const McubootImage image = McubootImage::parse(
        readFile(QString::fromStdString(words.file), McubootImage::MaximumBytes, u"a firmware image"_s));
    if (words.signer.empty())
        image.checkHash();
    else
        image.verify(readFile(QString::fromStdString(words.signer), signerLimit, u"a public key"_s));
    const int number = imageNumber(words.at);

    const Driver &driver = context.drivers().find(QString::fromStdString(words.driver));
    OpenOptions options;
    options.port = QString::fromStdString(words.port);
    options.baud = words.baud;
    options.board = QString::fromStdString(words.board);
    const Task task = context.task();
    const auto device = driver.open(options, task);
    Firmware *firmware = device->firmware();
    if (!firmware)
        throw Fault("device.lacks", {u"take firmware"_s});

    if (const auto now = running(*firmware, number, task); now && now->hash == image.hash()) {
        if (!now->confirmed && !words.trial)
            firmware->confirm(task);
        Written written;
        written.before = *now;
        written.now = *now;
        written.now.confirmed = now->confirmed || !words.trial;
        context.say(u"The device runs this image already; nothing was written."_s);
        report(context, words, image, written);
        return 0;
    }
    image.checkAgainst(known(*device, number, words.older, task));
    if (words.signer.empty())
        context.say(u"No --signer: the image's hash was checked, not who made it."_s);
    report(context, words, image, writeAndStart(context, *device, image, number, words.trial));
    return 0;
}

} // namespace

void addFirmwareWriteCommand(CLI::App &app, CliContext &context)
{
    const auto nouns = app.get_subcommands([](const CLI::App *sub) { return sub->get_name() == "firmware"; });
    CLI::App *noun = nouns.empty() ? app.add_subcommand("firmware", "Firmware images") : nouns.front();
    noun->require_subcommand(1);
    const auto words = std::make_shared<WriteWords>();
    CLI::App *command = noun->add_subcommand("write", "Verify an image, write it to a device and see that it runs");
    command->add_option("file", words->file, "MCUboot image")->type_name("FILE")->required();
    command->add_option("--driver", words->driver, "Protocol (smp)")->type_name("NAME");
    command->add_option("--port", words->port, "/dev/ttyUSB0, a pseudo-terminal, or udp:ADDRESS:PORT")
        ->type_name("PORT")
        ->required();
    command->add_option("--signer", words->signer, "Public key or certificate (PEM) that must have signed the image")
        ->type_name("PEM");
    command->add_option("--at", words->at, "Image number of a device with several (0)")->type_name("ADDR");
    command->add_option("--board", words->board, "Board, where the device does not say which it is")->type_name("NAME");
    command->add_option("--baud", words->baud, "Rate of the serial port (found by trying)")
        ->type_name("BAUD")
        ->check(CLI::Range(1200, 12'000'000));
    command->add_flag("--allow-downgrade", words->older,
                      "Let the version go back; the security counter never goes back");
    command->add_flag("--trial", words->trial, "Do not confirm: the next restart brings the old image back");
    CliContext::examples(
        command, {u"slipway firmware write t1-1.4.2-p256.bin --driver smp --port /dev/ttyUSB0 --signer p256.pub.pem"_s,
                  u"slipway firmware write t1-1.4.2-p256.bin --driver smp --port udp:192.0.2.7:1337 --signer "
                  u"p256.pub.pem --trial --json"_s});
    context.action(command, [&context, words] { return write(context, *words); });
}

} // namespace slipway
