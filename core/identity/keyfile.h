#pragma once
// Private keys: making, loading, and signing fast with those of files and tokens. Room-internal.

#include "core/identity/openssl.h"
#include "core/identity/secret.h"

#include <memory>
#include <mutex>
#include <vector>

namespace slipway {

// A new key of that type ("P-256", "P-384", "Ed25519", "RSA-3072" ...). Throws issuer.sign.
ssl::Key newKey(const QString &type = QStringLiteral("P-256"));
// PKCS#8 PEM; with a passphrase PBES2 with scrypt (N 16384, r 8, p 1) and AES-256-CBC.
QByteArray keyToPem(EVP_PKEY *key, const QByteArray &passphrase);
// P-256, P-384, Ed25519, RSA from 2048 bits. Throws issuer.key, issuer.passphrase.
ssl::Key loadKey(const QString &path, const QByteArray &passphrase);
// SubjectPublicKeyInfo, DER.
QByteArray publicKeyInfo(EVP_PKEY *key);

class TokenKey;

// Signs with one key by many threads: ECDSA with SHA-256 (P-256) or SHA-384 (P-384), RSA PKCS#1 v1.5 with SHA-256, and
// Ed25519, which no token is asked for. The key lies in this process or in a PKCS#11 token. A context costs as much to
// make as a signature, so each is kept and given to the next that signs.
class Signer
{
public:
    explicit Signer(ssl::Key key);
    // publicKey: SubjectPublicKeyInfo of the token's key.
    Signer(std::shared_ptr<TokenKey> token, const QByteArray &publicKey);
    // A key file, or "pkcs11:..." with the certificate's key. Throws issuer.key, issuer.passphrase, issuer.token-*.
    static std::unique_ptr<Signer> open(const QString &keyPath, const QByteArray &passphrase, const SecretSource &pin,
                                        const QByteArray &publicKey);
    // The signature as it stands in a certificate (ECDSA: DER). Throws issuer.sign, issuer.token-*.
    QByteArray sign(QByteArrayView message) const;
    // With SHA-256 whatever the key is (Ed25519 alone has its own), as verifySignature() expects it.
    QByteArray signSha256(QByteArrayView message) const;
    // AlgorithmIdentifier of these signatures, DER (RFC 5758 section 3.2, RFC 4055 section 5, RFC 8410 section 3).
    QByteArray algorithm() const { return m_algorithm; }
    EVP_PKEY *key() const { return m_key.get(); } // for OpenSSL: CMS, TLS, CMP
    const TokenKey *token() const { return m_token.get(); }

private:
    enum class Kind { P256, P384, Ed25519, Rsa };
    QByteArray signDigest(const QByteArray &digest) const;
    QByteArray signEd25519(QByteArrayView message) const;
    void setKind(const QByteArray &publicKey);
    ssl::KeyContext take() const;
    ssl::Key m_key;
    std::shared_ptr<TokenKey> m_token;
    Kind m_kind = Kind::P256;
    QByteArray m_algorithm;
    mutable std::mutex m_mutex;
    mutable std::vector<ssl::KeyContext> m_idle;
};

} // namespace slipway
