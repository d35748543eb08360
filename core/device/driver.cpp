#include "core/device/driver.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <algorithm>

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

QList<PortChoice> DriverRegistry::ports() const
{
    QList<PortChoice> choices;
    for (const auto &driver : m_drivers) {
        const auto ports = driver->ports();
        for (const PortInfo &port : ports) {
            auto choice = std::find_if(choices.begin(), choices.end(),
                                       [&port](const PortChoice &seen) { return seen.port == port.port; });
            if (choice == choices.end()) {
                choices.append({port.port, port.topology, port.description, {}});
                choice = choices.end() - 1;
            }
            choice->candidates.append(port);
        }
    }
    for (PortChoice &choice : choices)
        std::stable_partition(choice.candidates.begin(), choice.candidates.end(),
                              [](const PortInfo &candidate) { return candidate.likely; });
    return choices;
}

QString PortChoice::driver() const
{
    const bool one =
        !candidates.isEmpty() && candidates.front().likely && (candidates.size() == 1 || !candidates.at(1).likely);
    return one ? candidates.front().driver : QString();
}

QString PortChoice::why() const
{
    if (!driver().isEmpty())
        return candidates.front().why;
    QStringList names;
    for (const PortInfo &candidate : candidates) {
        if (candidate.likely || !candidates.front().likely)
            names << candidate.driver;
    }
    if (names.size() == 1)
        return candidates.front().why;
    const QString last = names.takeLast();
    return QStringLiteral("It could be for %1 or %2; name one with --driver.")
        .arg(names.join(QStringLiteral(", ")), last);
}

std::unique_ptr<PacketSource> DriverRegistry::listen(const QString &interface) const
{
    if (!m_tap)
        throw Fault("capture.none", {interface});
    return m_tap(interface);
}

} // namespace slipway
