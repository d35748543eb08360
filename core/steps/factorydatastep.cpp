// factory-data: builds an NVS partition for this unit from a CSV file and writes it by address, encrypted if wanted.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/nvsbuilder.h"
#include "core/steps/kinds.h"
#include "core/steps/partitionplace.h"
#include "core/steps/recipesignature.h"

#include <QCryptographicHash>
#include <QFileInfo>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 csvLimit = 1024 * 1024;

class FactoryDataStep : public Step
{
public:
    explicit FactoryDataStep(const RecipeStep &step) : m_p(step.parameters) {}

    void prepare(StepContext &context) override
    {
        m_csv = readReleased(context.recipe(), m_p.value(u"csv"_s).toString(), csvLimit, u"factory data"_s);
    }

    void run(StepContext &context, const Task &task) override
    {
        Memory *memory = context.device().memory();
        if (!memory)
            throw Fault("device.lacks", {u"be written by address"_s});
        const PartitionPlace place = findPartition(*memory, m_p, task);
        std::optional<NvsKeys> keys;
        std::optional<PartitionPlace> keyPlace;
        if (const QString label = m_p.value(u"encrypt"_s).toString(); !label.isEmpty()) {
            const auto at = m_p.contains(u"keys-at"_s) ? std::optional<quint64>(m_p.value(u"keys-at"_s).toULongLong())
                                                       : std::nullopt;
            keyPlace =
                findPartition(*memory, label, at, NvsKeys::PartitionSize, m_p.value(u"table-at"_s).toULongLong(), task);
            keys.emplace(NvsKeys::generate());
        }
        // Values may be secret: they are cleansed, and the record says only where they came from.
        QByteArray partition = NvsBuilder::fromCsv(
            m_csv, place.size, keys ? &*keys : nullptr,
            [](const QString &) -> QByteArray {
                throw Fault("codec.nvs-build", {u"a recipe's data has no rows of type file"_s});
            },
            [&context](const QByteArray &text) { return context.expand(QString::fromUtf8(text)).toUtf8(); });
        qsizetype items = 0;
        for (NvsPartition::Item &item : NvsPartition::parse(partition, keys ? &*keys : nullptr).items) {
            cleanse(item.value);
            ++items;
        }
        write(*memory, place, partition, keys, keyPlace, task);
        cleanse(partition);
        context.record(u"artifact"_s, {{u"sha256"_s, QCryptographicHash::hash(m_csv, QCryptographicHash::Sha256)},
                                       {u"name"_s, QFileInfo(m_p.value(u"csv"_s).toString()).fileName()},
                                       {u"size"_s, m_csv.size()},
                                       {u"product"_s, context.recipe().name},
                                       {u"format"_s, u"nvs"_s},
                                       {u"at"_s, qint64(place.at)},
                                       {u"use"_s, keys ? u"factory data, encrypted"_s : u"factory data"_s}});
        if (m_p.value(u"start"_s).toBool())
            memory->start({}, task);
        context.summary(u"%1 values in %2 at %3%4"_s.arg(items).arg(place.label, addressText(place.at),
                                                                    keys ? u", encrypted"_s : QString()));
    }

private:
    static void write(Memory &memory, const PartitionPlace &place, const QByteArray &partition,
                      const std::optional<NvsKeys> &keys, const std::optional<PartitionPlace> &keyPlace,
                      const Task &task)
    {
        QList<MemorySegment> segments{{place.at, partition}};
        SecretBytes keyPartition;
        if (keys) {
            keyPartition = keys->partition();
            segments << MemorySegment{keyPlace->at, keyPartition.borrowed()};
        }
        std::optional<SecretSweep> sweep;
        if (keys)
            sweep.emplace(keys->secret());
        const Memory::WriteResult written = memory.write(segments, {.verify = true, .secret = true}, task);
        if (!written.verified)
            throw Fault("flash.unverified", {});
        task.say(u"partition %1 at %2 written, %3"_s.arg(place.label, addressText(place.at), written.how));
    }

    QVariantMap m_p;
    QByteArray m_csv;
};

} // namespace

StepKind factoryDataKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"factory-data"_s;
    kind.title = u"Factory data"_s;
    kind.summary = u"Builds this unit's NVS partition (ESP-IDF) from a CSV file and writes it."_s;
    kind.manual =
        u"The CSV file has the form of Espressif's generator: a line `key,type,encoding,value`, then rows of type "
        "`namespace` and `data`; variables in values are replaced, so that each unit gets its own. Rows of type `file` "
        "are refused, as no recipe vouches for what they name. The partition is found by its name in the chip's "
        "partition table, or lies `at` an address; it is written and compared by the chip's own digest.\n\n"
        "With `encrypt` the data is encrypted (AES-256-XTS) with keys that are made for this unit alone, which go into "
        "the key partition named there and are kept nowhere else. They protect only where the chip's flash encryption "
        "protects that partition.\n\n"
        "The record says which file was used, never what was in it."_s;
    kind.example = u"- factory-data: { csv: factory.csv, partition: nvs, encrypt: nvs_keys }"_s;
    kind.parameters =
        QList<StepParameter>{{.name = u"csv"_s,
                              .type = Type::File,
                              .required = true,
                              .doc = u"The data, in the form of Espressif's NVS generator."_s}} +
        partitionParameters(u"nvs"_s, 0x6000) +
        QList<StepParameter>{
            {.name = u"encrypt"_s, .doc = u"Name of the key partition; without it the data is not encrypted."_s},
            {.name = u"keys-at"_s,
             .type = Type::Address,
             .doc = u"Where the key partition lies, in place of the partition table."_s},
            {.name = u"start"_s,
             .type = Type::Boolean,
             .fallback = false,
             .doc = u"Leave the loader afterwards and run."_s}};
    kind.weight = 2;
    kind.timeoutMs = 60'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Memory}; };
    kind.check = [](const QVariantMap &p, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        if (p.contains(u"keys-at"_s) && !p.contains(u"encrypt"_s))
            troubles.append({u"keys-at"_s, u"\"keys-at\" goes with \"encrypt\""_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<FactoryDataStep>(step); };
    return kind;
}

} // namespace slipway
