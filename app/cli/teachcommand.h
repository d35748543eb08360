#pragma once
// slipway device teach: which port belongs to which place, learnt by plugging a unit into each place in turn. The other
// parts of the noun are in devicecommand.h.

#include "app/cli/clicontext.h"

namespace slipway {

void addTeachCommand(CLI::App &app, CliContext &context);

} // namespace slipway
