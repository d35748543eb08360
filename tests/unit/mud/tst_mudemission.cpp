// A MUD URL in DHCP options, the LLDP TLV and on a label, octet for octet.

#include "core/base/fault.h"
#include "core/mud/mudemission.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

const QString text = u"https://example.com/mud/m7.json"_s;

QString faultOf(const std::function<void()> &work)
{
    try {
        work();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

} // namespace

class TestMudEmission : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void dhcp()
    {
        const MudUrl url = MudUrl::parse(text);
        QCOMPARE(mudDhcp4Option(url).toHex(), "a11f" + text.toLatin1().toHex());
        QCOMPARE(mudDhcp6Option(url).toHex(), "0070001f" + text.toLatin1().toHex());
        QCOMPARE(mudUrlFromDhcp(mudDhcp4Option(url).mid(2)).text(), text);
        QCOMPARE(mudUrlFromDhcp(text.toLatin1() + " what is reserved").text(), text);
        QCOMPARE(faultOf([] { mudUrlFromDhcp(QByteArray(256, 'a')); }), u"mud.emission"_s);
        QCOMPARE(faultOf([] { mudUrlFromDhcp("http://a/"); }), u"mud.url"_s);
        QCOMPARE(faultOf([] { mudUrlFromDhcp({}); }), u"mud.url"_s);
        const MudUrl longest = MudUrl::parse(u"https://m.example/"_s + QString(237, u'a'));
        QCOMPARE(mudDhcp4Option(longest).size(), 257);
        QCOMPARE(mudUrlFromDhcp(mudDhcp4Option(longest).mid(2)).octets(), longest.octets());
    }

    void lldp()
    {
        const MudUrl url = MudUrl::parse(text);
        // Type 127, 35 octets: fe 23.
        QCOMPARE(mudLldpTlv(url).toHex(), "fe2300005e01" + text.toLatin1().toHex());
        QCOMPARE(mudUrlFromLldp(mudLldpTlv(url)).text(), text);
        const MudUrl longest = MudUrl::parse(u"https://m.example/"_s + QString(237, u'a'));
        QCOMPARE(mudUrlFromLldp(mudLldpTlv(longest)).octets(), longest.octets());
        QByteArray tlv = mudLldpTlv(url);
        tlv[5] = 2;
        QCOMPARE(faultOf([&] { mudUrlFromLldp(tlv); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] { mudUrlFromLldp(mudLldpTlv(url).chopped(1)); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] { mudUrlFromLldp("\xfe\x23"); }), u"mud.emission"_s);
    }

    void label()
    {
        const MudLabel label{u"Example"_s, u"Toaster"_s, u"T1"_s, u"00:0a:95:9d:68:16"_s, MudUrl::parse(text)};
        const QByteArray qr = mudLabelText(label);
        QCOMPARE(qr, QByteArray("[)>\x1e"
                                "06\x1d"
                                "12NB000Example\x1f"
                                "B001Toaster\x1f"
                                "B002T1\x1f"
                                "M180") +
                         text.toLatin1() + "\x1fM06C000A959D6816\x1f\x1e\x04");
        const MudLabel back = mudLabelFrom(QString::fromLatin1(qr));
        QCOMPARE(back.url.text(), text);
        QCOMPARE(back.company, u"Example"_s);
        QCOMPARE(back.model, u"T1"_s);
        QCOMPARE(back.mac, u"000A959D6816"_s);
    }

    void labelOfOthers()
    {
        QCOMPARE(mudLabelFrom(text + u'\n').url.text(), text);
        QCOMPARE(mudLabelFrom(text + u"?sn=1"_s).url.text(), text);
        // Another unit of data before, punctuation in the address, a query, no end of transmission.
        const QString other = u"[)>\u001e06\u001d"
                              "12NB000Other\u001fU000x\u001f\u001c"
                              "B000Mine\u001fM06C00-0a-95-9d-68-16\u001fM180"_s +
                              text + u"?x=y\u001f\u001e"_s;
        const MudLabel back = mudLabelFrom(other);
        QCOMPARE(back.company, u"Mine"_s);
        QCOMPARE(back.mac, u"000A959D6816"_s);
        QCOMPARE(back.url.text(), text);
    }

    void badLabels_data()
    {
        QTest::addColumn<QString>("scanned");
        QTest::addColumn<QString>("code");
        QTest::newRow("serial number") << u"T1-00000001"_s << u"mud.url"_s;
        QTest::newRow("nothing") << u""_s << u"mud.url"_s;
        QTest::newRow("another format of its kind") << u"[)>\u001e06\u001d15NA"_s << u"mud.emission"_s;
        QTest::newRow("cut") << u"[)>\u001e06\u001d12NB000A\u001f"_s << u"mud.emission"_s;
        QTest::newRow("without URL") << u"[)>\u001e06\u001d12NB000A\u001f\u001e\u0004"_s << u"mud.emission"_s;
        QTest::newRow("http") << u"[)>\u001e06\u001d12NM180http://a/\u001f\u001e\u0004"_s << u"mud.url"_s;
        QTest::newRow("huge") << QString(5000, u'a') << u"mud.emission"_s;
    }
    void badLabels()
    {
        QFETCH(QString, scanned);
        QFETCH(QString, code);
        QCOMPARE(faultOf([&] { mudLabelFrom(scanned); }), code);
    }

    void labelsThatCannotBe()
    {
        const MudUrl url = MudUrl::parse(text);
        QCOMPARE(faultOf([&] { mudLabelText({u"Ex\u001fM180"_s, {}, u"T1"_s, {}, url}); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] { mudLabelText({u"Exämple"_s, {}, u"T1"_s, {}, url}); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] { mudLabelText({u"Example"_s, {}, {}, {}, url}); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] { mudLabelText({u"Example"_s, {}, u"T1"_s, u"12345"_s, url}); }), u"mud.emission"_s);
        QCOMPARE(faultOf([&] {
                     mudLabelText({u"Example"_s, {}, u"T1"_s, {}, MudUrl::parse(text + u"?a"_s)});
                 }),
                 u"mud.emission"_s);
    }
};

SLIPWAY_TEST_MAIN(TestMudEmission)
#include "tst_mudemission.moc"
