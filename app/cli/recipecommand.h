#pragma once
// `slipway recipe`: check, schema, sign, manual.

#include "app/cli/clicontext.h"

namespace slipway {

void addRecipeCommand(CLI::App &app, CliContext &context);

} // namespace slipway
