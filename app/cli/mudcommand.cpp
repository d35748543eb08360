#include "app/cli/mudcommand.h"

namespace slipway {

void addMudCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.add_subcommand(
        "mud", "Network policies (MUD, RFC 8520): check, sign, verify, publish, author, hold devices against them");
    noun->require_subcommand(1);
    addMudFileCommands(*noun, context);
    addMudUrlCommands(*noun, context);
    addMudScanCommand(*noun, context);
    addMudSignCommands(*noun, context);
    addMudSiteCommands(*noun, context);
    addMudConformCommand(*noun, context);
    addMudAuthorCommand(*noun, context);
}

} // namespace slipway
