// mud-url: whether the device says the same MUD URL wherever it says one.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/capturefile.h"
#include "core/identity/check.h"
#include "core/mud/devicetraffic.h"
#include "core/mud/mudemission.h"
#include "core/steps/kinds.h"
#include "core/steps/mudrecord.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qlonglong usualSpanMs = 30'000;

class MudUrlStep : public Step
{
public:
    explicit MudUrlStep(const RecipeStep &step)
        : m_p(step.parameters), m_sources(step.parameters.value(u"sources"_s).toStringList())
    {}

    void prepare(StepContext &context) override
    {
        const QString url = m_p.value(u"expect"_s).toString(), product = m_p.value(u"product"_s).toString();
        if (!product.isEmpty() && !url.isEmpty() && !url.contains(u"${"_s))
            checkMudUrlFollows(context.journal(), {context.mode(), product, {}}, url);
    }

    void run(StepContext &context, const Task &task) override
    {
        m_said.clear();
        if (wants(u"idevid"_s))
            readCertificate(context, task);
        if (wants(u"dhcp"_s) || wants(u"dhcp6"_s) || wants(u"lldp"_s))
            readNetwork(context, task);
        if (wants(u"label"_s))
            readLabel(context, task);
        judge(context);
    }

private:
    struct Said {
        QString source, url;
    };

    bool wants(const QString &source) const { return m_sources.contains(source); }

    void readCertificate(StepContext &context, const Task &task)
    {
        Keys *keys = context.device().keys();
        if (!keys)
            throw Fault("device.lacks", {u"show its certificate"_s});
        const QList<QByteArray> chain = keys->readChain(task);
        m_said << Said{u"idevid"_s, chain.isEmpty() ? QString() : certificateFacts(chain.first()).mudUrl};
    }

    void readNetwork(StepContext &context, const Task &task)
    {
        TrafficRecorder recorder(TrafficRecorder::Device::parse(context.expand(m_p.value(u"device"_s).toString())));
        if (m_p.contains(u"pcap"_s)) {
            CaptureFile capture(context.expand(m_p.value(u"pcap"_s).toString()));
            recorder.takeAll(capture, task);
        } else {
            listen(context, recorder, task);
        }
        const DeviceTraffic traffic = recorder.finish();
        for (const QString &source : m_sources) {
            if (source == "dhcp"_L1 || source == "dhcp6"_L1 || source == "lldp"_L1)
                m_said << Said{source, QString::fromLatin1(traffic.mudUrls.value(source))};
        }
    }

    // Until all that is wanted was heard, or the time is over.
    void listen(StepContext &context, TrafficRecorder &recorder, const Task &task) const
    {
        const QString interface = context.expand(m_p.value(u"interface"_s).toString());
        const auto tap = context.listen(interface);
        if (m_p.value(u"restart"_s).toBool()) {
            Reset *reset = context.device().resetter();
            if (!reset)
                throw Fault("device.lacks", {u"be restarted from here"_s});
            reset->reset(task);
        }
        const Task limited = task.within(std::chrono::milliseconds(m_p.value(u"for"_s).toLongLong()));
        CapturedPacket packet;
        while (!heardAll(recorder.soFar()) && tap->next(packet, limited))
            recorder.take(packet);
        recorder.endOf(*tap);
        task.check(u"Listening on %1"_s.arg(interface));
    }

    bool heardAll(const DeviceTraffic &traffic) const
    {
        for (const QString &source : {u"dhcp"_s, u"dhcp6"_s, u"lldp"_s}) {
            if (wants(source) && !traffic.mudUrls.contains(source))
                return false;
        }
        return true;
    }

    void readLabel(StepContext &context, const Task &task)
    {
        PromptRequest request;
        request.kind = PromptRequest::Kind::Value;
        request.word = u"LABEL"_s;
        request.sentence = u"Scan the MUD label of the unit."_s;
        const QString scanned = context.ask(request, task).value;
        m_said << Said{u"label"_s, mudLabelFrom(scanned).url.text()};
    }

    void judge(StepContext &context) const
    {
        QString expected = context.expand(m_p.value(u"expect"_s).toString());
        QString of = u"the recipe"_s;
        QStringList heard;
        for (const Said &said : m_said) {
            if (said.url.isEmpty())
                throw Fault("mud.source-silent", {said.source});
            if (const QString why = MudUrl::whyNot(said.url); !why.isEmpty())
                throw Fault("mud.source-wrong", {said.source, oneLine(said.url, 80), why});
            context.fact(u"mud-url."_s + said.source, said.url);
            if (expected.isEmpty()) {
                expected = said.url;
                of = said.source;
            } else if (said.url != expected) { // octet for octet, as for the classes of RFC 8520
                throw Fault("mud.sources-differ", {said.source, said.url, of, expected});
            }
            heard << said.source;
        }
        Measurement measurement;
        measurement.name = u"MUD URL"_s;
        measurement.text = expected;
        measurement.expected = expected;
        context.measured(measurement);
        context.summary(u"%1 (%2)"_s.arg(expected, heard.join(u", "_s)));
    }

