#include "drivers/virtual/stm32rom.h"

#include <QtEndian>

#include <algorithm>
#include <numeric>

namespace slipway {

namespace {

constexpr char yesByte = 0x79, noByte = 0x1f;
constexpr quint8 rateByte = 0x7f;
constexpr quint32 flashAt = 0x08000000;

bool sumsToZero(QByteArrayView bytes)
{
    return std::accumulate(bytes.begin(), bytes.end(), 0, [](int sum, char byte) { return sum ^ quint8(byte); }) == 0;
}

bool within(quint32 at, qsizetype count, quint32 areaAt, quint32 areaSize)
{
    return at >= areaAt && quint64(at) + quint64(count) <= quint64(areaAt) + areaSize;
}

} // namespace

Stm32Rom::Stm32Rom(const VirtualStm32Chip &chip, int flashKib, QByteArray uniqueId, Timing timing)
    : m_chip(chip), m_timing(timing), m_flash(qsizetype(flashKib ? flashKib : chip.flashKib) * 1024, '\xff'),
      m_ram(qsizetype(chip.ramSize), '\0'), m_uniqueId(std::move(uniqueId))
{
    m_uniqueId.resize(12);
}

void Stm32Rom::setFlash(const QByteArray &content)
{
    m_flash.fill('\xff');
    const qsizetype size = std::min(content.size(), m_flash.size());
    m_flash.replace(0, size, content.left(size));
}

void Stm32Rom::reset()
{
    m_state = State::Autobaud;
    m_frame.clear();
    m_ram.fill('\0');
    ++m_counters.restarts;
}

void Stm32Rom::yes(Outcome &out)
{
    out.reply.append(yesByte);
}

void Stm32Rom::no(Outcome &out)
{
    out.reply.append(noByte);
    ++m_counters.refused;
    m_state = State::Command;
}

Stm32Rom::Outcome Stm32Rom::take(QByteArrayView bytes)
{
    Outcome out;
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        if (!out.reply.isEmpty()) {
            m_counters.overrun += bytes.size() - i;
            break;
        }
        step(quint8(bytes[i]), out);
    }
    return out;
}

void Stm32Rom::step(quint8 byte, Outcome &out)
{
    switch (m_state) {
    case State::Autobaud:
        m_state = byte == rateByte ? State::Command : State::Lost;
        if (m_state == State::Command)
            yes(out);
        break;
    case State::Lost:
    case State::Running:
        break;
    case State::Command:
        m_command = byte;
        m_state = State::Complement;
        break;
    case State::Complement:
        if ((m_command ^ byte) != 0xff)
            no(out);
        else
            command(out);
        break;
    case State::Address:
        m_frame.append(char(byte));
        if (m_frame.size() == 5)
            address(out);
        break;
    case State::Count:
        m_frame.append(char(byte));
        if (m_frame.size() == 2)
            readCount(byte, out);
        break;
    case State::Frame: {
        m_frame.append(char(byte));
        // Erase: 0xff and its complement stand for everything.
        const int count = quint8(m_frame[0]);
        const bool everything = m_command == 0x43 && count == 0xff;
        if (m_frame.size() == (everything ? 2 : count + 3))
            frame(out);
        break;
    }
    case State::LongFrame: {
        m_frame.append(char(byte));
        if (m_frame.size() < 2)
            break;
        const int count = qFromBigEndian<quint16>(m_frame.constData());
        if (m_frame.size() == (count >= 0xfff0 ? 3 : 2 + 2 * (count + 1) + 1))
            longFrame(out);
        break;
    }
    }
}

