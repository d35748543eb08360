// Capture files in every byte order and resolution, packets of every kind, names: from documents, damaged and whole.

#include "core/base/fault.h"
#include "core/codec/capturefile.h"
#include "core/codec/dnsmessage.h"
#include "core/codec/networkhints.h"
#include "core/codec/packetdecode.h"
#include "tests/support/packetmaker.h"
#include "tests/support/testmain.h"

#include <QTemporaryDir>

#include <sys/stat.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

constexpr quint64 device = 0x020000000001;
constexpr quint64 router = 0x0200000000fe;
constexpr qint64 at = 1'700'000'000'123'456'000;

QByteArray sample(int n = 0)
{
    return ethernet(router, device, 0x0800,
                    ipPacket(ip("192.0.2.55"), ip("198.51.100.7"), 17, udp(40000, 5683, QByteArray(n, 'x'))));
}

struct Got {
    QList<qint64> times;
    QByteArrayList packets;
    QList<quint32> lengths;
    QList<LinkType> links;
    QString remark, code;
    quint64 lost = 0;
};

Got readAll(const QByteArray &bytes)
{
    Got got;
    try {
        CaptureFile file{QByteArrayView(bytes)};
        CapturedPacket packet;
        while (file.next(packet, {})) {
            got.times << packet.atNs;
            got.packets << packet.bytes.toByteArray();
            got.lengths << packet.wireLength;
            got.links << packet.link;
        }
        got.remark = file.remark();
        got.lost = file.lost();
    } catch (const Fault &fault) {
        got.code = QString::fromLatin1(fault.code());
    }
    return got;
}

DecodedPacket decoded(LinkType link, const QByteArray &bytes)
{
    DecodedPacket packet;
    return decodePacket(link, bytes, packet) ? packet : DecodedPacket();
}

} // namespace

