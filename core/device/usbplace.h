#pragma once
// Behind which USB host controller and hub a port sits: from sysfs where the port is there, else from its name. Names:
// "usb:1-2.3" (bus and ports), /dev/ttyACM0, and names of udev's by-path links, "pci-0000:00:14.0-usb-0:2.3:1.0-port0".

#include <QString>

#include <optional>

namespace slipway {

struct UsbPlace {
    QString controller; // "0000:00:14.0"; "usb1" where the kernel does not tell more
    QString hub;        // ports of the hub in front, "2"; empty: the controller's own ports
    bool operator==(const UsbPlace &) const = default;
};

// Nothing: the port is not on USB, or does not say where.
std::optional<UsbPlace> usbPlaceOf(const QString &port, const QString &sys = QStringLiteral("/sys"));

} // namespace slipway
