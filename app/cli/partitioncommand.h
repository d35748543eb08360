#pragma once
// slipway identity partition: factory partitions of the ESP32 family out of files that are there already.

#include "app/cli/clicontext.h"

namespace slipway {

void addPartitionCommands(CLI::App &identity, CliContext &context);

} // namespace slipway
