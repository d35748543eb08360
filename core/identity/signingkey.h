#pragma once
// A private key in a file or in a PKCS#11 token, with the certificate that goes with it: the station's key, a signer of
// MUD files or of recipes. Thread-safe.
// Throws issuer.key, issuer.passphrase, issuer.token-*, issuer.certificate, issuer.mismatch, issuer.sign.

#include "core/identity/secret.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <memory>

struct evp_pkey_st;

namespace slipway {

class SigningKey
{
public:
    // keyPath: a file, or "pkcs11:token=...;object=...?..." (RFC 7512); then pin says where the PIN comes from, and the
    // passphrase is not looked at.
    static std::unique_ptr<SigningKey> open(const QString &keyPath, const QString &certificatePath,
                                            const QByteArray &passphrase = {}, const SecretSource &pin = {});
    ~SigningKey();

    QByteArray sign(const QByteArray &message) const; // with SHA-256; ECDSA as DER, RSA PKCS#1 v1.5
    QByteArray certificate() const;                   // DER
    QList<QByteArray> chain() const;                  // certificate first, DER
    // For OpenSSL's CMS_sign, SSL_CTX and the like, also where the key stays in its token. Lives as long as this
    // object.
    evp_pkey_st *key() const;

private:
    struct Private;
    explicit SigningKey(std::unique_ptr<Private> p);
    std::unique_ptr<Private> d;
};

// The key decides the algorithm: ECDSA and RSA (PKCS#1) with SHA-256, or Ed25519. publicKey: SubjectPublicKeyInfo or
// certificate, DER. For proof of possession and checkpoints; false also for what cannot be read.
bool verifySignature(const QByteArray &publicKey, const QByteArray &message, const QByteArray &signature);

// 32 fresh random bytes for a challenge.
QByteArray newChallenge();

} // namespace slipway
