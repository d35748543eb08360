#include "app/common/registry.h"

#include "drivers/linux/linuxdriver.h"
#include "drivers/smp/smpdriver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    registry.add(std::make_unique<LinuxDriver>());
    return registry;
}

} // namespace slipway
