#pragma once
// A token's key as an EVP_PKEY, for the parts of OpenSSL that want one: CMS, TLS, CMP. Its public half is a plain key;
// what needs the private half comes back to the token. This is OpenSSL's interface of methods for EC_KEY and RSA, which
// version 3 calls deprecated and has no replacement for but a provider of one's own. Room-internal.

#include "core/identity/openssl.h"

#include <memory>

namespace slipway {

class TokenKey;

// publicKey: SubjectPublicKeyInfo. Throws issuer.sign.
ssl::Key tokenEvpKey(const QByteArray &publicKey, std::shared_ptr<const TokenKey> key);

} // namespace slipway
