// Flows and names held against MUD files: RFC 8520's terms one by one, what stands behind every file, what is no fault
// of the device, and a real recording.

#include "core/base/fault.h"
#include "core/codec/capturefile.h"
#include "core/mud/mudconform.h"
#include "tests/support/mudtraffic.h"
#include "tests/support/testmain.h"

#include <QFile>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

using Kind = ConformFinding::Kind;
using Severity = ConformFinding::Severity;

const IpAddress cloud = ip("203.0.113.9");
const IpAddress neighbour = ip("192.168.7.20");

// "flow", "not-used" ... of the findings that are no remark about rules left unused.
QStringList kinds(const ConformReport &report, bool unused = false)
{
    QStringList words;
    for (const ConformFinding &finding : report.findings) {
        if (unused || finding.kind != Kind::NotUsed)
            words << toString(finding.kind);
    }
    return words;
}

ConformReport judge(const MudFile &file, Bed &bed, const MudMappings &mappings = {})
{
    return checkConformance(file, bed.traffic(), mappings);
}

MudFile edited(const MudFile &file, const QByteArray &from, const QByteArray &to)
{
    QByteArray bytes = file.bytes;
    if (!bytes.contains(from))
        qFatal("the text to replace is not there");
    return MudFile::parse(bytes.replace(from, to));
}

} // namespace

