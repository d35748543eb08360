#pragma once
// Hardware ids (EUI-64, a chip's unique id) as devices say them.

#include <QString>

namespace slipway {

// Two devices can be told apart by it: not empty, and not all digits 0 or all F, as boards without programmed ids
// answer.
bool isPlausibleHardwareId(const QString &id);

} // namespace slipway
