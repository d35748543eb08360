#pragma once
// Certificate requests for tests, made with OpenSSL's own PKCS#10 code and not with ours. Link OpenSSL::Crypto.

#include <QByteArray>
#include <QString>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace slipway::test {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline KeyPtr newTestKey(const char *group = "P-256")
{
    return KeyPtr(EVP_EC_gen(group), &EVP_PKEY_free);
}

// DER. serial empty: no serialNumber in the subject; signer: who signs, the key itself when null.
inline QByteArray makeRequest(EVP_PKEY *key, const QString &serial, EVP_PKEY *signer = nullptr,
                              const EVP_MD *md = EVP_sha256())
{
    const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(X509_REQ_new(), &X509_REQ_free);
    X509_REQ_set_version(request.get(), 0);
    X509_NAME *name = X509_REQ_get_subject_name(request.get());
    const QByteArray text = serial.toUtf8();
    if (!serial.isEmpty())
        X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char *>(text.constData()), int(text.size()), -1, 0);
    X509_REQ_set_pubkey(request.get(), key);
    X509_REQ_sign(request.get(), signer ? signer : key, md);
    unsigned char *der = nullptr;
    const int length = i2d_X509_REQ(request.get(), &der);
    const QByteArray bytes(reinterpret_cast<const char *>(der), length);
    OPENSSL_free(der);
    return bytes;
}

} // namespace slipway::test
