// Making MUD files: what peers become, that the result is a good file, that it is the same each time, and that what was
// made from a capture lets that capture through.

#include "core/base/fault.h"
#include "core/codec/capturefile.h"
#include "core/mud/mudcheck.h"
#include "tests/support/mudtraffic.h"
#include "tests/support/testmain.h"

#include <random>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

MudProduct product()
{
    MudProduct p;
    p.mudUrl = u"https://mud.example/t1.json"_s;
    p.systeminfo = u"A thermostat"_s;
    p.lastUpdate = QDateTime::fromSecsSinceEpoch(1'700'000'000, Qt::UTC);
    return p;
}

QString errorsOf(const MudFile &file)
{
    QStringList words;
    const auto findings = checkMudFile(file);
    for (const MudFinding &finding : findings) {
        if (finding.severity == MudFinding::Severity::Error)
            words << u"%1 %2 %3"_s.arg(finding.line).arg(finding.path, finding.message);
    }
    return words.join(u'\n');
}

QString violationsOf(const ConformReport &report)
{
    QStringList words;
    for (const ConformFinding &finding : report.findings) {
        if (finding.severity == ConformFinding::Severity::Violation)
            words << finding.message + u" | "_s + finding.rule + u": "_s + finding.why;
    }
    return words.join(u'\n');
}

// A device that does anything that a network allows.
void act(Bed &bed, std::mt19937 &random)
{
    const auto pick = [&random](int below) { return int(random() % quint32(below)); };
    const auto address = [&](bool v6) {
        switch (pick(5)) {
        case 0:
            return v6 ? ip("fe80::20") : ip("192.168.7.20");
        case 1:
            return v6 ? ip("ff02::fb") : ip("224.0.0.251");
        case 2:
            return v6 ? ip("ff05::1:3") : ip("239.255.255.250");
        default:
            return *IpAddress::parse(v6 ? u"2001:db8:9::%1"_s.arg(1 + pick(5)) : u"203.0.113.%1"_s.arg(1 + pick(5)));
        }
    };
    const QByteArray name = "host" + QByteArray::number(pick(6)) + (pick(4) ? ".example" : ".lan");
    const auto port = [&] { return quint16(pick(3) ? 1 + pick(2000) : 30000 + pick(30000)); };
    const IpAddress peer = address(pick(3) == 0);
    switch (pick(12)) {
    case 0:
    case 1:
        bed.resolve(name, peer, quint32(pick(100)));
        break;
    case 2:
        bed.dns(name, {{{}, 5, 30, dnsName("edge.example")}, addressRecord(peer, 60, "edge.example")});
        break;
    case 3:
    case 4:
        bed.tcpOut(peer, port(), port(), pick(2) ? clientHello(name) : QByteArray("GET / HTTP/1.1\r\nHost: x\r\n"));
        break;
    case 5:
        bed.tcpIn(peer, port(), pick(2), port());
        break;
    case 6:
    case 7:
        bed.udpOut(peer, port(), port(), pick(2));
        break;
    case 8:
        bed.packet(pick(2), peer, peer.isV4() ? 1 : 58, icmp(quint8(pick(2) ? (peer.isV4() ? 8 : 128) : pick(256))));
        break;
    case 9:
        bed.packet(pick(2), peer, quint8(pick(256)), QByteArray(40, '\0'));
        break;
    case 10:
        bed.packet(pick(2), peer, 6, tcp(port(), port(), TcpAck, "middle"));
        break;
    default:
        bed.now += qint64(pick(200)) * 1'000'000'000;
        bed.packet(true, peer, 17, udp(port(), port(), QByteArray(100, 'x')), quint16(pick(2) ? 0x2000 : 5));
    }
}

} // namespace

