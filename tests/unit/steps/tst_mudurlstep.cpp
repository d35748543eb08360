// mud-url: what each source says, compared; a capture with DHCP and LLDP, a certificate, a scanned label.

#include "core/base/fault.h"
#include "core/mud/mudemission.h"
#include "tests/support/fakecontext.h"
#include "tests/support/packetmaker.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString url = u"https://mud.example/t1/1.4.json"_s;
const QString other = u"https://mud.example/t1/1.3.json"_s;
constexpr quint64 mac = 0x020000000001;

QByteArray dhcpRequest(const QString &said)
{
    QByteArray bootp = QByteArray("\1\1\6\0", 4) + big<quint32>(7) + QByteArray(20, '\0') + macBytes(mac) +
                       QByteArray(10 + 64 + 128, '\0') + QByteArray::fromHex("63825363") + QByteArray("\x35\1\1", 3);
    bootp += mudDhcp4Option(MudUrl::parse(said)) + '\xff';
    return ethernet(0xffffffffffff, mac, 0x0800,
                    ipPacket(ip("0.0.0.0"), ip("255.255.255.255"), 17, udp(68, 67, bootp)));
}

QByteArray lldpFrame(const QString &said)
{
    const QByteArray chassis = QByteArray("\x02\x07\x04", 3) + macBytes(mac), port("\x04\x02\x07\x31", 4),
                     life("\x06\x02\x00\x78", 4);
    return ethernet(0x0180c200000e, mac, 0x88cc,
                    chassis + port + life + mudLldpTlv(MudUrl::parse(said)) + QByteArray(2, '\0'));
}

} // namespace

class TestMudUrlStep : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;

    QString capture(const QList<QByteArray> &frames)
    {
        const QString path = m_folder.filePath(u"c.pcap"_s);
        QFile out(path);
        QByteArray bytes = QByteArray::fromHex("d4c3b2a1020004000000000000000000ffff000001000000");
        for (const QByteArray &frame : frames)
            bytes += ordered<quint32>(1, false) + ordered<quint32>(0, false) + ordered(quint32(frame.size()), false) +
                     ordered(quint32(frame.size()), false) + frame;
        if (!out.open(QIODevice::WriteOnly) || out.write(bytes) < 0)
            qFatal("cannot write");
        return path;
    }
    static QString step(const QString &sources, const QString &rest = {})
    {
        return u"mud-url: { sources: [%1]%2 }"_s.arg(sources, rest.isEmpty() ? QString() : u", "_s + rest);
    }
    QString network(const QList<QByteArray> &frames, const QString &rest = {})
    {
        return u"device: \"02:00:00:00:00:01\", pcap: \"%1\"%2"_s.arg(capture(frames),
                                                                      rest.isEmpty() ? QString() : u", "_s + rest);
    }

private Q_SLOTS:
    void agree()
    {
        FakeDevice device;
        FakeContext context(device);
        context.perform(stepFrom(step(u"dhcp, lldp"_s, network({dhcpRequest(url), lldpFrame(url)}))));
        QVERIFY(context.lastSummary.startsWith(url));
        QVERIFY(context.facts.contains(u"mud-url.dhcp"_s));
        QVERIFY(context.facts.contains(u"mud-url.lldp"_s));
    }

    void differ_data()
    {
        QTest::addColumn<QString>("dhcp");
        QTest::addColumn<QString>("lldp");
        QTest::addColumn<QString>("rest");
        QTest::addColumn<QString>("code");
        const QString expect = u"expect: \"%1\""_s.arg(url);
        QTest::newRow("from each other") << url << other << QString() << u"mud.sources-differ"_s;
        QTest::newRow("from the recipe") << other << other << expect << u"mud.sources-differ"_s;
        QTest::newRow("in case alone") << url << u"https://MUD.example/t1/1.4.json"_s << QString()
                                       << u"mud.sources-differ"_s;
        QTest::newRow("one silent") << url << QString() << QString() << u"mud.source-silent"_s;
        QTest::newRow("as the recipe says") << url << url << expect << QString();
    }
    void differ()
    {
        QFETCH(QString, dhcp);
        QFETCH(QString, lldp);
        QFETCH(QString, rest);
        QFETCH(QString, code);
        FakeDevice device;
        FakeContext context(device);
        QList<QByteArray> frames{dhcpRequest(dhcp)};
        if (!lldp.isEmpty())
            frames << lldpFrame(lldp);
        QCOMPARE(context.codeOf(stepFrom(step(u"dhcp, lldp"_s, network(frames, rest)))), code);
    }

    void label()
    {
        FakeDevice device;
        FakeContext context(device);
        const QString expect = u"expect: \"%1\""_s.arg(url);
        context.answers << PromptAnswer{true, url};
        context.perform(stepFrom(step(u"label"_s, expect)));
        context.answers << PromptAnswer{
            true, QString::fromLatin1(mudLabelText({u"Example"_s, {}, u"T1"_s, {}, MudUrl::parse(url)}))};
        context.perform(stepFrom(step(u"label"_s, expect)));
        context.answers << PromptAnswer{true, other};
        QCOMPARE(context.codeOf(stepFrom(step(u"label"_s, expect))), u"mud.sources-differ"_s);
        context.answers << PromptAnswer{true, u"T1-00000001"_s};
        QCOMPARE(context.codeOf(stepFrom(step(u"label"_s, expect))), u"mud.url"_s);
    }

    void mayBeSaid_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<bool>("good");
        const QString expect = u"expect: \"%1\""_s.arg(url);
        QTest::newRow("certificate and expectation") << step(u"idevid"_s, expect) << true;
        QTest::newRow("one source alone") << step(u"idevid"_s) << false;
        QTest::newRow("unknown source") << step(u"idevid, pigeon"_s) << false;
        QTest::newRow("network without a place") << step(u"idevid, dhcp"_s) << false;
        QTest::newRow("a place without network") << step(u"idevid"_s, expect + u", interface: eth1"_s) << false;
        QTest::newRow("two places") << step(u"idevid, dhcp"_s, u"interface: eth1, pcap: a"_s) << false;
        QTest::newRow("no URL") << step(u"idevid"_s, u"expect: \"http://a/\""_s) << false;
    }
    void mayBeSaid()
    {
        QFETCH(QString, text);
        QFETCH(bool, good);
        QString code;
        try {
            stepFrom(text);
        } catch (const Fault &fault) {
            code = QString::fromLatin1(fault.code());
        }
        QCOMPARE(code, good ? QString() : u"recipe.invalid"_s);
    }
};

SLIPWAY_TEST_MAIN(TestMudUrlStep)
#include "tst_mudurlstep.moc"
