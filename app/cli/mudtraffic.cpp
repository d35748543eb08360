#include "app/cli/mudtraffic.h"

#include "core/base/text.h"
#include "core/codec/capturefile.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int packetsBetween = 8192; // words about progress

QString text(const std::string &word)
{
    return QString::fromStdString(word);
}

void readFileOf(CliContext &context, CaptureFile &capture, const QString &path, TrafficRecorder &recorder)
{
    ProgressLine line(context, path);
    Progress &progress = line.progress().add(u"Read"_s);
    progress.setTotal(capture.size());
    const Task task = line.task();
    CapturedPacket packet;
    for (int i = 0; capture.next(packet, task); ++i) {
        recorder.take(packet);
        if (i % packetsBetween == 0)
            progress.setDone(capture.position());
    }
    progress.finish();
}

} // namespace

void MudTrafficWords::addTo(CLI::App *command, bool needed)
{
    auto *file =
        command->add_option("--pcap", pcap, "Capture to read, pcap or pcapng; - for standard input")->type_name("FILE");
    auto *live =
        command->add_option("--interface", interface, "Network interface to listen on instead")->type_name("IF");
    file->excludes(live);
    auto *time = command->add_option("--for", span, "How long to listen, such as 60s; otherwise until Ctrl-C")
                     ->type_name("TIME");
    time->needs(live);
    auto *who = command
                    ->add_option("--device", device,
                                 "MAC address of the device; its IP address where the capture holds no MAC addresses")
                    ->type_name("MAC");
    if (needed)
        who->required();
    command
        ->add_option("--controller", controllers, "Hosts of a controller class, CLASS=ADDRESS[,...]; may be repeated")
        ->type_name("CLASS=HOSTS");
    command->add_option("--my-controller", myController, "Hosts that are the device's own controller; may be repeated")
        ->type_name("HOSTS");
    command
        ->add_option("--local", local,
                     "Local networks; otherwise what DHCP and router advertisements say, else private addresses")
        ->type_name("PREFIX");
    command->add_option("--thing", things, "MUD URL of another device, ADDRESS=URL; may be repeated")
        ->type_name("ADDRESS=URL");
    command->add_option("--host", hosts, "A name and its addresses, beside the capture's DNS; may be repeated")
        ->type_name("NAME=ADDRESS");
}

MudMappings MudTrafficWords::mappings() const
{
    MudMappings mappings;
    for (const std::string &word : controllers)
        mappings.addController(text(word));
    for (const std::string &word : myController)
        mappings.addMyController(text(word));
    for (const std::string &word : local)
        mappings.addLocalNetwork(text(word));
    for (const std::string &word : things)
        mappings.addThing(text(word));
    for (const std::string &word : hosts)
        mappings.addName(text(word));
    return mappings;
}

DeviceTraffic MudTrafficWords::record(CliContext &context) const
{
    if (!any())
        throw Fault("base.usage", {u"Nothing says where the device's packets are to be seen."_s,
                                   u"Name a capture with --pcap or an interface with --interface."_s});
    TrafficRecorder recorder(TrafficRecorder::Device::parse(text(device)));
    QString where = text(pcap);
    if (!pcap.empty()) {
        CaptureFile capture(where);
        readFileOf(context, capture, where, recorder);
        recorder.endOf(capture);
    } else {
        where = text(interface);
        Task task = context.task();
        if (!span.empty()) {
            const auto ms = parseDurationMs(text(span));
            if (!ms || *ms <= 0)
                throw Fault("base.usage", {u"\"%1\" is no time."_s.arg(oneLine(text(span), 40)),
                                           u"Write it as in 60s, 5min or 1h."_s});
            task = task.within(std::chrono::milliseconds(*ms));
        }
        const auto tap = context.drivers().listen(where);
        context.say(span.empty() ? u"Listening on %1. Ctrl-C ends it and judges."_s.arg(where)
                                 : u"Listening on %1 for %2."_s.arg(where, text(span)));
        try {
            CapturedPacket packet;
            for (int i = 0; tap->next(packet, task); ++i) {
                recorder.take(packet);
                if (i % 64 == 0)
                    context.transient(u"%1 packets, %2 of the device"_s.arg(recorder.soFar().packets)
                                          .arg(recorder.soFar().devicePackets));
            }
        } catch (const Fault &fault) {
            if (!fault.is("base.stopped") || !span.empty())
                throw;
        }
        recorder.endOf(*tap);
    }
    DeviceTraffic traffic = recorder.finish();
    if (!traffic.remark.isEmpty())
        context.say(traffic.remark);
    if (traffic.devicePackets == 0) {
        QList<std::pair<quint64, quint64>> seen; // packets, address
        for (auto it = traffic.senders.constBegin(); it != traffic.senders.constEnd(); ++it)
            seen.append({*it, it.key()});
        std::sort(seen.begin(), seen.end(), std::greater<>());
        QStringList words;
        for (const auto &[packets, mac] : std::as_const(seen)) {
            if (words.size() < 8)
                words << u"%1 (%2 packets)"_s.arg(macText(mac)).arg(packets);
        }
        throw Fault("mud.no-traffic",
                    {text(device), QString::number(traffic.packets), where,
                     words.isEmpty() ? u"Check the address; a capture without MAC addresses needs the IP address."_s
                                     : u"Senders there: %1."_s.arg(words.join(u", "_s))});
    }
    return traffic;
}

} // namespace slipway
