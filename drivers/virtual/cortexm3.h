#pragma once
// The debug side of an Arm Cortex-M3 r1p1: halting debug and its registers (DDI 0403E, chapter C1), resets, and as much
// of the processor as a debugger's own helpers need: it executes 16-bit Thumb instructions out of RAM. Code in flash is
// not executed: the core says that it runs, and stays where it is. Used in one thread.

#include "drivers/virtual/debugbus.h"

#include <array>
#include <functional>
#include <map>

namespace slipway {

class CortexM3
{
public:
    struct Wiring {
        std::function<bool(quint32 at, int size, quint32 &value)> load;
        std::function<bool(quint32 at, int size, quint32 value)> store;
        std::function<void()> systemReset; // was requested; the chip calls reset()
    };
    explicit CortexM3(Wiring wiring) : m_wiring(std::move(wiring)) {}

    // Private peripheral bus, 0xe0000000 to 0xe00fffff, in words. False: nothing is there.
    bool read(quint32 at, quint32 &value);
    bool write(quint32 at, quint32 value);

    void powerOn();
    void reset(); // system reset: debug registers stay
    void hold(bool inReset);
    void run(int instructions); // at most that many

    bool halted() const { return m_halted; }
    bool executes() const; // there is something to run() for
    quint32 pc() const { return m_r[15]; }

    int resets = 0; // facts for tests

private:
    enum Flag : quint32 { Negative = 1U << 31, Zero = 1U << 30, Carry = 1U << 29, Overflow = 1U << 28 };

    void halt(quint32 why);
    void lockUp();
    bool breakpoint();
    quint32 &stackPointer() { return m_control & 2 ? m_psp : m_msp; }
    quint32 status() const;
    quint32 coreRegister(int number) const;
    void setCoreRegister(int number, quint32 value);

    // Thumb
    bool step(); // false: it cannot go on
    bool wide(quint16 code);
    bool shifts(quint16 code);
    bool immediate(quint16 code);
    bool dataProcessing(quint16 code);
    bool special(quint16 code);
    bool loadStore(quint16 code);
    bool miscellaneous(quint16 code);
    bool branch(quint16 code);
    quint32 get(int number) const;
    void set(int number, quint32 value);
    void flags(quint32 result);
    quint32 add(quint32 a, quint32 b, bool carry, bool setFlags);
    bool condition(int number) const;

    Wiring m_wiring;
    std::array<quint32, 16> m_r{}; // 13: not used, 15: the instruction to be executed
    quint32 m_msp = 0, m_psp = 0, m_xpsr = 0x01000000, m_control = 0, m_masks = 0;
    quint32 m_dhcsr = 0, m_demcr = 0, m_dcrdr = 0, m_dfsr = 0;
    bool m_halted = false, m_lockedUp = false, m_held = false, m_resetSeen = true, m_retired = false;
    std::map<quint32, quint32> m_plain; // registers that are only kept
};

} // namespace slipway
