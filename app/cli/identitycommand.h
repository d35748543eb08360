#pragma once
// slipway identity issue, check, export, revoke, crl: certificates of devices, on the station's record.

#include "app/cli/clicontext.h"

namespace slipway {

void addIdentityCommand(CLI::App &app, CliContext &context);

} // namespace slipway
