#pragma once
// `slipway virtual uf2`: a device with a UF2 boot loader that is not there, and its drive.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualUf2Command(CLI::App &noun, CliContext &context);

} // namespace slipway
