// What the openssl program says of our certificates, requests, signatures and revocation lists.

#include "core/base/files.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"
#include "core/identity/cms.h"
#include "core/identity/fileissuer.h"
#include "tests/support/testmain.h"

#include <QProcess>
#include <QTemporaryDir>

using namespace slipway;

namespace {

const QString serial = QStringLiteral("T1-00000009");
const QString mudUrl = QStringLiteral("https://example.com/mud/m7.json");

} // namespace

class TestOpenssl : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        const KeyAndCertificate ca = createDeviceCa(QStringLiteral("Line 1"), "open sesame");
        writeFile(path("ca.key"), ca.keyPem, Access::OwnerOnly);
        writeFile(path("ca.pem"), ca.certificatePem);
        m_issuer = FileIssuer::open(path("ca.key"), path("ca.pem"), "open sesame");

        // The command of the manual: key and request by openssl.
        QVERIFY(run({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     path("d.key"), "-subj", "/serialNumber=" + serial, "-out", path("d.csr")}));
        IssueOrder order;
        order.request = CertificateRequest::parse(readFile(path("d.csr"), 65536, QString()));
        QCOMPARE(order.request.serialNumber, serial);
        order.profile = Profile::parse("slipway-profile: 1\nsubject: { O: Example }\nserial: \"T1-[0-9]{8}\"\n"
                                       "hardware-type: 1.3.6.1.4.1.32473.1.7\nmasa-url: masa.example\n"
                                       "mud-signer: CN=MUD Signer\n",
                                       QStringLiteral("t1.yaml"));
        order.serial = serial;
        order.mudUrl = mudUrl;
        m_certificate = m_issuer->issue(order, Task{}).der;
        writeFile(path("d.pem"), certificateToPem(m_certificate));
        writeFile(path("d.der"), m_certificate);
    }

    void chainVerifies()
    {
        QVERIFY2(run({"verify", "-CAfile", path("ca.pem"), path("d.pem")}), m_output.constData());
        QVERIFY2(m_output.trimmed().endsWith("OK"), m_output.constData());
        QVERIFY2(run({"verify", "-x509_strict", "-CAfile", path("ca.pem"), path("d.pem")}), m_output.constData());
        QVERIFY2(run({"verify", "-x509_strict", "-CAfile", path("ca.pem"), path("ca.pem")}), m_output.constData());
        // As the client that the device will be.
        QVERIFY2(run({"verify", "-purpose", "sslclient", "-CAfile", path("ca.pem"), path("d.pem")}),
                 m_output.constData());
        const KeyAndCertificate other = createDeviceCa(QStringLiteral("Line 1"), {});
        writeFile(path("other.pem"), other.certificatePem);
        QVERIFY(!run({"verify", "-CAfile", path("other.pem"), path("d.pem")}));
    }

    void keyFitsCertificate()
    {
        QVERIFY(run({"x509", "-in", path("d.pem"), "-noout", "-pubkey"}));
        const QByteArray inCertificate = m_output;
        QVERIFY(run({"pkey", "-in", path("d.key"), "-pubout"}));
        QCOMPARE(inCertificate, m_output);
        QVERIFY(run({"pkey", "-in", path("ca.key"), "-passin", "pass:open sesame", "-noout"}));
        QVERIFY(!run({"pkey", "-in", path("ca.key"), "-passin", "pass:wrong", "-noout"}));
    }

    void dates()
    {
        QVERIFY(run({"x509", "-in", path("d.pem"), "-noout", "-enddate", "-startdate"}));
        QVERIFY2(m_output.contains("notAfter=Dec 31 23:59:59 9999 GMT"), m_output.constData());
        QVERIFY(run({"asn1parse", "-inform", "DER", "-in", path("d.der")}));
        QVERIFY2(m_output.contains("GENERALIZEDTIME   :99991231235959Z"), m_output.constData());
        QCOMPARE(m_output.count("UTCTIME"), 1); // notBefore
    }

    void text()
    {
        QVERIFY(run({"x509", "-in", path("d.pem"), "-noout", "-text"}));
        for (const char *line : {"Version: 3 (0x2)", "Signature Algorithm: ecdsa-with-SHA256",
                                 "Subject: O = Example, serialNumber = T1-00000009", "ASN1 OID: prime256v1",
                                 "X509v3 Key Usage: critical\n                Digital Signature\n",
                                 "X509v3 Basic Constraints: critical\n                CA:FALSE",
                                 "X509v3 Authority Key Identifier", "X509v3 Subject Key Identifier"})
            QVERIFY2(m_output.contains(line), line);
        QVERIFY(!m_output.contains("Extended Key Usage"));
        QVERIFY(run({"x509", "-in", path("d.pem"), "-noout", "-ext", "subjectKeyIdentifier,authorityKeyIdentifier"}));
        QVERIFY(m_output.contains("X509v3 Subject Key Identifier"));
    }

    // The encodings of RFC 8520 section 11, RFC 8995 section 2.3.2 and RFC 4108 section 5, octet for octet: OID, no
    // critical flag, OCTET STRING with what is inside.
    void extensionOctets_data()
    {
        QTest::addColumn<QByteArray>("octets");
        QTest::newRow("MUD URL") << QByteArray(
            "06082b060105050701190421161f68747470733a2f2f6578616d706c652e636f6d2f6d75"
            "642f6d372e6a736f6e");
        QTest::newRow("MASA URL") << QByteArray("06082b06010505070120040e160c") + QByteArray("masa.example").toHex();
        QTest::newRow("mudsigner") << QByteArray("06082b0601050507011e04173015311330110603550403"
                                                 "0c0a4d5544205369676e6572");
        QTest::newRow("hardwareModuleName")
            << QByteArray("0603551d11042b3029a02706082b06010505070804a01b3019060a2b0601040181fd590107040b") +
                   serial.toLatin1().toHex();
        QTest::newRow("key usage") << QByteArray("0603551d0f0101ff040403020780");
        QTest::newRow("basic constraints") << QByteArray("0603551d130101ff04023000");
    }
    void extensionOctets()
    {
        QFETCH(QByteArray, octets);
        const QByteArray bytes = QByteArray::fromHex(octets);
        const qsizetype at = m_certificate.indexOf(bytes);
        QVERIFY2(at > 0, m_certificate.toHex());
        // Each stands in a SEQUENCE of just that length, and openssl's own walk finds it there.
        QCOMPARE(quint8(m_certificate[at - 2]), quint8(0x30));
        QCOMPARE(quint8(m_certificate[at - 1]), quint8(bytes.size()));
        QVERIFY(run({"asn1parse", "-inform", "DER", "-in", path("d.der"), "-strparse", QString::number(at - 2)}));
    }

    // openssl writes the same MUD URL extension that we write.
    void opensslWritesTheSame()
    {
        writeFile(path("ext.cnf"), "[req]\ndistinguished_name=d\n[d]\n[e]\n1.3.6.1.5.5.7.1.25=ASN1:IA5STRING:" +
                                       mudUrl.toLatin1() + "\n");
        QVERIFY2(run({"req", "-new", "-x509", "-key", path("d.key"), "-subj", "/CN=x", "-extensions", "e", "-config",
                      path("ext.cnf"), "-outform", "DER", "-out", path("x.der")}),
                 m_output.constData());
        const QByteArray extension = QByteArray::fromHex("302d06082b06010505070119");
        const QByteArray theirs = readFile(path("x.der"), 65536, QString());
        QVERIFY(theirs.contains(extension + QByteArray::fromHex("0421161f") + mudUrl.toLatin1()));
        QVERIFY(m_certificate.contains(extension + QByteArray::fromHex("0421161f") + mudUrl.toLatin1()));
    }

    void requestForms()
    {
        for (const QString &form : {QStringLiteral("PEM"), QStringLiteral("DER")}) {
            QVERIFY(run({"req", "-in", path("d.csr"), "-outform", form, "-out", path("again")}));
            QCOMPARE(CertificateRequest::parse(readFile(path("again"), 65536, QString())).serialNumber, serial);
        }
        // With attributes, other names beside the serial number, and by RSA.
        QVERIFY(run({"req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", path("r.key"), "-subj",
                     "/C=DE/O=Example/CN=x/serialNumber=A-1", "-addext", "subjectAltName=DNS:a.example", "-out",
                     path("r.csr")}));
        const CertificateRequest request = CertificateRequest::parse(readFile(path("r.csr"), 65536, QString()));
        QCOMPARE(request.serialNumber, QStringLiteral("A-1"));
        QCOMPARE(request.keyType, QStringLiteral("RSA-2048"));
    }

    void revocationList()
    {
        const QString number = certificateFacts(m_certificate).certificateSerial;
        writeFile(path("crl.der"),
                  m_issuer->crl({{number, QStringLiteral("2026-11-20T10:00:00.000Z"), QStringLiteral("keyCompromise")}},
                                300, 30));
        QVERIFY2(run({"crl", "-inform", "DER", "-in", path("crl.der"), "-CAfile", path("ca.pem"), "-noout", "-text"}),
                 m_output.constData());
        QVERIFY2(m_output.contains("verify OK") && m_output.contains("Key Compromise") &&
                     m_output.contains(number.toUpper().toLatin1()) && m_output.contains("X509v3 CRL Number"),
                 m_output.constData());
        QVERIFY(run({"crl", "-inform", "DER", "-in", path("crl.der"), "-out", path("crl.pem")}));
        QVERIFY(!run({"verify", "-crl_check", "-CAfile", path("ca.pem"), "-CRLfile", path("crl.pem"), path("d.pem")}));
        QVERIFY2(m_output.contains("certificate revoked"), m_output.constData());
        writeFile(path("crl.der"), m_issuer->crl({}, 301, 30));
        QVERIFY(run({"crl", "-inform", "DER", "-in", path("crl.der"), "-out", path("crl.pem")}));
        QVERIFY2(run({"verify", "-crl_check", "-x509_strict", "-CAfile", path("ca.pem"), "-CRLfile", path("crl.pem"),
                      path("d.pem")}),
                 m_output.constData());
    }

    void detachedSignature_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("LF") << QByteArray("{\n}\n");
        QTest::newRow("CRLF") << QByteArray("{\r\n}\r\n");
        QTest::newRow("no line end") << QByteArray("{}");
    }
    void detachedSignature()
    {
        QFETCH(QByteArray, content);
        const StationKeys keys = createStationKeys(QStringLiteral("Line 1"), {});
        writeFile(path("station.key"), keys.station.keyPem, Access::OwnerOnly);
        writeFile(path("station.pem"), keys.station.certificatePem);
        writeFile(path("station-ca.pem"), keys.ca.certificatePem);
        const auto key = SigningKey::open(path("station.key"), path("station.pem"));
        writeFile(path("p.json"), content);
        writeFile(path("p.json.p7s"), cmsSignDetached(*key, content));
        const QStringList verify{"cms",
                                 "-verify",
                                 "-binary",
                                 "-inform",
                                 "DER",
                                 "-in",
                                 path("p.json.p7s"),
                                 "-content",
                                 path("p.json"),
                                 "-CAfile",
                                 path("station-ca.pem"),
                                 "-out",
                                 path("out")};
        QVERIFY2(run(verify + QStringList{"-purpose", "any"}), m_output.constData());
        QCOMPARE(readFile(path("out"), 65536, QString()), content);
        QVERIFY2(run(verify), m_output.constData()); // also as the S/MIME signer that openssl takes it for
        QVERIFY2(run({"verify", "-x509_strict", "-CAfile", path("station-ca.pem"), path("station.pem")}),
                 m_output.constData());
        writeFile(path("p.json"), content + " ");
        QVERIFY(!run(verify + QStringList{"-purpose", "any"}));

        // And the other way round: what openssl signs, we verify.
        QVERIFY2(run({"cms", "-sign", "-binary", "-in", path("p.json"), "-signer", path("station.pem"), "-inkey",
                      path("station.key"), "-outform", "DER", "-out", path("theirs.p7s")}),
                 m_output.constData());
        const CmsSigner signer =
            cmsVerifyDetached(content + " ", readFile(path("theirs.p7s"), 65536, QString()), keys.ca.certificatePem);
        QCOMPARE(signer.certificate, key->certificate());
    }

    void challengeSignature()
    {
        const QByteArray challenge = newChallenge();
        writeFile(path("challenge"), challenge);
        QVERIFY(run({"dgst", "-sha256", "-sign", path("d.key"), "-out", path("signature"), path("challenge")}));
        QVERIFY(verifySignature(m_certificate, challenge, readFile(path("signature"), 65536, QString())));
        QVERIFY(!verifySignature(m_certificate, newChallenge(), readFile(path("signature"), 65536, QString())));
    }

private:
    QString path(const char *name) const { return m_folder.filePath(QString::fromLatin1(name)); }

    // Both channels of its output are kept for messages.
    bool run(const QStringList &words)
    {
        QProcess openssl;
        openssl.setProcessChannelMode(QProcess::MergedChannels);
        openssl.start(QStringLiteral("openssl"), words);
        if (!openssl.waitForFinished(30'000))
            return false;
        m_output = openssl.readAll();
        return openssl.exitStatus() == QProcess::NormalExit && openssl.exitCode() == 0;
    }

    QTemporaryDir m_folder;
    std::unique_ptr<FileIssuer> m_issuer;
    QByteArray m_certificate;
    QByteArray m_output;
};

SLIPWAY_TEST_MAIN(TestOpenssl)
#include "tst_openssl.moc"
