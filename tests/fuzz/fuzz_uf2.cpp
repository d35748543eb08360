// libFuzzer: INFO_UF2.TXT, and the boot loader's sectors. What is taken has a Board-ID on one line; no sector brings
// the boot loader out of its flash, and a file that it takes as whole is one that the parser takes.

#include "core/base/fault.h"
#include "core/codec/uf2.h"
#include "drivers/uf2/uf2info.h"
#include "drivers/virtual/uf2rom.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray bytes(reinterpret_cast<const char *>(data), qsizetype(size));
    try {
        const Uf2Info info = Uf2Info::parse(bytes, QStringLiteral("drive"));
        if (info.boardId.isEmpty() || info.boardId.contains(u'\n') || info.more.size() > 16)
            std::abort();
    } catch (const Fault &) {
    }
    static const Uf2RomOptions options = [] {
        Uf2RomOptions small;
        small.flashBytes = 65536;
        small.current = true;
        return small;
    }();
    Uf2Rom rom(options);
    for (qsizetype at = 0; at + Uf2Rom::sectorSize <= bytes.size(); at += Uf2Rom::sectorSize)
        rom.writeSector(rom.freeSector() + at / Uf2Rom::sectorSize,
                        QByteArrayView(bytes).sliced(at, Uf2Rom::sectorSize));
    if (rom.flash().size() != options.flashBytes)
        std::abort();
    QByteArray current;
    const Uf2Rom::File &file = rom.files().last();
    for (qint64 at = 0; at < file.size; at += 40'000)
        current += rom.content(file, at, 40'000);
    const Uf2File parsed = Uf2File::parse(current);
    if (parsed.parts.first().segments.first().bytes != rom.flash())
        std::abort();
    return 0;
}
