#include "core/device/memorymap.h"

#include "core/base/fault.h"

#include <algorithm>
#include <limits>

namespace slipway {

QList<MemorySegment> tidy(QList<MemorySegment> segments)
{
    erase_if(segments, [](const MemorySegment &segment) { return segment.bytes.isEmpty(); });
    std::sort(segments.begin(), segments.end(),
              [](const MemorySegment &a, const MemorySegment &b) { return a.at < b.at; });
    QList<MemorySegment> out;
    for (const MemorySegment &segment : segments) {
        if (quint64(segment.bytes.size()) > std::numeric_limits<quint64>::max() - segment.at)
            throw Fault("memory.outside", {addressText(segment.at), addressText(segment.end())});
        if (!out.isEmpty() && out.last().end() > segment.at)
            throw Fault("memory.overlap", {addressText(out.last().at), addressText(segment.at)});
        if (!out.isEmpty() && out.last().end() == segment.at)
            out.last().bytes += segment.bytes;
        else
            out.append(segment);
    }
    return out;
}

void checkAgainst(const QList<MemoryRegion> &regions, const QList<MemorySegment> &segments)
{
    for (const MemorySegment &segment : segments) {
        quint64 at = segment.at;
        while (at < segment.end()) {
            const auto region = std::find_if(regions.begin(), regions.end(), [at](const MemoryRegion &candidate) {
                return at >= candidate.at && at - candidate.at < candidate.size;
            });
            if (region == regions.end())
                throw Fault("memory.outside", {addressText(segment.at), addressText(segment.end())},
                            QStringLiteral("nothing at ") + addressText(at));
            if (!region->writable)
                throw Fault("memory.read-only", {region->name, addressText(segment.at)});
            at = region->end();
        }
    }
}

QString addressText(quint64 at)
{
    return QStringLiteral("0x") + QStringLiteral("%1").arg(at, 8, 16, QLatin1Char('0'));
}

} // namespace slipway
