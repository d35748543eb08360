#pragma once
// The way into the ROM loader and out of it: resets by DTR and RTS where the port has them, SYNC, another rate. Throws
// esp.no-answer, esp.application-runs, esp.rate, link.*.

#include "drivers/esp/espclient.h"
#include "drivers/esp/espquirks.h"

namespace slipway::esp {

constexpr int romBaud = 115200; // the ROM finds the rate of SYNC by itself up to about this

// Tries the adapter's sequences in turn until SYNC is answered. A port without such lines, or a chip that is in its
// loader already, needs none.
void enterLoader(EspClient &client, const EspQuirks &quirks, const EspAdapter *adapter, const Task &task);
// By the lines; false when there are none.
bool runByLines(EspClient &client, const EspQuirks &quirks, const EspAdapter *adapter, const Task &task);
// By the loader itself.
void runByLoader(EspClient &client, bool encryptionWord, const Task &task);
// SYNC, as often as it takes a chip in the middle of something; false when it stays silent.
bool synchronise(EspClient &client, const Task &task);
// Both ends to that rate; back to the old one when the chip will not.
void changeRate(EspClient &client, int baud, const Task &task);

} // namespace slipway::esp
