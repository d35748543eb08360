#include "app/common/registry.h"

#include "drivers/coap/coapdriver.h"
#include "drivers/smp/smpdriver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    registry.add(std::make_unique<CoapDriver>());
    return registry;
}

} // namespace slipway
