#pragma once
// Checks what the station key signed: heads, checkpoints. ECDSA with SHA-256 over P-256 (or whatever key the
// certificate holds), signatures in DER. Thread-safe.
// What all of it rests on is the anchor: the station's CA, or a station certificate or public key that somebody trusts
// as it is. Its SHA-256 is what a person compares with the one noted when the station was made; a file in the home says
// nothing about itself. Validity times do not count: a record outlives its certificates.
// Throws journal.no-key for a file without a usable key, and journal.not-vouched where the station's certificate is
// missing, holds no key, or was not issued by the anchor.

#include <QByteArray>
#include <QString>

#include <openssl/evp.h>

#include <memory>
#include <vector>

namespace slipway {

class JournalVerifier
{
public:
    // The anchor, a PEM or DER certificate or public key, at most 64 KiB. PEM may hold several certificates; the key of
    // each counts (a station whose key was renewed), but not a CA's: where there is one, it must have issued the others
    // and is the anchor itself. Where the file holds nothing but CAs, the certificates that one of them issued are
    // taken from stationFile.
    static JournalVerifier fromFile(const QString &anchorFile, const QString &stationFile = {});
    // SubjectPublicKeyInfo or certificate, DER.
    static JournalVerifier fromDer(const QByteArray &der);

    // One of the keys made this signature.
    bool verify(const QByteArray &message, const QByteArray &signature) const;
    // Of the anchor's DER: certificate, or SubjectPublicKeyInfo where there is no certificate.
    const QByteArray &anchorSha256() const { return m_anchorSha256; }

private:
    struct Free {
        void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    };
    std::vector<std::unique_ptr<EVP_PKEY, Free>> m_keys;
    QByteArray m_anchorSha256;
};

} // namespace slipway
