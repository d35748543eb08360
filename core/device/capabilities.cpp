#include "core/device/capabilities.h"

#include <array>

namespace slipway {

QString toString(Capability capability)
{
    static constexpr std::array names{"firmware", "blobs", "shell", "keys",  "eraser",
                                      "reset",    "clock", "lock",  "memory"};
    return QString::fromLatin1(names[size_t(capability)]);
}

QString toString(WriteStage stage)
{
    static constexpr std::array names{"check", "erase", "write", "verify", "restart"};
    return QString::fromLatin1(names[size_t(stage)]);
}

} // namespace slipway
