// libFuzzer: S-records. What is taken holds no more bytes than the text has digits for, below 4 GiB.

#include "core/base/fault.h"
#include "core/codec/srecord.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView bytes(data, qsizetype(size));
    (void)SRecordFile::looksLike(bytes);
    try {
        quint64 total = 0;
        const SRecordFile file = SRecordFile::parse(bytes);
        for (const AddressedBytes &piece : file.pieces) {
            total += quint64(piece.bytes.size());
            if (piece.bytes.isEmpty() || piece.end() > 0x1'0000'0000ULL)
                std::abort();
        }
        if (total * 2 > size)
            std::abort();
    } catch (const Fault &) {
    }
    return 0;
}
