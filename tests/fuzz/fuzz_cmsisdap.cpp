// libFuzzer: whatever a host sends to the virtual CMSIS-DAP probe, command after command: the first byte of each is its
// length. Answers fit a packet, and the flash keeps its size.

#include "drivers/virtual/cmsisdap.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Stm32F1Chip chip(16, QByteArray(12, 'i'), {});
    chip.powerOn();
    CmsisDap dap(chip, {});
    QByteArrayView bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    for (int commands = 0; bytes.size() > 1 && commands < 200; ++commands) {
        const qsizetype length = std::min<qsizetype>(1 + quint8(bytes[0]), bytes.size() - 1);
        if (dap.obey(bytes.sliced(1, length)).size() > CmsisDap::packetSize)
            std::abort();
        bytes = bytes.sliced(1 + length);
    }
    if (chip.flash().content().size() != 16 * 1024)
        std::abort();
    return 0;
}
