// libFuzzer: .dfu and UF2 files. Whatever is taken holds no more bytes than the file, at addresses of 32 bits.

#include "core/base/fault.h"
#include "core/codec/dfufile.h"
#include "core/codec/uf2.h"

#include <QtEndian>

#include <zlib.h>

#include <cstdint>
#include <cstdlib>

using namespace slipway;

namespace {

void check(const QList<AddressedBytes> &pieces, qsizetype most)
{
    qsizetype sum = 0;
    for (const AddressedBytes &piece : pieces) {
        sum += piece.bytes.size();
        if (piece.end() > quint64(1) << 32)
            std::abort();
    }
    if (sum > most)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    try {
        const Uf2File file = Uf2File::parse(bytes);
        for (const Uf2File::Part &part : file.parts)
            check(part.segments, bytes.size());
    } catch (const Fault &) {
    }
    // The checksum is put right, so that the fuzzer gets behind it.
    if (bytes.size() >= 16) {
        const uLong crc = crc32_z(0, data, size - 4);
        qToLittleEndian(~quint32(crc), bytes.data() + bytes.size() - 4);
    }
    try {
        const DfuFile file = DfuFile::parse(bytes);
        if (file.image.size() + 16 > bytes.size())
            std::abort();
        check(file.elements(), file.image.size());
    } catch (const Fault &) {
    }
    return 0;
}
