#pragma once
// Two slots and the boot loader's choice between them: MCUboot swapping images (documentation "Bootloader", Image
// swapping). A tested image that is not confirmed before the next restart is swapped back; an image that the boot
// loader does not trust is erased instead of started. A single-image MCUboot does not check dependency TLVs.

#include "drivers/virtual/bootimage.h"

namespace slipway {

class Bootloader
{
public:
    enum class Pending { None, Test, Permanent };

    QByteArray slot[2]; // what was written from the start; the rest of a slot is blank (0xff)
    qint64 slotSize = 655360;
    QList<QByteArray> keys;
    bool downgradePrevention = false;
    QByteArray factoryHash; // of an unsigned image put in at the factory, trusted as it is
    Pending pending = Pending::None;
    bool confirmed = true;       // slot 0
    quint32 securityCounter = 0; // highest ever confirmed

    // A restart: swap, revert or neither. Returns what it did, for the log.
    QString boot();
    // The reason not to start the image of that slot, or "".
    QString refusal(int index) const;
    bool reverting() const { return pending == Pending::None && !confirmed; }
    // Slot 1 holds what the next restart needs.
    bool slot1InUse() const { return pending != Pending::None || reverting(); }
    void confirm();
};

} // namespace slipway
