#include "core/codec/uf2.h"

#include "core/base/fault.h"

#include <QBitArray>
#include <QFile>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>
#include <QtEndian>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint32 firstMagic = 0x0a324655, secondMagic = 0x9e5d5157, lastMagic = 0x0ab16f30;
constexpr quint32 notMainFlash = 0x1, fileContainer = 0x1000, familyPresent = 0x2000, md5Present = 0x4000;
constexpr quint32 dataSize = 476, md5Size = 24;
// picotool puts one block of this family in front of RP2350 files, past the end of the flash and filled with 0xef, so
// that chips with erratum E10 do not count the blocks of other families. It is no firmware.
constexpr quint32 absoluteFamily = 0xe48bff57;
constexpr char placeholder = '\xef';

struct Block {
    quint32 flags = 0, at = 0, number = 0, count = 0;
    std::optional<quint32> family;
    QByteArrayView payload;

    bool isPlaceholder() const
    {
        return family == absoluteFamily && count == 2 && !payload.isEmpty() &&
               std::all_of(payload.begin(), payload.end(), [](char c) { return c == placeholder; });
    }
};

[[noreturn]] void wrong(const QString &what)
{
    throw Fault("codec.uf2", {what});
}

bool hasMagic(QByteArrayView bytes)
{
    return bytes.size() >= 8 && qFromLittleEndian<quint32>(bytes.data()) == firstMagic &&
           qFromLittleEndian<quint32>(bytes.data() + 4) == secondMagic;
}

Block readBlock(QByteArrayView bytes, qsizetype place)
{
    const auto word = [&](qsizetype at) { return qFromLittleEndian<quint32>(bytes.data() + at); };
    if (!hasMagic(bytes) || word(508) != lastMagic)
        wrong(u"block %1 of the file is damaged"_s.arg(place));
    Block block{word(8), word(12), word(20), word(24), {}, {}};
    if (block.flags & familyPresent)
        block.family = word(28);
    if (block.flags & fileContainer)
        wrong(u"it carries files for a file system, not firmware at addresses"_s);
    const quint32 size = word(16);
    if (size > (block.flags & md5Present ? dataSize - md5Size : dataSize))
        wrong(u"block %1 of the file states %2 bytes of data"_s.arg(place).arg(size));
    if (quint64(block.at) + size > quint64(1) << 32)
        wrong(u"block %1 of the file runs past the last address"_s.arg(place));
    block.payload = bytes.sliced(32, size);
    return block;
}

Uf2File::Part assemble(QList<Block> blocks)
{
    Uf2File::Part part;
    part.family = blocks.first().family;
    part.blocks = int(blocks.size());
    const QString whose = part.family ? u" for "_s + uf2FamilyName(*part.family) : QString();
    QBitArray seen(blocks.size());
    for (const Block &block : std::as_const(blocks)) {
        if (block.count != quint64(blocks.size()))
            wrong(u"it has %1 blocks%2, and they say there are %3"_s.arg(blocks.size()).arg(whose).arg(block.count));
        if (block.number >= quint64(blocks.size()) || seen.testBit(int(block.number)))
            wrong(u"block number %1%2 is there twice or out of range"_s.arg(block.number).arg(whose));
        seen.setBit(int(block.number));
    }
    erase_if(blocks, [](const Block &block) { return (block.flags & notMainFlash) || block.payload.isEmpty(); });
    std::stable_sort(blocks.begin(), blocks.end(), [](const Block &a, const Block &b) { return a.at < b.at; });
    for (const Block &block : std::as_const(blocks)) {
        if (part.segments.isEmpty() || part.segments.last().end() < block.at)
            part.segments.append(AddressedBytes{block.at, {}});
        else if (part.segments.last().end() > block.at)
            wrong(u"two blocks%1 are for address 0x%2"_s.arg(whose).arg(block.at, 8, 16, QLatin1Char('0')));
        part.segments.last().bytes += block.payload;
    }
    return part;
}

QHash<quint32, QString> readFamilies()
{
    QHash<quint32, QString> names;
    QFile file(u":/slipway/codec/uf2families.json"_s);
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("internal.defect", {}, u"uf2families.json is not built in"_s);
    const QJsonObject families = QJsonDocument::fromJson(file.readAll()).object().value("families"_L1).toObject();
    for (auto it = families.begin(); it != families.end(); ++it)
        names.insert(it.key().toUInt(nullptr, 16), it.value().toString());
    return names;
}

} // namespace

