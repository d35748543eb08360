#pragma once
// What survives a power cut, in one file of a folder ("state.cbor", CBOR, readable by the owner only: the device's key
// is in it). Written beside and renamed: a killed program leaves the state before or after, never between.

#include "drivers/virtual/bootloader.h"
#include "drivers/virtual/virtualboard.h"

namespace slipway {

// Throws virtual.state when the file cannot be written.
void saveState(const QString &folder, const VirtualBoard &board, const Bootloader &boot);
// False: there is none yet. Throws virtual.state when it is damaged.
bool loadState(const QString &folder, VirtualBoard &board, Bootloader &boot);

} // namespace slipway
