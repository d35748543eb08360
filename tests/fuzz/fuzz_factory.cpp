// Factory partitions of the ESP32 family, plain and decrypted with any keys, and the CSV they are built from: nothing
// but a Fault comes out of damage, what is read lies in the bytes, and what was built is read again.

#include "core/base/fault.h"
#include "core/codec/espsecurecert.h"
#include "core/codec/nvsbuilder.h"
#include "core/codec/nvspartition.h"

#include <cstdint>
#include <cstdlib>

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const QByteArrayView bytes(data, qsizetype(size));
    (void)EspSecureCert::looksLike(bytes);
    (void)NvsPartition::looksLike(bytes);
    try {
        const EspSecureCert partition = EspSecureCert::parse(bytes);
        if (partition.size + partition.trailing != bytes.size() || partition.entries.isEmpty())
            std::abort();
        for (const EspSecureCert::Entry &entry : partition.entries) {
            (void)entry.typeName();
            (void)entry.flagNames();
            if (entry.offset + entry.size > partition.size)
                std::abort();
        }
        (void)partition.defects();
    } catch (const Fault &) {
    }
    try {
        for (const NvsPartition::Item &item : NvsPartition::parse(bytes).items) {
            if (item.size != item.value.size() || item.size > bytes.size())
                std::abort();
        }
        if (bytes.size() >= NvsKeys::Size) {
            const NvsKeys keys = NvsKeys::read(bytes.first(NvsKeys::Size));
            (void)NvsPartition::parse(bytes, &keys);
        }
    } catch (const Fault &) {
    }
    try {
        const QByteArray made =
            NvsBuilder::fromCsv(bytes, 0x4000, nullptr, [](const QString &) { return QByteArray(); });
        if (!NvsPartition::parse(made).defects.isEmpty())
            std::abort();
    } catch (const Fault &) {
    }
    return 0;
}
