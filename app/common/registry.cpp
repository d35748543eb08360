#include "app/common/registry.h"

#include "drivers/esp/espdriver.h"
#include "drivers/smp/smpdriver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    registry.add(std::make_unique<EspDriver>());
    return registry;
}

} // namespace slipway
