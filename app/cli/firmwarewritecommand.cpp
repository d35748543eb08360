#include "app/cli/firmwarewritecommand.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/steps/flashing.h"
#include "core/steps/suitrecord.h"
#include "drivers/link/linediagnosis.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QJsonArray>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 signerLimit = 64 * 1024;
constexpr int mostImages = 16;
constexpr quint64 largestRead = 256 * 1024 * 1024;

struct DeviceWords {
    std::string driver = "smp", port, board;
    int baud = 0;
};

struct WriteWords : DeviceWords {
    std::vector<std::string> files, at;
    std::string signer, sha256, family;
    std::vector<std::string> payloads, components;
    std::string vendor, deviceClass, sequence;
    bool older = false, trial = false, eraseAll = false, noVerify = false, noStart = false, sameSequence = false;
};

struct ReadWords : DeviceWords {
    std::string at, size, out;
};

struct EraseWords : DeviceWords {
    std::string at, size;
    bool all = false;
};

quint64 number(const std::string &text, const QString &option)
{
    const QString given = QString::fromStdString(text);
    const auto value = parseAddress(given);
    if (!value)
        throw Fault("base.usage", {u"\"%1\" is no number for %2."_s.arg(oneLine(given, 40), option),
                                   u"Write it as in %1 0x08000000."_s.arg(option)});
    return *value;
}

std::unique_ptr<Device> open(CliContext &context, const DeviceWords &words, const Task &task)
{
    OpenOptions options;
    options.port = QString::fromStdString(words.port);
    options.baud = words.baud;
    options.board = QString::fromStdString(words.board);
    return context.drivers().find(QString::fromStdString(words.driver)).open(options, task);
}

Memory &memoryOf(Device &device)
{
    if (Memory *memory = device.memory())
        return *memory;
    throw Fault("device.lacks", {u"show its memory by address"_s});
}

std::optional<QUuid> uuid(const std::string &text, const QString &option)
{
    if (text.empty())
        return {};
    const QUuid id(QString::fromStdString(text));
    if (id.isNull())
        throw Fault("base.usage", {u"\"%1\" is no UUID."_s.arg(oneLine(QString::fromStdString(text), 60)),
                                   u"Write %1 as fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe."_s.arg(option)});
    return id;
}

// The record of the station, where there is one: a manifest below what it has seen on this unit is refused.
SuitOrder suitOf(const WriteWords &words, const QString &home)
{
    SuitOrder suit;
    for (const std::string &payload : words.payloads) {
        const QString name = QString::fromStdString(payload);
        suit.payloads.append(
            {.name = QFileInfo(name).fileName(), .bytes = readFile(name, FirmwareFile::MaximumBytes, u"a payload"_s)});
    }
    for (const std::string &component : words.components) {
        const QString word = QString::fromStdString(component);
        const qsizetype equals = word.indexOf(u'=');
        if (equals <= 0)
            throw Fault("base.usage", {u"\"%1\" is no NAME=PLACE for --component."_s.arg(oneLine(word, 60)),
                                       u"Write it as in --component 00=0x08000000 or --component \"00=image 0\"."_s});
        suit.places.insert(word.left(equals), word.mid(equals + 1));
    }
    suit.vendor = uuid(words.vendor, u"--vendor"_s);
    suit.deviceClass = uuid(words.deviceClass, u"--class"_s);
    suit.sameSequence = words.sameSequence;
    std::optional<quint64> sequence;
    if (!words.sequence.empty())
        sequence = number(words.sequence, u"--sequence"_s);
    const QString journal = home + u"/journal.db"_s;
    suit.known = [sequence, journal](const DeviceFacts &facts) {
        SuitKnown known;
        if (!facts.serial.isEmpty() && QFileInfo::exists(journal)) {
            JournalReader reader(journal);
            known = suitOnRecord(reader, facts.serial, facts);
        }
        if (sequence && (!known.sequence || *sequence > *known.sequence))
            known = {*sequence, {}};
        return known;
    };
    return suit;
}

