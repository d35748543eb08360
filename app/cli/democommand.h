#pragma once
// `slipway demo`.

#include "app/cli/clicontext.h"

namespace slipway {

void addDemoCommand(CLI::App &app, CliContext &context);

} // namespace slipway
