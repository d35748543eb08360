#pragma once
// `slipway virtual esp`: an ESP32 family chip in its ROM loader that is not there.

#include "app/cli/clicontext.h"

namespace slipway {

// Adds "esp" to the noun "virtual".
void addVirtualEspCommand(CLI::App *noun, CliContext &context);

} // namespace slipway
