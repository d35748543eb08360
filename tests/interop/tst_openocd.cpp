// Debian's OpenOCD driven by hand against the virtual chip, and the driver before and after it on the same chip: each
// reads what the other one wrote, in the file formats that both know, and both see the same protection.

#include "core/firmware/firmwarefile.h"
#include "tests/support/elffiles.h"
#include "tests/support/probebench.h"
#include "tests/support/testmain.h"

#include <QProcess>
#include <QStandardPaths>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

struct Ran {
    int status = -1;
    QByteArray said;
};

// As a person types it: adapter, target, and what to do.
Ran openOcd(const VirtualProbe &probe, const QString &commands, const QString &before = {})
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"openocd"_s,
                  {u"-c"_s, u"gdb_port disabled; telnet_port disabled; tcl_port disabled"_s, u"-c"_s,
                   u"adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port %1; "
                   "transport select jtag; %2"_s.arg(probe.port())
                       .arg(before),
                   u"-f"_s, u"target/stm32f1x.cfg"_s, u"-c"_s, commands});
    Ran out;
    if (process.waitForFinished(90'000) && process.exitStatus() == QProcess::NormalExit)
        out.status = process.exitCode();
    else
        process.kill();
    process.waitForFinished();
    out.said = process.readAll();
    return out;
}

QByteArray hexFile(quint32 at, const QByteArray &bytes)
{
    QByteArray out;
    const auto record = [&out](QByteArray body) {
        quint8 sum = 0;
        for (const char c : std::as_const(body))
            sum = quint8(sum + quint8(c));
        body += char(-sum);
        out += ':' + body.toHex().toUpper() + "\r\n";
    };
    record(QByteArray::fromHex("02000004") + char(at >> 24) + char(at >> 16 & 0xff));
    for (qsizetype i = 0; i < bytes.size(); i += 16) {
        const QByteArray piece = bytes.mid(i, 16);
        const quint32 address = (at & 0xffff) + quint32(i);
        record(QByteArray(1, char(piece.size())) + char(address >> 8 & 0xff) + char(address & 0xff) + '\0' + piece);
    }
    return out + ":00000001FF\r\n";
}

} // namespace

