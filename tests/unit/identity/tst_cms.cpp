// Detached CMS signatures: what holds, what does not, and why.

#include "core/identity/check.h"
#include "core/identity/cms.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

using namespace slipway;
using namespace slipway::test;

class TestCms : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        const StationKeys keys = createStationKeys(QStringLiteral("Line 1"), "secret");
        writeFile(m_shop.path("station.key"), keys.station.keyPem, Access::OwnerOnly);
        writeFile(m_shop.path("station.pem"), keys.station.certificatePem);
        m_ca = keys.ca.certificatePem;
        m_key = SigningKey::open(m_shop.path("station.key"), m_shop.path("station.pem"), "secret");
    }

    void signsAndVerifies_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("LF") << QByteArray("{\n \"a\": 1\n}\n");
        QTest::newRow("CRLF") << QByteArray("{\r\n}\r\n");
        QTest::newRow("no final line end") << QByteArray("{}");
        QTest::newRow("binary") << QByteArray("\0\r\n\xff", 4);
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("large") << QByteArray(3'000'000, '\n');
    }
    void signsAndVerifies()
    {
        QFETCH(QByteArray, content);
        const QByteArray cms = cmsSignDetached(*m_key, content);
        QVERIFY(cms.size() < 3000); // detached
        const CmsSigner signer = cmsVerifyDetached(content, cms, m_ca);
        QCOMPARE(signer.certificate, m_key->certificate());
        QVERIFY2(signer.subject.contains(QLatin1String("O = Line 1")), qPrintable(signer.subject));
        QCOMPARE(faultOf([&] { cmsVerifyDetached(content + "x", cms, m_ca); }), QByteArray("cms.content"));
        if (!content.isEmpty()) {
            QByteArray flipped = content;
            flipped[0] = char(flipped[0] ^ 1);
            QCOMPARE(faultOf([&] { cmsVerifyDetached(flipped, cms, m_ca); }), QByteArray("cms.content"));
        }
    }

    void otherAnchor()
    {
        const QByteArray cms = cmsSignDetached(*m_key, "x");
        QString sentence;
        const QByteArray other = createStationKeys(QStringLiteral("Line 2"), {}).ca.certificatePem;
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms, other); }, &sentence), QByteArray("cms.untrusted"));
        QVERIFY2(sentence.contains(QLatin1String("Line 1")), qPrintable(sentence));
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms, other + m_ca); }), QByteArray());
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms, "no anchors"); }), QByteArray("identity.certificate"));
    }

    // OpenSSL with purpose "any" takes a signer that may not sign; we do not.
    void signerWithoutDigitalSignature()
    {
        const auto ca = SigningKey::open(m_shop.path("ca.key"), m_shop.path("ca.pem"));
        const QByteArray cms = cmsSignDetached(*ca, "x");
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms, readFile(m_shop.path("ca.pem"), 65536, QString())); }),
                 QByteArray("cms.key-usage"));
    }

    void damaged()
    {
        const QByteArray cms = cmsSignDetached(*m_key, "x");
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", {}, m_ca); }), QByteArray("cms.damaged"));
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", "junk", m_ca); }), QByteArray("cms.damaged"));
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms.chopped(1), m_ca); }), QByteArray("cms.damaged"));
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", cms + "x", m_ca); }), QByteArray("cms.damaged"));
        for (qsizetype at = 0; at < cms.size(); at += 7) {
            QByteArray copy = cms;
            copy[at] = char(copy[at] ^ 0x10);
            // A flipped bit may hit what nobody signs, the certificate bag's order say; it must not crash.
            (void)faultOf([&] { cmsVerifyDetached("x", copy, m_ca); });
        }
        QByteArray signature = cms;
        signature[signature.size() - 3] = char(signature[signature.size() - 3] ^ 1);
        QCOMPARE(faultOf([&] { cmsVerifyDetached("x", signature, m_ca); }), QByteArray("cms.content"));
    }

    void signingKey()
    {
        const QByteArray signature = m_key->sign("message");
        QVERIFY(verifySignature(m_key->certificate(), "message", signature));
        QVERIFY(!verifySignature(m_key->certificate(), "massage", signature));
        QCOMPARE(m_key->chain().size(), 2);
        QCOMPARE(faultOf([&] { (void)SigningKey::open(m_shop.path("station.key"), m_shop.path("ca.pem"), "secret"); }),
                 QByteArray("issuer.mismatch"));
        QCOMPARE(
            faultOf([&] { (void)SigningKey::open(m_shop.path("station.key"), m_shop.path("station.pem"), "wrong"); }),
            QByteArray("issuer.passphrase"));
    }

private:
    Workshop m_shop;
    QByteArray m_ca;
    std::unique_ptr<SigningKey> m_key;
};

SLIPWAY_TEST_MAIN(TestCms)
#include "tst_cms.moc"
