// Runs of the real program against virtual devices in processes of their own: every verdict and its exit status.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <csignal>

using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestRuns : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_home;
    QString m_port;
    std::unique_ptr<Running> m_device;

    bool plug(const QStringList &more = {})
    {
        m_device.reset();
        QFile::remove(m_port);
        m_device =
            std::make_unique<Running>(slipwayProgram(), QStringList{u"virtual"_s, u"smp"_s, u"--pty"_s, m_port} + more);
        return m_device->waitForFile(m_port);
    }
    QStringList words(const QString &serial, const QStringList &more = {}) const
    {
        return QStringList{u"run"_s,      u"t1"_s, u"--slot"_s, u"left=%1"_s.arg(m_port),
                           u"--serial"_s, serial,  u"--home"_s, m_home} +
               more;
    }
    Ran passing(const QString &serial) { return slipwayRun(words(serial, {u"--answer"_s, serial})); }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }
    void writeRecipe(const QString &name, const QByteArray &yaml) const
    {
        QFile file(m_home + u"/recipes/"_s + name);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(yaml);
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_home = m_folder->filePath(u"home"_s);
        m_port = m_folder->filePath(u"dut"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
    }
    void cleanup() { m_device.reset(); }

    void pass()
    {
        QVERIFY(plug());
        const Ran ran = passing(u"T1-00000001"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"1 passed, 0 failed"_s);
        QCOMPARE(query(u"SELECT verdict || mode || slot FROM run"_s), u"PASSproductionleft"_s);
        QCOMPARE(query(u"SELECT mode FROM certificate"_s), u"production"_s);
        // The same unit again is refused before it is touched.
        const Ran again = passing(u"T1-00000001"_s);
        QCOMPARE(again.status, 2);
        QVERIFY2(again.err.contains("has passed already"), qPrintable(again.text()));
        // Another unit cannot have this device's identity.
        const Ran other = passing(u"T1-00000002"_s);
        QVERIFY2(other.status == 1, qPrintable(other.text()));
        QCOMPARE(query(u"SELECT count(*) FROM certificate"_s), u"1"_s);
    }

    void failedUnit()
    {
        QVERIFY(plug({u"--fault"_s, u"adc-outside:value=3.47"_s}));
        const Ran ran = passing(u"T1-00000001"_s);
        QCOMPARE(ran.status, 1);
        QCOMPARE(ran.lastLine(), u"0 passed, 1 failed"_s);
        QVERIFY2(ran.err.contains("3.47"), qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT verdict || fault FROM run"_s), u"FAILmeasure.limits"_s);
    }

    void stationError()
    {
        const Ran ran = passing(u"T1-00000001"_s); // nothing plugged in
        QVERIFY2(ran.status == 3, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"0 passed, 0 failed, 1 error"_s);
        QCOMPARE(query(u"SELECT verdict FROM run"_s), u"ERROR"_s);
    }

    void wrongLabel()
    {
        QVERIFY(plug());
        const QStringList wrong{u"--answer"_s, u"T1-00000009"_s};
        const Ran ran = slipwayRun(words(u"T1-00000001"_s, wrong + wrong + wrong));
        QVERIFY2(ran.status == 1, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT fault FROM run"_s), u"label.scan"_s);
        QCOMPARE(query(u"SELECT count(*) FROM intent WHERE act = 'lock'"_s), u"0"_s);
    }

    void nobodyToAnswer()
    {
        QVERIFY(plug());
        const Ran ran = slipwayRun(words(u"T1-00000001"_s));
        QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        QVERIFY(ran.err.contains("--answer"));
        QCOMPARE(query(u"SELECT verdict FROM run"_s), u"STOPPED"_s);
        // The unit can be taken up again where it was left: no second certificate.
        const Ran again = passing(u"T1-00000001"_s);
        QVERIFY2(again.status == 0, qPrintable(again.text()));
        QCOMPARE(query(u"SELECT count(*) FROM certificate"_s), u"1"_s);
    }

    // The question that nobody answers comes after a failure: the run ends at once, and says what to do.
    void nobodyToAnswerAfterAFailure()
    {
        QVERIFY(plug({u"--fault"_s, u"adc-outside:value=3.47"_s}));
        writeRecipe(
            u"ask.yaml"_s,
            "slipway: 1\nname: Ask\ndevice: { driver: smp, board: t1-rev-b }\nvariables:\n"
            "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
            "  - measure: { name: Supply, command: \"adc vdd\", pattern: \"([0-9.]+) V\", limits: [3.2, 3.4] }\n"
            "on-fail:\n  - prompt: { text: \"Put it aside\" }\n"
            "always:\n  - prompt: { text: \"Open the lid\" }\n");
        const QStringList line{u"run"_s,      u"ask"_s,         u"--slot"_s, u"1=%1"_s.arg(m_port),
                               u"--serial"_s, u"T1-00000001"_s, u"--home"_s, m_home};
        const Ran ran = slipwayRun(line);
        QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        QVERIFY2(ran.err.contains("--answer"), qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT verdict || fault FROM run"_s), u"FAILmeasure.limits"_s);
        QCOMPARE(slipwayRun(line + QStringList{u"--answer"_s, u"yes"_s, u"--answer"_s, u"yes"_s}).status, 1);
        // Its two attempts are over, for every program of this home.
        const Ran third = slipwayRun(line);
        QCOMPARE(third.status, 2);
        QVERIFY2(third.err.contains("has had its 2 attempts"), qPrintable(third.text()));
        QCOMPARE(query(u"SELECT group_concat(attempt) FROM (SELECT attempt FROM run ORDER BY entry)"_s), u"1,2"_s);
    }

    // One serial number that does not fit starts nothing, in any place.
    void allSerialsAreCheckedFirst()
    {
        QVERIFY(plug());
        QCOMPARE(passing(u"T1-00000001"_s).status, 0);
        const Ran ran =
            slipwayRun({u"run"_s, u"t1"_s, u"--slot"_s, u"1=%1"_s.arg(m_port), u"--slot"_s, u"2=%1-b"_s.arg(m_port),
                        u"--serial"_s, u"T1-00000002"_s, u"--serial"_s, u"T1-00000001"_s, u"--home"_s, m_home});
        QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        QVERIFY2(ran.err.contains("T1-00000001 has passed already"), qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT count(*) FROM run"_s), u"1"_s);
    }

    // Two units whose locks nobody knows about. recover asks the one in the place about its own run, goes on past the
    // other's, and says afterwards what was found out; a run under another unit's number settles nothing.
    void recoverGoesOnPastOtherUnits()
    {
        writeRecipe(u"lockit.yaml"_s,
                    "slipway: 1\nname: Lock it\ndevice: { driver: smp, board: t1-rev-b }\nvariables:\n"
                    "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
                    "  - identify: { expect: { board: t1-rev-b } }\n"
                    "  - set: { settings: { id/serial: \"${serial}\" } }\n"
                    "  - lock: { debug: true }\n");
        const QStringList units{u"T1-00000001"_s, u"T1-00000002"_s};
        const auto virtualUnit = [this](int n, const QStringList &more) {
            const QString port = m_folder->filePath(u"dut%1"_s.arg(n));
            QFile::remove(port);
            return std::make_unique<Running>(
                slipwayProgram(),
                QStringList{u"virtual"_s, u"smp"_s, u"--pty"_s, port, u"--state"_s, port + u".state"_s} + more);
        };
        const QString first = m_folder->filePath(u"dut1"_s);
        const QString second = m_folder->filePath(u"dut2"_s);
        {
            const QStringList silent{u"--fault"_s,
                                     u"silence:after=19"_s}; // the answer to the lock is the first to fail
            const auto one = virtualUnit(1, silent);
            const auto two = virtualUnit(2, silent);
            QVERIFY(one->waitForFile(first) && two->waitForFile(second));
            const Ran ran = slipwayRun({u"run"_s, u"lockit"_s, u"--slot"_s, u"1=%1"_s.arg(first), u"--slot"_s,
                                        u"2=%1"_s.arg(second), u"--serial"_s, units[0], u"--serial"_s, units[1],
                                        u"--home"_s, m_home});
            QVERIFY2(ran.status == 3, qPrintable(ran.text()));
        }
        QCOMPARE(query(u"SELECT count(*) FROM run WHERE verdict = 'UNKNOWN' AND irreversible = 1"_s), u"2"_s);
        const auto two = virtualUnit(2, {});
        QVERIFY(two->waitForFile(second));
        // The second unit under the first one's number.
        const Ran wrong = slipwayRun(
            {u"run"_s, u"lockit"_s, u"--slot"_s, u"1=%1"_s.arg(second), u"--serial"_s, units[0], u"--home"_s, m_home});
        QVERIFY2(wrong.status >= 0, qPrintable(wrong.text()));
        QCOMPARE(query(u"SELECT count(*) FROM intent WHERE state = 'unknown' AND device = 'T1-00000001'"_s), u"1"_s);

        const Ran asked = slipwayRun({u"recover"_s, u"--port"_s, second, u"--home"_s, m_home});
        QVERIFY2(asked.status == 1, qPrintable(asked.text())); // the first is still open
        QVERIFY2(asked.out.contains("lock is "), qPrintable(asked.text()));
        QCOMPARE(query(u"SELECT group_concat(device) FROM intent WHERE state = 'unknown'"_s), u"T1-00000001"_s);
        const auto one = virtualUnit(1, {});
        QVERIFY(one->waitForFile(first));
        const Ran both = slipwayRun({u"recover"_s, u"--port"_s, first, u"--home"_s, m_home});
        QVERIFY2(both.status == 0, qPrintable(both.text()));
        const Ran known = slipwayRun({u"recover"_s, u"--home"_s, m_home});
        QCOMPARE(known.status, 0);
        QVERIFY2(!known.out.contains("not known"), qPrintable(known.text()));
    }

    void interruptedByAPerson()
    {
        QVERIFY(plug({u"--erase-time"_s, u"300ms"_s}));
        Running run(slipwayProgram(), words(u"T1-00000001"_s, {u"--json"_s}));
        QVERIFY(run.waitForText("\"step\":\"identify\""));
        run.signal(SIGINT);
        const Ran ran = run.finish();
        QVERIFY2(ran.status == 4, qPrintable(ran.text()));
        QCOMPARE(ran.objects().last().value(u"stopped"_s).toInt(), 1);
        QCOMPARE(query(u"SELECT verdict FROM run"_s), u"STOPPED"_s);
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
    }

    void oneProgramPerHome()
    {
        QVERIFY(plug({u"--erase-time"_s, u"300ms"_s}));
        Running run(slipwayProgram(), words(u"T1-00000001"_s, {u"--json"_s}));
        QVERIFY(run.waitForText("\"step\":\"identify\""));
        const Ran second = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, m_home});
        QCOMPARE(second.status, 3);
        QVERIFY2(second.err.contains("Another Slipway is at work"), qPrintable(second.text()));
        // Reading is allowed meanwhile.
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
        run.signal(SIGTERM);
        QCOMPARE(run.finish().status, 4);
    }

    void trainingIsApart()
    {
        QVERIFY(plug());
        const Ran ran = slipwayRun(
            words(u"T1-00000001"_s, {u"--training"_s, u"--answer"_s, u"T1-00000001"_s, u"--operator"_s, u"Trainee"_s}));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT mode || operator FROM run"_s), u"trainingTrainee"_s);
        const Ran chain = shell(u"sqlite3 '%1/journal.db' \"SELECT issuer FROM certificate\""_s.arg(m_home));
        QVERIFY2(chain.out.contains("TRAINING"), qPrintable(chain.text()));
        QVERIFY(plug());
        QCOMPARE(passing(u"T1-00000001"_s).status, 0);
    }

    void badInput_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("hint");
        QTest::newRow("recipe") << QStringList{u"run"_s, u"t2"_s} << u"Did you mean \"t1\"?"_s;
        QTest::newRow("no file") << QStringList{u"run"_s, u"./none.yaml"_s} << u"none.yaml"_s;
        QTest::newRow("no places") << QStringList{u"run"_s, u"t1"_s} << u"no places"_s;
        QTest::newRow("slot") << QStringList{u"run"_s, u"t1"_s, u"--slot"_s, u"/dev/null"_s} << u"NAME=PORT"_s;
        QTest::newRow("port twice") << QStringList{u"run"_s, u"t1"_s, u"--slot"_s, u"a=/x"_s, u"--slot"_s, u"b=/x"_s}
                                    << u"/x"_s;
        QTest::newRow("no serial") << QStringList{u"run"_s, u"t1"_s, u"--slot"_s, u"a=/x"_s} << u"serial number"_s;
        QTest::newRow("serial form") << QStringList{u"run"_s, u"t1"_s, u"--slot"_s, u"a=/x"_s, u"--serial"_s, u"X"_s}
                                     << u"\"X\""_s;
        QTest::newRow("too many serials")
            << QStringList{u"run"_s,      u"t1"_s,          u"--slot"_s,   u"a=/x"_s,
                           u"--serial"_s, u"T1-00000001"_s, u"--serial"_s, u"T1-00000002"_s}
            << u"2 serial numbers"_s;
    }
    void badInput()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, hint);
        const Ran ran = slipwayRun(words + QStringList{u"--home"_s, m_home});
        QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        QVERIFY2(ran.err.contains(hint.toUtf8()), qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT count(*) FROM run"_s), u"0"_s);
    }

    void badImageTouchesNothing()
    {
        QVERIFY(plug());
        QVERIFY(QFile::copy(QStringLiteral(SLIPWAY_TEST_DATA "/mcuboot/t1-flipped-bit.bin"),
                            m_home + u"/recipes/flipped.bin"_s));
        writeRecipe(u"bad.yaml"_s, "slipway: 1\nname: Bad image\ndevice: { driver: smp }\n"
                                   "variables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
                                   "steps:\n  - flash: { image: flipped.bin, signer: fw-signing.pem }\n");
        const Ran ran = slipwayRun({u"run"_s, u"bad"_s, u"--slot"_s, u"1=%1"_s.arg(m_port), u"--serial"_s,
                                    u"T1-00000001"_s, u"--home"_s, m_home});
        QVERIFY2(ran.status == 2, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT count(*) FROM run"_s), u"0"_s);
    }

    void numbersFromTheAllocator()
    {
        QVERIFY(plug());
        writeRecipe(u"numbers.yaml"_s,
                    "slipway: 1\nname: Numbers\ndevice: { driver: smp, board: t1-rev-b }\nvariables:\n"
                    "  serial: { from: allocator, pool: serial, format: \"T1-%08d\" }\n"
                    "  mac: { from: allocator, pool: mac, format: \"02-00-5E-%02x-%02x-%02x\" }\n"
                    "steps:\n  - set: { settings: { id/serial: \"${serial}\", net/mac: \"${mac}\" } }\n");
        const QStringList line{u"run"_s, u"numbers"_s, u"--slot"_s, u"1=%1"_s.arg(m_port), u"--home"_s, m_home};
        QCOMPARE(slipwayRun(line).status, 0);
        QCOMPARE(slipwayRun(line).status, 0);
        QCOMPARE(query(u"SELECT group_concat(value) FROM (SELECT value FROM number ORDER BY entry)"_s),
                 u"T1-00000001,02-00-5E-00-00-01,T1-00000002,02-00-5E-00-00-02"_s);
    }

    // A scanner is a keyboard: units and labels are typed into the terminal.
    void aPersonAtATerminal()
    {
        if (shell(u"command -v script"_s).status != 0)
            QSKIP("needs script(1) for a terminal");
        QVERIFY(plug());
        Running run(u"script"_s,
                    {u"-qec"_s, u"'%1' run t1 --slot '1=%2' --home '%3'"_s.arg(slipwayProgram(), m_port, m_home),
                     u"/dev/null"_s});
        QVERIFY(run.waitForText("Scan the first unit"));
        run.type("T1-0000\n");
        QVERIFY(run.waitForText("no serial number of this product"));
        run.type("T1-00000001\n");
        QVERIFY(run.waitForText("unit for place 1"));
        QVERIFY(run.waitForText("Stick the label on"));
        run.type("4006381333931\n");
        QVERIFY(run.waitForText("not the label that place 1 waits for"));
        run.type("T1-00000001\n");
        QVERIFY(run.waitForText("Lock debug port"));
        run.type("\x04");
        const Ran ran = run.finish();
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QVERIFY2(ran.out.contains("1 passed, 0 failed"), qPrintable(ran.text()));
        QVERIFY2(ran.out.contains("B/s"), qPrintable(ran.text()));
    }

    // Several places ask at once: a place is picked, then its answer is typed.
    void answersForPickedPlaces()
    {
        if (shell(u"command -v script"_s).status != 0)
            QSKIP("needs script(1) for a terminal");
        writeRecipe(u"lamp.yaml"_s, "slipway: 1\nname: Lamp\ndevice: { driver: smp }\nvariables:\n"
                                    "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
                                    "  - prompt: { text: \"Is the lamp lit?\", answer: yes-no }\n"
                                    "  - prompt: { text: \"Close the lid\" }\n");
        QVERIFY(plug());
        const QString second = m_folder->filePath(u"dut2"_s);
        Running other(slipwayProgram(), {u"virtual"_s, u"smp"_s, u"--pty"_s, second});
        QVERIFY(other.waitForFile(second));
        Running run(u"script"_s, {u"-qec"_s,
                                  u"'%1' run lamp --slot '1=%2' --slot '2=%3' --serial T1-00000001 --serial "
                                  "T1-00000002 --home '%4'"_s.arg(slipwayProgram(), m_port, second, m_home),
                                  u"/dev/null"_s});
        QVERIFY(run.waitForText("T1-00000001   Is the lamp lit?"));
        QVERIFY(run.waitForText("T1-00000002   Is the lamp lit?"));
        run.type("yes\n"); // whose?
        QVERIFY(run.waitForText("2 places ask: scan the place first"));
        run.type("PLACE-1\n");
        QVERIFY(run.waitForText("place 1 picked"));
        run.type("maybe\n");
        QVERIFY(run.waitForText("place 1 waits for yes or no"));
        run.type("yes\n"); // still place 1
        QVERIFY(run.waitForText("T1-00000001   Close the lid"));
        run.type("PLACE-2\n");
        QVERIFY(run.waitForText("place 2 picked"));
        run.type("no\n"); // that unit fails
        QVERIFY(run.waitForText("Answered no"));
        run.type("\n"); // the only question there is now
        const Ran ran = run.finish();
        QVERIFY2(ran.status == 1, qPrintable(ran.text()));
        QVERIFY2(ran.out.contains("1 passed, 1 failed"), qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT verdict FROM run WHERE device = 'T1-00000001'"_s), u"PASS"_s);
    }

    void aReaderThatGoesAway()
    {
        const Ran ran = shell(u"\"$SLIPWAY\" demo --headless --slots 2 --json --home '%1' | head -1 >/dev/null; "
                              "echo ${PIPESTATUS[0]}"_s.arg(m_home));
        QCOMPARE(ran.lastLine(), u"0"_s);
        QCOMPARE(query(u"SELECT count(*) FROM run WHERE verdict = 'PASS'"_s), u"2"_s);
    }

    void unplugInTheMiddle()
    {
        QVERIFY(plug({u"--fault"_s, u"disconnect:after=20"_s}));
        writeRecipe(u"quick.yaml"_s, "slipway: 1\nname: Quick\ndevice: { driver: smp, board: t1-rev-b }\nvariables:\n"
                                     "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
                                     "steps:\n  - flash: { image: t1-1.4.2.signed.bin, signer: fw-signing.pem, "
                                     "timeout: 5s }\n");
        const Ran ran = slipwayRun({u"run"_s, u"quick"_s, u"--slot"_s, u"1=%1"_s.arg(m_port), u"--serial"_s,
                                    u"T1-00000001"_s, u"--home"_s, m_home});
        QVERIFY2(ran.status == 1 || ran.status == 3, qPrintable(ran.text()));
        QVERIFY(!ran.err.contains("mistake of its own"));
        QCOMPARE(query(u"SELECT count(*) FROM run WHERE ended_at IS NULL"_s), u"0"_s);
    }
};

SLIPWAY_TEST_MAIN(TestRuns)
#include "tst_runs.moc"
