#include "core/station/allocator.h"
#include "core/station/lookup.h"
#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestAllocator : public QObject
{
    Q_OBJECT

private:
    static RecipeVariable variable(const QString &pool, const QString &format, qint64 first = 1)
    {
        RecipeVariable v;
        v.name = pool;
        v.pool = pool;
        v.format = format;
        v.first = first;
        v.from = RecipeVariable::From::Allocator;
        return v;
    }

private Q_SLOTS:
    void countsUp()
    {
        const FakeLine line;
        const auto journal = line.home().openJournal();
        Allocator allocator(*journal, Mode::Production);
        const auto serial = variable(u"serial"_s, u"T1-%08d"_s);
        QCOMPARE(allocator.take(serial, {}, {}), u"T1-00000001"_s);
        QCOMPARE(allocator.take(serial, {}, {}), u"T1-00000002"_s);
        // Other pools, forms and modes count for themselves.
        QCOMPARE(allocator.take(variable(u"serial"_s, u"T2-%08d"_s), {}, {}), u"T2-00000001"_s);
        QCOMPARE(allocator.take(variable(u"other"_s, u"T1-%08d"_s, 40), {}, {}), u"T1-00000040"_s);
        Allocator training(*journal, Mode::Training);
        QCOMPARE(training.take(serial, {}, {}), u"T1-00000001"_s);
        QCOMPARE(allocator.take(serial, {}, {}), u"T1-00000003"_s);
    }

    void hexOverSeveralGroups()
    {
        const FakeLine line;
        const auto journal = line.home().openJournal();
        Allocator allocator(*journal, Mode::Production);
        const auto mac = variable(u"mac"_s, u"02-00-5E-%02X-%02X-%02X"_s, 0xFE);
        QCOMPARE(allocator.take(mac, {}, u"T1-1"_s), u"02-00-5E-00-00-FE"_s);
        QCOMPARE(allocator.take(mac, {}, u"T1-2"_s), u"02-00-5E-00-00-FF"_s);
        QCOMPARE(allocator.take(mac, {}, u"T1-3"_s), u"02-00-5E-00-01-00"_s);
    }

    void aUnitKeepsItsNumber()
    {
        const FakeLine line;
        const auto journal = line.home().openJournal();
        Allocator allocator(*journal, Mode::Production);
        const auto mac = variable(u"mac"_s, u"02-00-5E-%02x-%02x-%02x"_s);
        const QString first = allocator.take(mac, {}, u"T1-00000001"_s);
        QVERIFY(allocator.take(mac, {}, u"T1-00000002"_s) != first);
        QCOMPARE(allocator.take(mac, {}, u"T1-00000001"_s), first);
    }

    void usedUp()
    {
        const FakeLine line;
        const auto journal = line.home().openJournal();
        Allocator allocator(*journal, Mode::Production);
        const auto small = variable(u"s"_s, u"%01d"_s, 8);
        QCOMPARE(allocator.take(small, {}, {}), u"8"_s);
        QCOMPARE(allocator.take(small, {}, {}), u"9"_s);
        QVERIFY_EXCEPTION_THROWN(allocator.take(small, {}, {}), Fault);
        QCOMPARE(line.query(u"SELECT count(*) FROM number"_s), u"2"_s);
    }

    // Units that came with a label, and serial numbers that got a certificate elsewhere, keep their numbers.
    void neverAnotherUnitsSerial()
    {
        FakeLine line;
        const QString steps = u"  - set: { settings: { id/serial: \"${serial}\" } }\n"_s;
        line.open(steps);
        QCOMPARE(said(line.run(1, u"T1-00000001"_s).verdict), u"PASS"_s);
        line.station().journal().appendDurably({u"certificate"_s,
                                                {},
                                                u"T1-00000003"_s,
                                                {{u"mode"_s, u"production"_s},
                                                 {u"serial"_s, u"T1-00000003"_s},
                                                 {u"certificate-serial"_s, u"4711"_s},
                                                 {u"sha256"_s, QByteArray(32, 1)},
                                                 {u"public-key-sha256"_s, QByteArray(32, 2)},
                                                 {u"der"_s, QByteArray("x")}}});
        line.clearPlaces();
        const QString variables = u"  serial: { from: allocator, pool: serial, format: \"T1-%08d\" }\n"_s;
        line.open(steps, {}, {}, variables);
        QCOMPARE(line.run(1, {}).serial, u"T1-00000002"_s);
        QCOMPARE(line.run(1, {}).serial, u"T1-00000004"_s);
        QCOMPARE(line.station().takeNumber(u"serial"_s, u"T1-%08d"_s), u"T1-00000005"_s);
        // Units of training are others.
        StationOptions training;
        training.mode = Mode::Training;
        line.open(steps, training, {}, variables);
        QCOMPARE(line.run(1, {}).serial, u"T1-00000001"_s);
        QCOMPARE(line.query(u"SELECT count(DISTINCT mode || device) - count(*) FROM run"_s), u"0"_s);
    }

    // Two journals open on one file are two programs as far as SQLite is concerned.
    void neverTwiceFromManySides()
    {
        const FakeLine line;
        constexpr int each = 25;
        QStringList taken;
        std::mutex mutex;
        {
            const auto one = line.home().openJournal();
            const auto two = line.home().openJournal();
            std::vector<std::jthread> threads;
            for (int t = 0; t < 4; ++t) {
                threads.emplace_back([&, t] {
                    Allocator allocator(t % 2 ? *one : *two, Mode::Production);
                    for (int i = 0; i < each; ++i) {
                        const QString number = allocator.take(variable(u"serial"_s, u"T1-%08d"_s), {}, {});
                        const std::lock_guard lock(mutex);
                        taken += number;
                    }
                });
            }
        }
        QCOMPARE(taken.size(), 4 * each);
        QCOMPARE(QSet<QString>(taken.begin(), taken.end()).size(), 4 * each);
        QCOMPARE(line.query(u"SELECT max(value) FROM number"_s), u"T1-00000100"_s);
    }

    void recipeTakesItsNumbers()
    {
        FakeLine line;
        line.open(u"  - set: { settings: { id/serial: \"${serial}\", net/mac: \"${mac}\" } }\n"_s, {}, {},
                  u"  serial: { from: allocator, pool: serial, format: \"T1-%08d\" }\n"
                  "  mac: { from: allocator, pool: mac, format: \"02-00-5E-%02x-%02x-%02x\" }\n"_s);
        const SlotView view = line.run(1, {});
        QCOMPARE(said(view.verdict), u"PASS"_s);
        QCOMPARE(view.serial, u"T1-00000001"_s);
        QCOMPARE(line.device(1).settings.value(u"net/mac"_s), "02-00-5E-00-00-01");
        QCOMPARE(line.query(u"SELECT device FROM run"_s), u"T1-00000001"_s);
        // A serial number that the allocator never gave could be given later: refused.
        QVERIFY_EXCEPTION_THROWN(line.station().start(1, u"T1-00000077"_s), Fault);

        line.device(1).losesSettings = true;
        SlotView failed = line.run(1, {});
        QCOMPARE(failed.serial, u"T1-00000002"_s);
        QVERIFY(failed.verdict != Verdict::Pass);
        line.device(1).losesSettings = false;
        line.station().retry(1);
        QVERIFY(line.waitFor(1, [&](const SlotView &v) { return v.runId != failed.runId && v.verdict.has_value(); }));
        QCOMPARE(line.station().slot(1).serial, u"T1-00000002"_s);
        QCOMPARE(line.device(1).settings.value(u"net/mac"_s), "02-00-5E-00-00-02");
        QCOMPARE(line.query(u"SELECT count(*) FROM number"_s), u"4"_s);
    }
};

SLIPWAY_TEST_MAIN(TestAllocator)
#include "tst_allocator.moc"
