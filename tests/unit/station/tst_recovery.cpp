// What a crash leaves in the journal, written here as the crash would have left it; real kills are in tests/faults.

#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

#include <future>
#include <latch>
#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestRecovery : public QObject
{
    Q_OBJECT

private:
    const QString m_run = u"aaaaaaaa-0000-4000-8000-000000000001"_s;
    const QString m_unit = u"T1-00000001"_s;
    const QString m_lock = u"  - lock: { debug: true }\n"_s;

    void left(const FakeLine &line, bool intent, const QString &outcome = {}, const QString &mode = u"production"_s,
              const QString &hardwareId = {})
    {
        const auto journal = line.home().openJournal();
        journal->appendDurably(
            {u"run.begun"_s,
             m_run,
             m_unit,
             {{u"recipe"_s, u"Test recipe"_s}, {u"slot"_s, u"1"_s}, {u"driver"_s, u"fake"_s}, {u"mode"_s, mode}}});
        journal->appendDurably(
            {u"step.begun"_s, m_run, m_unit, {{u"index"_s, 0}, {u"step"_s, u"lock"_s}, {u"name"_s, u"Lock"_s}}});
        if (!hardwareId.isEmpty())
            journal->appendDurably(
                {u"fact"_s, m_run, m_unit, {{u"name"_s, u"hardware-id"_s}, {u"value"_s, hardwareId}}});
        if (intent)
            journal->appendDurably({u"intent"_s,
                                    m_run,
                                    m_unit,
                                    {{u"intent"_s, u"bbbbbbbb-0000-4000-8000-000000000001"_s},
                                     {u"act"_s, u"lock"_s},
                                     {u"index"_s, 0},
                                     {u"detail"_s, QCborMap{{u"lock"_s, u"debug"_s}}}}});
        if (!outcome.isEmpty())
            journal->appendDurably({u"outcome"_s,
                                    m_run,
                                    m_unit,
                                    {{u"intent"_s, u"bbbbbbbb-0000-4000-8000-000000000001"_s},
                                     {u"state"_s, outcome},
                                     {u"sentence"_s, u"."_s}}});
    }

private Q_SLOTS:
    void nothingIrreversible()
    {
        FakeLine line;
        left(line, false);
        line.open(m_lock);
        const auto list = line.station().interrupted();
        QCOMPARE(list.size(), 1);
        QCOMPARE(list[0].device, m_unit);
        QCOMPARE(list[0].lastStep, u"Lock"_s);
        QVERIFY2(list[0].sentence.contains(u"nothing irreversible"), qPrintable(list[0].sentence));
        QVERIFY(list[0].intent.isEmpty());
        QCOMPARE(line.query(u"SELECT verdict || fault FROM run"_s), u"ERRORstation.interrupted"_s);
        // Shown again until the unit has been through a run.
        line.open(m_lock);
        QCOMPARE(line.station().interrupted().size(), 1);
        QCOMPARE(said(line.run(1, m_unit).verdict), u"PASS"_s);
        QVERIFY(line.station().interrupted().isEmpty());
        QCOMPARE(line.query(u"SELECT count(*) FROM entry WHERE kind = 'run.ended'"_s), u"2"_s);
    }

    void openIntentIsUnknownUntilAsked()
    {
        FakeLine line;
        left(line, true);
        line.device(1).locks[u"debug"_s] = true; // it had taken effect
        line.device(1).said.serial = m_unit;
        line.open(m_lock);
        auto list = line.station().interrupted();
        QCOMPARE(list.size(), 1);
        QCOMPARE(list[0].act, u"lock"_s);
        QCOMPARE(list[0].known.state, u"unknown"_s);
        QCOMPARE(line.query(u"SELECT verdict FROM run"_s), u"UNKNOWN"_s);
        const Reconciled known = line.station().reconcile(list[0], 1);
        QCOMPARE(known.state, u"done"_s);
        QCOMPARE(line.query(u"SELECT state FROM intent"_s), u"done"_s);
        list = line.station().interrupted();
        QCOMPARE(list.size(), 1);
        QVERIFY(list[0].intent.isEmpty());
        // What is said now is what was found out.
        QVERIFY2(list[0].sentence.contains(u"lock is set"), qPrintable(list[0].sentence));
        QVERIFY2(!list[0].sentence.contains(u"not known"), qPrintable(list[0].sentence));
        QCOMPARE(list[0].known.sentence, list[0].sentence);
        QCOMPARE(said(line.run(1, m_unit).verdict), u"PASS"_s);
        QCOMPARE(line.device(1).calls(u"lock.lock"_s), 0);
        QVERIFY(line.station().interrupted().isEmpty());
    }

    void theNextRunAsksByItself()
    {
        FakeLine line;
        left(line, true);
        line.device(1).said.serial = m_unit;
        line.open(m_lock);
        QCOMPARE(said(line.run(1, m_unit).verdict), u"PASS"_s);
        QCOMPARE(line.query(u"SELECT state FROM intent ORDER BY entry LIMIT 1"_s), u"not-done"_s);
        QCOMPARE(line.device(1).calls(u"lock.lock"_s), 1);
        QVERIFY(line.station().interrupted().isEmpty());
    }

    // A board without a serial number is known again by its hardware id.
    void theHardwareIdProves()
    {
        FakeLine line;
        left(line, true, {}, u"production"_s, line.device(1).said.hardwareId);
        line.device(1).locks[u"debug"_s] = true;
        line.open(m_lock);
        QCOMPARE(line.station().reconcile(line.station().interrupted().first(), 1).state, u"done"_s);
        QCOMPARE(line.query(u"SELECT state FROM intent"_s), u"done"_s);
    }

    // Only the very unit may answer for itself.
    void nobodyElseAnswers_data()
    {
        QTest::addColumn<QString>("serial");
        QTest::addColumn<QString>("recorded");
        QTest::addColumn<QString>("said");
        QTest::newRow("another serial") << u"T1-00000099"_s << QString() << u"02-00-5e-10"_s;
        QTest::newRow("another board") << QString() << u"02-00-5e-11"_s << u"02-00-5e-10"_s;
        QTest::newRow("another board with the serial") << m_unit << u"02-00-5e-11"_s << u"02-00-5e-10"_s;
        QTest::newRow("no word") << QString() << QString() << u"02-00-5e-10"_s;
        QTest::newRow("nothing at all") << QString() << QString() << QString();
        QTest::newRow("boards without ids") << QString() << u"00-00-00-00"_s << u"00-00-00-00"_s;
    }
    void nobodyElseAnswers()
    {
        QFETCH(QString, serial);
        QFETCH(QString, recorded);
        QFETCH(QString, said);
        FakeLine line;
        left(line, true, {}, u"production"_s, recorded);
        line.device(1).said.serial = serial;
        line.device(1).said.hardwareId = said;
        line.open(m_lock);
        const Interrupted run = line.station().interrupted().first();
        try {
            line.station().reconcile(run, 1);
            QFAIL("another unit answered");
        } catch (const Fault &fault) {
            QVERIFY2(fault.is("station.other-unit") || fault.is("station.unit-unproven"), fault.code());
        }
        line.run(1, m_unit);
        QCOMPARE(line.query(u"SELECT count(*) FROM entry WHERE kind = 'outcome' AND run = '%1'"_s.arg(m_run)), u"0"_s);
        // What is open stays on the list, whatever runs come after.
        QCOMPARE(line.station().interrupted().size(), 1);
        QCOMPARE(line.station().interrupted().first().runId, m_run);
        line.station().dismiss(m_run, u"it was looked at"_s);
        QVERIFY(line.station().interrupted().isEmpty());
    }

    // Asking one device, however slow it is, holds up no other place, nor the screen.
    void askingHoldsNobodyUp()
    {
        FakeLine line(2);
        left(line, true);
        line.device(1).said.serial = m_unit;
        std::latch asked(1);
        std::latch answer(1);
        line.driver().beforeOpen = [&](const OpenOptions &options, const Task &) {
            if (options.port == u"fake:1") {
                asked.count_down();
                answer.wait();
            }
        };
        line.open(m_lock);
        const Interrupted run = line.station().interrupted().first();
        QString state;
        std::jthread asking([&] { state = line.station().reconcile(run, 1).state; });
        asked.wait();
        const SlotView busy = line.station().slot(1);
        auto scanned = std::async(std::launch::async, [&] {
            return line.station().scan(u"T1-00000005"_s).slot; // not into the place that is being asked
        });
        const bool free = scanned.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
        bool refused = false;
        if (free) {
            try {
                line.station().start(1, u"T1-00000006"_s);
            } catch (const Fault &fault) {
                refused = fault.is("station.working");
            }
        }
        answer.count_down();
        asking.join();
        QVERIFY(free);
        QCOMPARE(scanned.get(), 2);
        QVERIFY(refused);
        QCOMPARE(busy.state, SlotState::Working);
        QCOMPARE(state, u"not-done"_s);
        QCOMPARE(line.station().slot(1).state, SlotState::Ready);
        line.station().waitAll();
        line.driver().beforeOpen = {};
        QCOMPARE(said(line.run(1, m_unit).verdict), u"PASS"_s);
    }

    void anotherUnitInThePlaceIsNotAsked()
    {
        FakeLine line;
        left(line, true);
        line.device(1).said.serial = u"T1-00000099"_s;
        line.open(m_lock);
        try {
            line.station().reconcile(line.station().interrupted().first(), 1);
            QFAIL("another unit answered");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("station.other-unit"));
        }
        QCOMPARE(line.query(u"SELECT state IS NULL FROM intent"_s), u"1"_s);
    }

    void whatWasDoneIsSaid()
    {
        FakeLine line;
        left(line, true, u"done"_s);
        line.open(m_lock);
        const auto list = line.station().interrupted();
        QCOMPARE(list.size(), 1);
        QVERIFY2(list[0].sentence.contains(u"done before that"), qPrintable(list[0].sentence));
        QCOMPARE(line.query(u"SELECT verdict || irreversible FROM run"_s), u"ERROR1"_s);
    }

    void trainingStaysTraining()
    {
        FakeLine line;
        left(line, false, {}, u"training"_s);
        line.open(m_lock);
        const auto list = line.station().interrupted();
        QCOMPARE(list.size(), 1);
        QCOMPARE(list[0].mode, u"training"_s);
        QCOMPARE(said(line.run(1, m_unit).verdict), u"PASS"_s); // of production: another unit
        QCOMPARE(line.station().interrupted().size(), 1);
    }

    void dismissed()
    {
        FakeLine line;
        left(line, true);
        line.open(m_lock);
        QVERIFY_EXCEPTION_THROWN(line.station().dismiss(u"nonsense"_s, {}), Fault);
        line.station().dismiss(m_run, u"scrapped"_s);
        QVERIFY(line.station().interrupted().isEmpty());
        line.open(m_lock);
        QVERIFY(line.station().interrupted().isEmpty());
    }
};

SLIPWAY_TEST_MAIN(TestRecovery)
#include "tst_recovery.moc"
