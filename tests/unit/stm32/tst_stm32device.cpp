// The driver against virtual chips over real pseudo-terminals: every kind of chip, everything a chip can refuse or lie
// about.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualstm32.h"
#include "tests/support/testmain.h"

#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtEndian>

#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using Kind = VirtualStm32Fault::Kind;

namespace {

constexpr quint64 flashAt = 0x08000000;

Task task(std::chrono::milliseconds span = 60s)
{
    Task t;
    t.deadline = Deadline::in(span);
    return t;
}

QByteArray noise(qsizetype size)
{
    QRandomGenerator random(7);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    return out;
}

// A program that Go can start: stack and entry in front.
QByteArray program(qsizetype size)
{
    QByteArray out = noise(size);
    qToLittleEndian<quint32>(0x20001000, out.data());
    qToLittleEndian<quint32>(0x08000101, out.data() + 4);
    return out;
}

struct Caught {
    QString code, text;
};

Caught caught(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return {QString::fromLatin1(fault.code()), fault.text()};
    }
    return {u"none"_s, {}};
}

struct Bench {
    explicit Bench(VirtualStm32Options options = {})
    {
        options.ptyLink = folder.filePath(u"stm0"_s);
        chip = std::make_unique<VirtualStm32>(options);
        chip->start();
    }
    std::unique_ptr<Device> open(const QString &board = {}) const
    {
        return Stm32Driver().open({chip->path(), 0, board}, task());
    }
    QTemporaryDir folder;
    std::unique_ptr<VirtualStm32> chip;
};

VirtualStm32Options chip(const QString &name)
{
    VirtualStm32Options out;
    out.chip = name;
    return out;
}

} // namespace

