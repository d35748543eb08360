// MCUboot images: imgtool's own files, and every kind of damage done to them.

#include "core/base/fault.h"
#include "core/firmware/mcubootimage.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QFile>
#include <QRandomGenerator>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <functional>
#include <memory>

using namespace slipway;

namespace {

QByteArray data(const char *name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/mcuboot/") + QLatin1String(name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// The code of the fault that the function throws, "" when it throws none.
QByteArray faultOf(const std::function<void()> &function, QString *sentence = nullptr)
{
    try {
        function();
    } catch (const Fault &fault) {
        if (sentence)
            *sentence = fault.sentence();
        return fault.code();
    }
    return {};
}

QByteArray le(quint64 value, int bytes)
{
    QByteArray out;
    for (int i = 0; i < bytes; ++i)
        out += char(value >> (8 * i) & 0xff);
    return out;
}

using Tlv = std::pair<quint16, QByteArray>;

QByteArray area(quint16 magic, const QList<Tlv> &tlvs)
{
    QByteArray body;
    for (const auto &[type, value] : tlvs)
        body += le(type, 2) + le(quint64(value.size()), 2) + value;
    return le(magic, 2) + le(quint64(body.size()) + 4, 2) + body;
}

struct Recipe {
    quint32 flags = 0;
    quint16 hashType = 0x10;
    QList<Tlv> protectedTlvs;
};

// Header and content up to where the unprotected TLVs begin.
QByteArray signedPart(const Recipe &recipe, const QByteArray &payload = QByteArray(300, 'p'))
{
    const QByteArray protectedArea = recipe.protectedTlvs.isEmpty() ? QByteArray() : area(0x6908, recipe.protectedTlvs);
    return le(0x96f3b83d, 4) + le(0, 4) + le(32, 2) + le(quint64(protectedArea.size()), 2) +
           le(quint64(payload.size()), 4) + le(recipe.flags, 4) + QByteArray("\x03\x01", 2) + le(515, 2) +
           le(70000, 4) + le(0, 4) + payload + protectedArea;
}

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

QByteArray publicPem(EVP_PKEY *key)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    PEM_write_bio_PUBKEY(bio.get(), key);
    char *text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    return QByteArray(text, length);
}

QByteArray publicDer(EVP_PKEY *key)
{
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    const QByteArray bytes(reinterpret_cast<const char *>(der), length);
    OPENSSL_free(der);
    return bytes;
}

QByteArray signature(EVP_PKEY *key, const EVP_MD *md, const QByteArray &message)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    QByteArray out(600, '\0');
    size_t length = size_t(out.size());
    EVP_DigestSignInit(context.get(), nullptr, md, nullptr, key);
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(out.data()), &length,
                   reinterpret_cast<const unsigned char *>(message.constData()), size_t(message.size()));
    return out.left(qsizetype(length));
}

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

} // namespace

