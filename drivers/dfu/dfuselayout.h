#pragma once
// The memory map that a DfuSe device gives as the name of an alternate setting (UM0424, section 10.3.2):
//   @Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg
// name, then address and runs of sectors, "count * size unit rights"; unit: blank or B, K, M; rights: a letter whose
// lowest bits mean read (1), erase (2), write (4). Several pairs of address and runs may follow each other. Throws
// dfu.layout.

#include "core/device/memorymap.h"

#include <QList>
#include <QString>

namespace slipway {

struct DfuseLayout {
    struct Run {
        quint64 at = 0;
        quint64 sectorSize = 0;
        int count = 0;
        bool readable = false, erasable = false, writable = false;
        quint64 end() const { return at + sectorSize * quint64(count); }
    };
    QString name;
    QList<Run> runs;

    static DfuseLayout parse(const QString &text);
    QList<MemoryRegion> regions() const;
    // The run that holds an address; null: none.
    const Run *runAt(quint64 address) const;
};

} // namespace slipway
