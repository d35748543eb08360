#pragma once
// The device in a slot, seen through its capabilities. Used by one thread.

#include "core/device/capabilities.h"
#include "core/device/devicefacts.h"

namespace slipway {

class Device
{
public:
    virtual ~Device() = default;
    // Asks the device; what it cannot tell stays empty.
    virtual DeviceFacts facts(const Task &task) = 0;

    virtual Firmware *firmware() { return nullptr; }
    virtual Blobs *blobs() { return nullptr; }
    virtual Shell *shell() { return nullptr; }
    virtual Keys *keys() { return nullptr; }
    virtual Eraser *eraser() { return nullptr; }
    virtual Reset *resetter() { return nullptr; }
    virtual Clock *clock() { return nullptr; }
    virtual Lock *locker() { return nullptr; }
    virtual Memory *memory() { return nullptr; }
};

} // namespace slipway
