#pragma once
// Key pairs made by the station for devices that make none themselves, kept until they are injected: each private key
// lies sealed in a file of its own, a CMS AuthEnvelopedData (RFC 5083; AES-256-GCM, ECDH with P-256) to a transport key
// that was made for this lot and whose private half is encrypted with a passphrase (PKCS#8, scrypt). In the open a key
// exists in memory only, cleansed after use.
//   openssl cms -decrypt -binary -inform DER -in KEY.p7m -inkey transport.key -recip transport.pem
// Throws identity.lot-*, issuer.*, file.*.

#include "core/base/secret.h"
#include "core/identity/issuer.h"

#include <memory>

struct evp_pkey_st;

namespace slipway {

class KeyLot
{
public:
    // A new folder with transport.key and transport.pem. passphrase: not empty. Throws identity.lot-passphrase.
    static KeyLot create(const QString &folder, const QByteArray &passphrase);
    // For unsealing; throws issuer.passphrase, identity.lot-missing.
    static KeyLot open(const QString &folder, const QByteArray &passphrase);
    KeyLot(KeyLot &&) noexcept;
    KeyLot &operator=(KeyLot &&) noexcept;
    ~KeyLot();

    // Makes a pair, seals it into the folder and returns what a certificate is asked for with. The file is on the disk
    // when this returns.
    CertificateRequest makePair(const QString &keyType, const QString &serial);
    // PKCS#8, DER, in locked memory. Throws identity.lot-key.
    SecretBytes unseal(const QByteArray &publicKeySha256) const;
    void discard(const QByteArray &publicKeySha256) const;
    // The sealed form is no longer needed: overwritten as far as the disk does that, and removed.
    static void discard(const QString &folder, const QByteArray &publicKeySha256);
    // All of them, and the transport key.
    static void discardAll(const QString &folder);

private:
    struct Private;
    explicit KeyLot(std::unique_ptr<Private> p);
    std::unique_ptr<Private> d;
};

} // namespace slipway
