#pragma once
// The serial ports of this station, from udev, with the place where they are plugged in: the path through controllers
// and hubs, which stays the same when a device restarts under another name.

#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct SerialPort {
    QString node;                           // "/dev/ttyUSB0"
    QString topology;                       // "pci-0000:00:14.0-usb-0:2.3:1.0": udev's ID_PATH; empty: not told
    QString byPath;                         // "/dev/serial/by-path/...", empty: udev made no such link
    QString usbPath;                        // "1-2.3", empty: not USB
    QString description;                    // "USB 1-2.3, FTDI FT232R, serial A50285BI"
    QString vendorId, productId, usbSerial; // lower-case hex, "" when not USB
    QString adapterDriver;                  // the kernel's: "ftdi_sio", "cp210x", "cdc_acm"; empty: not told
    std::optional<int> latencyMs;           // of the adapter's timer, where its driver shows it
    std::optional<int> usbMegabit;          // speed of its USB port: 12, 480
};

// The name under which the port stays the same when its device comes back under another node.
inline QString stableName(const SerialPort &port)
{
    return port.byPath.isEmpty() ? port.node : port.byPath;
}

// In the order of their nodes. Ports without hardware behind them are left out. Empty without udev.
QList<SerialPort> serialPorts();
// Of that node (links are followed), or nothing.
std::optional<SerialPort> serialPort(const QString &node);

} // namespace slipway
