// `slipway virtual stm32` as the manual has it: the program makes a port, Debian's stm32flash writes and reads the chip
// behind it, and slipway says what it is.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray content(const QString &name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class TestVirtualStm32 : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void stm32flash()
    {
        if (QStandardPaths::findExecutable(u"stm32flash"_s).isEmpty())
            QSKIP("stm32flash is not installed");
        const QTemporaryDir folder;
        const QString port = folder.filePath(u"stm0"_s);
        QByteArray image(30'000, '\0');
        QRandomGenerator random(5);
        for (char &byte : image)
            byte = char(random.bounded(256));
        QFile file(folder.filePath(u"fw.bin"_s));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(image) == image.size());
        file.close();

        Running chip(slipwayProgram(), {u"virtual"_s, u"stm32"_s, u"--pty"_s, port});
        QVERIFY(chip.waitForFile(port));
        const Ran written = shell(u"stm32flash -m 8n1 -w fw.bin -v "_s + port, folder.path());
        QVERIFY2(written.status == 0, qPrintable(written.text()));
        const Ran read = shell(u"stm32flash -m 8n1 -r back.bin "_s + port, folder.path());
        QVERIFY2(read.status == 0, qPrintable(read.text()));
        QCOMPARE(content(folder.filePath(u"back.bin"_s)).first(image.size()), image);
        const Ran identified = slipwayRun({u"--json"_s, u"device"_s, u"identify"_s, port, u"--driver"_s, u"stm32"_s});
        QVERIFY2(identified.status == 0, qPrintable(identified.text()));
        QCOMPARE(identified.objects().first().value(u"flash"_s).toString(), u"128 KiB"_s);
        chip.signal(15);
        QCOMPARE(chip.finish().status, 0);
        QVERIFY(!QFile::exists(port));
    }

    void locked()
    {
        const QTemporaryDir folder;
        const QString port = folder.filePath(u"stm0"_s);
        Running chip(slipwayProgram(),
                     {u"virtual"_s, u"stm32"_s, u"--pty"_s, port, u"--chip"_s, u"g071"_s, u"--locked"_s});
        QVERIFY(chip.waitForFile(port));
        const Ran identified = slipwayRun({u"--json"_s, u"device"_s, u"identify"_s, port, u"--driver"_s, u"stm32"_s});
        QVERIFY2(identified.status == 0, qPrintable(identified.text()));
        QVERIFY(identified.objects().first().value(u"locked"_s).toBool());
    }

    void wrongWords()
    {
        const QTemporaryDir folder;
        const QString port = folder.filePath(u"stm0"_s);
        const Ran chip = slipwayRun({u"virtual"_s, u"stm32"_s, u"--pty"_s, port, u"--chip"_s, u"f104"_s});
        QCOMPARE(chip.status, 2);
        QVERIFY2(chip.err.contains("Did you mean \"f103\"?"), chip.err.constData());
        QCOMPARE(slipwayRun({u"virtual"_s, u"stm32"_s, u"--pty"_s, port, u"--fault"_s, u"silent"_s}).status, 2);
        QCOMPARE(slipwayRun({u"virtual"_s, u"stm32"_s, u"--pty"_s, port, u"--unique-id"_s, u"12"_s}).status, 2);
        QCOMPARE(slipwayRun({u"virtual"_s, u"stm32"_s}).status, 2);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualStm32)
#include "tst_virtualstm32.moc"