class TestStm32Device : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void everyChip_data()
    {
        QTest::addColumn<QString>("name");
        for (const QString &name : virtualStm32Chips())
            QTest::newRow(qPrintable(name)) << name;
    }

    // Facts, a program with odd ends over old content, read back, erase, start.
    void everyChip()
    {
        QFETCH(QString, name);
        const VirtualStm32Chip &truth = virtualStm32Chip(name);
        VirtualStm32Options options = chip(name);
        options.flash = QByteArray(truth.flashKib * 1024, '\x11');
        options.uniqueId = QByteArray::fromHex("0102030405060708090a0b0c");
        const Bench bench(options);
        auto device = bench.open();
        const DeviceFacts facts = device->facts(task());
        QCOMPARE(facts.hardwareId, u"01-02-03-04-05-06-07-08-09-0a-0b-0c"_s);
        QCOMPARE(facts.locked, std::optional(false));
        QVERIFY(facts.more.value(u"product"_s).contains(QString::number(truth.id, 16)));
        QVERIFY(facts.bootLoader.endsWith(u"%1.%2"_s.arg(truth.loader >> 4).arg(truth.loader & 15)));
        Memory &memory = *device->memory();
        const auto regions = memory.regions(task());
        QCOMPARE(regions.first().name, u"flash"_s);
        QCOMPARE(regions.first().size, quint64(truth.flashKib) * 1024);

        const QByteArray first = program(3001), second = noise(517);
        const quint64 there = flashAt + quint64(truth.sectors.front()) + 6;
        Progress progress;
        Task t = task();
        t.progress = &progress;
        const QList<MemorySegment> segments{{there + 5000, second}, {flashAt, first}};
        const auto result = memory.write(segments, {}, t);
        QVERIFY(result.verified);
        QCOMPARE(result.bytes, qint64(first.size() + second.size()));
        QVERIFY(result.wireBytes > result.bytes * 2);
        QCOMPARE(progress.snapshot().fraction, 1.0);
        const auto after = bench.chip->facts();
        QCOMPARE(after.flash.first(first.size()), first);
        QCOMPARE(after.flash.mid(qsizetype(there + 5000 - flashAt), second.size()), second);
        QCOMPARE(after.flash.back(), '\x11'); // pages that nobody touches stay
        QCOMPARE(after.rom.overrun, 0);
        QCOMPARE(after.rom.massErases, 0);
        QCOMPARE(memory.read(flashAt, first.size(), task()), first);
        QVERIFY(!device->eraser()->isBlank(u"flash"_s, task()));

        memory.start({}, task());
        QCOMPARE(bench.chip->facts().startedAt, std::optional<quint32>(0x08000000));
        bench.chip->reset();
        device.reset();
        device = bench.open();
        device->eraser()->erase(u"flash"_s, task());
        QVERIFY(device->eraser()->isBlank(u"flash"_s, task()));
        QCOMPARE(bench.chip->facts().flash.count('\xff'), bench.chip->facts().flash.size());
    }

    void blankBlocksStayHome()
    {
        const Bench bench;
        const auto device = bench.open();
        const QByteArray image = noise(256) + QByteArray(2048, '\xff') + noise(256);
        QVERIFY(device->memory()->write({{flashAt, image}}, {}, task()).verified);
        QCOMPARE(bench.chip->facts().rom.writes, 2);
        QCOMPARE(bench.chip->facts().flash.first(image.size()), image);
    }

    void wholeChipGoesAtOnce()
    {
        const Bench bench;
        const auto device = bench.open();
        Memory::WriteOptions options;
        options.eraseAll = true;
        options.verify = false;
        const auto result = device->memory()->write({{flashAt, noise(100)}}, options, task());
        QVERIFY(!result.verified && result.how.isEmpty());
        QCOMPARE(bench.chip->facts().rom.massErases, 1);
        device->memory()->erase(flashAt + 1000, 100, task());
        QCOMPARE(bench.chip->facts().flash.first(100).count('\xff'), 100);
        QCOMPARE(bench.chip->facts().rom.pagesErased, 128 + 2);
    }

    void ram()
    {
        const Bench bench;
        const auto device = bench.open();
        const QByteArray stub = noise(301);
        QVERIFY(device->memory()->write({{0x20000401, QByteArray("keep")}, {0x20000405, stub}}, {}, task()).verified);
        QCOMPARE(device->memory()->read(0x20000405, stub.size(), task()), stub);
        QCOMPARE(bench.chip->facts().rom.pagesErased, 0);
    }

    void refusesWhatDoesNotFit_data()
    {
        QTest::addColumn<quint64>("at");
        QTest::addColumn<int>("size");
        QTest::addColumn<QString>("code");
        QTest::newRow("below") << quint64(0x07fffffc) << 8 << u"memory.outside"_s;
        QTest::newRow("past the end") << quint64(flashAt + 128 * 1024 - 4) << 8 << u"memory.outside"_s;
        QTest::newRow("another address space") << quint64(0x100000000) << 8 << u"memory.outside"_s;
        QTest::newRow("the loader's RAM") << quint64(0x20000000) << 4 << u"memory.outside"_s;
        QTest::newRow("option bytes") << quint64(0x1ffff800) << 2 << u"memory.read-only"_s;
        QTest::newRow("system memory") << quint64(0x1ffff000) << 4 << u"memory.read-only"_s;
    }

    void refusesWhatDoesNotFit()
    {
        QFETCH(quint64, at);
        QFETCH(int, size);
        QFETCH(QString, code);
        const Bench bench;
        const auto device = bench.open();
        QCOMPARE(caught([&] { device->memory()->write({{at, noise(size)}}, {}, task()); }).code, code);
        QCOMPARE(bench.chip->facts().rom.writes, 0);
        QCOMPARE(bench.chip->facts().rom.pagesErased, 0);
    }

    void otherReadsAndErases()
    {
        const Bench bench;
        const auto device = bench.open();
        Memory &memory = *device->memory();
        QCOMPARE(caught([&] { memory.read(flashAt, qint64(1) << 40, task()); }).code, u"memory.outside"_s);
        QCOMPARE(caught([&] { memory.read(~quint64(0) - 3, 8, task()); }).code, u"memory.outside"_s);
        QCOMPARE(caught([&] { memory.erase(flashAt, ~quint64(0), task()); }).code, u"memory.outside"_s);
        QCOMPARE(caught([&] { memory.erase(0x20000400, 4, task()); }).code, u"memory.outside"_s);
        QCOMPARE(memory.read(0x1ffff800, 16, task()).size(), 16);
        QVERIFY(memory.read(flashAt, 0, task()).isEmpty());
        QCOMPARE(caught([&] { device->eraser()->erase(u"eeprom"_s, task()); }).code, u"device.lacks"_s);
        QCOMPARE(caught([&] { device->locker()->lock(u"debug"_s, task()); }).code, u"lock.unknown-name"_s);
        QCOMPARE(caught([&] { memory.start({}, task()); }).code, u"stm32.no-application"_s); // blank
        QCOMPARE(caught([&] { memory.start(0x08000002, task()); }).code, u"stm32.no-application"_s);
    }

    void foreignImage()
    {
        const Bench bench;
        const auto device = bench.open();
        QByteArray image(256, '\0');
        qToLittleEndian<quint32>(0x20020000, image.data()); // 128 KB of RAM; this chip has 20
        for (int i = 1; i < 16; ++i)
            qToLittleEndian<quint32>(0x08000201, image.data() + 4 * i);
        const Caught fault = caught([&] { device->memory()->write({{flashAt, image}}, {}, task()); });
        QCOMPARE(fault.code, u"stm32.other-chip"_s);
        QCOMPARE(bench.chip->facts().rom.pagesErased, 0);
    }

    // Readout protection: told, refused before anything changes, taken off by erasing everything.
    void locked()
    {
        VirtualStm32Options options;
        options.readoutProtected = true;
        options.flash = QByteArray(4096, 'x');
        const Bench bench(options);
        const auto device = bench.open();
        const DeviceFacts facts = device->facts(task());
        QCOMPARE(facts.locked, std::optional(true));
        QVERIFY(facts.hardwareId.isEmpty());
        QVERIFY(device->locker()->isLocked(u"readout"_s, task()));
        Memory &memory = *device->memory();
        QCOMPARE(caught([&] { memory.check({{flashAt, "abcd"}}, task()); }).code, u"memory.protected"_s);
        QCOMPARE(caught([&] { memory.write({{flashAt, "abcd"}}, {}, task()); }).code, u"memory.protected"_s);
        QCOMPARE(caught([&] { memory.read(flashAt, 4, task()); }).code, u"memory.protected"_s);
        QCOMPARE(caught([&] { memory.erase(flashAt, 4, task()); }).code, u"memory.protected"_s);
        QCOMPARE(bench.chip->facts().flash.first(4096), QByteArray(4096, 'x'));
        memory.eraseAll(task());
        QVERIFY(!bench.chip->facts().readoutProtected);
        QVERIFY(memory.write({{flashAt, "abcd"}}, {}, task()).verified);
        QCOMPARE(device->facts(task()).locked, std::optional(false));
    }

    void locks_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("lock");
        QTest::newRow("f103 readout") << u"f103"_s << u"readout"_s;
        QTest::newRow("f103 write") << u"f103"_s << u"write"_s;
        QTest::newRow("f405 write") << u"f405"_s << u"write"_s;
        QTest::newRow("g071 readout") << u"g071"_s << u"readout"_s;
    }

    void locks()
    {
        QFETCH(QString, name);
        QFETCH(QString, lock);
        const Bench bench(chip(name));
        const auto device = bench.open();
        QVERIFY(device->locker()->locks(task()).contains(lock));
        QVERIFY(!device->locker()->isLocked(lock, task()));
        device->locker()->lock(lock, task());
        QVERIFY(device->locker()->isLocked(lock, task()));
        device->locker()->lock(lock, task()); // done already
        QCOMPARE(bench.chip->facts().readoutProtected, lock == u"readout");
        if (lock == u"write") {
            QVERIFY(bench.chip->facts().protectedSectors > 0);
            QCOMPARE(caught([&] {
                         device->memory()->write({{flashAt, "abcd"}}, {}, task());
                     }).code,
                     u"memory.protected"_s);
            QCOMPARE(bench.chip->facts().flash.first(4), QByteArray(4, '\xff'));
        }
        device->memory()->eraseAll(task());
        QVERIFY(!device->locker()->isLocked(lock, task()));
        QVERIFY(device->memory()->write({{flashAt, "abcd"}}, {}, task()).verified);
    }

    void lies_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::addColumn<QString>("code");
        QTest::newRow("unknown id") << u"wrong-id:value=0x123"_s << u"stm32.unknown-product"_s;
        QTest::newRow("more flash than can be") << u"wrong-size:value=5000"_s << u"stm32.flash-size"_s;
        QTest::newRow("flash in half pages") << u"wrong-size:value=129"_s << u"stm32.flash-size"_s;
        QTest::newRow("smaller flash") << u"wrong-size:value=2"_s << u"memory.outside"_s;
        QTest::newRow("stuck byte") << u"stuck-byte:after=700"_s << u"memory.verify"_s;
        QTest::newRow("erases nothing") << u"deaf-erase"_s << u"memory.verify"_s;
        QTest::newRow("refuses everything") << u"refuse:every=1"_s << u"stm32.not-loader"_s;
        QTest::newRow("garbles everything") << u"corrupt:every=1"_s << u"stm32.not-loader"_s;
        QTest::newRow("silent in the middle") << u"silence:after=2000"_s << u"stm32.no-answer"_s;
        QTest::newRow("gone in the middle") << u"disconnect:after=2000"_s << u"link.gone"_s;
    }

    void lies()
    {
        QFETCH(QString, fault);
        QFETCH(QString, code);
        VirtualStm32Options options;
        options.flash = QByteArray(4096, '\x22');
        const Bench bench(options);
        bench.chip->setFault(VirtualStm32Fault::parse(fault));
        const Caught found = caught([&] { bench.open()->memory()->write({{flashAt, noise(3000)}}, {}, task(30s)); });
        QVERIFY2(found.code == code, qPrintable(found.code + u": "_s + found.text));
        QVERIFY(found.text.size() > 40);
        // The same unit, after its trouble is over.
        bench.chip->clearFaults();
        bench.chip->setConnected(false);
        bench.chip->setConnected(true);
        QVERIFY(bench.open()->memory()->write({{flashAt, noise(3000)}}, {}, task()).verified);
        QCOMPARE(bench.chip->facts().flash.first(3000), noise(3000));
    }

    // Damage now and then is worked around within the same write.
    void nowAndThen_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("answers") << u"corrupt:every=23"_s;
        QTest::newRow("answers often") << u"corrupt:every=9"_s;
        QTest::newRow("refusals") << u"refuse:every=3"_s;
    }

    void nowAndThen()
    {
        QFETCH(QString, fault);
        const Bench bench;
        const auto device = bench.open();
        QList<QString> said;
        Task t = task();
        t.log = [&](const QString &line) { said << line; };
        bench.chip->setFault(VirtualStm32Fault::parse(fault));
        const QByteArray image = noise(2000);
        Memory::WriteOptions options;
        options.verify = false; // a damaged byte of data that is read carries no checksum
        device->memory()->write({{flashAt, image}}, options, t);
        QCOMPARE(bench.chip->facts().flash.first(image.size()), image);
        QVERIFY(!said.isEmpty() || bench.chip->facts().rom.refused > 0);
    }

    // A wire that flips bits, without parity as a pseudo-terminal is: what comes out is right, or told to be wrong.
    void noisyWire()
    {
        const Bench bench;
        LineOptions wire;
        wire.baud = 1'000'000;
        wire.flip = 0.0001;
        wire.devicePath = bench.chip->path();
        wire.hostLink = bench.folder.filePath(u"line"_s);
        LineModel line(wire);
        line.start();
        const auto device = Stm32Driver().open({line.path(), 0, {}}, task());
        const QByteArray image = noise(8000);
        QVERIFY(device->memory()->write({{flashAt, image}}, {}, task()).verified);
        QCOMPARE(bench.chip->facts().flash.first(image.size()), image);
        QVERIFY(line.counters().flipped > 0);
    }

    void wrongBoard()
    {
        const Bench bench(chip(u"f405"_s));
        QFile own(bench.folder.filePath(u"own.json"_s));
        QVERIFY(own.open(QIODevice::WriteOnly));
        own.write(R"({"slipway-quirks":1,"driver":"stm32","boards":{"jig":{"description":"d","source":"s",
                     "date":"2026-11-21","products":["0x410"],"enter":[{"dtr":true,"rts":true,"hold":"1ms"}]}}})");
        own.close();
        qputenv("SLIPWAY_STM32_QUIRKS", QFile::encodeName(own.fileName()));
        const Caught fault = caught([&] { bench.open(u"jig"_s); });
        qunsetenv("SLIPWAY_STM32_QUIRKS");
        QCOMPARE(fault.code, u"stm32.wrong-chip"_s);
        QCOMPARE(caught([&] { bench.open(u"jug"_s); }).code, u"stm32.board-unknown"_s);
    }

    void nobodyThere()
    {
        VirtualStm32Options options;
        const Bench bench(options);
        bench.chip->setFault(VirtualStm32Fault::parse(u"silence"_s));
        const Caught fault = caught([&] { bench.open(); });
        QCOMPARE(fault.code, u"stm32.no-answer"_s);
        QVERIFY(fault.text.contains(u"BOOT0"));
        QCOMPARE(caught([&] { Stm32Driver().open({u"/dev/nothing"_s, 0, {}}, task()); }).code, u"link.no-port"_s);
        QCOMPARE(caught([&] { Stm32Driver().open({u"udp:127.0.0.1:9"_s, 0, {}}, task()); }).code, u"link.not-a-port"_s);
    }

    void stuckAfterLock()
    {
        const Bench bench;
        const auto device = bench.open();
        bench.chip->setFault(VirtualStm32Fault::parse(u"stuck-after-restart"_s));
        QCOMPARE(caught([&] { device->locker()->lock(u"readout"_s, task()); }).code, u"stm32.no-return"_s);
    }

    void resetStartsTheProgram()
    {
        VirtualStm32Options options;
        options.flash = program(1024);
        const Bench bench(options);
        const auto device = bench.open();
        device->resetter()->reset(task());
        QVERIFY(bench.chip->facts().startedAt);
        QCOMPARE(caught([&] { device->facts(task(3s)); }).code != u"none"_s, true);
    }

    // A person who stops it, in the middle of erasing.
    void stopped()
    {
        VirtualStm32Options options;
        options.eraseTime = 30s;
        const Bench bench(options);
        const auto device = bench.open();
        std::stop_source source;
        Task t = task();
        t.stop = source.get_token();
        const std::jthread person([&] {
            while (bench.chip->facts().rom.pagesErased == 0)
                std::this_thread::yield();
            source.request_stop();
        });
        QCOMPARE(caught([&] { device->memory()->write({{flashAt, noise(600)}}, {}, t); }).code, u"base.stopped"_s);
    }
};

SLIPWAY_TEST_MAIN(TestStm32Device)
#include "tst_stm32device.moc"
