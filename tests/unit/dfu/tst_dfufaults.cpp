// What goes wrong: cables pulled at each stage, devices that lie, fail, fall silent or are in odd states. Each ends in
// one sentence with a remedy, and the same unit can be done again.

#include "tests/support/dfubench.h"
#include "tests/support/testmain.h"

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint32 flash = 0x08000000;
using Stage = VirtualDfu::Stage;

// Fast to give up, for devices that do not come back or answer.
class Impatient
{
public:
    Impatient()
    {
        m_file.setFileName(m_folder.filePath(u"quirks.json"_s));
        if (m_file.open(QIODevice::WriteOnly))
            m_file.write(R"({ "slipway-quirks": 1, "driver": "dfu", "boards": {
                "here": { "description": "d", "source": "s", "date": "2026-11-21", "usb": [ "0483:df11" ],
                          "form": "dfuse", "return-seconds": 1, "erase-seconds": 1 },
                "there": { "description": "d", "source": "s", "date": "2026-11-21", "usb": [ "1209:*" ],
                           "form": "plain", "return-seconds": 1, "erase-seconds": 1 } } })");
        m_file.close();
        qputenv("SLIPWAY_DFU_QUIRKS", m_file.fileName().toLocal8Bit());
    }
    ~Impatient() { qunsetenv("SLIPWAY_DFU_QUIRKS"); }

private:
    QTemporaryDir m_folder;
    QFile m_file;
};

} // namespace

