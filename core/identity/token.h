#pragma once
// A PKCS#11 token and a private key in it. The token is logged in to once and keeps a small pool of sessions, which
// signing threads share; where the token went away or forgot us (removed, reset, session lost) everything is opened
// anew once, with the same PIN, before a fault is thrown. A PIN that the token refused is never tried again by this
// object; neither is a PIN from a file given to a token that counts wrong tries already, for such a file is read again
// at every start of the program. Several processes may use one token; those that read one PIN file log in one after the
// other, so that a wrong one is tried by the first alone. Thread-safe. Room-internal.
//
// Throws issuer.token-*: -module, -missing (no such token or several), -key, -pin, -pin-blocked, -lost, -refused;
// issuer.secret-*.

#include "core/identity/openssl.h"
#include "core/identity/pkcs11uri.h"
#include "core/identity/secret.h"

#include <QString>

#include <memory>

namespace slipway {

class Token;

class TokenKey : public std::enable_shared_from_this<TokenKey>
{
public:
    // publicKey: SubjectPublicKeyInfo of the certificate that belongs to the key; P-256, P-384 or RSA. Logs in.
    static std::shared_ptr<TokenKey> open(const Pkcs11Uri &uri, const SecretSource &pin, const QByteArray &publicKey);
    // SubjectPublicKeyInfo of a key in the token, from its public object there; for a key without a certificate.
    static QByteArray publicKeyOf(const Pkcs11Uri &uri, const SecretSource &pin);
    ~TokenKey();
    TokenKey(const TokenKey &) = delete;
    TokenKey &operator=(const TokenKey &) = delete;

    QString keyType() const { return m_keyType; }
    QString tokenLabel() const;
    // ECDSA over the digest, DER (RFC 3279 section 2.2.3).
    QByteArray signEcdsa(QByteArrayView digest) const;
    // RSA over what stands there: with PKCS#1 v1.5 padding of type 1, or none.
    QByteArray signRsa(QByteArrayView block, bool padded) const;
    // A private key for all of OpenSSL: CMS, TLS, CMP. Keeps this object alive.
    ssl::Key evpKey() const;

private:
    TokenKey() = default;
    QByteArray signWith(unsigned long mechanism, QByteArrayView data, qsizetype limit) const;

    std::shared_ptr<Token> m_token;
    Pkcs11Uri m_uri;
    QByteArray m_publicKey, m_keyBits;
    QString m_keyType;
    struct Handle;
    std::unique_ptr<Handle> m_handle;
};

} // namespace slipway