    QVariantMap m_p;
    QStringList m_sources;
    QList<Said> m_said;
};

QList<std::pair<QString, QString>> checkMudUrl(const QVariantMap &p, const Recipe &)
{
    QList<std::pair<QString, QString>> troubles;
    static const QStringList known{u"idevid"_s, u"dhcp"_s, u"dhcp6"_s, u"lldp"_s, u"label"_s};
    const QStringList sources = p.value(u"sources"_s).toStringList();
    bool network = false;
    for (const QString &source : sources) {
        if (!known.contains(source))
            troubles.append({u"sources"_s,
                             u"\"%1\" is none of %2.%3"_s.arg(source, known.join(u", "_s), didYouMean(source, known))});
        network = network || source.startsWith("dhcp"_L1) || source == "lldp"_L1;
    }
    const QString url = p.value(u"expect"_s).toString();
    if (sources.size() < 2 && url.isEmpty())
        troubles.append({u"sources"_s, u"one source alone needs \"expect\" to be compared with"_s});
    if (!url.isEmpty() && !url.contains(u"${"_s)) {
        if (const QString why = MudUrl::whyNot(url); !why.isEmpty())
            troubles.append({u"expect"_s, u"this is no MUD URL: "_s + why});
    }
    const bool live = p.contains(u"interface"_s), file = p.contains(u"pcap"_s);
    if (network && live == file)
        troubles.append(
            {{},
             live ? u"\"interface\" and \"pcap\" exclude each other"_s
                  : u"DHCP and LLDP need \"interface\" or \"pcap\": where the device's packets are to be seen"_s});
    if (!network && (live || file))
        troubles.append({live ? u"interface"_s : u"pcap"_s, u"only for the sources dhcp, dhcp6 and lldp"_s});
    return troubles;
}

} // namespace

StepKind mudUrlKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"mud-url"_s;
    kind.title = u"MUD URL"_s;
    kind.summary =
        u"Compares the MUD URLs that the device gives: certificate, DHCP, LLDP, label (RFC 8520, RFC 9238)."_s;
    kind.manual =
        u"A MUD URL counts for as much as the way on which it came: the one in the certificate is signed by the "
        "manufacturer; those in DHCP and LLDP can be changed by firmware, and by malware. A unit whose sources differ "
        "gets two policies in the field, so the step fails where one source is silent or says another URL than the "
        "others, octet for octet.\n\n"
        "For DHCP and LLDP the step listens on the interface to which the device is connected, until all was heard or "
        "the time is over; with `restart` the device is restarted meanwhile. The label's QR code may hold the URL "
        "alone "
        "or the text of RFC 9238; the operator is asked to scan it. What each source said is recorded as a fact "
        "`mud-url.SOURCE`.\n\n"
        "With `product`, `expect` must be a URL that can follow those which the product has in the field already "
        "(`slipway mud accept`)."_s;
    kind.example = u"- mud-url: { sources: [idevid, dhcp, label], expect: \"https://mud.example/t1/1.4.json\", "
                   "interface: eth1, restart: true }"_s;
    kind.parameters = {
        {.name = u"sources"_s,
         .type = Type::List,
         .required = true,
         .doc = u"Who is asked: idevid, dhcp (option 161), dhcp6 (option 112), lldp, label."_s},
        {.name = u"expect"_s, .type = Type::Url, .doc = u"What they all must say; left out: all the same."_s},
        {.name = u"product"_s, .doc = u"Name of the product whose history `expect` must follow."_s},
        {.name = u"interface"_s,
         .doc = u"Network interface of the station to listen on; may contain variables, such as `eth${slot}`."_s},
        {.name = u"pcap"_s,
         .doc =
             u"Capture to read instead, pcap or pcapng; may contain variables, such as `/captures/${serial}.pcap`."_s},
        {.name = u"device"_s, .fallback = u"${mac}"_s, .doc = u"MAC address of the device."_s},
        {.name = u"for"_s, .type = Type::Duration, .fallback = usualSpanMs, .doc = u"How long to listen at most."_s},
        {.name = u"restart"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Restart the device while listening."_s},
    };
    kind.weight = 10;
    kind.needs = [](const QVariantMap &p) {
        QSet<Capability> out;
        if (p.value(u"sources"_s).toStringList().contains(u"idevid"_s))
            out << Capability::Keys;
        if (p.value(u"restart"_s).toBool())
            out << Capability::Reset;
        return out;
    };
    kind.check = checkMudUrl;
    kind.make = [](const RecipeStep &step) { return std::make_unique<MudUrlStep>(step); };
    return kind;
}

} // namespace slipway
