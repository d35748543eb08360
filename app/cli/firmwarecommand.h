#pragma once
// slipway firmware inspect, verify, add, list, find: files, and what the station's vault holds. Writing to a device is
// in firmwarewritecommand.h.

#include "app/cli/clicontext.h"

namespace slipway {

void addFirmwareCommand(CLI::App &app, CliContext &context);

} // namespace slipway
