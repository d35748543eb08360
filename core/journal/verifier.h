#pragma once
// Checks what the station key signed: heads, checkpoints. ECDSA with SHA-256 over P-256 (or whatever key the
// certificate holds), signatures in DER. Thread-safe. Throws journal.no-key for a file without a usable key.

#include <QByteArray>
#include <QString>

#include <openssl/evp.h>

#include <memory>
#include <vector>

namespace slipway {

class JournalVerifier
{
public:
    // A PEM or DER certificate or public key, at most 64 KiB. PEM may hold several certificates; the key of each counts
    // (a station whose key was renewed), but not a CA's that only stands there as the chain.
    static JournalVerifier fromFile(const QString &path);
    // SubjectPublicKeyInfo or certificate, DER.
    static JournalVerifier fromDer(const QByteArray &der);

    // One of the keys made this signature.
    bool verify(const QByteArray &message, const QByteArray &signature) const;

private:
    struct Free {
        void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    };
    std::vector<std::unique_ptr<EVP_PKEY, Free>> m_keys;
};

} // namespace slipway
