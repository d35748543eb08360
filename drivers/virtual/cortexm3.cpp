#include "drivers/virtual/cortexm3.h"

namespace slipway {

namespace {

enum Register : quint32 {
    FpbControl = 0xe0002000,
    FpbComparators = 0xe0002008,
    FpbEnd = 0xe0002028,
    DwtControl = 0xe0001000,
    DwtEnd = 0xe0001060,
    ItmBegin = 0xe0000000,
    ItmEnd = 0xe0000fd0,
    InterruptType = 0xe000e004,
    SystemTick = 0xe000e010,
    SystemTickEnd = 0xe000e020,
    InterruptBegin = 0xe000e100,
    InterruptEnd = 0xe000e500,
    CpuId = 0xe000ed00,
    VectorTable = 0xe000ed08,
    ResetControl = 0xe000ed0c,
    DebugFault = 0xe000ed30,
    SystemEnd = 0xe000ed90,
    HaltingControl = 0xe000edf0,
    CoreSelector = 0xe000edf4,
    CoreData = 0xe000edf8,
    MonitorControl = 0xe000edfc,
    RomTable = 0xe00ff000,
};

constexpr quint32 debugKey = 0xa05f, resetKey = 0x05fa;
enum Debug : quint32 { Enable = 1, Halt = 2, Step = 4 };         // DHCSR
enum Fault : quint32 { Halted = 1, Breakpoint = 2, Vector = 8 }; // DFSR
constexpr quint32 vectorCatchReset = 1;                          // DEMCR

// Offsets to the system control space, DWT, FPB, ITM, TPIU and ETM as the Cortex-M3 manual lists them; its own
// identity.
constexpr quint32 romEntries[] = {0xfff0f003, 0xfff02003, 0xfff03003, 0xfff01003, 0xfff41003, 0xfff42003, 0};
constexpr quint32 romIdentity[] = {0x10, 0x04, 0x0a, 0, 0x0d, 0x10, 0x05, 0xb1}; // from 0xfe0: STMicroelectronics

quint32 tableWord(quint32 offset)
{
    if (offset < sizeof romEntries)
        return romEntries[offset / 4];
    if (offset == 0xfcc)
        return 1; // system memory is on the same bus
    if (offset == 0xfd0)
        return 0;
    return offset >= 0xfe0 ? romIdentity[(offset - 0xfe0) / 4] : 0;
}

bool kept(quint32 at)
{
    return (at >= FpbComparators && at < FpbEnd) || (at > DwtControl && at < DwtEnd) ||
           (at >= ItmBegin && at < ItmEnd) || (at >= SystemTick && at < SystemTickEnd) ||
           (at >= InterruptBegin && at < InterruptEnd) ||
           (at > CpuId && at < SystemEnd && at != ResetControl && at != DebugFault);
}

} // namespace

void CortexM3::powerOn()
{
    m_dhcsr = m_demcr = m_dcrdr = m_dfsr = 0;
    m_plain.clear();
    reset();
}

void CortexM3::reset()
{
    ++resets;
    m_r.fill(0);
    m_r[14] = 0xffffffff;
    m_control = m_masks = 0;
    m_xpsr = 0x01000000;
    m_psp = 0;
    m_lockedUp = m_halted = false;
    m_resetSeen = true;
    std::erase_if(m_plain, [](const auto &entry) { return entry.first >= SystemTick; });
    quint32 stack = 0, entry = 0;
    const bool fetched = m_wiring.load(0, 4, stack) && m_wiring.load(4, 4, entry);
    m_msp = stack & ~3U;
    m_r[15] = entry & ~1U;
    if ((m_dhcsr & Enable) && (m_demcr & vectorCatchReset))
        halt(Vector);
    else if (m_dhcsr & Halt)
        halt(Halted);
    if (!fetched || !(entry & 1) || entry == 0xffffffff) // not Thumb, or a vector table that is blank
        lockUp();
}

void CortexM3::hold(bool inReset)
{
    if (m_held && !inReset)
        m_wiring.systemReset();
    m_held = inReset;
    if (inReset)
        m_resetSeen = true;
}

void CortexM3::halt(quint32 why)
{
    m_halted = true;
    m_dfsr |= why;
}

void CortexM3::lockUp()
{
    if (m_halted)
        return;
    m_lockedUp = true;
    m_r[15] = 0xfffffffe;
}

bool CortexM3::breakpoint()
{
    if (!(m_dhcsr & Enable))
        return false;
    halt(Breakpoint);
    return true;
}

bool CortexM3::read(quint32 at, quint32 &value)
{
    if (at >= RomTable) {
        value = tableWord(at - RomTable);
        return true;
    }
    if (kept(at)) {
        const auto found = m_plain.find(at);
        value = found == m_plain.end() ? 0 : found->second;
        return true;
    }
    switch (at) {
    case FpbControl:
        value = 0x260 | (m_plain[at] & 1); // 6 comparators for code, 2 for literals
        return true;
    case DwtControl:
        value = 0x40000000 | (m_plain[at] & 0x0fffffff);
        return true;
    case InterruptType:
        value = 1;
        return true;
    case CpuId:
        value = 0x411fc231;
        return true;
    case ResetControl:
        value = 0xfa050000;
        return true;
    case DebugFault:
        value = m_dfsr;
        return true;
    case HaltingControl:
        value = (m_dhcsr & 0x2f) | 1U << 16 | quint32(m_halted) << 17 | quint32(m_lockedUp) << 19 |
                quint32(m_retired || (!m_halted && !m_held && !m_lockedUp)) << 24 | quint32(m_resetSeen) << 25;
        m_resetSeen = m_held;
        m_retired = false;
        return true;
    case CoreSelector: // cannot be read
        value = 0;
        return true;
    case CoreData:
        value = m_dcrdr;
        return true;
    case MonitorControl:
        value = m_demcr;
        return true;
    }
    if ((at & 0xfffff000) == 0xe000e000 || at < 0xe0003000) {
        value = 0; // reserved there
        return true;
    }
    return false;
}

bool CortexM3::write(quint32 at, quint32 value)
{
    if (kept(at) || at == FpbControl || at == DwtControl) {
        m_plain[at] = value;
        return true;
    }
    switch (at) {
    case ResetControl:
        if (value >> 16 == resetKey && (value & 5)) { // SYSRESETREQ, VECTRESET
            if (value & 4)
                m_wiring.systemReset();
            else
                reset();
        }
        return true;
    case DebugFault:
        m_dfsr &= ~value;
        return true;
    case HaltingControl:
        if (value >> 16 != debugKey)
            return true;
        // Halting and stepping need debug to be enabled (C1.6.2).
        m_dhcsr = value & (value & Enable ? 0x2fU : 0x01U);
        if (m_dhcsr & Halt) {
            m_lockedUp = false;
            if (!m_halted)
                halt(Halted);
        } else if (m_halted) {
            m_halted = false;
            if (m_dhcsr & Step) {
                if (executes() && !step())
                    lockUp();
                m_retired = true;
                halt(Halted);
            }
        }
        return true;
    case CoreSelector:
        if (!m_halted)
            return true;
        if (value & 1U << 16)
            setCoreRegister(int(value & 0x1f), m_dcrdr);
        else
            m_dcrdr = coreRegister(int(value & 0x1f));
        return true;
    case CoreData:
        m_dcrdr = value;
        return true;
    case MonitorControl:
        m_demcr = value & 0x010f07f1;
        return true;
    }
    return at < RomTable && ((at & 0xfffff000) == 0xe000e000 || at < 0xe0003000);
}

quint32 CortexM3::status() const
{
    return m_xpsr & 0xff00ffff;
}

quint32 CortexM3::coreRegister(int number) const
{
    if (number == 13)
        return m_control & 2 ? m_psp : m_msp;
    if (number < 16)
        return m_r[size_t(number)];
    switch (number) {
    case 16:
        return status();
    case 17:
        return m_msp;
    case 18:
        return m_psp;
    case 20:
        return m_control << 24 | (m_masks & 0x00ffffff);
    default:
        return 0;
    }
}

void CortexM3::setCoreRegister(int number, quint32 value)
{
    if (number == 13)
        stackPointer() = value & ~3U;
    else if (number == 15)
        m_r[15] = value & ~1U;
    else if (number < 16)
        m_r[size_t(number)] = value;
    else if (number == 16)
        m_xpsr = value;
    else if (number == 17)
        m_msp = value & ~3U;
    else if (number == 18)
        m_psp = value & ~3U;
    else if (number == 20) {
        m_control = value >> 24 & 3;
        m_masks = value & 0x00ffffff;
    }
}

bool CortexM3::executes() const
{
    return !m_halted && !m_held && !m_lockedUp && m_r[15] >= 0x20000000 && m_r[15] < 0x40000000;
}

void CortexM3::run(int instructions)
{
    while (instructions-- > 0 && executes()) {
        if (!step())
            lockUp();
    }
}

} // namespace slipway
