#pragma once
// The further verbs of `slipway identity`, one file for each matter.

#include "app/cli/clicontext.h"
#include "core/identity/secret.h"

namespace slipway {

// The key that issues, or issued, here: a file or "pkcs11:...", and the certificate that goes with it.
struct CaFiles {
    QString id;                               // first 8 hex digits of the key identifier
    QString folder, keyPath, certificatePath; // folder: of a former key, with its links
    QList<QByteArray> chain;
    SecretSource pin;
};
// The one that issues first, then the former ones. Production: where the authority is somewhere else, the CA in keys/.
QList<CaFiles> caFiles(const Home &home, bool training);

void addIdentityRevocationCommands(CLI::App &noun, CliContext &context); // revoke, release, crl, ocsp
void addIdentityCaCommands(CLI::App &noun, CliContext &context);         // ca list | rotate | export
void addIdentityListCommands(CLI::App &noun, CliContext &context);       // list, import, schema
void addIdentityQuotaCommands(CLI::App &noun, CliContext &context);      // quota sign | add | ...
void addIdentityBatchCommands(CLI::App &noun, CliContext &context);      // batch issue | show | bind | close

} // namespace slipway
