// The steps identify, set, time, reset, lock and prompt against a device in memory: what they do, and what they refuse.

#include "core/base/files.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {
const Fault silent("base.timeout", {QStringLiteral("The device")});
}

class TestDeviceSteps : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void identify()
    {
        FakeDevice device;
        device.said.more.insert(u"buffers"_s, u"4 x 2048"_s);
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"identify: { expect: { board: t1-rev-b, hardware-id: \"02-00-5e-.*\", "
                                         "firmware: 1.0.0 } }"_s);
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(context.facts.value(u"board"_s), u"t1-rev-b"_s);
        QCOMPARE(context.facts.value(u"buffers"_s), u"4 x 2048"_s);
        QCOMPARE(context.lastSummary, u"t1-rev-b, 1.0.0, 02-00-5e-10-00-00-00-07"_s);

        device.said.board = u"t1-rev-c"_s;
        QCOMPARE(context.codeOf(step), u"identify.board"_s);
        device.said.board = u"t1-rev-b"_s;
        device.said.hardwareId = u"03-00-5e-10-00-00-00-07"_s;
        QCOMPARE(context.codeOf(step), u"identify.hardware-id"_s);
        device.said.hardwareId = u"02-00-5e-10-00-00-00-07"_s;
        device.said.firmwareVersion = u"0.9"_s;
        QCOMPARE(context.codeOf(step), u"identify.firmware"_s);
        device.failAlways(u"facts"_s, silent);
        QCOMPARE(context.codeOf(step), u"base.timeout"_s);
    }

    void identifyRefusesImplausible_data()
    {
        QTest::addColumn<QString>("id");
        QTest::newRow("zeros") << u"00-00-00-00-00-00-00-00"_s;
        QTest::newRow("ones") << u"ff-FF-ff-ff-ff-ff-ff-ff"_s;
        QTest::newRow("dashes") << u"--"_s;
    }
    void identifyRefusesImplausible()
    {
        QFETCH(QString, id);
        FakeDevice device;
        device.said.hardwareId = id;
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), u"identify.implausible"_s);
    }

    void identifySerial()
    {
        FakeDevice device;
        device.said.serial = u"T1-00000008"_s;
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"identify: { expect: { serial: \"${serial}\" } }"_s);
        QCOMPARE(context.codeOf(step), u"identify.serial"_s);
        device.said.serial = u"T1-00000007"_s;
        QCOMPARE(context.codeOf(step), QString());
    }

    void identifyRefusesAnotherFinishedUnit()
    {
        FakeDevice device;
        device.said.serial = u"T1-00000008"_s;
        device.said.locked = device.said.identityPresent = true;
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), u"identify.other-unit"_s);
        device.said.serial = u"T1-00000007"_s; // the very unit again
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), QString());
        device.said.serial = u"T1-00000008"_s;
        device.said.locked = false; // a wrong scan must not overwrite its serial number
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), u"identify.other-unit"_s);
        device.said.locked.reset();
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), u"identify.other-unit"_s);
        device.said.identityPresent = false; // a serial number without an identity can be replaced
        QCOMPARE(context.codeOf(stepFrom(u"identify"_s)), QString());
    }

    void set()
    {
        FakeDevice device;
        FakeContext context(device);
        writeFile(context.folder.filePath(u"ca.pem"_s), "certificate\n");
        const RecipeStep step =
            stepFrom(u"set:\n"
                     "    settings: { id/serial: \"${serial}\", app/site: hall 3 }\n"
                     "    files: { /lfs/ca.pem: ca.pem, /lfs/who.txt: { text: \"<${serial}>\" } }"_s,
                     context.folder.path());
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(device.settings.value(u"id/serial"_s), "T1-00000007");
        QCOMPARE(device.files.value(u"/lfs/ca.pem"_s), "certificate\n");
        QCOMPARE(device.files.value(u"/lfs/who.txt"_s), "<T1-00000007>");
        QCOMPARE(device.calls(u"blobs.commit"_s), 1);
        QCOMPARE(context.lastSummary, u"2 settings, 2 files, 25 bytes, read back"_s);
        // Values may be secrets: none is in the log.
        QVERIFY(!context.log.join(u'\n').contains(u"hall 3"_s));
        QVERIFY(!context.log.join(u'\n').contains(u"T1-0"_s));

        // What is right already is not written again: a locked device would refuse that.
        device.locks[u"debug"_s] = true;
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(device.calls(u"blobs.commit"_s), 1);
        device.settings[u"app/site"_s] = "hall 4";
        QCOMPARE(context.codeOf(step), u"device.refused"_s);
    }

    void setReadsBack()
    {
        for (const bool hashes : {true, false}) {
            FakeDevice device;
            device.tellsFileHashes = hashes;
            device.losesSettings = true;
            FakeContext context(device);
            QCOMPARE(context.codeOf(stepFrom(u"set: { settings: { a/b: c } }"_s)), u"set.differs"_s);
            QCOMPARE(context.codeOf(stepFrom(u"set: { files: { /lfs/x: { text: y } } }"_s)), u"set.differs"_s);
            device.losesSettings = false;
            QCOMPARE(context.codeOf(stepFrom(u"set: { files: { /lfs/x: { text: y } } }"_s)), QString());
        }
    }

    void setRefuses()
    {
        FakeDevice device;
        FakeContext context(device);
        device.failCall(u"blobs.read"_s, 1, silent);
        QCOMPARE(context.codeOf(stepFrom(u"set: { settings: { a/b: c } }"_s)), u"base.timeout"_s);
        QVERIFY(device.settings.isEmpty());
        device.mend();
        RecipeStep gone = stepFrom(u"set: { files: { /lfs/x: { text: y } } }"_s);
        gone.parameters[u"files"_s] = QVariantMap{{u"/lfs/x"_s, QVariantMap{{u"file"_s, u"/nowhere/x"_s}}}};
        QCOMPARE(context.codeOf(gone), u"file.unreadable"_s); // before the device is touched
        device.lacks << Capability::Blobs;
        QCOMPARE(context.codeOf(stepFrom(u"set: { settings: { a/b: c } }"_s)), u"device.lacks"_s);
        RecipeStep unknown = stepFrom(u"set: { settings: { a/b: \"${mac}\" } }"_s);
        device.lacks.clear();
        QCOMPARE(context.codeOf(unknown), u"recipe.no-variable"_s);
    }

    void time()
    {
        FakeDevice device;
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"time: { tolerance: 2s }"_s);
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(context.measurements.size(), 1);
        QVERIFY(context.measurements[0].verdict == Verdict::Pass);
        QCOMPARE(context.measurements[0].unit, u"s"_s);
        QVERIFY(context.facts.contains(u"time-set"_s));
        for (const qint64 off : {-2500, 2500}) {
            device.clockOffsetMs = off;
            QCOMPARE(context.codeOf(step), u"time.differs"_s);
            QVERIFY(context.measurements.last().verdict == Verdict::Fail);
            QVERIFY(std::abs(*context.measurements.last().value - double(off) / 1000) < 1);
        }
        device.lacks << Capability::Clock;
        QCOMPARE(context.codeOf(step), u"device.lacks"_s);
    }

    void reset()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"reset"_s)), QString());
        QCOMPARE(device.calls(u"reset"_s), 1);
        QVERIFY(context.lastSummary.contains(u"1.0.0"_s));
        device.failAlways(u"reset"_s, silent);
        QCOMPARE(context.codeOf(stepFrom(u"reset"_s)), u"base.timeout"_s);
        device.lacks << Capability::Reset;
        QCOMPARE(context.codeOf(stepFrom(u"reset"_s)), u"device.lacks"_s);
    }

    void lock()
    {
        FakeDevice device;
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"lock: { debug: true }"_s);
        QCOMPARE(context.codeOf(step), QString());
        QVERIFY(device.locks.value(u"debug"_s));
        // The intent is on record before the act, the outcome after the device was asked.
        QCOMPARE(device.order, (QStringList{u"lock.list"_s, u"lock.read"_s, u"intend lock"_s, u"lock.lock"_s,
                                            u"lock.read"_s, u"outcome done"_s}));
        QCOMPARE(context.intents[0].second.value(u"lock"_s).toString(), u"debug"_s);

        // Locked already: nothing is intended and nothing done.
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(device.calls(u"lock.lock"_s), 1);
        QCOMPARE(context.intents.size(), 1);
        QCOMPARE(context.lastSummary, u"debug was locked already"_s);
    }

    void lockOutcomes_data()
    {
        QTest::addColumn<bool>("words");
        QTest::addColumn<QString>("failing");
        QTest::addColumn<bool>("after");
        QTest::addColumn<bool>("asked");
        QTest::addColumn<QString>("code");
        QTest::addColumn<QString>("state");
        QTest::newRow("only in words") << true << QString() << false << true << u"lock.open"_s << u"not-done"_s;
        QTest::newRow("refused") << false << u"lock.lock"_s << false << true << u"base.timeout"_s << u"not-done"_s;
        QTest::newRow("done, answer lost") << false << u"lock.lock"_s << true << true << QString() << u"done"_s;
        QTest::newRow("cannot be asked") << false << u"lock.lock"_s << true << false << u"lock.unknown"_s
                                         << u"unknown"_s;
        QTest::newRow("done, cannot be asked")
            << false << QString() << false << false << u"lock.unknown"_s << u"unknown"_s;
    }
    void lockOutcomes()
    {
        QFETCH(bool, words);
        QFETCH(QString, failing);
        QFETCH(bool, after);
        QFETCH(bool, asked);
        FakeDevice device;
        device.locksOnlyInWords = words;
        if (!failing.isEmpty())
            device.failCall(failing, 1, silent, after ? FakeDevice::When::After : FakeDevice::When::Before);
        if (!asked)
            device.failCall(u"lock.read"_s, 2, silent);
        FakeContext context(device);
        QTEST(context.codeOf(stepFrom(u"lock: { debug: true }"_s)), "code");
        QCOMPARE(context.outcomes.size(), 1);
        QTEST(context.outcomes[0].state, "state");
    }

    void lockStopsBeforeTheAct()
    {
        FakeDevice device;
        FakeContext context(device);
        const RecipeStep step = stepFrom(u"lock: { debug: true }"_s);
        std::stop_source stop;
        stop.request_stop();
        const auto work = stepKind(u"lock"_s)->make(step);
        QCOMPARE(context.codeOf(*work, stop.get_token()), u"base.stopped"_s);
        QVERIFY(context.intents.isEmpty());
        QVERIFY(!device.locks.value(u"debug"_s));
    }

    void lockNames()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"lock: { others: [fuse] }"_s)), u"lock.unknown-name"_s);
        device.locks.insert(u"fuse"_s, false);
        QCOMPARE(context.codeOf(stepFrom(u"lock: { debug: true, others: [fuse] }"_s)), QString());
        QVERIFY(device.locks.value(u"fuse"_s) && device.locks.value(u"debug"_s));
        device.lacks << Capability::Lock;
        QCOMPARE(context.codeOf(stepFrom(u"lock: { debug: true }"_s)), u"device.lacks"_s);
    }

    void lockReconciles()
    {
        const StepKind *kind = stepKindOfAct(u"lock"_s);
        QVERIFY(kind);
        QCOMPARE(kind->name, u"lock"_s);
        FakeDevice device;
        Evidence evidence;
        evidence.serial = u"T1-00000007"_s;
        const QCborMap detail{{u"lock"_s, u"debug"_s}};
        QCOMPARE(kind->reconcile(u"lock"_s, detail, evidence).state, u"unknown"_s);
        evidence.device = &device;
        QCOMPARE(kind->reconcile(u"lock"_s, detail, evidence).state, u"not-done"_s);
        device.locks[u"debug"_s] = true;
        const Reconciled done = kind->reconcile(u"lock"_s, detail, evidence);
        QCOMPARE(done.state, u"done"_s);
        QVERIFY(!done.sentence.isEmpty() && !done.safeNext.isEmpty());
        device.failAlways(u"lock.read"_s, silent);
        QCOMPARE(kind->reconcile(u"lock"_s, detail, evidence).state, u"unknown"_s);
    }

    void prompt()
    {
        FakeDevice device;
        FakeContext context(device);
        context.answers << PromptAnswer{} << PromptAnswer{false, {}} << PromptAnswer{.yes = true, .value = u"17"_s}
                        << PromptAnswer{.yes = true, .value = u"x"_s};
        QCOMPARE(context.codeOf(stepFrom(u"prompt: { text: \"Close the lid of ${serial}\" }"_s)), QString());
        QCOMPARE(context.asked[0].sentence, u"Close the lid of T1-00000007"_s);
        QCOMPARE(context.asked[0].kind, PromptRequest::Kind::Message);
        QCOMPARE(context.asked[0].word, u"CHECK"_s);
        QCOMPARE(context.codeOf(stepFrom(u"prompt: { text: \"Is it lit?\", answer: yes-no }"_s)), u"prompt.no"_s);
        const RecipeStep value =
            stepFrom(u"prompt: { text: Batch, answer: value, pattern: \"[0-9]+\", into: batch }"_s);
        QCOMPARE(context.codeOf(value), QString());
        QCOMPARE(context.variables.value(u"batch"_s), u"17"_s);
        QCOMPARE(context.codeOf(value), u"prompt.value"_s);
        QCOMPARE(context.codeOf(value), u"prompt.no-answer"_s); // not the unit's fault
        QCOMPARE(Fault("prompt.no-answer").blame(), Blame::Person);
    }

    // Whatever call of a step fails, the fault comes out, and no intent is left without an outcome.
    void everyCallMayFail()
    {
        const QStringList steps{u"identify"_s, u"set: { settings: { a/b: c }, files: { /lfs/x: { text: y } } }"_s,
                                u"time"_s, u"reset"_s, u"lock: { debug: true }"_s};
        for (const QString &yaml : steps) {
            const RecipeStep step = stepFrom(yaml);
            FakeDevice whole;
            FakeContext first(whole);
            QCOMPARE(first.codeOf(step), QString());
            for (const QString &call : whole.order) {
                for (int nth = 1; nth <= whole.calls(call); ++nth) {
                    FakeDevice device;
                    device.failCall(call, nth, silent);
                    FakeContext context(device);
                    const QString code = context.codeOf(step);
                    QVERIFY2(code == u"base.timeout" || (yaml.startsWith(u"lock"_s) && code == u"lock.unknown"),
                             qPrintable(yaml + u": "_s + call + u" -> "_s + code));
                    QCOMPARE(context.intents.size(), context.outcomes.size());
                }
            }
        }
    }
};

SLIPWAY_TEST_MAIN(TestDeviceSteps)
#include "tst_devicesteps.moc"