class TestMudAuthor : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void peers_data()
    {
        QTest::addColumn<QString>("text");
        for (const char *text :
             {"mqtt.example tcp 8883", "mqtt.example tcp 9000-9100 v6", "local-networks udp 5683 in",
              "same-manufacturer udp 5353", "my-controller tcp 443", "controller=urn:example:hub?x=1 tcp 8883",
              "manufacturer=mud.other.example udp 5683", "model=https://mud.example/lamp.json tcp 80",
              "239.255.255.250/32 udp 1900", "2001:db8::/32 tcp 1", "mqtt.example icmp 8",
              "local-networks icmp6 128 in", "mqtt.example ip47", "mqtt.example any", "mqtt.example tcp 22 either"})
            QTest::newRow(text) << QString::fromLatin1(text);
    }
    void peers()
    {
        QFETCH(QString, text);
        const MudPeer peer = MudPeer::parse(text);
        QCOMPARE(peer.text(), text);
        const MudDraft draft = authorMudFile(product(), {peer});
        QVERIFY(!draft.added.isEmpty());
        const MudFile file = MudFile::parse(draft.json);
        QVERIFY2(errorsOf(file).isEmpty(), qPrintable(errorsOf(file) + u'\n' + QString::fromUtf8(draft.json)));
    }

    void peersRefused_data()
    {
        QTest::addColumn<QString>("text");
        for (const char *text :
             {"", "mqtt.example", "mqtt.example sctp 1", "mqtt.example tcp 65536", "mqtt.example tcp x",
              "mqtt.example tcp 9-8", "-bad- tcp 1", "*.cdn.example tcp 1", "a..b tcp 1", "other=x tcp 1",
              "controller= tcp 1", "mqtt.example icmp 256", "192.0.2.1 tcp 1 v6", "mqtt.example ip300",
              "mqtt.example ip47 80", "model=http://x tcp 1"})
            QTest::newRow(text) << QString::fromLatin1(text);
    }
    void peersRefused()
    {
        QFETCH(QString, text);
        QVERIFY_EXCEPTION_THROWN(MudPeer::parse(text), Fault);
    }

    void sameEachTime()
    {
        const QList<MudPeer> one{MudPeer::parse(u"b.example tcp 1"_s), MudPeer::parse(u"a.example udp 2"_s)};
        const QList<MudPeer> two{one[1], one[0], one[1]};
        QCOMPARE(authorMudFile(product(), one).json, authorMudFile(product(), two).json);
        const MudFile file = MudFile::parse(authorMudFile(product(), one).json);
        QCOMPARE(file.acls.size(), size_t(4));
        QCOMPARE(*file.acls[0].aces[0].name, u"a.example-udp-2-frdev"_s);
        // Names are within RFC 8519's 64 characters, and two long ones stay two.
        const QString longName = QString(60, u'x') + u"."_s + QString(60, u'y') + u".example"_s;
        const MudFile longer = MudFile::parse(
            authorMudFile(product(), {MudPeer::parse(longName + u" tcp 1"_s), MudPeer::parse(longName + u" tcp 2"_s)})
                .json);
        QCOMPARE(longer.acls[0].aces.size(), size_t(2));
        QVERIFY(longer.acls[0].aces[0].name->size() <= 64);
    }

    // What stood in a file stays, what nobody here knows included.
    void merge()
    {
        const QByteArray path = SLIPWAY_TEST_DATA "/mud/published/53-commissioning.json";
        QFile source(QString::fromLatin1(path));
        QVERIFY(source.open(QIODevice::ReadOnly));
        const QByteArray bytes = source.readAll();
        const MudFile old = MudFile::parse(bytes);
        MudProduct facts;
        facts.lastUpdate = product().lastUpdate;
        const MudDraft draft = extendMudFile(old, facts, {MudPeer::parse(u"new.example tcp 443"_s)});
        const MudFile now = MudFile::parse(draft.json);
        qsizetype rules = 0;
        for (const MudAcl &acl : old.acls) {
            const MudAcl *same = now.acl(*acl.name);
            QVERIFY(same);
            QVERIFY(same->aces.size() >= acl.aces.size());
            for (size_t i = 0; i < acl.aces.size(); ++i)
                QCOMPARE(same->aces[i].name.valueOr({}), acl.aces[i].name.valueOr({}));
            rules += qsizetype(acl.aces.size());
        }
        QCOMPARE(draft.kept.size(), rules);
        QCOMPARE(draft.added.size(), qsizetype(4));
        // Once more adds nothing.
        QCOMPARE(extendMudFile(now, facts, {MudPeer::parse(u"new.example tcp 443"_s)}).json, draft.json);
        MudProduct other = product();
        QVERIFY_EXCEPTION_THROWN(extendMudFile(old, other, {}), Fault);
    }

    void fromTrafficMerged()
    {
        Bed bed;
        bed.dhcp();
        bed.resolve("mqtt.example", ip("203.0.113.9"));
        bed.tcpOut(ip("203.0.113.9"), 8883);
        bed.udpOut(ip("192.168.7.20"), 5683);
        const DeviceTraffic traffic = bed.traffic();
        const MudFile old = mudFile({u"mqtt.example tcp 8883 v4"_s, u"old.example tcp 80 v4"_s});
        const MudDraft draft = authorFromTraffic(&old, {}, {}, traffic, {}, false);
        QCOMPARE(draft.kept.size(), qsizetype(4));
        QCOMPARE(draft.added, (QStringList{u"local-networks-udp-5683-frdev"_s, u"local-networks-udp-5683-todev"_s}));
        QCOMPARE(draft.unused, (QStringList{u"old.example-tcp-80-frdev"_s, u"old.example-tcp-80-todev"_s}));
        const MudDraft tidy = authorFromTraffic(&old, {}, {}, traffic, {}, true);
        QCOMPARE(tidy.removed.size(), qsizetype(2));
        const MudFile tidied = MudFile::parse(tidy.json);
        QVERIFY(checkConformance(tidied, traffic, {}).conforms(true));
        // All of it unneeded: the lists go, and come again.
        const MudFile strange = mudFile({u"old.example tcp 80 v4"_s});
        const MudDraft anew = authorFromTraffic(&strange, {}, {}, traffic, {}, true);
        const MudFile fresh = MudFile::parse(anew.json);
        QVERIFY2(errorsOf(fresh).isEmpty(), qPrintable(errorsOf(fresh)));
        QVERIFY(checkConformance(fresh, traffic, {}).conforms(true));
    }

    void recording()
    {
        CaptureFile capture(QStringLiteral(SLIPWAY_TEST_DATA) + u"/capture/thermostat.pcap"_s);
        TrafficRecorder recorder(TrafficRecorder::Device::parse(u"02:00:00:00:00:01"_s));
        recorder.takeAll(capture, {});
        const DeviceTraffic traffic = recorder.finish();
        MudProduct facts = product();
        facts.mudUrl = u"https://mud.example/t1/1.4.json"_s;
        QStringList remarks;
        QStringList texts;
        const auto peers = peersOf(traffic, {}, facts.mudUrl, remarks);
        for (const MudPeer &peer : peers)
            texts << peer.text();
        texts.sort();
        QCOMPARE(texts,
                 (QStringList{u"local-networks icmp 8"_s, u"mqtt.example udp 5683 v4"_s, u"update.example icmp 8"_s,
                              u"update.example tcp 443"_s, u"www.example tcp 80 v4"_s}));
        QCOMPARE(remarks, QStringList());
        const MudDraft draft = authorFromTraffic(nullptr, facts, {}, traffic, {}, false);
        const MudFile file = MudFile::parse(draft.json);
        QVERIFY2(errorsOf(file).isEmpty(), qPrintable(errorsOf(file)));
        QVERIFY(checkConformance(file, traffic, {}).conforms(true));
    }

    // Whatever a device did, the file made from it is a good one and lets it do so again; extended by what another day
    // brought, too.
    void closure()
    {
        for (quint32 seed = 1; seed <= 300; ++seed) {
            std::mt19937 random(seed);
            const int acts = 1 + int(random() % 40);
            Bed first;
            if (random() % 2)
                first.dhcp(random() % 2);
            for (int i = 0; i < acts; ++i)
                act(first, random);
            const DeviceTraffic day = first.traffic();
            const MudDraft draft = authorFromTraffic(nullptr, product(), {}, day, {}, false);
            const MudFile file = MudFile::parse(draft.json);
            const QString context = u"seed %1\n"_s.arg(seed);
            QVERIFY2(errorsOf(file).isEmpty(), qPrintable(context + errorsOf(file)));
            const QString broken = violationsOf(checkConformance(file, day, {}));
            QVERIFY2(broken.isEmpty(), qPrintable(context + broken + u"\n"_s + QString::fromUtf8(draft.json)));

            Bed second;
            for (int i = 0; i < acts; ++i)
                act(second, random);
            const DeviceTraffic next = second.traffic();
            const MudDraft more = authorFromTraffic(&file, product(), {}, next, {}, random() % 2);
            const MudFile longer = MudFile::parse(more.json);
            QVERIFY2(errorsOf(longer).isEmpty(), qPrintable(context + errorsOf(longer)));
            const QString stillBroken = violationsOf(checkConformance(longer, next, {}));
            QVERIFY2(stillBroken.isEmpty(), qPrintable(context + u"merged\n"_s + stillBroken));
        }
    }
};

SLIPWAY_TEST_MAIN(TestMudAuthor)
#include "tst_mudauthor.moc"
