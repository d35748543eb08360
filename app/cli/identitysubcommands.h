#pragma once
// The further verbs of `slipway identity`, one file for each matter.

#include "app/cli/clicontext.h"

namespace slipway {

void addIdentityRevocationCommands(CLI::App &noun, CliContext &context); // revoke, release, crl, ocsp
void addIdentityCaCommands(CLI::App &noun, CliContext &context);         // ca list | rotate | export
void addIdentityListCommands(CLI::App &noun, CliContext &context);       // list, import, schema
void addIdentityQuotaCommands(CLI::App &noun, CliContext &context);      // quota sign | add | ...
void addIdentityBatchCommands(CLI::App &noun, CliContext &context);      // batch issue | show | bind | close

} // namespace slipway
