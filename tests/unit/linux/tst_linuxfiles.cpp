// Files over a console, both ways, against a real bash and a real busybox ash, with programs missing, a noisy line,
// kernel messages in between, and the cable pulled at each stage.

#include "core/base/progress.h"
#include "tests/unit/linux/gateway.h"

#include <QRandomGenerator>

#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

// Every byte value, and pieces that look like control keys, marks, kernel messages, prompts.
QByteArray contentOfSize(qsizetype size)
{
    QByteArray out(size, '\0');
    QRandomGenerator random(7);
    for (char &c : out)
        c = char(random.generate());
    const QByteArray nasty("\x03\x04\x11\x13\x1a\x1c\x7f\xff\r\n\r~.\x1eI\n\x1e"
                           "E0 0\n[   12.345678] usb 1-1: x\r\nlogin: ");
    for (qsizetype at = 0; at + nasty.size() < size; at += 5000)
        out.replace(at, nasty.size(), nasty);
    return out;
}

} // namespace

class TestLinuxFiles : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void ways_data()
    {
        QTest::addColumn<QString>("shell");
        QTest::addColumn<QStringList>("without");
        QTest::addColumn<QByteArray>("members");
        QTest::addColumn<QString>("how");
        const QByteArray base64 = R"("transfer": {"encoding": "base64"})", text = R"("transfer": {"encoding": "text"})";
        QTest::newRow("bash, raw") << u"bash"_s << QStringList() << QByteArray() << u"raw"_s;
        QTest::newRow("bash, base64") << u"bash"_s << QStringList() << base64 << u"base64"_s;
        QTest::newRow("bash, text") << u"bash"_s << QStringList() << text << u"text"_s;
        QTest::newRow("ash, raw") << u"ash"_s << QStringList() << QByteArray() << u"raw"_s;
        QTest::newRow("ash, base64") << u"ash"_s << QStringList() << base64 << u"base64"_s;
        QTest::newRow("ash, text") << u"ash"_s << QStringList() << text << u"text"_s;
        QTest::newRow("ash, dd counts") << u"ash"_s << QStringList{u"head"_s} << QByteArray() << u"raw"_s;
        QTest::newRow("ash, nothing counts")
            << u"ash"_s << QStringList{u"head"_s, u"dd"_s} << QByteArray() << u"base64"_s;
        QTest::newRow("ash, a terminal that cannot be told")
            << u"ash"_s << QStringList{u"stty"_s} << QByteArray() << u"base64"_s;
        QTest::newRow("ash, hardly anything")
            << u"ash"_s << QStringList{u"stty"_s, u"base64"_s, u"head"_s, u"openssl"_s, u"sha256sum"_s, u"cksum"_s}
            << QByteArray() << u"text"_s;
        QTest::newRow("ash, md5 only") << u"ash"_s << QStringList{u"openssl"_s, u"sha256sum"_s} << QByteArray()
                                       << u"raw"_s;
    }

    void ways()
    {
        QFETCH(QString, shell);
        QFETCH(QStringList, without);
        QFETCH(QByteArray, members);
        QFETCH(QString, how);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell, .without = without}, board(members));
        const auto device = gateway.open();
        LinuxFiles &files = device->files();
        const QByteArray content = contentOfSize(how == u"text" ? 9'001 : 70'001);
        Progress progress;
        const auto sent = files.put(content, u"data/a file"_s, true, task().at(&progress));
        QCOMPARE(sent.how, how);
        QCOMPARE(sent.retries, 0);
        QCOMPARE(progress.snapshot().done, content.size());
        QCOMPARE(contentOf(gateway.file(u"data/a file"_s)), content);
        QVERIFY(!QFile::exists(gateway.file(u"data/a file.slipway-part"_s)));
        if (without.contains(u"head"_s) && without.contains(u"dd"_s)) {
            QCOMPARE(faultOf([&] { files.get(u"data/a file"_s, 1 << 20, task()); }), u"linux.no-tools"_s);
        } else {
            QCOMPARE(files.get(u"data/a file"_s, 1 << 20, task()), content);
        }
        for (const QByteArray &small :
             {QByteArray(), QByteArray("x"), QByteArray("no line end"), QByteArray("\n\n\n")}) {
            files.put(small, u"data/small"_s, true, task());
            QCOMPARE(contentOf(gateway.file(u"data/small"_s)), small);
        }
        const auto sum = files.sha256(u"data/a file"_s, task());
        if (without.contains(u"sha256sum"_s))
            QVERIFY(!sum);
        else
            QCOMPARE(sum, QCryptographicHash::hash(content, QCryptographicHash::Sha256));
    }

    void noHash()
    {
        if (!shellIsHere(u"ash"_s))
            QSKIP("busybox is not installed");
        const Gateway gateway({.shell = u"ash"_s, .without = {u"sha256sum"_s, u"openssl"_s, u"md5sum"_s, u"cksum"_s}});
        const auto device = gateway.open();
        QCOMPARE(faultOf([&] { device->files().put("x", u"data/x"_s, true, task()); }), u"linux.no-tools"_s);
        QCOMPARE(device->shell()->run(u"echo on"_s, task()).output, u"on"_s);
    }

    void disturbed_data()
    {
        QTest::addColumn<QString>("shell");
        QTest::newRow("bash") << u"bash"_s;
        QTest::newRow("ash") << u"ash"_s;
    }

    // The kernel writes into everything, and bytes change on the line: a file is right or there is a fault.
    void disturbed()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const QByteArray content = contentOfSize(60'000);
        {
            const Gateway gateway({.shell = shell});
            gateway.dut->setFault(LinuxFault::parse(u"kernel:every=97"_s));
            const auto device = gateway.open();
            device->files().put(content, u"data/file"_s, true, task());
            QCOMPARE(contentOf(gateway.file(u"data/file"_s)), content);
            QCOMPARE(device->files().get(u"data/file"_s, 1 << 20, task()), content);
        }
        const Gateway gateway({.shell = shell}, board(), 3'000'000, 0.00002);
        const auto device = gateway.open();
        const auto sent = device->files().put(content, u"data/file"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/file"_s)), content);
        QCOMPARE(device->files().get(u"data/file"_s, 1 << 20, task()), content);
        QVERIFY(sent.retries < 20);
    }

    void cutAndResumed_data()
    {
        QTest::addColumn<QString>("what");
        QTest::newRow("cable") << u"cable"_s;
        QTest::newRow("reboot") << u"reboot:after=70000"_s;
        QTest::newRow("logout") << u"logout:after=70000"_s;
        QTest::newRow("hang") << u"hang:after=70000"_s;
    }

    // In the middle of a transfer: the fault is one that may be tried again, and the next try goes on from there.
    void cutAndResumed()
    {
        QFETCH(QString, what);
        Gateway gateway({.countdown = 50ms, .bootTime = 50ms},
                        board(R"("login": {"seconds": 4}, "transfer": {"chunk-bytes": 16384})"), 3'000'000);
        auto device = gateway.open();
        const QByteArray content = contentOfSize(200'000);
        if (what != u"cable")
            gateway.dut->setFault(LinuxFault::parse(what));
        QString fault;
        {
            Progress progress({}, [&] {
                if (what == u"cable" && progress.snapshot().done > 70'000)
                    gateway.dut->cut(true);
            });
            try {
                device->files().put(content, u"data/file"_s, true, task(12s).at(&progress));
            } catch (const Fault &caught) {
                fault = QString::fromLatin1(caught.code());
                QVERIFY2(caught.retryable(), caught.what());
            }
        }
        QVERIFY(!fault.isEmpty());
        QVERIFY(!QFile::exists(gateway.file(u"data/file"_s))); // never half a file under its name
        device.reset();
        gateway.dut->clearFaults();
        gateway.dut->cut(false);
        if (what != u"cable" && !what.startsWith(u"logout"))
            gateway.dut->reboot();
        device = gateway.open();
        const auto sent = device->files().put(content, u"data/file"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/file"_s)), content);
        QVERIFY2(sent.resumedAt > 0, qPrintable(fault));
        QCOMPARE(sent.resumedAt + sent.bytes, content.size());
    }

    void resumeOnlyWhatIsRight()
    {
        const Gateway gateway;
        const auto device = gateway.open();
        const QByteArray content = contentOfSize(50'000);
        writeTo(gateway.file(u"data/file.slipway-part"_s), content.first(20'000));
        QCOMPARE(device->files().put(content, u"data/file"_s, true, task()).resumedAt, 20'000);
        writeTo(gateway.file(u"data/file.slipway-part"_s), QByteArray(20'000, 'x'));
        QCOMPARE(device->files().put(content, u"data/file"_s, true, task()).resumedAt, 0);
        writeTo(gateway.file(u"data/file.slipway-part"_s), content + "more");
        QCOMPARE(device->files().put(content, u"data/file"_s, true, task()).resumedAt, 0);
        writeTo(gateway.file(u"data/file.slipway-part"_s), content);
        QCOMPARE(device->files().put(content, u"data/file"_s, true, task()).bytes, 0);
        writeTo(gateway.file(u"data/file.slipway-part"_s), content.first(20'000));
        QCOMPARE(device->files().put(content, u"data/file"_s, false, task()).resumedAt, 0);
        QCOMPARE(contentOf(gateway.file(u"data/file"_s)), content);
    }

    void names()
    {
        const Gateway gateway;
        const auto device = gateway.open();
        LinuxFiles &files = device->files();
        for (const QString &name : {u"data/it's $HOME \"x\"; rm -rf ."_s, u"data/-rf"_s, u"-n"_s, u"data/umläut"_s}) {
            files.put("content", name, true, task());
            QCOMPARE(contentOf(gateway.file(name)), QByteArray("content"));
            QCOMPARE(files.get(name, 100, task()), QByteArray("content"));
            files.remove(name, task());
            QVERIFY(!files.exists(name, task()));
        }
        // A file keeps its mode, a link stays one.
        writeTo(gateway.file(u"data/script"_s), "old", true);
        QVERIFY(QFile::link(u"script"_s, gateway.file(u"data/link"_s)));
        files.put("new", u"data/link"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/script"_s)), QByteArray("new"));
        QVERIFY(QFile::permissions(gateway.file(u"data/script"_s)) & QFile::ExeOwner);
        QVERIFY(QFileInfo(gateway.file(u"data/link"_s)).isSymLink());
    }

    void refusals()
    {
        const Gateway gateway;
        const auto device = gateway.open();
        LinuxFiles &files = device->files();
        QCOMPARE(faultOf([&] { files.get(u"data/nothing"_s, 100, task()); }), u"linux.no-file"_s);
        QCOMPARE(faultOf([&] { files.get(u"data"_s, 100, task()); }), u"linux.not-a-file"_s);
        QCOMPARE(faultOf([&] { files.put("x", u"data"_s, true, task()); }), u"linux.not-a-file"_s);
        QCOMPARE(faultOf([&] { files.put("x", u"/dev/null"_s, true, task()); }), u"linux.not-a-file"_s);
        QCOMPARE(faultOf([&] { files.put("x", u"no/such/folder"_s, true, task()); }), u"linux.no-file"_s);
        QCOMPARE(faultOf([&] { files.remove(u"data/nothing"_s, task()); }), u"linux.no-file"_s);
        writeTo(gateway.file(u"data/big"_s), QByteArray(5000, 'x'));
        QCOMPARE(faultOf([&] { files.get(u"data/big"_s, 4999, task()); }), u"linux.file-too-large"_s);
        // What the device's programs say, in their words.
        const auto said = [&](const char *words) {
            return faultOf([&] { files.trouble(QString::fromLatin1(words), u"x"_s, u"write x"_s); });
        };
        QCOMPARE(said("sh: can't create x: Read-only file system"), u"linux.read-only"_s);
        QCOMPARE(said("cat: write error: No space left on device"), u"linux.full"_s);
        QCOMPARE(said("bash: x: Permission denied"), u"linux.permission"_s);
        QCOMPARE(said("sh: can't create a/x: nonexistent directory"), u"linux.no-file"_s);
        QCOMPARE(said("Segmentation fault"), u"device.refused"_s);
    }

    // As a file system without room shows: a write that fails, and a df that says so beforehand.
    void full()
    {
        const QTemporaryDir tools;
        Gateway gateway({.tools = {tools.path()}});
        auto device = gateway.open();
        const QByteArray content = contentOfSize(5000);
        writeTo(tools.filePath(u"cat"_s), "#!/bin/sh\necho 'cat: write error: No space left on device' >&2\nexit 1\n",
                true);
        QCOMPARE(faultOf([&] { device->files().put(content, u"data/file"_s, true, task()); }), u"linux.full"_s);
        QFile::remove(tools.filePath(u"cat"_s));
        device.reset(); // its shell remembers where cat was
        device = gateway.open();
        device->files().put(content, u"data/file"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/file"_s)), content);
        writeTo(tools.filePath(u"df"_s),
                "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted on'\n"
                "echo 'overlay 8000 7996 4 99% /'\n",
                true);
        QCOMPARE(faultOf([&] { device->files().put(content, u"data/two"_s, true, task()); }), u"linux.no-space"_s);
        QFile::remove(tools.filePath(u"df"_s));
        device->files().put(content, u"data/two"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/two"_s)), content);
    }

    void nothingStaysBehind()
    {
        const Gateway gateway;
        {
            const auto device = gateway.open();
            device->files().put("x", u"data/x"_s, true, task());
            QVERIFY(QDir(gateway.file(u"tmp"_s)).entryList(QDir::AllEntries | QDir::NoDotAndDotDot).size() == 1);
        }
        QTRY_COMPARE(QDir(gateway.file(u"tmp"_s)).entryList(QDir::AllEntries | QDir::NoDotAndDotDot).size(), 0);
    }
};

SLIPWAY_TEST_MAIN(TestLinuxFiles)
#include "tst_linuxfiles.moc"
