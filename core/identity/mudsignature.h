#pragma once
// Signatures of MUD files (RFC 8520 section 13): detached CMS beside the file, by a certificate with digitalSignature,
// whose subject is the one that the device's certificate names in its mudsigner extension. The file is opaque bytes
// here: nothing of it is parsed before it is authentic.

#include "core/identity/cms.h"

namespace slipway {

struct MudSignatureRules {
    QByteArray anchorsPem;
    QByteArray deviceCertificate; // DER; empty: no device to match
    std::optional<qint64> at;     // seconds since 1970; else now
};

struct MudSignature {
    QList<CmsSigner> signers;
    QString expectedSigner; // subject that the device's certificate names; "" where it names none
    QString deviceMudUrl;   // that of the device's certificate, or ""
};

// Throws cms.*, mud.line-ends where nothing but line ends was changed, mud.signer, identity.certificate.
MudSignature verifyMudSignature(const QByteArray &file, const QByteArray &signature, const MudSignatureRules &rules);

// Whether the signature is over these very bytes, whoever signed. Throws cms.content, cms.damaged, cms.smime,
// cms.not-detached, mud.line-ends.
void checkMudSignature(const QByteArray &file, const QByteArray &signature);

// DER. Refuses a certificate that may not sign, or is not valid now, before anybody is sent such a signature: throws
// cms.key-usage, cms.expired, cms.not-yet-valid, cms.sign. above: certificates above the key's own, DER.
QByteArray signMudFile(const SigningKey &key, const QByteArray &file, const QList<QByteArray> &above = {});

} // namespace slipway
