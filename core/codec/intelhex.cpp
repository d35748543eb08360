#include "core/codec/intelhex.h"

#include "core/base/fault.h"
#include "core/codec/textrecords.h"

namespace slipway {

namespace {

enum RecordType : quint8 { Data, EndOfFile, SegmentBase, SegmentStart, LinearBase, LinearStart };

[[noreturn]] void refuse(int line, const QString &what)
{
    throw Fault("codec.intel-hex", {QStringLiteral("line %1 %2").arg(line).arg(what)});
}

// Length a record of this type must have; -1: any.
int fixedLength(quint8 type)
{
    switch (type) {
    case EndOfFile:
        return 0;
    case SegmentBase:
    case LinearBase:
        return 2;
    case SegmentStart:
    case LinearStart:
        return 4;
    default:
        return -1;
    }
}

quint32 big(const quint8 *bytes, int count)
{
    quint32 value = 0;
    for (int i = 0; i < count; ++i)
        value = value << 8 | bytes[i];
    return value;
}

} // namespace

bool IntelHexFile::looksLike(QByteArrayView bytes)
{
    const auto line = textrecords::Lines(bytes.first(std::min<qsizetype>(bytes.size(), 4096))).next();
    return line && line->size() >= 3 && line->front() == ':' && std::isxdigit(quint8((*line)[1])) &&
           std::isxdigit(quint8((*line)[2]));
}

IntelHexFile IntelHexFile::parse(QByteArrayView bytes)
{
    IntelHexFile file;
    textrecords::Lines lines(bytes);
    textrecords::Record record;
    quint64 base = 0;
    bool segmented = true; // offsets wrap within 64 KiB until a linear base comes
    bool ended = false;
    while (const auto line = lines.next()) {
        if (ended) {
            if (*line == "\x1a") // the end-of-text mark of old systems
                continue;
            refuse(lines.number(), QStringLiteral("comes after the end record"));
        }
        if (line->front() != ':')
            refuse(lines.number(), QStringLiteral("does not begin with a colon"));
        if (!textrecords::decode(line->sliced(1), record))
            refuse(lines.number(), QStringLiteral("holds something other than pairs of hex digits"));
        if (record.size() < 5 || record.size() != record[0] + 5)
            refuse(lines.number(), QStringLiteral("is not as long as it says"));
        quint8 sum = 0;
        for (const quint8 byte : record)
            sum = quint8(sum + byte);
        if (sum != 0)
            refuse(lines.number(), QStringLiteral("has a wrong checksum"));
        ++file.records;
        const int length = record[0];
        const quint32 offset = big(record.constData() + 1, 2);
        const quint8 type = record[3];
        const quint8 *data = record.constData() + 4;
        if (type > LinearStart)
            refuse(lines.number(), QStringLiteral("is of a type that does not exist (%1)").arg(type));
        if (fixedLength(type) >= 0 && length != fixedLength(type))
            refuse(lines.number(), QStringLiteral("has a wrong length for its type"));
        switch (type) {
        case Data:
            if (segmented && offset + quint32(length) > 0x10000)
                refuse(lines.number(), QStringLiteral("runs past the end of its 64 KiB segment"));
            if (base + offset + quint32(length) > 0x1'0000'0000ULL)
                refuse(lines.number(), QStringLiteral("runs past the last address"));
            if (!textrecords::add(file.pieces, base + offset, data, length, MaximumPieces))
                refuse(lines.number(), QStringLiteral("would be piece %1 of the file").arg(MaximumPieces + 1));
            break;
        case EndOfFile:
            ended = true;
            break;
        case SegmentBase:
            base = quint64(big(data, 2)) << 4;
            segmented = true;
            break;
        case LinearBase:
            base = quint64(big(data, 2)) << 16;
            segmented = false;
            break;
        case SegmentStart:
            file.start = (big(data, 2) << 4) + big(data + 2, 2);
            break;
        default:
            file.start = big(data, 4);
            break;
        }
    }
    if (!ended)
        throw Fault("codec.intel-hex", {QStringLiteral("it is cut short: its end record is missing")});
    return file;
}

} // namespace slipway
