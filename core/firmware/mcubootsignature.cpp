// The signature of an MCUboot image, checked with OpenSSL: RSA-PSS (salt 32) and ECDSA over header, payload and
// protected TLVs; Ed25519 over the image hash, or over the same bytes where SIG_PURE says so.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/firmware/mcubootimage.h"
#include "core/firmware/mcuboottlv.h"
#include "core/firmware/signerkey.h"

#include <QCryptographicHash>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

namespace slipway {

namespace mcuboot {

QString tlvName(quint16 type)
{
    static constexpr std::array<std::pair<quint16, const char *>, 25> names{{
        {KeyHash, "KEYHASH"},
        {PublicKey, "PUBKEY"},
        {Sha256, "SHA-256"},
        {Sha384, "SHA-384"},
        {Sha512, "SHA-512"},
        {Rsa2048Pss, "RSA-2048 PSS"},
        {Ecdsa224, "ECDSA P-224"},
        {EcdsaSig, "ECDSA"},
        {Rsa3072Pss, "RSA-3072 PSS"},
        {Ed25519, "Ed25519"},
        {SigPure, "SIG_PURE"},
        {EncRsa2048, "ENC RSA-2048"},
        {EncKw, "ENC AES-KW"},
        {EncEc256, "ENC EC-P256"},
        {EncX25519, "ENC X25519"},
        {EncX25519Sha512, "ENC X25519 SHA-512"},
        {Dependency, "DEPENDENCY"},
        {SecurityCounter, "SECURITY COUNTER"},
        {BootRecord, "BOOT RECORD"},
        {DecompressedSize, "DECOMPRESSED SIZE"},
        {DecompressedSha, "DECOMPRESSED SHA"},
        {DecompressedSignature, "DECOMPRESSED SIGNATURE"},
        {CompressedDecompressedSize, "COMPRESSED SIZE"},
        {UuidVendor, "VENDOR UUID"},
        {UuidClass, "CLASS UUID"},
    }};
    for (const auto &[number, name] : names) {
        if (number == type)
            return QString::fromLatin1(name);
    }
    const QString number = QStringLiteral("0x%1").arg(type, 4, 16, QLatin1Char('0'));
    return (type & 0xff) >= 0xa0 && (type & 0xff) <= 0xfe ? QStringLiteral("vendor ") + number : number;
}

bool isSignature(quint16 type)
{
    return type == Rsa2048Pss || type == Ecdsa224 || type == EcdsaSig || type == Rsa3072Pss || type == Ed25519;
}

} // namespace mcuboot

namespace {

template <auto free> struct Freer {
    template <typename T> void operator()(T *p) const { free(p); }
};
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

// What imgtool hashes into KEYHASH: SubjectPublicKeyInfo, for RSA the bare RSAPublicKey.
QByteArray keyBytes(EVP_PKEY *key)
{
    unsigned char *der = nullptr;
    const int length = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? i2d_PublicKey(key, &der) : i2d_PUBKEY(key, &der);
    QByteArray bytes(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return bytes;
}

QByteArray hashLike(const QByteArray &bytes, qsizetype length)
{
    using Hash = QCryptographicHash;
    return Hash::hash(bytes, length == 64 ? Hash::Sha512 : length == 48 ? Hash::Sha384 : Hash::Sha256);
}

// The TLV type that this key's signatures have; 0: none that MCUboot knows.
quint16 signatureType(EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) == 2048   ? mcuboot::Rsa2048Pss
               : EVP_PKEY_get_bits(key) == 3072 ? mcuboot::Rsa3072Pss
                                                : 0;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) == 224 ? mcuboot::Ecdsa224 : mcuboot::EcdsaSig;
    case EVP_PKEY_ED25519:
        return mcuboot::Ed25519;
    default:
        return 0;
    }
}

