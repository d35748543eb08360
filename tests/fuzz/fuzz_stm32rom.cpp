// libFuzzer: whatever a host sends to the virtual STM32's boot loader, in pieces as the input says, for every chip.

#include "drivers/virtual/stm32rom.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    static const QStringList names = virtualStm32Chips();
    Stm32Rom rom(virtualStm32Chip(names.at(data[0] % names.size())), 0, QByteArray(12, 'i'), {});
    rom.setReadoutProtected(data[1] & 1);
    const qsizetype step = 1 + data[1] / 2;
    QByteArrayView bytes(reinterpret_cast<const char *>(data) + 2, qsizetype(size - 2));
    rom.take(QByteArrayView("\x7f", 1));
    const qsizetype flash = rom.flash().size();
    while (!bytes.isEmpty()) {
        const auto outcome = rom.take(bytes.first(std::min(step, bytes.size())));
        bytes = bytes.sliced(std::min(step, bytes.size()));
        if (outcome.reply.size() > 300)
            std::abort();
        if (outcome.restart) {
            rom.reset();
            rom.take(QByteArrayView("\x7f", 1));
        }
    }
    if (rom.flash().size() != flash)
        std::abort();
    return 0;
}
