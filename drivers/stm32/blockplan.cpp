#include "drivers/stm32/blockplan.h"

#include "core/base/text.h"
#include "drivers/stm32/stm32frames.h"

#include <QtEndian>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr quint64 line = quint64(stm32::largestBlock);
constexpr quint32 ramAt = 0x20000000;
constexpr quint32 ramWindow = 0x01000000;
constexpr quint32 flashWindow = 0x01000000;
} // namespace

bool Stm32Block::isBlank() const
{
    return std::all_of(bytes.cbegin(), bytes.cend(), [](char byte) { return byte == '\xff'; });
}

QList<Stm32Block> planBlocks(const QList<MemorySegment> &segments, quint32 unit)
{
    QList<Stm32Block> out;
    for (const MemorySegment &segment : segments) {
        for (quint64 at = segment.at; at < segment.end();) {
            const quint64 end = std::min(segment.end(), (at / line + 1) * line);
            const quint64 from = at / unit * unit, to = (end + unit - 1) / unit * unit;
            // Another segment may have begun this block.
            if (out.isEmpty() || out.last().at / line != from / line)
                out.append({quint32(from), {}, 0});
            Stm32Block &block = out.last();
            if (block.at + quint64(block.bytes.size()) < to)
                block.bytes.append(qsizetype(to - block.at) - block.bytes.size(), '\xff');
            block.bytes.replace(qsizetype(at - block.at), qsizetype(end - at),
                                segment.bytes.mid(qsizetype(at - segment.at), qsizetype(end - at)));
            block.payload += qint64(end - at);
            at = end;
        }
    }
    return out;
}

QList<Stm32Page> touchedPages(const QList<Stm32Page> &pages, const QList<MemorySegment> &segments)
{
    QList<Stm32Page> out;
    auto page = pages.cbegin();
    for (const MemorySegment &segment : segments) {
        while (page != pages.cend() && quint64(page->at) + page->size <= segment.at)
            ++page;
        while (page != pages.cend() && page->at < segment.end())
            out.append(*page++);
    }
    return out;
}

QString misfit(const Stm32Product &product, qint64 flashSize, const QList<MemorySegment> &segments)
{
    for (const MemorySegment &segment : segments) {
        if (segment.at != Stm32Product::flashAt || segment.bytes.size() < 16 * 4)
            continue;
        const auto word = [&](int i) { return qFromLittleEndian<quint32>(segment.bytes.constData() + 4 * i); };
        const quint32 stack = word(0);
        if (stack % 4 != 0 || stack - ramAt > ramWindow)
            return {};
        // Reset, NMI, hard fault, SVCall, PendSV and SysTick are there on every Cortex-M.
        quint32 highest = 0;
        for (const int i : {1, 2, 3, 11, 14, 15}) {
            if (word(i) % 2 == 0 || word(i) - Stm32Product::flashAt >= flashWindow)
                return {};
            highest = std::max(highest, word(i));
        }
        if (highest - Stm32Product::flashAt >= quint64(flashSize))
            return u"its program lies at %1, behind the flash"_s.arg(addressText(highest - 1));
        if (product.sram > 0 && stack - ramAt > product.sram)
            return u"its stack lies at %1, behind the RAM"_s.arg(addressText(stack));
    }
    return {};
}

} // namespace slipway
