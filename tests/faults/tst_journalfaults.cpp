// The journal under bad conditions: killed at any moment, a full disk, a disk that cannot sync, a damaged file. Nothing
// that was acknowledged is lost, nothing is there by half, and it goes on when it can.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/journal/queries.h"
#include "core/journal/verify.h"
#include "tests/faults/faultyvfs.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QSet>

#include <sys/mount.h>

#include <cerrno>
#include <random>

using namespace slipway;
using namespace slipway::test;

namespace {

NewEntry note(int value)
{
    return {QStringLiteral("fact"), {}, {}, {{QStringLiteral("value"), value}}};
}

QString faultOf(const std::function<void()> &function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

JournalReport verified(const Fixture &fixture, const QString &path = {})
{
    const JournalVerifier verifier = JournalVerifier::fromFile(fixture.path(QStringLiteral("keys/station.pem")));
    return verifyJournal(path.isEmpty() ? fixture.path() : path, &verifier);
}

QString firstFinding(const JournalReport &report)
{
    return report.good() ? QString() : report.findings.front().sentence;
}

QList<int> values(const QString &path)
{
    QList<int> found;
    JournalReader reader(path);
    reader.forEachEntry({}, [&found](const Entry &entry) {
        found << int(entry.body.value(QLatin1String("value")).toInteger());
        return true;
    });
    return found;
}

} // namespace

class TestJournalFaults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { FaultyDisk::install(); }
    void cleanup()
    {
        FaultyDisk::fullAfter(-1);
        FaultyDisk::failSyncs(false);
    }

    void killedAtAnyMoment()
    {
        constexpr int rounds = 15;
        constexpr int patience = 30'000;
        Fixture fixture;
        writeFile(fixture.path(QStringLiteral("key.pem")), fixture.signer->privateKeyPem(), Access::OwnerOnly);
        std::mt19937 random(20261121);
        QSet<qint64> entries;
        QSet<QString> numbers;
        qint64 checkpoint = 0;
        for (int round = 0; round < rounds; ++round) {
            QProcess hammer;
            hammer.start(QStringLiteral(SLIPWAY_HAMMER), {fixture.path(), fixture.path(QStringLiteral("key.pem"))});
            QVERIFY(hammer.waitForStarted());
            const qsizetype enough = 1 + qsizetype(random() % 400); // bytes of acknowledgements
            QByteArray said;
            while (said.size() < enough) {
                QVERIFY2(hammer.waitForReadyRead(patience), hammer.readAllStandardError().constData());
                said += hammer.readAllStandardOutput();
            }
            hammer.kill();
            QVERIFY(hammer.waitForFinished(patience));
            said += hammer.readAllStandardOutput();
            for (const QByteArray &line : said.split('\n')) {
                const QByteArray value = line.mid(line.indexOf(' ') + 1);
                if (line.startsWith("entry "))
                    entries.insert(value.toLongLong());
                else if (line.startsWith("checkpoint "))
                    checkpoint = value.toLongLong();
                else if (line.startsWith("number ")) {
                    QVERIFY2(!numbers.contains(QString::fromLatin1(value)), "a number was given twice");
                    numbers.insert(QString::fromLatin1(value));
                }
            }
            const JournalReport report = verified(fixture);
            QVERIFY2(report.good(), qPrintable(firstFinding(report)));
            QVERIFY(report.lastEntry >= checkpoint);
        }
        JournalReader reader(fixture.path());
        QSet<qint64> there;
        QSet<QString> numbersThere;
        reader.forEachEntry({}, [&](const Entry &entry) {
            there.insert(entry.seq);
            if (entry.kind == u"number")
                numbersThere.insert(entry.body.value(QLatin1String("value")).toString());
            return true;
        });
        QVERIFY(entries.size() > rounds);
        QVERIFY(there.contains(entries));
        QVERIFY(numbersThere.contains(numbers));
    }

    void lostLogFileIsNoticed()
    {
        Fixture fixture;
        writeFile(fixture.path(QStringLiteral("key.pem")), fixture.signer->privateKeyPem(), Access::OwnerOnly);
        QProcess hammer;
        hammer.start(QStringLiteral(SLIPWAY_HAMMER), {fixture.path(), fixture.path(QStringLiteral("key.pem"))});
        QByteArray said;
        while (!said.contains("checkpoint")) {
            QVERIFY(hammer.waitForReadyRead());
            said += hammer.readAllStandardOutput();
        }
        hammer.kill();
        QVERIFY(hammer.waitForFinished());
        QVERIFY(QFile::remove(fixture.path(QStringLiteral("journal.db-wal"))));
        QFile::remove(fixture.path(QStringLiteral("journal.db-shm")));
        // Without the log the tables are not even there, or entries are missing; never is it silently another journal.
        QVERIFY(!faultOf([&] { fixture.open()->appendDurably(note(1)); }).isEmpty());
    }

    void fullDisk_data()
    {
        QTest::addColumn<int>("writes");
        for (const int writes : {0, 1, 2, 3, 5, 8, 13, 21, 34})
            QTest::addRow("after %d writes", writes) << writes;
    }

