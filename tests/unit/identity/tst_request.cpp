// Certificate requests made by OpenSSL: taken when they are sound, refused with the reason when they are not.

#include "core/identity/der.h"
#include "core/identity/issuer.h"
#include "core/identity/signingkey.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QCryptographicHash>
#include <QRandomGenerator>

#include <openssl/ec.h>
#include <openssl/pem.h>

using namespace slipway;
using namespace slipway::test;

namespace {

QByteArray pem(const QByteArray &der, const char *label = "CERTIFICATE REQUEST")
{
    return QByteArray("-----BEGIN ") + label + "-----\n" + der.toBase64() + "\n-----END " + label + "-----\n";
}

} // namespace

class TestRequest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void takesDerAndPem()
    {
        const KeyPtr key = newTestKey();
        const QByteArray der = makeRequest(key.get(), QStringLiteral("T1-00000009"));
        for (const QByteArray &form :
             {der, pem(der), "text before\n" + pem(der, "NEW CERTIFICATE REQUEST") + "after"}) {
            const CertificateRequest request = CertificateRequest::parse(form);
            QCOMPARE(request.der, der);
            QCOMPARE(request.serialNumber, QStringLiteral("T1-00000009"));
            QCOMPARE(request.keyType, QStringLiteral("P-256"));
            QCOMPARE(request.publicKeySha256,
                     QCryptographicHash::hash(request.publicKeyDer, QCryptographicHash::Sha256));
        }
        unsigned char *spki = nullptr;
        const int length = i2d_PUBKEY(key.get(), &spki);
        QCOMPARE(CertificateRequest::parse(der).publicKeyDer, QByteArray(reinterpret_cast<char *>(spki), length));
        OPENSSL_free(spki);
    }

    void otherKeys()
    {
        const KeyPtr p384 = newTestKey("P-384");
        const KeyPtr rsa(EVP_RSA_gen(2048), &EVP_PKEY_free);
        const KeyPtr ed(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
        const QString sn = QStringLiteral("A");
        QCOMPARE(CertificateRequest::parse(makeRequest(p384.get(), sn, nullptr, EVP_sha384())).keyType,
                 QStringLiteral("P-384"));
        QCOMPARE(CertificateRequest::parse(makeRequest(rsa.get(), sn)).keyType, QStringLiteral("RSA-2048"));
        QCOMPARE(CertificateRequest::parse(makeRequest(ed.get(), sn, nullptr, nullptr)).keyType,
                 QStringLiteral("Ed25519"));
        const KeyPtr k1(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "secp256k1"), &EVP_PKEY_free);
        QCOMPARE(faultOf([&] { CertificateRequest::parse(makeRequest(k1.get(), sn)); }), QByteArray("identity.csr"));
        // SHA-512 with P-256 is unusual but sound; SHA-1 is not taken.
        QCOMPARE(
            faultOf([&] { CertificateRequest::parse(makeRequest(newTestKey().get(), sn, nullptr, EVP_sha512())); }),
            QByteArray());
        QCOMPARE(faultOf([&] { CertificateRequest::parse(makeRequest(newTestKey().get(), sn, nullptr, EVP_sha1())); }),
                 QByteArray("identity.csr-signature"));
    }

    // A compressed point would be a second name for the same key.
    void compressedPoint()
    {
        const KeyPtr key = newTestKey();
        EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed");
        QString sentence;
        QCOMPARE(faultOf([&] { CertificateRequest::parse(makeRequest(key.get(), QStringLiteral("A"))); }, &sentence),
                 QByteArray("identity.csr"));
        QVERIFY2(sentence.contains(QLatin1String("uncompressed")), qPrintable(sentence));
    }

    // With the exponent 1 the padded digest is its own signature: no private key is needed.
    void rsaWithoutSecret()
    {
        for (const int exponent : {1, 2, 3}) {
            const QByteArray modulus = '\xc1' + QByteArray(254, '\x5a') + '\x01';
            const QByteArray spki = der::tlv(
                der::Sequence,
                {der::tlv(der::Sequence,
                          {der::tlv(der::Oid, QByteArray::fromHex("2a864886f70d010101")), QByteArray("\x05\x00", 2)}),
                 der::tlv(der::BitString,
                          QByteArray(1, '\0') +
                              der::tlv(der::Sequence, {der::unsignedInteger(modulus),
                                                       der::unsignedInteger(QByteArray(1, char(exponent)))}))});
            const QByteArray info =
                der::tlv(der::Sequence, {der::unsignedInteger(QByteArray(1, '\0')),
                                         der::tlv(der::Sequence, QByteArray()), spki, QByteArray("\xa0\x00", 2)});
            const QByteArray digest = QByteArray::fromHex("3031300d060960864801650304020105000420") +
                                      QCryptographicHash::hash(info, QCryptographicHash::Sha256);
            const QByteArray padded =
                QByteArray("\0\1", 2) + QByteArray(256 - 3 - digest.size(), '\xff') + '\0' + digest;
            const QByteArray request = der::tlv(
                der::Sequence, {info,
                                der::tlv(der::Sequence, {der::tlv(der::Oid, QByteArray::fromHex("2a864886f70d01010b")),
                                                         QByteArray("\x05\x00", 2)}),
                                der::tlv(der::BitString, '\0' + padded)});
            QCOMPARE(faultOf([&] { CertificateRequest::parse(request); }),
                     QByteArray(exponent == 3 ? "identity.csr-signature" : "identity.csr"));
        }
    }

    void signedBySomebodyElse()
    {
        const KeyPtr key = newTestKey();
        const KeyPtr other = newTestKey();
        QCOMPARE(faultOf([&] { CertificateRequest::parse(makeRequest(key.get(), QStringLiteral("A"), other.get())); }),
                 QByteArray("identity.csr-signature"));
    }

    void everyFlippedBitIsTold()
    {
        const QByteArray der = makeRequest(newTestKey().get(), QStringLiteral("T1-00000009"));
        for (qsizetype at = 0; at < der.size(); ++at) {
            QByteArray copy = der;
            copy[at] = char(copy[at] ^ (1 << (at % 8)));
            const QByteArray code = faultOf([&] { CertificateRequest::parse(copy); });
            QVERIFY2(code == "identity.csr" || code == "identity.csr-signature", qPrintable(QString::number(at)));
        }
    }

    void withoutSerial()
    {
        QCOMPARE(CertificateRequest::parse(makeRequest(newTestKey().get(), QString())).serialNumber, QString());
    }

    void garbage_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        const QByteArray der = makeRequest(newTestKey().get(), QStringLiteral("A"));
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("text") << QByteArray("hello");
        QTest::newRow("half") << der.left(der.size() / 2);
        QTest::newRow("more behind") << der + "x";
        QTest::newRow("PEM without end") << pem(der).left(200);
        QTest::newRow("PEM with dirt") << pem("x" + der).replace("MI", "M*");
        QTest::newRow("certificate") << pem(der, "CERTIFICATE");
        QTest::newRow("huge") << QByteArray(17 * 1024, '0');
        QTest::newRow("huge length") << QByteArray::fromHex("3083ffffff00");
        QTest::newRow("four length octets") << QByteArray::fromHex("308400000001ff");
        QTest::newRow("indefinite") << QByteArray::fromHex("30800000");
        QTest::newRow("nested") << QByteArray(8000, '\x30');
    }
    void garbage()
    {
        QFETCH(QByteArray, bytes);
        QCOMPARE(faultOf([&] { CertificateRequest::parse(bytes); }), QByteArray("identity.csr"));
    }

    void randomDamage()
    {
        QRandomGenerator random(15);
        const QByteArray der = makeRequest(newTestKey().get(), QStringLiteral("T1-00000009"));
        for (int i = 0; i < 5000; ++i) {
            QByteArray copy = der.left(random.bounded(1, int(der.size()) + 1));
            for (int k = random.bounded(4); k >= 0; --k)
                copy[random.bounded(int(copy.size()))] = char(random.bounded(256));
            if (copy != der)
                QVERIFY(!faultOf([&] { CertificateRequest::parse(copy); }).isEmpty());
        }
    }

    void verifySignatureOfChallenges()
    {
        const KeyPtr key = newTestKey();
        const QByteArray spki = CertificateRequest::parse(makeRequest(key.get(), QStringLiteral("A"))).publicKeyDer;
        const QByteArray challenge = newChallenge();
        QCOMPARE(challenge.size(), 32);
        QVERIFY(challenge != newChallenge());
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        QByteArray signature(80, '\0');
        size_t length = 80;
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &length,
                       reinterpret_cast<const unsigned char *>(challenge.constData()), 32);
        signature.truncate(qsizetype(length));
        QVERIFY(verifySignature(spki, challenge, signature));
        QVERIFY(!verifySignature(spki, newChallenge(), signature));
        QVERIFY(!verifySignature(spki, challenge, signature.chopped(1)));
        QVERIFY(!verifySignature(spki, challenge, {}));
        QVERIFY(!verifySignature("nonsense", challenge, signature));
    }
};

SLIPWAY_TEST_MAIN(TestRequest)
#include "tst_request.moc"