class TestMudConform : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allowedByName()
    {
        const MudFile file = mudFile({u"mqtt.example tcp 8883 v4"_s});
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.tcpOut(cloud, 8883);
        const ConformReport report = judge(file, bed);
        QCOMPARE(kinds(report, true), QStringList());
        QVERIFY(report.conforms(true));
        QCOMPARE(report.rulesUsed, quint64(2));
    }

    void deniedFlows_data()
    {
        QTest::addColumn<QString>("peer");
        QTest::addColumn<QString>("why");
        QTest::newRow("port") << u"mqtt.example tcp 1883"_s << u"its port is 1883, not 8883"_s;
        QTest::newRow("protocol") << u"mqtt.example udp 8883"_s << u"it is for UDP"_s;
        QTest::newRow("name") << u"other.example tcp 8883"_s << u"it is for other.example"_s;
        QTest::newRow("direction") << u"mqtt.example tcp 8883 in"_s << u"the device opened this"_s;
        QTest::newRow("local networks") << u"local-networks tcp 8883"_s << u"is not of the local networks"_s;
        QTest::newRow("same manufacturer") << u"same-manufacturer tcp 8883"_s << u"no Thing of this network"_s;
        QTest::newRow("other kind of IP") << u"mqtt.example tcp 8883 v6"_s << u"it is not for IPv4"_s;
    }
    void deniedFlows()
    {
        QFETCH(QString, peer);
        QFETCH(QString, why);
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.tcpOut(cloud, 8883);
        const ConformReport report = judge(mudFile({peer}), bed);
        QVERIFY(!report.conforms(false));
        QVERIFY(kinds(report).contains(u"flow"_s));
        const ConformFinding &flow = *std::find_if(report.findings.begin(), report.findings.end(),
                                                   [](const ConformFinding &f) { return f.kind == Kind::Flow; });
        QVERIFY2(flow.why.contains(why), qPrintable(flow.why));
        QCOMPARE(flow.peer, u"mqtt.example"_s);
        QCOMPARE(flow.addresses, QStringList(u"203.0.113.9"_s));
        QCOMPARE(flow.ports, QList<quint16>{8883});
        QCOMPARE(flow.initiator, u"device"_s);
        QCOMPARE(flow.fromPackets, quint64(2));
        QCOMPARE(flow.toPackets, quint64(2));
        QVERIFY(flow.line > 0);
    }

    // A file that lets requests out and nothing in.
    void answersNotLetIn()
    {
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.udpOut(cloud, 5683);
        const MudFile file =
            edited(mudFile({u"mqtt.example udp 5683 v4"_s}),
                   "\"source-port\": {\n                    \"operator\": \"eq\",\n                    \"port\": 5683",
                   "\"source-port\": {\n                    \"operator\": \"eq\",\n                    \"port\": 5684");
        QCOMPARE(kinds(judge(file, bed)), QStringList(u"answer"_s));
    }

    void names()
    {
        const MudFile file = mudFile({u"mqtt.example tcp 8883"_s});
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.tcpOut(cloud, 8883);
        bed.resolve("tracker.example", cloud); // of the same address: the flow tells nothing
        bed.tcpOut(cloud, 8883, 40001);
        bed.resolve("unvisited.example", ip("203.0.113.10"));
        bed.dns("mistyped.example", {}, 3);
        bed.dns("1.7.168.192.in-addr.arpa", {});
        bed.resolve("printer.lan", neighbour); // leads to the local network
        const ConformReport report = judge(file, bed);
        QMap<QString, Severity> found;
        for (const ConformFinding &finding : report.findings) {
            if (finding.kind == Kind::Name)
                found.insert(finding.peer, finding.severity);
        }
        QCOMPARE(found, (QMap<QString, Severity>{{u"tracker.example"_s, Severity::Violation},
                                                 {u"unvisited.example"_s, Severity::Warning},
                                                 {u"mistyped.example"_s, Severity::Warning}}));
    }

    void aliasesAndWildcards()
    {
        Bed bed;
        bed.dhcp();
        bed.dns("www.example", {{{}, 5, 30, dnsName("a.cdn.example")}, addressRecord(cloud, 60, "a.cdn.example")});
        bed.tcpOut(cloud, 443);
        QCOMPARE(kinds(judge(mudFile({u"www.example tcp 443"_s}), bed)), QStringList());
        for (const QString &pattern : {u"a.cdn.example"_s, u"*.cdn.example"_s, u"*.example"_s}) {
            Bed again;
            again.dhcp();
            again.dns("www.example",
                      {{{}, 5, 30, dnsName("a.cdn.example")}, addressRecord(cloud, 60, "a.cdn.example")});
            again.tcpOut(cloud, 443);
            const auto words = kinds(judge(
                edited(mudFile({u"x.example tcp 443"_s}), "\"x.example\"", '"' + pattern.toLatin1() + '"'), again));
            QVERIFY2(!words.contains(u"flow"_s), qPrintable(pattern));
        }
        QVERIFY(!nameMatches("*.example", "example"));
        QVERIFY(!nameMatches("*.example", "badexample"));
    }

    // RFC 1035 3.2.1: an answer counts for its time to live.
    void time()
    {
        const MudFile file = mudFile({u"mqtt.example tcp 8883"_s});
        Bed stale;
        stale.dhcp();
        stale.resolve("mqtt.example", cloud, 10);
        stale.now += 60'000'000'000;
        stale.tcpOut(cloud, 8883);
        const ConformReport late = judge(file, stale);
        QCOMPARE(kinds(late), QStringList(u"stale-name"_s));
        QVERIFY(late.conforms(false) && !late.conforms(true));
        Bed early;
        early.dhcp();
        early.tcpOut(cloud, 8883);
        early.resolve("mqtt.example", cloud);
        QCOMPARE(kinds(judge(file, early)), QStringList(u"stale-name"_s));
        Bed kept; // begun in time, it may go on
        kept.dhcp();
        kept.resolve("mqtt.example", cloud, 10);
        kept.tcpOut(cloud, 8883);
        kept.now += 60'000'000'000;
        kept.packet(true, cloud, 6, tcp(40000, 8883, TcpAck, "more"));
        QCOMPARE(kinds(judge(file, kept)), QStringList());
    }

    void controllers()
    {
        const auto traffic = [](Bed &bed) {
            bed.dhcp();
            bed.udpOut(cloud, 5684);
        };
        const MudFile file = mudFile({u"controller=urn:example:hub udp 5684"_s, u"my-controller udp 5685"_s});
        Bed unknown;
        traffic(unknown);
        const ConformReport report = judge(file, unknown);
        QCOMPARE(kinds(report), QStringList(u"unjudged"_s));
        QVERIFY(report.conforms(false) && !report.conforms(true));
        QVERIFY2(report.findings[0].why.contains(u"nobody said which hosts are urn:example:hub"_s),
                 qPrintable(report.findings[0].why));
        MudMappings right;
        right.addController(u"urn:example:hub=203.0.113.0/28,192.0.2.1"_s);
        Bed known;
        traffic(known);
        QCOMPARE(kinds(judge(file, known, right)), QStringList());
        MudMappings wrong;
        wrong.addController(u"urn:example:hub=192.0.2.1"_s);
        Bed other;
        traffic(other);
        QCOMPARE(kinds(judge(file, other, wrong)), QStringList(u"flow"_s));
        MudMappings mine;
        mine.addMyController(u"203.0.113.9"_s);
        Bed own;
        own.dhcp();
        own.udpOut(cloud, 5685);
        QCOMPARE(kinds(judge(file, own, mine)), QStringList());
    }

    void things()
    {
        const auto traffic = [](Bed &bed) {
            bed.dhcp();
            bed.udpOut(neighbour, 5683);
        };
        for (const auto &[rule, url, good] :
             {std::tuple{u"same-manufacturer udp 5683"_s, u"https://mud.example/lamp.json"_s, true},
              std::tuple{u"same-manufacturer udp 5683"_s, u"https://mud.other.example/lamp.json"_s, false},
              std::tuple{u"manufacturer=mud.other.example udp 5683"_s, u"https://mud.other.example/lamp.json"_s, true},
              std::tuple{u"model=https://mud.example/lamp.json udp 5683"_s, u"https://mud.example/lamp.json"_s, true},
              std::tuple{u"model=https://mud.example/lamp.json udp 5683"_s, u"https://mud.example/lamp2.json"_s,
                         false}}) {
            MudMappings mappings;
            mappings.addThing(u"192.168.7.20="_s + url);
            Bed bed;
            traffic(bed);
            QCOMPARE(kinds(judge(mudFile({rule}), bed, mappings)), good ? QStringList() : QStringList(u"flow"_s));
            Bed unknown;
            traffic(unknown);
            QCOMPARE(kinds(judge(mudFile({rule}), unknown)), QStringList(u"unjudged"_s));
        }
        // Its own DHCP request says what the neighbour is.
        Bed bed;
        bed.dhcp();
        const QByteArray url("https://mud.example/lamp.json");
        const QByteArray request = QByteArray("\1\1\6\0", 4) + QByteArray(24, '\0') + macBytes(Bed::router) +
                                   QByteArray(202, '\0') + big<quint32>(0x63825363) + QByteArray("\xa1", 1) +
                                   char(url.size()) + url + '\xff';
        bed.frame(ethernet(0xffffffffffff, Bed::router, 0x0800,
                           ipPacket(ip("0.0.0.0"), ip("255.255.255.255"), 17, udp(68, 67, request))));
        bed.udpOut(neighbour, 5683); // its frames come from that MAC address
        QCOMPARE(kinds(judge(mudFile({u"same-manufacturer udp 5683"_s}), bed)), QStringList());
    }

    void localNetworks()
    {
        const MudFile file = mudFile({u"local-networks udp 5683"_s});
        Bed inside;
        inside.dhcp();
        inside.udpOut(neighbour, 5683);
        inside.udpOut(ip("224.0.0.251"), 5683, 41001, false); // no router forwards it
        inside.udpOut(ip("fe80::20"), 5683);
        QCOMPARE(kinds(judge(file, inside)), QStringList());
        Bed outside; // private, but not of this network as DHCP describes it
        outside.dhcp();
        outside.udpOut(ip("10.1.2.3"), 5683);
        QCOMPARE(kinds(judge(file, outside)), QStringList(u"flow"_s));
        Bed untold;
        untold.udpOut(ip("10.1.2.3"), 5683);
        const ConformReport assumed = judge(file, untold);
        QCOMPARE(kinds(assumed), QStringList());
        QVERIFY(assumed.localAssumed);
        MudMappings given;
        given.addLocalNetwork(u"10.1.0.0/16"_s);
        Bed told;
        told.dhcp();
        told.udpOut(ip("10.1.2.3"), 5683);
        QCOMPARE(kinds(judge(file, told, given)), QStringList());
    }

    // RFC 8520 section 5: DNS and NTP with the network's own servers, everything else dropped.
    void defaults()
    {
        const MudFile file = mudFile({u"mqtt.example tcp 8883"_s});
        Bed good;
        good.dhcp(true);
        good.dns("mqtt.example", {});
        good.udpOut(ip("192.168.7.1"), 123);
        good.tcpOut(ip("192.168.7.1"), 53);
        QCOMPARE(kinds(judge(file, good)), QStringList());
        Bed public_;
        public_.dhcp(true);
        public_.dns("mqtt.example", {}, 0, ip("8.8.8.8"));
        QCOMPARE(kinds(judge(file, public_)), QStringList(u"flow"_s));
        Bed ntp; // the network names no server, so nobody knows
        ntp.dhcp();
        ntp.udpOut(cloud, 123);
        QCOMPARE(kinds(judge(file, ntp)), QStringList(u"unjudged"_s));
        // A file may take the default back by a rule before it (appendix A).
        Bed blocked;
        blocked.dhcp();
        blocked.dns("1.7.168.192.in-addr.arpa", {});
        const MudFile drops =
            edited(mudFile({u"controller=urn:ietf:params:mud:dns udp 53 v4"_s}), "\"accept\"", "\"drop\"");
        QCOMPARE(kinds(judge(drops, blocked)), QStringList(u"flow"_s));
    }

    // The first rule that matches decides.
    void order()
    {
        const MudFile drop = edited(mudFile({u"any.example tcp 8883 v4"_s, u"mqtt.example tcp 8883 v4"_s}),
                                    "\"any.example\"", "\"*.example\"");
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.tcpOut(cloud, 8883);
        // The first of the four is the one that takes everything.
        QByteArray bytes = drop.bytes;
        bytes.replace(bytes.indexOf("\"accept\""), 8, "\"drop\"");
        const ConformReport report = judge(MudFile::parse(bytes), bed);
        QVERIFY(kinds(report).contains(u"flow"_s));
        QVERIFY2(report.findings[0].why.contains(u"drops"_s), qPrintable(report.findings[0].why));
    }

    void othersDoing()
    {
        const MudFile file = mudFile({u"mqtt.example tcp 8883"_s});
        Bed refused;
        refused.dhcp();
        refused.tcpIn(neighbour, 22, false);
        const ConformReport fine = judge(file, refused);
        QCOMPARE(kinds(fine), QStringList(u"refused"_s));
        QVERIFY(fine.conforms(false));
        Bed taken;
        taken.dhcp();
        taken.tcpIn(neighbour, 22, true);
        const ConformReport bad = judge(file, taken);
        QCOMPARE(kinds(bad), QStringList(u"accepted"_s));
        QCOMPARE(bad.findings[0].ports, QList<quint16>{22});
        QVERIFY(!bad.conforms(false));
        Bed served;
        served.dhcp();
        served.tcpIn(neighbour, 22, true);
        QCOMPARE(kinds(judge(mudFile({u"local-networks tcp 22 in"_s}), served)), QStringList());
        // What others send to everybody is theirs.
        Bed noisy;
        noisy.dhcp();
        noisy.dns("mqtt.example", {});
        noisy.frame(ethernet(0x01005e0000fb, Bed::router, 0x0800,
                             ipPacket(neighbour, ip("224.0.0.251"), 17, udp(5353, 5353, dnsQuery("x.local")))));
        QCOMPARE(kinds(judge(file, noisy)), QStringList());
    }

    void infrastructure()
    {
        const MudFile file = mudFile({});
        Bed bed;
        bed.dhcp();
        bed.frame(ethernet(0xffffffffffff, Bed::device, 0x0806, QByteArray(28, 'a')));
        bed.frame(ethernet(0x0180c200000e, Bed::device, 0x88cc, QByteArray(2, '\0')));
        bed.packet(true, ip("ff02::2"), 58, icmp(133));
        bed.packet(true, ip("224.0.0.22"), 2, QByteArray(8, 'g'));
        bed.packet(true, ip("192.168.7.1"), 1, icmp(3, 3));
        const ConformReport report = judge(file, bed);
        QCOMPARE(kinds(report), QStringList());
        QCOMPARE(report.infrastructureFlows, quint64(6));
        Bed other;
        other.dhcp();
        other.frame(ethernet(0xffffffffffff, Bed::device, 0x88e1, QByteArray(28, 'a')));
        other.packet(true, cloud, 47, QByteArray(20, 'g'));
        const ConformReport strange = judge(file, other);
        QCOMPARE(kinds(strange), (QStringList{u"flow"_s, u"flow"_s}));
        QCOMPARE(strange.findings[0].protocol, u"EtherType 0x88e1"_s);
    }

    void ping()
    {
        const MudFile file = mudFile({u"local-networks icmp 8"_s});
        Bed bed;
        bed.dhcp();
        bed.packet(true, neighbour, 1, icmp(8));
        bed.packet(false, neighbour, 1, icmp(0));
        QCOMPARE(kinds(judge(file, bed)), QStringList());
        Bed reverse;
        reverse.dhcp();
        reverse.packet(false, neighbour, 1, icmp(8));
        reverse.packet(true, neighbour, 1, icmp(0));
        QVERIFY(!judge(file, reverse).conforms(false));
    }

    void middleOfAConnection()
    {
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.packet(true, cloud, 6, tcp(40000, 8883, TcpAck, "more"));
        const ConformReport report = judge(mudFile({u"mqtt.example tcp 8883"_s}), bed);
        QCOMPARE(kinds(report), QStringList(u"unjudged"_s));
        Bed either;
        either.dhcp();
        either.resolve("mqtt.example", cloud);
        either.packet(true, cloud, 6, tcp(40000, 8883, TcpAck, "more"));
        QCOMPARE(kinds(judge(mudFile({u"mqtt.example tcp 8883 either"_s}), either)), QStringList());
    }

    void fragments()
    {
        const QByteArray datagram = udp(41000, 5683, QByteArray(2000, 'x'));
        Bed bed;
        bed.dhcp();
        bed.packet(true, neighbour, 17, datagram.left(1480), 0x2000);
        bed.packet(true, neighbour, 17, datagram.mid(1480), 185);
        const ConformReport report = judge(mudFile({u"local-networks udp 5683"_s}), bed);
        QCOMPARE(kinds(report), QStringList());
        QCOMPARE(report.flows, quint64(2)); // DHCP and this
        Bed headless;
        headless.dhcp();
        headless.packet(true, neighbour, 17, datagram.mid(1480), 185);
        QCOMPARE(kinds(judge(mudFile({u"local-networks udp 5683"_s}), headless)), QStringList(u"unjudged"_s));
    }

    // A scan is one finding, not sixty thousand.
    void scans()
    {
        Bed bed;
        bed.dhcp();
        for (int port = 1; port <= 3000; ++port)
            bed.packet(true, neighbour, 6, tcp(40000, quint16(port), TcpSyn));
        const ConformReport report = judge(mudFile({}), bed);
        QVERIFY2(report.findings.size() <= 20, qPrintable(QString::number(report.findings.size())));
        quint64 flows = 0;
        for (const ConformFinding &finding : report.findings)
            flows += finding.flows;
        QCOMPARE(flows, quint64(3000));
    }

    void unusedRules()
    {
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", cloud);
        bed.tcpOut(cloud, 8883);
        const ConformReport report = judge(mudFile({u"mqtt.example tcp 8883 v4"_s, u"old.example tcp 80 v4"_s}), bed);
        QCOMPARE(kinds(report, true), (QStringList{u"not-used"_s, u"not-used"_s}));
        QVERIFY(report.conforms(false) && !report.conforms(true));
        QCOMPARE(report.findings[0].rule, u"old.example-tcp-80-frdev"_s);
        QVERIFY(report.findings[0].path.contains(u"old.example-tcp-80-frdev"_s));
    }

    void mappingsRefused()
    {
        MudMappings mappings;
        QVERIFY_EXCEPTION_THROWN(mappings.addController(u"urn:x"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(mappings.addController(u"urn:x=host.example"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(mappings.addLocalNetwork(u"192.0.2.0/40"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(mappings.addThing(u"192.0.2.1=http://mud.example"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(mappings.addName(u"=192.0.2.1"_s), Fault);
        QVERIFY_EXCEPTION_THROWN(TrafficRecorder::Device::parse(u"02:00"_s), Fault);
    }

    // What a network is, and who serves in it, is not for the device to say.
    void toldByItself()
    {
        Bed own;
        own.dhcp(true, true);
        const DeviceTraffic traffic = own.traffic();
        QVERIFY(traffic.prefixes.isEmpty() && traffic.dnsServers.isEmpty() && traffic.ntpServers.isEmpty() &&
                traffic.routers.isEmpty());
        Bed wide; // "everything is local"
        wide.dhcp(false, false, QByteArray(4, '\0'));
        wide.udpOut(cloud, 5683);
        QCOMPARE(kinds(judge(mudFile({u"local-networks udp 5683"_s}), wide)), QStringList(u"flow"_s));
    }

    void segments_data()
    {
        QTest::addColumn<std::vector<Bed::Segment>>("order");
        QTest::addColumn<bool>("opened");
        using Order = std::vector<Bed::Segment>;
        QTest::newRow("whole") << Order{{true, 0, 500}, {false, 0, 500}} << true;
        QTest::newRow("length alone") << Order{{true, 0, 2}, {true, 2, 500}, {false, 0, 1}, {false, 1, 500}} << true;
        QTest::newRow("three pieces") << Order{{true, 0, 20},  {true, 20, 25},  {true, 25, 500},
                                               {false, 0, 20}, {false, 20, 40}, {false, 40, 500}}
                                      << true;
        QTest::newRow("again and overlapping")
            << Order{{true, 0, 20},  {true, 0, 20},   {true, 10, 25},  {true, 25, 500},
                     {false, 0, 30}, {false, 10, 20}, {false, 20, 500}}
            << true;
        QTest::newRow("one too early") << Order{{true, 0, 20},    {true, 30, 500}, {true, 20, 30}, {false, 0, 20},
                                                {false, 40, 500}, {false, 30, 40}, {false, 20, 30}}
                                       << true;
        QTest::newRow("beginning not seen") << Order{{false, 14, 21}, {true, 0, 500}, {false, 0, 500}} << false;
    }
    void segments()
    {
        QFETCH(std::vector<Bed::Segment>, order);
        QFETCH(bool, opened);
        const auto framed = [](const QByteArray &message) { return big(quint16(message.size())) + message; };
        Bed bed;
        bed.dhcp();
        bed.segments(ip("192.168.7.1"), 53, framed(dnsQuery("mqtt.example")),
                     framed(dnsAnswer("mqtt.example", {addressRecord(cloud)})), order, 43000, opened);
        if (opened)
            bed.segments(cloud, 8883, clientHello("mqtt.example"), {}, order, 43001);
        else
            bed.tcpOut(cloud, 8883, 43001, clientHello("mqtt.example"));
        DeviceTraffic traffic = bed.traffic();
        QCOMPARE(traffic.asked.keys(), QList<QByteArray>{"mqtt.example"});
        QCOMPARE(traffic.asked.first().count, quint64(1));
        QCOMPARE(traffic.flows.back().askedFor, QByteArray("mqtt.example"));
        const ConformReport report = checkConformance(mudFile({u"mqtt.example tcp 8883 v4"_s}), traffic, {});
        if (opened) // else nobody knows who began the connection with the DNS server
            QCOMPARE(kinds(report), QStringList());
    }

    // Beginnings that never go on cost little, and hide nothing of what comes later.
    void segmentsWithoutEnd()
    {
        Bed bed;
        const QByteArray hello = clientHello("mqtt.example");
        for (int i = 0; i < 2000; ++i)
            bed.segments(cloud, 8883, hello, {}, {{true, 0, 30}}, quint16(20000 + i));
        bed.segments(cloud, 8883, hello, {}, {{true, 0, 30}, {true, 30, 500}}, 50000);
        const DeviceTraffic traffic = bed.traffic();
        QCOMPARE(traffic.flows.back().askedFor, QByteArray("mqtt.example"));
        QCOMPARE(traffic.flows.size(), size_t(2001));
    }

    // A device made of BusyBox, curl, libcoap and chrony, recorded by tcpdump.
    void recording()
    {
        const auto record = [](const QString &name, const QString &who) {
            CaptureFile capture(QStringLiteral(SLIPWAY_TEST_DATA) + u"/capture/"_s + name);
            TrafficRecorder recorder(TrafficRecorder::Device::parse(who));
            recorder.takeAll(capture, {});
            return recorder.finish();
        };
        const DeviceTraffic traffic = record(u"thermostat.pcap"_s, u"02:00:00:00:00:01"_s);
        QCOMPARE(traffic.mudUrls.value(u"dhcp"_s), QByteArray("https://mud.example/t1/1.4.json"));
        QCOMPARE(traffic.hostName, QByteArray("t1-00000001"));
        QCOMPARE(traffic.dnsServers.size(), qsizetype(2)); // DHCP's and the router advertisement's
        QCOMPARE(traffic.ntpServers, QList<IpAddress>{ip("192.0.2.1")});
        QCOMPARE(traffic.asked.keys(), (QList<QByteArray>{"mqtt.example", "update.example", "www.example"}));
        const QString url = u"https://mud.example/t1/1.4.json"_s;
        const QStringList all{u"update.example tcp 443"_s, u"www.example tcp 80 v4"_s, u"mqtt.example udp 5683 v4"_s,
                              u"local-networks icmp 8"_s, u"update.example icmp 8"_s};
        const ConformReport whole = checkConformance(mudFile(all, url), traffic, {});
        QCOMPARE(kinds(whole, true), QStringList());
        const ConformReport less = checkConformance(mudFile(all.mid(1), url), traffic, {});
        QCOMPARE(less.count(Severity::Violation), 1);
        QCOMPARE(less.findings[0].addresses, (QStringList{u"198.51.100.8"_s, u"2001:db8:2::7"_s}));
        QCOMPARE(less.findings[0].askedFor, u"update.example"_s);
        for (const QString &name : {u"thermostat-sll.pcap"_s, u"thermostat-sll2.pcap"_s}) {
            const DeviceTraffic cooked = record(name, u"02:00:00:00:00:01"_s);
            MudMappings mappings;
            mappings.addController(u"urn:ietf:params:mud:dns=192.0.2.1"_s);
            mappings.addController(u"urn:ietf:params:mud:ntp=192.0.2.1"_s);
            mappings.addLocalNetwork(u"192.0.2.0/24"_s);
            const ConformReport report = checkConformance(mudFile(all, url), cooked, mappings);
            QVERIFY2(report.conforms(false), qPrintable(kinds(report).join(u' ')));
            const DeviceTraffic byAddress = record(name, u"192.0.2.55"_s);
            QVERIFY(byAddress.devicePackets > 50);
        }
    }
};

SLIPWAY_TEST_MAIN(TestMudConform)
#include "tst_mudconform.moc"
