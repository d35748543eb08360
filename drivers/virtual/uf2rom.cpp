#include "drivers/virtual/uf2rom.h"

#include <QtEndian>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

// FAT16: 16384 clusters of 4 KiB, two tables, a root folder of 64 entries.
constexpr qint64 clusterSectors = 8, clusters = 16384, reserved = 1, tables = 2, rootEntries = 64;
constexpr qint64 tableSectors = ((clusters + 2) * 2 + Uf2Rom::sectorSize - 1) / Uf2Rom::sectorSize;
constexpr qint64 rootAt = reserved + tables * tableSectors, rootSectors = rootEntries * 32 / Uf2Rom::sectorSize;
constexpr qint64 dataAt = rootAt + rootSectors, allSectors = dataAt + clusters * clusterSectors;
constexpr quint32 payloadSize = 256;

qint64 clustersOf(const Uf2Rom::File &file)
{
    const qint64 bytes = clusterSectors * Uf2Rom::sectorSize;
    return (file.size + bytes - 1) / bytes;
}

qint64 firstCluster(const Uf2Rom::File &file)
{
    return (file.sector - dataAt) / clusterSectors + 2;
}

QByteArray shortName(const QString &name)
{
    return name.section(u'.', 0, 0).toLatin1().leftJustified(8, ' ', true) +
           name.section(u'.', 1).toLatin1().leftJustified(3, ' ', true);
}

void put16(QByteArray &to, qsizetype at, quint16 value)
{
    qToLittleEndian(value, to.data() + at);
}

void put32(QByteArray &to, qsizetype at, quint32 value)
{
    qToLittleEndian(value, to.data() + at);
}

} // namespace

Uf2Rom::Uf2Rom(Uf2RomOptions options) : m_options(std::move(options)), m_flash(m_options.flashBytes, '\xff')
{
    m_info =
        u"%1\r\nModel: %2\r\nBoard-ID: %3\r\n"_s.arg(m_options.loader, m_options.model, m_options.boardId).toUtf8();
    m_index = "<!doctype html>\n<html><body>A virtual device.</body></html>\n";
    m_files = {{u"INFO_UF2.TXT"_s, m_info.size(), 0}, {u"INDEX.HTM"_s, m_index.size(), 0}};
    if (m_options.current)
        m_files.append({u"CURRENT.UF2"_s, m_flash.size() / payloadSize * sectorSize, 0});
    qint64 at = dataAt;
    for (File &file : m_files) {
        file.sector = at;
        at += clustersOf(file) * clusterSectors;
    }
}

void Uf2Rom::damageInfo(bool damaged)
{
    m_info = damaged
                 ? QByteArray(m_info.size(), '\0')
                 : u"%1\r\nModel: %2\r\nBoard-ID: %3\r\n"_s.arg(m_options.loader, m_options.model, m_options.boardId)
                       .toUtf8();
}

qint64 Uf2Rom::sectors() const
{
    return allSectors;
}

qint64 Uf2Rom::freeSector() const
{
    return m_files.last().sector + clustersOf(m_files.last()) * clusterSectors;
}

qint64 Uf2Rom::freeBytes() const
{
    return (allSectors - freeSector()) * sectorSize;
}

QByteArray Uf2Rom::currentBlock(qint64 number) const
{
    QByteArray block(sectorSize, '\0');
    put32(block, 0, 0x0a324655);
    put32(block, 4, 0x9e5d5157);
    put32(block, 8, 0x2000);
    put32(block, 12, m_options.flashAt + quint32(number) * payloadSize);
    put32(block, 16, payloadSize);
    put32(block, 20, quint32(number));
    put32(block, 24, quint32(m_flash.size() / payloadSize));
    put32(block, 28, m_options.families.first());
    block.replace(32, payloadSize, m_flash.constData() + number * payloadSize, payloadSize);
    put32(block, 508, 0x0ab16f30);
    return block;
}

QByteArray Uf2Rom::content(const File &file, qint64 at, qint64 size) const
{
    if (at >= file.size || size <= 0)
        return {};
    size = std::min(size, file.size - at);
    if (file.name == u"CURRENT.UF2") {
        QByteArray out;
        for (qint64 block = at / sectorSize; out.size() < at % sectorSize + size; ++block)
            out += currentBlock(block);
        return out.mid(at % sectorSize, size);
    }
    return (file.name == u"INDEX.HTM" ? m_index : m_info).mid(at, size);
}