FlashOrder orderOf(const WriteWords &words, const QString &home)
{
    FlashOrder order;
    if (words.at.size() > words.files.size() || (words.at.size() > 1 && words.at.size() < words.files.size()))
        throw Fault("base.usage",
                    {u"There are %1 addresses for %2 files."_s.arg(words.at.size()).arg(words.files.size()),
                     u"Give --at once for each file, in their order, or not at all."_s});
    for (size_t i = 0; i < words.files.size(); ++i) {
        const QString name = QString::fromStdString(words.files[i]);
        FlashFile file{.name = QFileInfo(name).fileName(),
                       .bytes = readFile(name, FirmwareFile::MaximumBytes, u"a firmware image"_s)};
        if (i < words.at.size())
            file.at = number(words.at[i], u"--at"_s);
        if (!words.family.empty())
            file.family = quint32(number(words.family, u"--family"_s));
        order.files.append(file);
    }
    if (!words.sha256.empty()) {
        const auto digest = fromHex(QString::fromStdString(words.sha256));
        if (!digest || digest->size() != 32 || words.files.size() != 1)
            throw Fault("base.usage", {u"--sha256 takes the 64 hex digits that sha256sum prints of the one file."_s,
                                       u"Copy them from the release."_s});
        order.files.front().sha256 = *digest;
    }
    if (!words.signer.empty())
        order.signer = readFile(QString::fromStdString(words.signer), signerLimit, u"a public key"_s);
    order.trial = words.trial;
    order.allowOlder = words.older;
    order.eraseAll = words.eraseAll;
    order.verify = !words.noVerify;
    order.start = false; // what cannot be started has been written all the same: see start()
    order.suit = suitOf(words, home);
    // A device with images and no addresses: the one thing it lets choose is the image's number.
    if (order.files.size() == 1 && order.files.front().at && *order.files.front().at < mostImages)
        order.image = int(*order.files.front().at);
    return order;
}

void report(CliContext &context, const WriteWords &words, const Flashing::Result &result)
{
    const QString port = QString::fromStdString(words.port);
    QStringList names;
    for (const std::string &file : words.files)
        names << QString::fromStdString(file);
    QJsonObject object{
        {u"file"_s, names.join(u", "_s)},   {u"port"_s, port},          {u"version"_s, result.version},
        {u"confirmed"_s, result.confirmed}, {u"bytes"_s, result.bytes}, {u"resumed-at"_s, result.resumedAt},
        {u"seconds"_s, result.seconds},     {u"rate"_s, result.rate()}, {u"compared"_s, result.compared}};
    if (!result.hash.isEmpty())
        object.insert(u"hash"_s, hex(result.hash));
    if (result.sequence)
        object.insert(u"suit-sequence"_s, qint64(*result.sequence));
    if (!result.pieces.isEmpty()) {
        QJsonArray pieces;
        for (const Flashing::Result::Piece &piece : result.pieces) {
            pieces << QJsonObject{{u"component"_s, piece.component},
                                  {u"place"_s, piece.place},
                                  {u"sha256"_s, hex(piece.sha256)},
                                  {u"bytes"_s, piece.bytes}};
        }
        object.insert(u"components"_s, pieces);
    }
    if (!result.before.version.isEmpty())
        object.insert(u"before"_s, result.before.version);
    if (!result.now.version.isEmpty())
        object.insert(u"version"_s, result.now.version);
    QString speed;
    if (result.bytes > 0 && result.seconds > 0) {
        speed = u", %1 in %2 at %3"_s.arg(humanSize(result.bytes), humanSpan(result.seconds), humanRate(result.rate()));
        if (result.lineLimit > 0) {
            object.insert(u"line-share"_s, result.rate() / result.lineLimit);
            speed += u", %1 % of the line"_s.arg(qRound(100 * result.rate() / result.lineLimit));
        }
    }
    context.object(object);
    const QString done = !result.now.active ? u"%1 holds %2"_s.arg(port, names.join(u", "_s))
                                            : u"%1 runs %2"_s.arg(port, result.version);
    const QString compared = result.written && !result.now.active && !result.compared.isEmpty()
                                 ? u", compared by "_s + result.compared
                                 : QString();
    context.result(done + (result.confirmed ? QString() : u", on trial"_s) + speed + compared + u'.');
}

// Files that are no program (data, a part of the whole) are written, too; that they cannot be started is no failure.
void start(CliContext &context, Device &device)
{
    try {
        memoryOf(device).start({}, context.task());
    } catch (const Fault &fault) {
        if (fault.blame() != Blame::Usage)
            throw;
        context.say(u"Not started: "_s + fault.sentence());
    }
}

