#include "drivers/virtual/stm32chips.h"

#include "core/base/fault.h"
#include "core/base/text.h"

namespace slipway {

namespace {

const std::vector<VirtualStm32Chip> &chips()
{
    constexpr int kib = 1024;
    // clang-format off
    static const std::vector<VirtualStm32Chip> all{
        {"f103", 0x410, 0x22, false, true, 128, {kib}, 2, 0x20000000, 0x5000, 0x200, 0x1ffff000, 0x800,
         0x1ffff800, 16, 0x1ffff7e0, 0x1ffff7e8, 8, false, 4 * kib},
        {"f091", 0x442, 0x32, true, true, 256, {2 * kib}, 2, 0x20000000, 0x8000, 0x1800, 0x1fffd800, 0x2000,
         0x1ffff800, 16, 0x1ffff7cc, 0x1ffff7ac, 8, false, 4 * kib},
        {"f405", 0x413, 0x31, true, true, 1024,
         {16 * kib, 16 * kib, 16 * kib, 16 * kib, 64 * kib, 128 * kib}, 4, 0x20000000, 0x20000, 0x3000, 0x1fff0000, 0x7800,
         0x1fffc000, 16, 0x1fff7a22, 0x1fff7a10, 8, true, 0},
        {"f746", 0x449, 0x31, true, true, 1024,
         {32 * kib, 32 * kib, 32 * kib, 32 * kib, 128 * kib, 256 * kib}, 4, 0x20000000, 0x50000, 0x4000, 0x1ff00000, 0xedc0,
         0x1fff0000, 32, 0x1ff0f442, 0x1ff0f420, 8, false, 0},
        {"g071", 0x460, 0x31, true, true, 128, {2 * kib}, 8, 0x20000000, 0x9000, 0x2700, 0x1fff0000, 0x7000,
         0x1fff7800, 128, 0x1fff75e0, 0x1fff7590, 8, false, 0},
        {"l053", 0x417, 0x31, true, false, 64, {128}, 4, 0x20000000, 0x2000, 0x1000, 0x1ff00000, 0x1000,
         0x1ff80000, 32, 0x1ff8007c, 0x1ff80050, 20, true, 4 * kib},
        {"l152", 0x416, 0x31, true, false, 128, {256}, 4, 0x20000000, 0x4000, 0x800, 0x1ff00000, 0x1000,
         0x1ff80000, 32, 0x1ff8004c, 0x1ff80050, 20, false, 4 * kib},
        {"l476", 0x415, 0x31, true, true, 1024, {2 * kib}, 8, 0x20000000, 0x18000, 0x3100, 0x1fff0000, 0x7000,
         0x1fff7800, 16, 0x1fff75e0, 0x1fff7590, 8, false, 0},
        {"h743", 0x450, 0x31, true, true, 2048, {128 * kib}, 32, 0x20000000, 0x20000, 0x4100, 0x1ff00000, 0x1e800,
         0, 0, 0x1ff1e880, 0x1ff1e800, 8, false, 0},
    };
    // clang-format on
    return all;
}

} // namespace

QStringList virtualStm32Chips()
{
    QStringList names;
    for (const VirtualStm32Chip &chip : chips())
        names << QLatin1String(chip.name);
    return names;
}

const VirtualStm32Chip &virtualStm32Chip(const QString &name)
{
    for (const VirtualStm32Chip &chip : chips()) {
        if (name == QLatin1String(chip.name))
            return chip;
    }
    throw Fault("virtual.chip", {oneLine(name, 60), didYouMean(name, virtualStm32Chips()),
                                 virtualStm32Chips().join(QStringLiteral(", "))});
}

} // namespace slipway
