// mud-conform: holds what the device does on the network against its MUD file.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/codec/capturefile.h"
#include "core/mud/mudconform.h"
#include "core/steps/kinds.h"

#include <QCborArray>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qlonglong usualSpanMs = 30'000;
constexpr qsizetype mostRecorded = 50; // findings in the record of a run

// What the recipe says of names in the file. attempt(parameter, add) calls add, and may hear what it throws.
template <typename Attempt> void addMappings(MudMappings &mappings, const QVariantMap &p, const Attempt &attempt)
{
    const auto pairs = [&](const QString &name, void (MudMappings::*add)(const QString &)) {
        const QVariantMap map = p.value(name).toMap();
        for (auto it = map.constBegin(); it != map.constEnd(); ++it)
            attempt(name, [&] { (mappings.*add)(it.key() + u'=' + it->toString()); });
    };
    const auto list = [&](const QString &name, void (MudMappings::*add)(const QString &)) {
        const QStringList words = p.value(name).toStringList();
        for (const QString &word : words)
            attempt(name, [&] { (mappings.*add)(word); });
    };
    pairs(u"controllers"_s, &MudMappings::addController);
    pairs(u"hosts"_s, &MudMappings::addName);
    pairs(u"things"_s, &MudMappings::addThing);
    list(u"my-controller"_s, &MudMappings::addMyController);
    list(u"local-networks"_s, &MudMappings::addLocalNetwork);
}

class MudConformStep : public Step
{
public:
    explicit MudConformStep(const RecipeStep &step) : m_name(step.name), m_p(step.parameters) {}

    void prepare(StepContext &context) override
    {
        if (!m_p.contains(u"pcap"_s) && !m_p.contains(u"interface"_s) && context.networkInterface().isEmpty())
            throw Fault("mud.no-interface");
        const QString path = m_p.value(u"file"_s).toString();
        m_file = MudFile::parse(readFile(path, MudFile::MaximumBytes, u"a MUD file"_s), QFileInfo(path).fileName());
        addMappings(m_mappings, m_p, [](const QString &, const auto &add) { add(); });
    }

    void run(StepContext &context, const Task &task) override
    {
        const QString who = context.expand(m_p.value(u"device"_s).toString());
        TrafficRecorder recorder(TrafficRecorder::Device::parse(who));
        QString where;
        if (m_p.contains(u"pcap"_s)) {
            where = expanded(context, m_p.value(u"pcap"_s).toString());
            CaptureFile capture(where);
            recorder.takeAll(capture, task);
        } else {
            where = expanded(context, m_p.value(u"interface"_s, context.networkInterface()).toString());
            listen(context, where, recorder, task);
        }
        const DeviceTraffic traffic = recorder.finish();
        if (traffic.devicePackets == 0)
            throw Fault("mud.no-device-traffic", {who, where, humanSpan(traffic.seconds())});
        judge(context, traffic, task);
    }

private:
    // Variables of the recipe, and the place's number.
    static QString expanded(const StepContext &context, const QString &text)
    {
        return context.expand(text).replace(u"{slot}"_s, QString::number(context.slotNumber()));
    }

    void listen(StepContext &context, const QString &interface, TrafficRecorder &recorder, const Task &task) const
    {
        const auto tap = context.listen(interface);
        // What the device does as it starts counts most. The kernel keeps the packets until they are asked for.
        if (m_p.value(u"restart"_s).toBool()) {
            Reset *reset = context.device().resetter();
            if (!reset)
                throw Fault("device.lacks", {u"be restarted from here"_s});
            reset->reset(task);
        }
        const std::chrono::milliseconds span(m_p.value(u"for"_s).toLongLong());
        task.say(u"listening on %1 for %2"_s.arg(interface, humanSpan(double(span.count()) / 1000)));
        recorder.takeAll(*tap, task.within(span));
        task.check(u"Listening on %1"_s.arg(interface));
    }

    void judge(StepContext &context, const DeviceTraffic &traffic, const Task &task) const
    {
        const bool strict = m_p.value(u"strict"_s).toBool();
        const ConformReport report = checkConformance(m_file, traffic, m_mappings);
        QCborArray listed;
        const ConformFinding *worst = nullptr;
        for (const ConformFinding &finding : report.findings) {
            task.say(u"%1: %2"_s.arg(toString(finding.severity), finding.message));
            if (listed.size() < mostRecorded)
                listed.append(QCborValue::fromJsonValue(finding.toJson()));
            if (!worst)
                worst = &finding; // violations stand first
        }
        QCborMap body = QCborMap::fromJsonObject(report.toJson(traffic, strict));
        body.insert(u"mud-url"_s, m_file.mudUrl.valueOr(QString()));
        body.insert(u"findings"_s, listed);
        context.record(u"mud.conform"_s, body);

        measure(context, u"MUD violations"_s, report.count(ConformFinding::Severity::Violation), 0.0);
        measure(context, u"MUD not to be judged"_s, report.count(ConformFinding::Severity::Unjudged),
                strict ? std::optional(0.0) : std::nullopt);
        measure(context, u"MUD warnings"_s, report.count(ConformFinding::Severity::Warning),
                strict ? std::optional(0.0) : std::nullopt);
        measure(context, u"MUD flows"_s, double(report.flows), std::nullopt);
        if (!report.conforms(strict))
            throw Fault("mud.violations",
                        {worst->message, worst->why.isEmpty()
                                             ? u"See the record of this step for all of them."_s
                                             : u"Nearest rule: %1: %2."_s.arg(worst->rule, worst->why)});
        context.fact(u"mud-conforms"_s, m_file.mudUrl.valueOr(u"yes"_s));
        context.summary(u"%1 flows allowed, %2 of %3 rules used"_s.arg(report.allowedFlows + report.infrastructureFlows)
                            .arg(report.rulesUsed)
                            .arg(report.rules));
    }

