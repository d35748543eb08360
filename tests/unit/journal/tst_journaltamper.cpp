// Whatever is done to a journal with the sqlite3 program, verify names the first bad entry.

#include "core/base/files.h"
#include "core/journal/queries.h"
#include "core/journal/verify.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QFile>

using namespace slipway;
using namespace slipway::test;

class TestJournalTamper : public QObject
{
    Q_OBJECT

    std::unique_ptr<Fixture> m_fixture;

    static JournalReport verified(const QString &folder)
    {
        const JournalVerifier verifier = JournalVerifier::fromFile(folder + QStringLiteral("/keys/station.pem"));
        return verifyJournal(folder + QStringLiteral("/journal.db"), &verifier);
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_fixture = std::make_unique<Fixture>();
        const auto journal = m_fixture->open();
        for (int i = 0; i < 100; ++i) // 1300 entries: one checkpoint at 1000, one at the end
            writeRun(*journal, QStringLiteral("T1-%1").arg(i, 8, 10, QLatin1Char('0')));
    }

    void untouchedIsGood()
    {
        const JournalReport report = verified(m_fixture->copy(QStringLiteral("good")));
        QVERIFY(report.good());
        QCOMPARE(report.entries, 1300);
        QCOMPARE(report.checkpoints, 2);
    }

    void namesTheEntry_data()
    {
        QTest::addColumn<QString>("sql");
        QTest::addColumn<qint64>("entry");
        const auto row = [](const char *name, const char *sql, qint64 entry) {
            QTest::newRow(name) << QString::fromLatin1(sql) << entry;
        };
        row("body", "UPDATE entry SET body = x'a0' WHERE seq = 17", 17);
        row("one bit of a body",
            "UPDATE entry SET body = cast(replace(body, x'50415353', x'50415354') AS BLOB) WHERE seq = 13", 13);
        row("time", "UPDATE entry SET at = '2026-01-01T00:00:00.000Z' WHERE seq = 5", 5);
        row("device", "UPDATE entry SET device = 'T1-99999999' WHERE seq = 1", 1);
        row("kind", "UPDATE entry SET kind = 'log' WHERE seq = 40", 40);
        row("run", "UPDATE entry SET run = 'x' WHERE seq = 41", 41);
        row("prev", "UPDATE entry SET prev = zeroblob(32) WHERE seq = 42", 42);
        row("hash", "UPDATE entry SET hash = zeroblob(32) WHERE seq = 43", 43);
        row("text made a blob", "UPDATE entry SET kind = cast(kind AS BLOB) WHERE seq = 44", 44);
        row("two edits", "UPDATE entry SET kind = 'log' WHERE seq IN (900, 30)", 30);
        row("deleted", "DELETE FROM entry WHERE seq = 17", 17);
        row("first deleted", "DELETE FROM entry WHERE seq = 1", 1);
        row("several deleted", "DELETE FROM entry WHERE seq BETWEEN 100 AND 120", 100);
        row("deleted and closed up",
            "DELETE FROM entry WHERE seq = 17; UPDATE entry SET seq = -seq WHERE seq > 17; UPDATE entry SET seq = -seq "
            "- 1 "
            "WHERE seq < 0",
            17);
        row("inserted between",
            "UPDATE entry SET seq = -seq WHERE seq >= 50; UPDATE entry SET seq = -seq + 1 WHERE seq < 0; INSERT INTO "
            "entry "
            "SELECT 50, at, kind, run, device, body, prev, hash FROM entry WHERE seq = 49",
            50);
        row("added at the end",
            "INSERT INTO entry SELECT 1301, at, kind, run, device, body, hash, hash FROM entry WHERE seq = 1300", 1301);
        row("inserted before the first",
            "INSERT INTO entry SELECT 0, at, kind, run, device, body, prev, hash FROM entry WHERE seq = 1", 1);
        row("exchanged",
            "UPDATE entry SET seq = -5 WHERE seq = 5; UPDATE entry SET seq = 5 WHERE seq = 6; UPDATE entry SET "
            "seq = 6 WHERE seq = -5",
            5);
        row("cut off", "DELETE FROM entry WHERE seq > 1290", 1291);
        row("cut off with the head", "DELETE FROM entry WHERE seq > 1290; DELETE FROM head", 1291);
        row("cut off with the head changed",
            "DELETE FROM entry WHERE seq > 1290; UPDATE head SET seq = 1290, hash = (SELECT hash FROM entry WHERE seq "
            "= "
            "1290)",
            1291);
        row("cut off with head and checkpoints",
            "DELETE FROM entry WHERE seq > 1100; DELETE FROM head; DELETE FROM checkpoint WHERE seq > 1100", 1101);
        row("cut to nothing", "DELETE FROM entry; DELETE FROM head; DELETE FROM checkpoint", 1);
        row("cut to a checkpoint",
            "DELETE FROM entry WHERE seq > 1000; DELETE FROM checkpoint WHERE seq > 1000; UPDATE head SET seq = 1000, "
            "hash = "
            "(SELECT hash FROM entry WHERE seq = 1000), signature = (SELECT signature FROM checkpoint WHERE seq = "
            "1000)",
            1001);
        row("checkpoint taken out", "DELETE FROM checkpoint WHERE seq = 1000", 1000);
        row("checkpoint's signature", "UPDATE checkpoint SET signature = zeroblob(70) WHERE seq = 1000", 1000);
        row("checkpoint's time", "UPDATE checkpoint SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 1000", 1000);
        row("head's signature", "UPDATE head SET signature = x'00'", 1300);
        row("projection edited", "UPDATE run SET verdict = 'FAIL' WHERE entry = 14", 14);
        row("projection row deleted", "DELETE FROM measurement WHERE entry = 24", 24);
        row("number smuggled in",
            "INSERT INTO number(entry, mode, pool, value, run, device, at) VALUES(700, 'production', 'serial', 'x', "
            "'', '', "
            "'')",
            700);
    }

