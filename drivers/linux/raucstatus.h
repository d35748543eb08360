#pragma once
// What `rauc status --detailed --output-format=json` prints (RAUC 1.x, "Using RAUC", section "Accessing status"): the
// booted slot, the slot that is booted next, and for each slot its class, boot name, state, boot status and the bundle
// that was installed there. Sizes are bounded; anything that is not of the expected kind is taken as not told.

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct RaucSlot {
    QString name; // "rootfs.0"
    QString slotClass, bootName, state, bootStatus;
    QString version;   // of the bundle installed there
    QByteArray sha256; // of the image written there
    bool booted() const { return state == u"booted"; }
};

struct RaucStatus {
    QString compatible, booted, primary;
    QList<RaucSlot> bootSlots; // sorted by name
    // Nothing when this is no status. Text around the object (warnings) is skipped.
    static std::optional<RaucStatus> parse(QByteArrayView output);
};

} // namespace slipway
