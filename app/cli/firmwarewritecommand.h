#pragma once
// slipway firmware write: verifies an MCUboot image, writes it to a device and sees that the device runs it. The other
// parts of the noun are in firmwarecommand.h.

#include "app/cli/clicontext.h"

namespace slipway {

void addFirmwareWriteCommand(CLI::App &app, CliContext &context);

} // namespace slipway
