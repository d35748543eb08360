#pragma once
// Numbers of the NVS format that reader and builder share. Room-internal.

#include <QByteArrayView>
#include <QString>

#include <zlib.h>

namespace slipway::nvs {

constexpr quint32 blankPage = 0xffffffff, activePage = 0xfffffffe, fullPage = 0xfffffffc, freeingPage = 0xfffffff8,
                  corruptPage = 0xfffffff0;
constexpr quint8 version2 = 0xfe;
constexpr qsizetype bitmapAt = 32;
constexpr int blankEntry = 3, writtenEntry = 2; // of two bits
constexpr qsizetype spaceAt = 0, typeAt = 1, spanAt = 2, chunkAt = 3, crcAt = 4, keyAt = 8, keySize = 16, dataAt = 24;
constexpr quint8 anyChunk = 0xff;

// The low half of an integer's type is its size.
enum Type : quint8 {
    U8 = 0x01,
    I8 = 0x11,
    U16 = 0x02,
    I16 = 0x12,
    U32 = 0x04,
    I32 = 0x14,
    U64 = 0x08,
    I64 = 0x18,
    String = 0x21,
    Blob = 0x41, // version 1
    Blobdata = 0x42,
    Blobindex = 0x48,
};

inline QString integerName(quint8 type)
{
    switch (type) {
    case U8:
    case U16:
    case U32:
    case U64:
        return QStringLiteral("u%1").arg((type & 0x0f) * 8);
    case I8:
    case I16:
    case I32:
    case I64:
        return QStringLiteral("i%1").arg((type & 0x0f) * 8);
    default:
        return {};
    }
}

inline quint32 checksum(QByteArrayView bytes, quint32 before = 0xffffffffu)
{
    return quint32(::crc32(before, reinterpret_cast<const Bytef *>(bytes.data()), uInt(bytes.size())));
}

// Over all of an entry but the checksum itself.
inline quint32 entryChecksum(QByteArrayView entry)
{
    return checksum(entry.sliced(8, 24), checksum(entry.first(4)));
}

} // namespace slipway::nvs
