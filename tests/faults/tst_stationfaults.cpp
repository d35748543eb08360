// A station whose disk fills up at the wrong moment: what the screen said and what the journal says afterwards agree.

#include "tests/faults/faultyvfs.h"
#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestStationFaults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { FaultyDisk::install(); }
    void cleanup() { FaultyDisk::fullAfter(-1); }

    void anErrorOnTheScreenStaysAnError_data()
    {
        QTest::addColumn<bool>("good");
        QTest::newRow("would have passed") << true;
        QTest::newRow("would have failed") << false;
    }
    void anErrorOnTheScreenStaysAnError()
    {
        QFETCH(bool, good);
        FakeLine line(2);
        line.open(u"  - prompt: { text: \"Is the lamp lit?\", answer: yes-no }\n"_s);
        line.station().start(1, u"T1-00000001"_s);
        line.station().start(2, u"T1-00000002"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        QVERIFY(line.waitFor(2, SlotState::Act));
        line.station().journal().flush();
        FaultyDisk::fullAfter(0);
        line.station().answer(1, {good, {}});
        QVERIFY(line.waitFor(1, SlotState::Finished));
        const SlotView view = line.station().slot(1);
        QCOMPARE(said(view.verdict), u"ERROR"_s);
        QCOMPARE(view.faultCode, u"journal.disk-full"_s);
        QVERIFY(view.retryable);

        FaultyDisk::fullAfter(-1);
        line.station().journal().flush(); // what was kept is written
        QCOMPARE(line.query(u"SELECT verdict || fault FROM run WHERE device = 'T1-00000001'"_s),
                 u"ERRORjournal.disk-full"_s);
        QCOMPARE(line.query(u"SELECT count(*) FROM entry WHERE kind = 'run.ended'"_s), u"1"_s);
        line.station().retry(1);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.station().answer(1, {true, {}});
        line.station().answer(2, {true, {}});
        line.station().waitAll();
        QCOMPARE(said(line.station().slot(1).verdict), u"PASS"_s);
        QCOMPARE(said(line.station().slot(2).verdict), u"PASS"_s);
    }
};

SLIPWAY_TEST_MAIN(TestStationFaults)
#include "tst_stationfaults.moc"
