#pragma once
// A certificate revocation list, version 2 (RFC 5280 section 5), whole or as the difference to one before (section
// 5.2.4): AKI, CRL number, delta indicator or freshest CRL, reason codes at the entries. Room-internal;
// FileIssuer::crl() is its public form.

#include "core/identity/fileissuer.h"
#include "core/identity/keyfile.h"

namespace slipway {

// Throws identity.reason, issuer.sign.
QByteArray buildCrl(const Signer &signer, const QByteArray &issuerName, const QByteArray &issuerKeyId,
                    const QList<CrlEntry> &revoked, const CrlForm &form);

} // namespace slipway
