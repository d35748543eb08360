// Intel HEX, S-records and ELF against GNU binutils: objcopy reads and writes all three, and what it makes of a file is
// what we make of it.

#include "core/base/files.h"
#include "core/firmware/firmwarefile.h"
#include "tests/support/testmain.h"

#include <QProcess>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

class TestObjcopy : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QByteArray m_content;

    QString path(const QString &name) const { return m_folder.filePath(name); }

    bool run(const QString &program, const QStringList &arguments) const
    {
        QProcess process;
        process.setWorkingDirectory(m_folder.path());
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program, arguments);
        if (!process.waitForFinished(60'000) || process.exitCode() != 0) {
            qInfo().noquote() << program << arguments << process.readAll();
            return false;
        }
        return true;
    }

    FirmwareFile file(const QString &name) const
    {
        return FirmwareFile::parse(readFile(path(name), FirmwareFile::MaximumBytes, u"a test file"_s));
    }

private Q_SLOTS:
    void initTestCase()
    {
        if (QStandardPaths::findExecutable(u"objcopy"_s).isEmpty() || QStandardPaths::findExecutable(u"ld"_s).isEmpty())
            QSKIP("binutils is not installed");
        m_content.resize(200'001);
        for (char &c : m_content)
            c = char(QRandomGenerator::global()->generate());
        writeFile(path(u"a.bin"_s), m_content);
    }

    void writtenByObjcopy_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<QString>("format");
        QTest::addColumn<quint64>("at");
        QTest::newRow("hex in flash") << u"ihex"_s << u"intel-hex"_s << quint64(0x08000000);
        QTest::newRow("hex across 64 KiB") << u"ihex"_s << u"intel-hex"_s << quint64(0x0000fff0);
        QTest::newRow("hex segmented") << u"ihex"_s << u"intel-hex"_s << quint64(0x00020010);
        QTest::newRow("srec 3") << u"srec"_s << u"s-record"_s << quint64(0x08000000);
        QTest::newRow("srec 2") << u"srec"_s << u"s-record"_s << quint64(0x00120000);
    }
    void writtenByObjcopy()
    {
        QFETCH(QString, target);
        QFETCH(QString, format);
        QFETCH(quint64, at);
        const QString name = u"out."_s + target;
        QVERIFY(run(u"objcopy"_s, {u"-I"_s, u"binary"_s, u"-O"_s, target, u"--change-addresses"_s, addressText(at),
                                   u"a.bin"_s, name}));
        const FirmwareFile found = file(name);
        QCOMPARE(found.format(), format);
        QCOMPARE(found.segments(), QList<MemorySegment>({{at, m_content}}));
        // And objcopy makes the same bytes of it.
        QVERIFY(run(u"objcopy"_s, {u"-I"_s, target, u"-O"_s, u"binary"_s, name, u"back.bin"_s}));
        QCOMPARE(readFile(path(u"back.bin"_s), 1 << 24, {}), m_content);
    }

    // An executable linked for flash: code there, data that is copied to RAM from there, and a gap.
    void linked_data()
    {
        QTest::addColumn<QString>("emulation");
        QTest::addColumn<QString>("assembler");
        QTest::newRow("64 bit") << u"elf_x86_64"_s << u"--64"_s;
        QTest::newRow("32 bit") << u"elf_i386"_s << u"--32"_s;
    }
    void linked()
    {
        QFETCH(QString, emulation);
        QFETCH(QString, assembler);
        writeFile(path(u"fw.s"_s), ".section .text\n.globl _start\n_start: .fill 1000, 1, 0x5a\n"
                                   ".section .data\n.long 0x12345678, 2, 3\n"
                                   ".section .late,\"a\"\n.ascii \"slipway\"\n"
                                   ".section .bss\n.space 4096\n");
        writeFile(path(u"fw.ld"_s), "MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 1M\n"
                                    "         RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 1M }\n"
                                    "ENTRY(_start)\n"
                                    "SECTIONS {\n"
                                    "  .text : { *(.text) } > FLASH\n"
                                    "  .data : { *(.data) } > RAM AT > FLASH\n"
                                    "  .bss (NOLOAD) : { *(.bss) } > RAM\n"
                                    "  .late 0x08001000 : { *(.late) } > FLASH\n"
                                    "  /DISCARD/ : { *(.note*) *(.comment) }\n"
                                    "}\n");
        QVERIFY(run(u"as"_s, {assembler, u"fw.s"_s, u"-o"_s, u"fw.o"_s}));
        QVERIFY(run(u"ld"_s, {u"-m"_s, emulation, u"-T"_s, u"fw.ld"_s, u"fw.o"_s, u"-o"_s, u"fw.elf"_s}));
        QVERIFY(run(u"objcopy"_s, {u"-O"_s, u"ihex"_s, u"fw.elf"_s, u"fw.hex"_s}));
        QVERIFY(run(u"objcopy"_s, {u"-O"_s, u"srec"_s, u"fw.elf"_s, u"fw.srec"_s}));
        const FirmwareFile elf = file(u"fw.elf"_s);
        QCOMPARE(elf.format(), u"elf"_s);
        const QList<MemorySegment> expected = file(u"fw.hex"_s).segments();
        QVERIFY(expected.size() >= 2);
        QCOMPARE(expected.first().at, quint64(0x08000000));
        QCOMPARE(elf.segments(), expected);
        QCOMPARE(file(u"fw.srec"_s).segments(), expected);
        QVERIFY(!elf.gaps().isEmpty());
        // The object file that was not linked says so.
        try {
            file(u"fw.o"_s);
            QFAIL("an object file was taken");
        } catch (const Fault &fault) {
            QVERIFY2(fault.sentence().contains(u"has not been linked"), qPrintable(fault.sentence()));
        }
    }
};

SLIPWAY_TEST_MAIN(TestObjcopy)
#include "tst_objcopy.moc"
