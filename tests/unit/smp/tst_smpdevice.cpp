// The driver against the virtual device, over real pseudo-terminals and UDP: what a station does with a board.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "drivers/smp/smpdevice.h"
#include "drivers/smp/smpdriver.h"
#include "drivers/virtual/virtualsmp.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

Task task(std::chrono::milliseconds span = 60s)
{
    Task t;
    t.deadline = Deadline::in(span);
    return t;
}

QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

// A firmware image of the wanted version, out of the samples of the firmware room where they are there.
QByteArray sampleImage()
{
    for (const QString &folder : {u"firmware"_s, u"mcuboot"_s, u"virtual"_s}) {
        QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/") + folder + u"/t1-1.4.2-p256.bin"_s);
        if (file.open(QIODevice::ReadOnly))
            return file.readAll();
    }
    return {};
}

struct Bench {
    explicit Bench(VirtualSmpOptions options = {})
    {
        if (options.link == VirtualSmpOptions::Link::Pty)
            options.ptyLink = folder.filePath(u"dut"_s);
        dut = std::make_unique<VirtualSmp>(options);
        dut->start();
    }
    std::unique_ptr<Device> open(const QString &suffix = {}) const
    {
        return SmpDriver().open({dut->path() + suffix, 0, {}}, task());
    }
    QTemporaryDir folder;
    std::unique_ptr<VirtualSmp> dut;
};

} // namespace

