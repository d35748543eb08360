// The file CA: what it issues, what it refuses, its keys on disk, its revocation list.

#include "core/identity/check.h"
#include "core/identity/fileissuer.h"
#include "core/identity/signingkey.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QFile>
#include <QSet>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;

class TestIssuer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void issuesWhatTheProfileAsksFor()
    {
        const Workshop shop;
        const auto issuer = shop.issuer();
        QVERIFY(issuer->name().startsWith(QLatin1String("Device CA ")));
        const IssueOrder order = Workshop::order(QStringLiteral("T1-00000009"));
        const IssuedCertificate issued = issuer->issue(order, Task{});
        QCOMPARE(issued.notAfter, QStringLiteral("99991231235959Z"));
        QVERIFY(issued.der.size() < 700);
        CertificateExpectations expected;
        expected.serial = order.serial;
        expected.mudUrl = order.mudUrl;
        expected.publicKey = order.request.publicKeyDer;
        const auto findings = checkCertificate(issued.der, order.profile, issuer->chain(), expected);
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        QVERIFY(findings.size() >= 20);
        const CertificateFacts facts = certificateFacts(issued.der);
        QCOMPARE(facts.certificateSerial, issued.certificateSerial);
        QCOMPARE(facts.sha256, issued.sha256);
        QCOMPARE(facts.subject, QStringLiteral("O = Example, serialNumber = T1-00000009"));
        QCOMPARE(facts.subjectSerial, order.serial);
        QCOMPARE(facts.mudUrl, order.mudUrl);
        QCOMPARE(facts.masaUrl, QStringLiteral("masa.example"));
        QCOMPARE(facts.publicKeySha256, order.request.publicKeySha256);
        QCOMPARE(facts.issuer, issued.issuerName);
    }

    // OpenSSL's parser agrees with ours about what was made, whatever the profile.
    void otherProfiles_data()
    {
        QTest::addColumn<QByteArray>("extra");
        QTest::newRow("everything") << QByteArray("subject: { C: DE, O: Example, OU: Line, CN: \"Unit ${serial}\" }\n"
                                                  "mud-signer: \"CN=MUD Signer,O=Example\"\n"
                                                  "hardware-type: 1.3.6.1.4.1.32473.1.7\nmasa-url: masa.example\n");
        QTest::newRow("almost nothing") << QByteArray(
            "key-usage: false\nbasic-constraints: false\nmud-url: { required: false }\n");
        QTest::newRow("ten years") << QByteArray("not-after: 10y\n");
        QTest::newRow("fifty years") << QByteArray("not-after: 50y\n");
        QTest::newRow("fixed") << QByteArray("not-after: 20491231235959Z\n");
    }
    void otherProfiles()
    {
        QFETCH(QByteArray, extra);
        const Workshop shop;
        const auto issuer = shop.issuer();
        IssueOrder order = Workshop::order(QStringLiteral("X (7)"));
        order.profile = Profile::parse("slipway-profile: 1\n" + extra, QStringLiteral("other.yaml"));
        if (!order.profile.mudUrlRequired)
            order.mudUrl.clear();
        const IssuedCertificate issued = issuer->issue(order, Task{});
        const auto findings = checkCertificate(issued.der, order.profile, issuer->chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        const unsigned char *p = reinterpret_cast<const unsigned char *>(issued.der.constData());
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(d2i_X509(nullptr, &p, issued.der.size()),
                                                                      &X509_free);
        QVERIFY(certificate);
        unsigned char *again = nullptr;
        const int length = i2d_X509(certificate.get(), &again);
        QCOMPARE(QByteArray(reinterpret_cast<char *>(again), length), issued.der);
        OPENSSL_free(again);
        QVERIFY(!(X509_get_extension_flags(certificate.get()) & (EXFLAG_INVALID | EXFLAG_CRITICAL)));
    }

    // A MUD URL of more than 127 octets needs long lengths inside.
    void longMudUrl()
    {
        const Workshop shop;
        const auto issuer = shop.issuer();
        IssueOrder order = Workshop::order(QStringLiteral("T1-00000009"));
        order.mudUrl = QStringLiteral("https://mud.example/t1/") + QString(200, u'a');
        const auto findings = checkCertificate(issuer->issue(order, Task{}).der, order.profile, issuer->chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
    }

    void refuses_data()
    {
        QTest::addColumn<QString>("serial");
        QTest::addColumn<QString>("inRequest");
        QTest::addColumn<QString>("mudUrl");
        QTest::addColumn<QByteArray>("code");
        const QString good = QStringLiteral("T1-00000009");
        const QString url = QStringLiteral("https://mud.example/t1/1.4.json");
        QTest::newRow("form") << "T1-9"
                              << "T1-9" << url << QByteArray("identity.serial");
        QTest::newRow("empty") << ""
                               << "" << url << QByteArray("identity.serial");
        QTest::newRow("other unit") << good << "T1-00000010" << url << QByteArray("identity.csr-serial");
        QTest::newRow("no serial in the request") << good << "" << url << QByteArray("identity.csr-serial");
        QTest::newRow("no MUD URL") << good << good << "" << QByteArray("identity.mud-url-missing");
        QTest::newRow("other product") << good << good << "https://mud.example/t2/1.json"
                                       << QByteArray("identity.mud-url");
        QTest::newRow("http") << good << good << "http://mud.example/t1/1.json" << QByteArray("identity.mud-url");
        QTest::newRow("fragment") << good << good << url + "#x" << QByteArray("identity.mud-url");
    }
    void refuses()
    {
        QFETCH(QString, serial);
        QFETCH(QString, inRequest);
        QFETCH(QString, mudUrl);
        QFETCH(QByteArray, code);
        const Workshop shop;
        const auto issuer = shop.issuer();
        IssueOrder order = Workshop::order(inRequest);
        order.serial = serial;
        order.mudUrl = mudUrl;
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), code);
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), code); // also the second time
        order = Workshop::order(QStringLiteral("T1-00000009"));
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), QByteArray());
    }

    void refusesMore()
    {
        const Workshop shop;
        const auto issuer = shop.issuer();
        IssueOrder order = Workshop::order(QStringLiteral("T1-00000009"), newTestKey("P-384").get());
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), QByteArray("identity.csr-key"));
        order = Workshop::order(QStringLiteral("T1-00000009"));
        order.profile.maximumDerBytes = 500;
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), QByteArray("identity.too-large"));
        order = Workshop::order(QStringLiteral("T1_00000009"));
        order.profile.serialPattern.clear(); // an underscore is no character of PrintableString
        QCOMPARE(faultOf([&] { issuer->issue(order, Task{}); }), QByteArray("identity.serial"));
        std::stop_source stop;
        stop.request_stop();
        Task stopped;
        stopped.stop = stop.get_token();
        order = Workshop::order(QStringLiteral("T1-00000009"));
        QCOMPARE(faultOf([&] { issuer->issue(order, stopped); }), QByteArray("base.stopped"));
    }

    void serialNumbersAreFreshAndPositive()
    {
        QSet<QByteArray> seen;
        for (int i = 0; i < 2000; ++i) {
            const QByteArray serial = newCertificateSerial();
            QCOMPARE(serial.size(), 16);
            QVERIFY(!seen.contains(serial));
            seen.insert(serial);
        }
    }

    void manyThreads()
    {
        const Workshop shop;
        const auto issuer = shop.issuer();
        std::mutex mutex;
        QSet<QString> serials;
        QStringList wrong;
        {
            std::vector<std::jthread> threads;
            for (int t = 0; t < 4; ++t) {
                threads.emplace_back([&, t] {
                    for (int i = 0; i < 50; ++i) {
                        IssueOrder order =
                            Workshop::order(QStringLiteral("T1-%1").arg(t * 1000 + i, 8, 10, QLatin1Char('0')));
                        order.mudUrl = QStringLiteral("https://mud.example/t1/%1.json").arg(t);
                        const IssuedCertificate issued = issuer->issue(order, Task{});
                        CertificateExpectations expected{order.serial, order.mudUrl, order.request.publicKeyDer};
                        const auto findings = checkCertificate(issued.der, order.profile, issuer->chain(), expected);
                        const std::lock_guard lock(mutex);
                        serials.insert(issued.certificateSerial);
                        if (!allHold(findings))
                            wrong << whatDoesNotHold(findings);
                    }
                });
            }
        }
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(u'\n')));
        QCOMPARE(serials.size(), 200);
    }

    void encryptedKey()
    {
        const Workshop shop;
        const KeyAndCertificate ca = createDeviceCa(QStringLiteral("Line 1"), "correct horse");
        QVERIFY(ca.keyPem.startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        writeFile(shop.path("enc.key"), ca.keyPem, Access::OwnerOnly);
        writeFile(shop.path("enc.pem"), ca.certificatePem);
        const auto open = [&](const QByteArray &passphrase) {
            return faultOf([&] { (void)FileIssuer::open(shop.path("enc.key"), shop.path("enc.pem"), passphrase); });
        };
        QCOMPARE(open("correct horse"), QByteArray());
        QCOMPARE(open("wrong horse"), QByteArray("issuer.passphrase"));
        QCOMPARE(open({}), QByteArray("issuer.passphrase"));
    }

    void brokenFiles()
    {
        const Workshop shop;
        const auto open = [&](const QString &key, const QString &certificate) {
            return faultOf([&] { (void)FileIssuer::open(key, certificate); });
        };
        const KeyAndCertificate other = createDeviceCa(QStringLiteral("Line 2"), {});
        writeFile(shop.path("other.key"), other.keyPem, Access::OwnerOnly);
        writeFile(shop.path("junk"), "junk");
        QCOMPARE(open(shop.path("other.key"), shop.path("ca.pem")), QByteArray("issuer.mismatch"));
        QCOMPARE(open(shop.path("junk"), shop.path("ca.pem")), QByteArray("issuer.key"));
        QCOMPARE(open(shop.path("none"), shop.path("ca.pem")), QByteArray("issuer.key"));
        QCOMPARE(open(shop.path("ca.key"), shop.path("junk")), QByteArray("issuer.certificate"));
        QCOMPARE(open(shop.path("ca.key"), shop.path("none")), QByteArray("issuer.certificate"));
        // A device's or station's certificate cannot issue.
        const StationKeys station = createStationKeys(QStringLiteral("Line 1"), {});
        writeFile(shop.path("station.key"), station.station.keyPem, Access::OwnerOnly);
        writeFile(shop.path("station.pem"), station.station.certificatePem);
        QCOMPARE(open(shop.path("station.key"), shop.path("station.pem")), QByteArray("issuer.certificate"));
    }

    void trainingSaysSo()
    {
        const KeyAndCertificate ca = createTrainingCa(QStringLiteral("Line 1"), {});
        const CertificateFacts facts = certificateFacts(certificateFromFile(ca.certificatePem));
        QCOMPARE(facts.subject.count(QLatin1String("TRAINING")), 2);
    }

    void crl()
    {
        const Workshop shop;
        const auto issuer = shop.issuer();
        const auto read = [](const QByteArray &der) {
            const unsigned char *p = reinterpret_cast<const unsigned char *>(der.constData());
            return std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)>(d2i_X509_CRL(nullptr, &p, der.size()),
                                                                       &X509_CRL_free);
        };
        const auto empty = read(issuer->crl({}, 1, 30));
        QVERIFY(empty);
        QCOMPARE(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(empty.get())), -1); // absent, not empty
        const QList<CrlEntry> entries{
            {QStringLiteral("0102030405"), QStringLiteral("2026-11-20T10:00:00.000Z"), QStringLiteral("keyCompromise")},
            {QStringLiteral("ff00"), QStringLiteral("2026-11-20T11:00:00.123Z"), QStringLiteral("unspecified")}};
        const auto list = read(issuer->crl(entries, 70'000, 30));
        QVERIFY(list);
        QCOMPARE(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list.get())), 2);
        const QByteArray caDer = issuer->chain().front();
        const unsigned char *p = reinterpret_cast<const unsigned char *>(caDer.constData());
        const std::unique_ptr<X509, decltype(&X509_free)> ca(d2i_X509(nullptr, &p, caDer.size()), &X509_free);
        QCOMPARE(X509_CRL_verify(list.get(), X509_get0_pubkey(ca.get())), 1);
        QCOMPARE(faultOf([&] {
                     (void)issuer->crl({{QStringLiteral("01"), QStringLiteral("2026-11-20T10:00:00.000Z"),
                                         QStringLiteral("boredom")}},
                                       1, 1);
                 }),
                 QByteArray("identity.reason"));
        QVERIFY(revocationReasons().contains(QStringLiteral("keyCompromise")));
    }
};

SLIPWAY_TEST_MAIN(TestIssuer)
#include "tst_issuer.moc"
