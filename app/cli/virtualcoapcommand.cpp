#include "app/cli/virtualcoapcommand.h"

#include "app/cli/usage.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "drivers/coap/coapsecurity.h"
#include "drivers/virtual/virtualcoap.h"

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

struct CoapWords {
    int port = 0, block = 1024;
    std::string address = "127.0.0.1", multicast, serial, board = "t1-coap", image, psk, certificate, key, anchors;
    std::string rebootTime = "150ms", think = "0ms";
    quint64 seed = 1;
    bool separate = false, deafToObserve = false;
    std::vector<std::string> faults, bootKeys, suitKeys;
    quint64 suitSequence = 0;
};

std::chrono::milliseconds span(const std::string &text, const QString &option)
{
    const auto ms = parseDurationMs(QString::fromStdString(text));
    if (!ms || *ms < 0)
        throw Fault("base.usage", {u"\"%1\" is no time for %2."_s.arg(QString::fromStdString(text), option),
                                   u"Write it as in %1 16ms."_s.arg(option)});
    return std::chrono::milliseconds(*ms);
}

QByteArray keyFile(const std::string &path)
{
    return path.empty() ? QByteArray()
                        : readFile(QString::fromStdString(path), largestKey, u"a file of keys or certificates"_s);
}

int runCoap(CliContext &context, const CoapWords &words)
{
    VirtualCoapOptions options;
    options.port = static_cast<quint16>(words.port);
    options.address = QString::fromStdString(words.address);
    options.multicast = QString::fromStdString(words.multicast);
    options.serial = QString::fromStdString(words.serial);
    options.board = QString::fromStdString(words.board);
    options.block = words.block;
    options.separate = words.separate;
    options.observes = !words.deafToObserve;
    options.rebootTime = span(words.rebootTime, u"--reboot-time"_s);
    options.think = span(words.think, u"--think"_s);
    options.seed = words.seed;
    if (!words.image.empty())
        options.slot0 = readFile(QString::fromStdString(words.image), largestImage, u"a firmware image"_s);
    for (const std::string &key : words.bootKeys)
        options.bootKeys.append(keyFile(key));
    for (const std::string &key : words.suitKeys)
        options.suitKeys.append(keyFile(key));
    options.suitSequence = words.suitSequence;
    if (!words.psk.empty())
        CoapSecurity::parsePsk(keyFile(words.psk), QString::fromStdString(words.psk), options.pskIdentity, options.psk);
    options.certificate = keyFile(words.certificate);
    options.key = keyFile(words.key);
    options.anchors = keyFile(words.anchors);

    VirtualCoap device(options);
    for (const std::string &fault : words.faults)
        device.setFault(VirtualCoapFault::parse(QString::fromStdString(fault)));
    device.start();
    context.say(u"Virtual device ready at %1"_s.arg(device.path()));
    context.object({{u"ready"_s, device.path()}});
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, context.stop(), [] { return false; });
    return 0;
}

} // namespace

void addVirtualCoapCommand(CLI::App *noun, CliContext &context)
{
    auto words = std::make_shared<CoapWords>();
    CLI::App *command = noun->add_subcommand("coap", "A device that speaks CoAP, until it is stopped");
    command->add_option("--port", words->port, "Listen on this UDP port (0: any)")
        ->type_name("PORT")
        ->check(CLI::Range(0, 65535))
        ->required();
    command->add_option("--address", words->address, "Address to listen on (127.0.0.1)")->type_name("IP");
    command->add_option("--multicast", words->multicast, "Group to answer as well, as in ff02::fd%eth0")
        ->type_name("IP");
    command->add_option("--serial", words->serial, "Serial number it has already (none)")->type_name("SN");
    command->add_option("--board", words->board, "What it says it is (t1-coap)")->type_name("NAME");
    command->add_option("--image", words->image, "Firmware in slot 0 (an empty 1.0.0)")->type_name("FILE");
    command->add_option("--boot-key", words->bootKeys, "Public key its boot loader trusts; none: it checks hashes only")
        ->type_name("PEM");
    command->add_option("--suit-key", words->suitKeys, "Public key whose SUIT envelopes it takes; none: it takes none")
        ->type_name("PEM");
    command->add_option("--suit-sequence", words->suitSequence, "SUIT manifest that it is at (0)")->type_name("N");
    command->add_option("--block", words->block, "Largest block it takes and gives, in bytes (1024)")
        ->check(CLI::IsMember({16, 32, 64, 128, 256, 512, 1024}));
    command->add_flag("--separate", words->separate, "Acknowledge first and answer later");
    command->add_flag("--no-observe", words->deafToObserve, "Resources cannot be observed");
    command->add_option("--think", words->think, "Time before a separate answer, and to check an image (0ms)")
        ->type_name("TIME");
    command->add_option("--reboot-time", words->rebootTime, "How long it is deaf in a restart (150ms)")
        ->type_name("TIME");
    CLI::Option *psk =
        command->add_option("--psk", words->psk, "DTLS with the pre-shared key of this file")->type_name("FILE");
    CLI::Option *certificate =
        command->add_option("--certificate", words->certificate, "DTLS with this certificate, its chain behind it")
            ->type_name("PEM")
            ->excludes(psk);
    CLI::Option *key = command->add_option("--key", words->key, "Private key of the certificate")
                           ->type_name("PEM")
                           ->needs(certificate);
    certificate->needs(key);
    command->add_option("--anchors", words->anchors, "The station must have a certificate under one of these")
        ->type_name("PEM")
        ->needs(certificate);
    command->add_option("--seed", words->seed, "Of what it makes at random")->type_name("N")->check(wholeNumber(0));
    command
        ->add_option("--fault", words->faults,
                     "Trouble to play, as in late:delay=800ms,every=3; one of " +
                         VirtualCoapFault::names().join(u", "_s).toStdString())
        ->type_name("FAULT");
    CliContext::examples(command, {u"slipway virtual coap --port 5683 --serial T1-00000001"_s,
                                   u"slipway virtual coap --port 0 --psk device.psk --fault reboot-at:after=30000"_s});
    context.action(command, [&context, words] { return runCoap(context, *words); });
}

} // namespace slipway
