#pragma once
// Group 1, image: what is in the slots, what boots next, erase, how large slots are. The upload is in imageupload.h.
// Zephyr "Application/software image management group". Throws as smpos.h.

#include "core/device/capabilities.h"
#include "drivers/smp/smpclient.h"

#include <optional>

namespace slipway::smp {

QList<Firmware::ImageSlot> imageList(SmpClient &client, const Task &task);
// Test (boot once, revert unless confirmed) or confirm an image by its hash; the list afterwards. An empty hash
// confirms the running image.
QList<Firmware::ImageSlot> setImageState(SmpClient &client, const QByteArray &hash, bool confirm, const Task &task);
// slot: nothing: the device's default, slot 1.
void eraseSlot(SmpClient &client, std::optional<int> slot, const Task &task);

struct SlotInfo {
    int image = 0;
    int slot = 0;
    qint64 size = 0;
    std::optional<int> uploadImage; // number under which an upload goes there
};
// Nothing where the device does not have the command.
std::optional<QList<SlotInfo>> slotInfo(SmpClient &client, const Task &task);

} // namespace slipway::smp
