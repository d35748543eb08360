#include "core/codec/capturefile.h"

#include "core/base/fault.h"

#include <QFile>
#include <QtEndian>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr size_t bufferSize = 1024 * 1024;
constexpr quint32 sectionBlock = 0x0a0d0d0a;
constexpr quint32 byteOrderMagic = 0x1a2b3c4d;
constexpr quint32 longestDescription = 64 * 1024; // of an interface, with its options
constexpr size_t mostInterfaces = 4096;
constexpr qint64 nanoseconds = 1'000'000'000;

enum Block : quint32 { Interface = 1, OldPacket = 2, SimplePacket = 3, Statistics = 5, EnhancedPacket = 6 };

bool isKnown(quint32 type)
{
    switch (LinkType(type)) {
    case LinkType::Ethernet:
    case LinkType::RawAix:
    case LinkType::RawBsd:
    case LinkType::Raw:
    case LinkType::LinuxSll:
    case LinkType::Ipv4:
    case LinkType::Ipv6:
    case LinkType::LinuxSll2:
        return true;
    }
    return false;
}

qint64 toNs(quint64 ticks, quint8 resolution, qint64 offset)
{
    constexpr qint64 latest = std::numeric_limits<qint64>::max() / nanoseconds - 1;
    const int power = resolution & 0x7f;
    quint64 seconds = 0;
    quint64 ns = 0;
    if (resolution & 0x80) { // of two
        if (power > 63)
            return 0;
        seconds = ticks >> power;
        const quint64 rest = ticks & ((quint64(1) << power) - 1);
        ns = power > 30 ? (rest >> (power - 30)) * quint64(nanoseconds) >> 30 : rest * quint64(nanoseconds) >> power;
    } else { // of ten
        if (power > 19)
            return 0;
        quint64 unit = 1;
        for (int i = 0; i < power; ++i)
            unit *= 10;
        seconds = ticks / unit;
        ns = ticks % unit;
        for (int i = power; i < 9; ++i)
            ns *= 10;
        for (int i = 9; i < power; ++i)
            ns /= 10;
    }
    const qint64 whole = qint64(std::min<quint64>(seconds, quint64(latest)));
    const qint64 shift = std::clamp(offset, -latest, latest);
    return std::clamp<qint64>(whole + shift, 0, latest) * nanoseconds + qint64(ns);
}

} // namespace

