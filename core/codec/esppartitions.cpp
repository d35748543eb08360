#include "core/codec/esppartitions.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QtEndian>

#include <algorithm>
#include <array>
#include <limits>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype rowSize = 32;
constexpr char rowMagic[2] = {'\xaa', '\x50'};
constexpr char md5Magic[2] = {'\xeb', '\xeb'};
constexpr quint32 appAlignment = 0x10000, dataAlignment = 0x1000;

struct Subtype {
    quint8 type, subtype;
    const char *name;
};
constexpr std::array<Subtype, 17> subtypes{{{0, 0x00, "app/factory"},
                                            {0, 0x20, "app/test"},
                                            {1, 0x00, "data/ota"},
                                            {1, 0x01, "data/phy"},
                                            {1, 0x02, "data/nvs"},
                                            {1, 0x03, "data/coredump"},
                                            {1, 0x04, "data/nvs_keys"},
                                            {1, 0x05, "data/efuse"},
                                            {1, 0x06, "data/undefined"},
                                            {1, 0x80, "data/esphttpd"},
                                            {1, 0x81, "data/fat"},
                                            {1, 0x82, "data/spiffs"},
                                            {1, 0x83, "data/littlefs"},
                                            {2, 0x00, "bootloader/primary"},
                                            {2, 0x01, "bootloader/ota"},
                                            {3, 0x00, "partition_table/primary"},
                                            {3, 0x01, "partition_table/ota"}}};

[[noreturn]] void broken(const QString &why)
{
    throw Fault("codec.esp-partitions", {why});
}

bool beginsWith(QByteArrayView row, const char (&magic)[2])
{
    return row[0] == magic[0] && row[1] == magic[1];
}

bool isBlank(QByteArrayView row)
{
    return std::all_of(row.begin(), row.end(), [](char c) { return c == '\xff'; });
}

EspPartition partition(QByteArrayView row)
{
    EspPartition p;
    p.type = quint8(row[2]);
    p.subtype = quint8(row[3]);
    p.offset = qFromLittleEndian<quint32>(row.data() + 4);
    p.size = qFromLittleEndian<quint32>(row.data() + 8);
    const QByteArrayView label = row.sliced(12, 16);
    const qsizetype zero = label.indexOf('\0');
    p.label = oneLine(QString::fromUtf8(zero < 0 ? label : label.first(zero)), 16);
    const quint32 flags = qFromLittleEndian<quint32>(row.data() + 28);
    p.encrypted = flags & 1;
    p.readOnly = flags & 2;
    return p;
}

void checkRow(const EspPartition &p, int number)
{
    const QString name = p.label.isEmpty() ? u"number %1"_s.arg(number) : u"\"%1\""_s.arg(p.label);
    if (p.size == 0)
        broken(u"partition %1 is empty"_s.arg(name));
    if (p.offset % (p.isApp() ? appAlignment : dataAlignment) != 0)
        broken(u"partition %1 begins at 0x%2, which is no boundary of %3 KiB"_s.arg(name)
                   .arg(p.offset, 0, 16)
                   .arg((p.isApp() ? appAlignment : dataAlignment) / 1024));
    if (p.end() > std::numeric_limits<quint32>::max())
        broken(u"partition %1 runs past the last address"_s.arg(name));
}

} // namespace

QString EspPartition::kind() const
{
    if (type == App && subtype >= 0x10 && subtype <= 0x1f)
        return u"app/ota_%1"_s.arg(subtype - 0x10);
    for (const Subtype &known : subtypes) {
        if (known.type == type && known.subtype == subtype)
            return QString::fromLatin1(known.name);
    }
    return u"0x%1/0x%2"_s.arg(type, 2, 16, QChar(u'0')).arg(subtype, 2, 16, QChar(u'0'));
}

bool EspPartitions::looksLike(QByteArrayView bytes)
{
    if (bytes.size() < 2 * rowSize || !beginsWith(bytes, rowMagic))
        return false;
    const QByteArrayView second = bytes.sliced(rowSize, rowSize);
    return beginsWith(second, rowMagic) || beginsWith(second, md5Magic) || isBlank(second);
}

EspPartitions EspPartitions::parse(QByteArrayView bytes)
{
    EspPartitions table;
    bytes = bytes.first(std::min(bytes.size(), TableSize));
    bool ended = false;
    for (qsizetype at = 0; at + rowSize <= bytes.size() && !ended; at += rowSize) {
        const QByteArrayView row = bytes.sliced(at, rowSize);
        if (beginsWith(row, rowMagic)) {
            if (table.hasMd5)
                broken(u"a partition follows its MD5"_s);
            table.partitions << partition(row);
            checkRow(table.partitions.last(), int(table.partitions.size()));
        } else if (beginsWith(row, md5Magic) && !table.hasMd5) {
            QCryptographicHash hash(QCryptographicHash::Md5);
            hash.addData(bytes.first(at));
            if (QByteArrayView(hash.result()) != row.sliced(16))
                broken(u"it does not have the MD5 that it states"_s);
            table.hasMd5 = true;
        } else if (isBlank(row)) {
            ended = true;
        } else {
            broken(u"row %1 is no partition"_s.arg(at / rowSize + 1));
        }
    }
    if (table.partitions.isEmpty())
        broken(u"it has no partitions"_s);
    if (!ended && bytes.size() < TableSize)
        broken(u"it is cut short"_s);
    QList<EspPartition> sorted = table.partitions;
    std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) { return a.offset < b.offset; });
    for (qsizetype i = 1; i < sorted.size(); ++i) {
        if (sorted[i - 1].end() > sorted[i].offset)
            broken(u"partitions \"%1\" and \"%2\" overlap"_s.arg(sorted[i - 1].label, sorted[i].label));
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) { return a.label < b.label; });
    for (qsizetype i = 1; i < sorted.size(); ++i) {
        if (sorted[i - 1].label == sorted[i].label)
            broken(u"two partitions are called \"%1\""_s.arg(sorted[i].label));
    }
    return table;
}

const EspPartition *EspPartitions::find(const QString &label) const
{
    for (const EspPartition &p : partitions) {
        if (p.label == label)
            return &p;
    }
    return nullptr;
}

} // namespace slipway
