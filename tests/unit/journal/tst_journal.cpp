// The journal as its callers know it: order, durability, transactions, numbers, several writers, projections, refusals.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/journal/chain.h"
#include "core/journal/queries.h"
#include "core/journal/rebuild.h"
#include "core/journal/schema.h"
#include "core/journal/verify.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QCryptographicHash>

#include <atomic>
#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

NewEntry note(const QString &text)
{
    return {QStringLiteral("fact"),
            {},
            {},
            {{QStringLiteral("name"), QStringLiteral("n")}, {QStringLiteral("value"), text}}};
}

NewEntry numberEntry(const QString &value, Mode mode = Mode::Production)
{
    return {QStringLiteral("number"),
            {},
            {},
            {{QStringLiteral("pool"), QStringLiteral("serial")},
             {QStringLiteral("value"), value},
             {QStringLiteral("mode"), toString(mode)}}};
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

void verifyGood(const Fixture &fixture)
{
    const JournalVerifier verifier = JournalVerifier::fromFile(fixture.path(QStringLiteral("keys/station.pem")));
    const JournalReport report = verifyJournal(fixture.path(), &verifier);
    for (const JournalFinding &finding : report.findings)
        qInfo("%s", qPrintable(finding.sentence));
    QVERIFY(report.good());
    QVERIFY(report.signaturesChecked);
}

} // namespace