int write(CliContext &context, const WriteWords &words)
{
    // Nothing reaches the device before the files are known to be good.
    Flashing flashing(orderOf(words, context.homePath()));
    const auto device = open(context, words, context.task());
    const auto &at = flashing.order().files.front().at;
    if (!device->memory() && at && *at >= mostImages)
        throw Fault("base.usage",
                    {u"\"%1\" is no image of this device."_s.arg(oneLine(QString::fromStdString(words.at.front()), 40)),
                     u"Give --at the image's number, 0 to 15."_s});
    Flashing::Result result;
    FlashReach reach;
    bool begun = false;
    try {
        ProgressLine line(context);
        result = flashing.run([&device]() -> Device & { return *device; }, line.task(),
                              [&](const FlashReach &now) {
                                  reach = now;
                                  begun = true;
                              });
    } catch (const Fault &) {
        if (begun)
            context.say(u"Writing ended %1.%2"_s.arg(
                reach.words(), reach.changedDevice() ? u" What the device holds is not whole."_s : QString()));
        throw;
    }
    if (!words.noStart && result.written && !result.now.active)
        start(context, *device);
    if (!result.written)
        context.say(u"The device runs this image already; nothing was written."_s);
    else if (words.signer.empty() && flashing.files().front().mcuboot())
        context.say(u"No --signer: the image's hash was checked, not who made it."_s);
    report(context, words, result);
    if (result.lineLimit > 0) {
        const QString advice =
            diagnoseLine(QString::fromStdString(words.port)).advice(words.baud, result.rate() / result.lineLimit);
        if (!advice.isEmpty())
            context.say(advice);
    }
    return 0;
}

int read(CliContext &context, const ReadWords &words)
{
    const quint64 at = number(words.at, u"--at"_s);
    const quint64 size = number(words.size, u"--size"_s);
    if (size == 0 || size > largestRead)
        throw Fault("base.usage", {u"--size must be 1 to %1 bytes."_s.arg(largestRead), u"Read in pieces."_s});
    const QString out = QString::fromStdString(words.out);
    const auto device = open(context, words, context.task());
    QByteArray bytes;
    double seconds = 0;
    {
        ProgressLine line(context);
        Progress &reading = line.progress().add(u"Read"_s);
        QElapsedTimer timer;
        timer.start();
        bytes = memoryOf(*device).read(at, qint64(size), line.task().at(&reading));
        seconds = double(timer.nsecsElapsed()) / 1e9;
    }
    writeFile(out, bytes);
    context.object({{u"file"_s, out}, {u"at"_s, qint64(at)}, {u"bytes"_s, bytes.size()}, {u"seconds"_s, seconds}});
    context.result(
        u"%1 from %2 is in %3, read in %4."_s.arg(humanSize(bytes.size()), addressText(at), out, humanSpan(seconds)));
    return 0;
}

int erase(CliContext &context, const EraseWords &words)
{
    if (words.all != (words.at.empty() && words.size.empty()) || words.at.empty() != words.size.empty())
        throw Fault("base.usage", {u"Say what to erase."_s, u"Give --at and --size, or --all."_s});
    const quint64 at = words.all ? 0 : number(words.at, u"--at"_s);
    const quint64 size = words.all ? 0 : number(words.size, u"--size"_s);
    const auto device = open(context, words, context.task());
    Memory &memory = memoryOf(*device);
    {
        ProgressLine line(context);
        Progress &erasing = line.progress().add(u"Erase"_s);
        const Task task = line.task().at(&erasing);
        if (words.all)
            memory.eraseAll(task);
        else
            memory.erase(at, size, task);
    }
    context.object({{u"erased"_s, true}, {u"all"_s, words.all}, {u"at"_s, qint64(at)}, {u"bytes"_s, qint64(size)}});
    context.result(words.all ? u"All of the device's memory is erased."_s
                             : u"%1 from %2 on is erased."_s.arg(humanSize(qint64(size)), addressText(at)));
    return 0;
}

void addDeviceOptions(CLI::App *command, DeviceWords &words, const CliContext &context)
{
    command->add_option("--driver", words.driver, "Protocol: " + context.drivers().names().join(u", "_s).toStdString())
        ->type_name("NAME");
    command
        ->add_option("--port", words.port,
                     "/dev/ttyUSB0, a pseudo-terminal, udp:ADDRESS:PORT, or what device list says")
        ->type_name("PORT")
        ->required();
    command->add_option("--board", words.board, "Board, where the device does not say which it is")->type_name("NAME");
    command->add_option("--baud", words.baud, "Rate of the serial port (the driver's own)")
        ->type_name("BAUD")
        ->check(CLI::Range(1200, 12'000'000));
}

