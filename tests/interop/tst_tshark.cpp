// The same captures through tshark and through Slipway: the same packets, addresses, ports, names and facts; and in the
// other formats that editcap writes.

#include "core/base/fault.h"
#include "core/codec/capturefile.h"
#include "core/mud/devicetraffic.h"
#include "tests/support/mudtraffic.h"
#include "tests/support/testmain.h"

#include <QProcess>
#include <QSet>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

const QString folder = QStringLiteral(SLIPWAY_TEST_DATA);

QByteArray output(const QString &program, const QStringList &arguments)
{
    QProcess process;
    process.start(program, arguments);
    if (!process.waitForFinished(60000) || process.exitCode() != 0)
        return "failed: " + process.readAllStandardError();
    return process.readAllStandardOutput();
}

// What tshark says of each packet, one list of fields each.
QList<QByteArrayList> fields(const QString &file, const QStringList &names, const QString &filter = {})
{
    QStringList arguments{u"-r"_s,
                          file,
                          u"-n"_s,
                          u"-T"_s,
                          u"fields"_s,
                          u"-E"_s,
                          u"occurrence=f"_s,
                          u"-o"_s,
                          u"ip.defragment:FALSE"_s,
                          u"-o"_s,
                          u"ipv6.defragment:FALSE"_s};
    if (!filter.isEmpty())
        arguments << u"-Y"_s << filter;
    for (const QString &name : names)
        arguments << u"-e"_s << name;
    QList<QByteArrayList> rows;
    const QByteArray text = output(u"tshark"_s, arguments);
    for (const QByteArray &line : text.split('\n')) {
        if (!line.isEmpty())
            rows << line.split('\t');
    }
    return rows;
}

QByteArray own(const CapturedPacket &captured)
{
    DecodedPacket p;
    decodePacket(captured.link, captured.bytes, p);
    QByteArrayList words{QByteArray::number(captured.atNs / 1000), QByteArray::number(captured.wireLength)};
    words << (p.isIp ? p.source.text().toLatin1() : QByteArray())
          << (p.isIp ? p.destination.text().toLatin1() : QByteArray());
    words << (p.isIp ? QByteArray::number(p.protocol) : QByteArray());
    words << (p.hasPorts ? QByteArray::number(p.sourcePort) : QByteArray())
          << (p.hasPorts ? QByteArray::number(p.destinationPort) : QByteArray());
    words << (p.hasIcmp ? QByteArray::number(p.icmpType) : QByteArray());
    return words.join(' ');
}

} // namespace