    void namesTheEntry()
    {
        QFETCH(QString, sql);
        QFETCH(qint64, entry);
        const QString folder = m_fixture->copy(QStringLiteral("tampered"));
        QVERIFY(sqlite3Program(folder + QStringLiteral("/journal.db"), sql));
        const JournalReport report = verified(folder);
        QVERIFY(!report.good());
        QVERIFY2(report.findings.front().entry == entry, qPrintable(report.findings.front().sentence));
        QVERIFY(report.findings.front().sentence.startsWith(QStringLiteral("entry ")));
    }

    void hashesComputedAnewAreFound_data()
    {
        QTest::addColumn<qint64>("from");
        QTest::addColumn<qint64>("entry");
        QTest::newRow("before a checkpoint") << qint64(17) << qint64(1000);
        QTest::newRow("after it") << qint64(1200) << qint64(1300);
        QTest::newRow("the last") << qint64(1300) << qint64(1300);
    }

    void hashesComputedAnewAreFound()
    {
        QFETCH(qint64, from);
        QFETCH(qint64, entry);
        const QString folder = m_fixture->copy(QStringLiteral("rechained"));
        const QString database = folder + QStringLiteral("/journal.db");
        QVERIFY(sqlite3Program(database,
                               QStringLiteral("UPDATE entry SET device = 'T1-11111111' WHERE seq = %1").arg(from)));
        rechain(database, from);
        QVERIFY(sqlite3Program(database,
                               QStringLiteral("UPDATE head SET hash = (SELECT hash FROM entry WHERE seq = 1300)")));
        const JournalReport report = verified(folder);
        QVERIFY(!report.good());
        QVERIFY2(report.findings.front().entry == entry, qPrintable(report.findings.front().sentence));
    }

    void oneEntryWithItsHashComputedAnew()
    {
        const QString folder = m_fixture->copy(QStringLiteral("rehashed"));
        const QString database = folder + QStringLiteral("/journal.db");
        QVERIFY(sqlite3Program(database,
                               QStringLiteral("CREATE TABLE kept AS SELECT * FROM entry WHERE seq > 17; UPDATE entry "
                                              "SET kind = 'log' WHERE seq = 17")));
        rechain(database, 17);
        QVERIFY(sqlite3Program(database,
                               QStringLiteral("INSERT OR REPLACE INTO entry SELECT * FROM kept; DROP TABLE kept")));
        const JournalReport report = verified(folder);
        QVERIFY(!report.good());
        QCOMPARE(report.findings.front().entry, 17);
    }

    void journalHeadMatters()
    {
        const QString folder = m_fixture->copy(QStringLiteral("nohead"));
        const QString head = folder + QStringLiteral("/journal.head");
        QVERIFY(QFile::remove(head));
        QVERIFY(!verified(folder).good());
        writeFile(head, "nonsense\n");
        QVERIFY(!verified(folder).good());
        // A checkpoint of the right form, but signed by somebody else.
        Checkpoint checkpoint{5000, "2026-11-21T14:32:07.114Z", QByteArray(32, 'x'), {}};
        checkpoint.signature = KeySigner().sign(checkpoint.message());
        writeHeadFile(folder + QStringLiteral("/journal.db"), checkpoint);
        QVERIFY(!verified(folder).good());
    }

    void foreignKeyIsFound()
    {
        const QString folder = m_fixture->copy(QStringLiteral("otherkey"));
        writeFile(folder + QStringLiteral("/keys/station.pem"), KeySigner().certificatePem());
        QVERIFY(!verified(folder).good());
    }

    void whatIsNotOursIsFound()
    {
        const QString folder = m_fixture->copy(QStringLiteral("trigger"));
        QVERIFY(sqlite3Program(folder + QStringLiteral("/journal.db"),
                               QStringLiteral("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM number; END")));
        const JournalReport report = verified(folder);
        QVERIFY(!report.good());
        QVERIFY(report.findings.front().sentence.contains(QStringLiteral("trigger t")));
    }

    void damagedFileIsAFinding()
    {
        const QString folder = m_fixture->copy(QStringLiteral("damaged"));
        QFile file(folder + QStringLiteral("/journal.db"));
        QVERIFY(file.open(QIODevice::ReadWrite));
        const qint64 size = file.size();
        for (qint64 at = 8192; at < size; at += 4096) {
            file.seek(at);
            file.write(QByteArray(64, '\xff'));
        }
        file.close();
        const JournalReport report = verified(folder);
        QVERIFY(!report.good());
        QVERIFY2(report.findings.front().sentence.contains(QStringLiteral("damaged")),
                 qPrintable(report.findings.front().sentence));
    }
};

SLIPWAY_TEST_MAIN(TestJournalTamper)
#include "tst_journaltamper.moc"
