#pragma once
// slipway firmware find: the file for a device among those in folders, on sticks, on servers and in the vault, with the
// reason for each.

#include "app/cli/clicontext.h"

namespace slipway {

void addFirmwareFindCommand(CLI::App *noun, CliContext &context);

} // namespace slipway
