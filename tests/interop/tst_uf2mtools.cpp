// Debian's mtools and dosfstools on the volume that the virtual boot loader makes up: both find a sound FAT file
// system, and what mcopy writes into it is firmware in the flash. cp on the mounted drive does the same.

#include "core/codec/uf2.h"
#include "tests/support/testmain.h"
#include "tests/support/uf2bench.h"

#include <QFile>
#include <QProcess>
#include <QStandardPaths>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray sample()
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/uf2/rp2040.uf2"));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

struct Ended {
    int status = -1;
    QByteArray said;
};

Ended program(const QString &name, const QStringList &arguments)
{
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(u"MTOOLS_SKIP_CHECK"_s, u"0"_s);
    process.setProcessEnvironment(environment);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(name, arguments);
    if (!process.waitForFinished(60'000)) {
        process.kill();
        process.waitForFinished();
        return {};
    }
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAll()};
}

QString found(const QString &name)
{
    const QString here = QStandardPaths::findExecutable(name);
    return here.isEmpty() ? QStandardPaths::findExecutable(name, {u"/sbin"_s, u"/usr/sbin"_s}) : here;
}

// The whole volume, as a host would read it.
QByteArray volume(const Uf2Rom &rom)
{
    QByteArray out;
    out.reserve(rom.sectors() * Uf2Rom::sectorSize);
    for (qint64 i = 0; i < rom.sectors(); ++i)
        out += rom.readSector(i);
    return out;
}

} // namespace

class TestUf2Mtools : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (found(u"mcopy"_s).isEmpty() || found(u"fsck.vfat"_s).isEmpty())
            QSKIP("mtools or dosfstools is not installed");
    }

    void soundVolume()
    {
        for (const bool current : {false, true}) {
            Uf2RomOptions options;
            options.current = current;
            const Uf2Rom rom(options);
            const QTemporaryDir folder;
            const QString image = folder.filePath(u"drive.img"_s);
            QFile file(image);
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write(volume(rom)) > 0);
            file.close();
            const Ended checked = program(found(u"fsck.vfat"_s), {u"-n"_s, u"-v"_s, image});
            QVERIFY2(checked.status == 0, checked.said.constData());
            QVERIFY2(checked.said.contains("16 bit entries"), checked.said.constData());
            const Ended listed = program(u"mdir"_s, {u"-i"_s, image, u"::"_s});
            QVERIFY2(listed.status == 0 && listed.said.contains("INFO_UF2 TXT"), listed.said.constData());
            QVERIFY2(listed.said.contains("Volume in drive : is RPI-RP2"), listed.said.constData());
            QCOMPARE(listed.said.contains("CURRENT"), current);
            const Ended typed = program(u"mtype"_s, {u"-i"_s, image, u"::INFO_UF2.TXT"_s});
            QVERIFY2(typed.said.contains("Board-ID: RPI-RP2"), typed.said.constData());
            if (!current)
                continue;
            const QString out = folder.filePath(u"current.uf2"_s);
            const Ended copied = program(u"mcopy"_s, {u"-i"_s, image, u"::CURRENT.UF2"_s, out});
            QVERIFY2(copied.status == 0, copied.said.constData());
            QFile back(out);
            QVERIFY(back.open(QIODevice::ReadOnly));
            QCOMPARE(Uf2File::parse(back.readAll()).parts.first().segments.first().bytes, rom.flash());
        }
    }

    // mcopy writes file, folder and table; the sectors that it changed are what a host would send.
    void mcopied()
    {
        Uf2Rom rom;
        const QByteArray before = volume(rom), uf2 = sample();
        QVERIFY(!uf2.isEmpty());
        const QTemporaryDir folder;
        const QString image = folder.filePath(u"drive.img"_s), name = folder.filePath(u"fw.uf2"_s);
        for (const auto &[path, content] : {std::pair(image, before), std::pair(name, uf2)}) {
            QFile file(path);
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write(content) == content.size());
        }
        const Ended copied = program(u"mcopy"_s, {u"-i"_s, image, name, u"::"_s});
        QVERIFY2(copied.status == 0, copied.said.constData());
        QFile file(image);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray after = file.readAll();
        QCOMPARE(after.size(), before.size());
        int complete = 0;
        for (qint64 i = 0; i < rom.sectors(); ++i) {
            const QByteArrayView sector = QByteArrayView(after).sliced(i * Uf2Rom::sectorSize, Uf2Rom::sectorSize);
            if (sector != QByteArrayView(before).sliced(i * Uf2Rom::sectorSize, Uf2Rom::sectorSize))
                complete += rom.writeSector(i, sector) == Uf2Rom::Effect::Complete;
        }
        QCOMPARE(complete, 1);
        QVERIFY(rom.counts().other > 0); // the file system's own
        const Uf2File sent = Uf2File::parse(uf2);
        for (const AddressedBytes &piece : sent.parts.first().segments)
            QCOMPARE(rom.flash().mid(qsizetype(piece.at - 0x10000000), piece.bytes.size()), piece.bytes);
    }

    void cpOnDrive()
    {
        SLIPWAY_NEEDS_FUSE();
        const Uf2Bench bench;
        const Ended read = program(u"cat"_s, {bench.drive->folder() + u"/INFO_UF2.TXT"_s});
        QVERIFY2(read.said.contains("Board-ID: RPI-RP2"), read.said.constData());
        // With the last block the drive goes; whether cp calls that an error is chance.
        program(u"cp"_s, {QStringLiteral(SLIPWAY_TEST_DATA "/uf2/rp2040.uf2"), bench.drive->folder()});
        QTRY_VERIFY_WITH_TIMEOUT(bench.drive->facts().applicationRuns, 20'000);
        const auto pieces = Uf2File::parse(sample()).parts.first().segments;
        for (const AddressedBytes &piece : pieces)
            QCOMPARE(bench.drive->flash(quint32(piece.at), piece.bytes.size()), piece.bytes);
    }
};

SLIPWAY_TEST_MAIN(TestUf2Mtools)
#include "tst_uf2mtools.moc"
