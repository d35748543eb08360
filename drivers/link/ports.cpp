#include "drivers/link/ports.h"

#include "core/base/text.h"

#include <QFile>
#include <QFileInfo>

#include <libudev.h>

#include <algorithm>
#include <memory>

namespace slipway {

namespace {

template <auto Unref> struct Unreference {
    template <typename T> void operator()(T *p) const { Unref(p); }
};
using Udev = std::unique_ptr<udev, Unreference<udev_unref>>;
using Enumerate = std::unique_ptr<udev_enumerate, Unreference<udev_enumerate_unref>>;
using UdevDevice = std::unique_ptr<udev_device, Unreference<udev_device_unref>>;

QString text(const char *value)
{
    return value ? oneLine(QString::fromUtf8(value), 120) : QString();
}

std::optional<int> number(const char *value)
{
    bool ok = false;
    const int n = QByteArray(value).trimmed().toInt(&ok);
    return ok ? std::optional(n) : std::nullopt;
}

std::optional<SerialPort> describe(udev_device *device)
{
    const char *node = udev_device_get_devnode(device);
    udev_device *parent = udev_device_get_parent(device);
    if (!node || !parent)
        return std::nullopt; // virtual consoles, ptys
    // The ports that the 8250 driver always makes have no hardware behind them unless it found a chip (type 0:
    // unknown).
    const char *type = udev_device_get_sysattr_value(device, "type");
    if (type && qstrcmp(type, "0") == 0)
        return std::nullopt;

    SerialPort port;
    port.node = QString::fromLocal8Bit(node);
    port.topology = text(udev_device_get_property_value(device, "ID_PATH"));
    port.adapterDriver = text(udev_device_get_driver(parent));
    port.latencyMs = number(udev_device_get_sysattr_value(parent, "latency_timer"));
    const QStringList links = QString::fromUtf8(udev_device_get_property_value(device, "DEVLINKS")).split(u' ');
    for (const QString &link : links) {
        if (link.startsWith(QLatin1String("/dev/serial/by-path/")))
            port.byPath = link;
    }
    udev_device *usb = udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device");
    if (!usb) {
        // The bus on which it sits; newer kernels put devices of their own between that and the port.
        QString bus;
        for (udev_device *up = parent; up && bus.isEmpty(); up = udev_device_get_parent(up)) {
            const QString subsystem = text(udev_device_get_subsystem(up));
            if (subsystem != QLatin1String("serial-base"))
                bus = subsystem;
        }
        port.description = bus.isEmpty() ? QStringLiteral("built in") : QStringLiteral("built in, ") + bus;
        if (port.topology.isEmpty())
            port.topology = text(udev_device_get_devpath(parent));
        return port;
    }
    port.usbPath = text(udev_device_get_sysname(usb));
    port.usbMegabit = number(udev_device_get_sysattr_value(usb, "speed"));
    port.vendorId = text(udev_device_get_sysattr_value(usb, "idVendor"));
    port.productId = text(udev_device_get_sysattr_value(usb, "idProduct"));
    port.usbSerial = text(udev_device_get_sysattr_value(usb, "serial"));
    udev_device *interface = udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_interface");
    if (port.topology.isEmpty())
        port.topology = QStringLiteral("usb-") + (interface ? text(udev_device_get_sysname(interface)) : port.usbPath);
    QStringList words{QStringLiteral("USB ") + port.usbPath};
    const QString maker = text(udev_device_get_sysattr_value(usb, "manufacturer"));
    const QString product = text(udev_device_get_sysattr_value(usb, "product"));
    const QString name = (maker + u' ' + product).trimmed();
    words << (name.isEmpty() ? port.vendorId + u':' + port.productId : name);
    if (!port.usbSerial.isEmpty())
        words << QStringLiteral("serial ") + port.usbSerial;
    port.description = words.join(QStringLiteral(", "));
    return port;
}

} // namespace

QList<SerialPort> serialPorts()
{
    QList<SerialPort> ports;
    const Udev context(udev_new());
    if (!context)
        return ports;
    const Enumerate all(udev_enumerate_new(context.get()));
    if (!all)
        return ports;
    udev_enumerate_add_match_subsystem(all.get(), "tty");
    udev_enumerate_scan_devices(all.get());
    udev_list_entry *entry = nullptr;
    udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all.get()))
    {
        const UdevDevice device(udev_device_new_from_syspath(context.get(), udev_list_entry_get_name(entry)));
        if (!device)
            continue;
        if (const auto port = describe(device.get()))
            ports << *port;
    }
    // ttyUSB10 after ttyUSB9.
    std::sort(ports.begin(), ports.end(), [](const SerialPort &a, const SerialPort &b) {
        return std::pair(a.node.size(), a.node) < std::pair(b.node.size(), b.node);
    });
    return ports;
}

std::optional<SerialPort> serialPort(const QString &node)
{
    const Udev context(udev_new());
    if (!context)
        return std::nullopt;
    const auto find = [&](const QString &path) {
        const QByteArray name = QFile::encodeName(QFileInfo(path).fileName());
        return UdevDevice(path.startsWith(QLatin1String("/dev/")) && path.count(u'/') == 2
                              ? udev_device_new_from_subsystem_sysname(context.get(), "tty", name.constData())
                              : nullptr);
    };
    UdevDevice device = find(node);
    if (!device)
        device = find(QFileInfo(node).canonicalFilePath());
    if (!device)
        return std::nullopt;
    return describe(device.get());
}

} // namespace slipway
