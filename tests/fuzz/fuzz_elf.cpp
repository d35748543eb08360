// libFuzzer: ELF executables. What is taken holds no more bytes than the file, and none past the last address.

#include "core/base/fault.h"
#include "core/codec/elffile.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    try {
        quint64 total = 0;
        const ElfFile file = ElfFile::parse(QByteArrayView(data, qsizetype(size)));
        for (const AddressedBytes &piece : file.pieces) {
            total += quint64(piece.bytes.size());
            if (piece.end() < piece.at)
                std::abort();
        }
        if (total > size)
            std::abort();
        (void)file.machineName();
    } catch (const Fault &) {
    }
    return 0;
}
