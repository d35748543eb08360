#pragma once
// slipway virtual linux: a real shell behind a console, in a scratch folder. Throws base.usage, virtual.*.

#include "app/cli/clicontext.h"

namespace slipway {

void addVirtualLinuxCommand(CLI::App *noun, CliContext &context);

} // namespace slipway
