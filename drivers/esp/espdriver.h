#pragma once
// The driver "esp": opens a serial port, resets what is on it into its ROM loader and finds out what it is. Throws
// link.*, esp.*.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/esp/espquirks.h"

namespace slipway {

class EspDriver final : public Driver
{
public:
    QString name() const override { return QStringLiteral("esp"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    LoadedQuirks<EspQuirks> m_quirks;
};

} // namespace slipway
