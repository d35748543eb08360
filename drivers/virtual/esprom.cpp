#include "drivers/virtual/esprom.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QSet>
#include <QtEndian>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

enum Op : quint8 {
    FlashBegin = 0x02,
    FlashData = 0x03,
    FlashEnd = 0x04,
    Sync = 0x08,
    WriteReg = 0x09,
    ReadReg = 0x0a,
    SpiSetParams = 0x0b,
    SpiAttach = 0x0d,
    ReadFlashSlow = 0x0e,
    ChangeBaud = 0x0f,
    DeflBegin = 0x10,
    DeflData = 0x11,
    DeflEnd = 0x12,
    FlashMd5 = 0x13,
    SecurityInfo = 0x14,
};

enum Trouble : quint8 {
    None = 0,
    Invalid = 0x05,
    Failed = 0x06,
    Checksum = 0x07,
    WriteError = 0x08,
    ReadLength = 0x0a,
    Deflate = 0x0b,
    Adler = 0x0c,
    DeflateParameter = 0x0d,
};

constexpr quint32 sector = 4096, page = 256;

// Where fuses lie: word of block 1, lowest bit, bits.
struct Spot {
    int word, bit, bits;
};
struct Layout {
    const char *name;
    quint32 id, magic, fuses, spi;
    std::array<Spot, 2> minor; // low part, high part
    Spot major;
    int versionBit; // of the anti-rollback version, in the word at 0x3c
};
constexpr std::array<Layout, 6> layouts{{
    {"esp32", 0, 0x00f01d83, 0x3ff5a000, 0x3ff42000, {}, {}, 0},
    {"esp32s2", 2, 0x000007c6, 0x3f41a000, 0x3f402000, {{{4, 4, 3}, {3, 20, 1}}}, {3, 18, 2}, 11},
    {"esp32s3", 9, 0x00000009, 0x60007000, 0x60002000, {{{3, 18, 3}, {5, 23, 1}}}, {5, 24, 2}, 14},
    {"esp32c3", 5, 0x1b31506f, 0x60008800, 0x60002000, {{{3, 18, 3}, {5, 23, 1}}}, {5, 24, 2}, 14},
    {"esp32c6", 13, 0x2ce0806f, 0x600b0800, 0x60003000, {{{3, 18, 4}, {0, 0, 0}}}, {3, 22, 2}, 14},
    {"esp32h2", 16, 0xd7b73e80, 0x600b0800, 0x60003000, {{{3, 18, 3}, {0, 0, 0}}}, {3, 21, 2}, 9},
}};

quint32 le32(QByteArrayView bytes, qsizetype at)
{
    return qFromLittleEndian<quint32>(bytes.data() + at);
}

QByteArray word(quint32 value)
{
    QByteArray out(4, '\0');
    qToLittleEndian(value, out.data());
    return out;
}

} // namespace

struct EspRom::Private {
    explicit Private(const EspRomOptions &given);
    void burn();
    void put(const Spot &spot, quint32 value);
    void store(quint32 address, quint32 value);
    Trouble begin(QByteArrayView data, bool deflate, Answer &answer);
    Trouble block(QByteArrayView packet, QByteArrayView data, bool deflate, Answer &answer);
    Trouble program(QByteArrayView bytes, Answer &answer);
    Trouble inflateBlock(QByteArrayView bytes, Answer &answer);
    Trouble serve(quint8 op, QByteArrayView packet, QByteArrayView data, QByteArray &out, Answer &answer);
    void endTransfer();
    QByteArray reply(quint8 op, QByteArrayView data, Trouble trouble) const;

    EspRomOptions options;
    const Layout *layout = nullptr;
    QMap<quint32, quint32> registers;
    QByteArray flash;
    QSet<quint32> broken;
    Counts counts;

