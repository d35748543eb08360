// The commands of core/journal/README.md, taken from there and run as they stand: a stranger with sqlite3, sha256sum
// and openssl comes to the same result as Slipway.

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/journal/queries.h"
#include "tests/support/testmain.h"
#include "tests/unit/journal/journalfixture.h"

#include <QRegularExpression>

using namespace slipway;
using namespace slipway::test;

class TestJournalShell : public QObject
{
    Q_OBJECT

    std::unique_ptr<Fixture> m_fixture;
    QMap<QString, QString> m_blocks; // name in the first line -> commands

    ToolResult runBlock(const QString &name, const QString &folder)
    {
        return runTool(QStringLiteral("sh"), {QStringLiteral("-c"), m_blocks.value(name)}, folder);
    }

private Q_SLOTS:
    void initTestCase()
    {
        const QString page = QString::fromUtf8(
            readFile(QStringLiteral(SLIPWAY_SOURCE_DIR "/core/journal/README.md"), 1 << 20, QStringLiteral("a page")));
        static const QRegularExpression block(QStringLiteral("^```sh\\n# (\\w+)\\n(.*?)^```$"),
                                              QRegularExpression::MultilineOption |
                                                  QRegularExpression::DotMatchesEverythingOption);
        auto it = block.globalMatch(page);
        while (it.hasNext()) {
            const auto match = it.next();
            m_blocks.insert(match.captured(1), match.captured(2));
        }
        QCOMPARE(m_blocks.keys(), (QStringList{QStringLiteral("agreement"), QStringLiteral("chain"),
                                               QStringLiteral("entry"), QStringLiteral("signatures")}));
        m_fixture = std::make_unique<Fixture>();
        const auto journal = m_fixture->open();
        for (int i = 0; i < 80; ++i)
            writeRun(*journal, QStringLiteral("T1|é %1").arg(i));
    }

    void oneEntry()
    {
        const ToolResult result = runBlock(QStringLiteral("entry"), m_fixture->folder.path());
        QCOMPARE(result.status, 0);
        const auto lines = result.out.split('\n');
        QVERIFY(lines.size() >= 2);
        QCOMPARE(lines[0].left(64), lines[1]);
        QCOMPARE(lines[1], hex(JournalReader(m_fixture->path()).entries({}).front().hash).toLatin1());
    }

    void wholeChain()
    {
        const ToolResult good = runBlock(QStringLiteral("chain"), m_fixture->folder.path());
        QCOMPARE(good.status, 0);
        const Entry last = JournalReader(m_fixture->path()).entries({}).back();
        QCOMPARE(QString::fromUtf8(good.out),
                 QStringLiteral("entries 1 to 1040 are in order, ending in %1\n").arg(hex(last.hash)));

        const QString folder = m_fixture->copy(QStringLiteral("edited"));
        QVERIFY(sqlite3Program(folder + QStringLiteral("/journal.db"),
                               QStringLiteral("UPDATE entry SET device = 'other' WHERE seq = 77")));
        const ToolResult bad = runBlock(QStringLiteral("chain"), folder);
        QCOMPARE(bad.status, 1);
        QCOMPARE(bad.out, QByteArray("entry 77: the chain is broken\n"));
    }

    void signatures()
    {
        const ToolResult good = runBlock(QStringLiteral("signatures"), m_fixture->folder.path());
        QVERIFY2(good.status == 0, good.err.constData());
        QCOMPARE(good.out.count("Verified OK"), 4); // head, checkpoints 1000 and 1040, journal.head

        const QString folder = m_fixture->copy(QStringLiteral("resigned"));
        QVERIFY(sqlite3Program(folder + QStringLiteral("/journal.db"), QStringLiteral("UPDATE head SET seq = 1039")));
        QCOMPARE(runBlock(QStringLiteral("signatures"), folder).status, 1);
    }

    void agreement()
    {
        const ToolResult good = runBlock(QStringLiteral("agreement"), m_fixture->folder.path());
        QVERIFY2(good.err.isEmpty(), good.err.constData());
        QCOMPARE(good.out, QByteArray());

        const QString folder = m_fixture->copy(QStringLiteral("cut"));
        QVERIFY(sqlite3Program(folder + QStringLiteral("/journal.db"),
                               QStringLiteral("DELETE FROM entry WHERE seq >= 1000")));
        const QByteArray bad = runBlock(QStringLiteral("agreement"), folder).out;
        QVERIFY(bad.contains("the head is not the last entry"));
        QVERIFY(bad.contains("entry 1000: not what its checkpoint names"));
        QVERIFY(bad.contains("entry 1040: not what journal.head names"));
    }
};

SLIPWAY_TEST_MAIN(TestJournalShell)
#include "tst_journalshell.moc"
