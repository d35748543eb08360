// What OpenOCD says, taken apart: answers among other output, tables, numbers, and what its log gives away. The logs
// are OpenOCD 0.12.0's own, of Debian 12, in tests/data/probe.

#include "core/base/fault.h"
#include "drivers/probe/openocdanswer.h"
#include "drivers/probe/tclword.h"
#include "tests/support/testmain.h"

#include <QFile>

using namespace slipway;
using namespace slipway::openocd;
using namespace Qt::StringLiterals;

class TestOpenOcdAnswer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void answers()
    {
        QCOMPARE(parseAnswer("7 0 dummy", 7)->text, QByteArray("dummy"));
        QVERIFY(parseAnswer("7 0 dummy", 7)->ok);
        QVERIFY(!parseAnswer("7 1 invalid command name \"foo\"", 7)->ok);
        QVERIFY(!parseAnswer("7 -902 ", 7)->ok); // OpenOCD's own
        QCOMPARE(parseAnswer("7 0 ", 7)->text, QByteArray());
        QCOMPARE(parseAnswer("7 0", 7)->text, QByteArray());
        QCOMPARE(parseAnswer("7 0 a\nb 7 0 c", 7)->text, QByteArray("a\nb 7 0 c"));
        // A script printed something.
        QCOMPARE(parseAnswer("hello\n17 0 no\n7 0 yes", 7)->text, QByteArray("yes"));
        for (const QByteArray bad : {"", "7", "7 ", "8 0 x", "7 x", "77 0 x", "hello7 0 x", "7 0x"})
            QVERIFY2(!parseAnswer(bad, 7), bad.constData());
        QVERIFY(!parseAnswer("7 0 " + QByteArray(longestAnswer, 'x'), 7));
    }

    void banks()
    {
        const auto list = parseBanks("stm32f1x.flash 134217728 131072\nstm32l4x.otp 536834048 1024\n");
        QVERIFY(list);
        QCOMPARE(list->size(), 2);
        QCOMPARE(list->at(0).at, quint64(0x08000000));
        QCOMPARE(list->at(1).name, u"stm32l4x.otp"_s);
        QVERIFY(parseBanks("")->isEmpty());
        for (const QByteArray bad : {"a b", "a 1 2 3", "a 1 x", "a -1 2", "a 4294967296 1", "a 0 99999999999"})
            QVERIFY2(!parseBanks(bad), bad.constData());
        QVERIFY(!parseBanks(QByteArray("a 1 2\n").repeated(100)));
    }

    void sectors()
    {
        QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/probe/flash-info-f103.txt"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const auto list = parseSectors(file.readAll());
        QVERIFY(list);
        QCOMPARE(list->size(), 128);
        QCOMPARE(list->last().offset, quint64(127 * 1024));
        QCOMPARE(list->last().size, quint64(1024));
        const auto two = parseSectors("\t#  0: 0x00000000 (0x4000 16kB) not protected\n"
                                      "\t#  1: 0x00004000 (0x20000 128kB) protected\n");
        QVERIFY(two && *two->at(1).isProtected && !*two->at(0).isProtected);
        for (const QByteArray bad :
             {"", "nothing", "\t#  1: 0x0 (0x400 1kB) x", "\t#  0: 0x400 (0x400 1kB) x", "\t#  0: 0x0 (0x0 0kB) x",
              "\t#  0: 0x0 (0xffffffffffffffff 1kB) x", "\t#  0: 0x0 (0x400 1kB) x\n\t#  1: 0x500 (0x400 1kB) x"})
            QVERIFY2(!parseSectors(bad), bad.constData());
    }

    void words()
    {
        QCOMPARE(parseWords("0x411fc231 0x0", 2), (QList<quint32>{0x411fc231, 0}));
        QCOMPARE(parseWords("17", 1), QList<quint32>{17});
        for (const QByteArray bad : {"", "0x1", "0x1 0x2 0x3", "0x1 x", "0x1 0x100000000", "0x1 -2"})
            QVERIFY2(!parseWords(bad, 2), bad.constData());
    }

    void logs_data()
    {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("code");
        QTest::newRow("no CMSIS-DAP probe") << u"no-cmsis-dap"_s << u"probe.no-probe"_s;
        QTest::newRow("no ST-LINK") << u"no-st-link"_s << u"probe.no-probe"_s;
        QTest::newRow("no J-Link") << u"no-j-link"_s << u"probe.no-probe"_s;
        QTest::newRow("no script") << u"no-script"_s << u"probe.script"_s;
        QTest::newRow("no power") << u"no-power"_s << u"probe.no-target"_s;
        QTest::newRow("another chip") << u"other-chip"_s << u"probe.wrong-chip-id"_s;
        QTest::newRow("nobody there") << u"no-bitbang"_s << u"probe.no-probe"_s;
        QTest::newRow("good") << u"good"_s << QString();
    }

    void logs()
    {
        QFETCH(QString, file);
        QFETCH(QString, code);
        QFile log(QStringLiteral(SLIPWAY_TEST_DATA "/probe/%1.log").arg(file));
        QVERIFY(log.open(QIODevice::ReadOnly));
        const auto trouble = troubleIn(log.readAll());
        QCOMPARE(trouble ? QString::fromLatin1(trouble->code) : QString(), code);
    }

    // As its sources word them; none of these could be had here.
    void wordings_data()
    {
        QTest::addColumn<QByteArray>("line");
        QTest::addColumn<QString>("code");
        QTest::newRow("permission") << QByteArray("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS")
                                    << u"link.usb-permission"_s;
        QTest::newRow("busy") << QByteArray("Error: libusb_claim_interface() failed: LIBUSB_ERROR_BUSY")
                              << u"link.busy"_s;
        QTest::newRow("unplugged") << QByteArray("Error: error reading data: LIBUSB_ERROR_NO_DEVICE") << u"link.gone"_s;
        QTest::newRow("voltage")
            << QByteArray("Info : Target voltage: 0.012\nError: target voltage may be too low for reliable debugging")
            << u"probe.no-power"_s;
        QTest::newRow("hla id") << QByteArray(
                                       "Warn : UNEXPECTED idcode: 0x2ba01477\nError: expected 1 of 1: 0x1ba01477")
                                << u"probe.wrong-chip-id"_s;
        QTest::newRow("SWD") << QByteArray("Error: Error connecting DP: cannot read IDR") << u"probe.no-target"_s;
        QTest::newRow("hla") << QByteArray("Error: init mode failed (unable to connect to the target)")
                             << u"probe.no-target"_s;
    }

    void wordings()
    {
        QFETCH(QByteArray, line);
        QFETCH(QString, code);
        QCOMPARE(QString::fromLatin1(troubleIn(line)->code), code);
    }

    void voltage()
    {
        QCOMPARE(voltageIn("Info : Target voltage: 3.248529"), u"3.25 V"_s);
        QCOMPARE(voltageIn("Info : VTref = 3.300 V"), u"3.30 V"_s);
        QCOMPARE(voltageIn("nothing"), QString());
    }

    void errors()
    {
        QCOMPARE(errorsOf("Info : a\nError: stm32x device protected\nError: failed erasing sectors 0 to 58\n"),
                 u"stm32x device protected; failed erasing sectors 0 to 58"_s);
        QVERIFY(errorsOf(QByteArray("Error: ") + QByteArray(10'000, 'x')).size() < 200);
    }

    // Nothing that Tcl understands gets through.
    void nothingIsSmuggled()
    {
        for (const char *text : {"", "a b", "[exec id]", "$x", "a;b", "a{b", "a}b", "a\\b", "\"", "a\nb", "..",
                                 "a/../b", "a\x1a", "\xc3\xa9"}) {
            QVERIFY2(!isTclWord(QString::fromUtf8(text)), text);
            QVERIFY_EXCEPTION_THROWN(tclWord(QString::fromUtf8(text)), Fault);
        }
        QVERIFY(!isTclWord(QString(129, u'a')));
        QCOMPARE(tclWord(u"066CFF495087534867123456"_s), QByteArray("{066CFF495087534867123456}"));
        QCOMPARE(tclNumber(0x08000000), QByteArray("0x8000000"));
    }
};

SLIPWAY_TEST_MAIN(TestOpenOcdAnswer)
#include "tst_openocdanswer.moc"
