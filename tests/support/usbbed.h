#pragma once
// Puts virtual USB devices into /sys and /dev/bus/usb of this process and of the programs it starts, by umockdev:
// answers usbfs' requests out of the model, plugs and unplugs, and re-enumerates when the model asks for it. Needs
// umockdev's preload library (ENVIRONMENT LD_PRELOAD=libumockdev-preload.so.0).

#include "drivers/virtual/virtualdap.h"
#include "drivers/virtual/virtualdfu.h"

#include <QString>

#include <memory>

namespace slipway::test {

class UsbBed
{
public:
    static bool isPreloaded();

    UsbBed();
    ~UsbBed();
    UsbBed(const UsbBed &) = delete;
    UsbBed &operator=(const UsbBed &) = delete;

    // path: "1-2", or "1-2.3" behind a hub at 1-2. The model outlives the bed.
    void plug(VirtualUsb &device, const QString &path);
    void unplug(const QString &path);
    void forbid(const QString &path);         // its node may not be opened any more
    int addressOf(const QString &path) const; // 0: not there
    QString root() const;                     // of the test bed

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway::test