const Uf2File::Part *Uf2File::partFor(quint32 family) const
{
    const Part *untold = nullptr;
    for (const Part &part : parts) {
        if (part.family == family)
            return &part;
        if (!part.family)
            untold = &part;
    }
    return untold;
}

bool Uf2File::recognises(QByteArrayView bytes)
{
    return hasMagic(bytes);
}

Uf2File Uf2File::parse(const QByteArray &bytes)
{
    if (!recognises(bytes))
        wrong(u"it does not begin with a UF2 block"_s);
    if (bytes.size() % blockSize != 0)
        wrong(u"it is cut short: %1 bytes are no whole number of blocks"_s.arg(bytes.size()));
    QList<QList<Block>> parts;
    QHash<qint64, qsizetype> known; // -1: no family told
    for (qsizetype at = 0; at < bytes.size(); at += blockSize) {
        const Block block = readBlock(QByteArrayView(bytes).sliced(at, blockSize), at / blockSize);
        if (block.isPlaceholder())
            continue;
        const auto found = known.constFind(block.family ? qint64(*block.family) : -1);
        if (found == known.constEnd()) {
            known.insert(block.family ? qint64(*block.family) : -1, parts.size());
            parts.append(QList<Block>{block});
        } else {
            parts[*found].append(block);
        }
    }
    Uf2File file;
    for (const QList<Block> &part : std::as_const(parts))
        file.parts << assemble(part);
    if (std::all_of(file.parts.begin(), file.parts.end(), [](const Part &part) { return part.segments.isEmpty(); }))
        wrong(u"it holds nothing for the main flash"_s);
    return file;
}

namespace {

constexpr quint32 blockPayload = 256;

QByteArray encode(const Block &block)
{
    QByteArray out(Uf2File::blockSize, '\0');
    const auto put = [&out](qsizetype at, quint32 value) { qToLittleEndian(value, out.data() + at); };
    put(0, firstMagic);
    put(4, secondMagic);
    put(8, block.flags | (block.family ? familyPresent : 0));
    put(12, block.at);
    put(16, quint32(block.payload.size()));
    put(20, block.number);
    put(24, block.count);
    put(28, block.family.value_or(0));
    out.replace(32, block.payload.size(), block.payload.data(), block.payload.size());
    put(508, lastMagic);
    return out;
}

} // namespace

QByteArray writeUf2(const QList<AddressedBytes> &pieces, const Uf2Form &form)
{
    QMap<quint64, QByteArray> units; // by address
    quint64 end = 0;
    for (const AddressedBytes &piece : pieces) {
        if (piece.bytes.isEmpty())
            continue;
        if (piece.at < end)
            wrong(u"two pieces are for address 0x%1"_s.arg(piece.at, 8, 16, QLatin1Char('0')));
        end = piece.end();
        if (end > quint64(1) << 32)
            wrong(u"a piece runs past the last address"_s);
        for (quint64 at = piece.at; at < end;) {
            const quint64 unit = at - at % form.unit;
            const auto size = qsizetype(std::min(end, unit + form.unit) - at);
            QByteArray &content = units[unit];
            if (content.isEmpty())
                content = QByteArray(qsizetype(form.unit), form.fill);
            content.replace(qsizetype(at - unit), size, piece.bytes.constData() + (at - piece.at), size);
            at += quint64(size);
        }
        if (qint64(units.size()) * form.unit * 2 > largestUf2)
            wrong(u"it would have more than %1 MiB"_s.arg(largestUf2 >> 20));
    }
    QByteArray file;
    const auto count = quint32(units.size() * (form.unit / blockPayload));
    file.reserve(qsizetype(count + 1) * Uf2File::blockSize);
    if (form.absoluteAt) {
        const QByteArray filling(blockPayload, placeholder);
        file += encode({0, *form.absoluteAt, 0, 2, absoluteFamily, filling});
    }
    quint32 number = 0;
    for (auto it = units.constBegin(); it != units.constEnd(); ++it) {
        for (quint32 at = 0; at < form.unit; at += blockPayload)
            file += encode({0, quint32(it.key()) + at, number++, count, form.family,
                            QByteArrayView(*it).sliced(at, blockPayload)});
    }
    return file;
}

QString uf2FamilyName(quint32 family)
{
    static const QHash<quint32, QString> names = readFamilies();
    const auto it = names.constFind(family);
    return it != names.constEnd() ? *it : u"0x%1"_s.arg(family, 8, 16, QLatin1Char('0'));
}

} // namespace slipway
