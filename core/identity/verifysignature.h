#pragma once
// Signatures checked with OpenSSL. Room-internal; the public form is verifySignature() in signingkey.h.

#include "core/identity/openssl.h"

#include <QString>

namespace slipway {

// Whether signature over message holds under the key (SubjectPublicKeyInfo, of keyTypeOf's type) with the algorithm
// that the AlgorithmIdentifier names: ECDSA or RSA PKCS#1 with SHA-256, -384 or -512, or Ed25519. Never throws.
bool verifyAlgorithm(QByteArrayView publicKeyInfo, const QString &keyType, QByteArrayView algorithmIdentifier,
                     QByteArrayView message, QByteArrayView signature);

} // namespace slipway
