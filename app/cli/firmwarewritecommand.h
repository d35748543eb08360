#pragma once
// slipway firmware write, read and erase: the parts of the noun that need a device. Write judges files, writes them and
// sees that the device holds and runs them. The other parts of the noun are in firmwarecommand.h.

#include "app/cli/clicontext.h"

namespace slipway {

void addFirmwareDeviceCommands(CLI::App &app, CliContext &context);

} // namespace slipway
