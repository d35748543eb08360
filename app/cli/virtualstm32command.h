#pragma once
// `slipway virtual stm32`: an STM32 in its system boot loader that is not there.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualStm32Command(CLI::App &noun, CliContext &context);

} // namespace slipway
