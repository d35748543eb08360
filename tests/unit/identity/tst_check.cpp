// The judge of certificates: OpenSSL makes certificates that are wrong in one thing each; exactly that field must not
// hold, and all others must.

#include "core/identity/check.h"
#include "core/identity/signingkey.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QRandomGenerator>
#include <QSet>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

using namespace slipway;
using namespace slipway::test;

namespace {

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

// One certificate as the sample profile wants it, but for what the test changes.
struct Draft {
    long version = 2;
    const char *serialNumber = "T1-00000009";
    int serialNumberType = MBSTRING_ASC;
    bool secondSerialNumber = false;
    const char *organisation = "Example";
    const char *notBefore = "20260101000000Z";
    const char *notAfter = "99991231235959Z";
    QList<std::pair<QByteArray, QByteArray>> extensions{
        // name or OID, value as openssl's configuration has it
        {"authorityKeyIdentifier", "keyid"},
        {"subjectKeyIdentifier", "hash"},
        {"keyUsage", "critical,digitalSignature"},
        {"basicConstraints", "critical,CA:FALSE"},
        {"subjectAltName", "otherName:1.3.6.1.5.5.7.8.4;SEQUENCE:hm"},
        {"1.3.6.1.5.5.7.1.25", "ASN1:IA5STRING:https://mud.example/t1/1.4.json"},
        {"1.3.6.1.5.5.7.1.32", "ASN1:IA5STRING:masa.example"}};
    const char *hwType = "1.3.6.1.4.1.32473.1.7";
    const char *hwSerial = "T1-00000009";
    const EVP_MD *md = EVP_sha256();

    void set(const QByteArray &name, const QByteArray &value)
    {
        for (auto &[known, old] : extensions) {
            if (known == name) {
                old = value;
                return;
            }
        }
        extensions.append({name, value});
    }
    void drop(const QByteArray &name)
    {
        extensions.removeIf([&](const auto &extension) { return extension.first == name; });
    }
};

class Press
{
public:
    Press() : key(newTestKey())
    {
        ca = read(readFile(shop.path("ca.pem"), 65536, QString()));
        const QByteArray pem = readFile(shop.path("ca.key"), 65536, QString());
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(pem.constData(), int(pem.size())),
                                                                &BIO_free_all);
        caKey.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    }

    static CertificatePtr read(const QByteArray &pem)
    {
        const QByteArray der = certificateFromFile(pem);
        const unsigned char *p = reinterpret_cast<const unsigned char *>(der.constData());
        return CertificatePtr(d2i_X509(nullptr, &p, der.size()), &X509_free);
    }

    QByteArray make(const Draft &draft, EVP_PKEY *subjectKey = nullptr, EVP_PKEY *issuerKey = nullptr) const
    {
        const CertificatePtr certificate(X509_new(), &X509_free);
        X509 *x = certificate.get();
        X509_set_version(x, draft.version);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
        ASN1_TIME_set_string(X509_getm_notBefore(x), draft.notBefore);
        ASN1_TIME_set_string_X509(X509_getm_notBefore(x), draft.notBefore);
        ASN1_TIME_set_string_X509(X509_getm_notAfter(x), draft.notAfter);
        X509_NAME *name = X509_get_subject_name(x);
        const auto add = [&](const char *type, int form, const char *value) {
            X509_NAME_add_entry_by_txt(name, type, form, reinterpret_cast<const unsigned char *>(value), -1, -1, 0);
        };
        if (draft.organisation)
            add("O", MBSTRING_UTF8, draft.organisation);
        if (draft.serialNumber)
            add("serialNumber", draft.serialNumberType, draft.serialNumber);
        if (draft.secondSerialNumber)
            add("serialNumber", MBSTRING_ASC, "T1-00000010");
        X509_set_issuer_name(x, X509_get_subject_name(ca.get()));
        X509_set_pubkey(x, subjectKey ? subjectKey : key.get());

        CONF *conf = NCONF_new(nullptr);
        const QByteArray text =
            QByteArray("[hm]\ntype=OID:") + draft.hwType + "\nserial=FORMAT:ASCII,OCTETSTRING:" + draft.hwSerial + "\n";
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(text.constData(), int(text.size())),
                                                                &BIO_free_all);
        long line = 0;
        NCONF_load_bio(conf, bio.get(), &line);
        X509V3_CTX context;
        X509V3_set_ctx(&context, ca.get(), x, nullptr, nullptr, 0);
        X509V3_set_nconf(&context, conf);
        for (const auto &[extension, value] : draft.extensions) {
            X509_EXTENSION *made = X509V3_EXT_nconf(conf, &context, extension.constData(), value.constData());
            if (!made)
                qFatal("cannot make extension %s", extension.constData());
            X509_add_ext(x, made, -1);
            X509_EXTENSION_free(made);
        }
        NCONF_free(conf);
        X509_sign(x, issuerKey ? issuerKey : caKey.get(), draft.md);
        unsigned char *der = nullptr;
        const int length = i2d_X509(x, &der);
        const QByteArray bytes(reinterpret_cast<const char *>(der), length);
        OPENSSL_free(der);
        return bytes;
    }

    QList<QByteArray> chain() const { return {certificateFromFile(readFile(shop.path("ca.pem"), 65536, QString()))}; }

    Workshop shop;
    KeyPtr key;
    KeyPtr caKey{nullptr, &EVP_PKEY_free};
    CertificatePtr ca{nullptr, &X509_free};
};

