#include "drivers/esp/espcheck.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/espimage.h"

#include <algorithm>

namespace slipway::esp {

using namespace Qt::StringLiterals;

namespace {

constexpr quint64 tableRoom = 0x1000;
// Below it, secure boot version 1 keeps the boot loader and its digest, whatever the chip.
constexpr quint64 v1Protected = 0x8000;

QString revisionText(int revision)
{
    return u"v%1.%2"_s.arg(revision / 100).arg(revision % 100);
}

// The bytes from `at` to the end of the segment they lie in.
QByteArrayView bytesAt(const QList<MemorySegment> &segments, quint64 at)
{
    for (const MemorySegment &segment : segments) {
        if (segment.at <= at && at < segment.end())
            return QByteArrayView(segment.bytes).sliced(qsizetype(at - segment.at));
    }
    return {};
}

enum class Place { BootLoader, Application, Elsewhere };

void checkImage(const EspChipState &state, quint64 at, QByteArrayView bytes, Place place)
{
    const EspImage image = EspImage::parse(bytes);
    const QString where = addressText(at);
    if (image.chipId != state.chip->imageId) {
        const QString other =
            image.chip().isEmpty() ? u"unknown chip (%1)"_s.arg(image.chipId) : image.chip().toUpper();
        throw Fault("esp.image-chip", {where, other, state.chip->title});
    }
    image.check();
    if (state.revision >= 0) {
        const bool limited = image.maximumRevision != 0 && image.maximumRevision != 0xffff;
        if (state.revision < image.minimumRevision || (limited && state.revision > image.maximumRevision)) {
            const QString wanted =
                limited ? u"%1 to %2"_s.arg(revisionText(image.minimumRevision), revisionText(image.maximumRevision))
                        : u"%1 and later"_s.arg(revisionText(image.minimumRevision));
            throw Fault("esp.image-revision", {where, wanted, state.revisionText()});
        }
    }
    if (place == Place::BootLoader && image.application)
        throw Fault("esp.image-place", {where, u"it is an application, and a boot loader belongs there"_s});
    if (place == Place::Application && !image.application && image.segments.size() < 5)
        // Applications of ESP-IDF 3.2 and later describe themselves; a boot loader has three or four segments.
        throw Fault("esp.image-place", {where, u"it is a boot loader, and an application belongs there"_s});
    if (place == Place::BootLoader && image.flashSize() && *image.flashSize() > state.flashBytes)
        throw Fault("esp.image-flash", {where, humanSize(*image.flashSize()), humanSize(state.flashBytes)});
    if (image.application && image.application->secureVersion < state.secureVersion)
        throw Fault("esp.rollback",
                    {where, QString::number(image.application->secureVersion), QString::number(state.secureVersion)});
    if (state.flashEncryption)
        throw Fault("esp.plain-text", {where});
    if (state.secureBootV1 && image.trailing < 68)
        throw Fault("esp.unsigned", {where}); // version 1 signs with 68 bytes behind the image
    if (state.secureBoot) {
        if (!image.signedV2)
            throw Fault("esp.unsigned", {where});
        const bool comparable = !state.bootDigests.isEmpty() && !image.signingKeys.contains(QByteArray());
        if (comparable && std::none_of(image.signingKeys.begin(), image.signingKeys.end(),
                                       [&](const QByteArray &key) { return state.bootDigests.contains(key); }))
            throw Fault("esp.other-key", {where});
    }
}

void checkPartitions(const EspPartitions &table, quint64 tableAt, const EspChipState &state,
                     const QList<MemorySegment> &segments, quint64 wholeFrom)
{
    for (const MemorySegment &segment : segments) {
        if (segment.at < tableAt + tableRoom)
            continue;
        const auto inside = [&](const EspPartition &p) { return segment.at >= p.offset && segment.at < p.end(); };
        const auto ahead = [&](const EspPartition &p) { return segment.at < p.offset && segment.end() > p.offset; };
        const auto &all = table.partitions;
        const auto into = std::find_if(all.begin(), all.end(), ahead);
        if (into != all.end() && std::none_of(all.begin(), all.end(), inside))
            throw Fault("esp.partition-gap", {addressText(segment.at), into->label, addressText(into->offset)});
    }
    for (const EspPartition &partition : table.partitions) {
        // A boot loader and a table of their own may be listed from ESP-IDF 5.4 on.
        const bool ofTheSystem = partition.type > EspPartition::Data && partition.type < 0x40;
        if (!ofTheSystem && partition.offset < tableAt + tableRoom)
            throw Fault("esp.partition-table", {addressText(partition.offset), addressText(tableAt)});
        if (partition.end() > quint64(state.flashBytes))
            throw Fault("esp.partition-flash",
                        {partition.label, addressText(partition.end()), addressText(quint64(state.flashBytes))});
        for (const MemorySegment &segment : segments) {
            const bool beginsInside = segment.at >= partition.offset && segment.at < partition.end();
            // A file of the whole flash memory has its own table inside; one file joined with the next by touching it
            // has a boundary there.
            if (beginsInside && segment.at != wholeFrom && segment.end() > partition.end())
                throw Fault("esp.partition-size",
                            {addressText(segment.at), partition.label, addressText(partition.end())});
        }
    }
}

} // namespace

QList<MemorySegment> checkWrite(const EspChipState &state, quint32 tableAt, const QList<MemorySegment> &segments,
                                const std::optional<EspPartitions> &present)
{
    const MemoryRegion flash{u"flash"_s, 0, quint64(state.reachable()), sectorSize, true, true};
    checkAgainst({flash}, segments);
    const QList<MemorySegment> all = tidy(segments);
    const quint64 bootAt = state.chip->bootLoaderAt;

    for (const MemorySegment &segment : all) {
        const quint64 from = sectorBegin(segment.at);
        if (state.secureBootV1 && from < v1Protected)
            throw Fault("esp.boot-loader-locked", {u"secure boot"_s, addressText(v1Protected)});
        if (state.flashEncryption && from < tableAt)
            throw Fault("esp.boot-loader-locked", {u"flash encryption"_s, addressText(tableAt)});
    }

    // The table: among the segments, or as it is.
    std::optional<EspPartitions> table = present;
    quint64 wholeFrom = ~quint64(0);
    for (const MemorySegment &segment : all) {
        if (segment.end() <= tableAt || segment.at >= tableAt + tableRoom)
            continue;
        const QByteArrayView bytes = bytesAt(all, tableAt);
        if (segment.at > tableAt || !EspPartitions::looksLike(bytes)) {
            // Not a table, and it is where one must be. An encrypted one cannot be told from anything else.
            if (state.flashEncryption && segment.at == tableAt)
                continue;
            throw Fault("esp.partition-table", {addressText(segment.at), addressText(tableAt)});
        }
        if (state.flashEncryption)
            throw Fault("esp.plain-text", {addressText(tableAt)});
        table = EspPartitions::parse(bytes);
        wholeFrom = segment.at;
    }
    // Pieces as they were given: tidy() joins files that touch.
    if (table)
        checkPartitions(*table, tableAt, state, segments, wholeFrom);

    QList<quint64> seen;
    const auto look = [&](quint64 at, Place place) {
        const QByteArrayView bytes = bytesAt(all, at);
        if (seen.contains(at) || bytes.isEmpty() || bytes[0] != EspImage::Magic)
            return;
        if (place == Place::Elsewhere && !EspImage::looksLike(bytes))
            return; // a file of data may begin with that byte
        seen << at;
        checkImage(state, at, bytes, place);
    };
    look(bootAt, Place::BootLoader);
    if (table) {
        for (const EspPartition &partition : table->partitions) {
            if (partition.isApp())
                look(partition.offset, Place::Application);
        }
    }
    for (const MemorySegment &segment : segments) {
        look(segment.at, Place::Elsewhere);
        if (segment.at < tableAt && segment.at != bootAt && EspImage::looksLike(segment.bytes))
            throw Fault("esp.image-place", {addressText(segment.at),
                                            u"an %1 starts from %2"_s.arg(state.chip->title, addressText(bootAt))});
    }
    // What must start and is no image at all.
    const QByteArrayView boot = bytesAt(all, bootAt);
    if (!boot.isEmpty() && boot[0] != EspImage::Magic && !state.flashEncryption)
        throw Fault("esp.image-place", {addressText(bootAt), u"a boot loader belongs there, and it is none"_s});
    return all;
}

void checkErase(const EspChipState &state, quint64 at, quint64 size)
{
    const auto end = quint64(state.reachable());
    if (size == 0 || at >= end || size > end - at)
        throw Fault("memory.outside", {addressText(at), addressText(at + size)});
    if (state.secureBootV1 && sectorBegin(at) < v1Protected)
        throw Fault("esp.erase-locked", {u"secure boot"_s});
    if (state.flashEncryption)
        throw Fault("esp.erase-locked", {u"flash encryption"_s});
    if (state.secureBoot && sectorBegin(at) <= state.chip->bootLoaderAt &&
        sectorEnd(at + size) > state.chip->bootLoaderAt)
        throw Fault("esp.erase-locked", {u"secure boot"_s});
}

} // namespace slipway::esp
