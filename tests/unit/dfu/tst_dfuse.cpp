// The driver against a virtual DfuSe device: what it writes, erases, reads and leaves, and how few requests it takes.

#include "core/base/progress.h"
#include "tests/support/dfubench.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint32 flash = 0x08000000;

} // namespace

class TestDfuse : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!UsbBed::isPreloaded())
            QSKIP("umockdev's preload library is not loaded");
    }

    void listed()
    {
        VirtualDfu device;
        UsbBed bed;
        QVERIFY(DfuDriver().ports().isEmpty());
        bed.plug(device, dfuPlace);
        const QList<PortInfo> ports = DfuDriver().ports();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports[0].port, u"usb:1-2.3"_s);
        QCOMPARE(ports[0].topology, u"usb-1-2.3"_s);
        QCOMPARE(ports[0].description, u"USB 1-2.3, Slipway Virtual DFU (0483:df11), serial SN0001"_s);
        QCOMPARE(ports[0].driver, u"dfu"_s);
    }

    void facts()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        const DeviceFacts facts = opened->facts(withinSeconds(10));
        QCOMPARE(facts.board, u"stm32"_s);
        QCOMPARE(facts.bootLoader, u"DfuSe 1.1a"_s);
        QCOMPARE(facts.more.value(u"usb-id"_s), u"0483:df11"_s);
        QCOMPARE(facts.more.value(u"usb-release"_s), u"22.00"_s);
        QCOMPARE(facts.more.value(u"transfer-size"_s), u"2048"_s);
        QCOMPARE(facts.locked, std::optional<bool>(false));
        QVERIFY(opened->memory() && opened->eraser() && opened->locker());
        QVERIFY(!opened->firmware() && !opened->blobs() && !opened->resetter());
    }

    void regions()
    {
        VirtualDfuOptions options;
        options.alternates << u"@Option Bytes   /0x1FFFC000/01*016 e"_s;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        const auto regions = opened->memory()->regions(withinSeconds(10));
        QCOMPARE(regions.size(), 4);
        QCOMPARE(regions[1].at, quint64(flash + 4 * 16 * 1024));
        QCOMPARE(regions[1].eraseUnit, quint64(64 * 1024));
        QCOMPARE(regions[3].name, u"Option Bytes"_s);
        QCOMPARE(regions[3].size, quint64(16));
        QCOMPARE(regions[3].eraseUnit, quint64(0));
    }

    // Two pieces, neither on a boundary; the sectors they touch are erased and no other.
    void write()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, QByteArray(1024 * 1024, 'x')); // used before
        const QByteArray one = someBytes(20'001), two = someBytes(3'000, 2);
        const quint32 second = flash + 0x11005;
        Progress progress;
        Task task = withinSeconds(30);
        task.progress = &progress;
        const auto opened = openDfu();
        const auto result = opened->memory()->write({{flash, one}, {second, two}}, {}, task);
        QVERIFY(result.verified);
        QCOMPARE(result.how, u"read back"_s);
        QCOMPARE(result.bytes, qint64(23'001));
        QCOMPARE(device.memory(flash, one.size()), one);
        QCOMPARE(device.memory(second, two.size()), two);
        QCOMPARE(device.memory(flash + 32 * 1024, 1), QByteArray("x")); // the third sector
        QCOMPARE(device.memory(second - 5, 5), QByteArray(5, '\xff'));
        QCOMPARE(device.facts().erased, 3);
        QCOMPARE(device.facts().earlyPolls, 0);
        QCOMPARE(device.facts().refused, 0);
        QCOMPARE(progress.snapshot().done, progress.snapshot().total);
        QCOMPARE(opened->memory()->read(second, two.size(), withinSeconds(20)), two);
    }

    // Three requests a block, an address once for a stretch and once for its short end.
    void requests()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, QByteArray(64 * 1024, 'x'));
        const auto opened = openDfu();
        const int before = device.facts().requests;
        opened->memory()->write({{flash, someBytes(10 * 2048 + 100)}}, {.verify = false}, withinSeconds(20));
        // 2 sectors, 11 blocks, 3 addresses: each a download and two questions; a look at each sector, with
        // aborts; the end.
        QVERIFY2(device.facts().requests - before <= (2 + 11 + 3) * 3 + 5, device.facts().log.constData());
        QCOMPARE(device.facts().addressed, 3);
    }

    // What is blank is not erased, what is there already is not written, and nothing that shares a sector is lost.
    void sparesTheFlash()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        const QByteArray bytes = someBytes(40'000);
        const auto write = [&](const QList<MemorySegment> &segments) {
            QVERIFY(opened->memory()->write(segments, {}, withinSeconds(20)).verified);
        };
        write({{flash, bytes}});
        QCOMPARE(device.facts().erased, 0);
        QCOMPARE(device.facts().written, 20);
        write({{flash, bytes}});
        QCOMPARE(device.facts().erased, 0);
        QCOMPARE(device.facts().written, 20);
        QByteArray changed = bytes;
        changed[20'000] = char(changed[20'000] ^ 1); // in the second sector of 16 KiB, and nowhere else
        write({{flash, changed}});
        QCOMPARE(device.facts().erased, 1);
        QCOMPARE(device.facts().written, 20 + 8);
        QCOMPARE(device.memory(flash, changed.size()), changed);
        // The first piece is there already, the second one needs the sector erased.
        write({{flash, changed.first(1000)}, {flash + 0x2000, QByteArray(100, 'x')}});
        QCOMPARE(device.memory(flash, 1000), changed.first(1000));
        QCOMPARE(device.memory(flash + 0x2000, 100), QByteArray(100, 'x'));
    }

    // One look at each sector that differs, to its first block; sectors and blocks need not begin together.
    void looksAtEachSectorOnce()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const QByteArray bytes = someBytes(64 * 1024);
        QByteArray held = bytes;
        held[100] = char(held[100] ^ 1); // first sector: differs in its first block
        held[2 * 16384 + 9000] = '\x00'; // third: in its fifth
        device.setMemory(flash, held);
        const auto opened = openDfu();
        const auto looks = [&] { return device.facts().log.count('u'); };
        const auto before = looks();
        opened->memory()->write({{flash, bytes}}, {.verify = false}, withinSeconds(20));
        QCOMPARE(looks() - before, 1 + 8 + 5 + 8);
        QCOMPARE(device.facts().erased, 2);
        QCOMPARE(device.facts().written, 16);
        QCOMPARE(device.memory(flash, bytes.size()), bytes);

        // 1000 bytes in: each block but the first reaches into two thousands; the sectors' ends lie within blocks.
        held = device.memory(flash, 64 * 1024);
        held[3 * 16384] = char(held[3 * 16384] ^ 1);
        device.setMemory(flash, held);
        const int erased = device.facts().erased;
        opened->memory()->write({{flash + 1000, bytes.mid(1000, 60'000)}}, {}, withinSeconds(20));
        QCOMPARE(device.facts().erased, erased + 1);
        QCOMPARE(device.memory(flash, 1000 + 60'000), bytes.first(1000 + 60'000));
    }

    // Flash with error correction that was written with 0xff looks blank and cannot be written: erased after all.
    void blankOnlyToTheEye()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.failAt(VirtualDfu::Stage::Write, 6, 2);
        QVERIFY(openDfu()->memory()->write({{flash, someBytes(20'000)}}, {}, withinSeconds(20)).verified);
        QCOMPARE(device.facts().erased, 2);
        QCOMPARE(device.memory(flash, 20'000), someBytes(20'000));
    }

    void piecesThatShareAUnit()
    {
        VirtualDfuOptions options;
        options.writeAlign = 8;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        openDfu()->memory()->write({{flash + 3, "abc"}, {flash + 7, "defgh"}, {flash + 13, "ij"}}, {},
                                   withinSeconds(20));
        QCOMPARE(device.facts().erased, 0);
        QCOMPARE(device.memory(flash, 16), QByteArray("\xff\xff\xff"
                                                      "abc"
                                                      "\xff"
                                                      "defgh"
                                                      "\xff"
                                                      "ij"
                                                      "\xff"));
    }

    void largeTransfers_data()
    {
        QTest::addColumn<int>("size");
        QTest::newRow("8") << 8;
        QTest::newRow("64") << 64;
        QTest::newRow("4096") << 4096;
        QTest::newRow("more than libusb carries") << 8192;
        QTest::newRow("as much as can be stated") << 65535;
    }
    void largeTransfers()
    {
        QFETCH(int, size);
        VirtualDfuOptions options;
        options.transferSize = quint16(size);
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const QByteArray bytes = someBytes(size < 64 ? 900 : 20'000);
        openDfu()->memory()->write({{flash, bytes}}, {}, withinSeconds(30));
        QCOMPARE(device.memory(flash, bytes.size()), bytes);
    }

    void optionBytes()
    {
        VirtualDfuOptions options;
        options.alternates << u"@Option Bytes   /0x1FFFC000/01*016 e"_s;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        openDfu()->memory()->write({{0x1fffc000, "0123456789abcdef"}, {flash, "code"}}, {}, withinSeconds(20));
        QCOMPARE(device.memory(0x1fffc000, 16), QByteArray("0123456789abcdef"));
        QCOMPARE(device.memory(flash, 4), QByteArray("code"));
    }

    void eraseAllFirst()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash + 0x80000, "old");
        openDfu()->memory()->write({{flash, "code"}}, {.eraseAll = true}, withinSeconds(20));
        QCOMPARE(device.facts().massErased, 1);
        QCOMPARE(device.facts().erased, 0);
        QCOMPARE(device.memory(flash + 0x80000, 3), QByteArray("\xff\xff\xff"));
    }

    void areas()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash + 0x30000, "old");
        const auto opened = openDfu();
        QCOMPARE(opened->eraser()->areas(withinSeconds(5)), QStringList({u"Internal Flash"_s, u"read protection"_s}));
        QVERIFY(!opened->eraser()->isBlank(u"Internal Flash"_s, withinSeconds(20)));
        opened->eraser()->erase(u"Internal Flash"_s, withinSeconds(20));
        QVERIFY(opened->eraser()->isBlank(u"Internal Flash"_s, withinSeconds(20)));
        QCOMPARE(faultOf([&] { opened->eraser()->erase(u"nowhere"_s, withinSeconds(5)); }), u"dfu.area"_s);
        device.setMemory(flash, QByteArray(64 * 1024, 'x'));
        opened->memory()->erase(flash + 0x5000, 1, withinSeconds(20));
        QCOMPARE(device.memory(flash + 0x3fff, 2), QByteArray("x\xff"));
        QCOMPARE(device.memory(flash + 0x7fff, 2), QByteArray("\xff"
                                                              "x"));
    }

    // Nothing of a protected part can be read or written; taking it off erases and restarts the part.
    void readProtection()
    {
        VirtualDfuOptions options;
        options.readProtected = true;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, "secret");
        const auto opened = openDfu();
        QCOMPARE(opened->facts(withinSeconds(5)).locked, std::optional<bool>(true));
        QVERIFY(opened->locker()->isLocked(u"read protection"_s, withinSeconds(5)));
        QCOMPARE(faultOf([&] { (void)opened->memory()->read(flash, 6, withinSeconds(5)); }), u"memory.protected"_s);
        QCOMPARE(faultOf([&] {
                     opened->memory()->write({{flash, "x"}}, {}, withinSeconds(5));
                 }),
                 u"memory.protected"_s);
        QCOMPARE(faultOf([&] { opened->memory()->eraseAll(withinSeconds(5)); }), u"memory.protected"_s);
        const int address = bed.addressOf(dfuPlace);
        opened->eraser()->erase(u"read protection"_s, withinSeconds(20));
        QVERIFY(bed.addressOf(dfuPlace) != address);
        QVERIFY(!opened->locker()->isLocked(u"read protection"_s, withinSeconds(5)));
        QCOMPARE(device.memory(flash, 6), QByteArray(6, '\xff'));
        opened->memory()->write({{flash, "code"}}, {}, withinSeconds(20));
        QCOMPARE(device.memory(flash, 4), QByteArray("code"));
        QCOMPARE(faultOf([&] { opened->locker()->lock(u"read protection"_s, withinSeconds(5)); }), u"device.lacks"_s);
        QCOMPARE(faultOf([&] { opened->locker()->lock(u"debug"_s, withinSeconds(5)); }), u"lock.unknown-name"_s);
    }

    void start()
    {
        VirtualDfuOptions options;
        options.manifestTime = 20ms;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        openDfu()->memory()->start(flash + 0x4000, withinSeconds(10));
        QCOMPARE(device.facts().left, 1);
        QCOMPARE(device.facts().leftTo, flash + 0x4000);
        QCOMPARE(device.facts().earlyPolls, 0);
    }

    void pollTimeouts()
    {
        VirtualDfuOptions options;
        options.eraseTime = 30ms;
        options.writeTime = 5ms;
        options.addressTime = 3ms;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        openDfu()->memory()->write({{flash, someBytes(40'000)}}, {}, withinSeconds(30));
        QCOMPARE(device.facts().earlyPolls, 0); // who asks too early is stalled
        QCOMPARE(device.facts().refused, 0);
        QCOMPARE(device.memory(flash, 40'000), someBytes(40'000));
    }

    void addresses()
    {
        VirtualDfu one;
        VirtualDfuOptions options;
        options.serial = u"SN0002"_s;
        VirtualDfu two(options);
        UsbBed bed;
        bed.plug(one, dfuPlace);
        bed.plug(two, u"1-4"_s);
        QString text;
        QCOMPARE(faultOf([] { openDfu(u"usb:0483:df11"_s); }, &text), u"link.usb-ambiguous"_s);
        QCOMPARE(text, u"usb:0483:df11 fits 2 devices: usb:1-4, usb:1-2.3. Name one of them by its place."_s);
        QCOMPARE(openDfu(u"usb:0483:df11:SN0002"_s)->facts(withinSeconds(5)).line, u"USB 1-4"_s);
        QCOMPARE(faultOf([] { openDfu(u"usb:0483:df11:SN0003"_s); }), u"link.no-port"_s);
        QCOMPARE(faultOf([] { openDfu(u"usb:1-9"_s); }), u"link.no-port"_s);
        QCOMPARE(faultOf([] { openDfu(u"usb:flash"_s); }), u"link.usb-address"_s);
        QCOMPARE(faultOf([] { openDfu(u"/dev/ttyUSB0"_s); }), u"link.usb-address"_s);
    }

    void notPermitted()
    {
        if (::geteuid() == 0)
            QSKIP("root may open everything");
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        bed.forbid(dfuPlace);
        QString text;
        QCOMPARE(faultOf([] { openDfu(); }, &text), u"link.usb-permission"_s);
        QVERIFY(text.contains(u"70-slipway.rules"_s));
        QCOMPARE(DfuDriver().ports().size(), 1);
    }
};

SLIPWAY_TEST_MAIN(TestDfuse)
#include "tst_dfuse.moc"
