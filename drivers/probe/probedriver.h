#pragma once
// The driver "probe": chips behind debug probes, through the program OpenOCD. Ports: "usb:1-2.3", "usb:0483:374b",
// "probe:SERIAL", "bitbang:127.0.0.1:9824". Throws link.*, probe.*.

#include "core/device/driver.h"
#include "drivers/probe/probequirks.h"

#include <exception>

namespace slipway {

class ProbeDriver final : public Driver
{
public:
    ProbeDriver();

    QString name() const override { return QStringLiteral("probe"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    const ProbeQuirks &quirks() const;

    std::shared_ptr<const ProbeQuirks> m_quirks; // devices outlive the driver
    std::exception_ptr m_trouble;                // of a station's own file of quirks; told when something needs it
};

} // namespace slipway
