#include "core/codec/cose.h"

#include "core/base/fault.h"
#include "core/codec/cbor.h"

#include <QCborArray>
#include <QCborMap>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>

namespace slipway {

namespace {

constexpr quint64 tagSign = 98, tagSign1 = 18, tagMac = 97, tagMac0 = 17;
constexpr int labelAlgorithm = 1, labelCritical = 2, labelKeyId = 4;

struct Algorithm {
    qint64 number;
    const char *name;
    enum Type { Ecdsa, Edwards, Pss } type;
    int bits; // of the curve; of the hash for PSS
};
constexpr std::array<Algorithm, 11> algorithms{{
    {-7, "ES256", Algorithm::Ecdsa, 256},
    {-35, "ES384", Algorithm::Ecdsa, 384},
    {-36, "ES512", Algorithm::Ecdsa, 521},
    {-9, "ESP256", Algorithm::Ecdsa, 256},
    {-51, "ESP384", Algorithm::Ecdsa, 384},
    {-52, "ESP512", Algorithm::Ecdsa, 521},
    {-8, "EdDSA", Algorithm::Edwards, 0},
    {-19, "Ed25519", Algorithm::Edwards, 0},
    {-37, "PS256", Algorithm::Pss, 256},
    {-38, "PS384", Algorithm::Pss, 384},
    {-39, "PS512", Algorithm::Pss, 512},
}};

const Algorithm *algorithmOf(qint64 number)
{
    for (const Algorithm &algorithm : algorithms) {
        if (algorithm.number == number)
            return &algorithm;
    }
    return nullptr;
}

[[noreturn]] void refuse(const QString &what)
{
    throw Fault("codec.cose", {what});
}

// The protected header: an empty byte string or an encoded map.
QCborMap protectedMap(const QCborValue &value)
{
    if (!value.isByteArray())
        refuse(QStringLiteral("its protected header is no byte string"));
    const QByteArray bytes = value.toByteArray();
    if (bytes.isEmpty())
        return {};
    const CborDecoded decoded = decodeCbor(bytes, {4096, 4, 64});
    if (!decoded.ok() || decoded.used != bytes.size() || !decoded.value.isMap())
        refuse(QStringLiteral("its protected header is no map"));
    return decoded.value.toMap();
}

CoseSignature signatureOf(const QCborValue &header, const QCborValue &unprotectedHeader, const QCborValue &signature)
{
    const QCborMap map = protectedMap(header);
    if (!unprotectedHeader.isMap() || !signature.isByteArray())
        refuse(QStringLiteral("its parts are not of their types"));
    // What must be understood and is not: the signature would say something else than it seems to.
    if (map.contains(labelCritical))
        refuse(QStringLiteral("it has critical headers that this station does not know"));
    CoseSignature out;
    out.protectedHeader = header.toByteArray();
    out.algorithm = map.value(labelAlgorithm).toInteger();
    const QCborValue id =
        map.contains(labelKeyId) ? map.value(labelKeyId) : unprotectedHeader.toMap().value(labelKeyId);
    out.keyId = id.toByteArray();
    out.signature = signature.toByteArray();
    return out;
}

// ECDSA of COSE is r and s side by side; OpenSSL wants them in DER. Empty where the length is not the curve's.
QByteArray derSignature(const QByteArray &raw, int bits)
{
    const int half = (bits + 7) / 8;
    if (raw.size() != 2 * half)
        return {};
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
    const auto *bytes = reinterpret_cast<const unsigned char *>(raw.constData());
    if (!pair ||
        ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, half, nullptr), BN_bin2bn(bytes + half, half, nullptr)) != 1)
        return {};
    unsigned char *der = nullptr;
    const int length = i2d_ECDSA_SIG(pair.get(), &der);
    const QByteArray out(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return out;
}

bool keyFits(EVP_PKEY *key, const Algorithm &algorithm)
{
    const int type = EVP_PKEY_get_base_id(key);
    switch (algorithm.type) {
    case Algorithm::Ecdsa:
        return type == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == algorithm.bits;
    case Algorithm::Edwards:
        return type == EVP_PKEY_ED25519 || (type == EVP_PKEY_ED448 && algorithm.number == -8);
    case Algorithm::Pss:
        return type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
    }
    return false;
}

bool verifies(EVP_PKEY *key, const CoseSignature &signature, const QByteArray &message)
{
    const Algorithm *algorithm = algorithmOf(signature.algorithm);
    if (!algorithm || !keyFits(key, *algorithm))
        return false;
    QByteArray raw = signature.signature;
    if (algorithm->type == Algorithm::Ecdsa)
        raw = derSignature(raw, algorithm->bits);
    if (raw.isEmpty())
        return false;
    const EVP_MD *md = algorithm->type == Algorithm::Edwards ? nullptr
                       : algorithm->bits == 256              ? EVP_sha256()
                       : algorithm->bits == 384              ? EVP_sha384()
                                                             : EVP_sha512();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX *keyContext = nullptr;
    bool good = context && EVP_DigestVerifyInit(context.get(), &keyContext, md, nullptr, key) == 1;
    if (good && algorithm->type == Algorithm::Pss) {
        good = EVP_PKEY_CTX_set_rsa_padding(keyContext, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    good = good &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(raw.constData()), size_t(raw.size()),
                            reinterpret_cast<const unsigned char *>(message.constData()), size_t(message.size())) == 1;
    ERR_clear_error();
    return good;
}

void appendBytes(QByteArray &out, const QByteArray &bytes)
{
    appendCborHead(out, 2, quint64(bytes.size()));
    out += bytes;
}

} // namespace

QString CoseSignature::algorithmName() const
{
    const Algorithm *known = algorithmOf(algorithm);
    return known ? QString::fromLatin1(known->name) : QStringLiteral("algorithm %1").arg(algorithm);
}

CoseMessage CoseMessage::parse(QByteArrayView bytes)
{
    const CborDecoded decoded = decodeCbor(bytes, {64 * 1024, 8, 512});
    if (!decoded.ok())
        refuse(decoded.error);
    if (decoded.used != bytes.size())
        refuse(QStringLiteral("%1 bytes too many").arg(bytes.size() - decoded.used));
    CoseMessage message;
    const quint64 tag = quint64(decoded.value.tag());
    if (tag == tagMac || tag == tagMac0) {
        message.kind = tag == tagMac ? Kind::Mac : Kind::Mac0;
        return message;
    }
    if (tag != tagSign && tag != tagSign1)
        refuse(QStringLiteral("it has none of the tags of COSE"));
    const QCborArray parts = decoded.value.taggedValue().toArray();
    if (!decoded.value.taggedValue().isArray() || parts.size() != 4)
        refuse(QStringLiteral("it has not four parts"));
    message.kind = tag == tagSign ? Kind::Sign : Kind::Sign1;
    message.bodyProtected = parts[0].toByteArray();
    if (parts[2].isByteArray())
        message.payload = parts[2].toByteArray();
    else if (!parts[2].isNull())
        refuse(QStringLiteral("its payload is no byte string"));
    if (message.kind == Kind::Sign1) {
        message.signatures = {signatureOf(parts[0], parts[1], parts[3])};
        message.signatures[0].protectedHeader.clear();
        return message;
    }
    if (protectedMap(parts[0]).contains(labelCritical) || !parts[1].isMap())
        refuse(QStringLiteral("its body's headers are not usable"));
    const QCborArray list = parts[3].toArray();
    if (!parts[3].isArray() || list.isEmpty() || list.size() > MaximumSignatures)
        refuse(QStringLiteral("it has not 1 to %1 signatures").arg(MaximumSignatures));
    for (const QCborValue &item : list) {
        const QCborArray signature = item.toArray();
        if (!item.isArray() || signature.size() != 3)
            refuse(QStringLiteral("one of its signatures has not three parts"));
        message.signatures.append(signatureOf(signature[0], signature[1], signature[2]));
    }
    return message;
}

bool CoseMessage::holds(EVP_PKEY *publicKey, const QByteArray &detached, const QByteArray &externalAad) const
{
    for (const CoseSignature &signature : signatures) {
        QByteArray message; // Sig_structure, section 4.4
        appendCborHead(message, 4, kind == Kind::Sign1 ? 4 : 5);
        appendCborText(message, kind == Kind::Sign1 ? "Signature1" : "Signature");
        appendBytes(message, bodyProtected);
        if (kind == Kind::Sign)
            appendBytes(message, signature.protectedHeader);
        appendBytes(message, externalAad);
        appendBytes(message, payload.value_or(detached));
        if (verifies(publicKey, signature, message))
            return true;
    }
    return false;
}

} // namespace slipway
