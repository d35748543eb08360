#pragma once
// `slipway completion`.

#include "app/cli/clicontext.h"

namespace slipway {

void addCompletionCommand(CLI::App &app, CliContext &context);

} // namespace slipway
