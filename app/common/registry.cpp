#include "app/common/registry.h"

#include "drivers/dfu/dfudriver.h"
#include "drivers/smp/smpdriver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    registry.add(std::make_unique<DfuDriver>());
    return registry;
}

} // namespace slipway