class TestMcuboot : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsTheRelease()
    {
        const McubootImage image = McubootImage::parse(data("t1-1.4.2-p256.bin"));
        QCOMPARE(image.version().toString(), QStringLiteral("1.4.2+7"));
        QCOMPARE(image.headerSize(), 0x200);
        QCOMPARE(image.payloadSize(), 0x10000);
        QCOMPARE(image.protectedTlvSize(), 12);
        QCOMPARE(image.imageSize(), 66211);
        QCOMPARE(image.trailingBytes(), 0);
        QCOMPARE(image.hashName(), QStringLiteral("SHA-256"));
        QVERIFY(image.hashHolds());
        QCOMPARE(image.hash().toHex().left(16), QByteArray("bacac3d1989d0327"));
        QCOMPARE(image.signatureNames(), QStringList{QStringLiteral("ECDSA")});
        QCOMPARE(image.keyHash()->toHex().left(16), QByteArray("2c3b1324453a9abb"));
        QCOMPARE(image.securityCounter(), std::optional<quint32>(5));
        QVERIFY(image.dependencies().isEmpty());
        QCOMPARE(image.tlvs().size(), 4);
        const QJsonObject json = image.toJson();
        QCOMPARE(json.value(QStringLiteral("version")).toString(), QStringLiteral("1.4.2+7"));
        QCOMPARE(json.value(QStringLiteral("security-counter")).toInt(), 5);
        QVERIFY(json.value(QStringLiteral("hash-holds")).toBool());
    }

    void verifies_data()
    {
        QTest::addColumn<QByteArray>("file");
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("code");
        const auto row = [](const char *file, const char *key, const char *code) {
            QTest::newRow(qPrintable(QStringLiteral("%1 by %2").arg(QLatin1String(file), QLatin1String(key))))
                << QByteArray(file) << QByteArray(key) << QByteArray(code);
        };
        row("t1-1.4.2-p256.bin", "p256.pub.pem", "");
        row("t1-1.4.1-p256-older.bin", "p256.pub.pem", "");
        row("t1-2.0.0-depends.bin", "p256.pub.pem", "");
        row("t1-1.4.2-ed25519.bin", "ed25519.pub.pem", "");
        row("t1-1.4.2-rsa2048.bin", "rsa2048.pub.pem", "");
        row("t1-1.4.2-other-key.bin", "other-p256.pub.pem", "");
        row("t1-1.4.2-other-key.bin", "p256.pub.pem", "firmware.other-key");
        row("t1-1.4.2-p256.bin", "other-p256.pub.pem", "firmware.other-key");
        row("t1-1.4.2-p256.bin", "rsa2048.pub.pem", "firmware.key-type");
        row("t1-1.4.2-rsa2048.bin", "ed25519.pub.pem", "firmware.key-type");
        row("t1-1.4.2-ed25519.bin", "p256.pub.pem", "firmware.key-type");
        row("t1-flipped-bit.bin", "p256.pub.pem", "firmware.hash");
        row("t1-truncated.bin", "p256.pub.pem", "firmware.truncated");
        row("p256.pub.pem", "p256.pub.pem", "firmware.magic");
        row("t1-1.4.2-p256.bin", "t1-1.4.2-p256.bin", "firmware.signer");
        row("missing", "p256.pub.pem", "firmware.empty");
    }
    void verifies()
    {
        QFETCH(QByteArray, file);
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, code);
        const QByteArray pem = data(key.constData());
        QVERIFY(!pem.isEmpty());
        QString sentence;
        const QByteArray found = faultOf([&] { McubootImage::parse(data(file.constData())).verify(pem); }, &sentence);
        QCOMPARE(found, code);
        if (code == "firmware.other-key" && file.contains("other")) // says whose it is
            QVERIFY2(sentence.contains(QLatin1String("2c3b1324453a9abb")), qPrintable(sentence));
    }

    void everyCutIsTold()
    {
        const QByteArray whole = data("t1-2.0.0-depends.bin");
        for (qsizetype length = 1; length < whole.size();
             length += (length < 40 || length > whole.size() - 400) ? 1 : 97) {
            const QByteArray code = faultOf([&] { McubootImage::parse(whole.left(length)); });
            QVERIFY2(code == "firmware.truncated",
                     qPrintable(QStringLiteral("%1: %2").arg(length).arg(QLatin1String(code))));
        }
    }

    // Any one flipped bit is either told by parse() or by verify(); none passes.
    void everyFlippedBitIsTold()
    {
        const QByteArray whole = data("t1-2.0.0-depends.bin");
        const QByteArray pem = data("p256.pub.pem");
        QCOMPARE(faultOf([&] { McubootImage::parse(whole).verify(pem); }), QByteArray());
        int seen = 0;
        for (qsizetype at = 0; at < whole.size(); at += at < 40 || at > whole.size() - 200 ? 1 : 53) {
            QByteArray copy = whole;
            copy[at] = char(copy[at] ^ (1 << (at % 8)));
            const QByteArray code = faultOf([&] { McubootImage::parse(copy).verify(pem); });
            QVERIFY2(code.startsWith("firmware."), qPrintable(QString::number(at)));
            ++seen;
        }
        QVERIFY(seen > 250);
    }

    void unsignedAndUnhashed()
    {
        const QByteArray content = signedPart({});
        const QByteArray none = content + area(0x6907, {{0x10, sha256(content)}});
        const QByteArray pem = data("p256.pub.pem");
        QCOMPARE(faultOf([&] { McubootImage::parse(none).checkHash(); }), QByteArray());
        QCOMPARE(faultOf([&] { McubootImage::parse(none).verify(pem); }), QByteArray("firmware.no-signature"));
        QCOMPARE(faultOf([&] { McubootImage::parse(content + area(0x6907, {})).verify(pem); }),
                 QByteArray("firmware.no-hash"));
        QCOMPARE(McubootImage::parse(none).version().toString(), QStringLiteral("3.1.515+70000"));
    }

    void otherHashesAndSignatures()
    {
        // P-384 with SHA-384, as newer imgtool makes them: the key hash is of that kind, too.
        const KeyPtr p384(EVP_EC_gen("P-384"), &EVP_PKEY_free);
        const auto hash = [](const QByteArray &b, auto algorithm) { return QCryptographicHash::hash(b, algorithm); };
        Recipe recipe;
        const QByteArray content = signedPart(recipe);
        const QByteArray image =
            content + area(0x6907, {{0x11, hash(content, QCryptographicHash::Sha384)},
                                    {0x01, hash(publicDer(p384.get()), QCryptographicHash::Sha384)},
                                    {0x22, signature(p384.get(), EVP_sha384(), content)}});
        QCOMPARE(McubootImage::parse(image).hashName(), QStringLiteral("SHA-384"));
        QCOMPARE(faultOf([&] { McubootImage::parse(image).verify(publicPem(p384.get())); }), QByteArray());

        // Ed25519 over the image itself (SIG_PURE), with the whole key in the image instead of its hash.
        const KeyPtr ed(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
        const KeyPtr other(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
        const QByteArray pure = content + area(0x6907, {{0x12, hash(content, QCryptographicHash::Sha512)},
                                                        {0x02, publicDer(ed.get())},
                                                        {0x25, QByteArray("\1")},
                                                        {0x24, signature(ed.get(), nullptr, content)}});
        QCOMPARE(faultOf([&] { McubootImage::parse(pure).verify(publicPem(ed.get())); }), QByteArray());
        QCOMPARE(faultOf([&] { McubootImage::parse(pure).verify(publicPem(other.get())); }),
                 QByteArray("firmware.other-key"));

        // Two signers: each of them is found.
        const KeyPtr a(EVP_EC_gen("P-256"), &EVP_PKEY_free);
        const KeyPtr b(EVP_EC_gen("P-256"), &EVP_PKEY_free);
        const QByteArray padded = signature(b.get(), EVP_sha256(), content).leftJustified(72, '\0');
        const QByteArray two = content + area(0x6907, {{0x10, sha256(content)},
                                                       {0x01, sha256(publicDer(a.get()))},
                                                       {0x22, signature(a.get(), EVP_sha256(), content)},
                                                       {0x01, sha256(publicDer(b.get()))},
                                                       {0x22, padded}}); // as older imgtool pads it
        QCOMPARE(faultOf([&] { McubootImage::parse(two).verify(publicPem(a.get())); }), QByteArray());
        QCOMPARE(faultOf([&] { McubootImage::parse(two).verify(publicPem(b.get())); }), QByteArray());

        // Names the right key, but the signature is of something else.
        const QByteArray forged = content + area(0x6907, {{0x10, sha256(content)},
                                                          {0x01, sha256(publicDer(a.get()))},
                                                          {0x22, signature(a.get(), EVP_sha256(), "something else")}});
        QCOMPARE(faultOf([&] { McubootImage::parse(forged).verify(publicPem(a.get())); }),
                 QByteArray("firmware.signature"));
        // Names no key at all.
        const QByteArray nameless =
            content + area(0x6907, {{0x10, sha256(content)}, {0x22, signature(a.get(), EVP_sha256(), content)}});
        QCOMPARE(faultOf([&] { McubootImage::parse(nameless).verify(publicPem(a.get())); }),
                 QByteArray("firmware.unnamed-key"));
    }

    void privateKeyIsRefused()
    {
        const McubootImage image = McubootImage::parse(data("t1-1.4.2-p256.bin"));
        QCOMPARE(faultOf([&] { image.verify("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"); }),
                 QByteArray("firmware.signer"));
    }

    void encrypted()
    {
        const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
        Recipe recipe;
        recipe.flags = McubootImage::EncryptedAes128;
        const QByteArray content = signedPart(recipe);
        const QByteArray bytes = content + area(0x6907, {{0x10, QByteArray(32, 'h')},
                                                         {0x01, sha256(publicDer(key.get()))},
                                                         {0x22, signature(key.get(), EVP_sha256(), "plain")},
                                                         {0x32, QByteArray(113, 'e')}});
        const McubootImage image = McubootImage::parse(bytes);
        QVERIFY(image.isEncrypted());
        QVERIFY(!image.hashHolds());
        QCOMPARE(image.tlvs().back().name(), QStringLiteral("ENC EC-P256"));
        QCOMPARE(faultOf([&] { image.checkHash(); }), QByteArray());
        QCOMPARE(faultOf([&] { image.verify(publicPem(key.get())); }), QByteArray("firmware.encrypted"));
    }

    void damagedStructure_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        const QByteArray content = signedPart({});
        QByteArray shortHeader = content + area(0x6907, {});
        shortHeader[8] = 16;
        QTest::newRow("header size") << shortHeader;
        QTest::newRow("no info magic") << content + QByteArray("\x08\x69\x04\x00", 4);
        QTest::newRow("list too small") << content + QByteArray("\x07\x69\x03\x00", 4);
        QTest::newRow("half an entry") << content + QByteArray("\x07\x69\x06\x00\x10\x00", 6);
        QTest::newRow("entry too long") << content + QByteArray("\x07\x69\x0a\x00\x10\x00\x20\x00\x01\x02", 10);
        QList<Tlv> many(600, Tlv{0xa0, QByteArray()});
        QTest::newRow("too many entries") << content + area(0x6907, many);
        Recipe recipe;
        recipe.protectedTlvs = {{0x50, QByteArray(4, '\1')}};
        QByteArray disagree = signedPart(recipe) + area(0x6907, {});
        disagree[disagree.size() - 10] = 0x08; // the protected list's own length
        QTest::newRow("two sizes") << disagree;
    }
    void damagedStructure()
    {
        QFETCH(QByteArray, bytes);
        QCOMPARE(faultOf([&] { McubootImage::parse(bytes); }), QByteArray("firmware.damaged"));
    }

    void hugeSizes()
    {
        QByteArray bytes = data("t1-2.0.0-depends.bin");
        bytes.replace(12, 4, "\xff\xff\xff\xff");
        QCOMPARE(faultOf([&] { McubootImage::parse(bytes); }), QByteArray("firmware.truncated"));
    }

    void paddedToTheSlot()
    {
        const QByteArray bytes = data("t1-1.4.2-p256.bin").leftJustified(0xa0000, '\xff');
        const McubootImage image = McubootImage::parse(bytes);
        QCOMPARE(image.trailingBytes(), 0xa0000 - 66211);
        QCOMPARE(faultOf([&] { image.verify(data("p256.pub.pem")); }), QByteArray());
    }

    // The counter outside the signed part is anybody's word.
    void unprotectedCounterDoesNotCount()
    {
        const QByteArray content = signedPart({});
        const QByteArray bytes = content + area(0x6907, {{0x10, sha256(content)}, {0x50, le(99, 4)}});
        QVERIFY(!McubootImage::parse(bytes).securityCounter());
    }

    void againstTheDevice()
    {
        const McubootImage release = McubootImage::parse(data("t1-1.4.2-p256.bin"));
        const McubootImage older = McubootImage::parse(data("t1-1.4.1-p256-older.bin"));
        const McubootImage depends = McubootImage::parse(data("t1-2.0.0-depends.bin"));
        RunningFirmware running;
        QCOMPARE(faultOf([&] { older.checkAgainst(running); }), QByteArray());
        running.slotSize = 66210;
        QCOMPARE(faultOf([&] { release.checkAgainst(running); }), QByteArray("firmware.oversize"));
        running.slotSize = 66211;
        running.version = McubootVersion{1, 4, 2, 7};
        running.securityCounter = 5;
        running.images = {{0, {1, 4, 2, 7}}};
        QCOMPARE(faultOf([&] { release.checkAgainst(running); }), QByteArray());
        QCOMPARE(faultOf([&] { older.checkAgainst(running); }), QByteArray("firmware.older"));
        running.allowOlder = true;
        QCOMPARE(faultOf([&] { older.checkAgainst(running); }), QByteArray("firmware.counter"));
        running.allowOlder = false;
        running.version = McubootVersion{1, 4, 2, 8}; // the build counts
        QCOMPARE(faultOf([&] { release.checkAgainst(running); }), QByteArray("firmware.older"));

        RunningFirmware old;
        old.images = {{0, {1, 4, 1, 3}}};
        QString sentence;
        QCOMPARE(faultOf([&] { depends.checkAgainst(old); }, &sentence), QByteArray("firmware.dependency"));
        QVERIFY2(sentence.contains(QLatin1String("1.4.2+7")) && sentence.contains(QLatin1String("1.4.1+3")),
                 qPrintable(sentence));
        old.images = {{0, {1, 4, 2, 7}}};
        QCOMPARE(faultOf([&] { depends.checkAgainst(old); }), QByteArray());
        old.images = {{1, {9, 0, 0, 0}}};
        QCOMPARE(faultOf([&] { depends.checkAgainst(old); }), QByteArray("firmware.dependency"));
        // An image without counter on a device that has one.
        const QByteArray content = signedPart({});
        RunningFirmware counted;
        counted.securityCounter = 0;
        QCOMPARE(faultOf([&] { McubootImage::parse(content + area(0x6907, {})).checkAgainst(counted); }),
                 QByteArray("firmware.counter"));
    }

    void versions()
    {
        QCOMPARE(McubootVersion::parse(QStringLiteral("1.4.2.7")), McubootVersion::parse(QStringLiteral("1.4.2+7")));
        QCOMPARE(McubootVersion::parse(QStringLiteral("2"))->toString(), QStringLiteral("2.0.0"));
        QVERIFY(*McubootVersion::parse(QStringLiteral("1.10.0")) > *McubootVersion::parse(QStringLiteral("1.9.9+9")));
        for (const char *bad : {"", "v1", "1.", "256", "1.2.65536", "1.2.3+4294967296", "1.2.3-rc1", " 1", "1.2.3.4.5"})
            QVERIFY2(!McubootVersion::parse(QString::fromLatin1(bad)), bad);
    }

    // Random damage anywhere must end in a Fault or in a structure, never in anything worse.
    void randomDamage()
    {
        QRandomGenerator random(8);
        const QByteArray whole = data("t1-2.0.0-depends.bin");
        const QByteArray pem = data("p256.pub.pem");
        for (int i = 0; i < 2000; ++i) {
            QByteArray copy = whole.left(random.bounded(1, int(whole.size()) + 1));
            for (int k = random.bounded(6); k >= 0; --k) {
                const qsizetype at = random.bounded(2)
                                         ? random.bounded(std::min<int>(64, int(copy.size())))
                                         : copy.size() - 1 - random.bounded(std::min<int>(240, int(copy.size())));
                copy[at] = char(random.bounded(256));
            }
            (void)faultOf([&] {
                const McubootImage image = McubootImage::parse(copy);
                (void)image.toJson();
                image.verify(pem);
            });
        }
    }
};

SLIPWAY_TEST_MAIN(TestMcuboot)
#include "tst_mcuboot.moc"
