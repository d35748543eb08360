#pragma once
// `slipway run`.

#include "app/cli/clicontext.h"

namespace slipway {

void addRunCommand(CLI::App &app, CliContext &context);

} // namespace slipway
