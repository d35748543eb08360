// Debian's OpenOCD finds a CMSIS-DAP version 2 probe on the bus and drives the chip behind it by SWD: by hand, and as
// the driver has it done. What neither of them sends is asked of the probe directly.

#include "drivers/virtual/cmsisdap.h"
#include "tests/support/probebench.h"
#include "tests/support/testmain.h"
#include "tests/support/usbbed.h"

#include <QProcess>
#include <QStandardPaths>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString place = u"1-2"_s;

struct Ran {
    int status = -1;
    QByteArray said;
};

Ran openOcd(const QString &commands)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"openocd"_s, {u"-c"_s, u"gdb_port disabled; telnet_port disabled; tcl_port disabled"_s, u"-f"_s,
                                 u"interface/cmsis-dap.cfg"_s, u"-c"_s, u"transport select swd"_s, u"-f"_s,
                                 u"target/stm32f1x.cfg"_s, u"-c"_s, commands});
    Ran out;
    if (process.waitForFinished(90'000) && process.exitStatus() == QProcess::NormalExit)
        out.status = process.exitCode();
    else
        process.kill();
    process.waitForFinished();
    out.said = process.readAll();
    return out;
}

struct Plugged {
    explicit Plugged(VirtualDap::Options options = {}) : dap(std::move(options)) { bed.plug(dap, place); }
    std::unique_ptr<Device> open(const QString &board = u"stm32f1"_s) const
    {
        return ProbeDriver().open({u"usb:"_s + place, 0, board}, withinSeconds(60));
    }
    VirtualDap dap;
    UsbBed bed;
};

// A probe's commands without a bus.
struct Commands {
    Stm32F1Chip chip{128, QByteArray("SWD-UNIT-001"), {}};
    CmsisDap dap{chip, {u"Slipway"_s, u"Virtual CMSIS-DAP"_s, u"DAP0001"_s}};
    Commands()
    {
        chip.port().setIdCode(Stm32F1Chip::serialId);
        chip.powerOn();
    }
    QByteArray ask(const char *hex) { return dap.obey(QByteArray::fromHex(hex)).toHex(' '); }
    // Connected, selected, reset, and the identification read.
    void begin()
    {
        ask("0201");
        ask("1238 ffffffffffffff");
        ask("1210 9ee7");
        ask("1240 ffffffffffffff00");
        QCOMPARE(ask("05000102"), QByteArray("05 01 01 77 14 a0 1b"));
    }
};

} // namespace