    quint32 value = 0; // what answers carry that have no value of their own: the last one read
    bool attached = false;
    qint64 told = 0; // bytes of flash memory, by SPI_SET_PARAMS
    enum class Transfer { None, Plain, Deflated } transfer = Transfer::None;
    bool begun = false; // FLASH_BEGIN came, so FLASH_END may
    quint32 sequence = 0, blocks = 0, blockSize = 0;
    qint64 at = 0, end = 0; // next byte to be programmed, end of what was announced
    z_stream stream = {};
    bool streaming = false, streamEnded = false;
};

EspRom::Private::Private(const EspRomOptions &given) : options(given)
{
    for (const Layout &candidate : layouts) {
        if (options.chip == QLatin1String(candidate.name))
            layout = &candidate;
    }
    if (!layout)
        throw Fault("virtual.chip", {options.chip, didYouMean(options.chip, chips()), chips().join(u", "_s)});
    options.flashBytes = std::max<qint64>(1, options.flashBytes / sector) * sector;
    options.secureVersion = std::clamp(options.secureVersion, 0, 16);
    options.mac.resize(6, '\0');
    options.reserved.resize(2, '\0');
    flash = options.flash.left(options.flashBytes);
    flash.append(options.flashBytes - flash.size(), '\xff');
    options.flash.clear();
    if (options.flashId == 0)
        options.flashId = quint32(std::bit_width(quint64(options.flashBytes)) - 1) << 16 | 0x40c8;
    burn();
}

void EspRom::Private::put(const Spot &spot, quint32 number)
{
    if (spot.bits > 0)
        registers[layout->fuses + 0x44 + quint32(4 * spot.word)] |= (number & ((1u << spot.bits) - 1)) << spot.bit;
}

// eFuses as registers.
void EspRom::Private::burn()
{
    const quint32 fuses = layout->fuses;
    const quint32 macLow = qFromBigEndian<quint32>(options.mac.constData() + 2);
    const quint32 macHigh = qFromBigEndian<quint16>(options.mac.constData());
    const auto major = quint32(options.revision / 100), minor = quint32(options.revision % 100);
    registers[0x40001000] = layout->magic;
    const quint32 version = (1u << options.secureVersion) - 1;
    if (layout->id == 0) {
        registers[fuses + 4] = macLow;
        registers[fuses + 8] = macHigh;
        registers[fuses + 0x0c] |= major >= 1 ? 1u << 15 : 0;
        registers[fuses + 0x14] |= (major >= 2 ? 1u << 20 : 0) | minor << 24;
        registers[0x3ff6607c] |= major >= 3 ? 1u << 31 : 0;
        registers[fuses] |= options.flashEncryption ? 1u << 20 : 0;
        // Secure boot: version 2 from revision 3 on, version 1 before.
        registers[fuses + 0x18] |= !options.secureBoot ? 0 : major >= 3 ? 1u << 5 : 1u << 4;
        for (int i = 0; i < 8 && !options.bootDigests.isEmpty(); ++i)
            registers[fuses + 0x58 + quint32(4 * i)] = le32(options.bootDigests[0], 4 * i);
    } else {
        registers[fuses + 0x44] = macLow;
        registers[fuses + 0x48] = macHigh;
        put(layout->minor[0], minor);
        put(layout->minor[1], minor >> layout->minor[0].bits);
        put(layout->major, major);
        registers[fuses + 0x34] |= options.flashEncryption ? 1u << 18 : 0;
        registers[fuses + 0x38] |= options.secureBoot ? 1u << 20 : 0;
        registers[fuses + 0x3c] |= version << layout->versionBit;
        for (int key = 0; key < options.bootDigests.size() && key < 3; ++key) {
            const auto purpose = quint32(9 + key);
            if (key < 2)
                registers[fuses + 0x34] |= purpose << (24 + 4 * key);
            else
                registers[fuses + 0x38] |= purpose;
            for (int i = 0; i < 8; ++i)
                registers[fuses + 0x9c + quint32(32 * key + 4 * i)] = le32(options.bootDigests[key], 4 * i);
        }
    }
    for (auto it = options.registers.constBegin(); it != options.registers.constEnd(); ++it)
        registers[it.key()] = it.value();
}

