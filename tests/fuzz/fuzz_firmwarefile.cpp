// libFuzzer: firmware files of every kind. What is taken can be shown, and what would be written is in order.

#include "core/base/fault.h"
#include "core/firmware/firmwarefile.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    try {
        const FirmwareFile file =
            FirmwareFile::parse(QByteArray(reinterpret_cast<const char *>(data), qsizetype(size)));
        (void)file.toJson();
        quint64 end = 0;
        const auto segments = file.hasAddresses() ? file.segments() : file.segments(0x1000);
        for (const MemorySegment &segment : segments) {
            if (segment.bytes.isEmpty() || segment.at < end)
                std::abort();
            end = segment.end();
        }
    } catch (const Fault &) {
    }
    return 0;
}
