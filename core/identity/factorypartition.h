#pragma once
// The partition esp_secure_cert of a chip whose key and certificate were made outside: issuing certificates, the
// device's, its key, in the order and form of Espressif's own generator (PEM with a closing NUL, "EC PRIVATE KEY").
// The issuing certificate is subtype 0, those above it follow. Throws codec.esp-secure-cert.

#include "core/codec/espsecurecert.h"
#include "core/identity/privatekey.h"

namespace slipway {

// chain: end entity first, DER each. size: of the partition; filled: with blank flash memory up to it.
SecretBytes buildEspSecureCert(const QList<QByteArray> &chain, const PrivateKey &key,
                               qsizetype size = EspSecureCert::UsualSize, bool filled = false);

} // namespace slipway