void Stm32Rom::command(Outcome &out)
{
    ++m_counters.commands;
    m_state = State::Command;
    m_frame.clear();
    if (refuseEvery > 0 && m_counters.commands % refuseEvery == 0)
        return no(out);
    const char erase = m_chip.extendedErase ? 0x44 : 0x43;
    const QByteArray known = QByteArray("\x00\x01\x02\x11\x21\x31", 6).append(erase).append("\x63\x73\x82\x92");
    if (!known.contains(char(m_command)))
        return no(out);
    const bool harmless = m_command <= 0x02 || m_command == 0x92;
    if (m_readoutProtected && !harmless)
        return no(out);
    yes(out);
    switch (m_command) {
    case 0x00:
        out.reply.append(char(known.size())).append(char(m_chip.loader)).append(known);
        yes(out);
        break;
    case 0x01:
        out.reply.append(char(m_chip.loader)).append('\0').append('\0');
        yes(out);
        break;
    case 0x02: {
        const quint16 id = lieId ? lieId : m_chip.id;
        out.reply.append('\x01').append(char(id >> 8)).append(char(id));
        yes(out);
        break;
    }
    case 0x11:
    case 0x21:
    case 0x31:
        m_state = State::Address;
        break;
    case 0x43:
    case 0x63:
        m_state = State::Frame;
        break;
    case 0x44:
        m_state = State::LongFrame;
        break;
    case 0x73:
        m_protected.clear();
        out.restart = true;
        yes(out);
        break;
    case 0x82:
        m_readoutProtected = true;
        out.restart = true;
        yes(out);
        break;
    case 0x92:
        if (m_readoutProtected) {
            wipe();
            out.busy = m_timing.erase * sectorCount();
        }
        m_readoutProtected = false;
        out.restart = true;
        yes(out);
        break;
    default:
        break;
    }
}

bool Stm32Rom::addressKnown(quint32 at) const
{
    QByteArray ignored;
    switch (m_command) {
    case 0x11:
        return readable(at, 1, ignored) || within(at, 1, m_chip.flashSizeAt & ~0xffU, 256) ||
               within(at, 1, m_chip.uniqueIdAt & ~0xffU, 256);
    case 0x21:
        return at % 4 == 0 && (within(at, 8, flashAt, quint32(m_flash.size())) ||
                               within(at, 8, m_chip.ramAt + m_chip.ramLoader, m_chip.ramSize - m_chip.ramLoader));
    default:
        return (at % quint32(std::max(4, m_chip.writeUnit)) == 0 && within(at, 1, flashAt, quint32(m_flash.size()))) ||
               (at % 4 == 0 && within(at, 1, m_chip.ramAt + m_chip.ramLoader, m_chip.ramSize - m_chip.ramLoader));
    }
}

void Stm32Rom::address(Outcome &out)
{
    const bool intact = sumsToZero(m_frame);
    m_address = qFromBigEndian<quint32>(m_frame.constData());
    m_frame.clear();
    if (!intact || !addressKnown(m_address))
        return no(out);
    yes(out);
    if (m_command == 0x11) {
        m_state = State::Count;
    } else if (m_command == 0x31) {
        m_state = State::Frame;
    } else {
        m_state = State::Running;
        m_startedAt = m_address;
    }
}

void Stm32Rom::readCount(quint8 byte, Outcome &out)
{
    const qsizetype count = quint8(m_frame[0]) + 1;
    const bool intact = (quint8(m_frame[0]) ^ byte) == 0xff;
    QByteArray bytes;
    if (!intact || !readable(m_address, count, bytes))
        return no(out);
    m_state = State::Command;
    yes(out);
    out.reply.append(bytes);
    m_counters.reread += count;
}

