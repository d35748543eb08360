// Images and partition tables of the ESP32 family: nothing but a Fault comes out of damage, and what is read lies in
// the file.

#include "core/base/fault.h"
#include "core/codec/espimage.h"
#include "core/codec/esppartitions.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const QByteArrayView bytes(data, qsizetype(size));
    (void)EspImage::looksLike(bytes);
    (void)EspPartitions::looksLike(bytes);
    try {
        const EspImage image = EspImage::parse(bytes);
        if (image.size + image.trailing != bytes.size() || image.segments.isEmpty())
            std::abort();
        for (const EspSegment &segment : image.segments) {
            if (segment.offset < EspImage::HeaderSize || segment.offset + segment.size > bytes.size())
                std::abort();
        }
        (void)image.chip();
        (void)image.flashModeName();
        image.check();
    } catch (const Fault &) {
    }
    try {
        for (const EspPartition &partition : EspPartitions::parse(bytes).partitions) {
            (void)partition.kind();
            if (partition.end() > 0xffffffffu || partition.size == 0)
                std::abort();
        }
    } catch (const Fault &) {
    }
    return 0;
}
