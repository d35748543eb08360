#include "core/identity/verifysignature.h"

#include "core/identity/certificateview.h"
#include "core/identity/signingkey.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <array>

namespace slipway {

namespace {

// Building a key from its point with a context that is kept is several times quicker than decoding the
// SubjectPublicKeyInfo; both check that the point lies on the curve.
ssl::Key p256Key(QByteArrayView point)
{
    static thread_local const ssl::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    static char group[] = "P-256";
    std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group - 1),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<char *>(point.data()),
                                          size_t(point.size())),
        OSSL_PARAM_construct_end()};
    EVP_PKEY *key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1)
        return nullptr;
    return ssl::Key(key);
}

bool verifyP256(QByteArrayView publicKeyInfo, QByteArrayView message, QByteArrayView signature)
{
    const ssl::Key key = p256Key(publicKeyInfo.last(65));
    if (!key)
        return false;
    const ssl::KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    const QByteArray digest = ssl::sha256(message);
    return context && EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), ssl::data(signature), size_t(signature.size()), ssl::data(digest),
                           size_t(digest.size())) == 1;
}

bool verifyGeneric(QByteArrayView publicKeyInfo, const EVP_MD *md, QByteArrayView message, QByteArrayView signature)
{
    const unsigned char *p = ssl::data(publicKeyInfo);
    const ssl::Key key(d2i_PUBKEY(nullptr, &p, long(publicKeyInfo.size())));
    const ssl::DigestContext context(EVP_MD_CTX_new());
    return key && EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), ssl::data(signature), size_t(signature.size()), ssl::data(message),
                            size_t(message.size())) == 1;
}

struct Algorithm {
    const char *oid; // dotted
    const char *keys;
    const EVP_MD *(*md)();
};
constexpr std::array<Algorithm, 7> algorithms{{
    {"1.2.840.10045.4.3.2", "P-", EVP_sha256},
    {"1.2.840.10045.4.3.3", "P-", EVP_sha384},
    {"1.2.840.10045.4.3.4", "P-", EVP_sha512},
    {"1.2.840.113549.1.1.11", "RSA-", EVP_sha256},
    {"1.2.840.113549.1.1.12", "RSA-", EVP_sha384},
    {"1.2.840.113549.1.1.13", "RSA-", EVP_sha512},
    {"1.3.101.112", "Ed25519", nullptr},
}};

} // namespace

bool verifyAlgorithm(QByteArrayView publicKeyInfo, const QString &keyType, QByteArrayView algorithmIdentifier,
                     QByteArrayView message, QByteArrayView signature)
{
    bool good = false;
    try {
        der::Reader identifier(der::single(algorithmIdentifier, der::Sequence));
        const QByteArrayView kind = identifier.next(der::Oid).content;
        if (keyType == u"P-256" && kind == oid::view(oid::ecdsaWithSha256)) {
            good = verifyP256(publicKeyInfo, message, signature);
        } else {
            const QByteArray dotted = der::oidText(kind);
            for (const Algorithm &algorithm : algorithms) {
                if (dotted == algorithm.oid && keyType.startsWith(QLatin1String(algorithm.keys)))
                    good = verifyGeneric(publicKeyInfo, algorithm.md ? algorithm.md() : nullptr, message, signature);
            }
        }
    } catch (const der::Error &) {
        good = false;
    }
    if (!good)
        ERR_clear_error();
    return good;
}

bool verifySignature(const QByteArray &publicKey, const QByteArray &message, const QByteArray &signature)
{
    bool good = false;
    try {
        der::Reader outer(der::single(publicKey, der::Sequence));
        der::Reader first(outer.next(der::Sequence));
        // A certificate begins with the version or the serial number, a SubjectPublicKeyInfo with an OID.
        const QByteArrayView info =
            first.nextIs(der::Oid) ? QByteArrayView(publicKey) : CertificateView::read(publicKey).publicKey;
        const QString type = keyTypeOf(info);
        if (type == u"P-256")
            good = verifyP256(info, message, signature);
        else if (!type.isEmpty())
            good = verifyGeneric(info, type == u"Ed25519" ? nullptr : EVP_sha256(), message, signature);
    } catch (const der::Error &) {
        good = false;
    }
    ERR_clear_error();
    return good;
}

} // namespace slipway
