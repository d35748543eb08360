// The virtual STM32F103 by its pins, without OpenOCD: what the documents forbid is refused.

#include "drivers/virtual/stm32f1chip.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

constexpr quint32 key1 = 0x45670123, key2 = 0xcdef89ab;
constexpr quint32 flash = 0x08000000, keyr = 0x40022004, optkeyr = 0x40022008, sr = 0x4002200c, cr = 0x40022010,
                  ar = 0x40022014, obr = 0x4002201c, dhcsr = 0xe000edf0, dcrsr = 0xe000edf4, dcrdr = 0xe000edf8,
                  demcr = 0xe000edfc, aircr = 0xe000ed0c;

// A host on the pins (IEEE 1149.1), as plain as can be.
struct Host {
    explicit Host(int kib = 64) : chip(kib, QByteArray("ABCDEFGHIJKL"), {}) { chip.powerOn(); }
    bool clock(bool tms, bool tdi = false)
    {
        chip.jtag().drive(false, tms, tdi);
        const bool out = chip.jtag().tdo();
        chip.jtag().drive(true, tms, tdi);
        return out;
    }
    void reset()
    {
        for (int i = 0; i < 6; ++i)
            clock(true);
        clock(false);
    }
    quint64 shift(quint64 value, int bits)
    {
        quint64 out = 0;
        for (int i = 0; i < bits; ++i)
            out |= quint64(clock(i == bits - 1, value >> i & 1)) << i;
        clock(true);  // Update
        clock(false); // Run-Test/Idle
        return out;
    }
    quint64 ir(int core)
    {
        clock(true), clock(true), clock(false), clock(false);
        return shift(quint64(core) | 0x1f << 4, 9); // the boundary scan's: bypass
    }
    quint64 dr(quint64 value, int bits)
    {
        clock(true), clock(false), clock(false);
        return shift(value, bits);
    }
    // The answer to the access before; ack in the low 3 bits.
    quint64 access(int instruction, bool read, int reg, quint32 data = 0)
    {
        ir(instruction);
        return dr(quint64(data) << 3 | quint64(reg) << 1 | read, 36);
    }
    quint32 dp(int reg)
    {
        access(ArmDebugPort::DpAccess, true, reg);
        return quint32(access(ArmDebugPort::DpAccess, true, 3) >> 3);
    }
    void power()
    {
        reset();
        access(ArmDebugPort::DpAccess, false, 1, 0x50000000);
        access(ArmDebugPort::DpAccess, false, 2, 0);
        access(ArmDebugPort::ApAccess, false, 0, 0x23000052); // words, increment
    }
    void put(quint32 at, quint32 value)
    {
        access(ArmDebugPort::ApAccess, false, 1, at);
        access(ArmDebugPort::ApAccess, false, 3, value);
    }
    quint32 get(quint32 at)
    {
        access(ArmDebugPort::ApAccess, false, 1, at);
        access(ArmDebugPort::ApAccess, true, 3);
        return quint32(access(ArmDebugPort::DpAccess, true, 3) >> 3);
    }
    bool faulted() // and forgives it
    {
        const bool out = dp(1) & 0x20;
        access(ArmDebugPort::DpAccess, false, 1, 0x50000020);
        access(ArmDebugPort::ApAccess, false, 0, 0x23000052); // was thrown away if it came behind the error
        return out;
    }
    void halfword(quint32 at, quint16 value)
    {
        access(ArmDebugPort::ApAccess, false, 0, 0x23000051);
        put(at, quint32(value) << (at & 2) * 8);
        access(ArmDebugPort::ApAccess, false, 0, 0x23000052);
    }
    Stm32F1Chip chip;
};

} // namespace

