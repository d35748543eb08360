// libFuzzer: DfuSe memory maps and descriptors of DFU interfaces. A map that is taken lies within 32 bits of address,
// its runs apart; a descriptor that is taken came from the interface.

#include "core/base/fault.h"
#include "drivers/dfu/dfuinterface.h"
#include "drivers/dfu/dfuselayout.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    try {
        const DfuseLayout layout = DfuseLayout::parse(QString::fromUtf8(bytes));
        quint64 sum = 0;
        for (const DfuseLayout::Run &run : layout.runs) {
            sum += run.end() - run.at;
            if (run.count <= 0 || run.sectorSize == 0 || layout.runAt(run.end() - 1) != &run)
                std::abort();
        }
        if (layout.runs.isEmpty() || sum > quint64(1) << 32)
            std::abort();
    } catch (const Fault &) {
    }
    UsbDevice device;
    UsbSetting setting;
    setting.kind = 0xfe;
    setting.subKind = 1;
    setting.protocol = 2;
    setting.extra = bytes;
    device.settings << setting;
    try {
        const DfuInterface interface = DfuInterface::of(device);
        if (interface.runtime || interface.alternates.size() != 1 || bytes.size() < 7)
            std::abort();
    } catch (const Fault &) {
    }
    return 0;
}