void addWrite(CLI::App *noun, CliContext &context)
{
    const auto words = std::make_shared<WriteWords>();
    CLI::App *command = noun->add_subcommand("write", "Judge firmware, write it to a device and see that it is there");
    command
        ->add_option("file", words->files,
                     "MCUboot image, SUIT envelope, Intel HEX, S-records, ELF, UF2, DfuSe, ESP image, or raw bytes")
        ->type_name("FILE")
        ->required();
    addDeviceOptions(command, *words, context);
    command
        ->add_option("--at", words->at,
                     "Address, for a file that does not say where it belongs; once for each file. "
                     "Image number (0) of a device with images")
        ->type_name("ADDR")
        ->expected(1)
        ->take_all();
    command->add_option("--signer", words->signer, "Public key or certificate (PEM) that must have signed the image")
        ->type_name("PEM");
    command->add_option("--sha256", words->sha256, "What sha256sum prints of the file that it must be")
        ->type_name("HEX");
    command->add_option("--family", words->family, "Which chips' part of a UF2 file with several")->type_name("ID");
    command->add_flag("--allow-downgrade", words->older,
                      "Let the version go back; the security counter never goes back");
    command->add_flag("--trial", words->trial, "Do not confirm: the next restart brings the old image back");
    command->add_flag("--erase-all", words->eraseAll, "Erase all memory first, not only what is written");
    command->add_flag("--no-verify", words->noVerify, "Do not compare what the memory holds afterwards");
    command->add_flag("--no-start", words->noStart, "Stay in the loader afterwards");
    command->add_option("--payload", words->payloads, "SUIT: file that the manifest fetches and the envelope lacks")
        ->type_name("FILE");
    command
        ->add_option("--component", words->components,
                     "SUIT: where a component goes, NAME=PLACE: an address, \"image 0\", file:NAME or setting:NAME")
        ->type_name("NAME=PLACE");
    command->add_option("--vendor", words->vendor, "SUIT: vendor id of the device, where it does not tell")
        ->type_name("UUID");
    command->add_option("--class", words->deviceClass, "SUIT: class id of the device, where it does not tell")
        ->type_name("UUID");
    command->add_option("--sequence", words->sequence, "SUIT: sequence number that the device is known to have")
        ->type_name("N");
    command->add_flag("--same-sequence", words->sameSequence, "SUIT: install the device's own sequence number again");
    CliContext::examples(
        command, {u"slipway firmware write t1-1.4.2-p256.bin --driver smp --port /dev/ttyUSB0 --signer p256.pub.pem"_s,
                  u"slipway firmware write t1-1.4.2-p256.bin --driver smp --port udp:192.0.2.7:1337 --signer "
                  u"p256.pub.pem --trial --json"_s,
                  u"slipway firmware write t1.suit --driver coap --port coap://192.0.2.7 --signer fw.pub.pem"_s,
                  u"slipway firmware write fw.hex --driver stm32 --port /dev/ttyUSB0"_s,
                  u"slipway firmware write boot.bin app.bin --driver esp --port /dev/ttyUSB0 --at 0x0 --at 0x10000"_s});
    context.action(command, [&context, words] { return write(context, *words); });
}

void addRead(CLI::App *noun, CliContext &context)
{
    const auto words = std::make_shared<ReadWords>();
    CLI::App *command = noun->add_subcommand("read", "Read a device's memory into a file");
    addDeviceOptions(command, *words, context);
    command->add_option("--at", words->at, "First address")->type_name("ADDR")->required();
    command->add_option("--size", words->size, "Bytes")->type_name("N")->required();
    command->add_option("--out", words->out, "File to write")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway firmware read --driver stm32 --port /dev/ttyUSB0 --at 0x08000000 --size "
                                   u"65536 --out back.bin"_s});
    context.action(command, [&context, words] { return read(context, *words); });
}

void addErase(CLI::App *noun, CliContext &context)
{
    const auto words = std::make_shared<EraseWords>();
    CLI::App *command = noun->add_subcommand("erase", "Erase a device's memory; what was in it is gone");
    addDeviceOptions(command, *words, context);
    CLI::Option *at = command->add_option("--at", words->at, "First address")->type_name("ADDR");
    command->add_option("--size", words->size, "Bytes; widened to what can be erased at once")
        ->type_name("N")
        ->needs(at);
    command->add_flag("--all", words->all, "All of its memory")->excludes(at);
    CliContext::examples(command,
                         {u"slipway firmware erase --driver esp --port /dev/ttyUSB0 --at 0x9000 --size 0x6000"_s,
                          u"slipway firmware erase --driver stm32 --port /dev/ttyUSB0 --all"_s});
    context.action(command, [&context, words] { return erase(context, *words); });
}

} // namespace

void addFirmwareDeviceCommands(CLI::App &app, CliContext &context)
{
    const auto nouns = app.get_subcommands([](const CLI::App *sub) { return sub->get_name() == "firmware"; });
    CLI::App *noun = nouns.empty() ? app.add_subcommand("firmware", "Firmware images") : nouns.front();
    noun->require_subcommand(1);
    addWrite(noun, context);
    addRead(noun, context);
    addErase(noun, context);
}

} // namespace slipway
