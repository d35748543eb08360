// What a crash leaves in the journal, written here as the crash would have left it; real kills are in tests/faults.

#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

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
