#pragma once
// The driver "dfu": USB devices with a DFU interface, in DFU mode or running an application that can start its boot
// loader. Ports: "usb:1-2.3" (bus and ports), "usb:0483:df11", "usb:0483:df11:SERIAL". Throws link.*, dfu.*.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/dfu/quirks.h"

namespace slipway {

class DfuDriver final : public Driver
{
public:
    QString name() const override { return QStringLiteral("dfu"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    LoadedQuirks<DfuBoards> m_boards;
};

} // namespace slipway
