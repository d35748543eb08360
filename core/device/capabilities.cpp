#include "core/device/capabilities.h"

#include <array>

namespace slipway {

QString toString(Capability capability)
{
    static constexpr std::array names{"firmware", "blobs", "shell", "keys",  "eraser",
                                      "reset",    "clock", "lock",  "memory"};
    return QString::fromLatin1(names[size_t(capability)]);
}

} // namespace slipway
