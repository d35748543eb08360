// What stands on a console, a board's data, RAUC's status, KEY=VALUE files: the pure parts of the Linux driver.

#include "drivers/linux/linuxfiles.h"
#include "drivers/linux/linuxsettings.h"
#include "drivers/linux/raucstatus.h"
#include "tests/unit/linux/gateway.h"

#include <QProcess>

using namespace slipway;
using namespace slipway::test;
using console::Seen;

class TestLinuxText : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void marks()
    {
        const QByteArray text = "\x1e"
                                "Eabc 1x\x1e"
                                "Eabcd 5\n\x1e"
                                "Eabc 17\r\nrest";
        auto mark = console::findMark(text, 'E', "abc");
        QVERIFY(mark);
        QCOMPARE(mark->words, QByteArray("17"));
        QCOMPARE(text.mid(mark->end), QByteArray("rest"));
        QVERIFY(!console::findMark(text, 'B', "abc"));
        const QByteArray torn = "\x1e"
                                "?abc to[   12.345678] usb 1-1: x\r\nken 0\n";
        QVERIFY(!console::findMark(torn, '?', "abc"));
        QCOMPARE(console::findMark(console::withoutKernelLines(torn), '?', "abc")->words, QByteArray("token 0"));
        QVERIFY(!console::findMark("\x1e"
                                   "Eabc 1",
                                   'E', "abc")); // not whole yet
    }

    void kernelLines()
    {
        const QByteArray torn = "vdd = 3.3[   12.345678] usb 1-1: new device\r\n12 V\n";
        QCOMPARE(console::withoutKernelLines(torn), QByteArray("vdd = 3.312 V\n"));
        // One after the other, with a thread's tag, at the very end.
        QCOMPARE(console::withoutKernelLines("a[    0.000001] x\r\n[99999.123456][  T12] y z\r\nb"), QByteArray("ab"));
        // What programs print ends in LF alone; what is no time of the kernel's stays.
        for (const char *text : {"[   12.345678] from dmesg\n", "[12.34] x\r\n", "[ab.345678] x\r\n", "array[12]\r\n",
                                 "[   12.345678] cut", "[   12.345678] \x01\r\n", "[", "[ ", "[12.", "[12.345678]"})
            QCOMPARE(console::withoutKernelLines(text), QByteArray(text));
    }

    void screens_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<int>("seen");
        const auto row = [](const char *name, const QByteArray &text, Seen seen) {
            QTest::newRow(name) << text << int(seen);
        };
        row("nothing", "", Seen::Nothing);
        row("getty", "\r\nDebian GNU/Linux 12 gw ttyS0\r\n\r\ngw login: ", Seen::Login);
        row("last login", "Last login: Sat Nov 21 14:00:00 UTC 2026 on ttyS0\r\n", Seen::Other);
        row("password", "root\r\nPassword: ", Seen::Password);
        row("sudo", "[sudo] password for gw: ", Seen::Password);
        row("wrong", "\r\nLogin incorrect\r\ngw login: ", Seen::Refused);
        row("root", "root@gw:~# ", Seen::Prompt);
        row("user", "gw$ ", Seen::Prompt);
        row("coloured", "\x1b[?2004h\x1b]0;gw: ~\x07\x1b[01;32mroot@gw\x1b[00m:~# \x1b[6n", Seen::Prompt);
        row("busybox", "/ # \x1b[6n", Seen::Prompt);
        row("u-boot", "=> ", Seen::BootLoader);
        row("countdown", "Hit any key to stop autoboot:  2 ", Seen::Other);
        row("kernel", "[    1.234567] random: crng init done\r\n", Seen::Other);
        row("our loop", "\x1eI\n", Seen::Loop);
    }

    void screens()
    {
        QFETCH(QByteArray, text);
        QFETCH(int, seen);
        QCOMPARE(int(console::classify(text, board().patterns)), seen);
    }

    void wordsForTheShell()
    {
        QCOMPARE(console::shellWord(u"it's"_s), u"'it'\\''s'"_s);
        QCOMPARE(filledIn(u"set ${a} x${b} ${c}"_s, {{u"a"_s, u"$(id) ${b}"_s}, {u"b"_s, u"2"_s}}),
                 u"set '$(id) ${b}' x'2' ${c}"_s);
        // What the far side's printf makes of it is what went in.
        QByteArray all;
        for (int i = 1; i < 256; ++i)
            all += char(i);
        all += "\\n\\0001 %s \\";
        for (const char *shell : {"sh", "bash", "busybox sh"}) {
            QStringList words = QString::fromLatin1(shell).split(u' ');
            if (QStandardPaths::findExecutable(words[0]).isEmpty())
                continue;
            QProcess process;
            const QString program = words.takeFirst();
            process.start(program, words + QStringList{u"-c"_s, u"printf %b \"$1\""_s, u"x"_s,
                                                       QString::fromLatin1(console::forPrintf(all))});
            QVERIFY(process.waitForFinished(10000));
            QCOMPARE(process.readAllStandardOutput(), all);
        }
    }

    void cksumAgrees()
    {
        const QString program = QStandardPaths::findExecutable(u"cksum"_s);
        QVERIFY(!program.isEmpty());
        for (const QByteArray &bytes : {QByteArray(), QByteArray("123456789"), QByteArray(70000, '\xa5')}) {
            QProcess process;
            process.start(program, QStringList());
            process.write(bytes);
            process.closeWriteChannel();
            QVERIFY(process.waitForFinished(10000));
            QCOMPARE(process.readAllStandardOutput().split(' ').value(0), QByteArray::number(console::cksum(bytes)));
        }
    }

    void raucStatus()
    {
        // As "rauc status --detailed --output-format=json" writes it, on one line.
        const QByteArray json = contentOf(QStringLiteral(SLIPWAY_TEST_DATA "/linux/rauc-status.json"));
        const auto status = RaucStatus::parse("rauc-WARNING: something\n" + json + "\n");
        QVERIFY(status);
        QCOMPARE(status->primary, u"rootfs.0"_s);
        QCOMPARE(status->bootSlots.size(), 3);
        const RaucSlot &slot = status->bootSlots[1];
        QCOMPARE(slot.name, u"rootfs.0"_s);
        QVERIFY(slot.booted());
        QCOMPARE(slot.version, u"2026.11"_s);
        QCOMPARE(slot.sha256.size(), 32);
        QVERIFY(status->bootSlots[2].sha256.isEmpty() && status->bootSlots[2].version.isEmpty());
        for (const char *bad : {"", "{", "}{", "{}", "[]", "{\"slots\":{}}", "{\"slots\":[", "no such program"})
            QVERIFY2(!RaucStatus::parse(bad), bad);
        QVERIFY(RaucStatus::parse("{\"slots\":[1,{},{\"a\":1},{\"a\":1,\"b\":2},null]}")->bootSlots.size() == 1);
    }

    void settingLines()
    {
        SettingLines lines("# comment a=1\na=1\n b = \"two words\" \na=3\nlast=x");
        QCOMPARE(lines.value("a"), QByteArray("3")); // as a shell has it
        QCOMPARE(lines.value("b"), QByteArray("two words"));
        QVERIFY(!lines.value("c"));
        lines.set("c", "it costs $5");
        lines.set("a", "4");
        QCOMPARE(lines.text(), QByteArray("# comment a=1\na=1\n b = \"two words\" \na=4\nlast=x\nc='it costs $5'\n"));
        QCOMPARE(lines.value("c"), QByteArray("it costs $5"));
        QVERIFY(lines.remove("a"));
        QVERIFY(!lines.remove("a"));
        QCOMPARE(lines.text(), QByteArray("# comment a=1\n b = \"two words\" \nlast=x\nc='it costs $5'\n"));
    }

    void boards_data()
    {
        QTest::addColumn<QByteArray>("members");
        QTest::addColumn<QString>("where");
        const auto row = [](const char *members, const char *where) {
            QTest::newRow(where) << QByteArray(members).replace('\'', '"') << QString::fromLatin1(where);
        };
        row("'colour': 'red'", "boards.test.colour");
        row("'login': {'user': 1}", "boards.test.login.user");
        row("'login': {'prompt': '('}", "boards.test.login.prompt");
        row("'transfer': {'encoding': 'morse'}", "boards.test.transfer.encoding");
        row("'firmware': {'kind': 'magic'}", "boards.test.firmware.kind");
        row("'firmware': {'kind': 'commands', 'install': 'x'}", "boards.test.firmware.install");
        row("'firmware': {'kind': 'commands', 'install': 'x ${file}'}", "boards.test.firmware.version");
        row("'keys': {'request': 'openssl'}", "boards.test.keys.request");
        row("'locks': {'debug': {'lock': 'x', 'status': 'y'}}", "boards.test.locks.debug.locked");
        row("'settings': {'file': 'x', 'read': 'y'}", "boards.test.settings.file");
    }

    void boards()
    {
        QFETCH(QByteArray, members);
        QFETCH(QString, where);
        try {
            board(members);
            QFAIL("accepted");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("linux.quirks"));
            QVERIFY2(fault.sentence().contains(where + u':'), fault.what());
        }
    }

    void shippedBoards()
    {
        const LinuxBoards boards = LinuxBoards::load();
        for (const QString &name : {u"generic-linux"_s, u"rauc-gateway"_s, u"swupdate-gateway"_s, u"virtual-gateway"_s})
            QCOMPARE(boards.find(name).name, name);
        QVERIFY(boards.find(u"rauc-gateway"_s).hasKeys());
        QCOMPARE(faultOf([&] { boards.find(u"rauc-gatway"_s); }), u"linux.board-unknown"_s);
    }
};

SLIPWAY_TEST_MAIN(TestLinuxText)
#include "tst_linuxtext.moc"