QStringList failing(const QList<CertificateFinding> &findings)
{
    QStringList fields;
    for (const CertificateFinding &finding : findings) {
        if (!finding.ok)
            fields << finding.field;
    }
    return fields;
}

using Change = std::function<void(Draft &)>;

} // namespace

Q_DECLARE_METATYPE(Change)

class TestCheck : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void goodOne()
    {
        const auto findings = checkCertificate(m_press.make({}), t1Profile(), m_press.chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        QSet<QString> fields;
        for (const CertificateFinding &finding : findings) {
            QVERIFY(!fields.contains(finding.field));
            fields.insert(finding.field);
            QVERIFY2(!finding.clause.isEmpty() && !finding.expected.isEmpty() && !finding.found.isEmpty(),
                     qPrintable(finding.field));
            QVERIFY(finding.sentence.isEmpty());
        }
    }

    void oneThingWrong_data()
    {
        QTest::addColumn<Change>("change");
        QTest::addColumn<QString>("field");
        const auto row = [](const char *name, const char *field, Change change) {
            QTest::newRow(name) << std::move(change) << QString::fromLatin1(field);
        };
        row("no serialNumber", "serial-number hardware-module-name", [](Draft &d) { d.serialNumber = nullptr; });
        row("other form", "serial-number", [](Draft &d) { d.serialNumber = d.hwSerial = "X1-00000009"; });
        row("two serialNumbers", "serial-number hardware-module-name", [](Draft &d) { d.secondSerialNumber = true; });
        row("UTF8String serialNumber", "serial-number", [](Draft &d) { d.serialNumberType = V_ASN1_UTF8STRING; });
        row("other organisation", "subject", [](Draft &d) { d.organisation = "Exempel"; });
        row("no organisation", "subject", [](Draft &d) { d.organisation = nullptr; });
        row("not yet valid", "chain not-before", [](Draft &d) { d.notBefore = "20990101000000Z"; });
        row("expires", "not-after", [](Draft &d) { d.notAfter = "20460101000000Z"; });
        row("no AKI", "authority-key-identifier", [](Draft &d) { d.drop("authorityKeyIdentifier"); });
        row("critical AKI", "authority-key-identifier",
            [](Draft &d) { d.set("authorityKeyIdentifier", "critical,keyid"); });
        row("no SKI", "subject-key-identifier", [](Draft &d) { d.drop("subjectKeyIdentifier"); });
        row("other SKI", "subject-key-identifier", [](Draft &d) { d.set("subjectKeyIdentifier", "0102"); });
        row("no key usage", "key-usage", [](Draft &d) { d.drop("keyUsage"); });
        row("key usage not critical", "key-usage", [](Draft &d) { d.set("keyUsage", "digitalSignature"); });
        row("too much key usage", "key-usage",
            [](Draft &d) { d.set("keyUsage", "critical,digitalSignature,keyAgreement"); });
        row("extended key usage", "extended-key-usage", [](Draft &d) { d.set("extendedKeyUsage", "clientAuth"); });
        row("no constraints", "basic-constraints", [](Draft &d) { d.drop("basicConstraints"); });
        row("is a CA", "basic-constraints", [](Draft &d) { d.set("basicConstraints", "critical,CA:TRUE"); });
        row("no SAN", "hardware-module-name", [](Draft &d) { d.drop("subjectAltName"); });
        row("DNS name only", "hardware-module-name", [](Draft &d) { d.set("subjectAltName", "DNS:t1.example"); });
        row("other hardware", "hardware-module-name", [](Draft &d) { d.hwType = "1.3.6.1.4.1.32473.1.8"; });
        row("other hardware serial", "hardware-module-name", [](Draft &d) { d.hwSerial = "T1-00000010"; });
        row("no MUD URL", "mud-url", [](Draft &d) { d.drop("1.3.6.1.5.5.7.1.25"); });
        row("critical MUD URL", "mud-url extensions",
            [](Draft &d) { d.set("1.3.6.1.5.5.7.1.25", "critical,ASN1:IA5STRING:https://mud.example/t1/1.4.json"); });
        row("MUD URL of another product", "mud-url",
            [](Draft &d) { d.set("1.3.6.1.5.5.7.1.25", "ASN1:IA5STRING:https://mud.example/t2/1.4.json"); });
        row("MUD URL by http", "mud-url",
            [](Draft &d) { d.set("1.3.6.1.5.5.7.1.25", "ASN1:IA5STRING:http://mud.example/t1/1.4.json"); });
        row("MUD URL as UTF8String", "mud-url",
            [](Draft &d) { d.set("1.3.6.1.5.5.7.1.25", "ASN1:UTF8:https://mud.example/t1/1.4.json"); });
        row("no MASA URL", "masa-url", [](Draft &d) { d.drop("1.3.6.1.5.5.7.1.32"); });
        row("other MASA URL", "masa-url", [](Draft &d) { d.set("1.3.6.1.5.5.7.1.32", "ASN1:IA5STRING:masa.test"); });
        row("a MUD signer", "mud-signer",
            [](Draft &d) { d.set("1.3.6.1.5.5.7.1.30", "DER:30153113301106035504030c0a4d5544205369676e6572"); });
        row("damaged MASA URL", "masa-url", [](Draft &d) { d.set("1.3.6.1.5.5.7.1.32", "DER:16ff41"); });
        row("unknown critical", "chain extensions", [](Draft &d) { d.set("1.2.3.4", "critical,ASN1:NULL"); });
        row("SHA-1", "signature-algorithm signature", [](Draft &d) { d.md = EVP_sha1(); });
    }
    void oneThingWrong()
    {
        QFETCH(Change, change);
        QFETCH(QString, field);
        Draft draft;
        change(draft);
        const auto findings = checkCertificate(m_press.make(draft), t1Profile(), m_press.chain());
        QStringList wrong = failing(findings);
        // OpenSSL's path validation has an opinion of its own about unknown critical extensions.
        if (wrong.contains(QStringLiteral("chain")) && !field.contains(QLatin1String("chain")))
            wrong.removeAll(QStringLiteral("chain"));
        wrong.sort();
        QStringList expected = field.split(u' ');
        expected.sort();
        if (field == u"mud-url extensions" && wrong == QStringList{QStringLiteral("mud-url")})
            expected = wrong; // critical, but known
        QCOMPARE(wrong, expected);
        QVERIFY(!whatDoesNotHold(findings).isEmpty());
    }

    // The issuing key bounds the algorithm, not its digest: an issuer elsewhere may take a longer one.
    void aStrongerDigestHolds()
    {
        Draft draft;
        draft.md = EVP_sha384();
        const auto findings = checkCertificate(m_press.make(draft), t1Profile(), m_press.chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
    }

    void otherIssuer()
    {
        const QByteArray der = m_press.make({}, nullptr, m_press.key.get()); // not the CA's key
        QCOMPARE(failing(checkCertificate(der, t1Profile(), m_press.chain())),
                 (QStringList{QStringLiteral("signature"), QStringLiteral("chain")}));
        const Workshop other;
        const QList<QByteArray> otherChain{certificateFromFile(readFile(other.path("ca.pem"), 65536, QString()))};
        const QStringList wrong = failing(checkCertificate(m_press.make({}), t1Profile(), otherChain));
        QVERIFY(wrong.contains(QStringLiteral("issuer")) && wrong.contains(QStringLiteral("signature")) &&
                wrong.contains(QStringLiteral("authority-key-identifier")));
        QVERIFY(failing(checkCertificate(m_press.make({}), t1Profile(), {})).contains(QStringLiteral("issuer")));
    }

    void otherKeyType()
    {
        const KeyPtr p384 = newTestKey("P-384");
        QCOMPARE(failing(checkCertificate(m_press.make({}, p384.get()), t1Profile(), m_press.chain())),
                 QStringList{QStringLiteral("key")});
    }

    void expectations()
    {
        const QByteArray der = m_press.make({});
        CertificateExpectations expected;
        expected.serial = QStringLiteral("T1-00000010");
        expected.mudUrl = QStringLiteral("https://mud.example/t1/1.5.json");
        expected.publicKey = CertificateRequest::parse(makeRequest(newTestKey().get(), QString())).publicKeyDer;
        QCOMPARE(
            failing(checkCertificate(der, t1Profile(), m_press.chain(), expected)),
            (QStringList{QStringLiteral("serial-number"), QStringLiteral("public-key"), QStringLiteral("mud-url")}));
    }

    void profileDecides()
    {
        Draft draft;
        draft.drop("keyUsage");
        draft.set("1.3.6.1.5.5.7.1.30", "DER:30153113301106035504030c0a4d5544205369676e6572");
        Profile profile = t1Profile();
        profile.keyUsage = false;
        profile.mudSigner = QStringLiteral("CN=MUD Signer");
        const auto findings = checkCertificate(m_press.make(draft), profile, m_press.chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        profile.maximumDerBytes = 300;
        QCOMPARE(failing(checkCertificate(m_press.make(draft), profile, m_press.chain())),
                 QStringList{QStringLiteral("size")});
    }

    void flippedBits()
    {
        const QByteArray der = m_press.make({});
        const Profile profile = t1Profile();
        const auto chain = m_press.chain();
        for (qsizetype at = 0; at < der.size(); ++at) {
            QByteArray copy = der;
            copy[at] = char(copy[at] ^ (1 << (at % 8)));
            try {
                QVERIFY2(!allHold(checkCertificate(copy, profile, chain)), qPrintable(QString::number(at)));
            } catch (const Fault &fault) {
                QVERIFY(fault.is("identity.certificate"));
            }
        }
    }

    void notACertificate()
    {
        for (const QByteArray &bytes : {QByteArray("0"), QByteArray("junk"), QByteArray(5000, '\x30')}) {
            QCOMPARE(faultOf([&] { (void)checkCertificate(bytes, t1Profile(), m_press.chain()); }),
                     QByteArray("identity.certificate"));
            QCOMPARE(faultOf([&] { (void)certificateFacts(bytes); }), QByteArray("identity.certificate"));
        }
        QCOMPARE(faultOf([&] { (void)certificateFromFile({}); }), QByteArray("identity.certificate"));
        QCOMPARE(faultOf([&] { (void)certificateFromFile("hello"); }), QByteArray("identity.certificate"));
        QCOMPARE(faultOf([&] { (void)certificateFromFile(QByteArray(70'000, 'x')); }),
                 QByteArray("identity.certificate"));
        const QByteArray der = m_press.make({});
        QCOMPARE(certificateFromFile(certificateToPem(der)), der);
        QCOMPARE(certificatesFromPem("x\n" + certificateToPem(der) + certificateToPem(der)).size(), 2);
    }

private:
    Press m_press;
};

SLIPWAY_TEST_MAIN(TestCheck)
#include "tst_check.moc"
