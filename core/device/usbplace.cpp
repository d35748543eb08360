#include "core/device/usbplace.h"

#include <QFileInfo>
#include <QRegularExpression>
#include <QStringList>

namespace slipway {

namespace {

// Of "2.3": "2"; of "2": nothing.
QString hubOf(const QString &ports)
{
    return ports.contains(u'.') ? ports.section(u'.', 0, -2) : QString();
}

// A bus has a controller above its root hub: /sys/devices/pci0000:00/0000:00:14.0/usb1. USB 2 and 3 of one controller
// are two buses of it.
QString controllerOf(const QString &bus, const QString &sys)
{
    const QString root = QFileInfo(sys + QStringLiteral("/bus/usb/devices/usb") + bus).canonicalFilePath();
    return root.isEmpty() ? QStringLiteral("usb") + bus : QFileInfo(QFileInfo(root).path()).fileName();
}

} // namespace

std::optional<UsbPlace> usbPlaceOf(const QString &port, const QString &sys)
{
    static const QRegularExpression place(QStringLiteral("^usb:([0-9]+)-([0-9]+(?:\\.[0-9]+)*)$"));
    static const QRegularExpression chain(
        QStringLiteral("/([^/]+)/usb([0-9]+)/(?:.*/)?\\2-([0-9]+(?:\\.[0-9]+)*)[:/]"));
    static const QRegularExpression byPath(
        QStringLiteral("(?:^|-)([^-/]+)-usb(?:v[0-9])?-[0-9]+:([0-9]+(?:\\.[0-9]+)*):[0-9]+\\.[0-9]+"));
    if (const auto match = place.match(port); match.hasMatch())
        return UsbPlace{controllerOf(match.captured(1), sys), hubOf(match.captured(2))};
    if (!port.startsWith(u'/'))
        return {};
    const QString file = port.section(u'?', 0, 0); // a driver's own options behind the name
    const QString node = QFileInfo(file).canonicalFilePath();
    if (node.startsWith(u"/dev/")) {
        const QString device =
            QFileInfo(sys + QStringLiteral("/class/tty/") + QFileInfo(node).fileName() + QStringLiteral("/device"))
                .canonicalFilePath();
        if (const auto match = chain.match(device + u'/'); match.hasMatch())
            return UsbPlace{match.captured(1), hubOf(match.captured(3))};
    }
    if (const auto match = byPath.match(QFileInfo(file).fileName()); match.hasMatch())
        return UsbPlace{match.captured(1), hubOf(match.captured(2))};
    return {};
}

} // namespace slipway