class TestOpenOcd : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString file(const QString &name, const QByteArray &content)
    {
        QFile f(m_folder.filePath(name));
        return f.open(QIODevice::WriteOnly) && f.write(content) == content.size() ? f.fileName() : QString();
    }
    QByteArray content(const QString &name)
    {
        QFile f(m_folder.filePath(name));
        return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
    }

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(!QStandardPaths::findExecutable(u"openocd"_s).isEmpty(), "openocd is not installed");
    }

    void program_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QByteArray>("bytes");
        const QByteArray image = someProgram(7001);
        QTest::newRow("BIN") << u"fw.bin"_s << image;
        QTest::newRow("HEX") << u"fw.hex"_s << hexFile(probeFlash, image);
        ElfMaker elf;
        elf.pieces = {{probeFlash, probeFlash, image, 0, 1}};
        QTest::newRow("ELF") << u"fw.elf"_s << elf.make();
    }

    void program()
    {
        QFETCH(QString, name);
        QFETCH(QByteArray, bytes);
        const QByteArray image = someProgram(7001);
        VirtualProbeOptions options;
        options.flash = QByteArray(128 * 1024, '\x33');
        const QString path = file(name, bytes);
        const QString address = name.endsWith("bin"_L1) ? u" 0x08000000"_s : QString();

        // Its own "program" command writes and verifies; the driver reads the same.
        const ProbeBench theirs(options);
        const Ran wrote = openOcd(theirs.probe, u"program {%1} verify reset exit%2"_s.arg(path, address));
        QVERIFY2(wrote.status == 0 && wrote.said.contains("** Verified OK **"), wrote.said.right(1500).constData());
        QCOMPARE(theirs.open()->memory()->read(probeFlash, image.size(), withinSeconds(30)), image);

        // The driver writes the same file; it finds that good.
        const ProbeBench ours(options);
        const FirmwareFile read = FirmwareFile::parse(bytes);
        const auto segments = read.segments(address.isEmpty() ? std::nullopt : std::optional<quint64>(probeFlash));
        ours.open()->memory()->write(segments, {}, withinSeconds(60));
        const Ran verified =
            openOcd(ours.probe,
                    u"init; reset halt; echo [verify_image {%1}%2]; dump_image {%3} 0x08000000 0x2000; shutdown"_s.arg(
                        path, address, m_folder.filePath(u"back"_s)));
        QVERIFY2(verified.said.contains("verified 7001 bytes"), verified.said.right(1500).constData());
        QCOMPARE(content(u"back"_s).first(image.size()), image);
        QCOMPARE(content(u"back"_s), theirs.probe.facts().flash.first(0x2000));
        QCOMPARE(ours.probe.facts().flash, theirs.probe.facts().flash);
    }

    // Without a work area it goes by single halfwords.
    void slowly()
    {
        const ProbeBench bench;
        const QByteArray image = someProgram(1500);
        const Ran wrote = openOcd(bench.probe, u"program {%1} 0x08000000 verify exit"_s.arg(file(u"slow.bin"_s, image)),
                                  u"set WORKAREASIZE 0"_s);
        QVERIFY2(wrote.status == 0 && wrote.said.contains("falling back to single memory accesses"),
                 wrote.said.right(1500).constData());
        QCOMPARE(bench.open()->memory()->read(probeFlash, image.size(), withinSeconds(30)), image);
    }

    void protection()
    {
        VirtualProbeOptions options;
        options.flash = someProgram(600);
        const ProbeBench bench(options);
        Ran ran = openOcd(bench.probe, u"init; reset halt; stm32f1x lock 0; reset halt; shutdown"_s);
        QVERIFY2(ran.status == 0, ran.said.right(1500).constData());
        QVERIFY(bench.open()->locker()->isLocked(u"readout"_s, withinSeconds(20)));
        ran = openOcd(bench.probe, u"init; reset halt; echo [stm32f1x options_read 0]; shutdown"_s);
        QVERIFY2(ran.said.contains("read protection: on"), ran.said.right(1500).constData());
        ran = openOcd(bench.probe, u"init; reset halt; mdw 0x08000000; shutdown"_s);
        QVERIFY2(ran.said.contains("Failed to read memory at 0x08000000"), ran.said.right(1500).constData());
        ran = openOcd(bench.probe, u"init; reset halt; stm32f1x unlock 0; reset halt; shutdown"_s);
        QVERIFY(!bench.open()->locker()->isLocked(u"readout"_s, withinSeconds(20)));
        QCOMPARE(bench.probe.facts().flash, QByteArray(128 * 1024, '\xff'));

        bench.open()->locker()->lock(u"readout"_s, withinSeconds(20));
        ran = openOcd(bench.probe, u"init; reset halt; echo [stm32f1x options_read 0]; shutdown"_s);
        QVERIFY2(ran.said.contains("read protection: on"), ran.said.right(1500).constData());
        bench.open()->memory()->eraseAll(withinSeconds(20));
        ran = openOcd(bench.probe, u"init; reset halt; echo [stm32f1x options_read 0]; shutdown"_s);
        QVERIFY2(ran.said.contains("read protection: off"), ran.said.right(1500).constData());

        // Write protection that it sets, the driver meets.
        ran = openOcd(bench.probe, u"init; reset halt; flash protect 0 0 0 on; reset halt; shutdown"_s);
        QVERIFY2(ran.status == 0, ran.said.right(1500).constData());
        QString text;
        QCOMPARE(faultOf(
                     [&] {
                         bench.open()->memory()->write({{probeFlash, someProgram(64)}}, {}, withinSeconds(20));
                     },
                     &text),
                 u"memory.protected"_s);
        QVERIFY2(text.contains("write protection"_L1), qPrintable(text));
    }
};

SLIPWAY_TEST_MAIN(TestOpenOcd)
#include "tst_openocd.moc"
