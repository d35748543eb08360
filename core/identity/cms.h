#pragma once
// CMS SignedData (RFC 5652) over opaque bytes: beside the file that is signed (detached: passports, MUD files), or with
// the content inside (released recipes). Always in binary mode; `openssl cms -verify -binary -inform DER` accepts it
// (RFC 8520's own command line lacks -binary and fails). Throws cms.* .

#include "core/identity/signingkey.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

// DER. The signer's certificate and those above it are included; above: more of them, DER.
QByteArray cmsSignDetached(const SigningKey &key, const QByteArray &content, const QList<QByteArray> &above = {});
QByteArray cmsSign(const SigningKey &key, const QByteArray &content);

struct CmsSigner {
    QByteArray certificate; // DER
    QString subject;        // RFC 2253
    QString notAfter;       // "20271121143207Z"
    struct Link {
        QString subject;
        QByteArray keyIdentifier; // subjectKeyIdentifier; empty where the certificate has none
        QByteArray certificate;   // DER
    };
    QList<Link> chain; // the signer first, the trust anchor last
};
// Verifies signature, chain to one of the anchors (PEM, one or more) and that the signer's key usage has
// digitalSignature. Throws cms.damaged, cms.content, cms.untrusted, cms.key-usage.
CmsSigner cmsVerifyDetached(const QByteArray &content, const QByteArray &cmsDer, const QByteArray &anchorsPem);
// The same for a content inside, which it returns.
QByteArray cmsVerify(const QByteArray &cmsDer, const QByteArray &anchorsPem, CmsSigner *signer = nullptr);

struct CmsRules {
    std::optional<qint64> at; // judge validity at this time, seconds since 1970; else now
    // Any certificate among the anchors ends a chain, also one that another issued (RFC 5280 section 6.1.1 d).
    bool anyAnchor = false;
};
// All signers; each must satisfy what cmsVerifyDetached() asks. signature: DER, or PEM ("CMS" or "PKCS7"). Throws
// cms.smime and cms.not-detached besides, and cms.expired, cms.not-yet-valid, cms.no-issuer for what of a chain is so.
QList<CmsSigner> cmsSignersDetached(const QByteArray &content, const QByteArray &signature,
                                    const QByteArray &anchorsPem, const CmsRules &rules = {});
// Whether the signature is over these bytes by the keys of the certificates inside, trusted or not. Throws cms.damaged,
// cms.smime, cms.not-detached.
bool cmsCovers(const QByteArray &content, const QByteArray &signature);

} // namespace slipway
