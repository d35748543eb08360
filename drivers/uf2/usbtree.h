#pragma once
// USB devices and the drives they show, by the place where they are plugged in, as the kernel tells it in sysfs and
// /proc/self/mountinfo (proc(5)) below a root folder: "/", or the one a virtual drive made. Reading sysfs needs no
// rights on the device. Throws base.stopped from waitFor() only.

#include "core/base/task.h"
#include "drivers/link/usb.h"

#include <QList>
#include <QString>

#include <functional>
#include <optional>

namespace slipway {

// A block device of a USB device: its first partition, or the whole disk where it has none.
struct UsbDrive {
    QString node;      // "/dev/sda1"
    QString mountedAt; // empty: nowhere
    bool readOnly = false;
};

struct UsbSeat {
    UsbDevice device;        // path, address, ids, texts
    bool configured = false; // its interfaces are known
    bool storage = false;    // it has an interface of the class mass storage, whether the disk is there yet or not
    QList<UsbDrive> drives;
};

class UsbTree
{
public:
    explicit UsbTree(QString root = QStringLiteral("/"));

    const QString &root() const { return m_root; }
    bool isReal() const { return m_root == QLatin1String("/"); }
    // A folder in which a virtual drive keeps what it shows instead of a kernel.
    static bool isTree(const QString &folder);

    // In the order of their places, hubs left out.
    QList<UsbSeat> seats() const;
    std::optional<UsbSeat> seat(const QString &path) const;
    // Whose drive is mounted at that folder; nothing: none.
    std::optional<UsbSeat> seatOfMount(const QString &folder) const;

    // Looks at first, and whenever devices or mounts come and go; at least twice a second, since a container may hear
    // of neither. False at the deadline.
    using Decide = std::function<bool(const std::optional<UsbSeat> &)>;
    bool waitFor(const QString &path, const Decide &decide, const Task &task) const;

private:
    struct Mount {
        QString number, folder; // "8:1"
        bool readOnly = false;
    };
    QList<Mount> mounts() const;
    QList<UsbSeat> look(const QString &path) const;

    QString m_root;
};

} // namespace slipway
