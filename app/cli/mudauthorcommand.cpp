// `slipway mud author`.

#include "app/cli/mudcommand.h"
#include "app/cli/mudtraffic.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/mud/mudauthor.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudurl.h"
#include "core/recipe/yamlreader.h"

#include <QJsonArray>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 factsLimit = 256 * 1024;

struct AuthorWords {
    std::string facts, merge, out;
    std::string mudUrl, systeminfo, mfgName, modelName, documentation, signature;
    int cacheValidity = 0;
    std::vector<std::string> peers;
    MudTrafficWords traffic;
    bool tidy = false;
};

struct Order {
    MudProduct product;
    QList<MudPeer> peers;
};

// A file of facts: YAML, and so JSON as well.
Order readFacts(const QString &path)
{
    Order order;
    const YamlDocument document = readYaml(readFile(path, factsLimit, u"a list of peers"_s));
    const auto bad = [&](Position at, const QString &why) {
        return Fault("mud.facts", {oneLine(path), QString::number(at.line), QString::number(at.column), why});
    };
    if (!document.troubles.isEmpty())
        throw bad(document.troubles.first().at, document.troubles.first().sentence);
    if (!document.root.isMapping())
        throw bad(document.root.at, u"this is %1, not a list of facts"_s.arg(document.root.described()));
    MudProduct &product = order.product;
    const QMap<QString, QString *> texts{{u"mud-url"_s, &product.mudUrl},
                                         {u"systeminfo"_s, &product.systeminfo},
                                         {u"mfg-name"_s, &product.mfgName},
                                         {u"model-name"_s, &product.modelName},
                                         {u"documentation"_s, &product.documentation},
                                         {u"mud-signature"_s, &product.mudSignature}};
    for (const YamlEntry &entry : document.root.entries) {
        const YamlNode &value = entry.value;
        if (entry.key == u"peers"_s) {
            if (!value.isSequence())
                throw bad(value.at, u"\"peers\" wants a list"_s);
            for (const YamlNode &item : value.items) {
                if (!item.isScalar())
                    throw bad(item.at, u"a peer is a text such as \"mqtt.example tcp 8883\""_s);
                try {
                    order.peers << MudPeer::parse(item.text);
                } catch (const Fault &fault) {
                    throw bad(item.at, fault.sentence().chopped(1));
                }
            }
            continue;
        }
        if (!value.isScalar())
            throw bad(value.at, u"\"%1\" wants a text"_s.arg(entry.key));
        if (entry.key == u"cache-validity"_s) {
            bool ok = false;
            product.cacheValidity = value.text.toInt(&ok);
            if (!ok)
                throw bad(value.at, u"\"cache-validity\" wants a number of hours"_s);
        } else if (texts.contains(entry.key)) {
            *texts.value(entry.key) = value.text;
        } else {
            throw bad(entry.at, u"\"%1\" is not known here.%2"_s.arg(
                                    entry.key, didYouMean(entry.key, texts.keys() + QStringList{u"peers"_s})));
        }
    }
    return order;
}

