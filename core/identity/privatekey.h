#pragma once
// A P-256 private key that is made outside the device it is for: fresh, to be injected, or derived from a seed that the
// device has as well. The number lies in SecretBytes and nowhere else but in OpenSSL's secure heap while it signs; all
// forms of it that leave here are SecretBytes too.
//
// A fresh one: FIPS 186-5 A.2.2 (testing candidates). A derived one: 40 bytes c by HKDF-SHA-256 (RFC 5869) with
//   IKM = seed, salt = "slipway idevid p256 v1", info = "IDevID" 00 serial number (UTF-8)
// and then FIPS 186-5 A.2.1 (extra random bits): d = (c mod (n - 1)) + 1, c as a big-endian number, n the order.
//
// Throws issuer.sign where OpenSSL fails, identity.seed, issuer.key, base.no-secret-memory.

#include "core/base/secret.h"
#include "core/identity/issuer.h"

#include <QByteArray>
#include <QString>

#include <map>

namespace slipway {

class PrivateKey
{
public:
    static constexpr qsizetype Size = 32;
    static constexpr qsizetype SmallestSeed = 32; // 256 bits

    static PrivateKey generate();
    static PrivateKey derive(const SecretBytes &seed, const QString &serial);
    // PEM file, P-256; passphrase empty: not encrypted.
    static PrivateKey open(const QString &path, const QByteArray &passphrase = {});
    // PrivateKeyInfo, DER, P-256; throws issuer.key with what names it.
    static PrivateKey fromPkcs8(const SecretBytes &der, const QString &name);

    const SecretBytes &number() const { return m_number; }      // 32 bytes, big-endian
    const QByteArray &publicKeyDer() const { return m_public; } // SubjectPublicKeyInfo
    SecretBytes pkcs8() const;                                  // PrivateKeyInfo, DER
    SecretBytes sec1() const;                                   // ECPrivateKey (RFC 5915), DER
    // A PKCS#10 request with this subject serialNumber, signed by the key.
    CertificateRequest request(const QString &serial) const;

private:
    explicit PrivateKey(SecretBytes number);
    SecretBytes m_number;
    QByteArray m_public;
};

// Seeds of devices, read once from a file descriptor: either one line, a seed in hex that all devices of a product
// share, or lines "ID SEED" where the id is a serial number. Lines that begin with # are skipped.
class SeedTable
{
public:
    SeedTable() = default;
    // Cleanses the text. Throws identity.seeds with the line, never with what stands there.
    static SeedTable parse(SecretBytes text);
    bool isEmpty() const { return m_seeds.empty() && m_common.isEmpty(); }
    // Throws identity.no-seed.
    const SecretBytes &of(const QString &serial) const;

private:
    SecretBytes m_common;
    std::map<QString, SecretBytes> m_seeds;
};

} // namespace slipway
