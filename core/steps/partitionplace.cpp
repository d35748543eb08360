#include "core/steps/partitionplace.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/esppartitions.h"
#include "core/codec/nvspartition.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 sector = 4096;

void checkPlace(const PartitionPlace &place)
{
    const auto wrong = [&place](const QString &why) { throw Fault("idevid.partition", {place.label, why}); };
    if (place.at % sector != 0 || place.size % sector != 0 || place.size == 0)
        wrong(u"place and size must be multiples of 4096"_s);
    if (place.size > NvsPartition::MaximumBytes)
        wrong(u"it is larger than 4 MiB"_s);
}

} // namespace

QList<StepParameter> partitionParameters(const QString &label, qint64 size)
{
    using Type = StepParameter::Type;
    return {{.name = u"partition"_s,
             .fallback = label,
             .doc = u"Memory at addresses: the partition, by its name in the chip's partition table."_s},
            {.name = u"at"_s,
             .type = Type::Address,
             .doc = u"Memory at addresses: where the partition lies, in place of the table."_s},
            {.name = u"size"_s,
             .type = Type::Address,
             .fallback = qulonglong(size),
             .doc = u"Memory at addresses: size of the partition, where `at` is given."_s},
            {.name = u"table-at"_s,
             .type = Type::Address,
             .fallback = qulonglong(EspPartitions::UsualOffset),
             .doc = u"Memory at addresses: where the chip has its partition table."_s}};
}

PartitionPlace findPartition(Memory &memory, const QString &label, std::optional<quint64> at, qsizetype size,
                             quint64 tableAt, const Task &task)
{
    PartitionPlace place{label, at.value_or(0), size};
    if (!at) {
        // Row by row: reading costs more than the rows are worth.
        constexpr qint64 rows = 256;
        QByteArray table;
        while (table.size() < EspPartitions::TableSize && !table.endsWith(QByteArray(32, '\xff')))
            table += memory.read(tableAt + quint64(table.size()), rows, task.at(nullptr));
        if (!EspPartitions::looksLike(table))
            throw Fault("idevid.no-partition", {label});
        const EspPartitions read = EspPartitions::parse(table);
        const EspPartition *found = read.find(label);
        if (!found)
            throw Fault("idevid.no-partition", {label});
        place.at = found->offset;
        place.size = qsizetype(found->size);
    }
    checkPlace(place);
    return place;
}

PartitionPlace findPartition(Memory &memory, const QVariantMap &p, const Task &task)
{
    const auto at = p.contains(u"at"_s) ? std::optional<quint64>(p.value(u"at"_s).toULongLong()) : std::nullopt;
    return findPartition(memory, p.value(u"partition"_s).toString(), at, qsizetype(p.value(u"size"_s).toULongLong()),
                         p.value(u"table-at"_s).toULongLong(), task);
}

} // namespace slipway
