// quirks.json: what is built in, what a station may add, and what is wrong with a bad one.

#include "core/base/fault.h"
#include "core/codec/pem.h"
#include "drivers/smp/quirks.h"
#include "drivers/smp/smpdriver.h"
#include "drivers/smp/smpfiles.h"
#include "drivers/smp/smpidentity.h"
#include "drivers/smp/smpshell.h"
#include "tests/support/testmain.h"
#include "tests/unit/smp/scriptedpeer.h"

#include <QCborArray>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QString sentenceOf(const QByteArray &json)
{
    try {
        Quirks::parse(json, u"my.json"_s);
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code()) + u": "_s + fault.sentence();
    }
    return u"none"_s;
}

// JSON with ' for ": moc of Qt 6.4 loses its way in raw strings.
QByteArray j(QByteArray text)
{
    return text.replace('\'', '"');
}

QByteArray withBoard(const QByteArray &members)
{
    return j("{'slipway-quirks': 1, 'driver': 'smp', 'boards': {'b': {'description': 'B', 'source': 's', 'date': 'd',"
             "            'recognise': {'setting': 'id/board', 'equals': 'b'}") +
           members + "}}}";
}

// A board's shell: command line -> status and output; and its files.
struct Board {
    QMap<QString, QPair<int, QString>> shell;
    QMap<QString, QByteArray> files;
    QStringList ran;
    ScriptedPeer *peer = nullptr;

    QList<QByteArray> take(const ScriptedPeer::Request &request)
    {
        if (request.header.group == smp::ShellGroup) {
            QStringList words;
            for (const QCborValue &word : request.body.value("argv"_L1).toArray())
                words << word.toString();
            const QString line = words.join(u' ');
            ran << line;
            const auto result = shell.value(line, {-8, u"not found"_s});
            return {peer->answer(request, {{u"o"_s, result.second}, {u"ret"_s, result.first}})};
        }
        const QString name = request.body.value("name"_L1).toString();
        if (request.header.op == SmpHeader::Write) {
            files[name] = request.body.value("data"_L1).toByteArray();
            return {peer->answer(request, {{u"off"_s, qint64(files[name].size())}})};
        }
        if (!files.contains(name))
            return {peer->answer(request, {{u"err"_s, QCborMap{{u"group"_s, 8}, {u"rc"_s, 3}}}})};
        return {
            peer->answer(request, {{u"off"_s, 0}, {u"data"_s, files[name]}, {u"len"_s, qint64(files[name].size())}})};
    }
};

QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

} // namespace

