// The session on a Linux console, against a real bash and a real busybox ash behind a login: logging in, commands with
// their status and output, and what goes wrong with both.

#include "drivers/link/waiter.h"
#include "drivers/virtual/deviceend.h"
#include "tests/unit/linux/gateway.h"

#include <poll.h>
#include <unistd.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;

class TestLinuxConsole : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void shells_data()
    {
        QTest::addColumn<QString>("shell");
        QTest::newRow("bash") << u"bash"_s;
        QTest::newRow("ash") << u"ash"_s;
    }

    void shells()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell});
        const auto device = gateway.open();
        Shell &sh = *device->shell();
        QVERIFY2(device->console().shellName().startsWith(shell), qPrintable(device->console().shellName()));
        QVERIFY(device->console().isTransparent());

        Shell::Result result = sh.run(u"echo hello"_s, task());
        QCOMPARE(result.status, 0);
        QCOMPARE(result.output, u"hello"_s);
        QCOMPARE(sh.run(u"exit 42"_s, task()).status, 42);
        QCOMPARE(sh.run(u"false"_s, task()).status, 1);
        // What speaks the shell's language in its own way arrives as it was meant.
        result = sh.run(u"printf '%s|' 'a  b' \"c\\\"d\" 'it'\\''s' '$HOME' 'x\\ny' \"ä\""_s, task());
        QCOMPARE(result.output, u"a  b|c\"d|it's|$HOME|x\\ny|ä|"_s);
        result = sh.run(u"for i in 1 2 3; do\n  echo line $i\ndone\necho \"end\""_s, task());
        QCOMPARE(result.output, u"line 1\nline 2\nline 3\nend"_s);
        // Errors are seen, the input is closed, nothing stays behind, a session survives bad syntax.
        QVERIFY(sh.run(u"echo oops >&2"_s, task()).output.contains(u"oops"_s));
        QCOMPARE(sh.run(u"cat"_s, task()).output, QString());
        sh.run(u"cd /; x=1; stty sane"_s, task());
        QCOMPARE(sh.run(u"[ \"$PWD\" = / ] || echo \"${x:-unset}\""_s, task()).output, u"unset"_s);
        QVERIFY(sh.run(u"if then fi ("_s, task()).status != 0);
        QCOMPARE(sh.run(u"echo \"$?\""_s, task()).output, u"0"_s);
        QCOMPARE(sh.run(u"echo $COLUMNS $LC_ALL"_s, task()).output, u"500 C"_s);
        // A command far longer than a terminal's line.
        QString longOne = u"echo "_s;
        for (int i = 0; i < 3000; ++i)
            longOne += QString::number(i) + u' ';
        result = sh.run(longOne + u"| wc -w"_s, task());
        QCOMPARE(result.output, u"3000"_s);
    }

    void outputIsTakenAsItIs_data() { shells_data(); }
    void outputIsTakenAsItIs()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell});
        const auto device = gateway.open();
        Shell &sh = *device->shell();
        // What looks like prompts, logins, or the marks themselves.
        QCOMPARE(sh.run(u"echo 'root@gateway:~# '; echo 'gateway login: '; echo Password:"_s, task()).output,
                 u"root@gateway:~# \ngateway login: \nPassword:"_s);
        QVERIFY(sh.run(u"printf '\\036E0000000000000 7\\n\\036I\\n'; exit 3"_s, task()).status == 3);
        // Binary output.
        const auto reply = device->console().run({"printf '\\0\\1\\377\\r\\n\\033[31mred\\033[0m\\n'", u"x"_s}, task());
        QCOMPARE(reply.raw, QByteArray("\0\1\377\r\n\033[31mred\033[0m\n", 18));
        QCOMPARE(reply.text().section(u'\n', -1), u"red"_s);
        // Huge output is refused; the session goes on.
        QCOMPARE(faultOf([&] { sh.run(u"yes | head -c 3000000"_s, task()); }), u"linux.output"_s);
        QCOMPARE(sh.run(u"echo on"_s, task()).output, u"on"_s);
        QCOMPARE(faultOf([&] { sh.run(u"yes"_s, task()); }), u"linux.output"_s);
        QCOMPARE(sh.run(u"echo on"_s, task()).output, u"on"_s);
    }

    void commandThatNeverEnds_data() { shells_data(); }
    void commandThatNeverEnds()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell});
        const auto device = gateway.open();
        Shell &sh = *device->shell();
        QCOMPARE(faultOf([&] { sh.run(u"sleep 1000"_s, task(700ms)); }), u"linux.timeout"_s);
        QCOMPARE(sh.run(u"echo on"_s, task()).output, u"on"_s);
        // One that does not let itself be interrupted is quit.
        QCOMPARE(faultOf([&] { sh.run(u"trap '' INT; sleep 1000"_s, task(700ms)); }), u"linux.timeout"_s);
        QCOMPARE(sh.run(u"echo on"_s, task()).output, u"on"_s);
        QCOMPARE(gateway.dut->facts().logins, 1); // all in one session
        // A person who stops it.
        std::stop_source source;
        Task stoppable = task();
        stoppable.stop = source.get_token();
        std::jthread person([&] {
            QFile begun(gateway.file(u"tmp/begun"_s));
            while (!begun.exists())
                std::this_thread::yield();
            source.request_stop();
        });
        QCOMPARE(faultOf([&] { sh.run(u"touch tmp/begun; sleep 1000"_s, stoppable); }), u"base.stopped"_s);
        QCOMPARE(sh.run(u"echo on"_s, task()).output, u"on"_s);
    }

    void login_data()
    {
        QTest::addColumn<QString>("password"); // of the device
        QTest::addColumn<QByteArray>("given"); // in the file; "-": no file
        QTest::addColumn<QString>("fault");
        QTest::newRow("none needed") << QString() << QByteArray("-") << u"none"_s;
        QTest::newRow("right") << u"pass word'\"$x"_s << QByteArray("pass word'\"$x\n") << u"none"_s;
        QTest::newRow("wrong") << u"secret"_s << QByteArray("other\n") << u"linux.login-refused"_s;
        QTest::newRow("missing") << u"secret"_s << QByteArray("-") << u"linux.password-missing"_s;
    }

    void login()
    {
        QFETCH(QString, password);
        QFETCH(QByteArray, given);
        QFETCH(QString, fault);
        const QTemporaryDir home;
        QByteArray members;
        if (given != "-") {
            writeTo(home.filePath(u"gateway.password"_s), given);
            members = R"("login": {"password-file": "gateway.password"})";
        }
        Gateway gateway({.password = password}, board(members, home.filePath(u"boards.json"_s)));
        QStringList log;
        Task logged = task();
        logged.log = [&](const QString &line) { log << line; };
        QString words;
        try {
            const auto device = gateway.open(logged);
            QCOMPARE(fault, u"none"_s);
            QCOMPARE(device->shell()->run(u"id -un >/dev/null && echo in"_s, logged).output, u"in"_s);
        } catch (const Fault &caught) {
            QCOMPARE(QString::fromLatin1(caught.code()), fault);
            words = caught.text() + caught.detail();
        }
        // The password stands in no message, no log, no file and no history of the device.
        if (!password.isEmpty()) {
            QVERIFY(!words.contains(password) && !log.join(u'\n').contains(password));
            QVERIFY(given == "-" || !words.contains(QString::fromLatin1(given.trimmed())));
        }
        // With the right file the same unit works.
        if (fault != u"none"_s) {
            writeTo(home.filePath(u"gateway.password"_s), password.toUtf8());
            gateway.quirks =
                board(R"("login": {"password-file": "gateway.password"})", home.filePath(u"boards.json"_s));
            QCOMPARE(gateway.open()->shell()->run(u"echo in"_s, task()).output, u"in"_s);
        }
    }

    void passwordFileIsPrivate()
    {
        const QTemporaryDir home;
        const QString path = home.filePath(u"p"_s);
        QCOMPARE(faultOf([&] { readPassword(path); }), u"linux.password-file"_s);
        writeTo(path, "one\ntwo\n");
        QCOMPARE(faultOf([&] { readPassword(path); }), u"linux.password-file"_s);
        writeTo(path, "one\r\n");
        QCOMPARE(readPassword(path), QByteArray("one"));
        QFile(path).setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup);
        QCOMPARE(faultOf([&] { readPassword(path); }), u"linux.password-file"_s);
    }

    void whateverStandsThere_data() { shells_data(); }
    // A shell left open, a session of ours that was cut off, half a login: the next one gets in.
    void whateverStandsThere()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell});
        const auto typeAndLeave = [&](const QByteArray &keys) {
            LinkOptions link;
            link.port = gateway.path();
            const auto raw = openLink(link, task());
            raw->write(keys, Deadline::in(1s), {});
            while (!raw->read(Deadline::in(300ms), {}).isEmpty()) {
            }
        };
        { // a crashed station: the loop runs on
            auto device = gateway.open();
            device->console().forget();
        }
        QCOMPARE(gateway.open()->shell()->run(u"echo on"_s, task()).output, u"on"_s);
        typeAndLeave("half a na");
        QCOMPARE(gateway.open()->shell()->run(u"echo on"_s, task()).output, u"on"_s);
        typeAndLeave("somebody\n"); // now it asks for a password
        QCOMPARE(gateway.open()->shell()->run(u"echo on"_s, task()).output, u"on"_s);
        typeAndLeave("root\ncat\n"); // a program in the foreground
        QCOMPARE(gateway.open()->shell()->run(u"echo on"_s, task()).output, u"on"_s);
        const int logins = gateway.dut->facts().logins;
        QVERIFY2(logins >= 3, qPrintable(QString::number(logins))); // it leaves no open shell behind
    }

    void trouble_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("slow echo") << u"slow-echo:delay=2ms"_s;
        QTest::newRow("kernel messages") << u"kernel:every=37"_s;
        QTest::newRow("kernel messages everywhere") << u"kernel:every=7"_s;
    }

    // Unpleasant, and no reason to give up.
    void trouble()
    {
        QFETCH(QString, fault);
        const Gateway gateway;
        gateway.dut->setFault(LinuxFault::parse(fault));
        const auto device = gateway.open();
        for (int i = 0; i < 5; ++i) {
            const auto result = device->shell()->run(u"seq 1 12; exit %1"_s.arg(i), task());
            QCOMPARE(result.status, i);
            QCOMPARE(result.output, u"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12"_s);
        }
    }

    void noisyLine()
    {
        const Gateway gateway({}, board(), 921600, 0.0004);
        const auto device = gateway.open();
        int good = 0;
        for (int i = 0; i < 30; ++i) {
            // Each runs exactly once, or says that it did not.
            try {
                good += device->shell()->run(u"echo x >>tmp/count; exit 5"_s, task(20s)).status == 5 ? 1 : 0;
            } catch (const Fault &caught) {
                QVERIFY2(caught.retryable(), caught.what());
            }
        }
        QVERIFY(good > 20);
        QVERIFY(contentOf(gateway.file(u"tmp/count"_s)).count('x') <= 30);
        QVERIFY(contentOf(gateway.file(u"tmp/count"_s)).count('x') >= good);
    }

    void sessionEnds_data()
    {
        QTest::addColumn<QString>("what");
        QTest::newRow("logout") << u"logout:after=10"_s;
        QTest::newRow("reboot") << u"reboot:after=10"_s;
        QTest::newRow("hang") << u"hang:after=10"_s;
        QTest::newRow("cable") << u"cable"_s;
    }

    // In the middle of a command: one sentence, and the same unit works again.
    void sessionEnds()
    {
        QFETCH(QString, what);
        // A boot loader that waits for no key: what was typed before is still on its way when the board starts anew.
        Gateway gateway({.countdown = 0ms, .bootTime = 50ms}, board(R"("login": {"seconds": 5})"));
        const auto device = gateway.open();
        QCOMPARE(device->shell()->run(u"echo on"_s, task()).output, u"on"_s);
        if (what == u"cable")
            gateway.dut->cut(true);
        else
            gateway.dut->setFault(LinuxFault::parse(what));
        const QString fault = faultOf([&] { device->shell()->run(u"sleep 1; echo done"_s, task(30s)); });
        const QStringList expected{u"linux.logged-out"_s, u"linux.silent"_s, u"linux.boot-loader"_s};
        QVERIFY2(expected.contains(fault), qPrintable(fault));
        if (what.startsWith(u"hang") || what.startsWith(u"reboot") || gateway.dut->facts().interrupted)
            gateway.dut->reboot();
        gateway.dut->clearFaults();
        gateway.dut->cut(false);
        device->console().attach(task(), true);
        QCOMPARE(device->shell()->run(u"echo again"_s, task()).output, u"again"_s);
    }

    void nothingThere()
    {
        const QTemporaryDir folder;
        const PtyEnd silence(folder.filePath(u"dut"_s));
        LinkOptions link;
        link.port = silence.path();
        LinuxDevice device(openLink(link, task()), board(R"("login": {"seconds": 2})"));
        QCOMPARE(faultOf([&] { device.attach({}, task()); }), u"linux.no-answer"_s);
        // Something else speaks there.
        std::jthread other([&](const std::stop_token &stop) {
            Waiter waiter;
            char buffer[256];
            while (!stop.stop_requested()) {
                if (waiter.wait(silence.fd(), POLLIN, Deadline::in(50ms), {}) & POLLIN) {
                    const ssize_t got = ::read(silence.fd(), buffer, sizeof buffer);
                    if (got > 0)
                        QCOMPARE(::write(silence.fd(), "ERROR 17\r\n", 10), 10);
                }
            }
        });
        QCOMPARE(faultOf([&] { device.attach({}, task()); }), u"linux.no-login"_s);
    }

    void bootLoader()
    {
        Gateway gateway({.countdown = 20s}, board(R"("login": {"seconds": 3})"));
        QCOMPARE(faultOf([&] { gateway.open(); }), u"linux.boot-loader"_s);
        gateway.quirks = board(R"("boot-loader": {"command": "boot"})");
        QCOMPARE(gateway.open()->shell()->run(u"echo on"_s, task()).output, u"on"_s);
    }

    void rightsAreAsked()
    {
        if (::geteuid() != 0)
            QSKIP("only root can give the shell another user");
        Gateway gateway({.unprivileged = true});
        const auto device = gateway.open();
        QCOMPARE(device->shell()->run(u"id -u"_s, task()).output, u"65534"_s);
        QCOMPARE(faultOf([&] { device->blobs()->write(Blobs::Kind::File, u"/etc/slipway-test"_s, "x", task()); }),
                 u"linux.permission"_s);
        QCOMPARE(faultOf([&] { device->clock()->setTime(QDateTime::currentDateTimeUtc(), task()); }),
                 u"linux.permission"_s);
        QCOMPARE(device->shell()->run(u"echo on"_s, task()).output, u"on"_s);
    }

    void shellStart()
    {
        Gateway gateway({}, board(R"("shell": {"start": "X=inner exec sh"})"));
        QCOMPARE(gateway.open()->shell()->run(u"echo $X"_s, task()).output, u"inner"_s);
    }
};

SLIPWAY_TEST_MAIN(TestLinuxConsole)
#include "tst_linuxconsole.moc"
