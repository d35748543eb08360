#pragma once
// The one place that knows which drivers there are. A new protocol adds a line here.

#include "core/device/driver.h"

namespace slipway {

DriverRegistry makeDriverRegistry();

} // namespace slipway
