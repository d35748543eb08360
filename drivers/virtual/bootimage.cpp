#include "drivers/virtual/bootimage.h"

#include "drivers/virtual/openssl.h"

#include <QCryptographicHash>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <random>

namespace slipway {

namespace {

// TLV types, MCUboot "Image trailer TLVs".
enum : quint16 {
    tlvKeyHash = 0x01,
    tlvSha256 = 0x10,
    tlvRsa2048 = 0x20,
    tlvEcdsa = 0x22,
    tlvRsa3072 = 0x23,
    tlvEd25519 = 0x24,
    tlvSecurityCounter = 0x50,
};
constexpr quint16 tlvInfoMagic = 0x6907;
constexpr quint16 tlvProtectedMagic = 0x6908;

quint16 le16(QByteArrayView b, qsizetype at)
{
    return static_cast<quint16>(static_cast<quint8>(b[at]) | static_cast<quint8>(b[at + 1]) << 8);
}

quint32 le32(QByteArrayView b, qsizetype at)
{
    return le16(b, at) | static_cast<quint32>(le16(b, at + 2)) << 16;
}

void putLe(QByteArray &out, quint64 value, int bytes)
{
    for (int i = 0; i < bytes; ++i)
        out.append(static_cast<char>(value >> (8 * i)));
}

BootVersion versionAt(QByteArrayView b, qsizetype at)
{
    return {static_cast<quint8>(b[at]), static_cast<quint8>(b[at + 1]), le16(b, at + 2), le32(b, at + 4)};
}

// One TLV area at `at`; at is moved behind it.
QString readArea(QByteArrayView slot, qsizetype &at, quint16 magic, bool isProtected, QList<BootImage::Tlv> &tlvs)
{
    if (slot.size() - at < 4 || le16(slot, at) != magic)
        return QStringLiteral("no TLVs at %1").arg(at);
    const qsizetype end = at + le16(slot, at + 2);
    if (end > slot.size() || end < at + 4)
        return QStringLiteral("TLV area at %1 is cut").arg(at);
    for (qsizetype p = at + 4; p < end;) {
        if (end - p < 4)
            return QStringLiteral("TLV at %1 is cut").arg(p);
        const quint16 type = le16(slot, p), length = le16(slot, p + 2);
        if (end - p - 4 < length)
            return QStringLiteral("TLV at %1 runs over its area").arg(p);
        tlvs.append({type, isProtected, slot.sliced(p + 4, length).toByteArray()});
        p += 4 + length;
    }
    at = end;
    return {};
}

QByteArray keyHash(EVP_PKEY *key)
{
    // MCUboot hashes the key as it is compiled in: PKCS#1 for RSA, SubjectPublicKeyInfo for the others.
    unsigned char *der = nullptr;
    const int length = EVP_PKEY_is_a(key, "RSA") ? i2d_PublicKey(key, &der) : i2d_PUBKEY(key, &der);
    if (length <= 0)
        return {};
    const QByteArray bytes(reinterpret_cast<const char *>(der), length);
    OPENSSL_free(der);
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

bool signatureHolds(EVP_PKEY *key, quint16 type, QByteArray signature, const QByteArray &hash)
{
    const auto *digest = reinterpret_cast<const unsigned char *>(hash.constData());
    if (type == tlvEd25519) { // over the image hash itself
        if (!EVP_PKEY_is_a(key, "ED25519"))
            return false;
        const DigestContextPtr context(EVP_MD_CTX_new());
        return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
               EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                                static_cast<size_t>(signature.size()), digest, static_cast<size_t>(hash.size())) == 1;
    }
    const bool rsa = type == tlvRsa2048 || type == tlvRsa3072;
    if (!EVP_PKEY_is_a(key, rsa ? "RSA" : "EC"))
        return false;
    if (!rsa && signature.size() > 2) { // imgtool may have padded the DER
        const qsizetype length = static_cast<quint8>(signature[1]) + 2;
        if (static_cast<quint8>(signature[0]) == 0x30 && length < signature.size())
            signature.truncate(length);
    }
    const KeyContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
    if (EVP_PKEY_verify_init(context.get()) != 1 || EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1)
        return false;
    if (rsa && (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) != 1 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_PKEY_verify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                           static_cast<size_t>(signature.size()), digest, static_cast<size_t>(hash.size())) == 1;
}

} // namespace

QString BootVersion::zephyrText() const
{
    QString text = QStringLiteral("%1.%2.%3").arg(major).arg(minor).arg(revision);
    if (build)
        text += QStringLiteral(".%1").arg(build);
    return text;
}

QString BootVersion::mcubootText() const
{
    QString text = QStringLiteral("%1.%2.%3").arg(major).arg(minor).arg(revision);
    if (build)
        text += QString::number(build);
    return text;
}

bool BootVersion::newerThan(const BootVersion &other) const
{
    return std::array<int, 3>{major, minor, revision} > std::array<int, 3>{other.major, other.minor, other.revision};
}

bool BootImage::hasMagic(QByteArrayView header)
{
    return header.size() >= 4 && le32(header, 0) == magic;
}

std::optional<BootVersion> BootImage::headerVersion(QByteArrayView header)
{
    if (header.size() < headerSize || !hasMagic(header))
        return {};
    return versionAt(header, 20);
}

BootImage BootImage::parse(const QByteArray &slot)
{
    BootImage image;
    if (slot.size() < headerSize || !hasMagic(slot)) {
        image.error = QStringLiteral("no image header");
        return image;
    }
    const quint16 header = le16(slot, 8), protectedSize = le16(slot, 10);
    const quint32 payload = le32(slot, 12);
    image.flags = le32(slot, 16);
    image.version = versionAt(slot, 20);
    if (header < headerSize || static_cast<quint64>(header) + payload > static_cast<quint64>(slot.size())) {
        image.error = QStringLiteral("the image is cut");
        return image;
    }
    qsizetype at = static_cast<qsizetype>(header) + payload;
    if (protectedSize) {
        const qsizetype before = at;
        image.error = readArea(slot, at, tlvProtectedMagic, true, image.tlvs);
        if (image.ok() && at - before != protectedSize)
            image.error = QStringLiteral("the protected TLVs are not as long as the header says");
        if (!image.ok())
            return image;
    }
    image.signedSize = at;
    image.error = readArea(slot, at, tlvInfoMagic, false, image.tlvs);
    if (!image.ok())
        return image;
    image.wholeSize = at;
    for (const Tlv &tlv : image.tlvs) {
        if (tlv.type == tlvSha256 && tlv.value.size() == 32 && !tlv.isProtected) {
            if (!image.hash.isEmpty())
                image.error = QStringLiteral("two hashes");
            image.hash = tlv.value;
        } else if (tlv.type == tlvSecurityCounter && tlv.isProtected && tlv.value.size() == 4) {
            image.securityCounter = le32(tlv.value, 0);
        }
    }
    if (image.hash.isEmpty())
        image.error = QStringLiteral("no hash");
    return image;
}

QString BootImage::verify(const QByteArray &slot, const QList<QByteArray> &pemKeys)
{
    const BootImage image = parse(slot);
    if (!image.ok())
        return image.error;
    if (!image.bootable())
        return QStringLiteral("it is marked as not bootable");
    const QByteArray hash =
        QCryptographicHash::hash(QByteArrayView(slot).first(image.signedSize), QCryptographicHash::Sha256);
    if (hash != image.hash)
        return QStringLiteral("its hash does not fit its content");
    if (pemKeys.isEmpty())
        return {};
    for (const QByteArray &pem : pemKeys) {
        const BioPtr bio(BIO_new_mem_buf(pem.constData(), static_cast<int>(pem.size())));
        const KeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
        if (!key)
            return QStringLiteral("the boot loader's key is no PEM public key");
        const QByteArray wanted = keyHash(key.get());
        bool mine = false; // the last key hash seen names the key of the signature behind it
        for (const Tlv &tlv : image.tlvs) {
            if (tlv.isProtected)
                continue;
            if (tlv.type == tlvKeyHash)
                mine = tlv.value == wanted;
            else if (mine &&
                     (tlv.type == tlvEcdsa || tlv.type == tlvRsa2048 || tlv.type == tlvRsa3072 ||
                      tlv.type == tlvEd25519) &&
                     signatureHolds(key.get(), tlv.type, tlv.value, hash))
                return {};
        }
    }
    return QStringLiteral("no key of the boot loader signed it");
}

QByteArray BootImage::make(const BootVersion &version, qsizetype payload, quint64 seed)
{
    constexpr quint16 header = 0x200;
    QByteArray image;
    putLe(image, magic, 4);
    putLe(image, 0, 4); // load address
    putLe(image, header, 2);
    putLe(image, 0, 2); // protected TLVs
    putLe(image, static_cast<quint64>(payload), 4);
    putLe(image, 0, 4); // flags
    putLe(image, version.major, 1);
    putLe(image, version.minor, 1);
    putLe(image, version.revision, 2);
    putLe(image, version.build, 4);
    putLe(image, 0, 4);
    image.append(QByteArray(header - image.size(), '\xff'));
    std::mt19937_64 random(seed);
    for (qsizetype i = 0; i < payload; ++i)
        image.append(static_cast<char>(random()));
    const QByteArray hash = QCryptographicHash::hash(image, QCryptographicHash::Sha256);
    putLe(image, tlvInfoMagic, 2);
    putLe(image, 4 + 4 + 32, 2);
    putLe(image, tlvSha256, 2);
    putLe(image, 32, 2);
    image.append(hash);
    return image;
}

} // namespace slipway
