// The driver uf2 on virtual drives: what is seen, written, compared and refused. Each drive is a mounted file system.

#include "core/steps/flashing.h"
#include "tests/support/testmain.h"
#include "tests/support/uf2bench.h"
#include "tests/support/uf2files.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint32 rp2040 = 0xe48bff56, samd21 = 0x68ed2b88, flashAt = 0x10000000;

Flashing::Result flash(Device &device, QList<FlashFile> files)
{
    FlashOrder order;
    order.files = std::move(files);
    Flashing flashing(order);
    return flashing.run([&device]() -> Device & { return device; }, withinSeconds(60));
}

} // namespace

class TestUf2Device : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { SLIPWAY_NEEDS_FUSE(); }

    void identified()
    {
        const Uf2Bench bench;
        const DeviceFacts facts = bench.open()->facts(withinSeconds(10));
        QCOMPARE(facts.board, u"rp2040"_s);
        QCOMPARE(facts.bootLoader, u"UF2 Bootloader v3.0"_s);
        QCOMPARE(facts.line, u"USB 1-1"_s);
        QCOMPARE(facts.more.value(u"board-id"_s), u"RPI-RP2"_s);
        QCOMPARE(facts.more.value(u"usb-id"_s), u"2e8a:0003"_s);
        QCOMPARE(facts.more.value(u"families"_s), u"RP2040"_s);
        QCOMPARE(facts.hardwareId, QString()); // the RP2040's boot ROM gives every chip the same serial number
        const auto ports = Uf2Driver(UsbTree(bench.folder.path())).ports();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports.first().port, u"usb:1-1"_s);
        QCOMPARE(ports.first().topology, u"usb-1-1"_s);
        QVERIFY(ports.first().likely);
        QVERIFY2(ports.first().why.contains(bench.drive->folder()), qPrintable(ports.first().why));

        const Uf2Bench nano(u"nrf52840"_s);
        QCOMPARE(nano.open()->facts(withinSeconds(10)).hardwareId, u"a5d1f00d12345678"_s);
    }

    void places()
    {
        const Uf2Bench bench;
        const Uf2Driver driver(UsbTree(bench.folder.path()));
        for (const QString &port : {u"usb:1-1"_s, u"usb:2e8a:0003"_s, u"usb:2e8a:0003:E0C9125B0D9B"_s,
                                    bench.drive->folder(), bench.folder.path()})
            QCOMPARE(driver.open({port, 0, {}}, withinSeconds(10))->facts(withinSeconds(10)).port, port);
        const auto fault = [&](const QString &port) {
            return faultOf([&] { (void)driver.open({port, 0, {}}, withinSeconds(10)); });
        };
        QCOMPARE(fault(u"usb:1-2"_s), u"link.no-port"_s);
        QCOMPARE(fault(u"usb:0483:df11"_s), u"link.no-port"_s);
        QCOMPARE(fault(u"RPI-RP2"_s), u"uf2.address"_s);
        QCOMPARE(fault(u"/nowhere"_s), u"link.no-port"_s);
        QCOMPARE(fault(QDir::tempPath()), u"uf2.address"_s); // a folder, and no drive
    }

    void twoDrives()
    {
        const Uf2Bench one;
        VirtualUf2Options options = virtualUf2Board(u"rp2040"_s);
        options.root = one.folder.path();
        options.place = u"1-2.4"_s;
        options.disk = u"sdb"_s;
        VirtualUf2 other(options);
        other.start();
        const Uf2Driver driver(UsbTree(one.folder.path()));
        QCOMPARE(driver.ports().size(), 2);
        QCOMPARE(faultOf([&] {
                     (void)driver.open({u"usb:2e8a:0003"_s, 0, {}}, withinSeconds(10));
                 }),
                 u"link.usb-ambiguous"_s);
        QCOMPARE(faultOf([&] { (void)one.open(); }), u"link.usb-ambiguous"_s);
        // By its place, and only that one.
        const QByteArray bytes = noise(5000);
        const auto device = driver.open({u"usb:1-2.4"_s, 0, {}}, withinSeconds(10));
        (void)device->memory()->write({{flashAt, bytes}}, {}, withinSeconds(60));
        QCOMPARE(other.flash(flashAt, bytes.size()), bytes);
        QCOMPARE(one.drive->facts().counts.taken, 0);
    }

    void written()
    {
        const Uf2Bench bench;
        bench.drive->setFlash(flashAt, QByteArray(65536, 'x'));
        const QByteArray bytes = noise(150'001);
        Progress progress;
        Task task = withinSeconds(60);
        task.progress = &progress;
        const auto device = bench.open();
        const auto result = device->memory()->write({{flashAt, bytes}}, {}, task);
        QCOMPARE(result.bytes, bytes.size());
        QVERIFY(result.verified);
        QVERIFY2(result.how.contains(u"not read back"), qPrintable(result.how));
        QCOMPARE(bench.drive->flash(flashAt, bytes.size()), bytes);
        const auto facts = bench.drive->facts();
        QVERIFY(facts.applicationRuns);
        QCOMPARE(facts.counts.completed, 1);
        QCOMPARE(facts.counts.refused + facts.counts.foreign, 0);
        QCOMPARE(facts.counts.taken, (150'001 + 4095) / 4096 * 16); // whole sectors of 4096, erratum RP2040-E14
        device->memory()->start({}, task);
        QCOMPARE(faultOf([&] { (void)device->facts(withinSeconds(10)); }), u"uf2.no-drive"_s);
        bench.drive->bootLoader(); // and once more, with the same object
        (void)device->memory()->write({{flashAt, bytes.first(300)}}, {}, task);
        QCOMPARE(bench.drive->flash(flashAt, 300), bytes.first(300));
    }

    void scattered()
    {
        const Uf2Bench bench(u"samd21"_s);
        const QByteArray bytes = noise(700);
        (void)bench.open()->memory()->write({{0x2010, bytes}, {0x8101, bytes}, {0x3ffff, "z"}}, {}, withinSeconds(60));
        QCOMPARE(bench.drive->flash(0x2010, bytes.size()), bytes);
        QCOMPARE(bench.drive->flash(0x8101, bytes.size()), bytes);
        QCOMPARE(bench.drive->flash(0x3ffff, 1), "z"_ba);
        QCOMPARE(bench.drive->flash(0x8100, 1), "\xff"_ba);
    }

    void refusedByAddress()
    {
        const Uf2Bench bench;
        QCOMPARE(faultOf([&] { bench.write(0x08000000, noise(100)); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { bench.write(0, noise(100)); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { bench.open()->memory()->eraseAll(withinSeconds(5)); }), u"device.lacks"_s);
        QCOMPARE(faultOf([&] { bench.open()->memory()->read(flashAt, 16, withinSeconds(5)); }), u"device.lacks"_s);
        QCOMPARE(bench.drive->facts().counts.taken, 0);
    }

    void files()
    {
        const Uf2Bench bench;
        const QByteArray bytes = noise(20'000);
        const auto device = bench.open();
        // Its own family, in a file for two.
        const QByteArray mixed = uf2File(noise(512, 1), 0x2000, samd21) + uf2File(bytes, flashAt, rp2040);
        const auto result = flash(*device, {{.name = u"mixed.uf2"_s, .bytes = mixed}});
        QCOMPARE(bench.drive->flash(flashAt, bytes.size()), bytes);
        QCOMPARE(bench.drive->facts().counts.foreign, 0);
        QVERIFY(!result.compared.isEmpty());
        bench.drive->bootLoader();
        // One that tells no family; bytes at an address; HEX.
        (void)flash(*device, {{.name = u"any.uf2"_s, .bytes = uf2File(bytes.first(999), flashAt, {})}});
        QCOMPARE(bench.drive->flash(flashAt, 999), bytes.first(999));
        bench.drive->bootLoader();
        (void)flash(*device, {{.name = u"raw.bin"_s, .bytes = bytes.mid(500, 777), .at = flashAt}});
        QCOMPARE(bench.drive->flash(flashAt, 777), bytes.mid(500, 777));
        bench.drive->bootLoader();
        const QByteArray hex = ":020000041000EA\n:0400000001020304F2\n:00000001FF\n";
        (void)flash(*device, {{.name = u"a.hex"_s, .bytes = hex}});
        QCOMPARE(bench.drive->flash(flashAt, 4), "\x01\x02\x03\x04"_ba);
    }

    void otherFamilies()
    {
        const Uf2Bench bench;
        const auto device = bench.open();
        const auto fault = [&](const QByteArray &file, std::optional<quint32> family = {}) {
            return faultOf([&] { flash(*device, {{.name = u"f.uf2"_s, .bytes = file, .family = family}}); });
        };
        const QByteArray theirs = uf2File(noise(512), 0x2000, samd21);
        QCOMPARE(fault(theirs), u"firmware.other-family"_s);
        QCOMPARE(fault(theirs, samd21), u"firmware.other-family"_s);
        QCOMPARE(fault(theirs + uf2File(noise(512), 0x26000, 0xada52840)), u"firmware.other-family"_s);
        const QByteArray ours = uf2File(noise(2048), flashAt, rp2040);
        QCOMPARE(fault(ours.first(1024)), u"codec.uf2"_s);       // blocks are missing
        QCOMPARE(fault(ours + ours.last(512)), u"codec.uf2"_s);  // one is there twice
        QCOMPARE(fault(ours.first(512) + ours), u"codec.uf2"_s); // the same
        QByteArray numbered = ours;
        numbered[512 + 20] = 9;
        QCOMPARE(fault(numbered), u"codec.uf2"_s); // out of range
        QCOMPARE(bench.drive->facts().counts.taken, 0);
        QVERIFY(!bench.drive->facts().applicationRuns);
    }

    // RP2350: several families are its own, and the file says which one is meant.
    void rp2350()
    {
        const Uf2Bench bench(u"rp2350"_s);
        const auto device = bench.open();
        QCOMPARE(device->facts(withinSeconds(10)).board, u"rp2350"_s);
        const QByteArray bytes = noise(9000);
        (void)flash(*device, {{.name = u"riscv.uf2"_s, .bytes = uf2File(bytes, flashAt, 0xe48bff5a)}});
        QCOMPARE(bench.drive->flash(flashAt, bytes.size()), bytes);
        QCOMPARE(bench.drive->facts().counts.foreign, 0);
        QCOMPARE(bench.drive->facts().counts.refused, 1); // picotool's first block, past the end of this flash
        bench.drive->bootLoader();
        const QByteArray both = uf2File(bytes, flashAt, 0xe48bff5a) + uf2File(bytes.first(600), flashAt, 0xe48bff59);
        (void)flash(*device, {{.name = u"both.uf2"_s, .bytes = both}}); // the best one
        QCOMPARE(bench.drive->flash(flashAt, 600), bytes.first(600));
        QCOMPARE(bench.drive->flash(flashAt + 768, 4), QByteArray(4, '\xff'));
    }

    void boards()
    {
        Uf2Bench bench(u"rp2040"_s, [](VirtualUf2Options &options) { options.rom.boardId = u"Acme-Gate-v2"_s; });
        QCOMPARE(faultOf([&] { (void)bench.open(); }), u"uf2.family"_s);
        QCOMPARE(bench.open(u"rp2040"_s)->facts(withinSeconds(10)).board, u"rp2040"_s);
        QCOMPARE(faultOf([&] { (void)bench.open(u"rp2041"_s); }), u"uf2.board-unknown"_s);
        const Uf2Bench sure;
        QCOMPARE(faultOf([&] { (void)sure.open(u"samd21"_s); }), u"uf2.other-device"_s);
        // A Board-ID of its own, and a CURRENT.UF2 that says whose it is.
        const Uf2Bench glove(u"nrf52840"_s,
                             [](VirtualUf2Options &options) { options.rom.boardId = u"Glove80-LH-revH"_s; });
        QCOMPARE(glove.open()->facts(withinSeconds(10)).board, u"nrf52840"_s);
    }

    void readBack()
    {
        const Uf2Bench bench(u"nrf52840"_s);
        const QByteArray old = noise(1000, 3);
        bench.drive->setFlash(0x27000, old);
        QCOMPARE(bench.open()->memory()->read(0x27000, 1000, withinSeconds(60)), old);
        QCOMPARE(faultOf([&] { (void)bench.open()->memory()->read(0x100000, 4, withinSeconds(60)); }),
                 u"memory.outside"_s);
        // The firmware is not one that starts: the boot loader comes back, and shows all of it.
        bench.drive->setFault(VirtualUf2Fault::parse(u"refuse"_s));
        const QByteArray bytes = noise(12'345);
        const auto result = bench.write(0x26000, bytes);
        QVERIFY(result.verified);
        QVERIFY2(result.how.startsWith(u"CURRENT.UF2"), qPrintable(result.how));
        // One bit of it is wrong.
        bench.drive->setFault(VirtualUf2Fault::parse(u"stuck:after=5000"_s));
        QCOMPARE(faultOf([&] { bench.write(0x26000, bytes); }), u"memory.verify"_s);
    }

    void sameIds()
    {
        const Uf2Bench bench;
        bench.drive->setFault(VirtualUf2Fault::parse(u"same-ids"_s));
        const Uf2Quick quick;
        QVERIFY(bench.write(flashAt, noise(300)).verified);
    }

    void mountedLater()
    {
        const Uf2Bench bench(u"rp2040"_s, [](VirtualUf2Options &options) { options.mounted = false; });
        QCOMPARE(faultOf([&] { (void)bench.open(); }), u"uf2.not-mounted"_s);
        const auto ports = Uf2Driver(UsbTree(bench.folder.path())).ports();
        QCOMPARE(ports.size(), 1);
        QVERIFY2(ports.first().why.contains(u"not mounted"), qPrintable(ports.first().why));
        bench.drive->mount();
        bench.write(flashAt, noise(300));
    }

    void stopped()
    {
        const Uf2Bench bench(u"rp2040"_s, [](VirtualUf2Options &options) { options.programTime = 500us; });
        const auto device = bench.open();
        std::stop_source source;
        Task task = withinSeconds(60);
        task.stop = source.get_token();
        Progress progress({}, [&] {
            if (progress.snapshot().done > 60'000)
                source.request_stop();
        });
        task.progress = &progress;
        QCOMPARE(faultOf([&] {
                     (void)device->memory()->write({{flashAt, noise(400'000)}}, {}, task);
                 }),
                 u"base.stopped"_s);
        QCOMPARE(bench.drive->facts().counts.completed, 0);
        (void)device->memory()->write({{flashAt, noise(9000)}}, {}, withinSeconds(60));
        QCOMPARE(bench.drive->flash(flashAt, 9000), noise(9000));
    }

    // Progress is of bytes that the device has: never ahead of what it took.
    void honestProgress()
    {
        const Uf2Bench bench(u"rp2040"_s, [](VirtualUf2Options &options) { options.programTime = 100us; });
        int looks = 0;
        qint64 ahead = 0;
        Progress progress({}, [&] {
            ++looks;
            ahead = std::max(ahead, progress.snapshot().done - bench.drive->facts().counts.taken * 512);
        });
        Task task = withinSeconds(60);
        task.progress = &progress;
        (void)bench.open()->memory()->write({{flashAt, noise(400'000)}}, {}, task);
        QVERIFY(looks > 2);
        QCOMPARE(ahead, 0);
    }
};

SLIPWAY_TEST_MAIN(TestUf2Device)
#include "tst_uf2device.moc"