    static void measure(StepContext &context, const QString &name, double value, std::optional<double> high)
    {
        Measurement measurement;
        measurement.name = name;
        measurement.value = value;
        measurement.high = high;
        measurement.verdict = high && value > *high ? Verdict::Fail : Verdict::Pass;
        context.measured(measurement);
    }

    QString m_name;
    QVariantMap m_p;
    MudFile m_file;
    MudMappings m_mappings;
};

QList<std::pair<QString, QString>> checkMudConform(const QVariantMap &p, const Recipe &)
{
    QList<std::pair<QString, QString>> troubles;
    const bool live = p.contains(u"interface"_s);
    const bool file = p.contains(u"pcap"_s);
    if (live && file)
        troubles.append({u"pcap"_s, u"\"interface\" and \"pcap\" exclude each other"_s});
    if (file && p.value(u"restart"_s).toBool())
        troubles.append({u"restart"_s, u"not with \"pcap\": the capture is made already"_s});
    const auto attempt = [&troubles](const QString &name, const auto &add) {
        try {
            add();
        } catch (const Fault &fault) {
            troubles.append({name, fault.sentence().left(fault.sentence().size() - 1)});
        }
    };
    MudMappings mappings;
    addMappings(mappings, p, attempt);
    const QString device = p.value(u"device"_s).toString();
    if (!device.contains(u"${"_s))
        attempt(u"device"_s, [&] { TrafficRecorder::Device::parse(device); });
    return troubles;
}

} // namespace

StepKind mudConformKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"mud-conform"_s;
    kind.title = u"MUD check"_s;
    kind.summary = u"Holds what the device does on the network against its MUD file (RFC 8520)."_s;
    kind.manual =
        u"Listens on the network interface that the place's device is connected to, or reads a capture that a fixture "
        "made, and judges every flow and every name that the device asked for. The step fails when the device does "
        "something that its MUD file does not allow; what was not used, and what cannot be judged, is recorded. With "
        "`restart` the device is restarted while the step listens, so that what it does at a start is seen too.\n\n"
        "The interface should lead to the device and to a test network of its own; the station's program needs the "
        "right to listen (`cap_net_raw`). What a network has to let through without any rule (ARP, neighbour "
        "discovery, DHCP, LLDP, IGMP and MLD, ICMP errors) is no finding. DNS and NTP are allowed with the servers "
        "that DHCP or `controllers` name. A term of the file that nobody explains (a controller without address) makes "
        "flows that depend on it \"not to be judged\", which fails only with `strict`.\n\n"
        "Numbers of violations, flows not to be judged, warnings and flows are recorded as measurements; the findings "
        "as the entry `mud.conform`."_s;
    kind.example = u"- mud-conform: { file: t1.json, interface: eth1, device: \"02:00:00:00:00:01\", for: 30s, "
                   "restart: true }"_s;
    kind.parameters = {
        {.name = u"file"_s, .type = Type::File, .required = true, .doc = u"The product's MUD file, JSON."_s},
        {.name = u"interface"_s,
         .doc = u"Network interface of the station to listen on; `{slot}` in it is the place's number, as in "
                "`eth{slot}`, and it may contain variables. Otherwise the one that station.yaml names (`mud: { "
                "interface: eth1 }`)."_s},
        {.name = u"pcap"_s,
         .doc = u"Capture to read instead, pcap or pcapng; `{slot}` and variables as above, such as "
                "`/captures/${serial}.pcap`."_s},
        {.name = u"device"_s,
         .required = true,
         .doc = u"MAC address of the device, or its IP address where the capture holds no MAC addresses."_s},
        {.name = u"for"_s,
         .type = Type::Duration,
         .fallback = usualSpanMs,
         .doc = u"How long to listen, after the restart where one is asked for."_s},
        {.name = u"restart"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Restart the device while listening."_s},
        {.name = u"strict"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Fail as well for rules that were not used, flows that cannot be judged and packets lost."_s},
        {.name = u"controllers"_s,
         .type = Type::Map,
         .doc = u"Which hosts a controller class of the file means: class to addresses, with commas between them."_s},
        {.name = u"my-controller"_s,
         .type = Type::List,
         .doc = u"Addresses of the device's own controller (`my-controller`)."_s},
        {.name = u"local-networks"_s,
         .type = Type::List,
         .doc = u"Prefixes of the local networks; otherwise those that DHCP and router advertisements tell, else all "
                "private addresses."_s},
        {.name = u"things"_s,
         .type = Type::Map,
         .doc = u"MUD URLs of other devices on the network, by address, for `manufacturer` and `model`."_s},
        {.name = u"hosts"_s,
         .type = Type::Map,
         .doc = u"Names and their addresses, beside those that the device's DNS answers tell."_s},
    };
    kind.weight = 30;
    kind.needs = [](const QVariantMap &p) {
        return p.value(u"restart"_s).toBool() ? QSet{Capability::Reset} : QSet<Capability>();
    };
    kind.check = checkMudConform;
    kind.make = [](const RecipeStep &step) { return std::make_unique<MudConformStep>(step); };
    return kind;
}

} // namespace slipway
