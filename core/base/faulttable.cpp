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

    // command line
    {"cli.passphrase", Blame::Usage, false, "No passphrase could be read from file descriptor %1.",
     "Open it for the program, for example: --passphrase-fd 3 3< passphrase-file"},
    {"cli.slot", Blame::Usage, false, "\"%1\" does not say which port belongs to which place.",
     "Write it as NAME=PORT, for example --slot 1=/dev/ttyACM0."},
    {"cli.unanswered", Blame::Usage, false, "The recipe asks a question and nobody is there to answer: %1",
     "Answer it ahead with --answer, or run it in a terminal."},
    {"cli.no-desktop", Blame::Station, false, "The desktop application could not be started: %1.",
     "Use slipway demo --headless."},

    // station
    {"home.exists", Blame::Usage, false, "There is a station already in %1.", "Use it, or choose another folder."},
    {"home.missing", Blame::Usage, false, "There is no station in %1.", "Make one with: slipway init --home %1"},
    {"home.damaged", Blame::Station, false, "The station in %1 is damaged: %2.", "Restore it from a backup."},
    {"home.config", Blame::Usage, false, "%1:%2:%3: %4", "Correct the file."},
    {"home.passphrase", Blame::Usage, false, "The keys of this station are encrypted, and %1.",
     "Give the passphrase with --passphrase-fd."},
    {"station.busy", Blame::Station, true, "Another Slipway is at work in %1.", "Close it, or use another home."},
    {"station.no-place", Blame::Usage, false, "There is no place %1.", "This station has places 1 to %2."},
    {"station.no-places", Blame::Usage, false, "This station has no places yet.",
     "Name their ports in station.yaml or with --slot NAME=PORT."},
    {"station.no-recipe", Blame::Usage, false, "No recipe is loaded.", "Choose a recipe first."},
    {"station.working", Blame::Usage, true, "Place %1 is still at work.", "Wait until it has finished, or stop it."},
    {"station.serial-missing", Blame::Usage, false, "Place %1 needs the serial number of its unit.",
     "Scan the unit's label, or give --serial."},
    {"station.serial-form", Blame::Usage, false, "\"%1\" is no serial number of this product.",
     "Scan the serial number, in the form %2."},
    {"station.serial-working", Blame::Usage, false, "Unit %1 is being worked on in place %2.", "Scan another unit."},
    {"station.serial-passed", Blame::Usage, false, "Unit %1 has passed already.", "Put it to the finished units."},
    {"station.attempts", Blame::Usage, false, "Unit %1 has had its %2 attempts.", "Send it to repair."},
    {"station.no-retry", Blame::Usage, false, "Place %1 has no unit to try again.", "Scan a unit."},
    {"station.no-question", Blame::Usage, false, "Place %1 asks nothing now.", "Go on."},
    {"station.answer-form", Blame::Usage, false, "\"%1\" does not have the form that is asked for.", "Use the form %2."},
    {"station.numbers-used-up", Blame::Station, false, "The numbers of pool \"%1\" are used up.",
     "Have an engineer open a new range in the recipe."},
    {"station.number-form", Blame::Usage, false, "The format \"%1\" of variable %2 cannot count.",
     "Use one number field, such as T1-%08d."},
    {"station.no-variable", Blame::Usage, false, "There is no variable \"%1\" here.%2", "Known: %3."},
    {"station.interrupted", Blame::Station, true,
     "The power was lost or Slipway was ended in step %1; nothing irreversible was done.", "Run the unit again."},
    {"station.interrupted-unknown", Blame::Station, true,
     "The power was lost or Slipway was ended in step %1, and it is not known whether it took effect: %2.",
     "Put the unit into a place and choose Check, or run it again: Slipway asks the device first."},
    {"station.outcome-unknown", Blame::Station, true, "It is not known whether this took effect: %1. %2",
     "Run the unit again: Slipway asks the device first."},
    {"station.other-unit", Blame::Unit, false, "The device in this place says it is %1, not %2.",
     "Put the right unit into the place and scan it."},
    {"station.recipe-attention", Blame::Usage, false, "The recipe does not fit this station: %1", "Correct the recipe."},

    // codec
    {"codec.cbor", Blame::Usage, false, "%1 is not readable: %2.", "Check that it is the right file and not cut short."},

    // virtual
    {"virtual.link", Blame::Station, true, "Cannot make the virtual port %1: %2.",
     "Choose another path or port, and check permissions."},
    {"virtual.image", Blame::Usage, false, "The virtual device cannot start from %1: %2.",
     "Give it an MCUboot image that its boot loader trusts."},
    {"virtual.fault", Blame::Usage, false, "\"%1\" is no trouble that a virtual device can play.%2",
     "Known ones: %3."},
    {"virtual.fault-option", Blame::Usage, false, "\"%1\" is no option of trouble \"%2\".",
     "Options are after, every, delay and value, as in late:delay=800ms,every=3."},
    {"virtual.state", Blame::Station, false, "The virtual device's state in %1 is damaged: %2.",
     "Remove the folder to start with a blank device."},
};

std::span<const FaultKind> faultTable()
{
    return kinds;
}

} // namespace slipway
