#include "app/common/registry.h"

#include "drivers/coap/coapdriver.h"
#include "drivers/dfu/dfudriver.h"
#include "drivers/esp/espdriver.h"
#include "drivers/link/packettap.h"
#include "drivers/linux/linuxdriver.h"
#include "drivers/probe/probedriver.h"
#include "drivers/smp/smpdriver.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/uf2/uf2driver.h"

namespace slipway {

DriverRegistry makeDriverRegistry()
{
    DriverRegistry registry;
    registry.add(std::make_unique<SmpDriver>());
    registry.add(std::make_unique<EspDriver>());
    registry.add(std::make_unique<Stm32Driver>());
    registry.add(std::make_unique<CoapDriver>());
    registry.add(std::make_unique<LinuxDriver>());
    registry.add(std::make_unique<DfuDriver>());
    registry.setTap([](const QString &interface) { return std::make_unique<PacketTap>(interface); });
    registry.add(std::make_unique<ProbeDriver>());
    registry.add(std::make_unique<Uf2Driver>());
    return registry;
}

} // namespace slipway
