// 16-bit Thumb instructions (DDI 0403E, chapter A5.2), as far as helpers in RAM need them: no exceptions, no IT blocks,
// of the 32-bit ones only BL.
#include "drivers/virtual/cortexm3.h"

#include <bit>

namespace slipway {

quint32 CortexM3::get(int number) const
{
    if (number == 15)
        return m_r[15] + 4;
    return coreRegister(number);
}

void CortexM3::set(int number, quint32 value)
{
    setCoreRegister(number, value);
}

void CortexM3::flags(quint32 result)
{
    m_xpsr = (m_xpsr & ~(Negative | Zero)) | (result & Negative) | (result == 0 ? Zero : 0U);
}

quint32 CortexM3::add(quint32 a, quint32 b, bool carry, bool setFlags)
{
    const quint64 wide = quint64(a) + b + carry;
    const auto result = quint32(wide);
    if (setFlags) {
        flags(result);
        m_xpsr &= ~(Carry | Overflow);
        if (wide >> 32)
            m_xpsr |= Carry;
        if (~(a ^ b) & (a ^ result) & Negative)
            m_xpsr |= Overflow;
    }
    return result;
}

bool CortexM3::condition(int number) const
{
    const bool n = m_xpsr & Negative, z = m_xpsr & Zero, c = m_xpsr & Carry, v = m_xpsr & Overflow;
    bool holds = true;
    switch (number >> 1) {
    case 0:
        holds = z;
        break;
    case 1:
        holds = c;
        break;
    case 2:
        holds = n;
        break;
    case 3:
        holds = v;
        break;
    case 4:
        holds = c && !z;
        break;
    case 5:
        holds = n == v;
        break;
    case 6:
        holds = n == v && !z;
        break;
    default:
        return true;
    }
    return holds != bool(number & 1);
}

bool CortexM3::step()
{
    quint32 fetched = 0;
    if (!m_wiring.load(m_r[15], 2, fetched))
        return false;
    const auto code = quint16(fetched);
    if ((code & 0xff00) == 0xbe00) // BKPT: stands on it
        return breakpoint();
    m_retired = true;
    const quint32 before = m_r[15];
    bool done = false;
    switch (code >> 12) {
    case 0:
    case 1:
        done = shifts(code);
        break;
    case 2:
    case 3:
        done = immediate(code);
        break;
    case 4:
        done = code < 0x4400 ? dataProcessing(code) : code < 0x4800 ? special(code) : loadStore(code);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        done = loadStore(code);
        break;
    case 10: { // ADR, ADD from SP
        const quint32 from = code & 0x0800 ? coreRegister(13) : get(15) & ~3U;
        set(code >> 8 & 7, from + quint32(code & 0xff) * 4);
        done = true;
        break;
    }
    case 11:
        done = miscellaneous(code);
        break;
    case 13:
    case 14:
        done = branch(code);
        break;
    case 15:
        done = wide(code);
        break;
    default:
        break; // LDM and STM
    }
    if (done && m_r[15] == before)
        m_r[15] += 2;
    return done;
}

// An instruction that jumps to itself would be taken for one that does not jump; helpers do not wait like that.
bool CortexM3::branch(quint16 code)
{
    if ((code & 0xf000) == 0xd000) {
        const int number = code >> 8 & 15;
        if (number >= 14) // undefined, SVC
            return false;
        if (condition(number))
            m_r[15] = get(15) + quint32(qint32(qint8(code & 0xff)) * 2);
        return true;
    }
    if (code & 0x0800)
        return false;
    m_r[15] = get(15) + quint32(qint32(quint32(code & 0x7ff) << 21) >> 20);
    return true;
}

bool CortexM3::wide(quint16 code)
{
    quint32 fetched = 0;
    if (!m_wiring.load(m_r[15] + 2, 2, fetched) || (code & 0xf800) != 0xf000 || (fetched & 0xd000) != 0xd000)
        return false;
    // BL (A7.7.18, encoding T1)
    const quint32 s = code >> 10 & 1, i1 = ~(fetched >> 13 ^ s) & 1, i2 = ~(fetched >> 11 ^ s) & 1;
    const quint32 offset = s << 24 | i1 << 23 | i2 << 22 | quint32(code & 0x3ff) << 12 | (fetched & 0x7ff) << 1;
    m_r[14] = (m_r[15] + 4) | 1;
    m_r[15] = get(15) + quint32(qint32(offset << 7) >> 7);
    return true;
}

bool CortexM3::shifts(quint16 code)
{
    const int d = code & 7, m = code >> 3 & 7, amount = code >> 6 & 31;
    const quint32 value = get(m);
    if (code >= 0x1800) { // ADD, SUB of registers and of 3 bits
        const quint32 other = code & 0x0400 ? quint32(amount & 7) : get(amount & 7);
        set(d, code & 0x0200 ? add(value, ~other, true, true) : add(value, other, false, true));
        return true;
    }
    quint32 result = value;
    bool carry = m_xpsr & Carry;
    const int kind = code >> 11;
    if (kind == 0 && amount) {
        carry = value >> (32 - amount) & 1;
        result = value << amount;
    } else if (kind == 1) {
        carry = value >> (amount ? amount - 1 : 31) & 1;
        result = amount ? value >> amount : 0;
    } else if (kind == 2) {
        carry = value >> (amount ? amount - 1 : 31) & 1;
        result = quint32(qint32(value) >> (amount ? amount : 31));
    }
    m_xpsr = (m_xpsr & ~Carry) | (carry ? Carry : 0U);
    flags(result);
    set(d, result);
    return true;
}

bool CortexM3::immediate(quint16 code)
{
    const int d = code >> 8 & 7;
    const quint32 value = code & 0xff;
    switch (code >> 11 & 3) {
    case 0:
        flags(value);
        set(d, value);
        break;
    case 1:
        add(get(d), ~value, true, true);
        break;
    case 2:
        set(d, add(get(d), value, false, true));
        break;
    default:
        set(d, add(get(d), ~value, true, true));
    }
    return true;
}

bool CortexM3::dataProcessing(quint16 code)
{
    const int d = code & 7, operation = code >> 6 & 15;
    const quint32 a = get(d), b = get(code >> 3 & 7);
    const int amount = int(b & 0xff);
    quint32 result = 0;
    bool carry = m_xpsr & Carry, keep = true;
    switch (operation) {
    case 0:
        result = a & b;
        break;
    case 1:
        result = a ^ b;
        break;
    case 2:
        if (amount > 0 && amount <= 32)
            carry = a >> (32 - amount) & 1;
        else if (amount > 32)
            carry = false;
        result = amount < 32 ? a << amount : 0;
        break;
    case 3:
    case 4:
        if (amount > 0)
            carry = amount <= 32 ? a >> (amount - 1) & 1 : operation == 4 && (a & Negative);
        result = operation == 3 ? (amount < 32 ? a >> amount : 0) : quint32(qint32(a) >> (amount < 32 ? amount : 31));
        break;
    case 5:
        set(d, add(a, b, carry, true));
        return true;
    case 6:
        set(d, add(a, ~b, carry, true));
        return true;
    case 7:
        result = std::rotr(a, amount & 31);
        if (amount)
            carry = result & Negative;
        break;
    case 8:
        result = a & b;
        keep = false;
        break;
    case 9:
        set(d, add(0, ~b, true, true));
        return true;
    case 10:
        add(a, ~b, true, true);
        return true;
    case 11:
        add(a, b, false, true);
        return true;
    case 12:
        result = a | b;
        break;
    case 13:
        result = a * b;
        break;
    case 14:
        result = a & ~b;
        break;
    default:
        result = ~b;
    }
    m_xpsr = (m_xpsr & ~Carry) | (carry ? Carry : 0U);
    flags(result);
    if (keep)
        set(d, result);
    return true;
}

bool CortexM3::special(quint16 code)
{
    const int d = (code & 7) | (code >> 4 & 8), m = code >> 3 & 15;
    const quint32 value = get(m);
    switch (code >> 8 & 3) {
    case 0:
        set(d, get(d) + value);
        return true;
    case 1:
        add(get(d), ~value, true, true);
        return true;
    case 2:
        set(d, value);
        return true;
    default: // BX, BLX
        if (!(value & 1))
            return false;
        if (code & 0x80)
            m_r[14] = (m_r[15] + 2) | 1;
        m_r[15] = value & ~1U;
        return true;
    }
}

bool CortexM3::loadStore(quint16 code)
{
    int data = code & 7, size = 4;
    quint32 at = get(code >> 3 & 7);
    bool load = code & 0x0800, isSigned = false;
    const int offset = code >> 6 & 31;
    switch (code >> 12) {
    case 4: // literal
        data = code >> 8 & 7;
        at = (get(15) & ~3U) + quint32(code & 0xff) * 4;
        load = true;
        break;
    case 5: { // by register
        static constexpr int sizes[] = {4, 2, 1, 1, 4, 2, 1, 2};
        const int kind = code >> 9 & 7;
        at += get(offset & 7);
        size = sizes[kind];
        load = kind >= 3;
        isSigned = kind == 3 || kind == 7;
        break;
    }
    case 6:
        at += quint32(offset) * 4;
        break;
    case 7:
        size = 1;
        at += quint32(offset);
        break;
    case 8:
        size = 2;
        at += quint32(offset) * 2;
        break;
    default: // from SP
        data = code >> 8 & 7;
        at = coreRegister(13) + quint32(code & 0xff) * 4;
    }
    if (at % quint32(size)) // unaligned ones are left out
        return false;
    quint32 value = load ? 0 : get(data);
    if (!load)
        return m_wiring.store(at, size, size == 4 ? value : value & ((1U << size * 8) - 1));
    if (!m_wiring.load(at, size, value))
        return false;
    if (isSigned)
        value = size == 1 ? quint32(qint32(qint8(value))) : quint32(qint32(qint16(value)));
    set(data, value);
    return true;
}

bool CortexM3::miscellaneous(quint16 code)
{
    if ((code & 0xff00) == 0xb000) { // ADD, SUB to SP
        const quint32 amount = quint32(code & 0x7f) * 4;
        stackPointer() += code & 0x80 ? 0 - amount : amount;
        return true;
    }
    if ((code & 0xf500) == 0xb100) { // CBZ, CBNZ
        if ((get(code & 7) == 0) != bool(code & 0x0800))
            m_r[15] = get(15) + (quint32(code >> 3 & 31) << 1 | quint32(code >> 3 & 0x40));
        return true;
    }
    if ((code & 0xff00) == 0xb200) { // extensions
        const quint32 value = get(code >> 3 & 7);
        const quint32 results[] = {quint32(qint32(qint16(value))), quint32(qint32(qint8(value))), value & 0xffff,
                                   value & 0xff};
        set(code & 7, results[code >> 6 & 3]);
        return true;
    }
    return code == 0xbf00; // NOP
}

} // namespace slipway