// The SPI controller runs a command of its own when bit 18 of its first register is set.
void EspRom::Private::store(quint32 address, quint32 number)
{
    registers[address] = number;
    constexpr quint32 go = 1u << 18;
    if (address != layout->spi || !(number & go))
        return;
    const bool old = layout->id == 0;
    const quint32 command = registers.value(layout->spi + (old ? 0x24 : 0x20)) & 0xff;
    registers[layout->spi + (old ? 0x80 : 0x58)] = command == 0x9f ? options.flashId : 0;
    registers[address] = number & ~go;
}

void EspRom::Private::endTransfer()
{
    if (streaming)
        ::inflateEnd(&stream);
    streaming = streamEnded = false;
    transfer = Transfer::None;
}

Trouble EspRom::Private::begin(QByteArrayView data, bool deflate, Answer &answer)
{
    endTransfer();
    const bool extended = layout->id != 0;
    if (data.size() != (extended ? 20 : 16))
        return Invalid;
    const quint32 size = le32(data, 0), count = le32(data, 4), each = le32(data, 8), from = le32(data, 12);
    if (extended && le32(data, 16) != 0) // to be encrypted by the chip: it has no key here
        return Failed;
    if (!attached || each == 0 || from % 4 != 0)
        return Failed;
    if (qint64(from) + size > told)
        return Failed;
    if (!deflate && count != (size + each - 1) / each)
        return Failed;
    ++counts.begins;
    begun = true;
    for (qint64 s = from / sector; s < (qint64(from) + size + sector - 1) / sector; ++s) {
        const qint64 begins = s * sector % flash.size(); // a memory smaller than it says begins anew
        std::fill_n(flash.data() + begins, sector, '\xff');
        ++counts.sectorsErased;
        answer.busy += options.eraseTime;
    }
    sequence = 0;
    blocks = count;
    blockSize = each;
    at = from;
    end = qint64(from) + size;
    transfer = deflate ? Transfer::Deflated : Transfer::Plain;
    if (deflate) {
        stream = {};
        streaming = ::inflateInit(&stream) == Z_OK;
    }
    return None;
}

Trouble EspRom::Private::program(QByteArrayView bytes, Answer &answer)
{
    const qsizetype size = bytes.size();
    if (at + size > end)
        return WriteError;
    Trouble trouble = None;
    while (!bytes.isEmpty()) {
        const qint64 place = at % flash.size();
        const QByteArrayView some = bytes.first(std::min<qsizetype>(bytes.size(), flash.size() - place));
        char *cells = flash.data() + place;
        for (qsizetype i = 0; i < some.size(); ++i)
            cells[i] = char(cells[i] & some[i]); // programming makes zeros only
        if (std::memcmp(cells, some.data(), size_t(some.size())) != 0)
            trouble = WriteError;
        for (const quint32 cell : std::as_const(broken)) { // shows in the digest only
            if (cell >= place && cell < place + some.size())
                flash[cell] = 0;
        }
        at += some.size();
        bytes = bytes.sliced(some.size());
    }
    counts.bytesProgrammed += size;
    answer.busy += options.programTime * ((size + page - 1) / page);
    return trouble;
}

Trouble EspRom::Private::inflateBlock(QByteArrayView bytes, Answer &answer)
{
    if (!streaming || streamEnded)
        return DeflateParameter;
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    char out[16384];
    while (stream.avail_in > 0 || stream.avail_out == 0) {
        stream.next_out = reinterpret_cast<Bytef *>(out);
        stream.avail_out = sizeof out;
        const int result = ::inflate(&stream, Z_NO_FLUSH);
        const auto got = qsizetype(sizeof out - stream.avail_out);
        if (at + got > end)
            return DeflateParameter;
        if (const Trouble trouble = program(QByteArrayView(out, got), answer); trouble != None)
            return trouble;
        if (result == Z_STREAM_END) {
            streamEnded = true;
            return stream.avail_in == 0 ? None : DeflateParameter;
        }
        if (result == Z_DATA_ERROR)
            return stream.msg && QByteArray(stream.msg) == "incorrect data check" ? Adler : Deflate;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return Deflate;
        if (result == Z_BUF_ERROR)
            break;
    }
    return None;
}