void Stm32Rom::frame(Outcome &out)
{
    const bool everything = m_command == 0x43 && quint8(m_frame[0]) == 0xff;
    m_state = State::Command;
    if (everything) {
        if (m_frame[1] != 0 || !m_chip.massErase)
            return no(out);
        for (int page = 0; page < sectorCount(); ++page)
            erasePage(page);
        ++m_counters.massErases;
        out.busy = m_timing.erase;
        return yes(out);
    }
    if (!sumsToZero(m_frame))
        return no(out);
    const QByteArray body = m_frame.sliced(1, m_frame.size() - 2);
    if (m_command == 0x31) {
        ++m_counters.writes;
        out.busy = m_timing.program;
        if (body.size() % 4 != 0 || !program(m_address, body))
            return no(out);
        return yes(out);
    }
    if (m_command == 0x43) {
        for (const char page : body) {
            if (!erasePage(quint8(page)))
                return no(out);
        }
        out.busy = m_timing.erase * body.size();
        return yes(out);
    }
    for (const char sector : body)
        m_protected.insert(quint8(sector));
    out.restart = true;
    yes(out);
}

void Stm32Rom::longFrame(Outcome &out)
{
    m_state = State::Command;
    if (!sumsToZero(m_frame))
        return no(out);
    const int count = qFromBigEndian<quint16>(m_frame.constData());
    if (count >= 0xfff0) {
        // 0xffff: everything. Single banks (0xfffe, 0xfffd) these chips do not have, and the rest is reserved.
        if (count != 0xffff || !m_chip.massErase)
            return no(out);
        for (int page = 0; page < sectorCount(); ++page)
            erasePage(page);
        ++m_counters.massErases;
        out.busy = m_timing.erase;
        return yes(out);
    }
    for (int i = 0; i <= count; ++i) {
        if (!erasePage(qFromBigEndian<quint16>(m_frame.constData() + 2 + 2 * i)))
            return no(out);
    }
    out.busy = m_timing.erase * (count + 1);
    yes(out);
}

int Stm32Rom::sectorCount() const
{
    return sectorOf(m_flash.size() - 1) + 1;
}

qsizetype Stm32Rom::sectorSize(int sector) const
{
    return m_chip.sectors[std::min(size_t(sector), m_chip.sectors.size() - 1)];
}

qsizetype Stm32Rom::sectorBegin(int sector) const
{
    const int named = std::min(sector, int(m_chip.sectors.size()));
    return std::accumulate(m_chip.sectors.begin(), m_chip.sectors.begin() + named, qsizetype(0)) +
           (sector - named) * qsizetype(m_chip.sectors.back());
}

int Stm32Rom::sectorOf(qsizetype offset) const
{
    int sector = 0;
    qsizetype begin = 0;
    for (; size_t(sector) + 1 < m_chip.sectors.size(); ++sector) {
        if (offset < begin + sectorSize(sector))
            return sector;
        begin += sectorSize(sector);
    }
    return sector + int((offset - begin) / m_chip.sectors.back());
}

int Stm32Rom::protectNumber(qsizetype offset) const
{
    return m_chip.protectBytes ? int(std::min<qsizetype>(31, offset / m_chip.protectBytes)) : sectorOf(offset);
}

// Protected sectors are passed over without a word (AN3155 sections 3.6 to 3.8).
bool Stm32Rom::erasePage(int page)
{
    if (page >= sectorCount())
        return false;
    const qsizetype begin = sectorBegin(page);
    if (m_protected.contains(protectNumber(begin)) || deafErase)
        return true;
    m_flash.replace(begin, sectorSize(page), QByteArray(sectorSize(page), '\xff'));
    ++m_counters.pagesErased;
    return true;
}

bool Stm32Rom::program(quint32 at, QByteArrayView bytes)
{
    const quint32 ramAt = m_chip.ramAt + m_chip.ramLoader;
    if (within(at, bytes.size(), ramAt, m_chip.ramSize - m_chip.ramLoader)) {
        m_ram.replace(qsizetype(at - m_chip.ramAt), bytes.size(), bytes.toByteArray());
        return true;
    }
    if (!within(at, bytes.size(), flashAt, quint32(m_flash.size())) || bytes.size() % m_chip.writeUnit != 0)
        return false;
    const auto offset = qsizetype(at - flashAt);
    for (qsizetype i = 0; i < bytes.size(); i += m_chip.writeUnit) {
        const QByteArray unit = bytes.sliced(i, m_chip.writeUnit).toByteArray();
        const QByteArray blank(m_chip.writeUnit, '\xff');
        if (m_protected.contains(protectNumber(offset + i)) || unit == blank)
            continue;
        // A unit is programmed once; the flash reports an error otherwise.
        if (m_flash.mid(offset + i, m_chip.writeUnit) != blank)
            return false;
        m_flash.replace(offset + i, m_chip.writeUnit, unit);
    }
    if (stuckAt >= offset && stuckAt < offset + bytes.size())
        m_flash[stuckAt] = '\xff';
    return true;
}

