// `slipway mud conform`.

#include "app/cli/mudcommand.h"
#include "app/cli/mudtraffic.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudconform.h"

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct ConformWords {
    std::string file;
    MudTrafficWords traffic;
    bool strict = false;
    bool all = false;
};

void print(CliContext &context, const QString &path, const ConformFinding &finding)
{
    context.object(finding.toJson());
    context.result(u"%1: %2%3"_s.arg(toString(finding.severity), oneLine(finding.message),
                                     finding.clause.isEmpty() ? QString() : u" (%1)"_s.arg(finding.clause)));
    if (finding.isFlow)
        context.result(u"    packets: %1; sent: %2; received: %3"_s.arg(finding.fromPackets + finding.toPackets)
                           .arg(humanSize(qint64(finding.fromBytes)), humanSize(qint64(finding.toBytes))));
    if (!finding.rule.isEmpty() && finding.isFlow) {
        const QString place = finding.line > 0 ? u" at %1:%2"_s.arg(path).arg(finding.line) : QString();
        context.result(u"    nearest rule: %1%2: %3"_s.arg(oneLine(finding.rule), place, oneLine(finding.why)));
    }
}

int conform(CliContext &context, const ConformWords &words)
{
    const QString path = QString::fromStdString(words.file);
    const MudFile file = MudFile::parse(readFile(path, MudFile::MaximumBytes, u"a MUD file"_s), oneLine(path));
    if (hasErrors(checkMudFile(file)))
        context.say(u"%1 has errors; \"slipway mud check\" shows them. It is judged by as far as it can be read."_s.arg(
            oneLine(path)));
    const MudMappings mappings = words.traffic.mappings();
    const DeviceTraffic traffic = words.traffic.record(context);
    const ConformReport report = checkConformance(file, traffic, mappings);
    if (words.all) {
        for (const ConformFinding &flow : report.allowed) {
            QJsonObject object = flow.toJson();
            object.insert(u"kind"_s, u"allowed"_s);
            object.remove(u"severity"_s);
            object.remove(u"message"_s);
            context.object(object);
            QStringList ports;
            for (const quint16 port : flow.ports)
                ports << QString::number(port);
            context.result(u"allowed: %1, %2%3, by %4"_s.arg(
                oneLine(flow.peer), flow.protocol, ports.isEmpty() ? QString() : u" port "_s + ports.join(u", "_s),
                flow.rule == u"infrastructure"_s ? flow.clause : oneLine(flow.rule)));
        }
    }
    for (const ConformFinding &finding : report.findings)
        print(context, path, finding);
    context.object(report.toJson(traffic, words.strict));
    if (report.localAssumed)
        context.say(u"Nothing told the local networks: private addresses were taken for local (--local names them)."_s);
    context.result(report.sentence(words.strict));
    return report.conforms(words.strict) ? 0 : 1;
}

} // namespace

void addMudConformCommand(CLI::App &noun, CliContext &context)
{
    const auto words = std::make_shared<ConformWords>();
    CLI::App *command = noun.add_subcommand(
        "conform", "Hold what a device does on the network against its MUD file; exit 1 when it does more than that");
    command->add_option("--file", words->file, "MUD file, JSON")->type_name("FILE")->required();
    words->traffic.addTo(command, true);
    command->add_flag("--strict", words->strict,
                      "Warnings (rules not used) and what cannot be judged count as not conforming");
    command->add_flag("--all", words->all, "List the flows that are allowed as well");
    CliContext::examples(command,
                         {u"slipway mud conform --file t1.json --pcap trace.pcap --device 02:00:00:00:00:01 --json"_s,
                          u"slipway mud conform --file t1.json --interface eth1 --for 60s --device 02:00:00:00:00:01"_s,
                          u"slipway mud conform --file t1.json --pcap trace.pcap --device 02:00:00:00:00:01 "
                          "--my-controller 192.0.2.1 --controller urn:ietf:params:mud:ntp=192.0.2.5"_s});
    context.action(command, [&context, words] { return conform(context, *words); });
}

} // namespace slipway
