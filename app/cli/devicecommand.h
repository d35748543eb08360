#pragma once
// slipway device: the ports of this station and what is behind them.

#include "app/cli/clicontext.h"

namespace slipway {

void addDeviceCommand(CLI::App &app, CliContext &context);

} // namespace slipway
