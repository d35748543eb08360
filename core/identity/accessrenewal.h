#pragma once
// A new key and certificate for the station itself, with which it shows an EST or CMP authority that it is a
// registration authority: before the old one expires. Throws issuer.*; issuer.settings for issuers that know no access.

#include "core/base/task.h"
#include "core/identity/authority.h"

namespace slipway {

class Issuer;

// The certificate has the old one's subject; key: P-256, encrypted where there is a passphrase.
KeyAndCertificate renewAccess(Issuer &issuer, const QByteArray &passphrase, const Task &task);

} // namespace slipway
