#include "core/device/driver.h"

#include "core/base/fault.h"
#include "core/base/text.h"

namespace slipway {

void DriverRegistry::add(std::unique_ptr<Driver> driver)
{
    m_drivers.push_back(std::move(driver));
}

const Driver &DriverRegistry::find(const QString &name) const
{
    for (const auto &driver : m_drivers) {
        if (driver->name() == name)
            return *driver;
    }
    throw Fault("driver.unknown", {oneLine(name, 40), didYouMean(name, names()), names().join(QStringLiteral(", "))});
}

QStringList DriverRegistry::names() const
{
    QStringList list;
    for (const auto &driver : m_drivers)
        list << driver->name();
    return list;
}

} // namespace slipway
