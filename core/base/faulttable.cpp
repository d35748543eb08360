#include "core/base/fault.h"

namespace slipway {

// Sorted by room. Codes are stable: they stand in journals and in other people's scripts. Never reuse one.
// Write sentences for an operator: what is wrong with what, in plain words; remedy: what to do now.
static constexpr FaultKind kinds[] = {
    // base
    {"internal.defect", Blame::Station, false, "Slipway made a mistake of its own.", "Please report it with the log."},
    {"base.stopped", Blame::Person, true, "Stopped.", ""},
    {"base.timeout", Blame::Unit, true, "%1 did not finish in time.", "Check cable and power, then try again."},
    {"base.usage", Blame::Usage, false, "%1", "%2"},
    {"file.unreadable", Blame::Usage, false, "Cannot read %1: %2.", "Check the name and its permissions."},
    {"file.unwritable", Blame::Station, true, "Cannot write %1: %2.", "Check free space and permissions."},
    {"file.too-large", Blame::Usage, false, "%1 is larger than %2 can be.", "Check that it is the right file."},

    // device and drivers
    {"driver.unknown", Blame::Usage, false, "There is no driver \"%1\".%2", "Known drivers: %3."},
    {"driver.lacks", Blame::Usage, false, "Driver %1 cannot do what step \"%2\" needs: %3.",
     "Choose another driver, or take the step out of the recipe."},
    {"device.class", Blame::Usage, false, "\"%1\" is no device class of RFC 7228bis.%2",
     "Use tokens such as C3, F1, T1."},
    {"device.class-twice", Blame::Usage, false, "Device classes %1 and %2 exclude each other.", "Keep one of them."},
    {"device.locked", Blame::Unit, false, "The device is locked: it has an identity already and takes no second one.",
     "Send it to support; a locked identity cannot be replaced here."},
    {"device.lacks", Blame::Unit, false, "This device cannot %1.", "Check the board's revision and the recipe."},
    {"device.refused", Blame::Unit, false, "The device refused to %1: %2.", "Check firmware and board revision."},
};

std::span<const FaultKind> faultTable()
{
    return kinds;
}

} // namespace slipway
