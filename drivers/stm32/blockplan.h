#pragma once
// How segments cross the line: cut at multiples of 256 from address 0 on, widened to whole write units, so that no unit
// is programmed twice and a frame is as long as it can be. Bytes that no segment has are 0xff, as after an erase.

#include "core/device/memorymap.h"
#include "drivers/stm32/products.h"

namespace slipway {

struct Stm32Block {
    quint32 at = 0;
    QByteArray bytes;
    qint64 payload = 0;   // of them, bytes of segments
    bool isBlank() const; // nothing but 0xff
};

// segments: tidy, below 2^32. unit: a power of two, at most 256.
QList<Stm32Block> planBlocks(const QList<MemorySegment> &segments, quint32 unit);

// Of the pages those that a segment lies in.
QList<Stm32Page> touchedPages(const QList<Stm32Page> &pages, const QList<MemorySegment> &segments);

// What speaks for an image being linked for another chip: it begins with a vector table (initial stack in RAM, entry
// points with the Thumb bit set, all in one flash) and asks for a stack or a flash that the product does not have.
// Empty: nothing.
QString misfit(const Stm32Product &product, qint64 flashSize, const QList<MemorySegment> &segments);

} // namespace slipway
