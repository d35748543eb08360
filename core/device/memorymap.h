#pragma once
// Pieces of memory by address: what a firmware file wants written, and what a device has. Addresses and sizes in bytes.

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

struct MemorySegment {
    quint64 at = 0;
    QByteArray bytes;
    quint64 end() const { return at + quint64(bytes.size()); }
    bool operator==(const MemorySegment &) const = default;
};

struct MemoryRegion {
    QString name;   // "flash", "Internal Flash", "option bytes"
    quint64 at = 0; // first address
    quint64 size = 0;
    quint64 eraseUnit = 0; // the smallest piece that can be erased; 0: differs, or cannot be erased
    bool readable = true;
    bool writable = true;
    quint64 end() const { return at + size; }
};

// Sorted by address, empty ones left out, neighbours that touch joined. Throws memory.overlap where two overlap and
// memory.outside where one runs past the last address.
QList<MemorySegment> tidy(QList<MemorySegment> segments);
// Throws memory.outside for a segment that does not lie in regions (it may run across several that touch) and
// memory.read-only for one in a region that cannot be written. The segments need not be tidy.
void checkAgainst(const QList<MemoryRegion> &regions, const QList<MemorySegment> &segments);
// "0x08000000"
QString addressText(quint64 at);

} // namespace slipway
