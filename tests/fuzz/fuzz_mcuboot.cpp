// libFuzzer: MCUboot images. Whatever is taken has its parts inside the file; what verifies under a key is never
// what the fuzzer made up.

#include "core/base/fault.h"
#include "core/firmware/mcubootimage.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

constexpr char signer[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MCowBQYDK2VwAyEAl7Bn9/sOwiwYb5UjEJtLguq7vZJK0r+qDCCZ3t95vnQ=\n"
                          "-----END PUBLIC KEY-----\n";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    try {
        const McubootImage image =
            McubootImage::parse(QByteArray(reinterpret_cast<const char *>(data), qsizetype(size)));
        if (image.imageSize() > qint64(size) || image.trailingBytes() < 0)
            std::abort();
        for (const McubootTlv &tlv : image.tlvs()) {
            if (tlv.offset < image.headerSize() || tlv.offset + tlv.value.size() > image.imageSize())
                std::abort();
        }
        (void)image.toJson();
        RunningFirmware running;
        running.version = McubootVersion{1, 4, 2, 7};
        running.images = {{0, {1, 4, 1, 3}}};
        try {
            image.checkAgainst(running);
        } catch (const Fault &) {
        }
        image.verify(signer);
        std::abort();
    } catch (const Fault &) {
    }
    return 0;
}
