// How the command line behaves as such: help, wrong words, streams, completion, homes, passphrases.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestCommandLine : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString m_home;

    static QList<QStringList> allCommands(const QStringList &path = {})
    {
        QList<QStringList> found;
        const Ran help = slipwayRun(path + QStringList{u"--help"_s});
        bool listing = false;
        for (const QByteArray &line : help.out.split('\n')) {
            if (line.startsWith("Subcommands:"))
                listing = true;
            else if (listing && line.startsWith("  ") && line.size() > 2 && line[2] != ' ') {
                const QStringList inner = path + QStringList{QString::fromUtf8(line.trimmed()).section(u' ', 0, 0)};
                found += inner;
                found += allCommands(inner);
            } else if (!line.startsWith("  "))
                listing = false;
        }
        return found;
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home, u"--name"_s, u"Line 1"_s}).status, 0);
    }

    void everyCommandHasHelpWithExamples()
    {
        const QList<QStringList> commands = allCommands();
        QVERIFY2(commands.size() > 20, qPrintable(QString::number(commands.size())));
        QSet<QString> nouns;
        for (const QStringList &path : commands)
            nouns.insert(path.first());
        for (const char *noun : {"init", "run", "demo", "recover", "recipe", "device", "firmware", "identity",
                                 "journal", "virtual", "completion"})
            QVERIFY2(nouns.contains(QLatin1String(noun)), noun);
        for (const QStringList &path : commands) {
            const Ran help = slipwayRun(path + QStringList{u"--help"_s});
            QVERIFY2(help.status == 0, qPrintable(path.join(u' ')));
            const bool inner = help.out.contains("\nSubcommands:");
            QVERIFY2(inner || help.out.contains("Examples:"), qPrintable(path.join(u' ')));
            QVERIFY2(help.out.contains("--home"), qPrintable(path.join(u' ')));
        }
        QCOMPARE(slipwayRun({u"--version"_s}).lastLine().section(u' ', 0, 0), u"slipway"_s);
    }

    void numbersAreRefusedInWords_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("sentence");
        const QStringList last{u"journal"_s, u"show"_s, u"--last"_s};
        QTest::newRow("none") << last + QStringList{u"0"_s} << u"\"0\" is not a whole number from 1 up."_s;
        QTest::newRow("negative") << last + QStringList{u"-3"_s} << u"\"-3\" is not a whole number from 1 up."_s;
        QTest::newRow("fraction") << last + QStringList{u"1.5"_s} << u"\"1.5\" is not a whole number from 1 up."_s;
        QTest::newRow("word") << last + QStringList{u"all"_s} << u"\"all\" is not a whole number from 1 up."_s;
        QTest::newRow("huge") << last + QStringList{QString(30, u'9')} << u"is not a whole number from 1 up."_s;
        QTest::newRow("beyond its type") << last + QStringList{u"3000000000"_s}
                                         << u"3000000000 is a larger number than --last can take."_s;
        QTest::newRow("no number") << QStringList{u"virtual"_s, u"coap"_s, u"--port"_s, u"0"_s, u"--seed"_s, u"x"_s}
                                   << u"\"x\" is not a whole number from 0 up."_s;
        QTest::newRow("negative seed") << QStringList{u"virtual"_s, u"coap"_s,   u"--port"_s,
                                                      u"0"_s,       u"--seed"_s, u"-1"_s}
                                       << u"\"-1\" is not a whole number from 0 up."_s;
        QTest::newRow("beyond the range")
            << QStringList{u"demo"_s, u"--slots"_s, u"3000000000"_s} << u"--slots takes 1 to 64"_s;
        QTest::newRow("line") << QStringList{u"virtual"_s, u"line"_s, u"--device"_s,    u"a"_s,
                                             u"--host"_s,  u"b"_s,    u"--cut-after"_s, u"-1"_s}
                              << u"\"-1\" is not a whole number from 0 up."_s;
    }

    void numbersAreRefusedInWords()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, sentence);
        const Ran ran = slipwayRun(words);
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.err.contains(sentence.toUtf8()), qPrintable(ran.text()));
        QVERIFY2(ran.err.size() < 300, qPrintable(ran.text()));
    }

    void wrongWords_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("hint");
        QTest::newRow("nothing") << QStringList() << u"subcommand"_s;
        QTest::newRow("command") << QStringList{u"dmeo"_s} << u"Did you mean \"demo\"?"_s;
        QTest::newRow("inner command") << QStringList{u"journal"_s, u"shwo"_s} << u"Did you mean \"show\"?"_s;
        QTest::newRow("noun alone") << QStringList{u"journal"_s} << u"needs a subcommand"_s;
        QTest::newRow("option") << QStringList{u"demo"_s, u"--headles"_s} << u"Did you mean \"--headless\"?"_s;
        QTest::newRow("option with value") << QStringList{u"demo"_s, u"--slot=4"_s} << u"Did you mean \"--slots\"?"_s;
        QTest::newRow("value") << QStringList{u"demo"_s, u"--slots"_s, u"many"_s} << u"--slots"_s;
        QTest::newRow("range") << QStringList{u"demo"_s, u"--slots"_s, u"1000"_s} << u"--slots"_s;
        QTest::newRow("no value") << QStringList{u"demo"_s, u"--slots"_s} << u"--slots"_s;
        QTest::newRow("extra word") << QStringList{u"demo"_s, u"now"_s} << u"now"_s;
        QTest::newRow("missing word") << QStringList{u"run"_s} << u"recipe"_s;
        QTest::newRow("shell") << QStringList{u"completion"_s, u"tcsh"_s} << u"tcsh"_s;
        QTest::newRow("hostile") << QStringList{u"\x1b[31mdemo\n"_s} << u"no subcommand"_s;
        QTest::newRow("huge") << QStringList{QString(50'000, u'x')} << u"no subcommand"_s;
    }
    void wrongWords()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, hint);
        const Ran ran = slipwayRun(words);
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.out.isEmpty(), qPrintable(ran.text()));
        QVERIFY2(ran.err.contains(hint.toUtf8()), qPrintable(ran.text()));
        QCOMPARE(ran.err.count('\n'), 1); // one line
        QVERIFY(ran.err.size() < 700);
        QVERIFY(!ran.err.contains('\x1b'));
    }

    void commonOptionsStandAnywhere()
    {
        for (const QStringList &words : {QStringList{u"--home"_s, m_home, u"recover"_s, u"--json"_s},
                                         QStringList{u"--json"_s, u"recover"_s, u"--home"_s, m_home},
                                         QStringList{u"--json"_s, u"--home"_s, m_home, u"recover"_s},
                                         QStringList{u"recover"_s, u"--home=%1"_s.arg(m_home), u"--json"_s}}) {
            const Ran ran = slipwayRun(words);
            QVERIFY2(ran.status == 0 && ran.out.isEmpty(), qPrintable(ran.text()));
        }
        for (const QStringList &words : {QStringList{u"--json"_s, u"journal"_s, u"show"_s, u"--home"_s, m_home},
                                         QStringList{u"journal"_s, u"--json"_s, u"--home"_s, m_home, u"show"_s}}) {
            const Ran ran = slipwayRun(words);
            QCOMPARE(ran.status, 0);
            QVERIFY2(!ran.objects().isEmpty() && !ran.objects().first().contains(u"not-json"_s),
                     qPrintable(ran.text()));
        }
    }

    void initRefusesWhatIsThere()
    {
        const Ran again = slipwayRun({u"init"_s, u"--home"_s, m_home});
        QCOMPARE(again.status, 2);
        QVERIFY2(again.err.contains("There is a station already"), qPrintable(again.text()));
        const Ran missing = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_folder.filePath(u"none"_s)});
        QCOMPARE(missing.status, 2);
        QVERIFY2(missing.err.contains("slipway init"), qPrintable(missing.text()));
        const Ran unwritable = slipwayRun({u"init"_s, u"--home"_s, u"/proc/slipway"_s});
        QCOMPARE(unwritable.status, 3);
    }

    void passphraseByDescriptor()
    {
        const Ran made =
            shell(u"echo 'open sesame' > phrase; \"$SLIPWAY\" init --home sealed --passphrase-fd 3 3< phrase"_s,
                  m_folder.path());
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        QVERIFY(shell(u"head -1 sealed/keys/issuer.key"_s, m_folder.path()).out.contains("ENCRYPTED"));
        const Ran without = shell(u"\"$SLIPWAY\" demo --headless --slots 1 --home sealed"_s, m_folder.path());
        QVERIFY2(without.status == 2 || without.status == 3, qPrintable(without.text()));
        const Ran wrong = shell(u"\"$SLIPWAY\" demo --headless --slots 1 --home sealed --passphrase-fd 3 3<<< wrong"_s,
                                m_folder.path());
        QVERIFY(wrong.status == 2 || wrong.status == 3);
        const Ran with = shell(u"\"$SLIPWAY\" demo --headless --slots 1 --home sealed --passphrase-fd 3 3< phrase"_s,
                               m_folder.path());
        QVERIFY2(with.status == 0, qPrintable(with.text()));
        const Ran closed = shell(u"\"$SLIPWAY\" init --home other --passphrase-fd 9 9<&-"_s, m_folder.path());
        QCOMPARE(closed.status, 2);
        QVERIFY(!QFile::exists(m_folder.filePath(u"other"_s)));
        QVERIFY(!(made.out + made.err + with.out + with.err).contains("sesame"));
    }

    void completionScripts()
    {
        const Ran completed =
            shell(u"eval \"$(\"$SLIPWAY\" completion bash)\"; "
                  "COMP_WORDS=(slipway jour); COMP_CWORD=1; _slipway; echo \"${COMPREPLY[@]}\"; "
                  "COMP_WORDS=(slipway journal pass); COMP_CWORD=2; _slipway; echo \"${COMPREPLY[@]}\"; "
                  "COMP_WORDS=(slipway demo --he); COMP_CWORD=2; _slipway; echo \"${COMPREPLY[@]}\""_s,
                  m_folder.path());
        QCOMPARE(completed.out, QByteArray("journal\npassport\n--help --help-all --headless\n"));
        const Ran fish = slipwayRun({u"completion"_s, u"fish"_s});
        QVERIFY(fish.out.contains("complete -c slipway -n '__fish_use_subcommand' -f -a demo"));
        QVERIFY(slipwayRun({u"completion"_s, u"zsh"_s}).out.startsWith("#compdef slipway\n"));
        if (shell(u"command -v zsh"_s).status == 0)
            QCOMPARE(shell(u"\"$SLIPWAY\" completion zsh | zsh -n"_s).status, 0);
        if (shell(u"command -v fish"_s).status == 0)
            QCOMPARE(shell(u"\"$SLIPWAY\" completion fish | fish -n"_s).status, 0);
    }

    void jsonIsNothingElse()
    {
        const Ran demo =
            slipwayRun({u"demo"_s, u"--headless"_s, u"--slots"_s, u"2"_s, u"--home"_s, m_home, u"--json"_s});
        QCOMPARE(demo.status, 0);
        const auto objects = demo.objects();
        int verdicts = 0;
        int steps = 0;
        for (const QJsonObject &object : objects) {
            QVERIFY2(!object.contains(u"not-json"_s), qPrintable(object.value(u"not-json"_s).toString()));
            verdicts += object.value(u"event"_s) == u"verdict"_s;
            steps += object.value(u"event"_s) == u"step"_s;
        }
        QCOMPARE(verdicts, 2);
        QCOMPARE(steps, 18);
        QCOMPARE(objects.last().value(u"passed"_s).toInt(), 2);
        const Ran refused = slipwayRun({u"run"_s, u"t9"_s, u"--home"_s, m_home, u"--json"_s});
        QCOMPARE(refused.status, 2);
        QCOMPARE(refused.objects().size(), 1);
        QCOMPARE(refused.objects().first().value(u"fault"_s).toString(), u"home.no-recipe"_s);
    }

    void outputThatIsLost()
    {
        const Ran full = shell(u"\"$SLIPWAY\" journal show --json --home home > /dev/full"_s, m_folder.path());
        QCOMPARE(full.status, 3);
        QVERIFY2(full.err.contains("could not be written whole"), full.err.constData());
    }

    void outputIsNeverADevice()
    {
        const Ran pipe = shell(
            u"mkfifo pipe; \"$SLIPWAY\" identity crl --home home --out pipe; echo $?; test -p pipe"_s, m_folder.path());
        QVERIFY2(pipe.status == 0 && pipe.out == "3\n", qPrintable(pipe.text()));
    }

    void initSaysWhereItFailed()
    {
        const Ran none = shell(u"\"$SLIPWAY\" init --home /proc/nowhere/line"_s, m_folder.path());
        QCOMPARE(none.status, 3);
        QVERIFY2(none.err.contains("/proc/nowhere"), none.err.constData());
    }

    void outputThatNobodyReads()
    {
        const Ran cut = shell(u"\"$SLIPWAY\" journal show --json --home home | head -1 | wc -l"_s, m_folder.path());
        QCOMPARE(cut.lastLine(), u"1"_s);
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QCOMPARE(verified.status, 0);
    }
};

SLIPWAY_TEST_MAIN(TestCommandLine)
#include "tst_commandline.moc"
