#pragma once
// What a device says of its DFU interface: the functional descriptor (USB DFU 1.1, section 4.1.3) and the alternate
// settings. Throws dfu.descriptor.

#include "drivers/link/usb.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <chrono>
#include <optional>

namespace slipway {

struct DfuInterface {
    struct Alternate {
        int number = 0;
        QString name;
    };
    int number = 0;
    bool runtime = false;     // the application's: it can only be asked to start the boot loader
    quint16 version = 0x0100; // 0x011a: DfuSe
    bool canDownload = false, canUpload = false, manifestationTolerant = false, willDetach = false;
    std::chrono::milliseconds detachTimeout{0};
    int transferSize = 0; // as stated, 0 included
    QList<Alternate> alternates;

    // DfuSe is both: the version, and memory maps as names.
    bool isDfuse() const;
    // Whether the device has one at all, right or wrong.
    static bool isIn(const UsbDevice &device);
    static bool isInDfuMode(const UsbDevice &device);
    static DfuInterface of(const UsbDevice &device);
};

} // namespace slipway
