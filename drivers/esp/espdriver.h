#pragma once
// The driver "esp": opens a serial port, resets what is on it into its ROM loader and finds out what it is. Throws
// link.*, esp.*.

#include "core/device/driver.h"
#include "drivers/esp/espquirks.h"

#include <exception>

namespace slipway {

class EspDriver final : public Driver
{
public:
    EspDriver();

    QString name() const override { return QStringLiteral("esp"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    const EspQuirks &quirks() const;

    EspQuirks m_quirks;
    std::exception_ptr m_trouble; // of a station's own file of quirks; told when something needs it
};

} // namespace slipway
