#include "app/cli/partitioncommand.h"

#include "app/cli/secretinput.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/codec/nvsbuilder.h"
#include "core/identity/check.h"
#include "core/identity/factorypartition.h"

#include <QDir>
#include <QFileInfo>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 fileLimit = 1024 * 1024;

struct PartitionWords {
    std::string certificate, key, out, csv, keys, newKeys, size;
    std::vector<std::string> ca;
    int keyPassphraseFd = -1;
    bool fill = false;
};

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

qint64 sizeOf(const std::string &word, qint64 usual)
{
    if (word.empty())
        return usual;
    const auto size = parseAddress(text(word));
    if (!size || *size == 0 || *size % 4096 != 0 || *size > quint64(NvsPartition::MaximumBytes))
        throw Fault("base.usage", {u"\"%1\" is no size of a partition."_s.arg(oneLine(text(word), 40)),
                                   u"Write a multiple of 4096, as in --size 0x6000."_s});
    return qint64(*size);
}

int secureCert(CliContext &context, const PartitionWords &words)
{
    const qint64 size = sizeOf(words.size, EspSecureCert::UsualSize);
    QList<QByteArray> chain{certificateFromFile(readFile(text(words.certificate), fileLimit, u"a certificate"_s))};
    for (const std::string &file : words.ca)
        chain += certificatesFromPem(readFile(text(file), fileLimit, u"a certificate chain"_s));
    QByteArray passphrase;
    if (words.keyPassphraseFd >= 0) {
        const SecretBytes read = secretFromFd(words.keyPassphraseFd);
        const qsizetype end = read.view().indexOf('\n');
        passphrase = read.view().first(end < 0 ? read.size() : end).toByteArray();
    }
    const PrivateKey key = PrivateKey::open(text(words.key), passphrase);
    const SecretSweep sweep(key.number());
    cleanse(passphrase);
    if (certificateFacts(chain.first()).publicKeyDer != key.publicKeyDer())
        throw Fault("issuer.mismatch", {text(words.key), text(words.certificate)});
    const SecretBytes partition = buildEspSecureCert(chain, key, size, words.fill);
    writeFile(text(words.out), partition.borrowed(), Access::OwnerOnly);
    context.object({{u"format"_s, u"esp-secure-cert"_s},
                    {u"bytes"_s, partition.size()},
                    {u"certificates"_s, chain.size()},
                    {u"out"_s, text(words.out)}});
    context.result(u"Partition %1 of %2 with %3 certificates and their key is in %4."_s.arg(
        QString::fromLatin1(EspSecureCert::PartitionName), humanSize(partition.size()), QString::number(chain.size()),
        text(words.out)));
    context.say(u"It holds a private key: keep it only as long as it is needed."_s);
    return 0;
}

int nvs(CliContext &context, const PartitionWords &words)
{
    const qint64 size = sizeOf(words.size, 0x6000);
    QByteArray csv = readFile(text(words.csv), fileLimit, u"factory data"_s);
    const QDir folder = QFileInfo(text(words.csv)).absoluteDir();
    std::optional<NvsKeys> keys;
    if (!words.keys.empty()) {
        QByteArray bytes = readFile(text(words.keys), NvsKeys::PartitionSize, u"a key partition"_s);
        keys.emplace(NvsKeys::read(bytes));
        cleanse(bytes);
    } else if (!words.newKeys.empty()) {
        keys.emplace(NvsKeys::generate());
    }
    QByteArray partition = NvsBuilder::fromCsv(csv, size, keys ? &*keys : nullptr, [&folder](const QString &name) {
        return readFile(folder.absoluteFilePath(name), fileLimit, u"a value"_s);
    });
    const qsizetype items = NvsPartition::parse(partition, keys ? &*keys : nullptr).items.size();
    if (!words.newKeys.empty())
        writeFile(text(words.newKeys), keys->partition().borrowed(), Access::OwnerOnly);
    writeFile(text(words.out), partition, Access::OwnerOnly);
    cleanse(partition);
    cleanse(csv);
    context.object({{u"format"_s, u"nvs"_s},
                    {u"bytes"_s, size},
                    {u"items"_s, items},
                    {u"encrypted"_s, keys.has_value()},
                    {u"out"_s, text(words.out)}});
    context.result(u"NVS partition of %1 with %2 values%3 is in %4."_s.arg(
        humanSize(size), QString::number(items), keys ? u", encrypted,"_s : QString(), text(words.out)));
    return 0;
}

} // namespace

void addPartitionCommands(CLI::App &identity, CliContext &context)
{
    CLI::App *noun = identity.add_subcommand(
        "partition", "Build factory partitions of the ESP32 family; slipway firmware inspect shows them");
    noun->require_subcommand(1);
    const auto words = std::make_shared<PartitionWords>();

    CLI::App *command = noun->add_subcommand("esp-secure-cert", "Certificates and key as esp_secure_cert (TLV)");
    command->add_option("--cert", words->certificate, "The device's certificate, PEM or DER")
        ->type_name("FILE")
        ->required();
    command->add_option("--ca", words->ca, "Certificates above it, issuing one first, PEM")->type_name("FILE");
    command->add_option("--key", words->key, "Its private key, P-256, PEM")->type_name("FILE")->required();
    command
        ->add_option("--key-passphrase-fd", words->keyPassphraseFd,
                     "Read the key's passphrase from this file descriptor")
        ->type_name("FD")
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--size", words->size, "Of the partition (0x2000)")->type_name("BYTES");
    command->add_flag("--fill", words->fill, "Fill the file with 0xff to the partition's size");
    command->add_option("--out", words->out, "Where the partition goes")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway identity partition esp-secure-cert --cert d.pem --ca ca.pem --key d.key "
                                   "--out esp_secure_cert.bin"_s});
    context.action(command, [&context, words] { return secureCert(context, *words); });

    command = noun->add_subcommand("nvs", "Non-volatile storage of ESP-IDF out of a CSV file");
    command->add_option("--csv", words->csv, "key,type,encoding,value as Espressif's generator reads it")
        ->type_name("FILE")
        ->required();
    command->add_option("--size", words->size, "Of the partition (0x6000)")->type_name("BYTES");
    CLI::Option *keys =
        command->add_option("--keys", words->keys, "Encrypt with the keys of this key partition")->type_name("FILE");
    command->add_option("--new-keys", words->newKeys, "Encrypt with new keys and write their partition here")
        ->type_name("FILE")
        ->excludes(keys);
    command->add_option("--out", words->out, "Where the partition goes")->type_name("FILE")->required();
    CliContext::examples(command, {u"slipway identity partition nvs --csv factory.csv --size 0x4000 --out nvs.bin"_s,
                                   u"slipway identity partition nvs --csv factory.csv --new-keys nvs_keys.bin --out "
                                   "nvs.bin"_s});
    context.action(command, [&context, words] { return nvs(context, *words); });
}

} // namespace slipway
