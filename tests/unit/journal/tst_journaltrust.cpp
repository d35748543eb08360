// Somebody who may write in the home, but does not hold the station key, must not get `slipway journal verify` to say
// that the journal is as it was written, nor the station's signature under what it did not record.

#include "core/base/files.h"
#include "core/journal/chain.h"
#include "core/journal/database.h"
#include "core/journal/headfile.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString unit = u"T1-00000007"_s; // entries 93 to 105, and two more runs

} // namespace

class TestJournalTrust : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_home;
    QByteArray m_anchor;

    QString at(const QString &name) const { return m_folder.filePath(name); }
    ToolResult slipway(const QStringList &words) const
    {
        return runTool(QStringLiteral(SLIPWAY_PROGRAM), words, m_folder.path());
    }
    ToolResult verify(const QString &home, const QStringList &words = {}) const
    {
        return slipway(QStringList{u"journal"_s, u"verify"_s, u"--home"_s, home} + words);
    }
    ToolResult passport(const QString &home, const QStringList &words = {}) const
    {
        QDir(at(u"passports"_s)).removeRecursively();
        return slipway(
            QStringList{u"journal"_s, u"passport"_s, unit, u"--home"_s, home, u"--out"_s, at(u"passports"_s)} + words);
    }
    QString copied(const QString &name) const
    {
        const QString to = at(name);
        QDir(to).removeRecursively();
        runTool(u"cp"_s, {u"-r"_s, m_home, to});
        return to;
    }
    static QString db(const QString &home) { return home + u"/journal.db"_s; }
    // Takes everything that is signed out of it, and makes chain and tables agree again.
    void strip(const QString &home) const
    {
        QVERIFY(sqlite3Program(db(home), u"DELETE FROM checkpoint; UPDATE head SET signature = x''"_s));
        QVERIFY(QFile::remove(home + u"/journal.head"_s));
        rechain(db(home), 1);
        QVERIFY(sqlite3Program(db(home), u"UPDATE head SET seq = (SELECT max(seq) FROM entry), hash = (SELECT hash "
                                         "FROM entry ORDER BY seq DESC LIMIT 1)"_s));
        QCOMPARE(slipway({u"journal"_s, u"rebuild"_s, u"--home"_s, home}).status, 0);
    }
    // Head, journal.head and the one checkpoint that is due.
    static void sign(const QString &home, const KeySigner &signer)
    {
        Database database(db(home), Database::Access::Write);
        const auto hashOf = [&database](qint64 seq) {
            Statement s(database, "SELECT hash FROM entry WHERE seq = ?1");
            s.bind(1, seq);
            return s.step() ? s.blob(0) : QByteArray();
        };
        const qint64 end = database.number("SELECT max(seq) FROM entry");
        const QByteArray signature = signer.sign(headMessage(end, hashOf(end)));
        Statement(database, "UPDATE head SET seq = ?1, hash = ?2, signature = ?3")
            .bind(1, end)
            .bindBlob(2, hashOf(end))
            .bindBlob(3, signature)
            .run();
        Checkpoint point{1000, "2026-11-21T14:32:07.114Z", hashOf(1000), {}};
        point.signature = signer.sign(point.message());
        Statement(database, "INSERT INTO checkpoint VALUES(?1, ?2, ?3, ?4)")
            .bind(1, point.seq)
            .bindText(2, point.at)
            .bindBlob(3, point.hash)
            .bindBlob(4, point.signature)
            .run();
        writeHeadFile(db(home), point);
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = at(u"H"_s);
        const ToolResult made = slipway({u"init"_s, u"--home"_s, m_home, u"--name"_s, u"Line 1"_s, u"--json"_s});
        QVERIFY2(made.status == 0, made.err.constData());
        m_anchor = QJsonDocument::fromJson(made.out).object().value(u"anchor-sha256"_s).toString().toLatin1();
        const auto journal = Journal::open(db(m_home), std::make_shared<KeySigner>(m_home + u"/keys/station.key"_s));
        for (int i = 0; i < 90; ++i)
            writeRun(*journal, u"T1-%1"_s.arg(i % 30, 8, 10, QLatin1Char('0')));
    }

    void untouchedIsGood()
    {
        const ToolResult good = verify(m_home);
        QVERIFY2(good.status == 0, good.out.constData());
        QVERIFY(good.out.contains("signatures good"));
    }

    void withoutSignaturesItIsNotVerified_data()
    {
        QTest::addColumn<QString>("sql");
        QTest::addColumn<QString>("certificate");
        QTest::addColumn<QString>("removed");
        const QString edit = u"UPDATE entry SET device = 'EVIL' WHERE seq = 60"_s;
        const QString cut = u"DELETE FROM entry WHERE seq > 500"_s;
        QTest::newRow("edited") << edit << QString() << QString();
        QTest::newRow("cut") << cut << QString() << QString();
        QTest::newRow("edited, certificate given") << edit << u"station.pem"_s << QString();
        QTest::newRow("cut, certificate given") << cut << u"station.pem"_s << QString();
        QTest::newRow("edited, anchor given") << edit << u"station-ca.pem"_s << QString();
        QTest::newRow("edited, certificate gone") << edit << QString() << u"station.pem"_s;
        QTest::newRow("edited, anchor gone") << edit << QString() << u"station-ca.pem"_s;
        QTest::newRow("nothing but the certificate gone") << QString() << QString() << u"station.pem"_s;
        QTest::newRow("nothing but the anchor gone") << QString() << QString() << u"station-ca.pem"_s;
    }

    void withoutSignaturesItIsNotVerified()
    {
        QFETCH(QString, sql);
        QFETCH(QString, certificate);
        QFETCH(QString, removed);
        const QString home = copied(u"stripped"_s);
        if (!sql.isEmpty()) {
            QVERIFY(sqlite3Program(db(home), sql));
            strip(home);
        }
        if (!removed.isEmpty())
            QVERIFY(QFile::remove(home + u"/keys/"_s + removed));
        const ToolResult result =
            verify(home, certificate.isEmpty() ? QStringList()
                                               : QStringList{u"--certificate"_s, m_home + u"/keys/"_s + certificate});
        QVERIFY2(result.status == 1, result.out.constData());
        QVERIFY(result.out.contains("NOT"));
        QVERIFY(!result.out.contains("as it was written:"));
    }

    // Somebody without the station key signs with one of his own.
    void anotherKeyIsNotTheStations()
    {
        const QString home = copied(u"resigned"_s);
        QVERIFY(sqlite3Program(db(home), u"UPDATE entry SET device = 'EVIL' WHERE seq = 60"_s));
        strip(home);
        const KeySigner other;
        sign(home, other);
        QFile::remove(home + u"/keys/station.pem"_s);
        writeFile(home + u"/keys/station.pem"_s, other.certificatePem());
        const ToolResult self = verify(home);
        QVERIFY2(self.status == 1, self.out.constData());
        QVERIFY2(self.out.contains("not issued by"), self.out.constData());
        const ToolResult anchored = verify(home, {u"--certificate"_s, m_home + u"/keys/station-ca.pem"_s});
        QCOMPARE(anchored.status, 1);
        QCOMPARE(verify(home, {u"--certificate"_s, m_home + u"/keys/station.pem"_s}).status, 1);

        // With another CA as well the home agrees with itself; what it rests on is said, and is not what was noted.
        const QString stranger = at(u"stranger"_s);
        QCOMPARE(slipway({u"init"_s, u"--home"_s, stranger}).status, 0);
        for (const QString &name : {u"station.pem"_s, u"station.key"_s, u"station-ca.pem"_s}) {
            QFile::remove(home + u"/keys/"_s + name);
            QVERIFY(QFile::copy(stranger + u"/keys/"_s + name, home + u"/keys/"_s + name));
        }
        QVERIFY(sqlite3Program(db(home), u"DELETE FROM checkpoint; UPDATE head SET signature = x''"_s));
        sign(home, KeySigner(stranger + u"/keys/station.key"_s));
        const ToolResult agreeing = verify(home);
        QCOMPARE(agreeing.status, 0);
        QVERIFY(!agreeing.out.contains(m_anchor));
        QCOMPARE(verify(home, {u"--certificate"_s, m_home + u"/keys/station-ca.pem"_s}).status, 1);
    }

    void theAnchorIsSaid()
    {
        const ToolResult sum = runTool(
            u"sh"_s, {u"-c"_s, u"openssl x509 -in H/keys/station-ca.pem -outform DER | sha256sum"_s}, m_folder.path());
        QCOMPARE(sum.out.left(64), m_anchor);
        QVERIFY(verify(m_home).out.contains(m_anchor));
        const QString ca = m_home + u"/keys/station-ca.pem"_s;
        QCOMPARE(verify(m_home, {u"--certificate"_s, ca}).status, 0);
        const ToolResult json = verify(m_home, {u"--certificate"_s, ca, u"--json"_s});
        QCOMPARE(QJsonDocument::fromJson(json.out).object().value(u"anchor-sha256"_s).toString().toLatin1(), m_anchor);
        const ToolResult people = slipway({u"init"_s, u"--home"_s, at(u"another"_s)});
        QVERIFY(people.out.contains("SHA-256"));
    }

    // What is signed is what was written, not what somebody put into a table.
    void nothingUnprovenIsSigned_data()
    {
        QTest::addColumn<QString>("sql");
        QTest::addColumn<QString>("words");
        const auto row = [](const char *name, const char *sql, const char *words) {
            QTest::newRow(name) << QString::fromLatin1(sql) << QString::fromLatin1(words);
        };
        const char *const first = "(SELECT id FROM run WHERE device = 'T1-00000007' ORDER BY entry LIMIT 1)";
        const auto ofRun = [&](const char *name, const char *sql, const char *words) {
            QTest::newRow(name) << QString::fromLatin1(sql).arg(QLatin1String(first)) << QString::fromLatin1(words);
        };
        row("verdict", "UPDATE run SET verdict = 'FAIL' WHERE device = 'T1-00000007'", "table run");
        ofRun("one run", "UPDATE run SET sentence = 'x' WHERE id = %1", "table run does not say what entry 93 says");
        ofRun("run given away", "UPDATE run SET device = 'T1-00000008' WHERE id = %1", "entry 93");
        ofRun("run taken out", "DELETE FROM run WHERE id = %1", "entry 93");
        row("run smuggled in",
            "INSERT INTO run(id, entry, device, mode, begun_at, verdict) VALUES('x', 5, 'T1-00000007', 'production', "
            "'', 'PASS')",
            "table run");
        row("unit", "UPDATE device SET verdict = 'FAIL' WHERE serial = 'T1-00000007'", "table device");
        row("unit taken out", "DELETE FROM device WHERE serial = 'T1-00000007'", "table device");
        ofRun("step", "UPDATE step SET summary = 'x' WHERE idx = 1 AND run = %1", "table step");
        ofRun("measurement", "UPDATE measurement SET value = 3.3 WHERE run = %1", "table measurement");
        row("certificate", "UPDATE certificate SET revoked_at = NULL, mud_url = 'x' WHERE serial = 'T1-00000007'",
            "table certificate");
        ofRun("artifact", "UPDATE artifact SET version = '9' WHERE run = %1", "table artifact");
        ofRun("intent", "UPDATE intent SET state = NULL WHERE run = %1", "table intent");
        row("number", "INSERT INTO number VALUES(700, 'production', 'serial', 'x', '', 'T1-00000007', '')",
            "table number");
        row("a view for a table", "ALTER TABLE artifact RENAME TO was; CREATE VIEW artifact AS SELECT * FROM was",
            "table artifact");
        row("entry of the unit", "UPDATE entry SET body = x'a0' WHERE seq = 105", "entry 105");
        row("entry of another unit", "UPDATE entry SET device = 'EVIL' WHERE seq = 60", "entry 60");
        row("a whole run taken out", "DELETE FROM entry WHERE seq BETWEEN 93 AND 105", "entry 93 is missing");
        row("the end cut off", "DELETE FROM entry WHERE seq > 1160", "entry 1161 is missing");
        row("head", "UPDATE head SET signature = x''", "head");
        row("head taken out", "DELETE FROM head", "head");
    }

    void nothingUnprovenIsSigned()
    {
        QFETCH(QString, sql);
        QFETCH(QString, words);
        const QString home = copied(u"edited"_s);
        QVERIFY(sqlite3Program(db(home), sql));
        const ToolResult result = passport(home);
        QVERIFY2(result.status == 1, (result.out + result.err).constData());
        QVERIFY2(result.err.contains(words.toUtf8()), result.err.constData());
        QVERIFY(!QFile::exists(at(u"passports/T1-00000007.json.p7s"_s)));
        QVERIFY(!QFile::exists(at(u"passports/T1-00000007.json"_s)));
    }

    void theEndMustBeSignedByThisStation()
    {
        QString home = copied(u"edited"_s);
        QVERIFY(QFile::remove(home + u"/journal.head"_s));
        QCOMPARE(passport(home).status, 1);
        writeFile(home + u"/journal.head"_s, "nonsense\n");
        QCOMPARE(passport(home).status, 1);
        QVERIFY(sqlite3Program(db(home), u"UPDATE entry SET device = 'EVIL' WHERE seq = 60"_s));
        QVERIFY(QFile::remove(home + u"/journal.head"_s));
        QVERIFY(sqlite3Program(db(home), u"DELETE FROM checkpoint"_s));
        rechain(db(home), 1);
        const KeySigner other;
        sign(home, other);
        const ToolResult foreign = passport(home);
        QVERIFY2(foreign.status == 1, foreign.err.constData());
        QVERIFY(foreign.err.contains("signature"));
        QFile::remove(home + u"/keys/station.pem"_s);
        writeFile(home + u"/keys/station.pem"_s, other.certificatePem());
        const ToolResult self = passport(home, {u"--json"_s});
        QCOMPARE(self.status, 1);
        QVERIFY(self.out.contains("journal.not-vouched"));
    }

    // Else one damaged row of another unit would stop the line.
    void onlyItsOwnRowsCount()
    {
        const QString home = copied(u"others"_s);
        QVERIFY(sqlite3Program(db(home), u"UPDATE run SET verdict = 'FAIL' WHERE device = 'T1-00000008'"_s));
        const ToolResult result = passport(home);
        QVERIFY2(result.status == 0, result.err.constData());
        const QByteArray made = readFile(at(u"passports/T1-00000007.json"_s), 1 << 24, u"a passport"_s);
        QCOMPARE(QJsonDocument::fromJson(made).object().value(u"issued"_s).toObject().value(u"anchor-sha256"_s),
                 QJsonValue(QString::fromLatin1(m_anchor)));
    }

    // A journal that is lost must not begin again: it would give out numbers a second time.
    void aLostJournalIsNotBegunAgain_data()
    {
        QTest::addColumn<QString>("how");
        QTest::newRow("removed") << u"rm journal.*"_s;
        QTest::newRow("database removed") << u"rm journal.db"_s;
        QTest::newRow("emptied file") << u"rm journal.head; : > journal.db"_s;
        QTest::newRow("emptied tables") << u"rm journal.head; sqlite3 journal.db 'DELETE FROM entry; DELETE FROM head; "
                                           "DELETE FROM checkpoint; DELETE FROM number'"_s;
    }

    void aLostJournalIsNotBegunAgain()
    {
        QFETCH(QString, how);
        const QString home = copied(u"lost"_s);
        QCOMPARE(runTool(u"sh"_s, {u"-c"_s, how}, home).status, 0);
        const ToolResult demo =
            slipway({u"demo"_s, u"--headless"_s, u"--slots"_s, u"1"_s, u"--home"_s, home, u"--json"_s});
        QVERIFY2(demo.status == 3, (demo.out + demo.err).constData());
        QVERIFY2(demo.err.contains("damaged"), demo.err.constData());
        QVERIFY(!demo.out.contains("T1-"));
        QVERIFY(verify(home).status != 0);
    }

    void aHomeBeginsWithItsMaking()
    {
        const QString home = copied(u"begun"_s);
        QCOMPARE(runTool(u"sh"_s, {u"-c"_s, u"rm journal.*"_s}, home).status, 0);
        {
            const auto journal = Journal::open(db(home), std::make_shared<KeySigner>(home + u"/keys/station.key"_s));
            writeRun(*journal, unit);
        }
        const ToolResult result = verify(home);
        QVERIFY2(result.status == 1, result.out.constData());
        QVERIFY2(result.out.startsWith("entry 1: "), result.out.constData());
    }

    void nothingIsWrittenOverTheHome_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("out");
        const QStringList json{u"journal"_s, u"export"_s, u"--out"_s};
        const QStringList csv{u"journal"_s, u"export"_s, u"--format"_s, u"csv"_s, u"--out"_s};
        const QStringList passport{u"journal"_s, u"passport"_s, unit, u"--out"_s};
        const QStringList crl{u"identity"_s, u"crl"_s, u"--out"_s};
        QTest::newRow("journal") << json << u"H4/journal.db"_s;
        QTest::newRow("another way to write it") << json << u"H4/../H4//recipes/../journal.db"_s;
        QTest::newRow("log") << json << u"H4/journal.db-wal"_s;
        QTest::newRow("head") << json << u"H4/journal.head"_s;
        QTest::newRow("station") << json << u"H4/station.yaml"_s;
        QTest::newRow("key") << json << u"H4/keys/station.key"_s;
        QTest::newRow("new file in keys") << json << u"H4/keys/new"_s;
        QTest::newRow("by a link") << json << u"to-journal"_s;
        QTest::newRow("by a second name") << json << u"hard-journal"_s;
        QTest::newRow("by a link to a folder") << json << u"to-keys/new"_s;
        QTest::newRow("by a link to what is not there") << json << u"to-new"_s;
        QTest::newRow("backup") << QStringList{u"journal"_s, u"export"_s, u"--backup"_s} << u"H4/keys/copy.db"_s;
        QTest::newRow("tables") << csv << u"H4/keys"_s;
        QTest::newRow("tables in a new folder") << csv << u"H4/keys/a/b"_s;
        QTest::newRow("passport") << passport << u"H4/keys"_s;
        QTest::newRow("list") << crl << u"H4/keys/issuer.pem"_s;
        QTest::newRow("list over the journal") << crl << u"H4/journal.db"_s;
    }

    void nothingIsWrittenOverTheHome()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, out);
        const QString home = copied(u"H4"_s);
        runTool(u"sh"_s,
                {u"-c"_s, u"rm -f to-* hard-*; ln -s H4/journal.db to-journal; ln H4/journal.db hard-journal; ln -s "
                          "H4/keys to-keys; ln -s H4/keys/new to-new"_s},
                m_folder.path());
        const QString sums = u"cat H4/journal.db H4/journal.head H4/station.yaml H4/keys/* | sha256sum; ls H4/keys"_s;
        const ToolResult before = runTool(u"sh"_s, {u"-c"_s, sums}, m_folder.path());
        const ToolResult result = slipway(words + QStringList{out, u"--home"_s, home});
        QVERIFY2(result.status == 2, (result.out + result.err).constData());
        QVERIFY2(result.err.contains("part of the station"), result.err.constData());
        QCOMPARE(runTool(u"sh"_s, {u"-c"_s, sums}, m_folder.path()).out, before.out);
    }

    void elsewhereInTheHomeIsAllowed()
    {
        const QString home = copied(u"H4"_s);
        QCOMPARE(slipway({u"journal"_s, u"export"_s, u"--out"_s, home + u"/all.json"_s, u"--home"_s, home}).status, 0);
    }

    // A stranger has the database alone: what can be said of it is said, and nobody takes it for verified.
    void aBareDatabaseIsOnlyAChain()
    {
        const QString bare = at(u"bare"_s);
        QDir().mkpath(bare);
        QVERIFY(QFile::copy(db(m_home), db(bare)));
        const ToolResult chain = verify(bare);
        QCOMPARE(chain.status, 2);
        QVERIFY2(chain.out.contains("nothing vouches for"), chain.out.constData());
        QVERIFY(!chain.out.contains("as it was written:"));
        const QJsonObject object = QJsonDocument::fromJson(verify(bare, {u"--json"_s}).out).object();
        QCOMPARE(object.value(u"good"_s), QJsonValue(false));
        QCOMPARE(object.value(u"chain-good"_s), QJsonValue(true));

        const QStringList given{u"--certificate"_s, m_home + u"/keys/station.pem"_s};
        QCOMPARE(verify(bare, given).status, 1); // journal.head belongs to it
        QVERIFY(QFile::copy(m_home + u"/journal.head"_s, bare + u"/journal.head"_s));
        QCOMPARE(verify(bare, given).status, 0);

        QVERIFY(sqlite3Program(db(bare), u"UPDATE entry SET kind = 'log' WHERE seq = 17"_s));
        const ToolResult changed = verify(bare);
        QCOMPARE(changed.status, 1);
        QVERIFY(changed.out.startsWith("entry 17: "));
    }
};

SLIPWAY_TEST_MAIN(TestJournalTrust)
#include "tst_journaltrust.moc"