class TestJournal : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void hashIsTheDocumentedText()
    {
        EntryHasher hasher;
        const QByteArray text =
            "slipway-entry-1\n7\n2026-11-21T14:32:07.114Z\nfact\nr\nT1-ä\na1610a\n" + QByteArray(64, '0') + '\n';
        QCOMPARE(hasher(7, "2026-11-21T14:32:07.114Z", "fact", "r", "T1-ä", "\xa1\x61\x0a", chainStart()),
                 QCryptographicHash::hash(text, QCryptographicHash::Sha256));
    }

    void entriesComeBackInOrder()
    {
        Fixture fixture;
        {
            const auto journal = fixture.open();
            std::vector<std::future<qint64>> futures;
            for (int i = 1; i <= 500; ++i)
                futures.push_back(journal->append(note(QString::number(i))));
            QCOMPARE(journal->appendDurably(note(QStringLiteral("last"))), 501);
            for (int i = 1; i <= 500; ++i)
                QCOMPARE(futures[size_t(i - 1)].get(), i);
        }
        JournalReader reader(fixture.path());
        const auto entries = reader.entries({});
        QCOMPARE(entries.size(), 501u);
        QByteArray last = chainStart();
        for (size_t i = 0; i < 500; ++i) {
            QCOMPARE(entries[i].seq, qint64(i + 1));
            QCOMPARE(entries[i].body.value(QLatin1String("value")).toString(), QString::number(i + 1));
            QCOMPARE(entries[i].prev, last);
            last = entries[i].hash;
        }
        verifyGood(fixture);
    }

    void checkpointsStandAtEveryThousand()
    {
        Fixture fixture;
        {
            const auto journal = fixture.open();
            for (int i = 0; i < 2345; ++i)
                journal->append(note(QString::number(i)));
            journal->flush();
            QTRY_COMPARE(readHeadFile(fixture.path())->seq, 2000); // within a second or so
            journal->checkpoint();
            QCOMPARE(readHeadFile(fixture.path())->seq, 2345);
            journal->checkpoint(); // nothing new: no second one
        }
        Database database(fixture.path(), Database::Access::Read);
        QCOMPARE(database.text("SELECT group_concat(seq) FROM (SELECT seq FROM checkpoint ORDER BY seq)"),
                 QStringLiteral("1000,2000,2345"));
        verifyGood(fixture);
    }

    void transactionsSeeTheirOwnAndFailAlone()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        auto before = journal->append(note(QStringLiteral("before")));
        const QString code = faultOf([&] {
            journal->transact([](Journal::Transaction &t) {
                t.append(numberEntry(QStringLiteral("T1-00000001")));
                if (!t.numberTaken(Mode::Production, QStringLiteral("serial"), QStringLiteral("T1-00000001")))
                    throw std::runtime_error("not visible");
                throw Fault("base.stopped");
            });
        });
        QCOMPARE(code, QStringLiteral("base.stopped"));
        auto after = journal->append(note(QStringLiteral("after")));
        QCOMPARE(before.get(), 1);
        QCOMPARE(after.get(), 2); // no gap where the failed one was
        journal->transact([](Journal::Transaction &t) {
            QVERIFY(!t.numberTaken(Mode::Production, QStringLiteral("serial"), QStringLiteral("T1-00000001")));
            QCOMPARE(t.append(numberEntry(QStringLiteral("T1-00000001"))), 3);
        });
    }

    void numbersAreTakenOnce()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        const QString pool = QStringLiteral("serial");
        for (const char *value : {"T1-00000009", "T1-00000120", "T1-0000012x", "T1-7", "T1-", "T2-99999999"})
            journal->append(numberEntry(QString::fromLatin1(value)));
        journal->append(numberEntry(QStringLiteral("T1-00000900"), Mode::Training));
        QCOMPARE(faultOf([&] { journal->appendDurably(numberEntry(QStringLiteral("T1-7"))); }),
                 QStringLiteral("journal.number-taken"));
        journal->transact([&](Journal::Transaction &t) {
            QCOMPARE(t.highestNumber(Mode::Production, pool, QStringLiteral("T1-")), 120);
            QCOMPARE(t.highestNumber(Mode::Training, pool, QStringLiteral("T1-")), 900);
            QCOMPARE(t.highestNumber(Mode::Production, pool, QStringLiteral("T3-")), -1);
            QCOMPARE(t.highestNumber(Mode::Production, QStringLiteral("mac"), QStringLiteral("T1-")), -1);
            // Swallowed, and the transaction goes on.
            QCOMPARE(faultOf([&] { t.append(numberEntry(QStringLiteral("T1-7"))); }),
                     QStringLiteral("journal.number-taken"));
            t.append(numberEntry(QStringLiteral("T1-00000121")));
        });
        QCOMPARE(journal->appendDurably(note({})), 9);
    }

    void certificatesAreFound()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        const QString serial = QStringLiteral("T1-00000042");
        const QString run = writeRun(*journal, serial);
        const QByteArray keyHash = QCryptographicHash::hash((run + u'k').toUtf8(), QCryptographicHash::Sha256);
        journal->transact([&](Journal::Transaction &t) {
            const auto bySerial = t.certificatesOfSerial(Mode::Production, serial);
            QCOMPARE(bySerial.size(), 1u);
            QCOMPARE(bySerial[0].publicKeySha256, keyHash);
            QCOMPARE(bySerial[0].der, QByteArray(700, 'd'));
            QVERIFY(!bySerial[0].revoked);
            QVERIFY(t.certificatesOfSerial(Mode::Training, serial).empty());
            QCOMPARE(t.certificatesOfKey(keyHash).size(), 1u);
            QVERIFY(t.certificateSerialUsed(bySerial[0].certificateSerial));
            QVERIFY(t.certificateSerialUsed(bySerial[0].certificateSerial.toUpper()));
            QVERIFY(!t.certificateSerialUsed(QStringLiteral("00")));
            t.append({QStringLiteral("revocation"),
                      {},
                      serial,
                      {{QStringLiteral("certificate-serial"), bySerial[0].certificateSerial},
                       {QStringLiteral("reason"), QStringLiteral("keyCompromise")}}});
            QVERIFY(t.certificatesOfSerial(Mode::Production, serial)[0].revoked);
        });
    }

    void unfitEntriesAreRefused()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        const QString refused = QStringLiteral("journal.entry");
        QCOMPARE(faultOf([&] { journal->append({QStringLiteral("a\nb"), {}, {}, {}}); }), refused);
        QCOMPARE(faultOf([&] {
                     journal->append({QStringLiteral("fact"), {}, QStringLiteral("x\u0007"), {}});
                 }),
                 refused);
        QCOMPARE(faultOf([&] { journal->append({{}, {}, {}, {}}); }), refused);
        QCOMPARE(faultOf([&] { journal->append({QStringLiteral("fact"), {}, QString(300, u'x'), {}}); }), refused);
        QCOMPARE(
            faultOf([&] {
                journal->append({QStringLiteral("log"), {}, {}, {{QStringLiteral("b"), QByteArray(2'000'000, 'x')}}});
            }),
            refused);
        QCOMPARE(journal->appendDurably(note({})), 1);
    }

    void severalWritersShareOneChain()
    {
        Fixture fixture;
        constexpr int each = 300;
        std::atomic<int> failures = 0;
        std::vector<std::jthread> threads;
        for (int writer = 0; writer < 4; ++writer) {
            threads.emplace_back([&fixture, &failures] {
                try {
                    const auto journal = fixture.open(); // each with its own connection, as in another process
                    for (int i = 0; i < each; ++i) {
                        if (i % 10 == 0)
                            journal->appendDurably(note(QString::number(i)));
                        else
                            journal->append(note(QString::number(i)));
                    }
                } catch (const std::exception &error) {
                    fprintf(stderr, "%s\n", error.what());
                    ++failures;
                }
            });
        }
        threads.clear();
        QCOMPARE(failures.load(), 0);
        QCOMPARE(JournalReader(fixture.path()).lastEntry(), 4 * each);
        verifyGood(fixture);
    }

    void queriesAnswer()
    {
        Fixture fixture;
        const QString a = QStringLiteral("T1-00000001");
        const QString b = QStringLiteral("T1-00000002");
        const auto journal = fixture.open();
        const QString first = writeRun(*journal, a, QStringLiteral("FAIL"));
        const QString second = writeRun(*journal, a);
        writeRun(*journal, b);
        writeRun(*journal, b, QStringLiteral("PASS"), QStringLiteral("training"));
        journal->append({QStringLiteral("run.begun"),
                         QStringLiteral("open-run"),
                         {},
                         {{QStringLiteral("mode"), QStringLiteral("production")}}});
        journal->append({QStringLiteral("intent"),
                         QStringLiteral("open-run"),
                         QStringLiteral("T1-00000003"),
                         {{QStringLiteral("intent"), QStringLiteral("i-1")},
                          {QStringLiteral("act"), QStringLiteral("lock")},
                          {QStringLiteral("index"), 4},
                          {QStringLiteral("detail"), QCborMap{{QStringLiteral("fuse"), 1}}}}});
        journal->flush();

        JournalReader reader(fixture.path());
        const auto runs = reader.runsOf(Mode::Production, a);
        QCOMPARE(runs.size(), 2u);
        QCOMPARE(runs[0].id, first);
        QVERIFY(runs[0].verdict == Verdict::Fail);
        QVERIFY(runs[1].verdict == Verdict::Pass);
        QCOMPARE(runs[1].person, QStringLiteral("Ada"));
        QVERIFY(runs[1].isSigned && runs[1].irreversible);
        QCOMPARE(runs[1].lastEntry - runs[1].firstEntry, 12);

        const auto steps = reader.stepsOf(second);
        QCOMPARE(steps.size(), 3u);
        QCOMPARE(steps[1].summary, QStringLiteral("1.4.2+7, 65 KiB at 64.1 kB/s"));
        QCOMPARE(steps[2].measurements.size(), 1u);
        QCOMPARE(*steps[2].measurements[0].value, 3.281);
        QCOMPARE(*steps[2].measurements[0].low, 3.2);

        QCOMPARE(reader.units(Mode::Production).size(), 3u);
        QCOMPARE(reader.units(Mode::Production)[0].serial, QStringLiteral("T1-00000003")); // named after its run began
        QCOMPARE(reader.units(Mode::Training).size(), 1u);
        QCOMPARE(reader.unit(Mode::Production, a)->runs, 2);

        const RunCounters counters = reader.counters(Mode::Production);
        QCOMPARE(counters.done, 2);
        QCOMPARE(counters.failed, 1);
        QCOMPARE(counters.lastHour, 2);
        QCOMPARE(*counters.firstPassYield, 0.5);
        QCOMPARE(reader.counters(Mode::Training).done, 1);

        const auto intents = reader.openIntents();
        QCOMPARE(intents.size(), 1u);
        QCOMPARE(intents[0].act, QStringLiteral("lock"));
        QCOMPARE(intents[0].detail.value(QLatin1String("fuse")).toInteger(), 1);
        QCOMPARE(reader.openRuns().size(), 1u);
        QCOMPARE(reader.lastRuns(Mode::Production, 2).size(), 2u);
        QCOMPARE(reader.lastRuns(Mode::Production, 2)[0].id, QStringLiteral("open-run"));

        EntryFilter filter;
        filter.device = a;
        QCOMPARE(reader.entries(filter).size(), 26u);
        filter.last = 3;
        QCOMPARE(reader.entries(filter).back().kind, QStringLiteral("run.ended"));
        QCOMPARE(reader.entries(filter).size(), 3u);
        filter = {};
        filter.kind = QStringLiteral("certificate");
        QCOMPARE(reader.entries(filter).size(), 4u);
        QVERIFY(reader.entries(filter).back().mode == Mode::Training);
        verifyGood(fixture);
    }

    void rebuildGivesTheSameTables()
    {
        Fixture fixture;
        {
            const auto journal = fixture.open();
            for (int i = 0; i < 20; ++i)
                writeRun(*journal, QStringLiteral("T1-%1").arg(i),
                         i % 5 ? QStringLiteral("PASS") : QStringLiteral("FAIL"));
        }
        QVERIFY(sqlite3Program(fixture.path(),
                               QStringLiteral("UPDATE run SET verdict='PASS'; DROP TABLE label; DELETE FROM step")));
        QCOMPARE(rebuildProjections(fixture.path()), 260);
        verifyGood(fixture);
        fixture.open()->appendDurably(note(QStringLiteral("goes on")));
        verifyGood(fixture);
    }

    void otherFilesAreRefused()
    {
        Fixture fixture;
        const QString text = fixture.path(QStringLiteral("text.db"));
        writeFile(text, QByteArray(5000, 'x'));
        QCOMPARE(faultOf([&] { JournalReader reader(text); }), QStringLiteral("journal.damaged"));
        const QString other = fixture.path(QStringLiteral("other.db"));
        QVERIFY(sqlite3Program(other, QStringLiteral("CREATE TABLE entry(x)")));
        QCOMPARE(faultOf([&] { JournalReader reader(other); }), QStringLiteral("journal.foreign"));
        QCOMPARE(faultOf([&] { Journal::open(other, fixture.signer); }), QStringLiteral("journal.foreign"));
        QCOMPARE(faultOf([&] { JournalReader reader(fixture.path(QStringLiteral("none.db"))); }),
                 QStringLiteral("journal.missing"));
        QCOMPARE(faultOf([&] { Journal::open(fixture.path(QStringLiteral("no/such/folder.db")), fixture.signer); }),
                 QStringLiteral("journal.unwritable"));
        fixture.open();
        QVERIFY(sqlite3Program(fixture.path(), QStringLiteral("PRAGMA user_version=2")));
        QCOMPARE(faultOf([&] { fixture.open(); }), QStringLiteral("journal.newer"));
        QCOMPARE(faultOf([&] { JournalReader reader(fixture.path()); }), QStringLiteral("journal.newer"));
    }

    void cutEndIsRefusedUntilAccepted()
    {
        Fixture fixture;
        {
            const auto journal = fixture.open();
            for (int i = 0; i < 30; ++i)
                journal->append(note(QString::number(i)));
        }
        QVERIFY(sqlite3Program(fixture.path(), QStringLiteral("DELETE FROM entry WHERE seq > 20")));
        QCOMPARE(faultOf([&] { fixture.open(); }), QStringLiteral("journal.tampered"));
        // Also where head and checkpoints were cut with it, journal.head remembers.
        QVERIFY(sqlite3Program(fixture.path(),
                               QStringLiteral("DELETE FROM checkpoint; DELETE FROM head; DELETE FROM entry")));
        QCOMPARE(faultOf([&] { fixture.open(); }), QStringLiteral("journal.tampered"));
        {
            const auto journal = fixture.open(Journal::Loss::Accept);
            QCOMPARE(journal->appendDurably(note(QStringLiteral("on"))), 2);
        }
        JournalReader reader(fixture.path());
        const auto entries = reader.entries({});
        QCOMPARE(entries.front().kind, QStringLiteral("journal.loss"));
        QCOMPARE(entries.front().body.value(QLatin1String("checkpoints")).toArray().size(), 1);
        verifyGood(fixture);
        fixture.open();
    }

    void lostNumbersAndCertificatesStayTaken()
    {
        Fixture fixture;
        QString run;
        {
            const auto journal = fixture.open();
            journal->append(note(QStringLiteral("stays")));
            journal->append(numberEntry(QStringLiteral("T1-00000007")));
            run = writeRun(*journal, QStringLiteral("T1-00000007"));
        }
        QVERIFY(sqlite3Program(fixture.path(), QStringLiteral("DELETE FROM entry WHERE seq > 1")));
        {
            const auto journal = fixture.open(Journal::Loss::Accept);
            QCOMPARE(faultOf([&] { journal->appendDurably(numberEntry(QStringLiteral("T1-00000007"))); }),
                     QStringLiteral("journal.number-taken"));
            const QByteArray key = QCryptographicHash::hash((run + u'k').toUtf8(), QCryptographicHash::Sha256);
            journal->transact([&](Journal::Transaction &t) {
                QCOMPARE(t.certificatesOfKey(key).size(), 1u);
                QCOMPARE(t.certificatesOfSerial(Mode::Production, QStringLiteral("T1-00000007")).size(), 1u);
            });
            writeRun(*journal, QStringLiteral("T1-00000008")); // in the places of what was lost
        }
        verifyGood(fixture);
    }

    void writingStopsWhereTheEndWasChangedMeanwhile()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        for (int i = 0; i < 10; ++i)
            journal->append(note(QString::number(i)));
        journal->flush();
        QVERIFY(sqlite3Program(fixture.path(), QStringLiteral("DELETE FROM entry WHERE seq = 10")));
        QCOMPARE(faultOf([&] { journal->appendDurably(note(QStringLiteral("x"))); }),
                 QStringLiteral("journal.tampered"));
        // A head that was not signed by this station does not help.
        QVERIFY(sqlite3Program(fixture.path(), QStringLiteral("UPDATE head SET seq = 9, hash = (SELECT hash FROM entry "
                                                              "WHERE seq = 9)")));
        QCOMPARE(faultOf([&] { journal->appendDurably(note(QStringLiteral("x"))); }),
                 QStringLiteral("journal.tampered"));
    }

    void waitingInsideItselfIsADefectNotADeadlock()
    {
        Fixture fixture;
        const auto journal = fixture.open();
        QCOMPARE(faultOf([&] { journal->transact([&](Journal::Transaction &) { journal->flush(); }); }),
                 QStringLiteral("internal.defect"));
    }
};

SLIPWAY_TEST_MAIN(TestJournal)
#include "tst_journal.moc"
