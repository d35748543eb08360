#pragma once
// Where in a chip's flash memory a partition of the ESP32 family lies: as the recipe says, or as the partition table in
// the chip has it. Throws idevid.no-partition, idevid.partition, codec.esp-partitions, and what Memory::read throws.

#include "core/device/device.h"
#include "core/steps/step.h"

#include <QString>

namespace slipway {

struct PartitionPlace {
    QString label;
    quint64 at = 0;
    qsizetype size = 0;
};

// Parameters that name one: `partition`, `at`, `size`, `table-at`. label and size: the usual ones.
QList<StepParameter> partitionParameters(const QString &label, qint64 size);
// at: of the recipe, nothing: the table's.
PartitionPlace findPartition(Memory &memory, const QString &label, std::optional<quint64> at, qsizetype size,
                             quint64 tableAt, const Task &task);
PartitionPlace findPartition(Memory &memory, const QVariantMap &parameters, const Task &task);

} // namespace slipway
