// Debian's stm32flash against the virtual STM32, and the driver before and after it on the same chip: both write what
// the other one reads, and both see the same protections.

#include "core/base/fault.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/virtual/virtualstm32.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint64 flashAt = 0x08000000;

Task task()
{
    Task t;
    t.deadline = Deadline::in(60s);
    return t;
}

QByteArray noise(qsizetype size, quint32 seed)
{
    QRandomGenerator random(seed);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    return out;
}

struct Bench {
    explicit Bench(VirtualStm32Options options)
    {
        options.ptyLink = folder.filePath(u"stm0"_s);
        chip = std::make_unique<VirtualStm32>(options);
        chip->start();
    }
    // Its exit status; what it said is kept.
    int stm32flash(QStringList arguments)
    {
        QProcess program;
        program.setProcessChannelMode(QProcess::MergedChannels);
        program.start(u"stm32flash"_s, QStringList{u"-m"_s, u"8n1"_s} + arguments + QStringList{chip->path()});
        if (!program.waitForFinished(60'000)) {
            program.kill();
            program.waitForFinished();
            return -1;
        }
        said = program.readAll();
        return program.exitStatus() == QProcess::NormalExit ? program.exitCode() : -1;
    }
    QString file(const QString &name, const QByteArray &content) const
    {
        QFile out(folder.filePath(name));
        return out.open(QIODevice::WriteOnly) && out.write(content) == content.size() ? out.fileName() : QString();
    }
    QByteArray content(const QString &name) const
    {
        QFile in(folder.filePath(name));
        return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
    }
    std::unique_ptr<Device> open() const { return Stm32Driver().open({chip->path(), 0, {}}, task()); }

    QTemporaryDir folder;
    std::unique_ptr<VirtualStm32> chip;
    QByteArray said;
};

} // namespace

class TestStm32Flash : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (QStandardPaths::findExecutable(u"stm32flash"_s).isEmpty())
            QSKIP("stm32flash is not installed");
    }

    void bothDirections_data()
    {
        QTest::addColumn<QString>("name");
        for (const QString &name : virtualStm32Chips())
            QTest::newRow(qPrintable(name)) << name;
    }

    void bothDirections()
    {
        QFETCH(QString, name);
        VirtualStm32Options options;
        options.chip = name;
        options.flash = QByteArray(virtualStm32Chip(name).flashKib * 1024, '\x33');
        Bench bench(options);

        // It writes and verifies; the driver reads the same.
        const QByteArray first = noise(20'000, 1);
        const int wrote =
            bench.stm32flash({u"-w"_s, bench.file(u"fw.bin"_s, first), u"-v"_s, u"-S"_s, u"0x08000000"_s});
        QVERIFY2(wrote == 0, bench.said.right(600).constData());
        QVERIFY(bench.said.contains(QByteArray::number(virtualStm32Chip(name).id, 16)));
        QCOMPARE(bench.open()->memory()->read(flashAt, first.size(), task()), first);

        // The driver writes; it reads the same.
        const QByteArray second = noise(20'003, 2);
        bench.open()->memory()->write({{flashAt, second}}, {}, task());
        const int read =
            bench.stm32flash({u"-r"_s, bench.folder.filePath(u"back.bin"_s), u"-S"_s, u"0x08000000:20480"_s});
        QVERIFY2(read == 0, bench.said.right(600).constData());
        QCOMPARE(bench.content(u"back.bin"_s).first(second.size()), second);
        QCOMPARE(bench.chip->facts().rom.overrun, 0);
    }

    // As the manual has it: the whole flash back, without saying how much.
    void wholeFlash()
    {
        Bench bench({});
        const QByteArray image = noise(50'000, 3);
        QCOMPARE(bench.stm32flash({u"-w"_s, bench.file(u"fw.bin"_s, image), u"-v"_s}), 0);
        QVERIFY2(bench.stm32flash({u"-r"_s, bench.folder.filePath(u"back.bin"_s)}) == 0,
                 bench.said.right(600).constData());
        QCOMPARE(bench.content(u"back.bin"_s), image + QByteArray(128 * 1024 - image.size(), '\xff'));
    }

    void protections()
    {
        Bench bench({});
        QCOMPARE(bench.stm32flash({u"-j"_s}), 0); // readout protect
        QVERIFY(bench.open()->locker()->isLocked(u"readout"_s, task()));
        QVERIFY(bench.stm32flash({u"-r"_s, bench.folder.filePath(u"no.bin"_s)}) != 0);
        QCOMPARE(bench.stm32flash({u"-k"_s}), 0);
        QVERIFY(!bench.open()->locker()->isLocked(u"readout"_s, task()));

        bench.open()->locker()->lock(u"readout"_s, task());
        QVERIFY(bench.stm32flash({u"-r"_s, bench.folder.filePath(u"no.bin"_s)}) != 0);
        bench.open()->memory()->eraseAll(task());

        bench.open()->locker()->lock(u"write"_s, task());
        QVERIFY(bench.stm32flash({u"-w"_s, bench.file(u"fw.bin"_s, noise(600, 4)), u"-v"_s}) != 0);
        QCOMPARE(bench.stm32flash({u"-u"_s}), 0); // write unprotect
        QVERIFY(!bench.open()->locker()->isLocked(u"write"_s, task()));
    }

    void start()
    {
        VirtualStm32Options options;
        options.loaderAfterClose = false;
        Bench bench(options);
        QCOMPARE(bench.stm32flash({u"-w"_s, bench.file(u"fw.bin"_s, noise(600, 5)), u"-g"_s, u"0x08000000"_s}), 0);
        QCOMPARE(bench.chip->facts().startedAt, std::optional<quint32>(0x08000000));
    }
};

SLIPWAY_TEST_MAIN(TestStm32Flash)
#include "tst_stm32flash.moc"
