// Somebody who may write in the home, but does not hold the station key, must not get `slipway journal verify` to say
// that the journal is as it was written, nor the station's signature under what it did not record.

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

private Q_SLOTS:
    void initTestCase()
    {
        m_home = at(u"H"_s);
        const ToolResult made = slipway({u"init"_s, u"--home"_s, m_home, u"--name"_s, u"Line 1"_s, u"--json"_s});
        QVERIFY2(made.status == 0, made.err.constData());
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
        QTest::newRow("edited, certificate gone") << edit << QString() << u"station.pem"_s;
        QTest::newRow("nothing but the certificate gone") << QString() << QString() << u"station.pem"_s;
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
