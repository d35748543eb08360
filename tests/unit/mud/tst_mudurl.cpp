// MUD URLs: what RFC 8520 and RFC 3986 take and refuse, and the octets of the certificate extension.

#include "core/base/fault.h"
#include "core/mud/mudurl.h"
#include "tests/support/testmain.h"

using namespace slipway;

class TestMudUrl : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void taken_data()
    {
        QTest::addColumn<QString>("url");
        QTest::addColumn<QString>("authority");
        QTest::newRow("plain") << "https://mud.example/t1/1.4.json"
                               << "mud.example";
        QTest::newRow("port") << "https://mud.example:8443/t1"
                              << "mud.example:8443";
        QTest::newRow("upper-case host") << "HTTPS://MUD.example/T1"
                                         << "mud.example";
        QTest::newRow("query") << "https://mud.example/t1?v=2&x=/"
                               << "mud.example";
        QTest::newRow("query without path") << "https://mud.example?v=2"
                                            << "mud.example";
        QTest::newRow("no path") << "https://mud.example"
                                 << "mud.example";
        QTest::newRow("escaped") << "https://mud.example/%C3%A9"
                                 << "mud.example";
        QTest::newRow("IPv6") << "https://[2001:db8::1]:443/t1"
                              << "[2001:db8::1]:443";
        QTest::newRow("at in the path") << "https://mud.example/a@b:c"
                                        << "mud.example";
        QTest::newRow("255 octets") << "https://mud.example/" + QString(235, u'a') << "mud.example";
    }
    void taken()
    {
        QFETCH(QString, url);
        QFETCH(QString, authority);
        const MudUrl parsed = MudUrl::parse(url);
        QCOMPARE(parsed.text(), url);
        QCOMPARE(parsed.authority(), authority);
        QCOMPARE(MudUrl::fromExtensionValue(parsed.extensionValue()).text(), url);
    }

    void refused_data()
    {
        QTest::addColumn<QString>("url");
        QTest::addColumn<QString>("reason");
        QTest::newRow("empty") << ""
                               << "empty";
        QTest::newRow("http") << "http://mud.example/t1"
                              << "scheme";
        QTest::newRow("ftp") << "ftp://mud.example/t1"
                             << "\"ftp\"";
        QTest::newRow("no scheme") << "mud.example/t1"
                                   << "https://";
        QTest::newRow("no host") << "https:///t1"
                                 << "no host";
        QTest::newRow("only scheme") << "https://"
                                     << "no host";
        QTest::newRow("fragment") << "https://mud.example/t1#x"
                                  << "fragment";
        QTest::newRow("user") << "https://user@mud.example/t1"
                              << "user information";
        QTest::newRow("user and password") << "https://u:p@mud.example/"
                                           << "user information";
        QTest::newRow("port 0") << "https://mud.example:0/"
                                << "port";
        QTest::newRow("port 65536") << "https://mud.example:65536/"
                                    << "port";
        QTest::newRow("empty port") << "https://mud.example:/"
                                    << "port";
        QTest::newRow("port +1") << "https://mud.example:+1/"
                                 << "port";
        QTest::newRow("IRI") << QStringLiteral("https://mud.example/d\u00e9") << "RFC 3987";
        QTest::newRow("IDN") << QStringLiteral("https://m\u00fcd.example/") << "RFC 3987";
        QTest::newRow("space") << "https://mud.example/a b"
                               << "space";
        QTest::newRow("line end") << "https://mud.example/a\n"
                                  << "control";
        QTest::newRow("bad escape") << "https://mud.example/%zz"
                                    << "percent";
        QTest::newRow("cut escape") << "https://mud.example/%2"
                                    << "percent";
        QTest::newRow("quote") << "https://mud.example/\""
                               << "\"";
        QTest::newRow("brace") << "https://mud.example/{x}"
                               << "{";
        QTest::newRow("backslash") << "https://mud.example\\t1"
                                   << "\\";
        QTest::newRow("two dots") << "https://mud..example/"
                                  << "no name";
        QTest::newRow("four colons") << "https://[::::]/a"
                                     << "its IPv6 address is none";
        QTest::newRow("IPv4 in brackets") << "https://[192.0.2.1]/a"
                                          << "its IPv6 address is none";
        QTest::newRow("nine groups") << "https://[1:2:3:4:5:6:7:8:9]/a"
                                     << "its IPv6 address is none";
        QTest::newRow("open bracket") << "https://[2001:db8::1/"
                                      << "bracket";
        QTest::newRow("256 octets") << "https://mud.example/" + QString(236, u'a') << "255";
    }
    void refused()
    {
        QFETCH(QString, url);
        QFETCH(QString, reason);
        const QString why = MudUrl::whyNot(url);
        QVERIFY2(why.contains(reason), qPrintable(why));
        QVERIFY_EXCEPTION_THROWN(MudUrl::parse(url), Fault);
    }

    // RFC 8520 section 11; the octets that OpenSSL 3.0 writes.
    void extensionOctets()
    {
        const QByteArray value = MudUrl::parse(QStringLiteral("https://example.com/mud/m7.json")).extensionValue();
        QCOMPARE(value.toHex(), QByteArray("161f68747470733a2f2f6578616d706c652e636f6d2f6d75642f6d372e6a736f6e"));
        const QByteArray longValue =
            MudUrl::parse(QStringLiteral("https://mud.example/") + QString(180, u'a')).extensionValue();
        QCOMPARE(longValue.left(3).toHex(), QByteArray("1681c8"));
    }

    void damagedExtension_data()
    {
        QTest::addColumn<QByteArray>("hexValue");
        QTest::newRow("empty") << QByteArray("");
        QTest::newRow("UTF8String") << QByteArray("0c1f68747470733a2f2f6578616d706c652e636f6d2f6d75642f6d372e6a736f6e");
        QTest::newRow("short") << QByteArray("161f6874747073");
        QTest::newRow("rest") << QByteArray("161068747470733a2f2f6d75642e6578616d706c65ff");
        QTest::newRow("long form of a short length") << QByteArray("16811368747470733a2f2f6d75642e6578616d706c65");
        QTest::newRow("indefinite") << QByteArray("168068747470");
        QTest::newRow("two length octets") << QByteArray("16820100");
        QTest::newRow("http") << QByteArray("16") + "12" + QByteArray("http://mud.example").toHex();
    }
    void damagedExtension()
    {
        QFETCH(QByteArray, hexValue);
        QVERIFY_EXCEPTION_THROWN(MudUrl::fromExtensionValue(QByteArray::fromHex(hexValue)), Fault);
    }
};

SLIPWAY_TEST_MAIN(TestMudUrl)
#include "tst_mudurl.moc"