class TestSmpDevice : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void links_data()
    {
        QTest::addColumn<int>("which");
        QTest::newRow("console") << 0;
        QTest::newRow("raw") << 1;
        QTest::newRow("udp") << 2;
        QTest::newRow("shell console with noise") << 3;
        QTest::newRow("legacy, frugal") << 4;
        QTest::newRow("small buffers") << 5;
        QTest::newRow("answers take buffers") << 6;
    }

    // From blank to identified: facts, upload, activation, restart, the running version.
    void links()
    {
        QFETCH(int, which);
        VirtualSmpOptions options;
        options.serial = u"T1-00000042"_s;
        QString suffix;
        if (which == 1) {
            options.framing = VirtualSmpOptions::Framing::Raw;
            suffix = u"?raw"_s;
        } else if (which == 2) {
            options.link = VirtualSmpOptions::Link::Udp;
            options.bufferCount = 2;
        } else if (which == 3) {
            options.shellNoise = true;
        } else if (which == 4) {
            options.legacyRc = options.frugal = true;
            options.imageCheck = options.extendedGroups = false;
        } else if (which == 5) {
            options.bufferSize = 384;
        } else if (which == 6) {
            options.responsesTakeBuffers = true;
        }
        Bench bench(options);
        const auto device = bench.open(suffix);
        const DeviceFacts facts = device->facts(task());
        QCOMPARE(facts.board, u"t1-rev-b"_s);
        QCOMPARE(facts.serial, u"T1-00000042"_s);
        QCOMPARE(facts.hardwareId.size(), 23);
        QCOMPARE(facts.firmwareHash, bench.dut->facts().activeHash);
        QVERIFY(!facts.firmwareVersion.isEmpty());
        QCOMPARE(facts.identityPresent, std::optional(false));
        QCOMPARE(facts.locked, std::optional(false));
        QCOMPARE(facts.more.value(u"buffers"_s), u"%1 x %2"_s.arg(options.bufferCount).arg(options.bufferSize));

        const QByteArray image = sampleImage();
        if (image.isEmpty())
            QSKIP("no sample image");
        Progress progress;
        const auto written = device->firmware()->write(image, {}, task().at(&progress));
        QCOMPARE(written.bytes, image.size());
        QCOMPARE(progress.snapshot().done, image.size());
        QCOMPARE(bench.dut->uploadCount(), 1);
        QByteArray fresh;
        for (const auto &slot : device->firmware()->imageSlots(task()))
            if (slot.slot == 1)
                fresh = slot.hash;
        QCOMPARE(fresh, bench.dut->facts().slot1Hash);
        QVERIFY(!fresh.isEmpty());
        device->firmware()->activate(fresh, false, task());
        device->resetter()->reset(task());
        const DeviceFacts after = device->facts(task());
        QCOMPARE(after.firmwareHash, fresh);
        QCOMPARE(after.more.value(u"security-counter"_s), u"5"_s);
        QVERIFY(!bench.dut->facts().activeConfirmed);
        device->firmware()->confirm(task());
        QVERIFY(bench.dut->facts().activeConfirmed);
        QCOMPARE(bench.dut->facts().restarts, 1);
    }

    void identity()
    {
        Bench bench;
        const auto device = bench.open();
        QVERIFY(device->keys() && device->locker());
        device->blobs()->write(Blobs::Kind::Setting, u"id/serial"_s, "T1-00000007", task());
        device->blobs()->commitSettings(task());
        QCOMPARE(bench.dut->savedSetting(u"id/serial"_s), std::optional<QByteArray>("T1-00000007"));
        device->keys()->generate(task());
        QVERIFY(bench.dut->facts().hasKey);
        const QByteArray request = device->keys()->request(u"T1-00000007"_s, task());
        QVERIFY(request.contains("T1-00000007"));
        QVERIFY(request.contains(bench.dut->facts().publicKey));
        const QByteArray signature = device->keys()->sign(QByteArray(32, '\x5a'), task());
        QVERIFY(signature.size() > 60 && signature.startsWith('\x30'));
        QVERIFY(device->keys()->readChain(task()).isEmpty());
        const QList<QByteArray> chain{QByteArray(600, 'a'), QByteArray(500, 'b')};
        device->keys()->writeChain(chain, task());
        QCOMPARE(device->keys()->readChain(task()), chain);
        QVERIFY(*device->facts(task()).identityPresent);
        QVERIFY(!device->locker()->isLocked(u"debug"_s, task()));
        device->locker()->lock(u"debug"_s, task());
        QVERIFY(bench.dut->locked());
        QVERIFY(*device->facts(task()).locked);
        QCOMPARE(faultOf([&] { device->keys()->generate(task()); }), u"device.locked"_s);
    }

    void lockThatDoesNotHold()
    {
        Bench bench;
        bench.dut->setFault(VirtualFault::parse(u"lock-fails"_s));
        const auto device = bench.open();
        QCOMPARE(faultOf([&] { device->locker()->lock(u"debug"_s, task()); }), u"smp.lock-open"_s);
    }

    void filesSettingsTimeShell()
    {
        Bench bench;
        const auto device = bench.open();
        const QByteArray content(5000, 'x');
        Blobs &blobs = *device->blobs();
        blobs.write(Blobs::Kind::File, u"/lfs/big.txt"_s, content, task());
        QCOMPARE(blobs.read(Blobs::Kind::File, u"/lfs/big.txt"_s, task()), content);
        QCOMPARE(blobs.sha256(u"/lfs/big.txt"_s, task()),
                 std::optional(QCryptographicHash::hash(content, QCryptographicHash::Sha256)));
        QCOMPARE(faultOf([&] { blobs.read(Blobs::Kind::File, u"/lfs/none"_s, task()); }), u"device.refused"_s);
        QCOMPARE(faultOf([&] { blobs.read(Blobs::Kind::Setting, u"nothing/here"_s, task()); }), u"device.refused"_s);
        blobs.write(Blobs::Kind::Setting, u"app/mode"_s, "warm", task());
        QCOMPARE(blobs.read(Blobs::Kind::Setting, u"app/mode"_s, task()), QByteArray("warm"));
        blobs.remove(Blobs::Kind::Setting, u"app/mode"_s, task());
        const QDateTime now(QDate(2026, 11, 21), QTime(14, 32, 7), Qt::UTC);
        device->clock()->setTime(now, task());
        QVERIFY(std::abs(device->clock()->time(task()).secsTo(now)) <= 5);
        const auto result = device->shell()->run(u"adc vdd"_s, task());
        QCOMPARE(result.status, 0);
        QVERIFY2(result.output.contains(u"3.312"_s), qPrintable(result.output));
        QVERIFY(device->shell()->run(u"nosuch"_s, task()).status != 0);
        QVERIFY(*device->firmware()->capacity(0, task()) >= 65536);
    }

    void recovery()
    {
        VirtualSmpOptions options;
        options.server = VirtualSmpOptions::Server::McubootRecovery;
        options.slot0 = QByteArray(64, 'x'); // nothing to start: it stays in recovery
        options.bufferSize = 1024;
        options.bufferCount = 1;
        Bench bench(options);
        const auto device = bench.open();
        const DeviceFacts facts = device->facts(task());
        QVERIFY2(facts.bootLoader.startsWith(u"MCUboot"_s), qPrintable(facts.bootLoader));
        QVERIFY2(facts.bootLoader.endsWith(u", serial recovery"_s), qPrintable(facts.bootLoader));
        const QByteArray image = sampleImage();
        if (image.isEmpty())
            QSKIP("no sample image");
        device->firmware()->write(image, {}, task());
        QCOMPARE(bench.dut->uploadCount(), 1);
    }

    void faults_data()
    {
        QTest::addColumn<QString>("fault");
        for (const char *fault : {"late:delay=300ms,every=7", "duplicate:every=3", "corrupt:every=5",
                                  "no-memory:every=6", "reboot-at:after=30000"})
            QTest::newRow(fault) << QString::fromLatin1(fault);
    }
    // The upload comes to its end all the same.
    void faults()
    {
        QFETCH(QString, fault);
        const QByteArray image = sampleImage();
        if (image.isEmpty())
            QSKIP("no sample image");
        Bench bench;
        const auto device = bench.open();
        bench.dut->setFault(VirtualFault::parse(fault));
        device->firmware()->write(image, {}, task());
        bench.dut->clearFaults();
        bool there = false;
        for (const auto &slot : device->firmware()->imageSlots(task()))
            there |= slot.slot == 1 && slot.hash == bench.dut->facts().slot1Hash;
        QVERIFY(there);
    }

    void silenceIsToldInTime()
    {
        Bench bench;
        const auto device = bench.open();
        bench.dut->setFault(VirtualFault::parse(u"silence:after=0"_s));
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(faultOf([&] { device->facts(task()); }), u"smp.no-answer"_s);
        QVERIFY(timer.elapsed() < 8000);
        QCOMPARE(faultOf([&] { SmpDriver().open({bench.dut->path(), 0, {}}, task()); }), u"link.busy"_s);
    }

    // The pty is another one after each restart, as a USB device's port may be.
    void reenumerates()
    {
        const QByteArray image = sampleImage();
        if (image.isEmpty())
            QSKIP("no sample image");
        VirtualSmpOptions options;
        options.reenumerate = true;
        Bench bench(options);
        const auto device = bench.open();
        device->resetter()->reset(task());
        QCOMPARE(bench.dut->facts().restarts, 1);
        QCOMPARE(device->facts(task()).board, u"t1-rev-b"_s);
        bench.dut->setFault(VirtualFault::parse(u"reboot-at:after=30000"_s));
        device->firmware()->write(image, {}, task());
        QCOMPARE(bench.dut->uploadCount(), 1);
        QCOMPARE(bench.dut->facts().restarts, 2);
    }

    void refusals()
    {
        VirtualSmpOptions options;
        options.slotSize = 65536;
        Bench bench(options);
        const auto device = bench.open();
        try {
            device->firmware()->write(QByteArray(300, '\0'), {}, task());
            QFAIL("no fault");
        } catch (const Fault &fault) {
            QCOMPARE(fault.sentence(),
                     u"The device refused to take the image: it is no firmware image (wrong magic)."_s);
        }
        const QByteArray image = sampleImage();
        if (!image.isEmpty())
            QCOMPARE(faultOf([&] { device->firmware()->write(image + QByteArray(100'000, '\0'), {}, task()); }),
                     u"device.refused"_s);
        QCOMPARE(faultOf([&] { device->firmware()->activate(QByteArray(32, '\1'), false, task()); }),
                 u"device.refused"_s);
    }

    void boards()
    {
        VirtualSmpOptions options;
        options.board = u"someone-elses"_s;
        Bench bench(options);
        const auto device = bench.open();
        QCOMPARE(device->facts(task()).board, u"someone-elses"_s);
        QVERIFY(!device->keys());
        QVERIFY(!device->locker());
        QVERIFY(device->firmware() && device->shell());
        QCOMPARE(faultOf([&] {
                     SmpDriver().open({bench.dut->path(), 0, u"t1-rev-x"_s}, task());
                 }),
                 u"smp.board-unknown"_s);
    }

    void nobodyThere()
    {
        QTemporaryDir folder;
        QCOMPARE(faultOf([&] { SmpDriver().open({folder.filePath(u"none"_s), 0, {}}, task()); }), u"link.no-port"_s);
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(faultOf([&] { SmpDriver().open({u"udp:127.0.0.1:9"_s, 0, {}}, task()); }), u"smp.no-answer"_s);
        QVERIFY(timer.elapsed() < 4000);
    }
};

SLIPWAY_TEST_MAIN(TestSmpDevice)
#include "tst_smpdevice.moc"
