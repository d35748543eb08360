#include "core/firmware/signerkey.h"

#include "core/base/fault.h"

#include <QCryptographicHash>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

namespace slipway {

PublicKey publicKeyFromPem(const QByteArray &pem)
{
    if (pem.contains("PRIVATE KEY"))
        throw Fault("firmware.signer", {QStringLiteral("it is a private key, which has no place here")});
    PublicKey key;
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
        BIO_new_mem_buf(pem.constData(), int(std::min<qsizetype>(pem.size(), 64 * 1024))), &BIO_free_all);
    if (pem.contains("BEGIN CERTIFICATE")) {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
        if (certificate)
            key.reset(X509_get_pubkey(certificate.get()));
    } else {
        key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    }
    ERR_clear_error();
    if (!key)
        throw Fault("firmware.signer", {QStringLiteral("it holds no public key in PEM form")});
    return key;
}

QByteArray publicKeyHash(EVP_PKEY *key)
{
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    const QByteArray bytes(reinterpret_cast<const char *>(der), std::max(0, length));
    OPENSSL_free(der);
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

} // namespace slipway