class TestTshark : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (QStandardPaths::findExecutable(u"tshark"_s).isEmpty() ||
            QStandardPaths::findExecutable(u"editcap"_s).isEmpty())
            QSKIP("tshark is not installed");
    }

    void packets_data()
    {
        QTest::addColumn<QString>("file");
        for (const char *name : {"capture/thermostat.pcap", "capture/thermostat-sll.pcap",
                                 "capture/thermostat-sll2.pcap", "smp/zephyr-udp.pcap"})
            QTest::newRow(name) << folder + u'/' + QString::fromLatin1(name);
    }
    void packets()
    {
        QFETCH(QString, file);
        const auto rows =
            fields(file, {u"frame.time_epoch"_s, u"frame.len"_s, u"ip.src"_s, u"ip.dst"_s, u"ip.proto"_s, u"ipv6.src"_s,
                          u"ipv6.dst"_s, u"ipv6.nxt"_s, u"tcp.srcport"_s, u"tcp.dstport"_s, u"udp.srcport"_s,
                          u"udp.dstport"_s, u"icmp.type"_s, u"icmpv6.type"_s, u"ipv6.hopopts.nxt"_s});
        CaptureFile capture(file);
        CapturedPacket packet;
        qsizetype index = 0;
        for (; capture.next(packet, {}); ++index) {
            QVERIFY(index < rows.size());
            const QByteArrayList &row = rows[index];
            const bool v6 = !row[5].isEmpty();
            const QByteArray seconds = row[0].split('.').value(0);
            const QByteArray micros = row[0].split('.').value(1).left(6);
            const QByteArray protocol = !v6 ? row[4] : row[14].isEmpty() ? row[7] : row[14];
            // Of an ICMP error tshark tells the ports of the packet that it is about.
            const bool icmp = !row[12].isEmpty() || !row[13].isEmpty();
            const auto port = [&](int tcp, int udp) {
                return icmp ? QByteArray() : row[tcp].isEmpty() ? row[udp] : row[tcp];
            };
            const QByteArrayList expected{QByteArray::number(seconds.toLongLong() * 1'000'000 + micros.toLongLong()),
                                          row[1],
                                          v6 ? row[5] : row[2],
                                          v6 ? row[6] : row[3],
                                          protocol,
                                          port(8, 10),
                                          port(9, 11),
                                          row[12].isEmpty() ? row[13] : row[12]};
            QCOMPARE(own(packet), expected.join(' '));
        }
        QCOMPARE(index, rows.size());
        QVERIFY(index > 10);
    }

    void names()
    {
        const QString file = folder + u"/capture/thermostat.pcap"_s;
        TrafficRecorder recorder(TrafficRecorder::Device::parse(u"02:00:00:00:00:01"_s));
        CaptureFile capture(file);
        recorder.takeAll(capture, {});
        const DeviceTraffic traffic = recorder.finish();

        QSet<QByteArray> asked;
        for (const auto &row :
             fields(file, {u"dns.qry.name"_s}, u"dns.flags.response==0 && eth.src==02:00:00:00:00:01"_s))
            asked.insert(row[0]);
        const auto ownAsked = traffic.asked.keys();
        QCOMPARE(QSet<QByteArray>(ownAsked.begin(), ownAsked.end()), asked);

        int answers = 0;
        for (const auto &row : fields(file, {u"dns.qry.name"_s, u"dns.a"_s, u"dns.aaaa"_s}, u"dns.a || dns.aaaa"_s)) {
            const auto address = IpAddress::parse(QString::fromLatin1(row[1].isEmpty() ? row[2] : row[1]));
            QVERIFY(address && traffic.names.addressesOf(row[0]).contains(*address));
            ++answers;
        }
        QVERIFY(answers >= 5);

        QMap<QByteArray, int> hosts;
        for (const auto &row : fields(file, {u"tls.handshake.extensions_server_name"_s, u"http.host"_s},
                                      u"tls.handshake.extensions_server_name || http.host"_s))
            ++hosts[row[0].isEmpty() ? row[1] : row[0]];
        QMap<QByteArray, int> ownHosts;
        for (const TrafficFlow &flow : traffic.flows) {
            if (!flow.askedFor.isEmpty())
                ++ownHosts[flow.askedFor];
        }
        QCOMPARE(ownHosts, hosts);

        QSet<QByteArray> conversations;
        for (const auto &row :
             fields(file, {u"ip.src"_s, u"ipv6.src"_s, u"tcp.srcport"_s, u"ip.dst"_s, u"ipv6.dst"_s, u"tcp.dstport"_s},
                    u"tcp.flags.syn==1 && tcp.flags.ack==0"_s))
            conversations.insert((row[0].isEmpty() ? row[1] : row[0]) + ' ' + row[2] + ' ' +
                                 (row[3].isEmpty() ? row[4] : row[3]) + ' ' + row[5]);
        QSet<QByteArray> ownConversations;
        for (const TrafficFlow &flow : traffic.flows) {
            if (flow.isTcp() && flow.initiator == TrafficFlow::Initiator::Device)
                ownConversations.insert(flow.device.text().toLatin1() + ' ' + QByteArray::number(flow.devicePort) +
                                        ' ' + flow.peer.text().toLatin1() + ' ' + QByteArray::number(flow.peerPort));
        }
        QCOMPARE(ownConversations, conversations);
        QVERIFY(conversations.size() >= 4);
    }

    // Messages in several segments of TCP are put together alike.
    void segments()
    {
        const auto framed = [](const QByteArray &message) { return test::big(quint16(message.size())) + message; };
        const IpAddress cloud = test::ip("203.0.113.9");
        test::Bed bed;
        using Order = std::vector<test::Bed::Segment>;
        bed.segments(test::ip("192.168.7.1"), 53, framed(test::dnsQuery("mqtt.example")),
                     framed(test::dnsAnswer("mqtt.example", {test::addressRecord(cloud)})),
                     Order{{true, 0, 2}, {true, 2, 500}, {false, 0, 21}, {false, 21, 22}, {false, 22, 500}});
        bed.segments(cloud, 443, test::clientHello("mqtt.example"), {}, Order{{true, 0, 40}, {true, 40, 500}}, 43001);
        bed.segments(cloud, 80, "GET / HTTP/1.1\r\nAccept: *\r\nHost: www.example\r\n\r\n", {},
                     Order{{true, 0, 30}, {true, 30, 35}, {true, 35, 500}}, 43002);
        QTemporaryDir temporary;
        const QString file = temporary.filePath(u"segments.pcap"_s);
        QFile out(file);
        QVERIFY(out.open(QIODevice::WriteOnly) && out.write(bed.pcap.bytes()) > 0);
        out.close();
        QByteArrayList theirs;
        for (const auto &row :
             fields(file, {u"dns.qry.name"_s, u"dns.a"_s, u"tls.handshake.extensions_server_name"_s, u"http.host"_s},
                    u"dns || tls.handshake || http.request"_s))
            theirs << row.join(' ').simplified();
        const DeviceTraffic traffic = bed.traffic();
        QByteArrayList ours;
        for (auto it = traffic.asked.constBegin(); it != traffic.asked.constEnd(); ++it)
            ours << it.key();
        for (const IpAddress &address : traffic.names.addressesOf("mqtt.example"))
            ours << "mqtt.example " + address.text().toLatin1();
        for (const TrafficFlow &flow : traffic.flows) {
            if (!flow.askedFor.isEmpty())
                ours << flow.askedFor;
        }
        QCOMPARE(ours, theirs);
        QCOMPARE(ours.size(), qsizetype(4));
    }

    // The same packets in every format that Wireshark writes.
    void formats_data()
    {
        QTest::addColumn<QString>("format");
        for (const char *name : {"pcap", "nsecpcap", "pcapng"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }
    void formats()
    {
        QFETCH(QString, format);
        QTemporaryDir temporary;
        const QString source = folder + u"/capture/thermostat.pcap"_s;
        const QString made = temporary.filePath(u"made"_s);
        output(u"editcap"_s, {u"-F"_s, format, source, made});
        CaptureFile a(source);
        CaptureFile b(made);
        CapturedPacket one;
        CapturedPacket two;
        int count = 0;
        while (a.next(one, {})) {
            QVERIFY(b.next(two, {}));
            QCOMPARE(own(two), own(one));
            QCOMPARE(two.bytes, one.bytes);
            ++count;
        }
        QVERIFY(!b.next(two, {}));
        QVERIFY(count > 100);
    }
};

SLIPWAY_TEST_MAIN(TestTshark)
#include "tst_tshark.moc"
