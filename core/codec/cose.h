#pragma once
// Signatures of COSE (RFC 9052 sections 4.1 to 4.4, algorithms of RFC 9053, RFC 8230 and RFC 9864): COSE_Sign1 and
// COSE_Sign, tagged, and the check of one under a public key. ES256/384/512 and ESP256/384/512 (ECDSA on the curve of
// that size), EdDSA and Ed25519, PS256/384/512. The algorithm counts only from the protected header; a critical header
// that is not known here, is refused. MACs are recognised and not checked: there is no key that could be given openly.
// Throws codec.cose where the bytes are no such message.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

typedef struct evp_pkey_st EVP_PKEY;

namespace slipway {

struct CoseSignature {
    QByteArray protectedHeader; // as encoded, empty for COSE_Sign1, whose header is the body's
    qint64 algorithm = 0;       // 0: none is stated where it must be
    QByteArray keyId;
    QByteArray signature;
    QString algorithmName() const; // "ES256", "algorithm -7000"
};

struct CoseMessage {
    enum class Kind { Sign1, Sign, Mac0, Mac };
    static constexpr int MaximumSignatures = 16;

    Kind kind = Kind::Sign1;
    QByteArray bodyProtected;          // as encoded
    std::optional<QByteArray> payload; // nothing: detached
    QList<CoseSignature> signatures;   // one for Sign1, none for MACs

    static CoseMessage parse(QByteArrayView bytes);
    // Whether one of its signatures holds under that key. detached stands in for a payload that is not inside.
    bool holds(EVP_PKEY *publicKey, const QByteArray &detached, const QByteArray &externalAad = {}) const;
};

} // namespace slipway
