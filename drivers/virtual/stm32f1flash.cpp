#include "drivers/virtual/stm32f1flash.h"

#include <algorithm>

namespace slipway {

namespace {

constexpr quint32 key1 = 0x45670123, key2 = 0xcdef89ab;
constexpr quint8 openKey = 0xa5; // RDPRT: the only value that leaves the memory open
enum Offset {
    Access = 0x00,
    Key = 0x04,
    OptionKey = 0x08,
    Status = 0x0c,
    Control = 0x10,
    Address = 0x14,
    Option = 0x1c,
    WriteProtection = 0x20
};
enum ControlBit : quint32 {
    Program = 1U << 0,
    PageErase = 1U << 1,
    MassErase = 1U << 2,
    OptionProgram = 1U << 4,
    OptionErase = 1U << 5,
    Start = 1U << 6,
    Lock = 1U << 7,
    OptionWrite = 1U << 9,
    ControlBits = Program | PageErase | MassErase | OptionProgram | OptionErase | 0x1400,
};
enum StatusBit : quint32 { Busy = 1, ProgramError = 4, ProtectionError = 16, EndOfOperation = 32 };

quint16 withComplement(quint8 value)
{
    return quint16(value | quint16(quint8(~value)) << 8);
}

bool isWhole(quint16 option)
{
    return quint8(option) == quint8(~(option >> 8));
}

} // namespace

Stm32F1Flash::Stm32F1Flash(int kib, Timing timing) : m_flash(kib * 1024, '\xff'), m_timing(timing)
{
    m_options.fill(withComplement(0xff));
    m_options[0] = withComplement(openKey);
    reset();
}

void Stm32F1Flash::setContent(const QByteArray &bytes)
{
    m_flash.fill('\xff');
    m_flash.replace(0, std::min(bytes.size(), m_flash.size()), bytes.first(std::min(bytes.size(), m_flash.size())));
}

void Stm32F1Flash::setReadoutProtected(bool on)
{
    m_options[0] = withComplement(on ? 0 : openKey);
    reset();
}

QByteArray Stm32F1Flash::options() const
{
    QByteArray out;
    for (const quint16 option : m_options) {
        out += char(option & 0xff);
        out += char(option >> 8);
    }
    return out;
}

void Stm32F1Flash::reset()
{
    m_control = Lock;
    m_status = m_address = 0;
    m_access = 0x30;
    m_keys = m_optionKeys = 0;
    m_dead = false;
    m_until = {};
    // Option bytes whose complement does not fit count as 0xff (PM0075 section 2.5).
    m_optionError = !std::all_of(m_options.begin(), m_options.end(), isWhole);
    const auto loaded = [this](size_t i) { return isWhole(m_options[i]) ? quint8(m_options[i]) : quint8(0xff); };
    m_protected = loaded(0) != openKey;
    m_loaded = quint32(m_optionError) | quint32(m_protected) << 1 | quint32(loaded(1)) << 2 | quint32(loaded(2)) << 10 |
               quint32(loaded(3)) << 18;
    m_writeProtection = 0;
    for (size_t i = 0; i < 4; ++i)
        m_writeProtection |= quint32(loaded(4 + i)) << i * 8;
}

bool Stm32F1Flash::pageProtected(int page) const
{
    // Four pages a bit, the last one for all the rest.
    return !(m_writeProtection >> std::min(page / 4, 31) & 1);
}

bool Stm32F1Flash::readRegister(quint32 offset, quint32 &value)
{
    switch (offset) {
    case Access:
        value = m_access;
        return true;
    case Status:
        value = m_status | (busy() ? Busy : 0U);
        return true;
    case Control:
        value = m_control;
        return true;
    case Option:
        value = m_loaded;
        return true;
    case WriteProtection:
        value = m_writeProtection;
        return true;
    default:
        value = 0; // written only, or reserved
        return offset < 0x400;
    }
}

bool Stm32F1Flash::writeRegister(quint32 offset, quint32 value)
{
    switch (offset) {
    case Access:
        m_access = (value & 0x1f) | 0x20;
        return true;
    case Key:
        if (!(m_control & Lock)) // open already: the manual does not say; OpenOCD does it
            return true;
        if (m_dead || value != (m_keys == 0 ? key1 : key2)) {
            // Shut until the next reset, and a bus error (PM0075 section 2.3.1).
            m_dead = true;
            m_control |= Lock;
            ++refused;
            return false;
        }
        if (++m_keys == 2) {
            m_keys = 0;
            m_control &= ~quint32(Lock);
        }
        return true;
    case OptionKey:
        if (value != (m_optionKeys == 0 ? key1 : key2)) {
            m_optionKeys = 0;
            ++refused;
            return true;
        }
        if (++m_optionKeys == 2) {
            m_optionKeys = 0;
            if (!(m_control & Lock))
                m_control |= OptionWrite;
        }
        return true;
    case Status:
        m_status &= ~(value & (ProgramError | ProtectionError | EndOfOperation));
        return true;
    case Control:
        if (m_control & Lock) {
            ++refused;
            return true; // not taken
        }
        m_control = (value & (ControlBits | Lock)) | (m_control & value & OptionWrite);
        if (value & Lock)
            m_control &= ~quint32(OptionWrite);
        if ((value & Start) && !(value & Lock))
            start();
        return true;
    case Address:
        if (!busy())
            m_address = value;
        return true;
    default:
        return offset < 0x400;
    }
}

void Stm32F1Flash::wipe()
{
    m_flash.fill('\xff');
    ++massErases;
}

void Stm32F1Flash::start()
{
    if (busy())
        return;
    takes(m_timing.erase);
    if ((m_control & OptionErase) && (m_control & OptionWrite)) {
        m_options.fill(0xffff);
        m_status |= EndOfOperation;
        return;
    }
    const qint64 page = (qint64(m_address) - flashAt) / pageSize, pages = m_flash.size() / pageSize;
    const bool all = m_control & MassErase;
    bool refuse = m_protected; // a debugger has no other way in than the option bytes (PM0075 section 2.4.1)
    if (all) {
        for (int i = 0; i < pages; ++i)
            refuse = refuse || pageProtected(i);
    } else if (!(m_control & PageErase) || m_address < flashAt || page >= pages) {
        return;
    } else {
        refuse = refuse || pageProtected(int(page));
    }
    if (refuse) {
        m_status |= ProtectionError;
        ++refused;
        return;
    }
    m_status |= EndOfOperation;
    if (all) {
        if (!deafErase)
            wipe();
        return;
    }
    ++pagesErased;
    if (!deafErase)
        std::fill_n(m_flash.data() + page * pageSize, pageSize, '\xff');
}

bool Stm32F1Flash::program(quint32 at, int size, quint32 value)
{
    const bool option = at >= optionsAt;
    if (size != 2 || !(m_control & (option ? OptionProgram : Program)) || (m_control & Lock) ||
        (option && !(m_control & OptionWrite))) {
        ++refused;
        return false;
    }
    takes(m_timing.program);
    ++halfwords;
    return option ? programOption(at, quint16(value)) : programHalfword(at, quint16(value));
}

bool Stm32F1Flash::programHalfword(quint32 at, quint16 value)
{
    const auto offset = qsizetype(at - flashAt);
    if (m_protected || pageProtected(int(offset / pageSize))) {
        m_status |= ProtectionError;
        ++refused;
        return true;
    }
    const auto there = quint16(quint8(m_flash[offset]) | quint16(quint8(m_flash[offset + 1])) << 8);
    if (there != 0xffff && value != 0) { // PGERR (PM0075 section 2.3.3)
        m_status |= ProgramError;
        ++refused;
        return true;
    }
    m_flash[offset] = char(value & 0xff);
    m_flash[offset + 1] = char(value >> 8);
    if (stuckAt == offset || stuckAt == offset + 1)
        m_flash[stuckAt] = '\xff';
    m_status |= EndOfOperation;
    return true;
}

bool Stm32F1Flash::programOption(quint32 at, quint16 value)
{
    const size_t index = (at - optionsAt) / 2;
    if (m_options[index] != 0xffff && value != 0) {
        m_status |= ProgramError;
        ++refused;
        return true;
    }
    if (index == 0) {
        if (lockFails && quint8(value) != openKey)
            value = openKey;
        // Opening it again costs everything it holds (PM0075 section 2.4.1).
        if (m_protected && quint8(value) == openKey)
            wipe();
    }
    m_options[index] = withComplement(quint8(value)); // the complement is the controller's work
    m_status |= EndOfOperation;
    return true;
}

} // namespace slipway
