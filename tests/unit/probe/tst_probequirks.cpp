// The built-in data holds together and fits the OpenOCD that is installed and the udev rules; a station's own file
// extends it, and cannot smuggle anything into OpenOCD.

#include "core/base/fault.h"
#include "drivers/probe/probedriver.h"
#include "drivers/probe/probequirks.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray withBoard(const QByteArray &members)
{
    return R"({"slipway-quirks": 1, "driver": "probe", "boards": {"x": {"description": "d", "source": "s", "date": "d", )" +
           members + "}}}";
}

QString troubleOf(const QByteArray &json)
{
    try {
        ProbeQuirks::parse(json, u"f"_s, ProbeQuirks::load());
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code()) + u' ' + fault.sentence();
    }
    return {};
}

} // namespace

class TestProbeQuirks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void builtIn()
    {
        const ProbeQuirks quirks = ProbeQuirks::load();
        QVERIFY(quirks.boards().size() > 15);
        for (const ProbeBoard &board : quirks.boards()) {
            QVERIFY2(QFile::exists(u"/usr/share/openocd/scripts/"_s + board.script), qPrintable(board.script));
            QVERIFY2(board.ids.isEmpty() == (board.identity.at == 0), qPrintable(board.name));
        }
        for (const ProbeKind &kind : quirks.kinds())
            QVERIFY2(QFile::exists(u"/usr/share/openocd/scripts/"_s + kind.script), qPrintable(kind.script));
        // No chip is taken for two boards.
        for (const ProbeBoard &one : quirks.boards()) {
            for (const ProbeBoard &other : quirks.boards()) {
                if (one.name == other.name || one.core == 0 || one.core != other.core ||
                    one.identity.at != other.identity.at)
                    continue;
                for (const quint32 id : one.ids.keys())
                    QVERIFY2(!other.ids.contains(id), qPrintable(one.name + u' ' + other.name));
            }
        }
    }

    void probesAreInTheRules()
    {
        QFile file(QStringLiteral(SLIPWAY_SOURCE_DIR "/installer/70-slipway.rules"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QString rules = QString::fromUtf8(file.readAll());
        const ProbeQuirks quirks = ProbeQuirks::load();
        for (const ProbeKind &kind : quirks.kinds()) {
            for (const QString &id : kind.ids) {
                const QString vendor = u"ATTR{idVendor}==\"%1\""_s.arg(id.left(4));
                const QString product = id.endsWith(u'*') ? QString() : id.mid(5);
                bool found = false;
                for (const QString &line : rules.split(u'\n'))
                    found = found || (line.contains(vendor) && line.contains("uaccess"_L1) && line.contains(product));
                QVERIFY2(found, qPrintable(id));
            }
        }
    }

    void capabilities()
    {
        const ProbeDriver driver;
        QVERIFY(driver.capabilities(QString()).contains(Capability::Lock));
        QVERIFY(driver.capabilities(u"stm32f1"_s).contains(Capability::Lock));
        QVERIFY(!driver.capabilities(u"nrf51"_s).contains(Capability::Lock));
        QVERIFY(driver.capabilities(u"nrf51"_s).contains(Capability::Memory));
        try {
            driver.capabilities(u"stm32f11"_s);
            QFAIL("a board that there is not");
        } catch (const Fault &fault) {
            QCOMPARE(QString::fromLatin1(fault.code()), u"probe.board-unknown"_s);
            QVERIFY(fault.sentence().contains("Did you mean \"stm32f1\"?"_L1));
        }
    }

    void ownBoards()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath(u"own.json"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(withBoard(
            R"("like": "stm32f4", "speed-khz": 4000, "work-area": false, "ram": {"at": "0x20000000", "kib": 64})"));
        file.close();
        qputenv("SLIPWAY_PROBE_QUIRKS", file.fileName().toLocal8Bit());
        const ProbeQuirks quirks = ProbeQuirks::load();
        qunsetenv("SLIPWAY_PROBE_QUIRKS");
        const ProbeBoard &board = quirks.board(u"x"_s);
        QCOMPARE(board.script, u"target/stm32f4x.cfg"_s);
        QCOMPARE(board.speed, 4000);
        QVERIFY(!board.workArea);
        QCOMPARE(board.ramSize, quint32(64 * 1024));
        QVERIFY(board.protection);
        QVERIFY(board.ids.contains(0x413));
        QCOMPARE(board.core, quint32(0)); // a product is not told from its chip
        QVERIFY(quirks.boardNames().contains(u"stm32f4"_s));
    }

    void wrongFiles_data()
    {
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("part");
        QTest::newRow("no JSON") << QByteArray("{") << u"line 1"_s;
        QTest::newRow("another driver") << QByteArray(R"({"slipway-quirks": 1, "driver": "dfu"})") << u"driver"_s;
        QTest::newRow("unknown member") << withBoard(R"("script": "target/a.cfg", "speed-kz": 3)") << u"speed-khz"_s;
        QTest::newRow("script elsewhere") << withBoard(R"("script": "/tmp/evil.cfg")") << u"x.script"_s;
        QTest::newRow("script above") << withBoard(R"("script": "target/../../../tmp/evil.cfg")") << u"x.script"_s;
        QTest::newRow("script with Tcl") << withBoard(R"("script": "target/a.cfg; exec id; .cfg")") << u"x.script"_s;
        QTest::newRow("bracket") << withBoard(R"("script": "target/[exec].cfg")") << u"x.script"_s;
        QTest::newRow("driver with Tcl")
            << withBoard(R"("like": "stm32f1", "protection": {"at": "0x40000000", "driver": "exec id;"})")
            << u"protection.driver"_s;
        QTest::newRow("no address") << withBoard(R"("like": "stm32f1", "unique-id": "here")") << u"unique-id"_s;
        QTest::newRow("like nothing") << withBoard(R"("like": "stm32f19")") << u"Did you mean \"stm32f1\"?"_s;
        QTest::newRow("speed") << withBoard(R"("like": "stm32f1", "speed-khz": 0)") << u"speed-khz"_s;
        QTest::newRow("probe's script")
            << QByteArray(
                   R"({"slipway-quirks": 1, "driver": "probe", "probes": {"p": {"description": "d", "source": "s",
                          "date": "d", "usb": ["1234:5678"], "script": "board/x.cfg"}}})")
            << u"probes.p.script"_s;
        QTest::newRow("probe's transport")
            << QByteArray(
                   R"({"slipway-quirks": 1, "driver": "probe", "probes": {"p": {"description": "d", "source": "s",
                          "date": "d", "usb": ["1234:5678"], "script": "interface/x.cfg", "transport": "swd; exec"}}})")
            << u"probes.p.transport"_s;
    }

    void wrongFiles()
    {
        QFETCH(QByteArray, json);
        QFETCH(QString, part);
        const QString trouble = troubleOf(json);
        QVERIFY2(trouble.startsWith("probe.quirks "_L1) && trouble.contains(part), qPrintable(trouble));
    }
};

SLIPWAY_TEST_MAIN(TestProbeQuirks)
#include "tst_probequirks.moc"
