#pragma once
// `slipway recover`: runs that a kill or a power cut interrupted, and what became of them.

#include "app/cli/clicontext.h"

namespace slipway {

void addRecoverCommand(CLI::App &app, CliContext &context);

} // namespace slipway
