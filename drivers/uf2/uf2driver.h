#pragma once
// The driver "uf2": boot loaders that show a USB drive for UF2 files. Ports: "usb:1-2.3" (bus and ports),
// "usb:2e8a:0003", "usb:2e8a:0003:SERIAL", the folder where the drive is mounted, or the folder of a virtual drive.
// Throws link.*, uf2.*.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/uf2/quirks.h"
#include "drivers/uf2/usbtree.h"

namespace slipway {

class Uf2Driver final : public Driver
{
public:
    explicit Uf2Driver(UsbTree tree = UsbTree());

    QString name() const override { return QStringLiteral("uf2"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    UsbTree m_tree;
    LoadedQuirks<Uf2Boards> m_boards;
};

} // namespace slipway