    void fullDisk()
    {
        QFETCH(int, writes);
        Fixture fixture;
        {
            const auto journal = fixture.open();
            for (int i = 1; i <= 50; ++i)
                journal->append(note(i));
            journal->flush();

            FaultyDisk::fullAfter(writes);
            const int before = FaultyDisk::refused();
            std::vector<std::future<qint64>> futures;
            for (int i = 51; i <= 3000; ++i) // more than the writes that are left
                futures.push_back(journal->append(note(i)));
            QCOMPARE(faultOf([&] { journal->appendDurably(note(-1)); }), QStringLiteral("journal.disk-full"));
            QCOMPARE(faultOf([&] { journal->transact([](Journal::Transaction &t) { t.append(note(-2)); }); }),
                     QStringLiteral("journal.disk-full"));
            QCOMPARE(faultOf([&] { journal->flush(); }), QStringLiteral("journal.disk-full"));
            QVERIFY(FaultyDisk::refused() > before);
            // What is there meanwhile is whole.
            FaultyDisk::fullAfter(0);
            const JournalReport meanwhile = verified(fixture);
            QVERIFY2(meanwhile.good(), qPrintable(firstFinding(meanwhile)));

            FaultyDisk::fullAfter(-1);
            QVERIFY(journal->appendDurably(note(3001)) == 3001);
        }
        QList<int> expected;
        for (int i = 1; i <= 3001; ++i)
            expected << i;
        QCOMPARE(values(fixture.path()), expected); // nothing lost, nothing twice, in order; what threw is not there
        const JournalReport report = verified(fixture);
        QVERIFY2(report.good(), qPrintable(firstFinding(report)));
    }

    void diskThatCannotSync()
    {
        Fixture fixture;
        {
            const auto journal = fixture.open();
            QCOMPARE(journal->appendDurably(note(1)), 1);
            FaultyDisk::failSyncs(true);
            auto kept = journal->append(note(2));
            QCOMPARE(faultOf([&] { journal->appendDurably(note(-1)); }), QStringLiteral("journal.disk-error"));
            QCOMPARE(faultOf([&] { kept.get(); }), QStringLiteral("journal.disk-error"));
            FaultyDisk::failSyncs(false);
            QCOMPARE(journal->appendDurably(note(3)), 3);
        }
        QCOMPARE(values(fixture.path()), (QList<int>{1, 2, 3}));
        QVERIFY(verified(fixture).good());
    }

    void realFullDisk()
    {
        Fixture fixture;
        const QString small = fixture.path(QStringLiteral("small"));
        QDir().mkdir(small);
        const QByteArray where = QFile::encodeName(small);
        if (::mount("tmpfs", where.constData(), "tmpfs", 0, "size=1200k") != 0)
            QSKIP("needs the right to mount a small disk");
        const auto unmount = qScopeGuard([&where] { ::umount2(where.constData(), MNT_DETACH); });
        const QString path = small + QStringLiteral("/journal.db");
        const QString filler = small + QStringLiteral("/filler");
        {
            const auto journal = Journal::open(path, fixture.signer);
            QCOMPARE(journal->appendDurably(note(1)), 1);
            writeFile(filler, QByteArray(500 * 1024, 'f'));
            int next = 2;
            QString code;
            while (code.isEmpty() && next < 20'000) {
                for (int k = 0; k < 50; ++k)
                    journal->append(note(next++));
                code = faultOf([&] { journal->flush(); });
            }
            QCOMPARE(code, QStringLiteral("journal.disk-full"));
            QVERIFY(QFile::remove(filler));
            QCOMPARE(journal->appendDurably(note(next)), next);
            QCOMPARE(values(path).size(), next);
        }
        const JournalReport report = verified(fixture, path);
        QVERIFY2(report.good(), qPrintable(firstFinding(report)));
    }

    void lockedByAnother()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        QCOMPARE(journal->appendDurably(note(1)), 1);
        Database other(fixture.path(), Database::Access::Write);
        other.run("BEGIN IMMEDIATE");
        QCOMPARE(faultOf([&] { journal->appendDurably(note(-1)); }), QStringLiteral("journal.busy"));
        other.run("COMMIT");
        QCOMPARE(journal->appendDurably(note(2)), 2);
    }

    void damagedFile_data()
    {
        QTest::addColumn<qint64>("at");
        QTest::newRow("head of the file") << qint64(0);
        QTest::newRow("first table") << qint64(4096);
        QTest::newRow("half gone") << qint64(-1);
    }

    void damagedFile()
    {
        QFETCH(qint64, at);
        Fixture fixture;
        {
            const auto journal = fixture.open();
            for (int i = 0; i < 40; ++i)
                writeRun(*journal, QStringLiteral("T1-%1").arg(i));
        }
        QFile file(fixture.path());
        QVERIFY(file.open(QIODevice::ReadWrite));
        if (at < 0) {
            QVERIFY(file.resize(file.size() / 2 + 100));
        } else {
            file.seek(at);
            file.write(QByteArray(4096, '\xa5'));
        }
        file.close();
        QString sentence;
        try {
            const auto journal = fixture.open();
            for (int i = 0; i < 40; ++i)
                writeRun(*journal, QStringLiteral("T2-%1").arg(i));
        } catch (const Fault &fault) {
            sentence = fault.sentence();
            QVERIFY2(fault.is("journal.damaged"), fault.what());
        }
        QVERIFY(sentence.contains(QStringLiteral("is damaged")));
        const JournalReport report = verified(fixture);
        QVERIFY(!report.good());
    }
};

SLIPWAY_TEST_MAIN(TestJournalFaults)
#include "tst_journalfaults.moc"