class TestDfuFaults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!UsbBed::isPreloaded())
            QSKIP("umockdev's preload library is not loaded");
    }

    void cableDfuse_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<int>("nth");
        QTest::addColumn<QString>("reached"); // what the driver said it was at
        QTest::newRow("first erase") << int(Stage::Erase) << 1 << u"erase"_s;
        QTest::newRow("later erase") << int(Stage::Erase) << 2 << u"erase"_s;
        QTest::newRow("first block") << int(Stage::Write) << 1 << u"write"_s;
        QTest::newRow("a block") << int(Stage::Write) << 7 << u"write"_s;
        QTest::newRow("last block") << int(Stage::Write) << 11 << u"write"_s;
        QTest::newRow("first look") << int(Stage::Upload) << 1 << u"check"_s;
        QTest::newRow("look at the second sector") << int(Stage::Upload) << 2 << u"check"_s;
        QTest::newRow("verify begins") << int(Stage::Upload) << 3 << u"verify"_s;
        QTest::newRow("verify ends") << int(Stage::Upload) << 13 << u"verify"_s;
    }
    void cableDfuse()
    {
        QFETCH(int, stage);
        QFETCH(int, nth);
        const QByteArray bytes = someBytes(20'500);
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, QByteArray(64 * 1024, 'x')); // used before
        const auto opened = openDfu();
        device.cutAt(Stage(stage), nth);
        WriteStage reached = WriteStage::Restarting;
        Memory::WriteOptions options;
        options.stage = [&reached](WriteStage at) { reached = at; };
        QCOMPARE(faultOf([&] {
                     opened->memory()->write({{flash, bytes}}, options, withinSeconds(20));
                 }),
                 u"link.gone"_s);
        QTEST(toString(reached), "reached");
        // Not plugged in yet.
        QTRY_COMPARE(bed.addressOf(dfuPlace), 0);
        QCOMPARE(faultOf([&] { opened->memory()->write({{flash, bytes}}, {}, withinSeconds(20)); }), u"link.no-port"_s);
        bed.plug(device, dfuPlace);
        QVERIFY(opened->memory()->write({{flash, bytes}}, {}, withinSeconds(20)).verified);
        QCOMPARE(device.memory(flash, bytes.size()), bytes);
        // And so does one that is opened anew.
        openDfu()->memory()->write({{flash, "other"}}, {}, withinSeconds(20));
        QCOMPARE(device.memory(flash, 5), QByteArray("other"));
    }

    void cablePlain_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<int>("nth");
        QTest::addColumn<QString>("code");
        QTest::newRow("detach") << int(Stage::Detach) << 1 << u"dfu.no-return"_s;
        QTest::newRow("first block") << int(Stage::Write) << 1 << u"link.gone"_s;
        QTest::newRow("a block") << int(Stage::Write) << 5 << u"link.gone"_s;
        QTest::newRow("manifestation") << int(Stage::Manifest) << 1 << u"dfu.no-return"_s;
    }
    void cablePlain()
    {
        QFETCH(int, stage);
        QFETCH(int, nth);
        QFETCH(QString, code);
        const Impatient impatient;
        VirtualDfu device(withRuntime(plainOptions()));
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.cutAt(Stage(stage), nth);
        const QByteArray bytes = someBytes(2000);
        const auto run = [&] { openDfu()->firmware()->write(bytes, {}, withinSeconds(20)); };
        QCOMPARE(faultOf(run), code);
        QTRY_COMPARE(bed.addressOf(dfuPlace), 0);
        bed.plug(device, dfuPlace);
        QCOMPARE(faultOf(run), u"none"_s);
        QCOMPARE(device.image(0), bytes);
    }

    // It goes for its boot loader and never comes back; then somebody plugs it in again.
    void lostInReenumeration()
    {
        const Impatient impatient;
        VirtualDfu device(withRuntime(plainOptions()));
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.staysGone();
        QString text;
        QCOMPARE(faultOf([] { openDfu(); }, &text), u"dfu.no-return"_s);
        QCOMPARE(text, u"The device did not come back within 1.0 s after this: it was to start its boot loader. "
                       "Unplug it, plug it in again, then try again."_s);
        bed.plug(device, dfuPlace);
        QCOMPARE(faultOf([] { openDfu()->firmware()->write("image", {}, withinSeconds(20)); }), u"none"_s);
    }

    void applicationStays()
    {
        const Impatient impatient;
        VirtualDfu device(withRuntime(plainOptions()));
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.staysRuntime();
        QCOMPARE(faultOf([] { openDfu(); }), u"dfu.no-detach"_s);
        device.staysRuntime(false);
        QCOMPARE(faultOf([] { openDfu(); }), u"none"_s);
    }

    // As other programs, or a station that was switched off, leave it.
    void oddStates_data()
    {
        QTest::addColumn<int>("state");
        QTest::newRow("dfuERROR") << 10;
        QTest::newRow("dfuDNLOAD-IDLE") << 5;
        QTest::newRow("dfuUPLOAD-IDLE") << 9;
        QTest::newRow("dfuMANIFEST-SYNC") << 6;
    }
    void oddStates()
    {
        QFETCH(int, state);
        VirtualDfu device(plainOptions());
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setState(quint8(state), state == 10 ? 0x0f : 0);
        openDfu()->firmware()->write("image", {}, withinSeconds(20));
        QCOMPARE(device.image(0), QByteArray("image"));
    }

    void waitsForReset()
    {
        VirtualDfuOptions options = plainOptions();
        options.manifestationTolerant = false;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setState(8);
        QCOMPARE(faultOf([] { openDfu(); }), u"dfu.state"_s);
        bed.unplug(dfuPlace);
        bed.plug(device, dfuPlace);
        QCOMPARE(faultOf([] { openDfu(); }), u"none"_s);
    }

    void failures_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<int>("status");
        QTest::addColumn<QString>("text");
        QTest::newRow("erase") << int(Stage::Erase) << 4
                               << u"The device could not erase 0x08000000: the memory cannot be erased. "
                                  "Check that the file is for this part, then try again."_s;
        QTest::newRow("write") << int(Stage::Write) << 6
                               << u"The device could not write at 0x08000000: the memory cannot be programmed. "
                                  "Check that the file is for this part, then try again."_s;
        QTest::newRow("verify") << int(Stage::Upload) << 0x0e
                                << u"The device could not read at 0x08000000: an unknown error. "
                                   "Check that the file is for this part, then try again."_s;
        QTest::newRow("locked") << int(Stage::Erase) << 0x0b
                                << u"The device's memory is protected: it refused to erase 0x08000000. "
                                   "Take the protection off first, which erases the device, or choose another unit."_s;
        QTest::newRow("unheard of") << int(Stage::Erase) << 0x77
                                    << u"The device could not erase 0x08000000: error 119. "
                                       "Check that the file is for this part, then try again."_s;
    }
    void failures()
    {
        QFETCH(int, stage);
        QFETCH(int, status);
        QFETCH(QString, text);
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.setMemory(flash, QByteArray(100, 'x'));
        device.failAt(Stage(stage), quint8(status));
        const auto opened = openDfu();
        QString said;
        faultOf([&] { opened->memory()->write({{flash, "image"}}, {}, withinSeconds(20)); }, &said);
        QCOMPARE(said, text);
        opened->memory()->write({{flash, "image"}}, {}, withinSeconds(20));
        QCOMPARE(device.memory(flash, 5), QByteArray("image"));
    }

    void manifestationFails()
    {
        VirtualDfu device(plainOptions());
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.failAt(Stage::Manifest, 0x07);
        const auto opened = openDfu();
        QString said;
        faultOf([&] { opened->firmware()->write("image", {}, withinSeconds(20)); }, &said);
        QVERIFY2(said.startsWith(u"The device could not take the image over: what was written does not compare."_s),
                 qPrintable(said));
        opened->firmware()->write("image", {}, withinSeconds(20));
        QCOMPARE(device.image(0), QByteArray("image"));
    }

    void storesWrongly()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.flipBit(flash + 5000);
        QString said;
        faultOf([&] { openDfu()->memory()->write({{flash, someBytes(9000)}}, {}, withinSeconds(20)); }, &said);
        QCOMPARE(said, u"What the device holds at 0x08001388 is not what was written. "
                       "Try again; if it stays, the unit's memory is faulty."_s);
    }

    void givesTooLittle()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        device.shortUploads();
        QCOMPARE(faultOf([&] {
                     openDfu()->memory()->write({{flash, "image"}}, {}, withinSeconds(20));
                 }),
                 u"dfu.short"_s);
    }

    void fallsSilent()
    {
        const Impatient impatient;
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        device.silentFrom(9);
        Task task = withinSeconds(1);
        QCOMPARE(faultOf([&] { opened->memory()->write({{flash, someBytes(9000)}}, {}, task); }), u"base.timeout"_s);
        device.powerCycle();
        opened->memory()->write({{flash, someBytes(9000)}}, {}, withinSeconds(20));
        QCOMPARE(device.memory(flash, 9000), someBytes(9000));
    }

    void stopped()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        device.silentFrom(9);
        std::stop_source source;
        Task task = withinSeconds(60);
        task.stop = source.get_token();
        const int before = device.facts().requests;
        const std::jthread person([&](const std::stop_token &over) {
            while (device.facts().requests < before + 10 && !over.stop_requested())
                std::this_thread::yield();
            source.request_stop();
        });
        QCOMPARE(faultOf([&] { opened->memory()->write({{flash, someBytes(9000)}}, {}, task); }), u"base.stopped"_s);
    }

    void endlessWork()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        device.busyForever();
        device.pollTimeout(10);
        QCOMPARE(faultOf([&] {
                     opened->memory()->write({{flash, "image"}}, {}, withinSeconds(1));
                 }),
                 u"base.timeout"_s);
    }

    // 0xffffff ms are four hours.
    void absurdPollTimeout()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        device.pollTimeout(0xffffff);
        QString said;
        QCOMPARE(faultOf(
                     [&] {
                         opened->memory()->write({{flash, "image"}}, {}, withinSeconds(20));
                     },
                     &said),
                 u"dfu.poll"_s);
        QCOMPARE(said, u"The device asks the station to wait for 279 min 37 s, which cannot be meant. "
                       "Check the version of its boot loader; set \"poll-ms\" in the board's data."_s);
    }

    void descriptors_data()
    {
        QTest::addColumn<QByteArray>("functional");
        QTest::addColumn<QString>("text");
        const QString end = u". Check the version of its boot loader; it cannot be used over USB like that."_s;
        QTest::newRow("transfer size 0") << QByteArray("\x09\x21\x0b\xff\x00\x00\x00\x1a\x01", 9)
                                         << u"The device describes itself wrongly: it states a transfer size of 0"_s +
                                                end;
        QTest::newRow("none") << QByteArray()
                              << u"The device describes itself wrongly: it has no DFU functional descriptor"_s + end;
        QTest::newRow("short") << QByteArray("\x05\x21\x0b\xff\x00", 5)
                               << u"The device describes itself wrongly: its DFU functional descriptor has 5 bytes"_s +
                                      end;
    }
    void descriptors()
    {
        QFETCH(QByteArray, functional);
        QFETCH(QString, text);
        VirtualDfu device;
        device.functional(functional);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        QString said;
        QCOMPARE(faultOf([] { openDfu(); }, &said), u"dfu.descriptor"_s);
        QCOMPARE(said, text);
    }

    void wrongAddresses()
    {
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto memory = openDfu();
        const auto write = [&](quint64 at, qsizetype size) {
            return faultOf([&] { memory->memory()->write({{at, QByteArray(size, 'x')}}, {}, withinSeconds(20)); });
        };
        QCOMPARE(write(0x20000000, 4), u"memory.outside"_s);
        QCOMPARE(write(flash + 0xffffe, 4), u"memory.outside"_s);
        QCOMPARE(write(flash - 4, 8), u"memory.outside"_s);
        QCOMPARE(write(flash, 0), u"firmware.empty"_s);
        QCOMPARE(faultOf([&] { (void)memory->memory()->read(flash + 0xffffe, 4, withinSeconds(5)); }),
                 u"memory.outside"_s);
        QCOMPARE(faultOf([&] { (void)memory->memory()->read(flash, -1, withinSeconds(5)); }), u"memory.outside"_s);
        QCOMPARE(device.facts().erased, 0);
    }

    // The map says more than there is: the chip refuses, and says so at the address.
    void mapThatLies()
    {
        VirtualDfuOptions options;
        options.alternates = {u"@Internal Flash  /0x08000000/04*016Ka"_s};
        VirtualDfu readOnly(options);
        UsbBed bed;
        bed.plug(readOnly, dfuPlace);
        QCOMPARE(faultOf([] {
                     openDfu()->memory()->write({{flash, "x"}}, {}, withinSeconds(5));
                 }),
                 u"memory.read-only"_s);
    }

    void somethingElse()
    {
        VirtualDfuOptions options;
        options.alternates = {u"Serial port"_s};
        VirtualDfu device(options); // states DfuSe, names no memory: plain DFU
        UsbBed bed;
        bed.plug(device, dfuPlace);
        QVERIFY(openDfu()->firmware());
    }
};

SLIPWAY_TEST_MAIN(TestDfuFaults)
#include "tst_dfufaults.moc"
