#pragma once
// `slipway mud ...`: network policies (RFC 8520). The noun is made here; each group of its subcommands has a file of
// its own and adds itself in mudcommand.cpp.

#include "app/cli/clicontext.h"

namespace slipway {

void addMudCommand(CLI::App &app, CliContext &context);

// mudfilecommand.cpp: check
void addMudFileCommands(CLI::App &noun, CliContext &context);
// mudsigncommand.cpp: sign, verify
void addMudSignCommands(CLI::App &noun, CliContext &context);
// mudsitecommand.cpp: publish, headers, serve
void addMudSiteCommands(CLI::App &noun, CliContext &context);

// mudurlcommand.cpp: url, accept, history
void addMudUrlCommands(CLI::App &noun, CliContext &context);

// mudscancommand.cpp: scan
void addMudScanCommand(CLI::App &noun, CliContext &context);
// mudconformcommand.cpp: conform
void addMudConformCommand(CLI::App &noun, CliContext &context);

// mudauthorcommand.cpp: author
void addMudAuthorCommand(CLI::App &noun, CliContext &context);

} // namespace slipway
