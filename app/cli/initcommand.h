#pragma once
// `slipway init`.

#include "app/cli/clicontext.h"

namespace slipway {

void addInitCommand(CLI::App &app, CliContext &context);

} // namespace slipway
