#pragma once
// What speaks against writing or erasing, before anything is changed. Pure: chip state, segments and the partition
// table in, a Fault out. The rules stand in drivers/esp/README.md. Throws esp.*, codec.esp-*, memory.outside,
// memory.overlap.

#include "core/codec/esppartitions.h"
#include "core/device/memorymap.h"
#include "drivers/esp/espchipstate.h"

#include <optional>

namespace slipway::esp {

constexpr quint64 sectorSize = 4096;

// In flash: the first address and one past the last that an erase of that range takes.
inline quint64 sectorBegin(quint64 at)
{
    return at / sectorSize * sectorSize;
}
inline quint64 sectorEnd(quint64 end)
{
    return (end + sectorSize - 1) / sectorSize * sectorSize;
}

// present: the table that is in the flash memory now, where it is known; one among the segments counts instead.
// Returns the segments tidied.
QList<MemorySegment> checkWrite(const EspChipState &state, quint32 tableAt, const QList<MemorySegment> &segments,
                                const std::optional<EspPartitions> &present);
void checkErase(const EspChipState &state, quint64 at, quint64 size);

} // namespace slipway::esp
