// Names of keys in tokens, secrets in files, the issuer's part of station.yaml, and what EST servers answer.

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/identity/estmessages.h"
#include "core/identity/issuersettings.h"
#include "core/identity/pkcs11uri.h"
#include "core/identity/secret.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QProcess>

using namespace slipway;
using namespace slipway::test;

class TestIssuerSettings : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // RFC 7512 section 3 has most of these.
    void uri()
    {
        const Pkcs11Uri uri = Pkcs11Uri::parse(
            QStringLiteral("pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;"
                           "model=1.0;object=my-certificate;type=private;id=%69%95%3E%5C%F4%BD%EC%91;serial=9"
                           "?pin-source=file:/etc/token_pin&module-path=/usr/lib/x.so"));
        QCOMPARE(uri.token, "The Software PKCS#11 Softtoken");
        QCOMPARE(uri.manufacturer, "Snake Oil, Inc.");
        QCOMPARE(uri.object, "my-certificate");
        QCOMPARE(uri.id, QByteArray::fromHex("69953e5cf4bdec91"));
        QCOMPARE(uri.pinFile, "/etc/token_pin");
        QCOMPARE(uri.library(), "/usr/lib/x.so");
        QCOMPARE(Pkcs11Uri::parse(QStringLiteral("pkcs11:slot-id=327;id=%01")).slotId, 327u);
        QVERIFY(Pkcs11Uri::parse(QStringLiteral("pkcs11:object=a")).library().contains("p11-kit"));
    }

    void badUri_data()
    {
        QTest::addColumn<QString>("uri");
        QTest::addColumn<QString>("words");
        const auto row = [](const char *uri, const char *words) {
            QTest::newRow(uri) << QString::fromLatin1(uri) << QString::fromLatin1(words);
        };
        row("pkcs11:", "names no key");
        row("pkcs11:token=a", "names no key");
        row("pkcs11:object=a;object=b", "stands twice");
        row("pkcs11:object=%zz", "hex digits");
        row("pkcs11:object=%4", "hex digits");
        row("pkcs11:object=%ff", "no text");
        row("pkcs11:object=a;unknown=b", "not understood");
        row("pkcs11:object", "name=value");
        row("pkcs11:object=a;type=cert", "private");
        row("pkcs11:object=a?pin-value=1234", "PIN");
        row("pkcs11:object=a?pin-source=|/bin/getpin", "program");
        row("pkcs11:object=a?module-path=x.so", "absolute");
        row("pkcs11:object=a?module-name=../x", "folder");
        row("pkcs11:slot-id=x;object=a", "number");
        row("object=a", "begin");
    }
    void badUri()
    {
        QFETCH(QString, uri);
        QFETCH(QString, words);
        QString sentence;
        QCOMPARE(faultOf([&] { Pkcs11Uri::parse(uri); }, &sentence), "issuer.token-uri");
        QVERIFY2(sentence.contains(words), qPrintable(sentence));
        QVERIFY2(!sentence.contains("1234"), qPrintable(sentence)); // never repeated
    }

    void secretFile()
    {
        QTemporaryDir folder;
        const QString file = folder.filePath("secret");
        writeFile(file, "open sesame\r\nand more", Access::OwnerOnly);
        QCOMPARE(readSecretFile(file).bytes, "open sesame");
        const auto codeOf = [&] { return faultOf([&] { readSecretFile(file); }); };
        for (const auto permission : {QFileDevice::ReadGroup, QFileDevice::WriteGroup, QFileDevice::ReadOther}) {
            QFile(file).setPermissions(QFileDevice::ReadOwner | permission);
            QCOMPARE(codeOf(), "issuer.secret-file");
        }
        writeFile(file, "\nsecond line", Access::OwnerOnly);
        QCOMPARE(codeOf(), "issuer.secret-file");
        writeFile(file, QByteArray(1025, 'x'), Access::OwnerOnly);
        QCOMPARE(codeOf(), "issuer.secret-file");
        QCOMPARE(faultOf([&] { readSecretFile(folder.path()); }), "issuer.secret-file");
        QCOMPARE(faultOf([&] { readSecretFile(folder.filePath("none")); }), "issuer.secret-file");
        QCOMPARE(faultOf([&] { fetchSecret({}, QStringLiteral("the PIN")); }), "issuer.secret-missing");
    }

    void incompleteSettings()
    {
        const auto codeOf = [&](const IssuerSettings &settings) {
            return faultOf([&] { openIssuer(settings, {}, {}); });
        };
        IssuerSettings settings;
        settings.use = QStringLiteral("ftp://ca");
        QCOMPARE(codeOf(settings), "issuer.url");
        settings.use = QStringLiteral("cmp:http://127.0.0.1:1/pkix/");
        QCOMPARE(codeOf(settings), "issuer.settings"); // certificate
        Workshop shop;
        settings.certificate = shop.path("ca.pem");
        QCOMPARE(codeOf(settings), "issuer.settings"); // reference or key
        settings.reference = QStringLiteral("line-1");
        QCOMPARE(codeOf(settings), QByteArray()); // nobody is asked before there is work
        settings.use = QStringLiteral("cmp:gopher://127.0.0.1/");
        QCOMPARE(codeOf(settings), "issuer.url");
        settings.use = QStringLiteral("est:https://127.0.0.1:1");
        QCOMPARE(codeOf(settings), "issuer.settings"); // key
    }

    // As openssl packs them.
    void estCertificatesOfOpenssl()
    {
        Workshop shop;
        QProcess openssl;
        openssl.start(QStringLiteral("openssl"),
                      {"crl2pkcs7", "-nocrl", "-certfile", shop.path("ca.pem"), "-outform", "DER"});
        QVERIFY(openssl.waitForFinished());
        const QByteArray der = openssl.readAllStandardOutput();
        const auto expected = certificatesFromPem(readFile(shop.path("ca.pem"), 65536, QString()));
        QCOMPARE(estCertificates(der, QString()), expected);
        QByteArray lines;
        for (qsizetype at = 0; at < der.toBase64().size(); at += 64)
            lines += der.toBase64().mid(at, 64) + "\r\n";
        QCOMPARE(estCertificates(lines, QString()), expected);
        const auto refused = [](const QByteArray &body) {
            return faultOf([&] { estCertificates(body, QStringLiteral("it")); }) == "issuer.answer";
        };
        QVERIFY(refused({}));
        QVERIFY(refused("not base64!"));
        QVERIFY(refused(der.toBase64().chopped(8)));
        QVERIFY(refused(der.chopped(1)));
        QVERIFY(refused(der + '\0'));
        QVERIFY(refused(QByteArray(300'000, 'A')));
        QVERIFY(refused(expected.front())); // a certificate alone is another type
    }

    // The example of RFC 7030 section 4.5.2.
    void estAttributesOfTheRfc()
    {
        const EstAttributes found = estAttributes("MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJBgcr"
                                                  "BgEBAQEWBggqhkjOPQQDAw==",
                                                  QString());
        QCOMPARE(found.keyType, "P-384");
        QCOMPARE(found.wanted.size(), 4);
        QVERIFY(found.wanted.contains("1.2.840.113549.1.9.7"));
        QVERIFY(estAttributes("MAA=", QString()).wanted.isEmpty());
        QCOMPARE(faultOf([] { estAttributes("MAMGAQ==", QStringLiteral("it")); }), "issuer.answer");
    }
};

SLIPWAY_TEST_MAIN(TestIssuerSettings)
#include "tst_issuersettings.moc"
