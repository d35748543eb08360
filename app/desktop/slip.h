#pragma once
// The slip that goes with a unit to the bin, the repair bench or the box: one A6 page, PDF, with the verdict as word
// and shape, the sentence, every step, and the serial number as a QR code. Throws file.unwritable.

#include "core/station/station.h"

namespace slipway {

struct Slip {
    SlotView view;
    QString station, person, recipe, recipeVersion;
    bool training = false;

    // Into folder, which is made when missing; the file's path.
    QString write(const QString &folder) const;
    // "T1-00004118-FAIL-1f0c2a9b.pdf", safe as a file name
    QString fileName() const;
};

} // namespace slipway
