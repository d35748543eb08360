#pragma once
// A private key in a file with the certificate that goes with it; the station key in practice. Thread-safe.
// Throws issuer.key, issuer.passphrase, issuer.certificate, issuer.mismatch, issuer.sign.

#include <QByteArray>
#include <QList>
#include <QString>

#include <memory>

struct evp_pkey_st;

namespace slipway {

class SigningKey
{
public:
    static std::unique_ptr<SigningKey> open(const QString &keyPath, const QString &certificatePath,
                                            const QByteArray &passphrase = {});
    ~SigningKey();

    QByteArray sign(const QByteArray &message) const; // ECDSA-SHA256, DER
    QByteArray certificate() const;                   // DER
    QList<QByteArray> chain() const;                  // certificate first, DER
    evp_pkey_st *key() const;                         // for CMS

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
