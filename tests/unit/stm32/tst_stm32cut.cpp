// A cable that is pulled after any byte of a session, before, during and after erasing, writing, verifying and
// starting: one sentence, and the same unit works when it is plugged in again, with the chip in whatever state the cut
// left it.

#include "core/base/fault.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/virtual/virtualstm32.h"
#include "tests/support/testmain.h"

#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtEndian>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint64 flashAt = 0x08000000;

QByteArray program(qsizetype size)
{
    QRandomGenerator random(3);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    qToLittleEndian<quint32>(0x20001000, out.data());
    qToLittleEndian<quint32>(0x08000101, out.data() + 4);
    return out;
}

Task task()
{
    Task t;
    t.deadline = Deadline::in(60s);
    return t;
}

void work(const QString &port, const QByteArray &image)
{
    const auto device = Stm32Driver().open({port, 0, {}}, task());
    device->memory()->write({{flashAt, image}}, {}, task());
    device->memory()->start({}, task());
}

} // namespace

class TestStm32Cut : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void anywhere_data()
    {
        QTest::addColumn<QString>("chip");
        QTest::newRow("8-bit erase") << u"f103"_s;
        QTest::newRow("16-bit erase") << u"g071"_s;
    }

    void anywhere()
    {
        QFETCH(QString, chip);
        const QTemporaryDir folder;
        VirtualStm32Options options;
        options.chip = chip;
        options.loaderAfterClose = false;
        options.ptyLink = folder.filePath(u"stm0"_s);
        const QByteArray image = program(600);
        qint64 whole = 0;
        {
            VirtualStm32 unit(options);
            unit.start();
            work(unit.path(), image);
            whole = unit.facts().bytesIn;
        }
        QVERIFY(whole > image.size());
        int cuts = 0;
        // Every byte of what comes before the first block of data, where each is another state; samples of the rest.
        for (qint64 after = 0; after < whole; after += after < 60 ? 1 : 37) {
            VirtualStm32 unit(options);
            unit.start();
            VirtualStm32Fault fault = VirtualStm32Fault::parse(u"disconnect"_s);
            fault.after = after;
            unit.setFault(fault);
            try {
                work(unit.path(), image);
                QFAIL(qPrintable(u"nothing happened at byte %1"_s.arg(after)));
            } catch (const Fault &told) {
                QVERIFY2(told.is("link.gone"), told.what());
                QVERIFY(!told.remedy().isEmpty());
            }
            unit.setConnected(true);
            try {
                work(unit.path(), image);
            } catch (const Fault &told) {
                QFAIL(qPrintable(u"after a cut at byte %1: %2"_s.arg(after).arg(QString::fromUtf8(told.what()))));
            }
            QCOMPARE(unit.facts().flash.first(image.size()), image);
            QVERIFY(unit.facts().startedAt);
            ++cuts;
        }
        QVERIFY(cuts > 70);
    }

    // A loader that waits for the pages of a count that was noise takes the longest to get out.
    void longestFrame()
    {
        const QTemporaryDir folder;
        VirtualStm32Options options;
        options.chip = u"l476"_s;
        options.flash = QByteArray(1 << 20, 'o');
        options.ptyLink = folder.filePath(u"stm0"_s);
        VirtualStm32 unit(options);
        unit.start();
        {
            const auto device = Stm32Driver().open({unit.path(), 0, {}}, task());
            device->memory()->erase(flashAt + 4096, 1, task()); // now it knows the size
            VirtualStm32Fault fault = VirtualStm32Fault::parse(u"disconnect"_s);
            fault.after = 2; // the command, and not a byte of its frame
            unit.setFault(fault);
            try {
                device->memory()->erase(flashAt, 1, task());
                QFAIL("nothing happened");
            } catch (const Fault &told) {
                QVERIFY(told.is("link.gone"));
            }
        }
        unit.setConnected(true);
        const auto device = Stm32Driver().open({unit.path(), 0, {}}, task());
        QCOMPARE(unit.facts().flash.count('o'), (1 << 20) - 2048); // nothing was erased by getting out
        device->memory()->erase(flashAt, 1, task());
        QCOMPARE(unit.facts().flash.count('\xff'), 4096);
    }
};

SLIPWAY_TEST_MAIN(TestStm32Cut)
#include "tst_stm32cut.moc"