Trouble EspRom::Private::block(QByteArrayView packet, QByteArrayView data, bool deflate, Answer &answer)
{
    if (transfer != (deflate ? Transfer::Deflated : Transfer::Plain) || data.size() < 16)
        return Invalid;
    const QByteArrayView bytes = data.sliced(16);
    if (qsizetype(le32(data, 0)) != bytes.size() || le32(data, 4) != sequence || sequence >= blocks)
        return Failed;
    const bool last = sequence + 1 == blocks;
    if (bytes.size() > qsizetype(blockSize) || (bytes.size() < qsizetype(blockSize) && !(deflate && last)))
        return Failed;
    quint8 sum = 0xef;
    for (const char c : bytes)
        sum ^= quint8(c);
    if (le32(packet, 4) != sum)
        return Checksum;
    ++counts.blocks;
    ++sequence;
    if (deflate) {
        const Trouble trouble = inflateBlock(bytes, answer);
        return trouble == None && last && !streamEnded ? Deflate : trouble;
    }
    // The last block is filled up to its size; what is past the announced end is not written.
    return program(bytes.first(std::min<qsizetype>(bytes.size(), end - at)), answer);
}

Trouble EspRom::Private::serve(quint8 op, QByteArrayView packet, QByteArrayView data, QByteArray &out, Answer &answer)
{
    static const QSet<quint8> inSecureDownload{FlashBegin, FlashData,    FlashEnd,   Sync,
                                               SpiAttach,  SpiSetParams, ChangeBaud, SecurityInfo};
    if (options.secureDownload && !inSecureDownload.contains(op))
        return Invalid;
    switch (op) {
    case Sync: {
        if (data.size() != 36 || le32(data, 0) != 0x20120707 || data.sliced(4) != QByteArray(32, '\x55'))
            return Invalid;
        value = 0x20120707;
        endTransfer();
        return None;
    }
    case ReadReg:
        if (data.size() != 4 || le32(data, 0) % 4 != 0)
            return Invalid;
        value = registers.value(le32(data, 0));
        return None;
    case WriteReg: {
        if (data.size() != 16 || le32(data, 0) % 4 != 0)
            return Invalid;
        const quint32 address = le32(data, 0), mask = le32(data, 8);
        store(address, (registers.value(address) & ~mask) | (le32(data, 4) & mask));
        return None;
    }
    case SpiAttach:
        if (data.size() != 8)
            return Invalid;
        attached = true;
        told = std::max<qint64>(told, 2 * 1024 * 1024);
        return None;
    case SpiSetParams:
        if (data.size() != 24)
            return Invalid;
        if (!attached)
            return Failed;
        told = le32(data, 4);
        return None;
    case SecurityInfo: {
        if (layout->id == 0 || !data.isEmpty())
            return Invalid;
        out = word((options.secureBoot ? 1u : 0) | (options.secureDownload ? 4u : 0));
        QByteArray purposes(7, '\0');
        for (int key = 0; key < options.bootDigests.size() && key < 3; ++key)
            purposes[key] = char(9 + key);
        purposes[6] = 12;
        out += QByteArray(1, options.flashEncryption ? '\1' : '\0') + purposes;
        if (layout->id != 2)
            out += word(layout->id) + word(quint32(options.revision % 100));
        return None;
    }
    case FlashBegin:
        return begin(data, false, answer);
    case DeflBegin:
        return begin(data, true, answer);
    case FlashData:
        return block(packet, data, false, answer);
    case DeflData:
        return block(packet, data, true, answer);
    case FlashEnd:
    case DeflEnd:
        if (data.size() != 4 || !begun)
            return Invalid;
        answer.then = le32(data, 0) == 0 ? Answer::Then::Restart : Answer::Then::Run;
        return None;
    case ChangeBaud:
        if (data.size() != 8 || le32(data, 4) != 0)
            return Invalid;
        if (le32(data, 0) < 9600 || qint64(le32(data, 0)) > options.highestBaud)
            return Failed;
        answer.baud = int(le32(data, 0));
        return None;
    case FlashMd5: {
        if (data.size() != 16)
            return Invalid;
        const qint64 from = le32(data, 0), size = le32(data, 4);
        if (!attached || from + size > told)
            return Failed;
        QCryptographicHash hash(QCryptographicHash::Md5);
        for (qint64 i = from; i < from + size;) { // a memory smaller than it says begins anew
            const qint64 n = std::min(from + size - i, flash.size() - i % flash.size());
            hash.addData(QByteArrayView(flash).sliced(i % flash.size(), n));
            i += n;
        }
        out = hash.result().toHex();
        answer.busy += options.digestTime * ((size + 65535) / 65536);
        return None;
    }
    case ReadFlashSlow: {
        if (data.size() != 8)
            return Invalid;
        const qint64 from = le32(data, 0), size = le32(data, 4);
        if (size > 64)
            return ReadLength;
        if (!attached || from + size > told)
            return Failed;
        out = QByteArray(64, '\0');
        for (qint64 i = 0; i < 64 && from + i < told; ++i)
            out[i] = flash[(from + i) % flash.size()];
        return None;
    }
    default:
        return Invalid;
    }
}

