#pragma once
// `slipway virtual probe`: a debug probe with an STM32F103 on it that is not there, for OpenOCD to drive.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualProbeCommand(CLI::App &noun, CliContext &context);

} // namespace slipway
