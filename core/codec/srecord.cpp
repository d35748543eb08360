#include "core/codec/srecord.h"

#include "core/base/fault.h"
#include "core/codec/textrecords.h"

namespace slipway {

namespace {

[[noreturn]] void refuse(int line, const QString &what)
{
    throw Fault("codec.s-record", {QStringLiteral("line %1 %2").arg(line).arg(what)});
}

// Bytes of address in a record of that type; 0: there is no such type.
int addressBytes(char type)
{
    switch (type) {
    case '0':
    case '1':
    case '5':
    case '9':
        return 2;
    case '2':
    case '6':
    case '8':
        return 3;
    case '3':
    case '7':
        return 4;
    default:
        return 0;
    }
}

} // namespace

bool SRecordFile::looksLike(QByteArrayView bytes)
{
    const auto line = textrecords::Lines(bytes.first(std::min<qsizetype>(bytes.size(), 4096))).next();
    return line && line->size() >= 4 && line->front() == 'S' && addressBytes((*line)[1]) != 0 &&
           std::isxdigit(quint8((*line)[2])) && std::isxdigit(quint8((*line)[3]));
}

SRecordFile SRecordFile::parse(QByteArrayView bytes)
{
    SRecordFile file;
    textrecords::Lines lines(bytes);
    textrecords::Record record;
    bool ended = false;
    while (const auto line = lines.next()) {
        if (ended)
            refuse(lines.number(), QStringLiteral("comes after the end record"));
        if (line->size() < 2 || line->front() != 'S')
            refuse(lines.number(), QStringLiteral("does not begin with S and a digit"));
        const char type = (*line)[1];
        const int width = addressBytes(type);
        if (width == 0)
            refuse(lines.number(), QStringLiteral("is of a type that does not exist"));
        if (!textrecords::decode(line->sliced(2), record))
            refuse(lines.number(), QStringLiteral("holds something other than pairs of hex digits"));
        if (record.size() < width + 2 || record.size() != record[0] + 1)
            refuse(lines.number(), QStringLiteral("is not as long as it says"));
        quint8 sum = 0;
        for (const quint8 byte : record)
            sum = quint8(sum + byte);
        if (sum != 0xff)
            refuse(lines.number(), QStringLiteral("has a wrong checksum"));
        quint32 address = 0;
        for (int i = 1; i <= width; ++i)
            address = address << 8 | record[i];
        const quint8 *data = record.constData() + 1 + width;
        const qsizetype length = record.size() - width - 2;
        switch (type) {
        case '0':
            file.header = QByteArray(reinterpret_cast<const char *>(data), length);
            break;
        case '1':
        case '2':
        case '3':
            if (quint64(address) + quint64(length) > 1ULL << (8 * width))
                refuse(lines.number(), QStringLiteral("runs past the last address"));
            if (!textrecords::add(file.pieces, address, data, length, MaximumPieces))
                refuse(lines.number(), QStringLiteral("would be piece %1 of the file").arg(MaximumPieces + 1));
            ++file.records;
            break;
        case '5':
        case '6':
            if (length != 0)
                refuse(lines.number(), QStringLiteral("has a wrong length for its type"));
            if (address != (quint32(file.records) & (type == '5' ? 0xffffU : 0xffffffU))) {
                refuse(
                    lines.number(),
                    QStringLiteral("says that there are %1 records, and there are %2").arg(address).arg(file.records));
            }
            break;
        default:
            if (length != 0)
                refuse(lines.number(), QStringLiteral("has a wrong length for its type"));
            file.start = address;
            ended = true;
            break;
        }
    }
    if (!ended)
        throw Fault("codec.s-record", {QStringLiteral("it is cut short: its end record is missing")});
    return file;
}

} // namespace slipway
