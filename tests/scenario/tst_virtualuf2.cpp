// `slipway virtual uf2` and the driver uf2 as the manual has them: one program shows a drive, the other one says what
// it is, writes it and reads it back.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QTemporaryDir>

#include <unistd.h>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString sample = QStringLiteral(SLIPWAY_TEST_DATA "/uf2/rp2040.uf2");

struct Drive {
    explicit Drive(const QStringList &more = {})
        : root(folder.filePath(u"dut"_s)),
          program(slipwayProgram(), QStringList{u"virtual"_s, u"uf2"_s, u"--root"_s, root} + more)
    {
        ready = program.waitForText("ready at");
    }
    Ran slipway(const QStringList &words, const QString &port = {}) const
    {
        return slipwayRun(QStringList{u"--json"_s} + words +
                          QStringList{u"--driver"_s, u"uf2"_s, u"--port"_s, port.isEmpty() ? root : port});
    }
    QTemporaryDir folder;
    QString root;
    Running program;
    bool ready = false;
};

} // namespace

class TestVirtualUf2 : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (::access("/dev/fuse", R_OK | W_OK) != 0)
            QSKIP("this computer lets nobody mount a file system of its own (FUSE)");
    }

    void written()
    {
        Drive drive;
        QVERIFY(drive.ready);
        const Ran identified =
            slipwayRun({u"--json"_s, u"device"_s, u"identify"_s, drive.root, u"--driver"_s, u"uf2"_s});
        QVERIFY2(identified.status == 0, qPrintable(identified.text()));
        QCOMPARE(identified.objects().first().value(u"board"_s).toString(), u"rp2040"_s);
        const Ran written = drive.slipway({u"firmware"_s, u"write"_s, sample});
        QVERIFY2(written.status == 0, qPrintable(written.text()));
        QVERIFY2(written.objects().first().value(u"compared"_s).toString().contains(u"not read back"),
                 qPrintable(written.text()));
        // It runs its application now.
        const Ran again = drive.slipway({u"firmware"_s, u"write"_s, sample});
        QCOMPARE(again.status, 1);
        QVERIFY2(again.err.contains("BOOTSEL"), again.err.constData());
        drive.program.signal(15);
        QCOMPARE(drive.program.finish().status, 0);
        QVERIFY(!QFile::exists(drive.root));
    }

    void readBack()
    {
        const QTemporaryDir files;
        QFile flash(files.filePath(u"flash.bin"_s));
        QVERIFY(flash.open(QIODevice::WriteOnly) && flash.write(QByteArray(3000, 'k')) == 3000);
        flash.close();
        const Drive drive({u"--board"_s, u"nrf52840"_s, u"--flash"_s, flash.fileName()});
        QVERIFY(drive.ready);
        const QString out = files.filePath(u"back.bin"_s);
        const Ran read =
            drive.slipway({u"firmware"_s, u"read"_s, u"--at"_s, u"0x26100"_s, u"--size"_s, u"2000"_s, u"--out"_s, out});
        QVERIFY2(read.status == 0, qPrintable(read.text()));
        QFile back(out);
        QVERIFY(back.open(QIODevice::ReadOnly));
        QCOMPARE(back.readAll(), QByteArray(2000, 'k'));
        // A file for another chip.
        const Ran other = drive.slipway({u"firmware"_s, u"write"_s, sample});
        QCOMPARE(other.status, 2);
        QVERIFY2(other.err.contains("RP2040") && other.err.contains("nRF52840"), other.err.constData());
    }

    void troubles()
    {
        const Drive drive({u"--fault"_s, u"cut:after=20"_s});
        QVERIFY(drive.ready);
        const Ran cut = drive.slipway({u"firmware"_s, u"write"_s, sample});
        QCOMPARE(cut.status, 3);
        QVERIFY2(cut.err.contains("went away when"), cut.err.constData());
        QVERIFY2(drive.slipway({u"firmware"_s, u"write"_s, sample}).err.contains("no port"), "");
    }

    void wrongWords()
    {
        const QTemporaryDir folder;
        const QString root = folder.filePath(u"dut"_s);
        const auto status = [&](const QStringList &words) {
            return slipwayRun(QStringList{u"virtual"_s, u"uf2"_s} + words).status;
        };
        QCOMPARE(status({}), 2);
        QCOMPARE(status({u"--root"_s, root, u"--board"_s, u"rp2041"_s}), 2);
        QCOMPARE(status({u"--root"_s, root, u"--fault"_s, u"cat"_s}), 2);
        QCOMPARE(status({u"--root"_s, root, u"--place"_s, u"../x"_s}), 2);
        QCOMPARE(status({u"--root"_s, u"/etc"_s}), 2);
        QVERIFY(!QFile::exists(root));
        QCOMPARE(
            slipwayRun({u"firmware"_s, u"write"_s, sample, u"--driver"_s, u"uf2"_s, u"--port"_s, u"usb:x"_s}).status,
            2);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualUf2)
#include "tst_virtualuf2.moc"
