// Memory maps, descriptors and board data: what is taken and what is refused, without any device.

#include "core/base/fault.h"
#include "drivers/dfu/dfuinterface.h"
#include "drivers/dfu/dfuselayout.h"
#include "drivers/dfu/quirks.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray json(const char *text) // with ' for "
{
    return QByteArray(text).replace('\'', '"');
}

} // namespace

class TestDfuData : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // As real parts give them.
    void maps_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("runs");
        QTest::addColumn<quint64>("last"); // end of the last run
        QTest::addColumn<QString>("rights");
        QTest::newRow("STM32F4") << u"@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg"_s << 3
                                 << quint64(0x08100000) << u"rew"_s;
        QTest::newRow("STM32F1, boot loader of libopencm3")
            << u"@Internal Flash   /0x08000000/8*001Ka,56*001Kg"_s << 2 << quint64(0x08010000) << u"rew"_s;
        QTest::newRow("STM32H7 options") << u"@Option Bytes   /0x5200201C/01*297 e"_s << 1 << quint64(0x5200201c + 297)
                                         << u"rw"_s;
        QTest::newRow("GD32VF103 options")
            << u"@Option Bytes  /0x1FFFF800/01*016 g"_s << 1 << quint64(0x1ffff810) << u"rew"_s;
        QTest::newRow("bytes") << u"@OTP Memory /0x1FFF7800/01*512Be,01*016Be"_s << 2 << quint64(0x1fff7a10) << u"rw"_s;
        QTest::newRow("two addresses") << u"@Flash/0x08000000/2*2Kg/0x20000000/1*1Mc"_s << 2 << quint64(0x20100000)
                                       << u"re"_s;
        QTest::newRow("to the last address") << u"@Flash/0xFFFFF000/4*001Kb"_s << 1 << (quint64(1) << 32) << u"e"_s;
    }
    void maps()
    {
        QFETCH(QString, text);
        QFETCH(int, runs);
        QFETCH(quint64, last);
        QFETCH(QString, rights);
        const DfuseLayout layout = DfuseLayout::parse(text);
        QCOMPARE(layout.runs.size(), runs);
        const DfuseLayout::Run run = layout.runs.last();
        QCOMPARE(run.end(), last);
        QCOMPARE(QString(run.readable ? u"r"_s : QString()) + (run.erasable ? u"e"_s : QString()) +
                     (run.writable ? u"w"_s : QString()),
                 rights);
        QVERIFY(!layout.name.contains(u'/') && !layout.name.isEmpty());
        QVERIFY(!layout.runAt(last));
        QCOMPARE(layout.regions().size(), runs);
    }

    void badMaps_data()
    {
        QTest::addColumn<QString>("text");
        for (const QString &text :
             {u""_s, u"@"_s, u"Internal Flash"_s, u"@Flash"_s, u"@Flash/0x08000000"_s, u"@Flash/08000000/4*1Kg"_s,
              u"@Flash/0x080000000/4*1Kg"_s, u"@Flash/0x08000000/4*1Kh"_s, u"@Flash/0x08000000/4*1Gg"_s,
              u"@Flash/0x08000000/0*1Kg"_s, u"@Flash/0x08000000/4*0Kg"_s, u"@Flash/0x08000000/4*1Kg,"_s,
              u"@Flash/0x08000000/-4*1Kg"_s, u"@Flash/0x08000000/9999999*1Kg"_s, u"@Flash/0xFFFFF000/5*001Kg"_s,
              u"@Flash/0x08000000/1*9999999Mg"_s, u"@Flash/0x08000000/4*1Kg/0x08000800/1*1Kg"_s,
              u"@Flash/0x08000000/4*1Kg/0x20000000"_s, u'@' + QString(600, u'x') + u"/0x08000000/4*1Kg"_s})
            QTest::newRow(qPrintable(text.left(40))) << text;
    }
    void badMaps()
    {
        QFETCH(QString, text);
        try {
            (void)DfuseLayout::parse(text);
            QFAIL("taken");
        } catch (const Fault &fault) {
            QCOMPARE(QString::fromLatin1(fault.code()), u"dfu.layout"_s);
        }
    }

    void oldDescriptor()
    {
        // DFU 1.0 has no version at its end; the descriptor may stand behind another one.
        UsbDevice device;
        UsbSetting setting;
        setting.kind = 0xfe;
        setting.subKind = 1;
        setting.protocol = 1;
        setting.extra = QByteArray("\x03\x0b\x00\x07\x21\x0d\x10\x27\x40\x00", 10);
        device.settings << setting;
        const DfuInterface interface = DfuInterface::of(device);
        QVERIFY(interface.runtime && interface.canDownload && !interface.canUpload && interface.manifestationTolerant &&
                interface.willDetach);
        QCOMPARE(interface.detachTimeout, std::chrono::milliseconds(10'000));
        QCOMPARE(interface.transferSize, 64);
        QCOMPARE(interface.version, quint16(0x0100));
    }

    void boards()
    {
        const DfuBoards boards = DfuBoards::load();
        QVERIFY(boards.names().contains(u"stm32"_s));
        UsbDevice device;
        device.vendorId = 0x28e9;
        device.productId = 0x0189;
        QCOMPARE(boards.forDevice(device).name, u"gd32"_s);
        QCOMPARE(boards.forDevice(device).maps.size(), 4);
        for (const DfuQuirks::Map &map : boards.forDevice(device).maps)
            QCOMPARE(DfuseLayout::parse(map.map).runs.first().sectorSize, quint64(1024));
        device.vendorId = 0x1234;
        QVERIFY(boards.forDevice(device).name.isEmpty());
        try {
            (void)boards.find(u"stm23"_s);
            QFAIL("found");
        } catch (const Fault &fault) {
            QVERIFY(fault.sentence().contains(u"stm32"_s));
        }
    }

    void badBoards_data()
    {
        QTest::addColumn<QByteArray>("json");
        const QByteArray head = "{\"slipway-quirks\":1,\"driver\":\"dfu\",\"boards\":{\"b\":{\"description\":\"d\","
                                "\"source\":\"s\",\"date\":\"d\",";
        QTest::newRow("no JSON") << QByteArray("{");
        QTest::newRow("list") << QByteArray("[]");
        QTest::newRow("version") << json("{'slipway-quirks':2,'driver':'dfu','boards':{}}");
        QTest::newRow("driver") << json("{'slipway-quirks':1,'driver':'smp','boards':{}}");
        QTest::newRow("no ids") << head + json("'form':'plain'}}}");
        QTest::newRow("ids") << head + json("'usb':['0483'],'form':'plain'}}}");
        QTest::newRow("form") << head + json("'usb':['0483:df11'],'form':'new'}}}");
        QTest::newRow("unknown") << head + json("'usb':['0483:df11'],'form':'plain','polls':1}}}");
        QTest::newRow("number") << head + json("'usb':['0483:df11'],'form':'plain','poll-ms':-1}}}");
        QTest::newRow("pattern") << head + json("'usb':['0483:df11'],'form':'plain','resets-after':'('}}}");
    }
    void badBoards()
    {
        QFETCH(QByteArray, json);
        try {
            (void)DfuBoards::parse(json, u"own.json"_s);
            QFAIL("taken");
        } catch (const Fault &fault) {
            QCOMPARE(QString::fromLatin1(fault.code()), u"dfu.quirks"_s);
        }
    }
};

SLIPWAY_TEST_MAIN(TestDfuData)
#include "tst_dfudata.moc"