class TestCmsisDap : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString file(const QString &name, const QByteArray &content)
    {
        QFile f(m_folder.filePath(name));
        return f.open(QIODevice::WriteOnly) && f.write(content) == content.size() ? f.fileName() : QString();
    }

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(UsbBed::isPreloaded(), "umockdev's preload library is not loaded");
        QVERIFY2(!QStandardPaths::findExecutable(u"openocd"_s).isEmpty(), "openocd is not installed");
    }

    void byHand()
    {
        const Plugged rig;
        const QByteArray image = someProgram(7001);
        const Ran ran = openOcd(u"program {%1} verify reset exit 0x08000000"_s.arg(file(u"fw.bin"_s, image)));
        QVERIFY2(ran.status == 0 && ran.said.contains("** Verified OK **"), ran.said.right(3000).constData());
        QVERIFY2(ran.said.contains("SWD DPIDR 0x1ba01477"), ran.said.right(3000).constData());
        const auto facts = rig.dap.facts();
        QCOMPARE(facts.chip.flash.first(image.size()), image);
        QVERIFY(facts.swdTransactions > 100);
        QCOMPARE(rig.open()->memory()->read(probeFlash, image.size(), withinSeconds(60)), image);
    }

    void identify()
    {
        const Plugged rig;
        const auto ports = ProbeDriver().ports();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports[0].port, u"usb:1-2"_s);
        const auto device = rig.open({}); // which chip it is, it finds out
        const DeviceFacts facts = device->facts(withinSeconds(30));
        QVERIFY2(facts.board == "stm32f1"_L1, qPrintable(facts.board));
    }

    void writeVerifyRead()
    {
        VirtualDap::Options options;
        options.chip.flash = QByteArray(128 * 1024, '\x33');
        const Plugged rig(options);
        const QByteArray image = someProgram(20'001);
        const auto device = rig.open();
        const auto result = device->memory()->write({{probeFlash, image}}, {}, withinSeconds(60));
        QVERIFY(result.verified);
        QCOMPARE(rig.dap.facts().chip.flash.first(image.size()), image);
        QCOMPARE(device->memory()->read(probeFlash, image.size(), withinSeconds(60)), image);
        const Ran ran = openOcd(
            u"init; reset halt; echo [verify_image {%1} 0x08000000]; shutdown"_s.arg(file(u"same.bin"_s, image)));
        QVERIFY2(ran.said.contains("verified 20001 bytes"), ran.said.right(2000).constData());
    }

    void lock()
    {
        VirtualDap::Options options;
        options.chip.flash = someProgram(600);
        const Plugged rig(options);
        {
            const auto device = rig.open();
            QVERIFY(!device->locker()->isLocked(u"readout"_s, withinSeconds(30)));
            device->locker()->lock(u"readout"_s, withinSeconds(30));
        }
        QVERIFY(rig.dap.facts().chip.readoutProtected);
        const Ran ran = openOcd(u"init; reset halt; echo [stm32f1x options_read 0]; mdw 0x08000000; shutdown"_s);
        QVERIFY2(ran.said.contains("read protection: on"), ran.said.right(2000).constData());
        QVERIFY2(ran.said.contains("Failed to read memory at 0x08000000"), ran.said.right(2000).constData());
        rig.open()->memory()->eraseAll(withinSeconds(60));
        QVERIFY(!rig.dap.facts().chip.readoutProtected);
        QCOMPARE(rig.dap.facts().chip.flash, QByteArray(128 * 1024, '\xff'));
    }

    void memoryThatMakesItWait()
    {
        Plugged rig;
        rig.dap.setWaitEvery(50);
        const QByteArray image = someProgram(3000);
        QVERIFY(rig.open()->memory()->write({{probeFlash, image}}, {}, withinSeconds(60)).verified);
        QVERIFY(rig.dap.facts().chip.waits > 10);
        QCOMPARE(rig.dap.facts().chip.flash.first(image.size()), image);
    }

    // The cable is pulled while it writes; plugged in again, the same object goes through.
    void pulled()
    {
        Plugged rig;
        const QByteArray image = someProgram(9000);
        const auto device = rig.open();
        rig.dap.cutAfter(120);
        QString text;
        const QString code = faultOf(
            [&] {
                device->memory()->write({{probeFlash, image}}, {}, withinSeconds(60));
            },
            &text);
        QVERIFY2(code.startsWith("probe."_L1) || code.startsWith("link."_L1), qPrintable(code + u' ' + text));
        QVERIFY(rig.dap.facts().chip.flash.first(image.size()) != image);
        rig.bed.unplug(place);
        rig.bed.plug(rig.dap, place);
        QVERIFY(device->memory()->write({{probeFlash, image}}, {}, withinSeconds(60)).verified);
        QCOMPARE(rig.dap.facts().chip.flash.first(image.size()), image);
    }

    void information()
    {
        Commands c;
        QCOMPARE(c.ask("00f0"), QByteArray("00 01 01"));
        QCOMPARE(c.ask("00fe"), QByteArray("00 01 04"));
        QCOMPARE(c.ask("00ff"), QByteArray("00 02 00 02"));
        QCOMPARE(c.ask("0003"), QByteArray("00 08 ") + QByteArray("DAP0001\0", 8).toHex(' '));
        QCOMPARE(c.ask("0006"), QByteArray("00 00"));
        QCOMPARE(c.ask("0202"), QByteArray("02 00")); // no JTAG
        QCOMPARE(c.dap.invalid, 0);
        c.begin();
        for (const char *bad :
             {"14", "80", "05", "0500", "05000100", "0600", "060001000d", "12", "1210ff", "08", "10", "04"})
            QCOMPARE(c.ask(bad), QByteArray("ff"));
    }

    // Nothing answers before the line was selected, reset, idle, and the identification read.
    void strict()
    {
        Commands c;
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07")); // not connected
        c.ask("0201");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07")); // JTAG is selected
        c.ask("1240 ffffffffffffff00");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07"));
        c.ask("1238 ffffffffffffff");
        c.ask("1210 9ee7");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07")); // no line reset behind it
        c.ask("1238 ffffffffffffff");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07")); // not idle
        c.ask("1240 ffffffffffffff00");
        QCOMPARE(c.ask("05000106"), QByteArray("05 00 07")); // CTRL/STAT comes after the identification
        c.ask("1230 ffffffffffff");
        c.ask("1208 00");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07")); // 48 cycles are no reset
        c.begin();
        c.ask("1208 01"); // something that is no request
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07"));
        c.ask("1238 ffffffffffffff");
        c.ask("1210 3ce7"); // back to JTAG
        c.ask("1240 ffffffffffffff00");
        QCOMPARE(c.ask("05000102"), QByteArray("05 00 07"));
    }

    // Power-up, posted reads, sticky errors and their end.
    void transactions()
    {
        Commands c;
        c.begin();
        // The access port before power-up: taken, and an error from then on, until ABORT clears it.
        QCOMPARE(c.ask("05000103"), QByteArray("05 00 04"));
        QCOMPARE(c.ask("0500010e"), QByteArray("05 00 04"));
        QCOMPARE(c.ask("05000106").left(8), QByteArray("05 01 01"));
        QCOMPARE(c.ask("0800 04000000"), QByteArray("08 00"));
        // CDBGPWRUPREQ and CSYSPWRUPREQ, and their acknowledgement.
        QCOMPARE(c.ask("050002 04 00000050 06"), QByteArray("05 02 01 00 00 00 f0"));
        // IDR by way of SELECT.
        QCOMPARE(c.ask("050002 08 f0000000 0f"), QByteArray("05 02 01 11 00 77 14"));
        // RAM: CSW of words with increment, TAR, two words out and in; TAR again.
        QCOMPARE(c.ask("050005 08 00000000 01 12000023 05 00000020 0d 78563412 0d efbeadde"), QByteArray("05 05 01"));
        QCOMPARE(c.ask("050004 05 00000020 0f 0f 07"), QByteArray("05 04 01 78 56 34 12 ef be ad de 08 00 00 20"));
        QCOMPARE(c.ask("050001 05 00000020"), QByteArray("05 01 01"));
        QCOMPARE(c.ask("06000200 0f"), QByteArray("06 02 00 01 78 56 34 12 ef be ad de"));
        // A value that is waited for, and does not come.
        QCOMPARE(c.ask("050003 20 ffff0000 05 00000020 1f 78560000"), QByteArray("05 03 01"));
        QCOMPARE(c.ask("050002 05 00000020 1f 11110000"), QByteArray("05 01 11"));
        // Nothing is there: the write is taken, the check behind it tells; all but the way out is refused.
        QCOMPARE(c.ask("050002 05 00000090 0d 00000000"), QByteArray("05 02 04"));
        QCOMPARE(c.ask("05000107"), QByteArray("05 00 04"));
        QCOMPARE(c.ask("050001 08 00000000"), QByteArray("05 00 04"));
        QCOMPARE(c.ask("05000102").left(8), QByteArray("05 01 01"));
        QCOMPARE(c.ask("0800 1e000000"), QByteArray("08 00"));
        QCOMPARE(c.ask("05000107").left(8), QByteArray("05 01 01"));
        // Answers that would not fit a packet are not begun.
        QCOMPARE(c.ask("0600ff000f"), QByteArray("ff"));
    }
};

SLIPWAY_TEST_MAIN(TestCmsisDap)
#include "tst_cmsisdap.moc"