class TestCapture : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void pcap_data()
    {
        QTest::addColumn<bool>("big");
        QTest::addColumn<bool>("nano");
        QTest::newRow("little endian, microseconds") << false << false;
        QTest::newRow("big endian, microseconds") << true << false;
        QTest::newRow("little endian, nanoseconds") << false << true;
        QTest::newRow("big endian, nanoseconds") << true << true;
    }
    void pcap()
    {
        QFETCH(bool, big);
        QFETCH(bool, nano);
        PcapMaker maker(1, big, nano);
        maker.add(at + 7, sample());
        maker.add(at + 2'000'000'000, sample(100), 60);
        const Got got = readAll(maker.bytes());
        QCOMPARE(got.code, QString());
        QCOMPARE(got.times, (QList<qint64>{nano ? at + 7 : at, at + 2'000'000'000}));
        QCOMPARE(got.packets, (QByteArrayList{sample(), sample(100).left(60)}));
        QCOMPARE(got.lengths[1], quint32(sample(100).size()));
        QCOMPARE(got.remark, QString());
        // Every cut gives the packets before it, and a word.
        for (qsizetype size = 25; size < maker.bytes().size(); ++size) {
            const Got part = readAll(maker.bytes().left(size));
            QCOMPARE(part.code, QString());
            const qsizetype whole = size >= 24 + 16 + sample().size() ? 1 : 0;
            QCOMPARE(part.packets.size(), whole);
            QCOMPARE(part.remark.isEmpty(), size == 24 + 16 + sample().size());
        }
    }

    void pcapNg_data()
    {
        QTest::addColumn<bool>("big");
        QTest::newRow("little endian") << false;
        QTest::newRow("big endian") << true;
    }
    void pcapNg()
    {
        QFETCH(bool, big);
        PcapNgMaker maker(big);
        maker.interface(1, maker.option(9, QByteArray(1, '\x09')) + maker.option(0, {}));
        maker.block(0xbad, QByteArray(50, 'u')); // of a kind that nobody knows
        maker.enhanced(0, quint64(at) + 7, sample());
        maker.interface(1); // microseconds
        maker.enhanced(1, quint64(at) / 1000, sample(1));
        maker.interface(1, maker.option(9, QByteArray(1, '\x83')) + // eighths of a second, ten seconds later
                               maker.option(14, ordered<qint64>(10, big)));
        maker.enhanced(2, 1'700'000'000ULL * 8 + 5, sample(2));
        maker.interface(147); // user's own: skipped
        maker.enhanced(3, 1, sample(3));
        maker.simple(sample(5));
        maker.block(5, ordered<quint32>(0, big) + QByteArray(8, '\0') + maker.option(5, ordered<quint64>(42, big)) +
                           maker.option(0, {}));
        // Another section, in the other byte order, with its own interfaces.
        maker.setOrder(!big);
        maker.section();
        maker.interface(276, {}, 40);
        maker.simple(sample(50));
        const Got got = readAll(maker.bytes());
        QCOMPARE(got.code, QString());
        QCOMPARE(got.packets, (QByteArrayList{sample(), sample(1), sample(2), sample(5), sample(50).left(40)}));
        QCOMPARE(got.times[0], at + 7);
        QCOMPARE(got.times[1], at);
        QCOMPARE(got.times[2], 1'700'000'010'625'000'000);
        QCOMPARE(got.times[3], got.times[2]); // it has none of its own
        QCOMPARE(got.links[4], LinkType::LinuxSll2);
        QCOMPARE(got.lost, quint64(42));
        for (qsizetype size = 29; size < maker.bytes().size(); ++size)
            QVERIFY(readAll(maker.bytes().left(size)).packets.size() <= got.packets.size());
    }

    void refused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("code");
        const QString format = QStringLiteral("capture.format");
        QTest::newRow("empty") << QByteArray() << format;
        QTest::newRow("text") << QByteArray("{\"ietf-mud:mud\": {}}") << format;
        QTest::newRow("cut header") << PcapMaker().bytes().left(20) << format;
        QTest::newRow("link type") << PcapMaker(147).bytes() << QStringLiteral("capture.link-type");
        QByteArray huge = PcapMaker().bytes() + QByteArray(8, '\0') + ordered<quint32>(262145, false) +
                          ordered<quint32>(262145, false);
        QTest::newRow("packet too large") << huge << format;
        QByteArray wild = PcapMaker().bytes();
        wild += ordered<quint32>(1, false) + ordered<quint32>(1'000'000, false) + QByteArray(8, '\0');
        QTest::newRow("time") << wild << format;
        PcapNgMaker none;
        none.enhanced(0, 1, sample());
        QTest::newRow("interface not described") << none.bytes() << format;
        PcapNgMaker shortBlock;
        QTest::newRow("block length") << shortBlock.bytes() + QByteArray("\6\0\0\0\7\0\0\0", 8) << format;
        PcapNgMaker other;
        other.interface(147);
        other.enhanced(0, 1, sample());
        QTest::newRow("no readable interface") << other.bytes() << QStringLiteral("capture.link-type");
    }
    void refused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, code);
        QCOMPARE(readAll(bytes).code, code);
    }

    // A pipe delivers in pieces; more than the buffer holds goes through it.
    void pipes()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("fifo"));
        QCOMPARE(mkfifo(qPrintable(path), 0600), 0);
        PcapMaker maker;
        for (int i = 0; i < 200; ++i)
            maker.add(at + i, sample(20000));
        std::jthread writer([&] {
            QFile file(path);
            if (file.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
                file.write(maker.bytes());
        });
        CaptureFile file(path);
        CapturedPacket packet;
        int count = 0;
        while (file.next(packet, {})) {
            QCOMPARE(packet.bytes, QByteArrayView(sample(20000)));
            ++count;
        }
        QCOMPARE(count, 200);
        QCOMPARE(file.remark(), QString());
        QVERIFY_EXCEPTION_THROWN(CaptureFile(folder.path()), Fault);
        QVERIFY_EXCEPTION_THROWN(CaptureFile(folder.filePath(QStringLiteral("none"))), Fault);
    }

    void linkTypes()
    {
        const QByteArray body = ipPacket(ip("192.0.2.55"), ip("198.51.100.7"), 6, tcp(40000, 443, 2));
        const DecodedPacket plain = decoded(LinkType::Ethernet, ethernet(router, device, 0x0800, body));
        QCOMPARE(plain.sourceMac, device);
        QCOMPARE(plain.destinationMac, router);
        QCOMPARE(plain.destination.text(), QStringLiteral("198.51.100.7"));
        QCOMPARE(plain.destinationPort, quint16(443));
        QCOMPARE(plain.tcpFlags, quint8(2));
        const DecodedPacket tagged =
            decoded(LinkType::Ethernet, ethernet(router, device, 0x88a8,
                                                 big<quint16>(100) + big<quint16>(0x8100) + big<quint16>(0x2007) +
                                                     big<quint16>(0x0800) + body));
        QCOMPARE(tagged.vlan, std::optional<quint16>(7));
        QCOMPARE(tagged.destinationPort, quint16(443));
        const DecodedPacket sll =
            decoded(LinkType::LinuxSll, big<quint16>(4) + big<quint16>(1) + big<quint16>(6) + macBytes(device) +
                                            QByteArray(2, '\0') + big<quint16>(0x0800) + body);
        QVERIFY(sll.outgoing && sll.hasSourceMac && !sll.hasDestinationMac);
        QCOMPARE(sll.sourceMac, device);
        QCOMPARE(sll.destinationPort, quint16(443));
        const DecodedPacket sll2 =
            decoded(LinkType::LinuxSll2, big<quint16>(0x0800) + big<quint16>(0) + big<quint32>(3) + big<quint16>(1) +
                                             '\0' + '\6' + macBytes(device) + QByteArray(2, '\0') + body);
        QCOMPARE(sll2.sourceMac, device);
        QCOMPARE(sll2.destinationPort, quint16(443));
        QCOMPARE(decoded(LinkType::Raw, body).destinationPort, quint16(443));
        const QByteArray six = ipPacket(ip("2001:db8::1"), ip("2001:db8::2"), 17, udp(1, 2, "x"));
        QCOMPARE(decoded(LinkType::Raw, six).destination.text(), QStringLiteral("2001:db8::2"));
        DecodedPacket none;
        QVERIFY(!decodePacket(LinkType::Ethernet, QByteArray(13, 'x'), none));
        QVERIFY(!decodePacket(LinkType::Raw, QByteArray(), none));
    }

    void ipDetails()
    {
        const IpAddress a = ip("192.0.2.55");
        const IpAddress b = ip("198.51.100.7");
        const auto raw = [](const QByteArray &bytes) { return decoded(LinkType::Raw, bytes); };
        // Options, and padding behind the packet.
        const QByteArray padded = ipPacket(a, b, 17, udp(7, 9, "abc"), 0, QByteArray(8, '\1')) + "padding";
        const DecodedPacket options = raw(padded); // its payload is a view
        QCOMPARE(options.destinationPort, quint16(9));
        QCOMPARE(options.payload, QByteArrayView("abc", 3));
        const DecodedPacket first = raw(ipPacket(a, b, 17, udp(7, 9, "abc"), 0x2000));
        QVERIFY(first.fragment && first.firstFragment && first.hasPorts);
        const DecodedPacket later = raw(ipPacket(a, b, 17, "abcdefgh", 0x0001));
        QVERIFY(later.fragment && !later.firstFragment && !later.hasPorts);
        QVERIFY(!raw(ipPacket(a, b, 17, udp(7, 9, "abc"), 0x4000)).fragment); // only "do not fragment"
        QVERIFY(raw(ipPacket(a, b, 6, tcp(1, 2, 0).left(19))).damaged);
        QByteArray longHeader = ipPacket(a, b, 17, udp(7, 9, {}));
        longHeader[0] = '\x4f';
        QVERIFY(raw(longHeader).damaged);

        const IpAddress c = ip("2001:db8::1");
        const IpAddress d = ip("ff02::fb");
        const auto chain = [](int headers, quint8 last, const QByteArray &body) {
            QByteArray bytes;
            for (int i = 0; i < headers; ++i)
                bytes += QByteArray(1, char(i + 1 < headers ? 60 : last)) + '\0' + QByteArray(6, '\0');
            return bytes + body;
        };
        const DecodedPacket eight = raw(ipPacket(c, d, 60, chain(8, 17, udp(5353, 5353, "x"))));
        QCOMPARE(eight.destinationPort, quint16(5353));
        QVERIFY(eight.isGroup());
        QVERIFY(raw(ipPacket(c, d, 60, chain(9, 17, udp(5353, 5353, "x")))).damaged);
        const QByteArray fragment = QByteArray(1, '\x11') + '\0' + big<quint16>(0x0008) + big<quint32>(99);
        const DecodedPacket six = raw(ipPacket(c, d, 44, fragment + "rest of it"));
        QVERIFY(six.fragment && !six.firstFragment && !six.hasPorts);
        QCOMPARE(six.protocol, quint8(17));
        QCOMPARE(six.fragmentId, quint32(99));
        // Cut anywhere: never past the end (the sanitizers say so).
        const QByteArray whole = ethernet(router, device, 0x8100,
                                          big<quint16>(1) + big<quint16>(0x86dd) +
                                              ipPacket(c, d, 0, chain(3, 6, tcp(1, 2, 2, "GET / HTTP/1.1"))));
        for (qsizetype size = 0; size <= whole.size(); ++size)
            decoded(LinkType::Ethernet, QByteArray(whole.constData(), size));
    }

    void dns()
    {
        const auto query = DnsMessage::parse(dnsQuery("MQTT.Example", 28));
        QVERIFY(query && !query->response);
        QCOMPARE(query->questions[0].name, QByteArray("mqtt.example"));
        QCOMPARE(query->questions[0].type, quint16(28));
        const auto answer =
            DnsMessage::parse(dnsAnswer("www.example", {{{}, 5, 30, dnsName("cdn.example")},
                                                        addressRecord(ip("198.51.100.7"), 60, "cdn.example"),
                                                        addressRecord(ip("2001:db8::7"), 61, "cdn.example"),
                                                        {{}, 16, 60, "\3txt"}}));
        QVERIFY(answer && answer->response);
        QCOMPARE(answer->answers.size(), size_t(3));
        QCOMPARE(answer->answers[0].name, QByteArray("www.example"));
        QCOMPARE(answer->answers[0].target, QByteArray("cdn.example"));
        QCOMPARE(answer->answers[2].address.text(), QStringLiteral("2001:db8::7"));
        QCOMPARE(answer->answers[2].ttl, quint32(61));
        // A name of control characters does not reach a terminal.
        QCOMPARE(DnsMessage::parse(dnsQuery("a\x1b[2J.example"))->questions[0].name, QByteArray("a??2j.example"));

        // Loops: to itself, forwards, a chain of more than 32 pointers.
        QByteArray self = dnsQuery("x").left(12) + QByteArray("\xc0\x0c", 2) + big<quint16>(1) + big<quint16>(1);
        QVERIFY(!DnsMessage::parse(self));
        QByteArray forward = dnsQuery("x").left(12) + QByteArray("\xc0\x20", 2) + QByteArray(40, '\0');
        QVERIFY(!DnsMessage::parse(forward));
        QByteArray bytes = dnsAnswer("example", {});
        for (int i = 0; i < 40; ++i) {
            const int to = i == 0 ? 12 : int(bytes.size()) - 12;
            bytes += QByteArray(1, char(0xc0 | to >> 8)) + char(to) + big<quint16>(99) + big<quint16>(1) +
                     big<quint32>(0) + big<quint16>(0);
        }
        bytes[6] = 0;
        bytes[7] = 40;
        QVERIFY(DnsMessage::parse(bytes));
        const QByteArray cut = dnsAnswer("www.example", {addressRecord(ip("198.51.100.7"))});
        for (qsizetype size = 0; size < cut.size(); ++size)
            (void)DnsMessage::parse(QByteArrayView(cut.constData(), size));
        QCOMPARE(DnsMessage::parse(cut.chopped(1))->answers.size(), size_t(0));
    }

    void hints()
    {
        QCOMPARE(tlsServerName(clientHello("Update.Example")), QByteArray("update.example"));
        const QByteArray hello = clientHello("update.example");
        for (qsizetype size = 0; size < hello.size(); ++size)
            QCOMPARE(tlsServerName(QByteArrayView(hello.constData(), size)), QByteArray());
        QCOMPARE(httpHost("GET /x HTTP/1.1\r\nAccept: */*\r\nHOST:  Www.Example:8080\r\n\r\n"),
                 QByteArray("www.example"));
        QCOMPARE(httpHost("GET /x HTTP/1.1\r\n\r\nHost: body\r\n"), QByteArray());
        QCOMPARE(httpHost("NOPE / HTTP/1.1\r\nHost: x\r\n"), QByteArray());
        QVERIFY(isQuicLongHeader(QByteArray("\xc3\0\0\0\1", 5) + QByteArray(1195, 'q')));
        QVERIFY(!isQuicLongHeader(QByteArray("\xc3\0\0\0\1", 5)));

        QByteArray dhcp = QByteArray("\1\1\6\0", 4) + QByteArray(24, '\0') + macBytes(device) + QByteArray(202, '\0') +
                          big<quint32>(0x63825363);
        QCOMPARE(dhcp.size(), qsizetype(240));
        const QByteArray url("https://mud.example/t1");
        dhcp += QByteArray("\0\xc", 2) + char(2) + "t1" + QByteArray("\xa1", 1) + char(url.size() + 9) + url +
                " reserved" + '\xff';
        const auto facts = dhcp4(dhcp);
        QVERIFY(facts && !facts->reply);
        QCOMPARE(facts->client, device);
        QCOMPARE(facts->mudUrl, url);
        QCOMPARE(facts->hostName, QByteArray("t1"));
        QVERIFY(dhcp4(dhcp.left(250)));
        QVERIFY(!dhcp4(dhcp.left(239)));
        const QByteArray six = QByteArray("\1abc", 4) + big<quint16>(112) + big(quint16(url.size())) + url;
        QCOMPARE(dhcp6(six)->mudUrl, url);
        QCOMPARE(dhcp6(six.chopped(1))->mudUrl, QByteArray());

        const auto tlv = [](int type, const QByteArray &body) {
            return big(quint16(type << 9 | int(body.size()))) + body;
        };
        const QByteArray lldp = tlv(1, QByteArray("\4", 1) + macBytes(device)) + tlv(3, QByteArray("\0\x78", 2)) +
                                tlv(127, QByteArray("\0\x12\x0f\1", 4) + "other") +
                                tlv(127, QByteArray("\0\0\x5e\1", 4) + url) + tlv(0, {});
        QCOMPARE(lldpMudUrl(lldp), url);
        QCOMPARE(lldpMudUrl(lldp.left(40)), QByteArray());
    }

    void addresses()
    {
        QCOMPARE(parseMac(QStringLiteral("02:00:00:00:00:fE")), std::optional<quint64>(router));
        QCOMPARE(parseMac(QStringLiteral("02-00-00-00-00-fe")), std::optional<quint64>(router));
        for (const char *wrong : {"", "02:00:00:00:00", "02:00:00:00:00:0g", "02:00-00:00:00:01", "0200000000011"})
            QVERIFY2(!parseMac(QString::fromLatin1(wrong)), wrong);
        QCOMPARE(macText(router), QStringLiteral("02:00:00:00:00:fe"));
        QVERIFY(IpPrefix::parse(QStringLiteral("192.0.2.0/24"))->contains(ip("192.0.2.255")));
        QVERIFY(!IpPrefix::parse(QStringLiteral("192.0.2.0/25"))->contains(ip("192.0.2.128")));
        QVERIFY(IpPrefix::parse(QStringLiteral("0.0.0.0/0"))->contains(ip("192.0.2.1")));
        QVERIFY(!IpPrefix::parse(QStringLiteral("0.0.0.0/0"))->contains(ip("2001:db8::1")));
        QVERIFY(IpPrefix::parse(QStringLiteral("::/0"))->contains(ip("2001:db8::1")));
        for (const char *wrong : {"192.0.2.0/33", "192.0.2/24", "x", "2001:db8::/129", "192.0.2.0/-1"})
            QVERIFY2(!IpPrefix::parse(QString::fromLatin1(wrong)), wrong);
        QVERIFY(ip("169.254.1.1").isLinkLocal() && ip("fe80::1").isLinkLocal() && !ip("fec0::1").isLinkLocal());
        QVERIFY(ip("224.0.0.251").isLocalGroup() && ip("ff02::fb").isLocalGroup() && !ip("239.1.1.1").isLocalGroup());
    }
};

SLIPWAY_TEST_MAIN(TestCapture)
#include "tst_capture.moc"
