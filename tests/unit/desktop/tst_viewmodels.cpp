// What the view models make of the station's snapshots: words, actions, scales, logs, counters.

#include "app/desktop/countersviewmodel.h"
#include "app/desktop/loglistmodel.h"
#include "app/desktop/recentlistmodel.h"
#include "app/desktop/segmentbar.h"
#include "app/desktop/slip.h"
#include "app/desktop/steplistmodel.h"
#include "tests/screen/rehearsedstation.h"
#include "tests/support/testmain.h"

#include <QSignalSpy>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QStringList ids(const QVariantList &actions)
{
    QStringList list;
    for (const QVariant &action : actions)
        list << action.toMap().value(u"id"_s).toString();
    return list;
}

Measurement measured(double value, std::optional<double> low, std::optional<double> high)
{
    Measurement m;
    m.value = value;
    m.low = low;
    m.high = high;
    return m;
}

} // namespace

class TestViewModels : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void actionsFitTheState()
    {
        SlotViewModel place(5);
        place.update(readyView(5));
        QCOMPARE(ids(place.pageActions()), QStringList{u"start"_s});
        place.update(workingView(5, u"A"_s, 1, 0.5));
        QCOMPARE(ids(place.pageActions()), QStringList{u"ask-stop"_s});
        QVERIFY(place.tileActions().isEmpty());
        QCOMPARE(place.percent(), u"25 %"_s);
        QCOMPARE(place.fineDetail(), u"64.1 kB/s · 96 % of the line"_s);
        place.askToStop(true);
        QCOMPARE(ids(place.tileActions()), (QStringList{u"stop"_s, u"go-on"_s}));
        place.update(failView(5, u"A"_s)); // over by itself: the question is moot
        QVERIFY(!place.asksToStop());
        QCOMPARE(ids(place.pageActions()), (QStringList{u"retry"_s, u"print"_s}));
        SlotView last = failView(5, u"A"_s);
        last.attempt = 2;
        place.update(last);
        QCOMPARE(ids(place.pageActions()), QStringList{u"print"_s});
        QCOMPARE(place.quiet(), u"Red bin."_s);
        place.update(unknownView(5, u"A"_s));
        QCOMPARE(ids(place.pageActions()), (QStringList{u"reconcile"_s, u"print"_s}));
        place.update(readyView(5));
        place.askToStop(true); // nothing to stop
        QVERIFY(!place.asksToStop());
    }

    void aTransferTouchesTheBarOnly()
    {
        SlotViewModel place(1);
        place.update(workingView(1, u"A"_s, 1, 0.5));
        QSignalSpy changed(&place, &SlotViewModel::changed);
        QSignalSpy progress(&place, &SlotViewModel::progressChanged);
        place.update(workingView(1, u"A"_s, 1, 0.6));
        QCOMPARE(changed.count(), 0);
        QCOMPARE(progress.count(), 1);
        place.update(workingView(1, u"A"_s, 1, 0.6));
        QCOMPARE(progress.count(), 1);
    }

    void stopSaysWhatStaysDone()
    {
        SlotViewModel place(1);
        SlotView view = workingView(1, u"A"_s, 2, 0.5);
        place.update(view);
        place.askToStop(true);
        QCOMPARE(place.quiet(), u"Nothing irreversible was done."_s);
        view.irreversibleDone = true;
        place.update(view);
        QCOMPARE(place.quiet(), u"What cannot be undone stays done."_s);
    }

    void scales()
    {
        const auto inside = StepListModel::scaleOf(measured(3.3, 3.2, 3.4));
        QVERIFY(inside && qFuzzyCompare(inside->at, 0.5));
        const auto above = StepListModel::scaleOf(measured(3.47, 3.2, 3.4));
        QVERIFY(above && above->at > above->bandTo && above->at < 1);
        QVERIFY(StepListModel::scaleOf(measured(-900, 3.2, 3.4))->at < 0.02);
        const auto least = StepListModel::scaleOf(measured(7, 5, {}));
        QVERIFY(least && least->bandTo == 1 && least->at > least->bandFrom);
        const auto most = StepListModel::scaleOf(measured(7, {}, 5));
        QVERIFY(most && most->bandFrom == 0 && most->at > most->bandTo);
        QVERIFY(StepListModel::scaleOf(measured(0, 0, 0)));
        QVERIFY(!StepListModel::scaleOf(measured(7, {}, {})));
        Measurement text;
        text.text = u"1.4.2"_s;
        text.expected = u"1.4.2"_s;
        QVERIFY(!StepListModel::scaleOf(text));
        QCOMPARE(StepListModel::measurementMap(text).value(u"limits"_s).toString(), u"expected 1.4.2"_s);
        QCOMPARE(StepListModel::measurementMap(measured(-41.2, -50, -35)).value(u"value"_s).toString(),
                 u"\u221241.2"_s);
    }

    void logsGrowAndAreFiltered()
    {
        LogListModel log;
        QSignalSpy reset(&log, &QAbstractItemModel::modelReset);
        log.update(u"run"_s, {u"t0\t0\tone"_s, u"t1\t1\ttwo\twith a tab"_s, u"raw line"_s});
        QCOMPARE(log.count(), 3);
        const auto resets = reset.count();
        log.update(u"run"_s, {u"t0\t0\tone"_s, u"t1\t1\ttwo\twith a tab"_s, u"raw line"_s, u"t3\t1\tfour"_s});
        QCOMPARE(reset.count(), resets); // appended
        QCOMPARE(log.count(), 4);
        log.filter(1);
        QCOMPARE(log.text(), u"t1 two\twith a tab\nt3 four\n"_s);
        log.update(u"next"_s, {u"t0\t1\tfresh"_s});
        QCOMPARE(log.text(), u"t0 fresh\n"_s);
    }

    void yieldIsNeverRoundedUp()
    {
        CountersViewModel counters;
        QCOMPARE(counters.firstPass(), u"–"_s);
        Counters c;
        c.firstPassYield = 0.99999;
        counters.update(c);
        QCOMPARE(counters.firstPass(), u"99.9 %"_s);
        c.firstPassYield = 1;
        counters.update(c);
        QCOMPARE(counters.firstPass(), u"100.0 %"_s);
    }

    void lastUnits()
    {
        RecentListModel recent;
        for (int i = 0; i < 30; ++i)
            recent.add(1, QString::number(i), QString::number(i), Verdict::Pass);
        recent.add(1, u"29"_s, u"29"_s, Verdict::Pass); // told twice, shown once
        QCOMPARE(recent.rowCount(), RecentListModel::limit);
        QCOMPARE(recent.data(recent.index(0), recent.roleNames().key("serial")).toString(), u"29"_s);
    }

    void segments()
    {
        const auto parts = SegmentBar::layOut({0.01, 0.69, 0.3, 0}, {8, 8, 8, 8}, 300, 3);
        QCOMPARE(parts.size(), 4);
        double end = 0;
        for (const auto &[x, w] : parts) {
            QVERIFY(w >= 7.9);
            QVERIFY(x >= end);
            end = x + w;
        }
        QVERIFY(std::abs(end - 300) < 0.5);
        QVERIFY(SegmentBar::layOut({}, {}, 300, 3).isEmpty());
        QCOMPARE(SegmentBar::layOut({1, 1}, {8, 8}, 0, 3).size(), 2);
        // Names need room: the short phase with the long name gets it.
        QVERIFY(SegmentBar::layOut({0.1, 0.9}, {60, 30}, 300, 3)[0].second >= 60);
    }

    void slipNamesAreSafe()
    {
        Slip slip;
        slip.view = failView(1, u"../../etc/T1 0001"_s);
        QVERIFY(!slip.fileName().contains(u'/'));
        QVERIFY(slip.fileName().endsWith(u".pdf"_s));
    }
};

SLIPWAY_TEST_MAIN(TestViewModels)
#include "tst_viewmodels.moc"
