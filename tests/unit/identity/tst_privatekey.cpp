// Keys that are made or derived outside the device: their forms as openssl reads them, the derivation against openssl's
// own HKDF, and what is left of them in memory.

#include "core/base/fault.h"
#include "core/codec/espsecurecert.h"
#include "core/identity/check.h"
#include "core/identity/factorypartition.h"
#include "core/identity/privatekey.h"
#include "core/identity/trust.h"
#include "tests/support/memorysearch.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>

#include <openssl/bn.h>
#include <openssl/ec.h>

#include <memory>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/factory/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray openssl(const QStringList &arguments, const QByteArray &input = {})
{
    QProcess process;
    process.start(u"openssl"_s, arguments);
    process.write(input);
    process.closeWriteChannel();
    process.waitForFinished();
    return process.exitCode() == 0 ? process.readAllStandardOutput() : QByteArray();
}

QString codeOf(const std::function<void()> &work)
{
    try {
        work();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

} // namespace

class TestPrivateKey : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void forms()
    {
        const PrivateKey key = PrivateKey::generate();
        for (const auto &[der, form] :
             {std::pair(key.pkcs8().view().toByteArray(), u"DER"_s),
              std::pair(key.sec1().view().toByteArray(), u"DER"_s),
              std::pair(secretPem("PRIVATE KEY", key.pkcs8()).view().toByteArray(), u"PEM"_s)}) {
            QCOMPARE(openssl({u"pkey"_s, u"-inform"_s, form, u"-pubout"_s, u"-outform"_s, u"DER"_s}, der),
                     key.publicKeyDer());
        }
        QCOMPARE(
            openssl({u"pkey"_s, u"-inform"_s, u"DER"_s, u"-check"_s, u"-noout"_s}, key.pkcs8().view().toByteArray())
                .trimmed(),
            QByteArray("Key is valid"));
        QVERIFY(key.publicKeyDer() != PrivateKey::generate().publicKeyDer());
        const CertificateRequest request = key.request(u"T1-00000007"_s);
        QCOMPARE(request.publicKeyDer, key.publicKeyDer());
        QCOMPARE(request.serialNumber, u"T1-00000007"_s);
    }

    void opened()
    {
        const QTemporaryDir folder;
        const QString file = folder.filePath(u"k.pem"_s);
        openssl({u"genpkey"_s, u"-algorithm"_s, u"EC"_s, u"-pkeyopt"_s, u"ec_paramgen_curve:P-256"_s, u"-out"_s, file});
        QVERIFY(QFile::exists(file));
        QCOMPARE(PrivateKey::open(file).publicKeyDer(),
                 openssl({u"pkey"_s, u"-in"_s, file, u"-pubout"_s, u"-outform"_s, u"DER"_s}));
        // Another curve is said to be one.
        openssl({u"genpkey"_s, u"-algorithm"_s, u"EC"_s, u"-pkeyopt"_s, u"ec_paramgen_curve:P-384"_s, u"-out"_s, file});
        try {
            (void)PrivateKey::open(file);
            QFAIL("a P-384 key was taken");
        } catch (const Fault &fault) {
            QVERIFY2(fault.is("identity.private-key") && fault.sentence().contains(u"P-384"), fault.what());
        }
    }

    // openssl's HKDF gives c; the rest is arithmetic of FIPS 186-5 A.2.1.
    void derivation()
    {
        const QByteArray seed = QByteArray::fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        const PrivateKey key = PrivateKey::derive(SecretBytes::copyOf(seed), u"T1-00000007"_s);
        const QByteArray info = QByteArray("IDevID") + '\0' + "T1-00000007";
        const QByteArray text =
            openssl({u"kdf"_s, u"-keylen"_s, u"40"_s, u"-kdfopt"_s, u"digest:SHA256"_s, u"-kdfopt"_s,
                     u"hexkey:"_s + QString::fromLatin1(seed.toHex()), u"-kdfopt"_s, u"salt:slipway idevid p256 v1"_s,
                     u"-kdfopt"_s, u"hexinfo:"_s + QString::fromLatin1(info.toHex()), u"HKDF"_s});
        const QByteArray c = QByteArray::fromHex(QByteArray(text.trimmed()).replace(':', ""));
        QCOMPARE(c.size(), 40);
        BIGNUM *value = BN_bin2bn(reinterpret_cast<const unsigned char *>(c.constData()), int(c.size()), nullptr);
        BIGNUM *order = nullptr;
        BN_hex2bn(&order, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550"); // n - 1
        BN_CTX *context = BN_CTX_new();
        QCOMPARE(BN_nnmod(value, value, order, context), 1);
        BN_add_word(value, 1);
        QByteArray number(32, '\0');
        BN_bn2binpad(value, reinterpret_cast<unsigned char *>(number.data()), 32);
        BN_CTX_free(context);
        BN_free(order);
        BN_free(value);
        QCOMPARE(key.number().view().toByteArray(), number);
        QVERIFY(PrivateKey::derive(SecretBytes::copyOf(seed), u"T1-00000008"_s).publicKeyDer() != key.publicKeyDer());
        QCOMPARE(codeOf([&] { PrivateKey::derive(SecretBytes::copyOf(seed.first(31)), u"x"_s); }), u"identity.seed"_s);
        QCOMPARE(openssl({u"pkey"_s, u"-inform"_s, u"DER"_s, u"-pubout"_s, u"-outform"_s, u"DER"_s},
                         key.sec1().view().toByteArray()),
                 key.publicKeyDer());
    }

    // The vendor's partition from its own parts, and ours as openssl sees it.
    void partition()
    {
        const QByteArray bytes = data(u"esp_secure_cert-tlv.bin"_s);
        const EspSecureCert read = EspSecureCert::parse(bytes);
        const auto *entry = read.find(EspSecureCert::PrivateKey);
        const QTemporaryDir folder;
        QFile file(folder.filePath(u"k.pem"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(bytes.mid(entry->offset, entry->size - 1));
        file.close();
        const PrivateKey key = PrivateKey::open(file.fileName());
        const QList<QByteArray> chain{certificateFromFile(data(u"esp_secure_cert-device.crt"_s)),
                                      certificateFromFile(data(u"esp_secure_cert-ca.pem"_s))};
        QVERIFY(buildEspSecureCert(chain, key).view() == QByteArrayView(bytes));
        const SecretBytes filled = buildEspSecureCert(chain, key, 0x2000, true);
        QCOMPARE(filled.size(), 0x2000);
        QVERIFY(EspSecureCert::parse(filled).defects().isEmpty());
        QCOMPARE(whyNotTrusted(chain, {chain.last()}), QString());
        QVERIFY(!whyNotTrusted(chain, {chain.first().chopped(1)}).isEmpty());
        QVERIFY(!whyNotTrusted({chain.first()}, {}).isEmpty());
    }

    void secretBytes()
    {
        SecretBytes::locked();
        SecretBytes bytes = SecretBytes::copyOf("abc");
        bytes.append("def");
        QCOMPARE(bytes.view().toByteArray(), QByteArray("abcdef"));
        bytes.truncate(2);
        SecretBytes moved = std::move(bytes);
        QCOMPARE(moved.view().toByteArray(), QByteArray("ab"));
        QCOMPARE(secretBase64(SecretBytes::copyOf("Man")).view().toByteArray(), QByteArray("TWFu"));
        QCOMPARE(secretBase64(SecretBytes::copyOf("Ma")).view().toByteArray(), QByteArray("TWE="));
        QVERIFY(secretBase64({}).isEmpty());
    }

    // Copies that a driver makes, in use and given back, are gone afterwards; so is the key itself.
    void swept()
    {
        std::optional<MemorySearch> search;
        QByteArray frame, text, sealed;
        {
            const PrivateKey key = PrivateKey::generate();
            search.emplace(key.number());
            const SecretSweep sweep(key.number());
            frame = "frame" + key.pkcs8().view().toByteArray() + "end";
            text = key.pkcs8().view().toByteArray().toBase64();
            {
                const QByteArray given = key.number().view().toByteArray().repeated(3).toHex();
            }
            sealed = key.number().view().toByteArray();
            QVERIFY(search->found() > 0);
        }
        QCOMPARE(search->found(), 0);
        QVERIFY(frame.startsWith("frame") && frame.endsWith("end"));
    }

    // Making, signing and building leave nothing behind even without a sweep.
    void leavesNothing()
    {
        std::optional<MemorySearch> search;
        {
            const PrivateKey key = PrivateKey::generate();
            search.emplace(key.number());
            (void)key.request(u"T1-00000007"_s);
            (void)buildEspSecureCert({certificateFromFile(data(u"esp_secure_cert-device.crt"_s))}, key);
        }
        QCOMPARE(search->found(), 0);
    }
};

SLIPWAY_TEST_MAIN(TestPrivateKey)
#include "tst_privatekey.moc"
