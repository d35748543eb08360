// The door to the GUI thread: many knocks from many threads become few deliveries on one thread, none is lost.

#include "app/desktop/guihop.h"
#include "tests/screen/rehearsedstation.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;

class TestGuiHop : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void knocksAreGathered()
    {
        RehearsedStation station(8);
        GuiHop hop;
        hop.watch(station);
        QSet<int> seen;
        int deliveries = 0;
        QThread *on = nullptr;
        connect(&hop, &GuiHop::changed, this, [&](const QSet<int> &places) {
            seen += places;
            ++deliveries;
            on = QThread::currentThread();
        });
        QElapsedTimer clock;
        clock.start();
        {
            std::vector<std::jthread> threads;
            for (int t = 1; t <= 4; ++t) {
                threads.emplace_back([&station, t] {
                    for (int i = 0; i < 5000; ++i)
                        station.touch(i % 2 ? t : t + 4);
                });
            }
            QTRY_COMPARE(seen.size(), 8);
        }
        QTRY_VERIFY(!hop.isExpecting());
        QCOMPARE(seen, (QSet<int>{1, 2, 3, 4, 5, 6, 7, 8}));
        QCOMPARE(on, QThread::currentThread());
        QVERIFY2(deliveries <= 2 + clock.elapsed() / GuiHop::shortestGapMs, qPrintable(QString::number(deliveries)));
    }

    void theLastKnockCounts()
    {
        RehearsedStation station(2);
        GuiHop hop;
        hop.watch(station);
        QList<QSet<int>> deliveries;
        connect(&hop, &GuiHop::changed, this, [&](const QSet<int> &places) { deliveries << places; });
        station.touch(1);
        QTRY_COMPARE(deliveries.size(), 1);
        station.touch(2); // within the gap: comes later, but comes
        QTRY_COMPARE(deliveries.size(), 2);
        QCOMPARE(deliveries[1], QSet<int>{2});
    }

    void silentAfterRelease()
    {
        RehearsedStation station(2);
        auto hop = std::make_unique<GuiHop>();
        hop->watch(station);
        int deliveries = 0;
        connect(hop.get(), &GuiHop::changed, this, [&] { ++deliveries; });
        hop->release();
        station.touch(1);
        QCoreApplication::processEvents();
        QCOMPARE(deliveries, 0);
        hop.reset();
        station.touch(1); // a station keeps its callbacks
    }

    void workAsideComesBack()
    {
        GuiHop hop;
        std::thread::id worker;
        std::thread::id back;
        hop.aside([&] {
            worker = std::this_thread::get_id();
            return [&] { back = std::this_thread::get_id(); };
        });
        QTRY_COMPARE(back, std::this_thread::get_id());
        QVERIFY(worker != back);
    }

    void goneBeforeTheWorkIsDone()
    {
        bool called = false;
        {
            GuiHop hop;
            hop.aside([&] { return [&] { called = true; }; });
        }
        QCoreApplication::processEvents();
        QVERIFY(!called);
    }
};

SLIPWAY_TEST_MAIN(TestGuiHop)
#include "tst_guihop.moc"
