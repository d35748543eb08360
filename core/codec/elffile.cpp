#include "core/codec/elffile.h"

#include "core/base/fault.h"

#include <algorithm>
#include <limits>

namespace slipway {

namespace {

enum : quint32 {
    TypeExecutable = 2,
    TypeShared = 3,
    ProgramLoad = 1,
    SectionNoBits = 8,
    SectionAllocated = 2,
    NumberElsewhere = 0xffff, // the true number of headers stands in a section header
};

[[noreturn]] void refuse(const QString &what)
{
    throw Fault("codec.elf", {what});
}

struct Span {
    quint64 at = 0, size = 0;
    quint64 end() const { return at + size; }
};

class Reader
{
public:
    Reader(QByteArrayView bytes, bool wide, bool big) : m_bytes(bytes), m_wide(wide), m_big(big) {}

    quint64 number(quint64 at, int size) const
    {
        if (at > quint64(m_bytes.size()) || quint64(size) > quint64(m_bytes.size()) - at)
            refuse(QStringLiteral("it is cut short: it has %1 bytes, and its headers reach to byte %2")
                       .arg(m_bytes.size())
                       .arg(at + quint64(size)));
        quint64 value = 0;
        for (int i = 0; i < size; ++i)
            value = value << 8 | quint8(m_bytes[qsizetype(at) + (m_big ? i : size - 1 - i)]);
        return value;
    }
    quint32 half(quint64 at) const { return quint32(number(at, 2)); }
    quint32 word(quint64 at) const { return quint32(number(at, 4)); }
    // A field whose place and width differ between the two classes.
    quint64 address(quint64 at32, quint64 at64) const { return m_wide ? number(at64, 8) : number(at32, 4); }
    bool wide() const { return m_wide; }
    quint64 size() const { return quint64(m_bytes.size()); }
    bool holds(const Span &span) const { return span.at <= size() && span.size <= size() - span.at; }

private:
    QByteArrayView m_bytes;
    bool m_wide, m_big;
};

struct ProgramHeader {
    Span file;
    quint64 virtualAt = 0, physicalAt = 0;
};

QList<ProgramHeader> loadable(const Reader &in)
{
    const quint64 table = in.address(28, 32);
    const quint64 count = in.half(in.wide() ? 56 : 44);
    const quint64 step = in.half(in.wide() ? 54 : 42);
    if (count == 0)
        refuse(QStringLiteral("it has no program headers, so it says nothing about what goes where"));
    if (count == NumberElsewhere || count > ElfFile::MaximumHeaders)
        refuse(QStringLiteral("it has more than %1 program headers").arg(ElfFile::MaximumHeaders));
    if (step < (in.wide() ? 56 : 32))
        refuse(QStringLiteral("its program headers are shorter than they can be"));
    if (!in.holds({table, count * step}))
        refuse(QStringLiteral("it is cut short: its program headers are not in it"));
    QList<ProgramHeader> out;
    quint64 total = 0;
    for (quint64 i = 0; i < count; ++i) {
        const quint64 at = table + i * step;
        if (in.word(at) != ProgramLoad)
            continue;
        ProgramHeader header;
        header.file = {in.address(at + 4, at + 8), in.address(at + 16, at + 32)};
        header.virtualAt = in.address(at + 8, at + 16);
        header.physicalAt = in.address(at + 12, at + 24);
        if (header.file.size == 0)
            continue;
        if (!in.holds(header.file))
            refuse(QStringLiteral("it is cut short: program header %1 wants bytes that are not in it").arg(i));
        if (header.file.size > in.address(at + 20, at + 40))
            refuse(QStringLiteral("program header %1 has more bytes in the file than in memory").arg(i));
        total += header.file.size;
        // Each byte of a program stands in the file once; more would only make a small file huge.
        if (total > in.size())
            refuse(QStringLiteral("its program headers want more bytes than it has"));
        out.append(header);
    }
    if (out.isEmpty())
        refuse(QStringLiteral("nothing in it is to be loaded"));
    return out;
}

// Where the sections with content lie in the file, among those that are loaded.
QList<Span> loadedSections(const Reader &in)
{
    const quint64 table = in.address(32, 40);
    const quint64 step = in.half(in.wide() ? 58 : 46);
    const quint64 count = in.half(in.wide() ? 60 : 48);
    QList<Span> out;
    if (table == 0 || step < (in.wide() ? 64 : 40) || !in.holds({table, count * step}))
        return out;
    for (quint64 i = 0; i < count; ++i) {
        const quint64 at = table + i * step;
        const Span span{in.address(at + 16, at + 24), in.address(at + 20, at + 32)};
        if (in.word(at + 4) != SectionNoBits && (in.address(at + 8, at + 8) & SectionAllocated) && span.size > 0 &&
            in.holds(span))
            out.append(span);
    }
    return out;
}

// The part of a span of the file that its sections take; the whole where there are none.
Span narrowed(const Span &whole, const QList<Span> &sections)
{
    quint64 first = whole.end();
    quint64 last = whole.at;
    for (const Span &section : sections) {
        if (section.at < whole.at || section.end() > whole.end())
            continue;
        first = std::min(first, section.at);
        last = std::max(last, section.end());
    }
    return first < last ? Span{first, last - first} : whole;
}

} // namespace

bool ElfFile::looksLike(QByteArrayView bytes)
{
    return bytes.startsWith("\x7f"
                            "ELF");
}

ElfFile ElfFile::parse(QByteArrayView bytes)
{
    if (!looksLike(bytes))
        refuse(QStringLiteral("it does not begin as one"));
    if (bytes.size() < 16)
        refuse(QStringLiteral("it is cut short"));
    const int elfClass = quint8(bytes[4]);
    const int order = quint8(bytes[5]);
    if ((elfClass != 1 && elfClass != 2) || (order != 1 && order != 2))
        refuse(QStringLiteral("it is neither of 32 nor of 64 bits, or of no known byte order"));
    const Reader in(bytes, elfClass == 2, order == 2);
    ElfFile file;
    file.bits = in.wide() ? 64 : 32;
    file.bigEndian = order == 2;
    file.machine = quint16(in.half(18));
    file.entry = in.address(24, 24);
    const quint32 type = in.half(16);
    if (type == 1)
        refuse(QStringLiteral("it is an object file that has not been linked"));
    if (type != TypeExecutable && type != TypeShared)
        refuse(QStringLiteral("it is no executable"));

    const QList<ProgramHeader> headers = loadable(in);
    file.virtualAddresses = headers.size() > 1 && std::all_of(headers.begin(), headers.end(), [](const auto &header) {
                                return header.physicalAt == 0;
                            });
    QList<Span> sections;
    bool sectionsRead = false;
    for (const ProgramHeader &header : headers) {
        Span span = header.file;
        if (span.at == 0) { // the ELF header came along
            if (!sectionsRead)
                sections = loadedSections(in);
            sectionsRead = true;
            span = narrowed(span, sections);
        }
        const quint64 base = file.virtualAddresses ? header.virtualAt : header.physicalAt;
        if (header.file.size > std::numeric_limits<quint64>::max() - base)
            refuse(QStringLiteral("a piece of it runs past the last address"));
        file.pieces.append(
            {base + (span.at - header.file.at), bytes.sliced(qsizetype(span.at), qsizetype(span.size)).toByteArray()});
    }
    return file;
}

QString ElfFile::machineName() const
{
    switch (machine) {
    case 3:
        return QStringLiteral("x86");
    case 8:
        return QStringLiteral("MIPS");
    case 20:
        return QStringLiteral("PowerPC");
    case 40:
        return QStringLiteral("ARM");
    case 62:
        return QStringLiteral("x86-64");
    case 83:
        return QStringLiteral("AVR");
    case 94:
        return QStringLiteral("Xtensa");
    case 105:
        return QStringLiteral("MSP430");
    case 183:
        return QStringLiteral("AArch64");
    case 243:
        return QStringLiteral("RISC-V");
    default:
        return QStringLiteral("machine 0x%1").arg(machine, 4, 16, QLatin1Char('0'));
    }
}

} // namespace slipway
