#include "drivers/virtual/stm32f1chip.h"

#include <algorithm>

namespace slipway {

namespace {

constexpr quint32 ramAt = 0x20000000, sizeAt = 0x1ffff7e0, uniqueIdAt = 0x1ffff7e8, systemAt = 0x1ffff000;
constexpr quint32 debugIdAt = 0xe0042000, debugId = 0x20036410; // DEV_ID 0x410, revision Y
constexpr quint32 peripherals = 0x40000000, peripheralsEnd = 0x40024000, privateBus = 0xe0000000,
                  privateBusEnd = 0xe0100000;
constexpr int instructionsPerMicrosecond = 8;
constexpr qint64 mostAtOnce = 20'000; // a debugger that waits looks again soon

quint32 little(const char *from, int size)
{
    quint32 out = 0;
    for (int i = 0; i < size; ++i)
        out |= quint32(quint8(from[i])) << i * 8;
    return out;
}

} // namespace

Stm32F1Chip::Stm32F1Chip(int flashKib, QByteArray uniqueId, Stm32F1Flash::Timing timing)
    : m_ram(ramSize, '\0'), m_uniqueId(std::move(uniqueId)), m_flash(flashKib, timing),
      m_core({[this](quint32 at, int size, quint32 &value) { return load(Who::Core, at, size, value); },
              [this](quint32 at, int size, quint32 value) { return store(at, size, value); },
              [this] {
                  m_flash.reset();
                  m_core.reset();
              }}),
      m_port(*this, coreId), m_jtag(m_port, boundaryId), m_swd(m_port, serialId)
{}

void Stm32F1Chip::powerOn()
{
    m_ram.fill('\0');
    m_flash.reset();
    m_core.powerOn();
    m_jtag.reset();
    m_swd.powerOn();
}

void Stm32F1Chip::resetPins(bool trst, bool srst)
{
    if (trst)
        m_jtag.reset();
    m_core.hold(srst);
}

void Stm32F1Chip::catchUp()
{
    const auto now = Clock::now();
    if (m_core.executes()) {
        const qint64 span = std::chrono::duration_cast<std::chrono::microseconds>(now - m_ranUntil).count();
        m_core.run(int(std::clamp<qint64>(span * instructionsPerMicrosecond, 1, mostAtOnce)));
    }
    m_ranUntil = now;
}

bool Stm32F1Chip::stalls(quint32 at)
{
    const quint32 flashEnd = Stm32F1Flash::flashAt + quint32(m_flash.content().size());
    const bool memory = at < quint32(m_flash.content().size()) || (at >= Stm32F1Flash::flashAt && at < flashEnd) ||
                        (at >= Stm32F1Flash::optionsAt && at < ramAt);
    return memory && m_flash.busy();
}

bool Stm32F1Chip::load(Who who, quint32 at, int size, quint32 &value)
{
    const auto flashSize = quint32(m_flash.content().size());
    const quint32 offset = at >= Stm32F1Flash::flashAt ? at - Stm32F1Flash::flashAt : at; // it is at 0 as well
    if (offset < flashSize) {
        // Readout protection: not for a debugger, nor for what it put into RAM (PM0075 section 2.4.1). The vectors that
        // a reset fetches are the core's own affair.
        const bool fromRam = who == Who::Core && m_core.pc() >= ramAt;
        if (m_flash.readoutProtected() && (who == Who::Debugger || fromRam))
            return false;
        value = little(m_flash.content().constData() + offset, size);
        return true;
    }
    if (at >= ramAt && at < ramAt + ramSize) {
        value = little(m_ram.constData() + (at - ramAt), size);
        return true;
    }
    if (at >= Stm32F1Flash::optionsAt && at < Stm32F1Flash::optionsAt + 16) {
        value = little(m_flash.options().constData() + (at - Stm32F1Flash::optionsAt), size);
        return true;
    }
    if (at >= systemAt && at < Stm32F1Flash::optionsAt) {
        QByteArray word(4, '\xff');
        const quint32 aligned = at & ~3U;
        if (aligned == sizeAt) {
            word[0] = char(flashSize / 1024 & 0xff);
            word[1] = char(flashSize / 1024 >> 8);
        } else if (aligned >= uniqueIdAt && aligned < uniqueIdAt + 12) {
            word = m_uniqueId.mid(aligned - uniqueIdAt, 4);
        }
        value = little(word.constData() + (at - aligned), size);
        return true;
    }
    const quint32 aligned = at & ~3U;
    quint32 word = 0;
    bool there = true;
    if (aligned >= Stm32F1Flash::registersAt && aligned < Stm32F1Flash::registersAt + 0x400)
        there = m_flash.readRegister(aligned - Stm32F1Flash::registersAt, word);
    else if (aligned == debugIdAt)
        word = debugId;
    else if (aligned == debugIdAt + 4)
        word = m_debugControl;
    else if (aligned >= privateBus && aligned < privateBusEnd)
        there = m_core.read(aligned, word);
    else
        there = aligned >= peripherals && aligned < peripheralsEnd; // without a clock they read as zero
    if (!there)
        return false;
    value = size == 4 ? word : word >> (at & 3) * 8 & ((1U << size * 8) - 1);
    return true;
}

bool Stm32F1Chip::store(quint32 at, int size, quint32 value)
{
    const auto flashSize = quint32(m_flash.content().size());
    if (at >= Stm32F1Flash::flashAt && at < Stm32F1Flash::flashAt + flashSize)
        return m_flash.program(at, size, value);
    if (at < flashSize)
        return m_flash.program(at + Stm32F1Flash::flashAt, size, value);
    if (at >= Stm32F1Flash::optionsAt && at < Stm32F1Flash::optionsAt + 16)
        return m_flash.program(at, size, value);
    if (at >= ramAt && at < ramAt + ramSize) {
        for (int i = 0; i < size; ++i)
            m_ram[qsizetype(at - ramAt) + i] = char(value >> i * 8 & 0xff);
        return true;
    }
    if (size != 4) // registers are written whole
        return at >= peripherals && at < peripheralsEnd &&
               (at < Stm32F1Flash::registersAt || at >= Stm32F1Flash::registersAt + 0x400);
    if (at >= Stm32F1Flash::registersAt && at < Stm32F1Flash::registersAt + 0x400)
        return m_flash.writeRegister(at - Stm32F1Flash::registersAt, value);
    if (at == debugIdAt + 4) {
        m_debugControl = value;
        return true;
    }
    if (at == debugIdAt)
        return true;
    if (at >= privateBus && at < privateBusEnd)
        return m_core.write(at, value);
    return at >= peripherals && at < peripheralsEnd;
}

bool Stm32F1Chip::read(quint32 at, int size, quint32 &value)
{
    catchUp();
    return load(Who::Debugger, at, size, value);
}

bool Stm32F1Chip::write(quint32 at, int size, quint32 value)
{
    catchUp();
    return store(at, size, value);
}

} // namespace slipway
