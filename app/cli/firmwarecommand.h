#pragma once
// slipway firmware inspect, verify, add, list: images in files and in the station's vault. Writing to a device is in
// firmwarewritecommand.h.

#include "app/cli/clicontext.h"

namespace slipway {

void addFirmwareCommand(CLI::App &app, CliContext &context);

} // namespace slipway
