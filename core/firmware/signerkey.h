#pragma once
// A signer's public key as people hand it in: SubjectPublicKeyInfo or a certificate, PEM. Throws firmware.signer; a
// private key is refused, too, for it has no place on a command line.

#include <QByteArray>

#include <openssl/evp.h>

#include <memory>

namespace slipway {

struct PublicKeyFreer {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
using PublicKey = std::unique_ptr<EVP_PKEY, PublicKeyFreer>;

PublicKey publicKeyFromPem(const QByteArray &pem);
// SHA-256 of the SubjectPublicKeyInfo: the key's name in records.
QByteArray publicKeyHash(EVP_PKEY *key);

} // namespace slipway
