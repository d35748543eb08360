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
        Statement(database, "UPDATE head SET signature = ?1").bindBlob(1, signature).run();
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
