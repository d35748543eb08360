// A station at work with devices in memory: verdicts, isolation of places, prompts, stop and retry, scans, counters,
// and what the journal holds afterwards.

#include "tests/support/testmain.h"
#include "tests/unit/station/fakeline.h"

#include <latch>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {
const QString measure =
    u"  - measure: { name: Supply, command: \"adc vdd\", pattern: \"([0-9.]+) V\", unit: V, limits: [3.2, 3.4] }\n"_s;
const QString identify = u"  - identify: { expect: { board: t1-rev-b } }\n"_s;
const QString confirm = u"  - prompt: { text: \"Is the lamp lit?\", answer: yes-no }\n"_s;
const QString lockIt = u"  - lock: { debug: true }\n"_s;
} // namespace

class TestStation : public QObject
{
    Q_OBJECT

private:
    static QString codeOf(const std::function<void()> &work)
    {
        try {
            work();
        } catch (const Fault &fault) {
            return QString::fromLatin1(fault.code());
        }
        return {};
    }
    static void badSupply(FakeDevice &device) { device.answers[u"adc vdd"_s] = {{0, u"vdd = 3.47 V"_s}}; }

private Q_SLOTS:
    void pass()
    {
        FakeLine line;
        line.open(identify + measure + lockIt);
        const SlotView ready = line.station().slot(1);
        QCOMPARE(ready.state, SlotState::Ready);
        QCOMPARE(ready.word, u"READY"_s);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"PASS"_s);
        QCOMPARE(view.word, u"PASS"_s);
        QCOMPARE(view.serial, u"T1-00000001"_s);
        QCOMPARE(view.facts.board, u"t1-rev-b"_s);
        QCOMPARE(view.steps.size(), 3);
        for (const StepView &step : view.steps)
            QCOMPARE(said(step.verdict), u"PASS"_s);
        QCOMPARE(view.steps[1].measurements.size(), 1);
        QVERIFY(view.irreversibleDone);
        QVERIFY(!view.retryable);
        QVERIFY(view.firstEntry > 0 && view.lastEntry > view.firstEntry);
        QCOMPARE(view.progress.fraction, 1.0);
        QVERIFY(line.device(1).locks.value(u"debug"_s));
        // The verdict that can be seen is in the journal, whole.
        QCOMPARE(line.query(u"SELECT verdict FROM run WHERE id = '%1'"_s.arg(view.runId)), u"PASS"_s);
        QCOMPARE(line.query(u"SELECT count(*) FROM step WHERE verdict = 'PASS'"_s), u"3"_s);
        QCOMPARE(line.query(u"SELECT seq FROM entry WHERE kind = 'run.ended'"_s), QString::number(view.lastEntry));
        QCOMPARE(line.query(u"SELECT state FROM intent"_s), u"done"_s);
        QCOMPARE(line.query(u"SELECT mode FROM run"_s), u"production"_s);
    }

    void failIsTheUnits()
    {
        FakeLine line;
        badSupply(line.device(1));
        line.open(identify + measure + lockIt);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"FAIL"_s);
        QVERIFY2(view.sentence.contains(u"3.47"), qPrintable(view.sentence));
        QVERIFY(!view.remedy.isEmpty());
        QCOMPARE(view.faultCode, u"measure.limits"_s);
        QVERIFY(view.retryable);
        QVERIFY(!view.irreversibleDone);
        QVERIFY(!view.steps[2].begun);
        QVERIFY(!line.device(1).locks.value(u"debug"_s));
        QCOMPARE(line.query(u"SELECT fault || step FROM run"_s), u"measure.limits1"_s);
    }

    void errorIsTheStations()
    {
        FakeLine line;
        line.driver().beforeOpen = [](const OpenOptions &, const Task &) {
            throw Fault("file.unwritable", {u"port"_s, u"it is gone"_s});
        };
        line.open(identify);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"ERROR"_s);
        QCOMPARE(view.faultCode, u"file.unwritable"_s);
        QVERIFY(!view.steps[0].begun);
        QCOMPARE(line.station().counters().failed, 0);
        QVERIFY(!line.station().counters().firstPassYield);
    }

    // Whatever a driver throws stays in its place.
    void defectsStayInTheirPlace()
    {
        FakeLine line(3);
        line.driver().beforeOpen = [](const OpenOptions &options, const Task &) {
            if (options.port == u"fake:1")
                throw std::runtime_error("a bug");
            if (options.port == u"fake:2")
                throw 42;
        };
        line.open(identify + measure);
        for (int place = 1; place <= 3; ++place)
            line.station().start(place, u"T1-0000000%1"_s.arg(place));
        line.station().waitAll();
        QCOMPARE(said(line.station().slot(1).verdict), u"ERROR"_s);
        QCOMPARE(line.station().slot(1).faultCode, u"internal.defect"_s);
        QCOMPARE(said(line.station().slot(2).verdict), u"ERROR"_s);
        QCOMPARE(said(line.station().slot(3).verdict), u"PASS"_s);
        QVERIFY(!line.station().slot(1).sentence.contains(u"a bug"));
        QCOMPARE(line.query(u"SELECT count(*) FROM run WHERE ended_at IS NULL"_s), u"0"_s);
    }

    void placesRunAtTheSameTime()
    {
        FakeLine line(8);
        std::latch all(8); // passes only when all eight are inside at once
        line.driver().beforeOpen = [&all](const OpenOptions &, const Task &) { all.arrive_and_wait(); };
        line.open(identify);
        for (int place = 1; place <= 8; ++place)
            line.station().start(place, u"T1-0000000%1"_s.arg(place));
        line.station().waitAll();
        for (int place = 1; place <= 8; ++place)
            QCOMPARE(said(line.station().slot(place).verdict), u"PASS"_s);
        QCOMPARE(line.station().counters().done, 8);
    }

    void retriesAreBounded()
    {
        FakeLine line;
        line.device(1).answers[u"adc vdd"_s] = {{0, u"3.5 V"_s}, {0, u"3.5 V"_s}, {0, u"3.3 V"_s}};
        line.open(u"  - measure: { name: S, command: \"adc vdd\", pattern: \"([0-9.]+) V\", limits: [3.2, 3.4], "
                  "retries: 2 }\n"_s);
        QCOMPARE(said(line.run(1, u"T1-00000001"_s).verdict), u"PASS"_s);
        QCOMPARE(line.query(u"SELECT tries FROM step"_s), u"3"_s);

        line.device(1).answers[u"adc vdd"_s] = {{0, u"3.5 V"_s}};
        const int before = line.device(1).calls(u"shell.run"_s);
        QCOMPARE(said(line.run(1, u"T1-00000002"_s).verdict), u"FAIL"_s);
        QCOMPARE(line.device(1).calls(u"shell.run"_s) - before, 3);
    }

    void onFailAndAlways()
    {
        const QString more = u"on-fail:\n  - set: { name: Mark, settings: { app/state: failed } }\n"
                             "always:\n  - set: { name: Tidy, settings: { app/tidy: done } }\n"_s;
        FakeLine line;
        line.open(measure, {}, more);
        SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"PASS"_s);
        QCOMPARE(view.steps.size(), 3);
        QVERIFY(!view.steps[1].begun);
        QCOMPARE(view.steps[1].section, u"on-fail"_s);
        QCOMPARE(said(view.steps[2].verdict), u"PASS"_s);
        QVERIFY(!line.device(1).settings.contains(u"app/state"_s));
        QCOMPARE(line.device(1).settings.value(u"app/tidy"_s), "done");

        badSupply(line.device(1));
        line.device(1).settings.clear();
        view = line.run(1, u"T1-00000002"_s);
        QCOMPARE(said(view.verdict), u"FAIL"_s);
        QCOMPARE(view.faultCode, u"measure.limits"_s);
        QCOMPARE(line.device(1).settings.value(u"app/state"_s), "failed");
        QCOMPARE(line.device(1).settings.value(u"app/tidy"_s), "done");
        QCOMPARE(line.query(u"SELECT step FROM run WHERE device = 'T1-00000002'"_s), u"0"_s);

        // What goes wrong under always spoils a PASS, and is told as what it is.
        line.clearPlaces();
        line.device(1).losesSettings = true;
        view = line.run(1, u"T1-00000003"_s);
        QVERIFY(view.verdict != Verdict::Pass);
        QCOMPARE(line.query(u"SELECT step FROM run WHERE device = 'T1-00000003'"_s), u"2"_s);
    }

    void promptsWaitForAPerson()
    {
        FakeLine line;
        line.open(confirm + measure);
        line.station().start(1, u"T1-00000001"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        SlotView view = line.station().slot(1);
        QVERIFY(view.prompt.has_value());
        QCOMPARE(view.prompt->kind, PromptRequest::Kind::YesNo);
        line.station().answer(1, {true, {}});
        QVERIFY(line.waitFor(1, SlotState::Finished));
        QCOMPARE(said(line.station().slot(1).verdict), u"PASS"_s);
        QCOMPARE(codeOf([&] { line.station().answer(1, {}); }), u"station.no-question"_s);

        line.station().start(1, u"T1-00000002"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.station().answer(1, {false, {}});
        QVERIFY(line.waitFor(1, SlotState::Finished));
        QCOMPARE(said(line.station().slot(1).verdict), u"FAIL"_s);
        QCOMPARE(line.query(u"SELECT count(*) FROM entry WHERE kind = 'prompt'"_s), u"2"_s);
    }

    // What follows a failure may ask as well, and nobody may be there.
    void promptsAfterAFailureCanBeStopped()
    {
        FakeLine line;
        badSupply(line.device(1));
        line.open(measure, {},
                  u"on-fail:\n  - prompt: { text: \"Put it aside\" }\n"
                  "  - set: { settings: { app/state: failed } }\n"
                  "always:\n  - prompt: { text: \"Open the lid\" }\n"
                  "  - set: { settings: { app/tidy: done } }\n"_s);
        line.station().start(1, u"T1-00000001"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.station().stop(1);
        QVERIFY(line.waitFor(1, SlotState::Finished)); // a stop holds for every question after it, too
        const SlotView view = line.station().slot(1);
        QCOMPARE(said(view.verdict), u"FAIL"_s);
        QCOMPARE(said(view.steps[1].verdict), u"STOPPED"_s);
        QCOMPARE(said(view.steps[3].verdict), u"STOPPED"_s);
        // What brings the unit into a safe state was done all the same.
        QCOMPARE(line.device(1).settings.value(u"app/state"_s), "failed");
        QCOMPARE(line.device(1).settings.value(u"app/tidy"_s), "done");
        // The station's end waits for nobody either.
        line.station().start(1, u"T1-00000002"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.close();
        QCOMPARE(line.query(u"SELECT verdict FROM run WHERE device = 'T1-00000002'"_s), u"FAIL"_s);
    }

    void valuesMustHaveTheirForm()
    {
        FakeLine line;
        line.open(u"  - prompt: { text: \"Scan the lot\", answer: value, pattern: \"LOT[0-9]{4}\" }\n"_s);
        line.station().start(1, u"T1-00000001"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        QCOMPARE(codeOf([&] { line.station().answer(1, {true, u"lot"_s}); }), u"station.answer-form"_s);
        QVERIFY(line.station().scan(u"LOT0042"_s).accepted);
        QVERIFY(line.waitFor(1, SlotState::Finished));
        QCOMPARE(said(line.station().slot(1).verdict), u"PASS"_s);
    }

    void stopEndsWaitingAtOnce()
    {
        FakeLine line(2);
        line.open(confirm + lockIt);
        line.station().start(1, u"T1-00000001"_s);
        line.station().start(2, u"T1-00000002"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        QVERIFY(line.waitFor(2, SlotState::Act));
        line.station().stop(1);
        QVERIFY(line.waitFor(1, SlotState::Finished));
        const SlotView stopped = line.station().slot(1);
        QCOMPARE(said(stopped.verdict), u"STOPPED"_s);
        QVERIFY2(stopped.sentence.contains(u"Nothing irreversible was done"), qPrintable(stopped.sentence));
        QVERIFY(stopped.retryable);
        QCOMPARE(line.station().slot(2).state, SlotState::Act);
        line.station().answer(2, {true, {}});
        QVERIFY(line.waitFor(2, SlotState::Finished));
        QCOMPARE(said(line.station().slot(2).verdict), u"PASS"_s);
        QCOMPARE(line.query(u"SELECT verdict FROM run WHERE device = 'T1-00000001'"_s), u"STOPPED"_s);
    }

    void theStationsEndStopsItsRuns()
    {
        FakeLine line;
        line.open(confirm);
        line.station().start(1, u"T1-00000001"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.close();
        QCOMPARE(line.query(u"SELECT verdict FROM run"_s), u"STOPPED"_s);
    }

    void retryAndAttempts()
    {
        FakeLine line;
        badSupply(line.device(1));
        StationOptions options;
        options.maxAttempts = 2;
        line.open(measure, options);
        QCOMPARE(codeOf([&] { line.station().retry(1); }), u"station.no-retry"_s);
        SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(view.attempt, 1);
        QVERIFY(view.retryable);
        line.station().retry(1);
        QVERIFY(line.waitFor(1, [](const SlotView &v) { return v.attempt == 2 && v.state == SlotState::Finished; }));
        view = line.station().slot(1);
        QCOMPARE(said(view.verdict), u"FAIL"_s);
        QVERIFY(!view.retryable);
        QCOMPARE(codeOf([&] { line.station().retry(1); }), u"station.attempts"_s);
        QCOMPARE(line.station().scan(u"T1-00000001"_s).accepted, false);
        QCOMPARE(said(line.station().slot(1).verdict), u"FAIL"_s); // still to be seen
        // Another program, or this one after a restart, knows it too; a unit of training is another unit.
        line.open(measure, options);
        QCOMPARE(codeOf([&] { line.station().start(1, u"T1-00000001"_s); }), u"station.attempts"_s);
        QCOMPARE(line.run(1, u"T1-00000002"_s).attempt, 1);
        line.open(measure, options);
        QCOMPARE(line.run(1, u"T1-00000002"_s).attempt, 2);
        QCOMPARE(line.query(u"SELECT max(attempt) FROM run"_s), u"2"_s);
        QCOMPARE(codeOf([&] { line.station().start(1, u"T1-00000002"_s); }), u"station.attempts"_s);
        StationOptions training = options;
        training.mode = Mode::Training;
        line.open(measure, training);
        QCOMPARE(line.run(1, u"T1-00000002"_s).attempt, 1);
        // A recipe that was corrected begins anew, and more attempts may be allowed.
        line.open(identify + measure, options);
        QCOMPARE(line.run(1, u"T1-00000002"_s).attempt, 1);
        options.maxAttempts = 3;
        line.open(measure, options);
        QCOMPARE(line.run(1, u"T1-00000002"_s).attempt, 3);
        options.maxAttempts = 2;
        // A stop does not use up an attempt.
        line.open(confirm + measure, options);
        line.station().start(1, u"T1-00000005"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.station().stop(1);
        QVERIFY(line.waitFor(1, SlotState::Finished));
        line.station().retry(1);
        QVERIFY(line.waitFor(1, SlotState::Act));
        QCOMPARE(line.station().slot(1).attempt, 1);
    }

    void serialNumbersAreHeldApart()
    {
        FakeLine line(3);
        line.open(confirm);
        QCOMPARE(codeOf([&] { line.station().start(1, u"T1-1"_s); }), u"station.serial-form"_s);
        QCOMPARE(codeOf([&] { line.station().check(1, u"T1-1"_s); }), u"station.serial-form"_s);
        QCOMPARE(codeOf([&] { line.station().check(1, u"T1-00000001"_s); }), QString());
        QCOMPARE(line.station().slot(1).state, SlotState::Ready);
        QCOMPARE(codeOf([&] { line.station().start(1, {}); }), u"station.serial-missing"_s);
        QCOMPARE(codeOf([&] { line.station().start(9, u"T1-00000001"_s); }), u"station.no-place"_s);
        line.station().start(1, u"T1-00000001"_s);
        QCOMPARE(codeOf([&] { line.station().start(1, u"T1-00000002"_s); }), u"station.working"_s);
        QCOMPARE(codeOf([&] { line.station().start(2, u"T1-00000001"_s); }), u"station.serial-working"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        line.station().answer(1, {true, {}});
        QVERIFY(line.waitFor(1, SlotState::Finished));
        QCOMPARE(codeOf([&] { line.station().start(2, u"T1-00000001"_s); }), u"station.serial-passed"_s);
        QVERIFY(line.station().scan(u"T1-00000001"_s).meaning.contains(u"passed already"));
        // Also after a restart of the station, and not in training, which has its own units.
        StationOptions training;
        training.mode = Mode::Training;
        line.open(measure, training);
        QCOMPARE(said(line.run(2, u"T1-00000001"_s).verdict), u"PASS"_s);
        line.open(measure);
        QCOMPARE(codeOf([&] { line.station().start(2, u"T1-00000001"_s); }), u"station.serial-passed"_s);
    }

    void scansStartUnits()
    {
        FakeLine line(2);
        line.open(confirm);
        QVERIFY(line.station().scan(u"PLACE-2"_s).accepted);
        const ScanMeaning meaning = line.station().scan(u"T1-00000007"_s);
        QVERIFY(meaning.accepted);
        QCOMPARE(meaning.slot, 2);
        QCOMPARE(line.station().lastScan().text, u"T1-00000007"_s);
        QVERIFY(line.waitFor(2, SlotState::Act));
        QCOMPARE(line.station().scan(u"T1-00000008"_s).slot, 1);
        QVERIFY(!line.station().scan(u"T1-00000009"_s).accepted);
    }

    void barrier()
    {
        FakeLine line(2);
        StationOptions options;
        options.barrierStart = true;
        line.open(identify, options);
        line.station().start(1, u"T1-00000001"_s);
        line.station().start(2, u"T1-00000002"_s);
        QCOMPARE(line.station().slot(1).state, SlotState::Waiting);
        QCOMPARE(line.driver().opens(1), 0);
        line.station().releaseBarrier();
        line.station().waitAll();
        QCOMPARE(said(line.station().slot(1).verdict), u"PASS"_s);
        QCOMPARE(said(line.station().slot(2).verdict), u"PASS"_s);
        line.station().start(1, u"T1-00000003"_s);
        line.station().stop(1);
        QCOMPARE(line.station().slot(1).state, SlotState::Ready);
    }

    void unknownWhenNobodyCanTell()
    {
        FakeLine line;
        line.device(1).said.serial = u"T1-00000001"_s;
        line.device(1).failCall(u"lock.lock"_s, 1, Fault("base.timeout", {u"Locking"_s}), FakeDevice::When::After);
        // The second question, about the state after the act, and all later ones, get no answer.
        line.device(1).failCall(u"lock.read"_s, 2, Fault("base.timeout", {u"Asking"_s}));
        line.device(1).failCall(u"lock.read"_s, 3, Fault("base.timeout", {u"Asking"_s}));
        line.open(lockIt);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"UNKNOWN"_s);
        QCOMPARE(view.faultCode, u"station.outcome-unknown"_s);
        QVERIFY(view.retryable);
        QVERIFY(view.irreversibleDone); // for all that is known
        QCOMPARE(line.query(u"SELECT irreversible FROM run"_s), u"1"_s);
        QCOMPARE(line.station().interrupted().size(), 1);
        QCOMPARE(line.station().interrupted().first().act, u"lock"_s);
        // The next run asks first, and goes on from what the device says.
        line.station().retry(1);
        QVERIFY(line.waitFor(1, [&](const SlotView &v) { return v.runId != view.runId && v.verdict.has_value(); }));
        QCOMPARE(said(line.station().slot(1).verdict), u"PASS"_s);
        QVERIFY(line.station().interrupted().isEmpty());
        QCOMPARE(line.query(u"SELECT state FROM intent"_s), u"done"_s);
    }

    void settledWhenTheDeviceCanTell()
    {
        FakeLine line;
        line.device(1).failCall(u"lock.lock"_s, 1, Fault("base.timeout", {u"Locking"_s}), FakeDevice::When::After);
        line.device(1).failCall(u"lock.read"_s, 2, Fault("base.timeout", {u"Asking"_s}));
        line.open(lockIt);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QVERIFY(view.verdict != Verdict::Unknown);
        QVERIFY(view.irreversibleDone);
        QCOMPARE(line.query(u"SELECT state FROM intent"_s), u"done"_s);
    }

    // A certificate is spent also where the run ends before anything was locked.
    void anIssuedCertificateIsIrreversible()
    {
        FakeLine line;
        line.open(u"  - idevid: { profile: t1, mud-url: \"https://mud.example/t1/1.4.json\" }\n"_s + confirm);
        line.station().start(1, u"T1-00000001"_s);
        QVERIFY(line.waitFor(1, SlotState::Act));
        QVERIFY(line.station().slot(1).irreversibleDone);
        line.station().stop(1);
        QVERIFY(line.waitFor(1, SlotState::Finished));
        const SlotView view = line.station().slot(1);
        QVERIFY2(view.sentence.contains(u"after something irreversible was done"), qPrintable(view.sentence));
        QVERIFY(view.irreversibleDone);
        QCOMPARE(line.query(u"SELECT irreversible FROM run"_s), u"1"_s);
        // Issued, and then not written: the same.
        line.clearPlaces();
        line.device(1).failAlways(u"keys.write"_s, Fault("base.timeout", {u"Writing"_s}));
        QCOMPARE(said(line.run(1, u"T1-00000002"_s).verdict), u"FAIL"_s);
        QCOMPARE(line.query(u"SELECT irreversible FROM run WHERE device = 'T1-00000002'"_s), u"1"_s);
    }

    void clearTakesTheVerdictAway()
    {
        FakeLine line;
        line.open(identify);
        line.run(1, u"T1-00000001"_s);
        line.station().clear(1);
        const SlotView view = line.station().slot(1);
        QCOMPARE(view.state, SlotState::Ready);
        QVERIFY(view.serial.isEmpty());
        QVERIFY(!view.verdict);
    }

    void countersAndYield()
    {
        FakeLine line;
        line.open(measure);
        badSupply(line.device(1));
        line.run(1, u"T1-00000001"_s);
        line.clearPlaces();
        line.run(1, u"T1-00000001"_s); // passes the second time
        line.clearPlaces();
        line.run(1, u"T1-00000002"_s);
        const Counters counters = line.station().counters();
        QCOMPARE(counters.done, 2);
        QCOMPARE(counters.failed, 0);
        QCOMPARE(counters.lastHour, 2);
        QCOMPARE(counters.firstPassYield.value_or(-1), 0.5);
        // A second station of the same home knows the last hour, and begins its own shift.
        line.open(measure);
        QCOMPARE(line.station().counters().done, 0);
        QCOMPARE(line.station().counters().lastHour, 2);
    }

    void lampsHaveWords()
    {
        FakeLine line;
        line.open(identify);
        const QList<Lamp> lamps = line.station().lamps();
        QCOMPARE(lamps.size(), 5);
        QStringList names;
        for (const Lamp &lamp : lamps) {
            names += lamp.name;
            QVERIFY(!lamp.words.isEmpty());
        }
        QCOMPARE(names, (QStringList{u"Journal"_s, u"Issuer"_s, u"Printer"_s, u"Disk"_s, u"Plant"_s}));
        QCOMPARE(lamps[1].state, Lamp::State::Caution);
        QVERIFY(lamps[1].words.contains(u"not encrypted"));
        QCOMPARE(lamps[4].state, Lamp::State::Off);
    }

    void logLinesBelongToSteps()
    {
        FakeLine line;
        line.open(measure);
        QStringList heard;
        std::mutex mutex;
        line.station().onLog([&](int slot, const QString &, int step, const QString &text) {
            const std::lock_guard lock(mutex);
            heard += u"%1/%2/%3"_s.arg(slot).arg(step).arg(text);
        });
        badSupply(line.device(1));
        line.run(1, u"T1-00000001"_s);
        const QStringList kept = line.station().logLines(1);
        const std::lock_guard lock(mutex);
        QCOMPARE(kept.size(), heard.size());
        for (const QString &text : kept)
            QCOMPARE(text.count(u'\t'), 2);
    }

    void recipesThatDoNotFitAreRefusedUntouched()
    {
        FakeLine line;
        line.driver().able.remove(Capability::Lock);
        QCOMPARE(codeOf([&] { line.open(lockIt); }).section(u'.', 0, 0), u"recipe"_s);
        QCOMPARE(line.driver().opens(1), 0);
    }

    void badImageIsFoundBeforeAnyDevice()
    {
        FakeLine line;
        QFile::copy(line.home().file(u"recipes/t1-1.4.2.signed.bin"_s), line.home().file(u"recipes/bad.bin"_s));
        QFile image(line.home().file(u"recipes/bad.bin"_s));
        QVERIFY(image.open(QIODevice::ReadWrite));
        QVERIFY(image.seek(20000));
        QVERIFY(image.putChar('\x5a'));
        image.close();
        QCOMPARE(codeOf([&] { line.open(u"  - flash: { image: bad.bin, signer: fw-signing.pem }\n"_s); }),
                 u"station.recipe-attention"_s);
        QCOMPARE(line.driver().opens(1), 0);
    }

    void trainingIsMarked()
    {
        FakeLine line;
        StationOptions options;
        options.mode = Mode::Training;
        options.person = u"Trainee"_s;
        line.open(identify + u"  - idevid: { profile: t1, mud-url: \"https://mud.example/t1/1.4.json\" }\n"_s, options);
        const SlotView view = line.run(1, u"T1-00000001"_s);
        QCOMPARE(said(view.verdict), u"PASS"_s);
        QVERIFY2(view.issuer.contains(u"TRAINING"), qPrintable(view.issuer));
        QVERIFY(view.certificate.contains(u':'));
        QCOMPARE(view.mudUrl, u"https://mud.example/t1/1.4.json"_s);
        QCOMPARE(line.query(u"SELECT mode || operator FROM run"_s), u"trainingTrainee"_s);
        QCOMPARE(line.query(u"SELECT mode FROM certificate"_s), u"training"_s);
        QVERIFY(line.station().lamps()[1].words.contains(u"training"));
    }

    void oneStationPerHome()
    {
        FakeLine line;
        line.open(identify);
        const DriverRegistry none;
        QCOMPARE(codeOf([&] { Station::open(line.home(), none, {}); }), u"station.busy"_s);
        line.close();
        Station::open(line.home(), none, {});
    }
};

SLIPWAY_TEST_MAIN(TestStation)
#include "tst_station.moc"
