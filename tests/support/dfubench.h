#pragma once
// A virtual DFU device on a USB bed, and the driver that opens it.

#include "core/base/fault.h"
#include "drivers/dfu/dfudriver.h"
#include "tests/support/usbbed.h"

#include <functional>

namespace slipway::test {

inline const QString dfuPlace = QStringLiteral("1-2.3");

inline Task withinSeconds(int seconds)
{
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(seconds));
    return task;
}

inline std::unique_ptr<Device> openDfu(const QString &port = QStringLiteral("usb:1-2.3"))
{
    return DfuDriver().open({port, 0, {}}, withinSeconds(20));
}

// The fault's code, "none" where there is none.
inline QString faultOf(const std::function<void()> &call, QString *sentence = nullptr)
{
    try {
        call();
    } catch (const Fault &fault) {
        if (sentence)
            *sentence = fault.text();
        return QString::fromLatin1(fault.code());
    }
    return QStringLiteral("none");
}

inline QByteArray someBytes(qsizetype size, int seed = 1)
{
    QByteArray out(size, Qt::Uninitialized);
    quint32 x = quint32(seed) * 2654435761u;
    for (char &c : out) {
        x = x * 1664525u + 1013904223u;
        c = char(x >> 24);
    }
    return out;
}

inline VirtualDfuOptions plainOptions()
{
    VirtualDfuOptions options;
    options.vendorId = 0x1209;
    options.productId = 0xdf11;
    options.dfuVersion = 0x0110;
    options.transferSize = 256;
    options.alternates = {QStringLiteral("Application"), QStringLiteral("Radio")};
    return options;
}

inline VirtualDfuOptions withRuntime(VirtualDfuOptions options)
{
    options.runtimeVendorId = 0x1209;
    options.runtimeProductId = 0xdf10;
    options.startInRuntime = true;
    return options;
}

} // namespace slipway::test
