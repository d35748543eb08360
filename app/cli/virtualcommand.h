#pragma once
// `slipway virtual`: devices that are not there, and the line to them.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualCommand(CLI::App &app, CliContext &context);

} // namespace slipway