QByteArray EspRom::Private::reply(quint8 op, QByteArrayView data, Trouble trouble) const
{
    QByteArray out("\1\0\0\0", 4);
    out[1] = char(op);
    qToLittleEndian(quint16(data.size() + 4), out.data() + 2);
    out += word(value);
    out += data;
    out.append(trouble == None ? '\0' : '\1').append(char(trouble)).append(options.reserved);
    return out;
}

EspRom::EspRom(const EspRomOptions &options) : d(std::make_unique<Private>(options)) {}

EspRom::~EspRom()
{
    d->endTransfer();
}

QStringList EspRom::chips()
{
    QStringList out;
    for (const Layout &layout : layouts)
        out << QString::fromLatin1(layout.name);
    return out;
}

EspRom::Answer EspRom::handle(QByteArrayView packet)
{
    constexpr qsizetype header = 8, blockHeader = 16;
    Answer answer;
    if (packet.size() < 2 || packet[0] != 0) // somebody else's
        return answer;
    ++d->counts.requests;
    const auto op = quint8(packet[1]);
    Trouble trouble = Invalid;
    QByteArray out;
    const bool whole = packet.size() >= header && packet.size() <= header + blockHeader + d->options.largestBlock &&
                       qFromLittleEndian<quint16>(packet.data() + 2) == packet.size() - header;
    if (whole)
        trouble = d->serve(op, packet, packet.sliced(header), out, answer);
    if (trouble != None) {
        ++d->counts.refused;
        out.clear();
        if (trouble != Invalid && trouble != Checksum && trouble != Failed)
            d->endTransfer();
    }
    // SYNC is answered eight times.
    for (int i = 0; i < (op == Sync && trouble == None ? 8 : 1); ++i)
        answer.packets << d->reply(op, out, trouble);
    return answer;
}

void EspRom::restart()
{
    d->endTransfer();
    d->value = 0;
    d->attached = d->begun = false;
    d->told = 0;
    d->registers.clear();
    d->burn();
}

const QByteArray &EspRom::flash() const
{
    return d->flash;
}

QByteArray &EspRom::flash()
{
    return d->flash;
}

void EspRom::breakFlash(quint32 at)
{
    d->broken << at;
}

const EspRom::Counts &EspRom::counts() const
{
    return d->counts;
}

} // namespace slipway