QByteArray Uf2Rom::readSector(qint64 number) const
{
    QByteArray out(sectorSize, '\0');
    if (number == 0) {
        out.replace(0, 11, QByteArray::fromHex("eb3c90") + "UF2 UF2 ");
        put16(out, 11, sectorSize);
        out[13] = char(clusterSectors);
        put16(out, 14, reserved);
        out[16] = char(tables);
        put16(out, 17, rootEntries);
        out[21] = '\xf8';
        put16(out, 22, quint16(tableSectors));
        put16(out, 24, 1);
        put16(out, 26, 1);
        put32(out, 32, quint32(allSectors));
        out[36] = '\x80';
        out[38] = '\x29';
        put32(out, 39, 0x00420042);
        out.replace(43, 11, m_options.label.toLatin1().leftJustified(11, ' ', true));
        out.replace(54, 8, "FAT16   ");
        put16(out, 510, 0xaa55);
    } else if (number < rootAt) {
        const qint64 first = (number - reserved) % tableSectors * (sectorSize / 2);
        for (qint64 i = 0; i < sectorSize / 2; ++i) {
            const qint64 cluster = first + i;
            quint16 next = cluster == 0 ? 0xfff8 : cluster == 1 ? 0xffff : 0;
            for (const File &file : m_files) {
                const qint64 begin = firstCluster(file), end = begin + clustersOf(file);
                if (cluster >= begin && cluster < end)
                    next = cluster + 1 == end ? 0xffff : quint16(cluster + 1);
            }
            put16(out, 2 * i, next);
        }
    } else if (number < dataAt) {
        if (number > rootAt)
            return out;
        out.replace(0, 11, m_options.label.toLatin1().leftJustified(11, ' ', true));
        out[11] = 0x08; // volume label
        qsizetype at = 32;
        for (const File &file : m_files) {
            out.replace(at, 11, shortName(file.name));
            out[at + 11] = 0x01; // read-only
            put16(out, at + 24, 0x5a21);
            put16(out, at + 26, quint16(firstCluster(file)));
            put32(out, at + 28, quint32(file.size));
            at += 32;
        }
    } else {
        for (const File &file : m_files) {
            const qint64 at = (number - file.sector) * sectorSize;
            if (at >= 0 && at < file.size)
                return content(file, at, sectorSize).leftJustified(sectorSize, '\0');
        }
    }
    return out;
}

Uf2Rom::Effect Uf2Rom::writeSector(qint64 number, QByteArrayView bytes)
{
    if (bytes.size() != sectorSize || number < 0 || number >= allSectors)
        return Effect::Nothing;
    const auto word = [&bytes](qsizetype at) { return qFromLittleEndian<quint32>(bytes.data() + at); };
    if (word(0) != 0x0a324655 || word(4) != 0x9e5d5157 || word(508) != 0x0ab16f30) {
        ++m_counts.other;
        return Effect::Nothing;
    }
    const quint32 flags = word(8), at = word(12), size = word(16), block = word(20), count = word(24);
    if (!(flags & 0x2000) || !m_options.families.contains(word(28))) {
        ++m_counts.foreign;
        return Effect::Nothing;
    }
    const quint64 offset = quint64(at) - m_options.flashAt;
    if (flags & 0x1001 || size != payloadSize || at % payloadSize || at < m_options.flashAt || block >= count ||
        offset + size > quint64(m_flash.size())) {
        ++m_counts.refused;
        return Effect::Nothing;
    }
    if (m_lose > 0 && ++m_passed % m_lose == 0)
        return Effect::Nothing;
    if (count != m_count) { // another file
        restart();
        m_count = count;
    }
    const auto unit = quint32(offset / m_options.eraseUnit);
    if (!m_erased.contains(unit)) {
        m_erased.insert(unit);
        m_flash.replace(qsizetype(unit) * m_options.eraseUnit, m_options.eraseUnit,
                        QByteArray(m_options.eraseUnit, '\xff'));
        ++m_counts.erased;
    }
    for (quint32 i = 0; i < size; ++i)
        m_flash[qsizetype(offset + i)] &= bytes[32 + i];
    if (m_stuck && *m_stuck >= qint64(offset) && *m_stuck < qint64(offset + size))
        m_flash[*m_stuck] = 0;
    ++m_counts.taken;
    m_seen.insert(block);
    if (m_seen.size() < qsizetype(m_count))
        return Effect::Programmed;
    restart();
    ++m_counts.completed;
    return Effect::Complete;
}

void Uf2Rom::restart()
{
    m_seen.clear();
    m_erased.clear();
    m_count = 0;
}

void Uf2Rom::setFlash(qint64 at, const QByteArray &bytes)
{
    m_flash.replace(at, bytes.size(), bytes);
}

} // namespace slipway