// Older imgtool pads an ECDSA signature with zeros to its greatest length.
QByteArray withoutPadding(const QByteArray &signature)
{
    if (signature.size() < 2 || signature[0] != 0x30 || quint8(signature[1]) >= 0x80)
        return signature;
    const qsizetype length = 2 + quint8(signature[1]);
    for (qsizetype i = length; i < signature.size(); ++i) {
        if (signature[i] != 0)
            return signature;
    }
    return signature.left(length);
}

bool holds(EVP_PKEY *key, quint16 type, quint16 hashType, const QByteArray &message, QByteArray signature)
{
    const EVP_MD *md = type == mcuboot::Ed25519      ? nullptr
                       : hashType == mcuboot::Sha384 ? EVP_sha384()
                       : hashType == mcuboot::Sha512 ? EVP_sha512()
                                                     : EVP_sha256();
    if (type == mcuboot::EcdsaSig || type == mcuboot::Ecdsa224)
        signature = withoutPadding(signature);
    const MdCtxPtr context(EVP_MD_CTX_new());
    EVP_PKEY_CTX *keyContext = nullptr;
    bool good = EVP_DigestVerifyInit(context.get(), &keyContext, md, nullptr, key) == 1;
    if (good && (type == mcuboot::Rsa2048Pss || type == mcuboot::Rsa3072Pss)) {
        good = EVP_PKEY_CTX_set_rsa_padding(keyContext, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    good =
        good && EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                                 size_t(signature.size()), reinterpret_cast<const unsigned char *>(message.constData()),
                                 size_t(message.size())) == 1;
    ERR_clear_error();
    return good;
}

} // namespace

void McubootImage::verify(const QByteArray &publicKeyPem) const
{
    const PublicKey key = publicKeyFromPem(publicKeyPem);
    const quint16 type = signatureType(key.get());
    if (type == 0)
        throw Fault("firmware.signer", {QStringLiteral("MCUboot knows no signatures of its kind")});
    checkHash();
    const QStringList names = signatureNames();
    if (names.isEmpty())
        throw Fault("firmware.no-signature");

    // An image may carry several signatures, each behind the name of its key; boot loaders ignore one without.
    QByteArray keyHash;
    QByteArray otherKeyHash;
    const QByteArray ours = keyBytes(key.get());
    const McubootTlv *candidate = nullptr;
    bool ofOurKind = false;
    for (const McubootTlv &tlv : m_tlvs) {
        if (tlv.type == mcuboot::KeyHash)
            keyHash = tlv.value;
        else if (tlv.type == mcuboot::PublicKey)
            keyHash = hashLike(tlv.value, 32);
        if (tlv.type != type)
            continue;
        ofOurKind = true;
        if (!keyHash.isEmpty() && keyHash == hashLike(ours, keyHash.size())) {
            candidate = &tlv;
            break;
        }
        otherKeyHash = keyHash;
    }
    const QString oursName = hex(hashLike(ours, 32).left(8));
    if (!ofOurKind)
        throw Fault("firmware.key-type", {names.join(QStringLiteral(", ")), mcuboot::tlvName(type)});
    if (!candidate && otherKeyHash.isEmpty())
        throw Fault("firmware.unnamed-key");
    if (!candidate) {
        throw Fault("firmware.other-key", {hex(otherKeyHash.left(8)), oursName},
                    QStringLiteral("image key hash %1, signer key hash %2")
                        .arg(hex(otherKeyHash), hex(hashLike(ours, otherKeyHash.size()))));
    }
    if (isEncrypted())
        throw Fault("firmware.encrypted");

    const McubootTlv *pure = tlv(mcuboot::SigPure);
    const bool overHash = type == mcuboot::Ed25519 && !(pure && pure->value == QByteArray(1, '\1'));
    const qint64 signedBytes = m_headerSize + m_payloadSize + m_protectedTlvSize;
    const QByteArray message = overHash ? m_hash : QByteArray::fromRawData(m_bytes.constData(), signedBytes);
    if (!holds(key.get(), type, m_hashType, message, candidate->value))
        throw Fault("firmware.signature", {candidate->name(), oursName});
}

} // namespace slipway