int author(CliContext &context, const AuthorWords &words)
{
    Order order;
    if (!words.facts.empty())
        order = readFacts(QString::fromStdString(words.facts));
    for (const std::string &peer : words.peers)
        order.peers << MudPeer::parse(QString::fromStdString(peer));
    const auto take = [](QString &into, const std::string &word) {
        if (!word.empty())
            into = QString::fromStdString(word);
    };
    take(order.product.mudUrl, words.mudUrl);
    take(order.product.systeminfo, words.systeminfo);
    take(order.product.mfgName, words.mfgName);
    take(order.product.modelName, words.modelName);
    take(order.product.documentation, words.documentation);
    take(order.product.mudSignature, words.signature);
    if (words.cacheValidity > 0)
        order.product.cacheValidity = words.cacheValidity;
    if (order.product.cacheValidity && (*order.product.cacheValidity < 1 || *order.product.cacheValidity > 168))
        throw Fault("mud.author", {u"a cache validity of %1 hours is not allowed"_s.arg(*order.product.cacheValidity),
                                   u"Give 1 to 168 hours (RFC 8520 section 3.5)."_s});
    order.product.lastUpdate = QDateTime::currentDateTimeUtc();

    std::optional<MudFile> existing;
    if (!words.merge.empty()) {
        const QString path = QString::fromStdString(words.merge);
        existing = MudFile::parse(readFile(path, MudFile::MaximumBytes, u"a MUD file"_s), oneLine(path));
    }
    DeviceTraffic traffic;
    const MudMappings mappings = words.traffic.mappings();
    if (words.traffic.any()) {
        if (words.traffic.device.empty())
            throw Fault("base.usage", {u"Nothing says which device of the capture is meant."_s,
                                       u"Name it with --device, for example --device 02:00:00:00:00:01."_s});
        traffic = words.traffic.record(context);
        // The device's own word, where nobody else says.
        if (order.product.mudUrl.isEmpty() && !existing && !traffic.mudUrls.isEmpty())
            order.product.mudUrl = QString::fromLatin1(traffic.mudUrls.first());
    }
    if (order.product.mudUrl.isEmpty() && !existing)
        throw Fault("mud.author", {u"nothing says what its MUD URL is"_s, u"Give it with --mud-url."_s});

    const MudDraft draft = words.traffic.any() ? authorFromTraffic(existing ? &*existing : nullptr, order.product,
                                                                   order.peers, traffic, mappings, words.tidy)
                           : existing          ? extendMudFile(*existing, order.product, order.peers)
                                               : authorMudFile(order.product, order.peers);
    int errors = 0;
    const MudFile made = MudFile::parse(draft.json);
    const auto findings = checkMudFile(made);
    for (const MudFinding &finding : findings)
        errors += finding.severity == MudFinding::Severity::Error;
    const QString out = QString::fromStdString(words.out);
    writeFile(out, draft.json);

    for (const QString &remark : draft.remarks)
        context.say(oneLine(remark));
    context.object({{u"file"_s, out},
                    {u"kept"_s, QJsonArray::fromStringList(draft.kept)},
                    {u"added"_s, QJsonArray::fromStringList(draft.added)},
                    {u"unused"_s, QJsonArray::fromStringList(draft.unused)},
                    {u"removed"_s, QJsonArray::fromStringList(draft.removed)},
                    {u"remarks"_s, QJsonArray::fromStringList(draft.remarks)},
                    {u"errors"_s, errors},
                    {u"findings"_s, int(findings.size())}});
    for (const QString &name : draft.added)
        context.result(u"added: %1"_s.arg(oneLine(name)));
    for (const QString &name : draft.removed)
        context.result(u"removed: %1"_s.arg(oneLine(name)));
    for (const QString &name : draft.unused) {
        if (!draft.removed.contains(name))
            context.result(u"unused: %1"_s.arg(oneLine(name)));
    }
    context.result(u"%1: %2 rules kept, %3 added, %4 removed, %5 unused."_s.arg(out)
                       .arg(draft.kept.size())
                       .arg(draft.added.size())
                       .arg(draft.removed.size())
                       .arg(draft.unused.size() - draft.removed.size()));
    if (errors > 0)
        context.say(u"The file has errors that were there before, or come from its facts; \"slipway mud check\" shows "
                    "them."_s);
    return errors > 0 ? 1 : 0;
}

} // namespace

void addMudAuthorCommand(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<AuthorWords>();
    CLI::App *command = noun.add_subcommand(
        "author", "Make a MUD file from facts and peers, or from what a device did; or add to one that exists");
    command->add_option("--out", words->out, "File to write")->type_name("FILE")->required();
    command->add_option("--facts", words->facts, "Facts and peers, YAML or JSON")->type_name("FILE");
    command->add_option("--merge", words->merge, "MUD file that exists: its rules stay, new ones are added behind them")
        ->type_name("FILE");
    command->add_option("--mud-url", words->mudUrl, "MUD URL of the product")->type_name("URL");
    command
        ->add_option("--peer", words->peers,
                     "What it talks to, such as \"mqtt.example tcp 8883\" or \"local-networks udp 5683 in\"; may be "
                     "repeated")
        ->type_name("PEER");
    command->add_option("--systeminfo", words->systeminfo, "What it is, in at most 60 characters")->type_name("TEXT");
    command->add_option("--mfg-name", words->mfgName, "Manufacturer")->type_name("TEXT");
    command->add_option("--model-name", words->modelName, "Model")->type_name("TEXT");
    command->add_option("--documentation", words->documentation, "Where its documentation is")->type_name("URL");
    command->add_option("--mud-signature", words->signature, "Where the file's signature will be, relative to its URL")
        ->type_name("URL");
    command->add_option("--cache-validity", words->cacheValidity, "Hours that a MUD manager may keep it, 1 to 168")
        ->type_name("HOURS")
        ->check(CLI::Range(1, 168));
    words->traffic.addTo(command, false);
    command->add_flag("--tidy", words->tidy, "With --merge: take rules out that the capture did not need");
    CliContext::examples(
        command, {u"slipway mud author --out t1.json --mud-url https://mud.example/t1.json --peer \"mqtt.example tcp "
                  "8883\" --peer \"local-networks udp 5683 in\""_s,
                  u"slipway mud author --out t1.json --mud-url https://mud.example/t1.json --pcap trace.pcap --device "
                  "02:00:00:00:00:01"_s,
                  u"slipway mud author --out t1.json --merge t1-old.json --pcap trace.pcap --device "
                  "02:00:00:00:00:01"_s});
    context.action(command, [&context, words] { return author(context, *words); });
}

} // namespace slipway