CaptureFile::CaptureFile(const QString &path) : m_name(path)
{
    if (path == u"-"_s) {
        m_name = u"standard input"_s;
        m_fd = STDIN_FILENO;
    } else {
        m_fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
        m_ownsFd = true;
    }
    struct stat info {};
    if (m_fd < 0 || fstat(m_fd, &info) != 0)
        throw Fault("file.unreadable", {path, QString::fromLocal8Bit(std::strerror(errno))});
    if (S_ISDIR(info.st_mode)) {
        ::close(m_fd);
        m_fd = -1;
        throw Fault("file.unreadable", {path, u"it is a folder"_s});
    }
    if (S_ISREG(info.st_mode)) {
        m_size = info.st_size;
        posix_fadvise(m_fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    m_buffer.resize(bufferSize);
    m_data = m_buffer.data();
}

CaptureFile::CaptureFile(QByteArrayView content)
    : m_name(u"the capture"_s), m_data(content.data()), m_end(size_t(content.size())), m_ended(true),
      m_size(content.size())
{}

CaptureFile::~CaptureFile()
{
    if (m_ownsFd && m_fd >= 0)
        ::close(m_fd);
}

void CaptureFile::bad(const QString &why) const
{
    throw Fault("capture.format", {m_name, why}, u"at byte %1"_s.arg(m_position));
}

QString CaptureFile::remark() const
{
    return m_cut ? u"%1 ends in the middle of a packet: the capture was cut short."_s.arg(m_name) : QString();
}

quint16 CaptureFile::u16(size_t at) const
{
    const auto value = qFromUnaligned<quint16>(m_data + m_at + at);
    return m_swapped ? qbswap(value) : value;
}

quint32 CaptureFile::u32(size_t at) const
{
    const auto value = qFromUnaligned<quint32>(m_data + m_at + at);
    return m_swapped ? qbswap(value) : value;
}

quint64 CaptureFile::u64(size_t at) const
{
    const auto value = qFromUnaligned<quint64>(m_data + m_at + at);
    return m_swapped ? qbswap(value) : value;
}

// Reads until that many bytes are in the buffer, or the end. How many there are.
size_t CaptureFile::fill(size_t wanted)
{
    if (!m_ended && m_at > 0) {
        std::memmove(m_buffer.data(), m_buffer.data() + m_at, m_end - m_at);
        m_end -= m_at;
        m_at = 0;
    }
    while (!m_ended && m_end - m_at < wanted) {
        const ssize_t got = ::read(m_fd, m_buffer.data() + m_end, m_buffer.size() - m_end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw Fault("file.unreadable", {m_name, QString::fromLocal8Bit(std::strerror(errno))});
        if (got == 0)
            m_ended = true;
        m_end += size_t(got);
    }
    return m_end - m_at;
}

bool CaptureFile::have(size_t bytes)
{
    return m_end - m_at >= bytes || fill(bytes) >= bytes;
}

bool CaptureFile::skip(quint64 bytes)
{
    m_position += qint64(bytes);
    while (bytes > 0) {
        if (!have(1))
            return false;
        const auto part = size_t(std::min<quint64>(bytes, m_end - m_at));
        m_at += part;
        bytes -= part;
    }
    return true;
}

void CaptureFile::begin()
{
    m_begun = true;
    if (!have(4))
        bad(m_end == m_at ? u"it is empty"_s : u"it is too short"_s);
    const auto magic = qFromUnaligned<quint32>(m_data + m_at);
    if (magic == sectionBlock) {
        m_kind = Kind::PcapNg;
        return;
    }
    switch (magic) {
    case 0xa1b2c3d4:
        break;
    case 0xd4c3b2a1:
        m_swapped = true;
        break;
    case 0xa1b23c4d:
        m_nano = true;
        break;
    case 0x4d3cb2a1:
        m_swapped = m_nano = true;
        break;
    default:
        bad(u"it is neither pcap nor pcapng"_s);
    }
    if (!have(24))
        bad(u"its header is cut off"_s);
    if (u16(4) != 2)
        bad(u"it is of version %1, and only 2 is known"_s.arg(u16(4)));
    Interface one;
    one.type = u32(20) & 0xffff; // above: the length of a frame check sequence
    one.link = LinkType(one.type);
    one.known = isKnown(one.type);
    if (!one.known)
        throw Fault("capture.link-type", {m_name, QString::number(one.type)});
    m_interfaces = {one};
    skip(24);
}

bool CaptureFile::next(CapturedPacket &packet, const Task &task)
{
    if (task.stop.stop_requested())
        task.check(m_name);
    if (!m_begun)
        begin();
    if (m_toSkip > 0) {
        const quint64 rest = m_toSkip;
        m_toSkip = 0;
        if (!skip(rest)) {
            m_cut = true;
            return false;
        }
    }
    if (m_cut)
        return false;
    return m_kind == Kind::Pcap ? nextPcap(packet) : nextBlock(packet);
}

bool CaptureFile::nextPcap(CapturedPacket &packet)
{
    if (!have(16)) {
        m_cut = m_end > m_at;
        return false;
    }
    const quint32 seconds = u32(0);
    const quint32 fraction = u32(4);
    const quint32 captured = u32(8);
    const quint32 wire = u32(12);
    if (captured > MaximumPacket)
        bad(u"a packet states %1 bytes"_s.arg(captured));
    if (fraction >= (m_nano ? 1'000'000'000U : 1'000'000U))
        bad(u"a packet's time has %1 parts of a second"_s.arg(fraction));
    if (!have(16 + size_t(captured))) {
        m_cut = true;
        return false;
    }
    skip(16);
    packet.atNs = qint64(seconds) * nanoseconds + qint64(fraction) * (m_nano ? 1 : 1000);
    deliver(m_interfaces[0], captured, wire, packet);
    m_toSkip = captured;
    return true;
}

void CaptureFile::deliver(const Interface &interface, quint32 captured, quint32 wire, CapturedPacket &packet)
{
    m_lastNs = packet.atNs;
    packet.link = interface.link;
    packet.bytes = QByteArrayView(m_data + m_at, qsizetype(captured));
    packet.wireLength = std::max(wire, captured);
}

const CaptureFile::Interface &CaptureFile::interfaceAt(quint32 index) const
{
    if (index >= m_interfaces.size())
        bad(u"a packet names interface %1, which it does not describe"_s.arg(index));
    return m_interfaces[index];
}

bool CaptureFile::nextBlock(CapturedPacket &packet)
{
    for (;;) {
        if (!have(8)) {
            m_cut = m_end > m_at;
            return false;
        }
        const auto raw = qFromUnaligned<quint32>(m_data + m_at);
        if (raw == sectionBlock) { // its length is in the byte order that it states
            if (!have(28)) {
                m_cut = true;
                return false;
            }
            const auto order = qFromUnaligned<quint32>(m_data + m_at + 8);
            if (order != byteOrderMagic && order != qbswap(byteOrderMagic))
                bad(u"the byte order of a section is not to be told"_s);
            m_swapped = order != byteOrderMagic;
        } else if (m_position == 0) {
            bad(u"it begins with no section"_s);
        }
        const quint32 type = raw == sectionBlock ? raw : u32(0);
        const quint32 length = u32(4);
        if (length < 12 || length % 4 != 0)
            bad(u"a block states %1 bytes"_s.arg(length));
        if (type == sectionBlock) {
            section(length);
        } else if (type == Block::Interface) {
            describeInterface(length);
        } else if (type == Block::Statistics) {
            statistics(length);
        } else if (type == Block::EnhancedPacket || type == Block::SimplePacket || type == Block::OldPacket) {
            if (packetBlock(type, length, packet))
                return true;
            if (m_cut)
                return false;
            continue; // of a link type that nobody reads: skipped
        }
        if (m_cut || !skip(length)) {
            m_cut = true;
            return false;
        }
    }
}

void CaptureFile::section(quint32 length)
{
    if (length < 28)
        bad(u"a section header states %1 bytes"_s.arg(length));
    if (u16(12) != 1)
        bad(u"a section is of version %1, and only 1 is known"_s.arg(u16(12)));
    m_interfaces.clear();
}

void CaptureFile::describeInterface(quint32 length)
{
    if (length < 20 || length > longestDescription)
        bad(u"an interface description states %1 bytes"_s.arg(length));
    if (!have(length)) {
        m_cut = true;
        return;
    }
    if (m_interfaces.size() >= mostInterfaces)
        bad(u"it describes more than %1 interfaces"_s.arg(mostInterfaces));
    Interface one;
    one.type = u16(8);
    one.link = LinkType(one.type);
    one.known = isKnown(one.type);
    one.snapLength = u32(12);
    for (size_t at = 16; at + 4 <= length - 4;) {
        const quint16 code = u16(at);
        const quint16 size = u16(at + 2);
        if (code == 0 || at + 4 + size > length - 4)
            break;
        if (code == 9 && size == 1)
            one.resolution = quint8(m_data[m_at + at + 4]);
        else if (code == 14 && size == 8)
            one.offset = qint64(u64(at + 4));
        at += 4 + (size_t(size) + 3) / 4 * 4;
    }
    m_interfaces.push_back(one);
}

// What the capturing system dropped: isb_ifdrop counts from the start, so the last word counts.
void CaptureFile::statistics(quint32 length)
{
    if (length < 24 || length > longestDescription || !have(length) || u32(8) >= m_interfaces.size())
        return;
    Interface &one = m_interfaces[u32(8)];
    for (size_t at = 20; at + 4 <= length - 4;) {
        const quint16 code = u16(at);
        const quint16 size = u16(at + 2);
        if (code == 0 || at + 4 + size > length - 4)
            break;
        if ((code == 5 || code == 7) && size == 8) { // isb_ifdrop, isb_osdrop
            const quint64 dropped = u64(at + 4);
            if (dropped > one.lost && dropped < quint64(1) << 48) {
                m_lost += dropped - one.lost;
                one.lost = dropped;
            }
        }
        at += 4 + (size_t(size) + 3) / 4 * 4;
    }
}

bool CaptureFile::packetBlock(quint32 type, quint32 length, CapturedPacket &packet)
{
    const quint32 header = type == Block::SimplePacket ? 12 : 28;
    if (length < header + 4)
        bad(u"a packet block states %1 bytes"_s.arg(length));
    if (!have(header)) {
        m_cut = true;
        return false;
    }
    const Interface *from = nullptr;
    quint32 captured = 0;
    quint32 wire = 0;
    if (type == Block::SimplePacket) {
        from = &interfaceAt(0);
        wire = u32(8);
        captured = std::min(wire, length - header - 4);
        if (from->snapLength != 0)
            captured = std::min(captured, from->snapLength);
        packet.atNs = m_lastNs; // it has no time of its own
    } else {
        from = &interfaceAt(type == Block::OldPacket ? u16(8) : u32(8));
        packet.atNs = toNs(quint64(u32(12)) << 32 | u32(16), from->resolution, from->offset);
        captured = u32(20);
        wire = u32(24);
    }
    if (captured > MaximumPacket || captured > length - header - 4)
        bad(u"a packet states %1 bytes in a block of %2"_s.arg(captured).arg(length));
    if (!from->known) {
        // Another interface of the same capture may be one that can be read; none such is a capture of no use.
        const bool none =
            std::none_of(m_interfaces.begin(), m_interfaces.end(), [](const Interface &i) { return i.known; });
        if (none)
            throw Fault("capture.link-type", {m_name, QString::number(from->type)});
        m_cut = !skip(length);
        return false;
    }
    if (!have(header + size_t(captured))) {
        m_cut = true;
        return false;
    }
    skip(header);
    deliver(*from, captured, wire, packet);
    m_toSkip = length - header;
    return true;
}

} // namespace slipway
