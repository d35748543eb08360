#include "app/common/registry.h"

#include "drivers/smp/smpdriver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    return registry;
}

} // namespace slipway
