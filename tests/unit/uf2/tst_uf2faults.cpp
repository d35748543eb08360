// What goes wrong with drives: cables pulled before, during and after writing, drives that are read-only, full, damaged
// or deaf. Each ends in one sentence with a remedy, and the same unit can be done again.

#include "tests/support/testmain.h"
#include "tests/support/uf2bench.h"

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {
constexpr quint64 flashAt = 0x10000000;
}

class TestUf2Faults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { SLIPWAY_NEEDS_FUSE(); }

    void fault_data()
    {
        QTest::addColumn<QString>("trouble");
        QTest::addColumn<QString>("code");
        QTest::newRow("first block") << u"cut"_s << u"uf2.vanished"_s;
        QTest::newRow("a block") << u"cut:after=37"_s << u"uf2.vanished"_s;
        QTest::newRow("back at once") << u"cut:after=37,delay=1ms"_s << u"uf2.vanished"_s;
        QTest::newRow("pulled with the last block") << u"cut-last"_s << u"uf2.no-return"_s;
        QTest::newRow("pulled with the last block, back") << u"cut-last:delay=1ms"_s << u"uf2.loader-again"_s;
        QTest::newRow("an error, and it stays") << u"error:after=37"_s << u"uf2.write"_s;
        QTest::newRow("no room") << u"full:after=20"_s << u"uf2.no-room"_s;
        QTest::newRow("read-only") << u"read-only"_s << u"uf2.read-only"_s;
        QTest::newRow("a lost block") << u"lose:every=50"_s << u"uf2.not-taken"_s;
        QTest::newRow("deaf") << u"deaf"_s << u"uf2.not-taken"_s;
        QTest::newRow("refused") << u"refuse"_s << u"uf2.loader-again"_s;
        QTest::newRow("refused, and no answer") << u"silent"_s << u"uf2.no-return"_s;
    }
    void fault()
    {
        QFETCH(QString, trouble);
        QFETCH(QString, code);
        const Uf2Quick quick;
        const Uf2Bench bench;
        const auto device = bench.open();
        const QByteArray bytes = noise(40'000);
        bench.drive->setFault(VirtualUf2Fault::parse(trouble));
        QCOMPARE(faultOf([&] { device->memory()->write({{flashAt, bytes}}, {}, withinSeconds(60)); }), code);
        bench.drive->clearFaults();
        bench.drive->bootLoader();
        QVERIFY(device->memory()->write({{flashAt, bytes}}, {}, withinSeconds(60)).verified);
        QCOMPARE(bench.drive->flash(flashAt, bytes.size()), bytes);
    }

    // An error with the very last block is what a restart looks like: what comes back decides.
    void lastBlockUnanswered()
    {
        const Uf2Quick quick;
        const Uf2Bench bench;
        bench.drive->setFault(VirtualUf2Fault::parse(u"last-error"_s));
        QVERIFY(bench.write(flashAt, noise(40'000)).verified);
        QVERIFY(bench.drive->facts().applicationRuns);
    }

    // Firmware without USB: only the board's data can say that its silence is right.
    void silentApplication()
    {
        const Uf2Quick quick(R"(, "silent-application": true)");
        const Uf2Bench bench;
        bench.drive->setFault(VirtualUf2Fault::parse(u"silent"_s));
        const auto result = bench.write(flashAt, noise(5000));
        QVERIFY(result.verified);
        QVERIFY2(result.how.contains(u"not seen again"), qPrintable(result.how));
    }

    void pulledBefore()
    {
        const Uf2Bench bench;
        const auto device = bench.open();
        bench.drive->unplug();
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{flashAt, noise(500)}}, {}, withinSeconds(60));
                 }),
                 u"link.no-port"_s);
        QCOMPARE(faultOf([&] { (void)bench.open(); }), u"link.no-port"_s);
        bench.drive->bootLoader();
        QVERIFY(device->memory()->write({{flashAt, noise(500)}}, {}, withinSeconds(60)).verified);
    }

    void pulledAfter()
    {
        const Uf2Quick quick;
        const Uf2Bench bench(u"rp2040"_s, [](VirtualUf2Options &options) { options.restartTime = 500ms; });
        const auto device = bench.open();
        // While it restarts.
        std::jthread hand([&] {
            while (bench.drive->facts().counts.completed == 0)
                std::this_thread::yield();
            bench.drive->unplug();
        });
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{flashAt, noise(500)}}, {}, withinSeconds(60));
                 }),
                 u"uf2.no-return"_s);
    }

    void application()
    {
        const Uf2Bench bench;
        bench.write(flashAt, noise(500));
        QCOMPARE(faultOf([&] { (void)bench.open(); }), u"uf2.no-drive"_s);
    }

    void damagedInfo()
    {
        const Uf2Bench bench;
        bench.drive->setFault(VirtualUf2Fault::parse(u"bad-info"_s));
        QCOMPARE(faultOf([&] { (void)bench.open(); }), u"uf2.info"_s);
    }
};

SLIPWAY_TEST_MAIN(TestUf2Faults)
#include "tst_uf2faults.moc"
