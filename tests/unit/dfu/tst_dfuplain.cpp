// The driver against virtual devices of plain DFU 1.1: detach, re-enumeration, download, manifestation, upload, reset.

#include "tests/support/dfubench.h"
#include "tests/support/dfufiles.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

class TestDfuPlain : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (!UsbBed::isPreloaded())
            QSKIP("umockdev's preload library is not loaded");
    }

    void images()
    {
        VirtualDfu device(plainOptions());
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        QVERIFY(opened->firmware() && opened->blobs() && opened->resetter());
        QVERIFY(!opened->memory() && !opened->eraser() && !opened->locker());
        const auto images = opened->firmware()->imageSlots(withinSeconds(5));
        QCOMPARE(images.size(), 2);
        QCOMPARE(images[1].image, 1);
        QCOMPARE(opened->facts(withinSeconds(5)).more.value(u"alternates"_s), u"0: Application; 1: Radio"_s);
        QVERIFY(!opened->firmware()->capacity(0, withinSeconds(5)));
    }

    void writeAndReadBack()
    {
        VirtualDfuOptions options = plainOptions();
        options.writeTime = 2ms;
        options.manifestTime = 20ms;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        const QByteArray one = someBytes(256 * 9), two = someBytes(1001, 2);
        QCOMPARE(opened->firmware()->write(one, {}, withinSeconds(20)).bytes, qint64(one.size()));
        opened->firmware()->write(two, {.image = 1}, withinSeconds(20));
        QCOMPARE(device.image(0), one);
        QCOMPARE(device.image(1), two);
        QCOMPARE(device.facts().manifests, 2);
        QCOMPARE(device.facts().earlyPolls, 0);
        QCOMPARE(device.facts().refused, 0);
        QCOMPARE(opened->blobs()->read(Blobs::Kind::File, u"Application"_s, withinSeconds(20)), one);
        QCOMPARE(opened->blobs()->read(Blobs::Kind::File, u"1"_s, withinSeconds(20)), two);
        opened->blobs()->write(Blobs::Kind::File, u"Radio"_s, one, withinSeconds(20));
        QCOMPARE(device.image(1), one);
        QCOMPARE(faultOf([&] { (void)opened->blobs()->read(Blobs::Kind::File, u"Boot"_s, withinSeconds(5)); }),
                 u"dfu.alternate"_s);
        QCOMPARE(faultOf([&] { opened->firmware()->write(one, {.image = 2}, withinSeconds(5)); }), u"dfu.alternate"_s);
    }

    void detach_data()
    {
        QTest::addColumn<bool>("willDetach");
        QTest::newRow("by itself") << true;
        QTest::newRow("at a USB reset") << false;
    }
    void detach()
    {
        QFETCH(bool, willDetach);
        VirtualDfuOptions options = withRuntime(plainOptions());
        options.willDetach = willDetach;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto ports = DfuDriver().ports();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports[0].why, u"An application that can start its boot loader with DFU."_s);
        {
            const auto opened = openDfu(u"usb:1209:df10"_s);
            QVERIFY(!device.facts().runtime);
            const DeviceFacts facts = opened->facts(withinSeconds(5));
            QCOMPARE(facts.more.value(u"usb-id"_s), u"1209:df11"_s);
            QCOMPARE(facts.more.value(u"usb-id-application"_s), u"1209:df10"_s);
            opened->firmware()->write("application 2", {}, withinSeconds(20));
            QCOMPARE(device.image(0), QByteArray("application 2"));
            opened->resetter()->reset(withinSeconds(20));
            QVERIFY(device.facts().runtime);
            // And in again, with the same object.
            opened->firmware()->write("application 3", {}, withinSeconds(20));
            QCOMPARE(device.image(0), QByteArray("application 3"));
        }
        // Whoever was taken into the boot loader is let out of it.
        QTRY_VERIFY(device.facts().runtime);
    }

    // A device that cannot talk while it takes the image over is reset by the host (section 6.1.1).
    void notTolerant()
    {
        VirtualDfuOptions options = withRuntime(plainOptions());
        options.manifestationTolerant = false;
        options.manifestTime = 50ms;
        options.startInRuntime = false;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        openDfu()->firmware()->write("image", {}, withinSeconds(20));
        QCOMPARE(device.image(0), QByteArray("image"));
        QCOMPARE(device.facts().refused, 0);
        QVERIFY(device.facts().runtime);
    }

    void suffix()
    {
        VirtualDfu device(withRuntime(plainOptions()));
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        const auto write = [&](const QByteArray &file) {
            return faultOf([&] { opened->firmware()->write(file, {}, withinSeconds(20)); });
        };
        QCOMPARE(write(withDfuSuffix("for the loader", 0x1209, 0xdf11)), u"none"_s);
        QCOMPARE(device.image(0), QByteArray("for the loader"));
        QCOMPARE(write(withDfuSuffix("for the application", 0x1209, 0xdf10)), u"none"_s);
        QCOMPARE(write(withDfuSuffix("for all", 0xffff, 0xffff)), u"none"_s);
        QString text;
        QCOMPARE(
            faultOf([&] { opened->firmware()->write(withDfuSuffix("another", 0x0483, 0xdf11), {}, withinSeconds(20)); },
                    &text),
            u"dfu.other-device"_s);
        QCOMPARE(text, u"The file is for USB device 0483:df11, and this one is 1209:df10 or 1209:df11. "
                       "Choose the file that is made for this device."_s);
        QByteArray damaged = withDfuSuffix("for the loader", 0x1209, 0xdf11);
        damaged[3] = 'x';
        QCOMPARE(write(damaged), u"codec.dfu"_s);
        QCOMPARE(write(dfuseFile({{0, {}, {{0, "x"}}}}, 0x1209, 0xdf11)), u"dfu.form"_s);
        QCOMPARE(write(withDfuSuffix("", 0x1209, 0xdf11)), u"firmware.empty"_s);
        QCOMPARE(write({}), u"firmware.empty"_s);
        QCOMPARE(device.image(0), QByteArray("for all"));
    }

    void refusals()
    {
        VirtualDfuOptions options = plainOptions();
        options.imageSize = 1000;
        options.canUpload = false;
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, dfuPlace);
        const auto opened = openDfu();
        QString text;
        QCOMPARE(faultOf([&] { opened->firmware()->write(someBytes(2000), {}, withinSeconds(20)); }, &text),
                 u"dfu.refused"_s);
        QCOMPARE(text, u"The device could not take byte 768 of the image: the address is out of range. "
                       "Check that the file is for this part, then try again."_s);
        opened->firmware()->write(someBytes(1000), {}, withinSeconds(20));
        QCOMPARE(device.image(0), someBytes(1000));
        const auto blobs = opened->blobs();
        QCOMPARE(faultOf([&] { (void)blobs->read(Blobs::Kind::File, u"0"_s, withinSeconds(5)); }), u"device.lacks"_s);
        QCOMPARE(faultOf([&] { (void)blobs->read(Blobs::Kind::Setting, u"0"_s, withinSeconds(5)); }),
                 u"device.lacks"_s);
        QCOMPARE(faultOf([&] { opened->firmware()->erase(0, 0, withinSeconds(5)); }), u"device.lacks"_s);
    }
};

SLIPWAY_TEST_MAIN(TestDfuPlain)
#include "tst_dfuplain.moc"
