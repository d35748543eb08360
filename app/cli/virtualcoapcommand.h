#pragma once
// `slipway virtual coap`: a device that speaks CoAP and is not there.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualCoapCommand(CLI::App *noun, CliContext &context);

} // namespace slipway