class TestSmpQuirks : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void builtIn()
    {
        const Quirks quirks = Quirks::load();
        const BoardQuirks &t1 = quirks.find(u"t1-rev-b"_s);
        QVERIFY(t1.hasKeys());
        QCOMPARE(t1.setting, u"id/board"_s);
        QCOMPARE(t1.locks.keys(), QStringList{u"debug"_s});
        QVERIFY(t1.slotBytes > 0);
        QCOMPARE(t1.facts.keys(), (QStringList{u"board"_s, u"hardware-id"_s, u"security-counter"_s, u"serial"_s}));
        try {
            quirks.find(u"t1-rev-a"_s);
            QFAIL("no fault");
        } catch (const Fault &fault) {
            QCOMPARE(fault.sentence(), u"There is no board \"t1-rev-a\" for driver smp. Did you mean \"t1-rev-b\"?"_s);
        }
        SmpDriver driver;
        QCOMPARE(driver.boards(), QStringList{u"t1-rev-b"_s});
        QVERIFY(driver.capabilities({}).contains(Capability::Keys));
        QVERIFY(driver.capabilities(u"t1-rev-b"_s).contains(Capability::Lock));
        QVERIFY(!driver.capabilities({}).contains(Capability::Eraser));
    }

    void mistakes()
    {
        QCOMPARE(sentenceOf(withBoard("")), u"none"_s);
        QCOMPARE(sentenceOf("{"), u"smp.quirks: my.json: line 1: unterminated object."_s);
        QVERIFY(sentenceOf("[]").contains(u"must be an object"_s));
        QVERIFY(sentenceOf(j("{'slipway-quirks': 2, 'driver': 'smp', 'boards': {}}")).contains(u"must be 1"_s));
        QVERIFY(sentenceOf(j("{'slipway-quirks': 1, 'driver': 'esp', 'boards': {}}")).contains(u"must be \"smp\""_s));
        QVERIFY(sentenceOf(j("{'slipway-quirks': 1, 'driver': 'smp', 'boards': {'b': {}}}"))
                    .contains(u"boards.b.description"_s));
        QCOMPARE(sentenceOf(withBoard(j(", 'kyes': {}"))),
                 u"smp.quirks: my.json: boards.b.kyes: is not known. Did you mean \"keys\"?"_s);
        QVERIFY(sentenceOf(withBoard(j(", 'link': {'baud': 3}")))
                    .contains(u"boards.b.link.baud: must be a whole number"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'link': {'framing': 'slip'}"))).contains(u"framing"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'keys': {'sign': {'shell': 'x', 'output': '['}}")))
                    .contains(u"regular expression"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'keys': {'sign': {'shell': 'x', 'output': 'a'}}"))).contains(u"group"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'keys': {'chain': {'file': 'x', 'form': 'der'}}"))).contains(u"pem"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'locks': {'debug': {'lock': {'shell': 'x'}}}")))
                    .contains(u"boards.b.locks.debug"_s));
        QVERIFY(sentenceOf(withBoard(j(", 'facts': {'serial': {'form': 'text'}}"))).contains(u"facts.serial"_s));
    }

    void ownFile()
    {
        QTemporaryDir folder;
        const QString path = folder.filePath(u"own.json"_s);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(withBoard(""));
        file.close();
        qputenv("SLIPWAY_SMP_QUIRKS", path.toUtf8());
        QCOMPARE(Quirks::load().names(), (QStringList{u"b"_s, u"t1-rev-b"_s}));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("nonsense");
        file.close();
        SmpDriver driver; // its trouble is told when somebody needs it
        QCOMPARE(faultOf([&] { driver.open({u"/dev/null"_s, 0, {}}, {}); }), u"smp.quirks"_s);
        qunsetenv("SLIPWAY_SMP_QUIRKS");
    }

    void keysAndLock()
    {
        const Quirks quirks = Quirks::load();
        const BoardQuirks &t1 = quirks.find(u"t1-rev-b"_s);
        Board board;
        ScriptedPeer peer([&](const auto &request) { return board.take(request); });
        board.peer = &peer;
        SmpClient client(peer.link(), SmpFraming::Console);
        SmpKeys keys(client, t1);
        SmpLock lock(client, t1);
        const Task task;

        board.shell[u"idevid keygen"_s] = {0, u"key: generated\r\n"_s};
        keys.generate(task);
        board.shell[u"idevid keygen"_s] = {-13, u"\r\nidentity is locked\r\n"_s};
        QCOMPARE(faultOf([&] { keys.generate(task); }), u"device.locked"_s);
        board.shell[u"idevid keygen"_s] = {-5, u"no entropy"_s};
        QCOMPARE(faultOf([&] { keys.generate(task); }), u"device.refused"_s);

        board.shell[u"idevid csr T1-00000001"_s] = {0, u"csr: /lfs/idevid.csr"_s};
        board.files[u"/lfs/idevid.csr"_s] = "\x30\x03\x02\x01\x01";
        QCOMPARE(keys.request(u"T1-00000001"_s, task), QByteArray("\x30\x03\x02\x01\x01"));
        for (const QString &bad : {u""_s, u"a b"_s, u"a;reboot"_s, u"\"x\""_s, u"x\n"_s, QString(65, u'a')})
            QCOMPARE(faultOf([&] { keys.request(bad, task); }), u"smp.serial-form"_s);
        QCOMPARE(faultOf([&] { keys.request(u"other"_s, task); }), u"device.refused"_s);

        board.shell[u"idevid sign 00ff"_s] = {0, u"\x1b[1m3045022100\x1b[m\r\n"_s};
        QCOMPARE(keys.sign(QByteArray("\x00\xff", 2), task), QByteArray::fromHex("3045022100"));
        board.shell[u"idevid sign 00ff"_s] = {0, u"304\r\n"_s};
        QCOMPARE(faultOf([&] { keys.sign(QByteArray("\x00\xff", 2), task); }), u"smp.bad-output"_s);
        board.shell[u"idevid sign 00ff"_s] = {-2, u"no key"_s};
        QCOMPARE(faultOf([&] { keys.sign(QByteArray("\x00\xff", 2), task); }), u"device.refused"_s);

        QVERIFY(keys.readChain(task).isEmpty());
        client.setParameters({2048, 2, true});
        keys.writeChain({"first", "second"}, task);
        QCOMPARE(board.files[u"/lfs/idevid.pem"_s], toPem("CERTIFICATE", "first") + toPem("CERTIFICATE", "second"));
        QCOMPARE(keys.readChain(task), (QList<QByteArray>{"first", "second"}));

        QCOMPARE(lock.locks(task), QStringList{u"debug"_s});
        board.shell[u"lock status"_s] = {0, u"debug: open\r\n"_s};
        board.shell[u"lock debug"_s] = {0, u"debug: locked"_s};
        QVERIFY(!lock.isLocked(u"debug"_s, task));
        QCOMPARE(faultOf([&] { lock.lock(u"debug"_s, task); }), u"smp.lock-open"_s);
        board.shell[u"lock status"_s] = {0, u"debug: locked\r\n"_s};
        lock.lock(u"debug"_s, task);
        QCOMPARE(faultOf([&] { lock.isLocked(u"boot"_s, task); }), u"device.lacks"_s);
    }

    void words()
    {
        QCOMPARE(smp::shellWords(u"kernel  version"_s), (QStringList{u"kernel"_s, u"version"_s}));
        QCOMPARE(smp::shellWords(u" a \"b c\" 'd \"e' \"\" "_s),
                 (QStringList{u"a"_s, u"b c"_s, u"d \"e"_s, QString()}));
        QCOMPARE(smp::plainOutput(u"\r\n\x1b[1;31mno\x1b[0m\r\n\x1b[m"_s), u"no"_s);
        QCOMPARE(smp::plainOutput(u"a\x1b[8D\x1b[J\x07 b\x1b"_s), u"a b"_s);
    }
};

SLIPWAY_TEST_MAIN(TestSmpQuirks)
#include "tst_smpquirks.moc"
