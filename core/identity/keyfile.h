#pragma once
// P-256 private keys: making, loading, and signing fast. Room-internal.

#include "core/identity/openssl.h"

#include <mutex>
#include <vector>

namespace slipway {

// A new P-256 key.
ssl::Key newKey();
// PKCS#8 PEM; with a passphrase PBES2 with scrypt (N 16384, r 8, p 1) and AES-256-CBC.
QByteArray keyToPem(EVP_PKEY *key, const QByteArray &passphrase);
// P-256 only. Throws issuer.key, issuer.passphrase.
ssl::Key loadKey(const QString &path, const QByteArray &passphrase);
// SubjectPublicKeyInfo, DER.
QByteArray publicKeyInfo(EVP_PKEY *key);

// ECDSA-SHA256 with one key by many threads. A context costs as much to make as a signature, so each is kept and given
// to the next that signs.
class Signer
{
public:
    explicit Signer(ssl::Key key) : m_key(std::move(key)) {}
    // DER. Throws issuer.sign.
    QByteArray sign(QByteArrayView message) const;
    EVP_PKEY *key() const { return m_key.get(); }

private:
    ssl::KeyContext take() const;
    ssl::Key m_key;
    mutable std::mutex m_mutex;
    mutable std::vector<ssl::KeyContext> m_idle;
};

} // namespace slipway
