#pragma once
// What `slipway mud conform` and `slipway mud author` share: where packets come from, whose they are, and what the
// network's administrator knows.

#include "app/cli/clicontext.h"
#include "core/mud/flowrules.h"

#include <string>
#include <vector>

namespace slipway {

struct MudTrafficWords {
    std::string pcap, interface, span, device;
    std::vector<std::string> controllers, myController, local, things, hosts;

    bool any() const { return !pcap.empty() || !interface.empty(); }
    void addTo(CLI::App *command, bool needed);
    MudMappings mappings() const; // throws mud.mapping
    // Reads the capture, or listens. Without --for a stop ends the listening, and with it the command's work goes on.
    // Throws mud.no-traffic with the addresses that were seen.
    DeviceTraffic record(CliContext &context) const;
};

} // namespace slipway