class TestStm32F1Chip : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void chain()
    {
        Host host;
        host.reset();
        // After reset both give their identification, the core's first.
        const quint64 ids = host.dr(0, 64);
        QCOMPARE(quint32(ids), 0x3ba00477U);
        QCOMPARE(quint32(ids >> 32), 0x16410041U);
        // The instruction registers begin with 01 (IEEE 1149.1 section 7.1.1): 4 bits, then 5.
        QCOMPARE(host.ir(ArmDebugPort::Bypass), quint64(1 | 1 << 4));
        QCOMPARE(host.dr(0x15, 7), quint64(0x15 << 2)); // two bypass bits
        host.reset();
        QCOMPARE(quint32(host.dr(0, 64)), 0x3ba00477U);
    }

    void debugPort()
    {
        Host host;
        host.reset();
        // Before power-up an access fails, and what follows is thrown away until the error is cleared.
        host.access(ArmDebugPort::ApAccess, true, 3);
        QCOMPARE(host.dp(1) & 0xf0000020, 0x20U);
        host.access(ArmDebugPort::DpAccess, false, 1, 0x50000020);
        QCOMPARE(host.dp(1), 0xf0000000U);
        host.power();
        host.access(ArmDebugPort::DpAccess, false, 2, 0xf0);
        host.access(ArmDebugPort::ApAccess, true, 3);
        QCOMPARE(quint32(host.access(ArmDebugPort::DpAccess, true, 3) >> 3), 0x14770011U); // IDR
        host.access(ArmDebugPort::DpAccess, false, 2, 0x010000f0);                         // there is no port 1
        host.access(ArmDebugPort::ApAccess, true, 3);
        QCOMPARE(quint32(host.access(ArmDebugPort::DpAccess, true, 3) >> 3), 0U);
    }

    void memory()
    {
        Host host;
        host.power();
        host.put(0x20000000, 0x12345678);
        QCOMPARE(host.get(0x20000000), 0x12345678U);
        QCOMPARE(host.get(0x1ffff7e0) & 0xffff, 64U);
        QCOMPARE(host.get(0x1ffff7e8), 0x44434241U);
        QCOMPARE(host.get(0xe0042000), 0x20036410U);
        QVERIFY(!host.faulted());
        host.get(0x20005000); // behind the RAM
        QVERIFY(host.faulted());
        host.put(0x30000000, 1);
        QVERIFY(host.faulted());
        host.get(0x20000001); // not aligned
        QVERIFY(host.faulted());
        // The address goes round within 4 KiB.
        host.access(ArmDebugPort::ApAccess, false, 1, 0x20000ffc);
        host.access(ArmDebugPort::ApAccess, false, 3, 7);
        host.access(ArmDebugPort::ApAccess, true, 1);
        QCOMPARE(quint32(host.access(ArmDebugPort::DpAccess, true, 3) >> 3), 0x20000000U);
    }

    void waits()
    {
        Host host;
        host.power();
        host.chip.port().waitEvery = 1;
        host.access(ArmDebugPort::ApAccess, false, 1, 0x20000000);
        QCOMPARE(host.access(ArmDebugPort::ApAccess, false, 1, 0x20000004) & 7, quint64(1)); // WAIT
        QVERIFY(host.chip.port().waits > 0);
    }

    void core()
    {
        Host host;
        host.power();
        host.put(dhcsr, 0x00000003); // without the key
        QVERIFY(!host.chip.core().halted());
        host.put(dhcsr, 0xa05f0002); // C_HALT without C_DEBUGEN
        QVERIFY(!host.chip.core().halted());
        host.put(dcrdr, 0x1234);
        host.put(dcrsr, 0x00010003); // not while it runs
        host.put(dhcsr, 0xa05f0003);
        QVERIFY(host.chip.core().halted());
        QVERIFY(host.get(dhcsr) & 1 << 17);
        host.put(dcrsr, 3);
        QCOMPARE(host.get(dcrdr), 0U);
        host.put(dcrdr, 0x1234);
        host.put(dcrsr, 0x00010003);
        host.put(dcrdr, 0);
        host.put(dcrsr, 3);
        QCOMPARE(host.get(dcrdr), 0x1234U);
        // Reset: only with the key; VC_CORERESET catches it.
        const int resets = host.chip.core().resets;
        host.put(aircr, 0x00000004);
        QCOMPARE(host.chip.core().resets, resets);
        host.put(demcr, 0x01000001);
        host.put(aircr, 0x05fa0004);
        QCOMPARE(host.chip.core().resets, resets + 1);
        QVERIFY(host.chip.core().halted());
        QVERIFY(host.get(dhcsr) & 1 << 25);    // S_RESET_ST
        QVERIFY(!(host.get(dhcsr) & 1 << 25)); // goes by reading
    }

    // Debuggers run helpers out of RAM: sums 1 to 10 and stops at a breakpoint.
    void helper()
    {
        Host host;
        host.power();
        host.put(dhcsr, 0xa05f0003);
        // movs r0,#0; movs r1,#10; loop: adds r0,r0,r1; subs r1,#1; bne loop; bkpt
        const quint16 code[] = {0x2000, 0x210a, 0x1840, 0x3901, 0xd1fc, 0xbe00};
        for (int i = 0; i < 6; i += 2)
            host.put(0x20000000 + quint32(i) * 2, code[i] | quint32(code[i + 1]) << 16);
        host.put(dcrdr, 0x20000000);
        host.put(dcrsr, 0x0001000f);
        host.put(dhcsr, 0xa05f0001);
        for (int i = 0; i < 1000 && !(host.get(dhcsr) & 1 << 17); ++i) {
        }
        QVERIFY(host.chip.core().halted());
        QCOMPARE(host.chip.core().pc(), 0x2000000aU);
        host.put(dcrsr, 0);
        QCOMPARE(host.get(dcrdr), 55U);
    }

    void flashController()
    {
        Host host;
        host.power();
        const auto erased = [&host](int page) {
            return host.chip.flash().content().mid(page * 1024, 1024) == QByteArray(1024, '\xff');
        };
        host.chip.flash().setContent(QByteArray(64 * 1024, '\x55'));
        // Locked: nothing is taken.
        host.put(cr, 2);
        host.put(ar, flash);
        host.put(cr, 0x42);
        QVERIFY(!erased(0));
        host.put(keyr, key1);
        host.put(keyr, key2);
        QCOMPARE(host.get(cr) & 0x80, 0U);
        host.put(cr, 2);
        host.put(ar, flash + 1024);
        host.put(cr, 0x42);
        QVERIFY(erased(1) && !erased(0) && !erased(2));
        QCOMPARE(host.get(sr) & 0x34, 0x20U);
        host.put(sr, 0x20);
        // Halfwords, once each, and only with PG.
        host.halfword(flash + 1024, 0x1234);
        QVERIFY(host.faulted());
        host.put(cr, 1);
        host.halfword(flash + 1026, 0x1234);
        QVERIFY(!host.faulted());
        QCOMPARE(host.chip.flash().content().mid(1026, 2), QByteArray("\x34\x12"));
        host.put(sr, 0x20);
        host.halfword(flash + 1026, 0x1235);
        QCOMPARE(host.get(sr) & 0x34, 4U); // PGERR
        host.put(flash + 1028, 1);         // a word
        QVERIFY(host.faulted());
        // A wrong key shuts it until the next reset.
        host.put(cr, 0x80);
        host.put(keyr, key2);
        QVERIFY(host.faulted());
        host.put(keyr, key1);
        QVERIFY(host.faulted());
        QVERIFY(host.get(cr) & 0x80);
        host.put(aircr, 0x05fa0004);
        host.put(keyr, key1);
        host.put(keyr, key2);
        QCOMPARE(host.get(cr) & 0x80, 0U);
    }

    void readoutProtection()
    {
        Host host;
        host.power();
        host.chip.flash().setContent(QByteArray(64 * 1024, '\x55'));
        host.put(keyr, key1);
        host.put(keyr, key2);
        host.put(optkeyr, key1);
        host.put(optkeyr, key2);
        host.put(cr, 0x220); // OPTER
        host.put(cr, 0x260);
        host.put(cr, 0x210); // OPTPG
        host.halfword(0x1ffff800, 0);
        QVERIFY(!host.faulted());
        QCOMPARE(host.get(flash), 0x55555555U); // not before a reset
        host.put(aircr, 0x05fa0004);
        QCOMPARE(host.get(obr) & 2, 2U);
        host.get(flash);
        QVERIFY(host.faulted());
        host.get(0); // the same memory
        QVERIFY(host.faulted());
        QCOMPARE(host.get(0x20000000), 0U);
        QVERIFY(!host.faulted());
        // No page can be erased, no halfword written.
        host.put(keyr, key1);
        host.put(keyr, key2);
        host.put(cr, 2);
        host.put(ar, flash);
        host.put(cr, 0x42);
        QVERIFY(host.get(sr) & 0x10);
        QCOMPARE(host.chip.flash().content(), QByteArray(64 * 1024, '\x55'));
        // Opening it costs everything.
        host.put(optkeyr, key1);
        host.put(optkeyr, key2);
        host.put(cr, 0x220);
        host.put(cr, 0x260);
        host.put(cr, 0x210);
        host.halfword(0x1ffff800, 0xa5);
        QCOMPARE(host.chip.flash().content(), QByteArray(64 * 1024, '\xff'));
        QVERIFY(host.chip.flash().readoutProtected()); // until the reset
        host.put(aircr, 0x05fa0004);
        QCOMPARE(host.get(flash), 0xffffffffU);
        QVERIFY(!host.faulted());
    }
};

SLIPWAY_TEST_MAIN(TestStm32F1Chip)
#include "tst_stm32f1chip.moc"
