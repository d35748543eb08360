// `slipway virtual probe` and the command line on it as a stranger would use them, with the real OpenOCD in between:
// identify, write, read, erase, a recipe that flashes and locks, Ctrl-C, and what is left when slipway is killed.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <csignal>
#include <functional>
#include <memory>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray content(const QString &name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray someProgram(qsizetype size)
{
    QRandomGenerator random(7);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    return out.replace(0, 8, QByteArray("\x00\x10\x00\x20\x09\x00\x00\x08", 8));
}

// OpenOCD processes that drive this port.
QList<qint64> driving(int port)
{
    QList<qint64> out;
    const QStringList entries = QDir(u"/proc"_s).entryList(QDir::Dirs);
    for (const QString &entry : entries) {
        const QByteArray line = content(u"/proc/%1/cmdline"_s.arg(entry));
        if (line.contains("openocd") && line.contains("remote_bitbang port " + QByteArray::number(port)))
            out << entry.toLongLong();
    }
    return out;
}

bool soon(const std::function<bool()> &condition)
{
    return QTest::qWaitFor(condition, 20'000);
}

bool soonNone(int port)
{
    return soon([port] { return driving(port).isEmpty(); });
}

} // namespace

class TestVirtualProbe : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::unique_ptr<Running> m_probe;
    int m_port = 0;

    QString file(const QString &name, const QByteArray &bytes)
    {
        QFile f(m_folder.filePath(name));
        return f.open(QIODevice::WriteOnly) && f.write(bytes) == bytes.size() ? f.fileName() : QString();
    }
    bool plug(const QStringList &more = {})
    {
        // A free port that stays the same for all programs of a test.
        m_probe = std::make_unique<Running>(
            slipwayProgram(), QStringList{u"--json"_s, u"virtual"_s, u"probe"_s, u"--listen"_s, u"auto"_s} + more);
        if (!m_probe->waitForText("\"port\":"))
            return false;
        m_port = 0;
        const QByteArray said = m_probe->output();
        m_port = said.mid(said.indexOf("\"port\":") + 7).split(',').first().split('}').first().toInt();
        return m_port > 0;
    }
    QString port() const { return u"bitbang:127.0.0.1:%1"_s.arg(m_port); }
    QStringList words(const QStringList &first) const
    {
        return QStringList{u"--json"_s, u"firmware"_s} + first +
               QStringList{u"--driver"_s, u"probe"_s, u"--port"_s, port(), u"--board"_s, u"virtual-f103"_s};
    }

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(!QStandardPaths::findExecutable(u"openocd"_s).isEmpty(), "openocd is not installed");
    }
    void cleanup() { m_probe.reset(); }

    void writeReadErase()
    {
        QVERIFY(plug());
        Ran ran = slipwayRun({u"--json"_s, u"device"_s, u"identify"_s, port(), u"--driver"_s, u"probe"_s});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.objects().first().value(u"board"_s).toString(), u"stm32f1"_s);
        QCOMPARE(ran.objects().first().value(u"readout-protection"_s).toString(), u"level 0"_s);

        const QByteArray program = someProgram(9001);
        ran = slipwayRun(words({u"write"_s, file(u"fw.bin"_s, program), u"--at"_s, u"0x08000000"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        ran = slipwayRun(words({u"read"_s, u"--at"_s, u"0x08000000"_s, u"--size"_s, u"9001"_s, u"--out"_s,
                                m_folder.filePath(u"back.bin"_s)}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(content(m_folder.filePath(u"back.bin"_s)), program);
        ran = slipwayRun(words({u"erase"_s, u"--all"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        ran = slipwayRun(words({u"read"_s, u"--at"_s, u"0x08000000"_s, u"--size"_s, u"64"_s, u"--out"_s,
                                m_folder.filePath(u"back.bin"_s)}));
        QCOMPARE(content(m_folder.filePath(u"back.bin"_s)), QByteArray(64, '\xff'));

        // Words that are wrong: one sentence and a remedy each.
        ran = slipwayRun(words({u"write"_s, file(u"empty.bin"_s, {}), u"--at"_s, u"0x08000000"_s}));
        QCOMPARE(ran.status, 2);
        ran = slipwayRun(words({u"write"_s, file(u"fw.bin"_s, program), u"--at"_s, u"0x0801f000"_s}));
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.err.contains("is not in this device's memory"), ran.err.constData());
        QCOMPARE(slipwayRun({u"device"_s, u"identify"_s, u"bitbang:nowhere"_s, u"--driver"_s, u"probe"_s}).status, 2);
        QVERIFY(soonNone(m_port));
        m_probe->signal(15);
        QCOMPARE(m_probe->finish().status, 0);
    }

    void lockedChip()
    {
        QVERIFY(plug({u"--locked"_s}));
        const QString name = file(u"fw.bin"_s, someProgram(3000));
        Ran ran = slipwayRun(words({u"write"_s, name, u"--at"_s, u"0x08000000"_s}));
        QCOMPARE(ran.status, 1);
        QVERIFY2(ran.err.contains("its readout protection is on (level 1)"), ran.err.constData());
        ran = slipwayRun(words({u"write"_s, name, u"--at"_s, u"0x08000000"_s, u"--erase-all"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
    }

    void recipe()
    {
        QVERIFY(plug());
        const QString home = m_folder.filePath(u"home"_s);
        Ran ran = slipwayRun({u"--home"_s, home, u"init"_s});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        const QByteArray program = someProgram(5000);
        file(u"fw.bin"_s, program);
        const QString recipe =
            file(u"probe.yaml"_s,
                 "slipway: 1\nname: Over a probe\nversion: \"1\"\ndevice:\n  driver: probe\n  board: virtual-f103\n"
                 "variables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
                 "steps:\n  - identify: { expect: { board: virtual-f103 } }\n  - flash: { image: fw.bin, at: "
                 "0x08000000, sha256: " +
                     QCryptographicHash::hash(program, QCryptographicHash::Sha256).toHex() +
                     " }\n  - lock: { others: [readout] }\n");
        const QStringList run{u"--home"_s,      home,          u"run"_s,        recipe, u"--slot"_s,
                              u"1="_s + port(), u"--serial"_s, u"T1-00000001"_s};
        ran = slipwayRun(run);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"1 passed, 0 failed"_s);
        ran = slipwayRun({u"--json"_s, u"device"_s, u"identify"_s, port(), u"--driver"_s, u"probe"_s});
        QVERIFY(ran.objects().first().value(u"locked"_s).toBool());
        // Once more: it is locked, and that is told before anything changes.
        ran = slipwayRun(
            {u"--home"_s, home, u"run"_s, recipe, u"--slot"_s, u"1="_s + port(), u"--serial"_s, u"T1-00000002"_s});
        QCOMPARE(ran.status, 1);
        QVERIFY2((ran.out + ran.err).contains("readout protection is on"), qPrintable(ran.text()));
        QVERIFY(soonNone(m_port));
    }

    void stopped()
    {
        QVERIFY(plug());
        Running writing(slipwayProgram(),
                        words({u"write"_s, file(u"big.bin"_s, someProgram(120'000)), u"--at"_s, u"0x08000000"_s}));
        QVERIFY(soon([this] { return driving(m_port).size() == 1; }));
        writing.signal(SIGINT);
        QCOMPARE(writing.finish(20).status, 4);
        QVERIFY(soonNone(m_port));
        // And again, to the end.
        const Ran ran =
            slipwayRun(words({u"write"_s, file(u"fw.bin"_s, someProgram(3000)), u"--at"_s, u"0x08000000"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
    }

    void killed()
    {
        QVERIFY(plug());
        Running writing(slipwayProgram(),
                        words({u"write"_s, file(u"big.bin"_s, someProgram(120'000)), u"--at"_s, u"0x08000000"_s}));
        QVERIFY(soon([this] { return driving(m_port).size() == 1; }));
        writing.signal(SIGKILL);
        QCOMPARE(writing.finish(20).status, 128 + 9);
        QVERIFY(soonNone(m_port));
        const Ran ran =
            slipwayRun(words({u"write"_s, file(u"fw.bin"_s, someProgram(3000)), u"--at"_s, u"0x08000000"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
    }

    void wrongWords()
    {
        for (const QString &listen : {u"0"_s, u"70000"_s, u"here"_s, u"-1"_s}) {
            const Ran ran = slipwayRun({u"virtual"_s, u"probe"_s, u"--listen"_s, listen});
            QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        }
        const Ran ran = slipwayRun({u"virtual"_s, u"probe"_s, u"--listen"_s, u"auto"_s, u"--fault"_s, u"silent"_s});
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.err.contains("Did you mean \"silence\"?"), ran.err.constData());
        QCOMPARE(slipwayRun({u"virtual"_s, u"probe"_s}).status, 2);
        QVERIFY(plug());
        const Ran taken = slipwayRun({u"virtual"_s, u"probe"_s, u"--listen"_s, QString::number(m_port)});
        QCOMPARE(taken.status, 3);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualProbe)
#include "tst_virtualprobe.moc"
