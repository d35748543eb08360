#pragma once
// A certificate revocation list, version 2 (RFC 5280 section 5): AKI and CRL number, reason codes at the entries.
// Room-internal; FileIssuer::crl() is its public form.

#include "core/identity/fileissuer.h"
#include "core/identity/keyfile.h"

namespace slipway {

// Throws identity.reason, issuer.sign.
QByteArray buildCrl(const Signer &signer, const QByteArray &issuerName, const QByteArray &issuerKeyId,
                    const QList<CrlEntry> &revoked, qint64 number, int days);

} // namespace slipway
