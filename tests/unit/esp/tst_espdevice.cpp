// The driver against a virtual chip over a real pseudo-terminal: what it is, writing, reading, erasing, starting.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/codec/espimage.h"
#include "drivers/esp/espdriver.h"
#include "drivers/virtual/virtualesp.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QRandomGenerator>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

Task brief()
{
    Task task;
    task.deadline = Deadline::in(std::chrono::seconds(60));
    return task;
}

template <typename F> QString faultOf(F f)
{
    try {
        f();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

QByteArray random(qsizetype size, quint32 seed)
{
    QRandomGenerator generator(seed);
    QByteArray out(size, Qt::Uninitialized);
    for (char &c : out)
        c = char(generator.bounded(256));
    return out;
}

const QList<EspPartition> rows{{u"nvs"_s, 1, 2, 0x9000, 0x6000, false, false},
                               {u"factory"_s, 0, 0, 0x10000, 0x100000, false, false}};

} // namespace

class TestEspDevice : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;

    std::unique_ptr<VirtualEsp> chip(EspRomOptions rom = {}, bool bootPinHeld = true)
    {
        auto out =
            std::make_unique<VirtualEsp>(VirtualEspOptions{std::move(rom), m_folder.filePath(u"esp"_s), bootPinHeld});
        out->start();
        return out;
    }
    std::unique_ptr<Device> open(const VirtualEsp &chip, const QString &board = {}, int baud = 0)
    {
        return EspDriver().open({chip.path(), baud, board}, brief());
    }

private Q_SLOTS:
    void identify_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("revision");
        QTest::addColumn<QString>("title");
        QTest::newRow("esp32") << u"esp32"_s << 301 << u"ESP32"_s;
        QTest::newRow("esp32 old") << u"esp32"_s << 100 << u"ESP32"_s;
        QTest::newRow("esp32s2") << u"esp32s2"_s << 100 << u"ESP32-S2"_s;
        QTest::newRow("esp32s3") << u"esp32s3"_s << 2 << u"ESP32-S3"_s;
        QTest::newRow("esp32c3") << u"esp32c3"_s << 104 << u"ESP32-C3"_s;
        QTest::newRow("esp32c3 high minor") << u"esp32c3"_s << 9 << u"ESP32-C3"_s;
        QTest::newRow("esp32c6") << u"esp32c6"_s << 1 << u"ESP32-C6"_s;
        QTest::newRow("esp32h2") << u"esp32h2"_s << 102 << u"ESP32-H2"_s;
    }
    void identify()
    {
        QFETCH(QString, name);
        QFETCH(int, revision);
        QFETCH(QString, title);
        EspRomOptions rom;
        rom.chip = name;
        rom.revision = revision;
        rom.mac = QByteArray::fromHex("0102c0db0506");
        rom.flashBytes = 8 * 1024 * 1024;
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        const DeviceFacts facts = device->facts(brief());
        QCOMPARE(facts.driver, u"esp"_s);
        QCOMPARE(facts.hardwareId, u"01-02-c0-db-05-06"_s);
        QCOMPARE(facts.more.value(u"chip"_s), title);
        QCOMPARE(facts.more.value(u"revision"_s), u"v%1.%2"_s.arg(revision / 100).arg(revision % 100));
        QCOMPARE(facts.more.value(u"secure-boot"_s), u"off"_s);
        QCOMPARE(facts.more.value(u"flash-encryption"_s), u"off"_s);
        QCOMPARE(*facts.locked, false);
        const auto regions = device->memory()->regions(brief());
        QCOMPARE(regions.size(), 1);
        QCOMPARE(regions[0].size, quint64(8 * 1024 * 1024));
        QCOMPARE(virtualChip->facts().counts.begins, 0); // nothing was erased to find that out
    }

    void locked()
    {
        EspRomOptions rom;
        rom.secureBoot = true;
        rom.flashEncryption = true;
        rom.secureVersion = 2;
        rom.bootDigests = {espKeyDigest()};
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        const DeviceFacts facts = device->facts(brief());
        QCOMPARE(*facts.locked, true);
        QCOMPARE(facts.more.value(u"secure-boot"_s), u"version 2"_s);
        QCOMPARE(facts.more.value(u"flash-encryption"_s), u"on"_s);
        QCOMPARE(facts.more.value(u"security-version"_s), u"2"_s);
        QVERIFY(facts.more.value(u"keys"_s).contains(u"0: SECURE_BOOT_DIGEST0"_s));
        const QByteArray image = espImage({.chipId = 5, .secureVersion = 2});
        QCOMPARE(faultOf([&] { device->memory()->write({{0x10000, image}}, {}, brief()); }), u"esp.plain-text"_s);
        QCOMPARE(faultOf([&] { device->memory()->eraseAll(brief()); }), u"esp.erase-locked"_s);
        QCOMPARE(virtualChip->facts().counts.begins, 0);
    }

    void secureDownload()
    {
        EspRomOptions rom;
        rom.secureBoot = true;
        rom.secureDownload = true;
        const auto virtualChip = chip(rom);
        QCOMPARE(faultOf([&] { open(*virtualChip); }), u"esp.flash-size"_s); // nobody says how much there is
        const auto device = open(*virtualChip, u"esp32-c3-devkitm-1"_s);
        const DeviceFacts facts = device->facts(brief());
        QCOMPARE(facts.more.value(u"secure-download"_s), u"on"_s);
        QCOMPARE(facts.hardwareId, QString());
        QCOMPARE(faultOf([&] { device->memory()->read(0, 16, brief()); }), u"esp.secure-download"_s);
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{0x10000, espImage({.chipId = 5})}}, {}, brief());
                 }),
                 u"esp.unsigned"_s);
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{0x10004, random(64, 1)}}, {}, brief());
                 }),
                 u"esp.alignment"_s);
        const QByteArray image = espSigned(espImage({.chipId = 5}));
        const auto result = device->memory()->write({{0x10000, image}}, {}, brief());
        QVERIFY(!result.verified && result.how.isEmpty());
        QCOMPARE(virtualChip->flash(0x10000, image.size()), image);
    }

    void otherChip()
    {
        EspRomOptions rom;
        rom.chip = u"esp32s3"_s;
        const auto virtualChip = chip(rom);
        QCOMPARE(faultOf([&] { open(*virtualChip, u"esp32-c3-devkitm-1"_s); }), u"esp.other-chip"_s);
        QCOMPARE(faultOf([&] { open(*virtualChip, u"esp32-x"_s); }), u"esp.board-unknown"_s);
        const auto device = open(*virtualChip, u"esp32-s3-devkitc-1"_s);
        QCOMPARE(device->facts(brief()).board, u"esp32-s3-devkitc-1"_s);
    }

    void write_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("baud");
        for (const QString &name : EspRom::chips())
            QTest::newRow(qPrintable(name)) << name << 0;
        QTest::newRow("another rate") << u"esp32c3"_s << 921600;
    }
    void write()
    {
        QFETCH(QString, name);
        QFETCH(int, baud);
        EspRomOptions rom;
        rom.chip = name;
        rom.flash = random(0x200000, 3);
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip, {}, baud);
        QCOMPARE(virtualChip->facts().baud, baud ? baud : 115200);
        const quint16 id = EspImage::idOf(name).value();
        const quint64 bootAt = name == u"esp32"_s || name == u"esp32s2"_s ? 0x1000 : 0;
        const QByteArray boot = espImage({.chipId = id, .version = {}});
        const QByteArray table = espPartitions(rows);
        const QByteArray app = espImage({.chipId = id, .payload = 600'001});
        Progress progress;
        const auto result = device->memory()->write({{bootAt, boot}, {0x8000, table}, {0x10000, app}},
                                                    Memory::WriteOptions{}, brief().at(&progress));
        QVERIFY(result.verified);
        QCOMPARE(result.how, u"MD5 by the chip"_s);
        QCOMPARE(result.bytes, boot.size() + table.size() + app.size());
        QVERIFY(result.wireBytes > 600'000); // the sample does not deflate
        QCOMPARE(progress.snapshot().fraction, 1.0);
        QCOMPARE(virtualChip->flash(quint32(bootAt), boot.size()), boot);
        QCOMPARE(virtualChip->flash(0x8000, table.size()), table);
        QCOMPARE(virtualChip->flash(0x10000, app.size()), app);
        QCOMPARE(device->memory()->read(0x10000, 1000, brief()), app.first(1000));
        // The flash memory around it is as it was.
        QCOMPARE(virtualChip->flash(0x9000, 0x1000), rom.flash.mid(0x9000, 0x1000));
        QCOMPARE(virtualChip->facts().counts.refused, 0);
    }

    // What deflates goes deflated; what does not goes as it is.
    void deflates()
    {
        const auto virtualChip = chip();
        const auto device = open(*virtualChip);
        const QByteArray soft = random(1000, 1).repeated(700);
        const auto result = device->memory()->write({{0x20000, soft}}, {}, brief());
        QVERIFY2(result.wireBytes < soft.size() / 10, qPrintable(QString::number(result.wireBytes)));
        QCOMPARE(virtualChip->flash(0x20000, soft.size()), soft);
        const QByteArray hard = random(100'000, 2);
        device->memory()->write({{0x100000, hard}}, {}, brief());
        QCOMPARE(virtualChip->flash(0x100000, hard.size()), hard);
    }

    // Pieces that do not fill sectors: what else is in their sectors before them stays, neighbours do not erase each
    // other.
    void unalignedPieces()
    {
        EspRomOptions rom;
        rom.flash = random(0x40000, 5);
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        const QByteArray a = random(301, 6), b = random(77, 7), c = random(5000, 8);
        device->memory()->write({{0x20101, a}, {0x20800, b}, {0x20ffd, c}}, {}, brief());
        QCOMPARE(virtualChip->flash(0x20101, a.size()), a);
        QCOMPARE(virtualChip->flash(0x20800, b.size()), b);
        QCOMPARE(virtualChip->flash(0x20ffd, c.size()), c);
        QCOMPARE(virtualChip->flash(0x20000, 0x101), rom.flash.mid(0x20000, 0x101));
        QCOMPARE(virtualChip->flash(0x20101 + 301, 0x800 - 0x101 - 301),
                 rom.flash.mid(0x20101 + 301, 0x800 - 0x101 - 301));
        QCOMPARE(virtualChip->flash(0x1f000, 0x1000), rom.flash.mid(0x1f000, 0x1000));
    }

    // The table that is in the chip already guards what is written.
    void presentTable()
    {
        EspRomOptions rom;
        rom.flash = QByteArray(0x8000, '\xff') + espPartitions(rows);
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        QCOMPARE(faultOf([&] {
                     device->memory()->check({{0x9000, random(0x7001, 1)}}, brief());
                 }),
                 u"esp.partition-size"_s);
        device->memory()->check({{0x9000, random(0x6000, 1)}}, brief());
        QCOMPARE(virtualChip->facts().counts.begins, 0);
    }

    void erase()
    {
        EspRomOptions rom;
        rom.flash = random(0x100000, 9);
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        device->memory()->erase(0x21010, 0x1000, brief());
        QCOMPARE(virtualChip->flash(0x21000, 0x2000), QByteArray(0x2000, '\xff'));
        QCOMPARE(virtualChip->flash(0x20000, 0x1000), rom.flash.mid(0x20000, 0x1000));
        QCOMPARE(virtualChip->flash(0x23000, 0x1000), rom.flash.mid(0x23000, 0x1000));
        device->memory()->write({{0x30010, random(100, 1)}}, {true, true}, brief());
        QCOMPARE(virtualChip->flash(0x40000, 0x1000), QByteArray(0x1000, '\xff'));
        QCOMPARE(virtualChip->flash(0x30000, 16), QByteArray(16, '\xff'));
        QCOMPARE(virtualChip->flash(0x30010, 100), random(100, 1));
        QCOMPARE(faultOf([&] { device->memory()->erase(0x400000, 1, brief()); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { device->memory()->read(0x3fffff, 2, brief()); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { device->memory()->read(0, -1, brief()); }), u"memory.outside"_s);
    }

    void startsAndResets()
    {
        {
            const auto virtualChip = chip({}, false);
            auto device = open(*virtualChip);
            QCOMPARE(faultOf([&] { device->memory()->start(0x1000, brief()); }), u"device.lacks"_s);
            device->memory()->start({}, brief());
            QVERIFY(virtualChip->facts().applicationRuns);
            QCOMPARE(faultOf([&] { device->resetter()->reset(brief()); }), u"esp.application-runs"_s);
            virtualChip->restart();
            device.reset();
            open(*virtualChip);
        }
        const auto virtualChip = chip();
        const auto device = open(*virtualChip, {}, 460800);
        device->memory()->start({}, brief());
        QCOMPARE(virtualChip->facts().restarts, 1);
        device->resetter()->reset(brief()); // BOOT is held: the loader again
        QCOMPARE(device->memory()->read(0, 4, brief()), QByteArray(4, '\xff'));
        QCOMPARE(virtualChip->facts().baud, 460800);
    }

    void stops()
    {
        EspRomOptions rom;
        rom.programTime = std::chrono::milliseconds(2);
        const auto virtualChip = chip(rom);
        const auto device = open(*virtualChip);
        std::stop_source source;
        Task task = brief();
        task.stop = source.get_token();
        Progress progress({}, [&] { source.request_stop(); });
        QCOMPARE(faultOf([&] { device->memory()->write({{0, random(1, 0)}}, {}, task); }), u"esp.image-place"_s);
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{0x20000, random(200'000, 1)}}, {}, task.at(&progress));
                 }),
                 u"base.stopped"_s);
    }
};

SLIPWAY_TEST_MAIN(TestEspDevice)
#include "tst_espdevice.moc"