void Stm32Rom::wipe()
{
    m_flash.fill('\xff');
    m_protected.clear();
    ++m_counters.massErases;
}

QByteArray Stm32Rom::optionBytes() const
{
    QByteArray out(qsizetype(m_chip.optionsSize), '\xff');
    if (out.size() < 16)
        return out;
    if (m_chip.optionsAt == 0x1ffff800) { // F0, F1, F3: each byte with its complement behind it
        const char level = char(m_readoutProtected ? 0x00 : m_chip.id == 0x410 ? 0xa5 : 0xaa);
        quint32 open = 0xffffffff;
        for (const int sector : m_protected)
            open &= sector < 32 ? ~(1U << sector) : open;
        const char values[] = {level,      '\xff',          '\xff',           '\xff',
                               char(open), char(open >> 8), char(open >> 16), char(open >> 24)};
        for (int i = 0; i < 8; ++i) {
            out[2 * i] = values[i];
            out[2 * i + 1] = char(~values[i]);
        }
    } else if (m_chip.optionsAt == 0x1fffc000) { // F2, F4: nWRP at offset 8
        quint16 open = 0x0fff;
        for (const int sector : m_protected)
            open = quint16(open & ~(1U << sector));
        qToLittleEndian(open, out.data() + 8);
    }
    return out;
}

QByteArray Stm32Rom::signature(quint32 from, quint32 size) const
{
    QByteArray out(qsizetype(size), '\xff');
    const auto put = [&](quint32 at, const QByteArray &bytes) {
        for (qsizetype i = 0; i < bytes.size(); ++i) {
            if (within(at + quint32(i), 1, from, size))
                out[qsizetype(at - from) + i] = bytes[i];
        }
    };
    const int kib = lieFlashKib ? lieFlashKib : int(m_flash.size() / 1024);
    put(m_chip.flashSizeAt, QByteArray().append(char(kib)).append(char(kib >> 8)));
    put(m_chip.uniqueIdAt, m_uniqueId.left(8));
    put(m_chip.uniqueIdAt + m_chip.lastUniqueWord, m_uniqueId.sliced(8));
    return out;
}

bool Stm32Rom::readable(quint32 at, qsizetype count, QByteArray &bytes) const
{
    const auto size = quint32(count);
    if (within(at, count, flashAt, quint32(m_flash.size())))
        bytes = m_flash.mid(qsizetype(at - flashAt), count);
    else if (within(at, count, m_chip.ramAt, m_chip.ramSize))
        bytes = m_ram.mid(qsizetype(at - m_chip.ramAt), count);
    else if (m_chip.optionsSize && within(at, count, m_chip.optionsAt, m_chip.optionsSize))
        bytes = optionBytes().mid(qsizetype(at - m_chip.optionsAt), count);
    else if (within(at, count, m_chip.flashSizeAt & ~0xffU, 256) ||
             within(at, count, m_chip.uniqueIdAt & ~0xffU, 256)) {
        const bool whole = size == (m_chip.id == 0x417 ? 128U : 256U) && at % size == 0;
        if (m_chip.signatureInBlock && !whole)
            return false;
        bytes = signature(at, size);
    } else if (within(at, count, m_chip.systemAt, m_chip.systemSize))
        bytes = QByteArray(count, '\x5a');
    else
        return false;
    return true;
}

} // namespace slipway
