#include "tests/support/espfiles.h"

#include <QCryptographicHash>
#include <QtEndian>

#include <zlib.h>

namespace slipway::test {

namespace {

void le16(QByteArray &out, quint16 value)
{
    char raw[2];
    qToLittleEndian(value, raw);
    out.append(raw, 2);
}

void le32(QByteArray &out, quint32 value)
{
    char raw[4];
    qToLittleEndian(value, raw);
    out.append(raw, 4);
}

} // namespace

QByteArray espImage(const EspImageRecipe &recipe)
{
    QByteArray description;
    le32(description, recipe.version.isEmpty() ? 0x50 : 0xabcd5432u);
    le32(description, recipe.secureVersion);
    description.append(8, '\0');
    description.append(recipe.version.leftJustified(32, '\0', true));
    description.append(recipe.project.leftJustified(32, '\0', true));
    description.append(QByteArray("14:32:07").leftJustified(16, '\0'));
    description.append(QByteArray("Nov 21 2026").leftJustified(16, '\0'));
    description.append(QByteArray("v5.4.1").leftJustified(32, '\0'));
    description.append(32, '\x5a');
    description.append(256 - description.size(), '\0');
    QByteArray code(recipe.payload, Qt::Uninitialized);
    quint32 state = 0x1234567 + recipe.chipId;
    for (char &c : code) {
        state = state * 1664525 + 1013904223;
        c = char(state >> 24);
    }

    QByteArray out;
    out.append('\xe9').append('\2').append('\2').append(char(recipe.flashSizeCode << 4 | 0xf));
    le32(out, 0x40380000);
    out.append('\xee').append(3, '\0');
    le16(out, recipe.chipId);
    out.append(char(recipe.minimumRevision / 100));
    le16(out, recipe.minimumRevision);
    le16(out, recipe.maximumRevision);
    out.append(4, '\0').append(recipe.digest ? '\1' : '\0');
    quint8 sum = 0xef;
    quint32 address = 0x3c000020;
    for (const QByteArray &segment : {description, code}) {
        le32(out, address);
        le32(out, quint32(segment.size()));
        out.append(segment);
        for (const char c : segment)
            sum ^= quint8(c);
        address += 0x01000000;
    }
    while (out.size() % 16 != 15)
        out.append('\0');
    out.append(char(sum));
    if (recipe.digest)
        out.append(QCryptographicHash::hash(out, QCryptographicHash::Sha256));
    return out;
}

QByteArray espSigned(QByteArray image, char key)
{
    image.append((4096 - image.size() % 4096) % 4096, '\xff');
    QByteArray block("\xe7\x02\0\0", 4);
    block.append(QCryptographicHash::hash(image, QCryptographicHash::Sha256));
    block.append(776, key).append(384, '\x22');
    le32(block, quint32(::crc32(0, reinterpret_cast<const Bytef *>(block.constData()), uInt(block.size()))));
    block.append(16, '\0');
    return image + block.leftJustified(4096, '\xff');
}

QByteArray espKeyDigest(char key)
{
    return QCryptographicHash::hash(QByteArray(776, key), QCryptographicHash::Sha256);
}

QByteArray espPartitions(const QList<EspPartition> &rows, bool md5)
{
    QByteArray out;
    for (const EspPartition &row : rows) {
        out.append("\xaa\x50", 2).append(char(row.type)).append(char(row.subtype));
        le32(out, row.offset);
        le32(out, row.size);
        out.append(row.label.toUtf8().leftJustified(16, '\0', true));
        le32(out, (row.encrypted ? 1u : 0u) | (row.readOnly ? 2u : 0u));
    }
    if (md5) {
        const QByteArray sum = QCryptographicHash::hash(out, QCryptographicHash::Md5);
        out.append("\xeb\xeb", 2).append(14, '\xff').append(sum);
    }
    out.append(EspPartitions::TableSize - out.size(), '\xff');
    return out;
}

} // namespace slipway::test
