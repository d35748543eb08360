// The driver over the real OpenOCD on the virtual chip: what it is, writing, comparing, reading, erasing, locking.

#include "tests/support/probebench.h"
#include "tests/support/testmain.h"

#include <QStandardPaths>

#include <signal.h>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestProbeDevice : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(!QStandardPaths::findExecutable(u"openocd"_s).isEmpty(), "openocd is not installed");
    }

    void facts()
    {
        VirtualProbeOptions options;
        options.flash = someProgram(3000);
        options.uniqueId = QByteArray::fromHex("000102030405060708090a0b");
        const ProbeBench bench(options);
        const auto device = bench.open(QString()); // nobody says what it is
        const DeviceFacts facts = device->facts(withinSeconds(20));
        QCOMPARE(facts.driver, u"probe"_s);
        QCOMPARE(facts.board, u"stm32f1"_s);
        QCOMPARE(facts.hardwareId, u"00-01-02-03-04-05-06-07-08-09-0a-0b"_s);
        QCOMPARE(facts.locked, std::optional(false));
        QCOMPARE(facts.more.value(u"chip"_s), u"STM32F10x medium density (0x410)"_s);
        QCOMPARE(facts.more.value(u"flash"_s), u"128 KiB"_s);
        QCOMPARE(facts.more.value(u"readout-protection"_s), u"level 0"_s);
        QVERIFY(facts.more.value(u"core"_s).startsWith("Cortex-M3"_L1));
        // It was only looked at.
        QVERIFY(!bench.probe.facts().halted);
        QCOMPARE(bench.probe.facts().resets, 1); // power on
        QCOMPARE(device->memory()->read(probeFlash, 3000, withinSeconds(20)), options.flash);
        QVERIFY(!bench.probe.facts().halted);
        QCOMPARE(bench.probe.facts().busFaults, 0);
    }

    void writes_data()
    {
        QTest::addColumn<bool>("workArea");
        QTest::newRow("by a helper in RAM") << true;
        QTest::newRow("by single accesses") << false;
    }

    void writes()
    {
        QFETCH(bool, workArea);
        QTemporaryDir folder;
        QFile own(folder.filePath(u"own.json"_s));
        QVERIFY(own.open(QIODevice::WriteOnly));
        own.write(R"({"slipway-quirks": 1, "driver": "probe", "boards": {"slow": {"description": "d", "source": "s",
                  "date": "2026-11-21", "like": "stm32f1", "work-area": false}}})");
        own.close();
        qputenv("SLIPWAY_PROBE_QUIRKS", own.fileName().toLocal8Bit());
        VirtualProbeOptions options;
        options.flash = QByteArray(128 * 1024, '\x33');
        const ProbeBench bench(options);
        const auto device = bench.open(workArea ? u"stm32f1"_s : u"slow"_s);
        qunsetenv("SLIPWAY_PROBE_QUIRKS");

        // Two pieces that share a page and a unit, and one elsewhere; odd addresses and sizes.
        const QByteArray program = someProgram(5001), second = someBytes(99, 2), third = someBytes(700, 3);
        const QList<MemorySegment> segments{
            {probeFlash, program}, {probeFlash + 5003, second}, {probeFlash + 0x8001, third}};
        const auto result = device->memory()->write(segments, {}, withinSeconds(60));
        QCOMPARE(result.bytes, qint64(5001 + 99 + 700));
        QVERIFY(result.verified);
        QCOMPARE(result.how, workArea ? u"CRC-32 by the device"_s : u"read back"_s);
        const auto facts = bench.probe.facts();
        QCOMPARE(facts.flash.first(5001), program);
        QCOMPARE(facts.flash.mid(5001, 2), QByteArray("\xff\xff"));
        QCOMPARE(facts.flash.mid(5003, 99), second);
        QCOMPARE(facts.flash.mid(0x8001, 700), third);
        QCOMPARE(facts.flash.mid(5120, 1024), QByteArray(1024, '\x33')); // the page behind is as it was
        QCOMPARE(facts.flash.mid(0x8400, 1024), QByteArray(1024, '\x33'));
        QCOMPARE(facts.pagesErased, 5 + 1); // each once
        QCOMPARE(facts.refused, 0);
        QVERIFY(facts.halted);
        for (const MemorySegment &segment : segments)
            QCOMPARE(device->memory()->read(segment.at, segment.bytes.size(), withinSeconds(20)), segment.bytes);
        device->memory()->start({}, withinSeconds(20));
        QVERIFY(!bench.probe.facts().halted);
        QCOMPARE(bench.probe.facts().pc, 0x08000008U);
    }

    void whole()
    {
        const ProbeBench bench;
        const auto device = bench.open();
        const QByteArray image = someProgram(128 * 1024);
        const auto result = device->memory()->write({{probeFlash, image}}, {.eraseAll = true}, withinSeconds(120));
        QVERIFY(result.verified);
        QCOMPARE(bench.probe.facts().flash, image);
        QCOMPARE(bench.probe.facts().massErases, 1);
        QCOMPARE(device->eraser()->areas(withinSeconds(5)), QStringList{u"flash"_s});
        QVERIFY(!device->eraser()->isBlank(u"flash"_s, withinSeconds(20)));
        device->memory()->erase(probeFlash + 1500, 1, withinSeconds(20));
        QCOMPARE(bench.probe.facts().flash.mid(1024, 1024), QByteArray(1024, '\xff'));
        QCOMPARE(bench.probe.facts().flash.mid(2048), image.mid(2048));
        device->eraser()->erase(u"flash"_s, withinSeconds(20));
        QVERIFY(device->eraser()->isBlank(u"flash"_s, withinSeconds(20)));
    }

    void ram()
    {
        const ProbeBench bench;
        const auto device = bench.open();
        const QByteArray bytes = someBytes(5000);
        device->memory()->write({{0x20000100, bytes}}, {}, withinSeconds(20));
        QCOMPARE(device->memory()->read(0x20000100, bytes.size(), withinSeconds(20)), bytes);
        QCOMPARE(bench.probe.facts().pagesErased, 0);
    }

    void startsElsewhere()
    {
        const ProbeBench bench;
        const auto device = bench.open();
        QByteArray program = someProgram(600);
        program[5] = '\x20'; // 0x08002009
        device->memory()->write({{probeFlash + 0x2000, program}}, {}, withinSeconds(20));
        device->memory()->start(probeFlash + 0x2000, withinSeconds(20));
        QVERIFY(!bench.probe.facts().halted);
        QCOMPARE(bench.probe.facts().pc, 0x08002008U);
        QCOMPARE(faultOf([&] { device->memory()->start(probeFlash + 0x8000, withinSeconds(20)); }),
                 u"probe.no-application"_s);
    }

    void refusedBeforeAnythingChanges()
    {
        VirtualProbeOptions options;
        options.flash = someProgram(128 * 1024);
        const ProbeBench bench(options);
        const auto device = bench.open();
        const auto write = [&](const QList<MemorySegment> &segments) {
            return faultOf([&] { device->memory()->write(segments, {}, withinSeconds(20)); });
        };
        QCOMPARE(write({{probeFlash + 0x1fff0, someBytes(17)}}), u"memory.outside"_s);
        QCOMPARE(write({{0x1ffff800, someBytes(16)}}), u"memory.outside"_s); // option bytes
        QCOMPARE(write({{probeFlash, someBytes(16)}, {probeFlash + 8, someBytes(16)}}), u"memory.overlap"_s);
        QCOMPARE(faultOf([&] { device->memory()->erase(probeFlash + 0x1fff0, 17, withinSeconds(20)); }),
                 u"memory.outside"_s);
        QCOMPARE(faultOf([&] { device->memory()->erase(probeFlash, quint64(-1), withinSeconds(20)); }),
                 u"memory.outside"_s);
        QCOMPARE(faultOf([&] { device->memory()->read(0xffffff00, 0x1000, withinSeconds(20)); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { device->memory()->read(0x30000000, 4, withinSeconds(20)); }), u"probe.read"_s);
        QCOMPARE(bench.probe.facts().flash, options.flash);
        QVERIFY(!bench.probe.facts().halted);
    }

    void locks()
    {
        VirtualProbeOptions options;
        options.flash = someProgram(2000);
        const ProbeBench bench(options);
        auto device = bench.open();
        QCOMPARE(device->locker()->locks(withinSeconds(5)), QStringList{u"readout"_s});
        QVERIFY(!device->locker()->isLocked(u"readout"_s, withinSeconds(20)));
        QCOMPARE(faultOf([&] { device->locker()->lock(u"debug"_s, withinSeconds(20)); }), u"lock.unknown-name"_s);
        device->locker()->lock(u"readout"_s, withinSeconds(20));
        QVERIFY(device->locker()->isLocked(u"readout"_s, withinSeconds(20)));
        QVERIFY(bench.probe.facts().readoutProtected);
        QCOMPARE(bench.probe.facts().flash.first(2000), options.flash);

        // Seen by whoever comes next, told before anything is written, and refused.
        device.reset();
        device = bench.open(QString());
        const DeviceFacts facts = device->facts(withinSeconds(20));
        QCOMPARE(facts.locked, std::optional(true));
        QCOMPARE(facts.more.value(u"readout-protection"_s), u"level 1"_s);
        QString text;
        QCOMPARE(faultOf(
                     [&] {
                         device->memory()->write({{probeFlash, someProgram(100, 5)}}, {}, withinSeconds(20));
                     },
                     &text),
                 u"memory.protected"_s);
        QVERIFY2(text.contains("which erases the device"_L1), qPrintable(text));
        QCOMPARE(faultOf([&] { device->memory()->read(probeFlash, 16, withinSeconds(20)); }), u"memory.protected"_s);
        QCOMPARE(faultOf([&] { device->memory()->erase(probeFlash, 16, withinSeconds(20)); }), u"memory.protected"_s);
        QCOMPARE(bench.probe.facts().flash.first(2000), options.flash);

        // Erasing is what opens it.
        const QByteArray program = someProgram(3000, 5);
        const auto result = device->memory()->write({{probeFlash, program}}, {.eraseAll = true}, withinSeconds(60));
        QVERIFY(result.verified);
        QVERIFY(!device->locker()->isLocked(u"readout"_s, withinSeconds(20)));
        QCOMPARE(bench.probe.facts().flash.first(3000), program);

        device->locker()->lock(u"readout"_s, withinSeconds(20));
        device->memory()->eraseAll(withinSeconds(20));
        QVERIFY(!bench.probe.facts().readoutProtected);
        QCOMPARE(bench.probe.facts().flash, QByteArray(128 * 1024, '\xff'));
    }

    void restarts()
    {
        VirtualProbeOptions options;
        options.flash = someProgram(2000);
        const ProbeBench bench(options);
        const auto device = bench.open();
        const int resets = bench.probe.facts().resets;
        device->resetter()->reset(withinSeconds(20));
        QVERIFY(bench.probe.facts().resets > resets);
        QVERIFY(!bench.probe.facts().halted);
    }

    // Flash that takes its time.
    void waits()
    {
        VirtualProbeOptions options;
        options.eraseTime = std::chrono::milliseconds(20);
        options.flash = QByteArray(4096, '\x11');
        const ProbeBench bench(options);
        const auto device = bench.open();
        const QByteArray program = someProgram(1500);
        device->memory()->write({{probeFlash, program}}, {}, withinSeconds(60));
        QCOMPARE(bench.probe.facts().flash.first(1500), program);
    }

    void wrongBoard()
    {
        const ProbeBench bench;
        QCOMPARE(faultOf([&] { bench.open(u"stm32f11"_s); }), u"probe.board-unknown"_s);
        QString text;
        QCOMPARE(faultOf([&] { bench.open(u"stm32f2"_s); }, &text), u"probe.wrong-chip"_s);
        QVERIFY2(text.contains("stm32f2"_L1), qPrintable(text));
    }

    // The child goes with the device.
    void nothingIsLeft()
    {
        const ProbeBench bench;
        pid_t pid = 0;
        {
            const auto device = bench.open();
            pid = dynamic_cast<ProbeDevice &>(*device).openOcd(withinSeconds(20));
            QVERIFY(pid > 0 && ::kill(pid, 0) == 0);
            QCOMPARE(::getpgid(pid), pid);
        }
        QVERIFY(::kill(pid, 0) != 0);
    }
};

SLIPWAY_TEST_MAIN(TestProbeDevice)
#include "tst_probedevice.moc"
