#pragma once
// `slipway journal show | verify | passport | export | checkpoint | rebuild`.

#include "app/cli/clicontext.h"

namespace slipway {

void addJournalCommand(CLI::App &app, CliContext &context);

} // namespace slipway
