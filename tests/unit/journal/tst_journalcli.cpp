// `slipway journal` as a person or a script calls it, on a home made by `slipway init`: what it prints, its exit
// status, and that openssl accepts the passport's signature.

#include "core/base/files.h"
#include "core/station/home.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace slipway;
using namespace slipway::test;

class TestJournalCli : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    QString m_home;
    QString m_run;

    ToolResult slipway(const QStringList &words) const
    {
        return runTool(QStringLiteral(SLIPWAY_PROGRAM), QStringList{QStringLiteral("journal")} + words,
                       m_folder.path());
    }
    QString at(const char *name) const { return m_folder.filePath(QLatin1String(name)); }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(QStringLiteral("H"));
        const ToolResult made =
            runTool(QStringLiteral(SLIPWAY_PROGRAM), {QStringLiteral("init"), QStringLiteral("--home"), m_home});
        QVERIFY2(made.status == 0, made.err.constData());
        const auto journal = Home::open(m_home).openJournal();
        writeRun(*journal, QStringLiteral("T1-00000001"), QStringLiteral("FAIL"));
        m_run = writeRun(*journal, QStringLiteral("T1-00000001"));
        writeRun(*journal, QStringLiteral("T1-00000002"), QStringLiteral("PASS"), QStringLiteral("training"));
    }

    void showPrintsObjects()
    {
        const ToolResult all =
            slipway({QStringLiteral("show"), QStringLiteral("--home"), m_home, QStringLiteral("--json")});
        QCOMPARE(all.status, 0);
        qint64 expected = 0;
        for (const QByteArray &line : all.out.trimmed().split('\n')) {
            const QJsonObject object = QJsonDocument::fromJson(line).object();
            QCOMPARE(object.value(QStringLiteral("entry")).toInteger(), ++expected);
            for (const char *key : {"at", "kind", "run", "device", "body", "prev", "hash"})
                QVERIFY2(object.contains(QLatin1String(key)), key);
        }
        QVERIFY(expected >= 40); // three runs and how the home began
        const ToolResult last = slipway({QStringLiteral("show"), QStringLiteral("--home"), m_home,
                                         QStringLiteral("--run"), m_run, QStringLiteral("--kind"),
                                         QStringLiteral("step.ended"), QStringLiteral("--last"), QStringLiteral("1")});
        QVERIFY(last.out.contains("3.281 V"));
        QCOMPARE(last.out.count('\n'), 1);
        const ToolResult training = slipway({QStringLiteral("show"), QStringLiteral("--home"), m_home,
                                             QStringLiteral("--device"), QStringLiteral("T1-00000002")});
        QCOMPARE(training.out.count("TRAINING"), 13);
        const ToolResult unknown = slipway({QStringLiteral("show"), QStringLiteral("--home"), m_home,
                                            QStringLiteral("--device"), QStringLiteral("T1-0000000")});
        QCOMPARE(unknown.status, 2);
        QVERIFY(unknown.err.contains("Did you mean \"T1-0000000"));
    }

    void verifySaysSo()
    {
        const ToolResult good = slipway({QStringLiteral("verify"), QStringLiteral("--home"), m_home});
        QVERIFY2(good.status == 0, good.out.constData());
        QVERIFY(good.out.contains("signatures good"));

        const QString copy = m_folder.filePath(QStringLiteral("H2"));
        QCOMPARE(runTool(QStringLiteral("cp"), {QStringLiteral("-r"), m_home, copy}).status, 0);
        QVERIFY(sqlite3Program(copy + QStringLiteral("/journal.db"),
                               QStringLiteral("UPDATE entry SET device = 'x' WHERE seq = 17")));
        const ToolResult bad = slipway({QStringLiteral("verify"), QStringLiteral("--home"), copy});
        QCOMPARE(bad.status, 1);
        QVERIFY(bad.out.startsWith("entry 17: "));
        const ToolResult json =
            slipway({QStringLiteral("verify"), QStringLiteral("--home"), copy, QStringLiteral("--json")});
        QCOMPARE(json.status, 1);
        QCOMPARE(QJsonDocument::fromJson(json.out).object().value(QStringLiteral("first-bad-entry")).toInteger(), 17);
        QCOMPARE(slipway({QStringLiteral("verify"), QStringLiteral("--home"), QStringLiteral("nowhere")}).status, 2);
    }

    void opensslAcceptsThePassport()
    {
        const ToolResult made = slipway({QStringLiteral("passport"), QStringLiteral("T1-00000001"),
                                         QStringLiteral("--home"), m_home, QStringLiteral("--out"), at("D")});
        QVERIFY2(made.status == 0, made.err.constData());
        const QStringList check{QStringLiteral("cms"),
                                QStringLiteral("-verify"),
                                QStringLiteral("-binary"),
                                QStringLiteral("-inform"),
                                QStringLiteral("DER"),
                                QStringLiteral("-in"),
                                at("D/T1-00000001.json.p7s"),
                                QStringLiteral("-content"),
                                at("D/T1-00000001.json"),
                                QStringLiteral("-CAfile"),
                                m_home + QStringLiteral("/keys/station-ca.pem"),
                                QStringLiteral("-purpose"),
                                QStringLiteral("any"),
                                QStringLiteral("-out"),
                                at("D/out")};
        const ToolResult good = runTool(QStringLiteral("openssl"), check);
        QVERIFY2(good.status == 0, good.err.constData());
        QVERIFY(QFile::exists(at("D/T1-00000001.pdf")));
        QByteArray content = readFile(at("D/T1-00000001.json"), 1 << 24, QStringLiteral("a passport"));
        writeFile(at("D/T1-00000001.json"), content.replace("\"PASS\"", "\"FAIL\""));
        QVERIFY(runTool(QStringLiteral("openssl"), check).status != 0);

        const ToolResult training = slipway({QStringLiteral("passport"), QStringLiteral("T1-00000002"),
                                             QStringLiteral("--home"), m_home, QStringLiteral("--out"), at("D")});
        QVERIFY(training.out.startsWith("TRAINING"));
        QCOMPARE(slipway({QStringLiteral("passport"), QStringLiteral("T1-1"), QStringLiteral("--home"), m_home}).status,
                 2);
    }

    void exportsCopiesAndSigns()
    {
        QCOMPARE(slipway({QStringLiteral("export"), QStringLiteral("--home"), m_home}).status, 2);
        QCOMPARE(slipway({QStringLiteral("export"), QStringLiteral("--home"), m_home, QStringLiteral("--format"),
                          QStringLiteral("csv"), QStringLiteral("--out"), at("csv")})
                     .status,
                 0);
        QVERIFY(QFile::exists(at("csv/entry.csv")));
        QCOMPARE(slipway({QStringLiteral("export"), QStringLiteral("--home"), m_home, QStringLiteral("--out"),
                          at("all.json"), QStringLiteral("--backup"), at("copy.db")})
                     .status,
                 0);
        QVERIFY(QFile::exists(at("copy.head")));
        const ToolResult signedNow =
            slipway({QStringLiteral("checkpoint"), QStringLiteral("--home"), m_home, QStringLiteral("--json")});
        QCOMPARE(signedNow.status, 0);
        QCOMPARE(QJsonDocument::fromJson(signedNow.out).object().value(QStringLiteral("hash")).toString().size(), 64);
        QVERIFY(sqlite3Program(m_home + QStringLiteral("/journal.db"), QStringLiteral("DELETE FROM step")));
        QCOMPARE(slipway({QStringLiteral("verify"), QStringLiteral("--home"), m_home}).status, 1);
        QCOMPARE(slipway({QStringLiteral("rebuild"), QStringLiteral("--home"), m_home}).status, 0);
        QCOMPARE(slipway({QStringLiteral("verify"), QStringLiteral("--home"), m_home}).status, 0);
    }

    void lossIsRefusedUntilAccepted()
    {
        QVERIFY(
            sqlite3Program(m_home + QStringLiteral("/journal.db"), QStringLiteral("DELETE FROM entry WHERE seq > 30")));
        const ToolResult refused = slipway({QStringLiteral("checkpoint"), QStringLiteral("--home"), m_home});
        QCOMPARE(refused.status, 3);
        QVERIFY(refused.err.contains("entry 31"));
        QCOMPARE(
            slipway({QStringLiteral("checkpoint"), QStringLiteral("--home"), m_home, QStringLiteral("--accept-loss")})
                .status,
            0);
        const ToolResult after = slipway({QStringLiteral("verify"), QStringLiteral("--home"), m_home});
        QVERIFY2(after.status == 0, after.out.constData());
        QVERIFY(after.err.contains("a person accepted that entries are gone"));
    }
};

SLIPWAY_TEST_MAIN(TestJournalCli)
#include "tst_journalcli.moc"
