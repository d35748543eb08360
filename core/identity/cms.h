#pragma once
// CMS SignedData (RFC 5652) over opaque bytes: beside the file that is signed (detached: passports, MUD files), or with
// the content inside (released recipes). Always in binary mode; `openssl cms -verify -binary -inform DER` accepts it
// (RFC 8520's own command line lacks -binary and fails). Throws cms.* .

#include "core/identity/signingkey.h"

#include <QByteArray>
#include <QString>

namespace slipway {

// DER. The signer's certificate and those above it are included.
QByteArray cmsSignDetached(const SigningKey &key, const QByteArray &content);
QByteArray cmsSign(const SigningKey &key, const QByteArray &content);

struct CmsSigner {
    QByteArray certificate; // DER
    QString subject;        // RFC 2253
};
// Verifies signature, chain to one of the anchors (PEM, one or more) and that the signer's key usage has
// digitalSignature. Throws cms.damaged, cms.content, cms.untrusted, cms.key-usage.
CmsSigner cmsVerifyDetached(const QByteArray &content, const QByteArray &cmsDer, const QByteArray &anchorsPem);
// The same for a content inside, which it returns.
QByteArray cmsVerify(const QByteArray &cmsDer, const QByteArray &anchorsPem);

} // namespace slipway
