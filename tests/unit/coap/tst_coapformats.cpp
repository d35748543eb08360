// What is read without a device: addresses, link format, values of resources, image lists, chains, board data.

#include "core/base/fault.h"
#include "drivers/coap/coapaddress.h"
#include "drivers/coap/coapfirmware.h"
#include "drivers/coap/coapkeys.h"
#include "drivers/coap/coapquirks.h"
#include "drivers/coap/linkformat.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

template <typename Function> QString codeOf(Function function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"nothing"_s;
}

} // namespace

class TestCoapFormats : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void addresses_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("again");
        QTest::newRow("IPv4") << u"coap://192.0.2.7"_s << u"coap://192.0.2.7:5683"_s;
        QTest::newRow("secure") << u"coaps://192.0.2.7/"_s << u"coaps://192.0.2.7:5684"_s;
        QTest::newRow("capitals") << u"COAP://Board.example:1"_s << u"coap://Board.example:1"_s;
        QTest::newRow("zone") << u"coap://[fe80::1%lo]:5683"_s << u"coap://[fe80::1%lo]:5683"_s;
        QTest::newRow("RFC 6874") << u"coap://[fe80::1%25lo]"_s << u"coap://[fe80::1%lo]:5683"_s;
        QTest::newRow("IPv6") << u"coaps://[2001:db8::7]:9"_s << u"coaps://[2001:db8::7]:9"_s;
        QTest::newRow("credentials") << u"coaps://h?psk=/a/b.psk"_s << u"coaps://h:5684"_s;
    }

    void addresses()
    {
        QFETCH(QString, text);
        QTEST(CoapAddress::parse(text).toString(), "again");
    }

    void badAddresses_data()
    {
        QTest::addColumn<QString>("text");
        for (const char *text : {"",
                                 "192.0.2.7",
                                 "http://192.0.2.7",
                                 "coap://",
                                 "coap://:5683",
                                 "coap://h:",
                                 "coap://h:0",
                                 "coap://h:65536",
                                 "coap://h:x",
                                 "coap://fe80::1",
                                 "coap://[fe80::1",
                                 "coap://[fe80::1]x",
                                 "coap://[fe80::1%]",
                                 "coap://[192.0.2.7]",
                                 "coap://h/path",
                                 "coap://a b",
                                 "coap://h?psk=x",
                                 "coaps://h?psk=",
                                 "coaps://h?pks=x",
                                 "coaps://h?psk=a&psk=b",
                                 "coaps://h?name=any",
                                 "coap://user@h"})
            QTest::newRow(text) << QString::fromLatin1(text);
    }

    void badAddresses()
    {
        QFETCH(QString, text);
        QCOMPARE(codeOf([&] { CoapAddress::parse(text); }), u"coap.address"_s);
    }

    void zones()
    {
        QCOMPARE(codeOf([] { resolve(CoapAddress::parse(u"coap://[fe80::1]"_s)); }), u"coap.zone"_s);
        QCOMPARE(codeOf([] { resolve(CoapAddress::parse(u"coap://[fe80::1%nosuch0]"_s)); }), u"coap.no-interface"_s);
        QCOMPARE(resolve(CoapAddress::parse(u"coap://[fe80::1%lo]"_s)).address.ss_family, sa_family_t(AF_INET6));
        try {
            resolve(CoapAddress::parse(u"coap://[fe80::1]"_s));
        } catch (const Fault &fault) {
            QVERIFY(fault.remedy().contains(u"coap://[fe80::1%eth0]"));
            QVERIFY(fault.remedy().contains(u"lo"));
        }
    }

    void links()
    {
        // RFC 6690 section 5, examples, put together.
        const LinkFormat list = LinkFormat::parse(
            "</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c x\";if=\"sensor\";obs,\n"
            "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\","
            "</t>;sz=1280;title=\"a \\\"b\\\", c;d\";sz=7");
        QVERIFY2(list.error.isEmpty(), qPrintable(list.error));
        QCOMPARE(list.links.size(), 4);
        QCOMPARE(list.find(u"/sensors"_s)->attributes.value(u"title"_s), u"Sensor Index"_s);
        QCOMPARE(list.find(u"/sensors/temp"_s)->words(u"rt"_s), QStringList({u"temperature-c"_s, u"x"_s}));
        QVERIFY(list.find(u"/sensors/temp"_s)->observable());
        QCOMPARE(list.links[3].attributes.value(u"title"_s), u"a \"b\", c;d"_s);
        QCOMPARE(list.links[3].size(), std::optional<qint64>(1280));
        QVERIFY(LinkFormat::parse("").links.isEmpty());
    }

    void damagedLinks_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<int>("remain");
        QTest::newRow("open target") << QByteArray("</a>,</b") << 1;
        QTest::newRow("no target") << QByteArray("</a>,b") << 1;
        QTest::newRow("open quote") << QByteArray("</a>;x=\"1,</b>") << 0;
        QTest::newRow("escaped end") << QByteArray("</a>;x=\"1\x5c") << 0;
        QTest::newRow("no name") << QByteArray("</a>;=1") << 0;
        QTest::newRow("no value") << QByteArray("</a>,</b>;x=,</c>") << 1;
        QTest::newRow("no comma") << QByteArray("</a></b>") << 1;
        QByteArray many = "</a>,</b>";
        for (int i = 0; i < 40; ++i)
            many += ";n" + QByteArray::number(i);
        QTest::newRow("too many attributes") << many << 1;
        QTest::newRow("too many links") << QByteArray("</a>,").repeated(5000) << 4096;
    }

    void damagedLinks()
    {
        QFETCH(QByteArray, text);
        const LinkFormat list = LinkFormat::parse(text);
        QVERIFY(!list.error.isEmpty());
        QTEST(int(list.links.size()), "remain");
    }

    void values_data()
    {
        using F = ResourceValue::Format;
        using T = ResourceValue::Type;
        QTest::addColumn<int>("format");
        QTest::addColumn<int>("type");
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("wire"); // hex
        const auto row = [](const char *name, F format, T type, const char *text, const char *wire) {
            QTest::newRow(name) << int(format) << int(type) << QByteArray(text) << QByteArray(wire);
        };
        row("text", F::Text, T::Text, "abc", "616263");
        row("cbor number", F::Cbor, T::Number, "-17", "30");
        row("cbor fraction", F::Cbor, T::Number, "1.5", "f93e00");
        row("cbor bool", F::Cbor, T::Bool, "true", "f5");
        row("cbor text", F::Cbor, T::Text, "IETF", "6449455446"); // RFC 8949 appendix A
        row("cbor bytes", F::Cbor, T::Bytes, "\x01\x02", "420102");
        row("senml text", F::SenmlCbor, T::Text, "x",
            "81a2006372656303"
            "6178");
        row("senml number", F::SenmlCbor, T::Number, "22",
            "81a20063726563"
            "0216");
    }

    void values()
    {
        QFETCH(int, format);
        QFETCH(int, type);
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, wire);
        const ResourceValue value{ResourceValue::Format(format), ResourceValue::Type(type), u"rec"_s};
        QCOMPARE(value.encode(text, u"s"_s).toHex(), wire);
        QCOMPARE(value.decode(QByteArray::fromHex(wire), u"s"_s), text);
    }

    void senml()
    {
        // RFC 8428 section 5.1.3: names are put together of base name and name.
        const QByteArray pack = R"([{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},
            {"n":"current","u":"A","v":1.2},{"n":"on","vb":true},{"n":"raw","vd":"AQI"},{"n":"s","vs":"w"}])";
        const QString base = u"urn:dev:ow:10e2073a01080063:"_s;
        const auto read = [&](const QString &name) {
            return ResourceValue{ResourceValue::Format::SenmlJson, ResourceValue::Type::Text, base + name}.decode(
                pack, u"s"_s);
        };
        QCOMPARE(read(u"voltage"_s), "120.1");
        QCOMPARE(read(u"current"_s), "1.2");
        QCOMPARE(read(u"on"_s), "true");
        QCOMPARE(read(u"raw"_s), "\x01\x02");
        QCOMPARE(read(u"s"_s), "w");
        QCOMPARE(codeOf([&] { read(u"none"_s); }), u"coap.bad-value"_s);
        const ResourceValue json{ResourceValue::Format::SenmlJson, ResourceValue::Type::Bytes, u"r"_s};
        QCOMPARE(json.encode("\x01\x02", u"s"_s), R"([{"n":"r","vd":"AQI"}])");
        const ResourceValue cbor{ResourceValue::Format::Cbor, ResourceValue::Type::Text, {}};
        for (const char *bad : {"", "f6", "80", "a0", "0000", "fb7ff0000000000000", "5f", "1b"})
            QCOMPARE(codeOf([&] { cbor.decode(QByteArray::fromHex(bad), u"s"_s); }), u"coap.bad-value"_s);
    }

    void imageLists()
    {
        CoapImageNames form;
        form.path = u"/fw"_s;
        form.json = true;
        form.list = u"images"_s;
        form.names = {{u"version"_s, u"v"_s}, {u"hash"_s, u"digest"_s}};
        const auto list =
            CoapFirmware::parseImages(R"({"images":[{"v":"1.2","digest":"00ff","active":true},{"slot":1}]})", form);
        QCOMPARE(list.size(), 2);
        QCOMPARE(list[0].version, u"1.2"_s);
        QCOMPARE(list[0].hash, QByteArray::fromHex("00ff"));
        QVERIFY(list[0].active && list[0].confirmed && list[0].bootable);
        QCOMPARE(list[1].slot, 1);
        for (const char *bad : {"", "[]", "{}", R"({"images":7})", R"({"images":[{"digest":"0"}]})"})
            QCOMPARE(codeOf([&] { CoapFirmware::parseImages(bad, form); }), u"coap.bad-value"_s);
        CoapImageNames cbor;
        QCOMPARE(CoapFirmware::parseImages(QByteArray::fromHex("81a164736c6f7401"), cbor).first().slot, 1);
        QCOMPARE(codeOf([&] { CoapFirmware::parseImages(QByteArray::fromHex("9841") + QByteArray(65, '\xa0'), cbor); }),
                 u"coap.bad-value"_s);
    }

    void chains()
    {
        // RFC 9148 section 5.3: multipart-core of pairs.
        QCOMPARE(CoapKeys::toMultipart({"a"}).toHex(), "8219011f4161");
        QCOMPARE(CoapKeys::fromMultipart(QByteArray::fromHex("8419011f416119011f4162"), u"/c"_s),
                 QList<QByteArray>({"a", "b"}));
        for (const char *bad : {"", "81", "8119011f", "8219011c4161", "8219011f6161", "8219011f416100"})
            QCOMPARE(codeOf([&] { CoapKeys::fromMultipart(QByteArray::fromHex(bad), u"/c"_s); }), u"coap.bad-value"_s);
    }

    void rules()
    {
        CoapRule rule;
        rule.name = u"app/*"_s;
        rule.path = u"/cfg/${name}"_s;
        QCOMPARE(rule.applied(u"app/a b/c"_s)->path, u"/cfg/a%20b/c"_s);
        QVERIFY(!rule.applied(u"app/"_s) && !rule.applied(u"ap"_s));
    }

    void badQuirks_data()
    {
        QTest::addColumn<QByteArray>("board");
        QTest::addColumn<QString>("where");
        const auto row = [](const char *name, const char *board, const char *where) {
            QTest::newRow(name) << QByteArray(board).replace('\'', '"') << QString::fromLatin1(where);
        };
        row("unknown member", "'frimware':{}", "boards.b.frimware");
        row("block", "'link':{'block':100}", "boards.b.link.block");
        row("path", "'reset':{'path':'reset'}", "boards.b.reset.path");
        row("record", "'settings':{'a':{'path':'/a','format':'senml-cbor'}}", "boards.b.settings.a");
        row("fetch", "'settings':{'a':{'path':'/a','read':'fetch'}}", "boards.b.settings.a.read");
        row("star", "'files':{'a*b':{'path':'/c'}}", "boards.b.files.a*b");
        row("pattern", "'firmware':{'image':{'path':'/i'},'status':{'path':'/s','ready':'[','failed':'x'}}",
            "boards.b.firmware.status.ready");
        row("security", "'security':{'name':'anything'}", "boards.b.security.name");
        row("form", "'clock':{'path':'/t','form':'local'}", "boards.b.clock.form");
    }

    void badQuirks()
    {
        QFETCH(QByteArray, board);
        QFETCH(QString, where);
        QByteArray json =
            "{'slipway-quirks':1,'driver':'coap','boards':{'b':{'description':'d','source':'s','date':'x',"
            "'recognise':{'resource':'/b','equals':'b'},";
        json = json.replace('\'', '"') + board + "}}}";
        try {
            CoapQuirks::parse(json, u"f.json"_s);
            QFAIL("it was taken");
        } catch (const Fault &fault) {
            QVERIFY2(fault.sentence().startsWith(u"f.json: "_s + where + u": "_s), qPrintable(fault.sentence()));
        }
    }
};

SLIPWAY_TEST_MAIN(TestCoapFormats)
#include "tst_coapformats.moc"
