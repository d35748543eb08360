// kill -9 at moments nobody chose, over and over: the journal holds, every interrupted run is shown, nothing is given
// twice, and the unit can be taken up again. SLIPWAY_ROUNDS and SLIPWAY_SEED in the environment make it longer or
// repeat it.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QElapsedTimer>
#include <QRandomGenerator>

#include <unistd.h>

#include <algorithm>
#include <csignal>

using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestKill : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QRandomGenerator m_random;
    int m_rounds = 10;

    static Ran verify(const QString &home) { return slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, home}); }
    static QString query(const QString &home, const QString &sql)
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(home, sql)).lastLine();
    }
    static QString nothingTwice(const QString &home)
    {
        if (query(home, u"SELECT count(*) - count(DISTINCT mode || pool || value) FROM number"_s) != u"0")
            return u"a number was given twice"_s;
        if (query(home, u"SELECT count(*) - count(DISTINCT mode || serial) FROM certificate"_s) != u"0")
            return u"a unit has two certificates"_s;
        if (query(home, u"SELECT count(*) - count(DISTINCT public_key_sha256) FROM certificate"_s) != u"0")
            return u"a key has two certificates"_s;
        return {};
    }

private Q_SLOTS:
    void initTestCase()
    {
        const uint seed = qEnvironmentVariableIsSet("SLIPWAY_SEED") ? uint(qEnvironmentVariableIntValue("SLIPWAY_SEED"))
                                                                    : QRandomGenerator::global()->generate();
        m_random.seed(seed);
        if (const int rounds = qEnvironmentVariableIntValue("SLIPWAY_ROUNDS"); rounds > 0)
            m_rounds = rounds;
        qInfo("seed %u, %d rounds", seed, m_rounds);
    }

    void aWholeLine()
    {
        const QString home = m_folder.filePath(u"line"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, home}).status, 0);
        for (int round = 0; round < m_rounds; ++round) {
            {
                Running demo(slipwayProgram(), {u"demo"_s, u"--headless"_s, u"--json"_s, u"--home"_s, home});
                // Anywhere from before the start to after the end.
                ::usleep(useconds_t(m_random.bounded(2'300'000)));
                demo.signal(SIGKILL);
                demo.finish();
            }
            const Ran verified = verify(home);
            QVERIFY2(verified.status == 0, qPrintable(verified.text()));
            const int open = query(home, u"SELECT count(*) FROM run WHERE ended_at IS NULL"_s).toInt();
            const Ran shown = slipwayRun({u"recover"_s, u"--home"_s, home, u"--json"_s});
            QVERIFY2(shown.status == 0 || shown.status == 1, qPrintable(shown.text()));
            QVERIFY(shown.objects().size() >= open);
            for (const QJsonObject &run : shown.objects()) {
                QVERIFY(!run.value(u"sentence"_s).toString().isEmpty());
                QVERIFY(!run.value(u"next"_s).toString().isEmpty());
            }
            QCOMPARE(query(home, u"SELECT count(*) FROM run WHERE ended_at IS NULL"_s), u"0"_s);
            const QString twice = nothingTwice(home);
            QVERIFY2(twice.isEmpty(), qPrintable(twice));
        }
        const Ran whole = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, home});
        QVERIFY2(whole.status == 0, qPrintable(whole.text()));
        QCOMPARE(verify(home).status, 0);
    }

    // The device survives the station, as a real one does. Machines differ tenfold: the moments lie within what a whole
    // run took here, which is measured first and shrinks where a run was over before its moment.
    void oneUnitTakenUpAgain()
    {
        const QString home = m_folder.filePath(u"unit"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, home}).status, 0);
        int killed = 0;
        qint64 whole = 0; // microseconds of the shortest run that nobody killed; 0: none yet
        for (int round = 1; round <= m_rounds; ++round) {
            const QString port = m_folder.filePath(u"dut%1"_s.arg(round));
            const QString serial = u"T1-%1"_s.arg(round, 8, 10, QChar(u'0'));
            const Running device(slipwayProgram(), {u"virtual"_s, u"smp"_s, u"--pty"_s, port});
            QVERIFY(const_cast<Running &>(device).waitForFile(port));
            const QStringList words{u"run"_s, u"t1"_s,       u"--slot"_s, u"1=%1"_s.arg(port), u"--serial"_s,
                                    serial,   u"--answer"_s, serial,      u"--home"_s,         home};
            {
                Running run(slipwayProgram(), words + QStringList{u"--json"_s});
                QElapsedTimer clock;
                clock.start();
                if (whole > 0) {
                    ::usleep(useconds_t(m_random.bounded(whole)));
                    run.signal(SIGKILL);
                }
                if (run.finish().status == 128 + SIGKILL)
                    ++killed;
                else
                    whole = std::max<qint64>(1, whole > 0 ? whole * 3 / 4 : clock.nsecsElapsed() / 1000);
            }
            QVERIFY2(verify(home).status == 0, qPrintable(verify(home).text()));
            const Ran asked = slipwayRun({u"recover"_s, u"--port"_s, port, u"--unit"_s, serial, u"--home"_s, home});
            QVERIFY2(asked.status == 0, qPrintable(asked.text())); // the device could tell what became of it
            if (query(home, u"SELECT count(*) FROM run WHERE verdict = 'PASS' AND device = '%1'"_s.arg(serial)) ==
                u"0") {
                const Ran again = slipwayRun(words);
                QVERIFY2(again.status == 0, qPrintable(asked.text() + again.text()));
            }
            const QString twice = nothingTwice(home);
            QVERIFY2(twice.isEmpty(), qPrintable(twice));
            QCOMPARE(query(home, u"SELECT count(*) FROM intent WHERE state IS NULL OR state = 'unknown'"_s), u"0"_s);
        }
        QCOMPARE(query(home, u"SELECT count(DISTINCT device) FROM run WHERE verdict = 'PASS'"_s),
                 QString::number(m_rounds));
        QVERIFY2(killed > 0, "no run was killed: the moments are chosen badly");
        const Ran left = slipwayRun({u"recover"_s, u"--home"_s, home, u"--json"_s});
        QVERIFY2(left.status == 0 && left.out.isEmpty(), qPrintable(left.text()));
    }

    void noRoomForTheRecord()
    {
        const QString home = m_folder.filePath(u"full"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, home}).status, 0);
        // A limit on the size of files, reached at different depths of a run: as good as a full disk, without being
        // root.
        for (const int kilobytes : {140, 180, 240, 330}) {
            const Ran full =
                shell(u"ulimit -f %1; \"$SLIPWAY\" demo --headless --home '%2'"_s.arg(kilobytes).arg(home));
            QVERIFY2(full.status == 0 || full.status == 3, qPrintable(full.text()));
            if (full.status == 3)
                QVERIFY2(!full.err.contains("mistake of its own"), qPrintable(full.text()));
            QVERIFY2(verify(home).status == 0, qPrintable(verify(home).text()));
            const QString twice = nothingTwice(home);
            QVERIFY2(twice.isEmpty(), qPrintable(twice));
        }
        const Ran whole = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, home});
        QVERIFY2(whole.status == 0, qPrintable(whole.text()));
        QCOMPARE(query(home, u"SELECT count(*) FROM run WHERE ended_at IS NULL"_s), u"0"_s);
    }

    void aFullDisk()
    {
        if (::geteuid() != 0)
            QSKIP("only root can mount a small disk");
        const QString disk = m_folder.filePath(u"disk"_s);
        QDir().mkpath(disk);
        if (shell(u"mount -t tmpfs -o size=3m slipway-test '%1'"_s.arg(disk)).status != 0)
            QSKIP("this machine does not let a small disk be mounted");
        const auto unmount = qScopeGuard([&disk] { shell(u"umount '%1'"_s.arg(disk)); });
        const QString home = disk + u"/home"_s;
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, home}).status, 0);
        bool reached = false;
        for (int round = 0; round < 12 && !reached; ++round) {
            const Ran ran = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, home});
            QVERIFY2(ran.status == 0 || ran.status == 3, qPrintable(ran.text()));
            reached = ran.status == 3;
            if (reached)
                QVERIFY2(!ran.err.contains("mistake of its own"), qPrintable(ran.text()));
        }
        QVERIFY(reached);
        // Room again: nothing was lost, and it goes on.
        QCOMPARE(shell(u"mount -o remount,size=64m '%1'"_s.arg(disk)).status, 0);
        QVERIFY2(verify(home).status == 0, qPrintable(verify(home).text()));
        const QString twice = nothingTwice(home);
        QVERIFY2(twice.isEmpty(), qPrintable(twice));
        const Ran again = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, home});
        QVERIFY2(again.status == 0, qPrintable(again.text()));
    }
};

SLIPWAY_TEST_MAIN(TestKill)
#include "tst_kill.moc"
