#pragma once
// The drivers' part of the table of faults; see fault.h. Room-internal.

#include "core/base/fault.h"

namespace slipway {

std::span<const FaultKind> driverFaults();

} // namespace slipway
