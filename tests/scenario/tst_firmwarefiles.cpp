// slipway firmware inspect, verify, add, list and find, as a person or a script runs them.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTcpServer>
#include <QTcpSocket>

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString dataFolder = QStringLiteral(SLIPWAY_TEST_DATA "/");

QByteArray data(const QString &name)
{
    QFile file(dataFolder + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// A web server for one test, in a thread of its own.
class Server
{
public:
    using Answer = std::function<QByteArray(const QByteArray &path)>; // the whole reply
    explicit Server(Answer answer)
    {
        m_thread = std::jthread([this, answer](const std::stop_token &stop) {
            QTcpServer server;
            if (server.listen(QHostAddress::LocalHost))
                m_port = server.serverPort();
            while (!stop.stop_requested()) {
                if (!server.waitForNewConnection(50))
                    continue;
                const std::unique_ptr<QTcpSocket> socket(server.nextPendingConnection());
                QByteArray request;
                while (!request.contains("\r\n\r\n") && socket->waitForReadyRead(5000))
                    request += socket->readAll();
                socket->write(answer(request.split(' ').value(1)));
                while (socket->bytesToWrite() > 0 && socket->waitForBytesWritten(5000)) {
                }
                socket->disconnectFromHost();
                if (socket->state() != QAbstractSocket::UnconnectedState)
                    socket->waitForDisconnected(5000);
            }
        });
        QTRY_VERIFY_WITH_TIMEOUT(m_port != 0, 10'000);
    }
    QString url(const QString &path) const { return u"http://127.0.0.1:%1%2"_s.arg(m_port.load()).arg(path); }

private:
    std::atomic<int> m_port{0};
    std::jthread m_thread;
};

QByteArray ok(const QByteArray &body)
{
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" +
           body;
}

QString digestOf(const QByteArray &bytes)
{
    return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
}

} // namespace

class TestFirmwareFiles : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString m_home;
    const QString m_images = dataFolder + u"mcuboot/"_s;
    const QString m_key = m_images + u"p256.pub.pem"_s;

    static Ran firmware(const QStringList &words) { return slipwayRun(QStringList{u"firmware"_s} + words); }
    QString file(const QString &name, const QByteArray &content) const
    {
        QFile out(m_folder.filePath(name));
        if (!out.open(QIODevice::WriteOnly) || out.write(content) != content.size())
            qFatal("cannot write");
        return out.fileName();
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home, u"--name"_s, u"Line 1"_s}).status, 0);
    }

    void inspect_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("format");
        QTest::addColumn<qint64>("at");
        QTest::addColumn<qint64>("size");
        QTest::newRow("hex") << u"formats/a.hex"_s << u"intel-hex"_s << qint64(0x08004000) << qint64(12000);
        QTest::newRow("srec") << u"formats/b.s19"_s << u"s-record"_s << qint64(0x08004000) << qint64(5000);
        QTest::newRow("uf2") << u"uf2/rp2040.uf2"_s << u"uf2"_s << qint64(0x10000000) << qint64(12032);
        QTest::newRow("dfuse") << u"dfu/two-segments.dfu"_s << u"dfuse"_s << qint64(0x08000000) << qint64(12000);
        QTest::newRow("mcuboot") << u"mcuboot/t1-1.4.2-p256.bin"_s << u"mcuboot"_s << qint64(-1) << qint64(-1);
        QTest::newRow("raw") << u"formats/a.bin"_s << u"raw"_s << qint64(-1) << qint64(12000);
        QTest::newRow("suit") << u"suit/example1-signed.suit"_s << u"suit"_s << qint64(-2) << qint64(-2);
    }
    void inspect()
    {
        QFETCH(QString, name);
        QFETCH(QString, format);
        QFETCH(qint64, at);
        QFETCH(qint64, size);
        const Ran ran = firmware({u"inspect"_s, dataFolder + name, u"--json"_s});
        QVERIFY2(ran.status == 0 && ran.objects().size() == 1, qPrintable(ran.text()));
        const QJsonObject object = ran.objects().first();
        QCOMPARE(object[u"format"_s].toString(), format);
        const QJsonArray segments = object[u"segments"_s].toArray();
        if (at != -2) {
            QVERIFY(!segments.isEmpty());
            QCOMPARE(segments[0][u"at"_s].toInteger(-1), at);
        }
        if (size >= 0)
            QCOMPARE(segments[0][u"size"_s].toInteger(), size);
        const Ran people = firmware({u"inspect"_s, dataFolder + name});
        QVERIFY2(people.status == 0 && people.out.size() > 40, qPrintable(people.text()));
        if (at >= 0)
            QVERIFY2(people.out.contains(u"0x%1"_s.arg(at, 8, 16, QLatin1Char('0')).toUtf8()),
                     qPrintable(people.text()));
    }

    void inspectMore()
    {
        // A file without an address gets one, a file with one keeps it.
        const Ran at = firmware({u"inspect"_s, dataFolder + u"formats/a.bin"_s, u"--at"_s, u"0x10000"_s, u"--json"_s});
        QCOMPARE(at.objects().first()[u"segments"_s].toArray()[0][u"at"_s].toInteger(), 0x10000);
        const Ran moved = firmware({u"inspect"_s, dataFolder + u"formats/a.hex"_s, u"--at"_s, u"0x10000"_s});
        QCOMPARE(moved.status, 2);
        QVERIFY2(moved.err.contains("0x08004000"), qPrintable(moved.text()));
        QCOMPARE(firmware({u"inspect"_s, dataFolder + u"formats/a.bin"_s, u"--at"_s, u"here"_s}).status, 2);
        // Nothing of a manifest is shown before its signature held.
        const QString suit = dataFolder + u"suit/example1-signed.suit"_s;
        const Ran closed = firmware({u"inspect"_s, suit});
        QVERIFY2(!closed.out.contains("example.com"), qPrintable(closed.text()));
        const Ran open = firmware({u"inspect"_s, suit, u"--signer"_s, dataFolder + u"suit/example-signer.pub.pem"_s});
        QVERIFY2(open.status == 0 && open.out.contains("http://example.com/file.bin"), qPrintable(open.text()));
        QCOMPARE(firmware({u"inspect"_s, suit, u"--signer"_s, m_key}).status, 2);
    }

    void badFiles_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("says");
        QTest::newRow("empty") << QByteArray() << u"empty"_s;
        QTest::newRow("page") << QByteArray("<html>\n404\n</html>\n") << u"no firmware"_s;
        QTest::newRow("zip") << QByteArray("PK\x03\x04stuff") << u"Unpack it"_s;
        QTest::newRow("cut hex") << data(u"formats/a.hex"_s).left(9000) << u"line"_s;
        QTest::newRow("hostile") << QByteArray(":\x1b[31m\n:00000001FF\n\x1b]0;x\x07") << QString();
        QTest::newRow("elf") << QByteArray("\x7f"
                                           "ELF\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
                             << u"ELF"_s;
        QTest::newRow("suit") << QByteArray("\xd8\x6b\xa1\x02\x5b\xff\xff\xff\xff\xff\xff\xff\xff") << u"SUIT"_s;
    }
    void badFiles()
    {
        QFETCH(QByteArray, content);
        QFETCH(QString, says);
        const Ran ran = firmware({u"inspect"_s, file(u"bad"_s, content)});
        if (says.isEmpty()) {
            QVERIFY(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'));
            return;
        }
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.out.isEmpty() && ran.err.contains(says.toUtf8()), qPrintable(ran.text()));
        QCOMPARE(ran.err.count('\n'), 1);
    }

    void hugeFile()
    {
        QFile huge(m_folder.filePath(u"huge"_s));
        QVERIFY(huge.open(QIODevice::WriteOnly) && huge.resize(qint64(8) << 30)); // a hole
        const Ran ran = firmware({u"inspect"_s, huge.fileName()});
        QVERIFY2(ran.status == 2 && ran.err.contains("larger than"), qPrintable(ran.text()));
        huge.remove();
        QCOMPARE(firmware({u"inspect"_s, u"/dev/zero"_s}).status, 2);
        QCOMPARE(firmware({u"inspect"_s, m_folder.path()}).status, 2);
        QCOMPARE(firmware({u"inspect"_s, m_folder.filePath(u"none"_s)}).status, 2);
    }

    void verifySuit()
    {
        const QString key = dataFolder + u"suit/example-signer.pub.pem"_s;
        const auto verify = [&](const QString &name, const QStringList &more = {}) {
            return firmware(QStringList{u"verify"_s, dataFolder + u"suit/"_s + name, u"--signer"_s, key} + more);
        };
        for (int i = 0; i <= 5; ++i) {
            const Ran ran = verify(u"example%1-signed.suit"_s.arg(i));
            QVERIFY2(ran.status == 0 && ran.out.contains("holds"), qPrintable(ran.text()));
            const Ran open = verify(u"example%1-unsigned.suit"_s.arg(i));
            QVERIFY2(open.status == 1 && open.err.contains("not signed"), qPrintable(open.text()));
        }
        const QString vendor = u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s;
        const QString deviceClass = u"1492af14-2569-5e48-bf42-9b2d51f2ab45"_s;
        const QString three = u"example3-signed.suit"_s;
        QCOMPARE(verify(three, {u"--sequence"_s, u"2"_s, u"--vendor"_s, vendor, u"--class"_s, deviceClass}).status, 0);
        QCOMPARE(verify(three, {u"--sequence"_s, u"3"_s}).status, 1);
        QCOMPARE(verify(three, {u"--sequence"_s, u"3"_s, u"--same-sequence"_s}).status, 0);
        QCOMPARE(verify(three, {u"--sequence"_s, u"4"_s}).status, 1);
        QCOMPARE(verify(three, {u"--vendor"_s, deviceClass}).status, 1);
        QCOMPARE(verify(three, {u"--class"_s, vendor}).status, 1);
        QCOMPARE(verify(three, {u"--class"_s, u"nonsense"_s}).status, 2);
        QCOMPARE(verify(three, {u"--sequence"_s, u"-1"_s}).status, 2);
        QCOMPARE(verify(three, {u"--payload"_s, dataFolder + u"formats/a.bin"_s}).status, 1);
        QCOMPARE(verify(u"example-signer.pub.pem"_s).status, 1);
        const Ran other = firmware({u"verify"_s, dataFolder + u"suit/"_s + three, u"--signer"_s, m_key, u"--json"_s});
        QCOMPARE(other.status, 1);
        QCOMPARE(other.objects().first()[u"fault"_s].toString(), u"firmware.suit-key"_s);
        QCOMPARE(firmware({u"verify"_s, dataFolder + u"formats/a.hex"_s, u"--signer"_s, m_key}).status, 1);
    }

    void vault()
    {
        const auto add = [&](const QString &name, const QStringList &more) {
            return firmware(QStringList{u"add"_s, dataFolder + name, u"--home"_s, m_home, u"--json"_s} + more);
        };
        const Ran image = add(u"mcuboot/t1-1.4.2-p256.bin"_s,
                              {u"--signer"_s, m_key, u"--product"_s, u"t1"_s, u"--from"_s, u"release mail of 3 May"_s});
        QVERIFY2(image.status == 0, qPrintable(image.text()));
        const Ran hexFile = add(u"formats/a.hex"_s, {u"--product"_s, u"t2"_s, u"--version"_s, u"3.0"_s});
        QVERIFY2(hexFile.status == 0, qPrintable(hexFile.text()));
        QCOMPARE(add(u"mcuboot/t1-1.4.2-p256.bin"_s, {u"--version"_s, u"9.9"_s}).status, 2);
        QCOMPARE(add(u"formats/a.hex"_s, {u"--signer"_s, m_key}).status, 2);
        QCOMPARE(add(u"mcuboot/t1-flipped-bit.bin"_s, {}).status, 2);
        QCOMPARE(add(u"mcuboot/README.md"_s, {}).status, 2);

        const Ran list = firmware({u"list"_s, u"--home"_s, m_home, u"--json"_s});
        QCOMPARE(list.objects().size(), 2);
        for (const QJsonObject &object : list.objects()) {
            QVERIFY(object[u"recorded"_s].toBool() && object[u"stored"_s].toBool());
            const bool isImage = object[u"product"_s] == u"t1"_s;
            QCOMPARE(object[u"format"_s].toString(), isImage ? u"mcuboot"_s : u"intel-hex"_s);
            if (isImage)
                QCOMPARE(object[u"source"_s].toString(), u"release mail of 3 May"_s);
            else
                QCOMPARE(object[u"version"_s].toString(), u"3.0"_s);
            QCOMPARE(object[u"signer"_s].toString().isEmpty(), !isImage);
        }
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);

        // What was admitted is found again, by what the record says of it.
        const Ran found = firmware({u"find"_s, u"--product"_s, u"t2"_s, u"--home"_s, m_home, u"--json"_s});
        QVERIFY2(found.status == 0, qPrintable(found.text()));
        int chosen = 0;
        for (const QJsonObject &object : found.objects()) {
            chosen += object[u"chosen"_s].toBool();
            QCOMPARE(object[u"chosen"_s].toBool(), object[u"product"_s] == u"t2"_s);
            QVERIFY(!object[u"why"_s].toString().isEmpty());
        }
        QCOMPARE(chosen, 1);

        // Taken out of the folder behind our back: listed, and said to be gone.
        const QString name = hexFile.objects().first()[u"sha256"_s].toString();
        QVERIFY(QFile::remove(m_home + u"/vault/"_s + name.left(2) + u'/' + name));
        QVERIFY(firmware({u"list"_s, u"--home"_s, m_home}).out.contains("NO LONGER IN THE VAULT"));
    }

    void findInFolders()
    {
        const QString none = m_folder.filePath(u"no-home"_s);
        const auto find = [&](const QStringList &more) { return firmware(QStringList{u"find"_s, u"--json"_s} + more); };
        const Ran found = find({u"--product"_s, u"t1"_s, u"--running"_s, u"1.4.1"_s, u"--in"_s, m_images, u"--format"_s,
                                u"mcuboot"_s, u"--signer"_s, m_images + u"ed25519.pub.pem"_s});
        QVERIFY2(found.status == 0, qPrintable(found.text()));
        for (const QJsonObject &object : found.objects())
            QCOMPARE(object[u"chosen"_s].toBool(), object[u"name"_s] == u"t1-1.4.2-ed25519.bin"_s);
        QCOMPARE(find({u"--product"_s, u"t9"_s, u"--in"_s, m_images}).status, 1);
        QCOMPARE(find({u"--product"_s, u"t1"_s, u"--in"_s, none}).status, 2);
        QCOMPARE(find({u"--in"_s, m_images}).status, 2);
        QCOMPARE(find({u"--product"_s, u"t1"_s, u"--in"_s, m_images, u"--signer"_s, m_images + u"README.md"_s}).status,
                 2);
        const Ran usb = find({u"--product"_s, u"t9"_s, u"--usb"_s});
        QVERIFY2(usb.status == 1, qPrintable(usb.text()));
    }

    void findOnServers()
    {
        const QByteArray image = data(u"mcuboot/t1-1.4.2-p256.bin"_s);
        const auto listed = [](const QString &url, const QString &digest) {
            return QJsonObject{{u"url"_s, url}, {u"sha256"_s, digest}};
        };
        const QString noDigest(64, u'a');
        const QJsonObject index{
            {u"slipway-firmware"_s, 1},
            {u"files"_s, QJsonArray{listed(u"t1-1.4.2-p256.bin"_s, digestOf(image)), listed(u"t1-9.0.bin"_s, noDigest),
                                    listed(u"https://elsewhere.example/t1-8.0.bin"_s, noDigest),
                                    listed(u"t1-gone.bin"_s, noDigest)}}};
        Server server([&](const QByteArray &path) -> QByteArray {
            if (path == "/t1-1.4.2-p256.bin")
                return ok(image);
            if (path == "/firmware.json")
                return ok(QJsonDocument(index).toJson());
            if (path == "/t1-9.0.bin")
                return ok("not what was stated");
            if (path == "/away")
                return "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/x\r\nContent-Length: 0\r\n\r\n";
            if (path == "/endless")
                return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + QByteArray(65 * 1024 * 1024, 'x');
            if (path == "/cut")
                return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this";
            if (path == "/list-of-nothing")
                return ok("{\"hello\": 1}");
            return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        });
        const auto find = [&](const QString &url, const QStringList &more = {}) {
            return firmware(QStringList{u"find"_s, u"--product"_s, u"t1"_s, u"--json"_s, u"--url"_s, url} + more);
        };
        const QStringList signer{u"--signer"_s, m_key};

        // Without protection nothing is fetched, unless digest or signature make up for it.
        const Ran plain = find(server.url(u"/t1-1.4.2-p256.bin"_s));
        QVERIFY2(plain.status == 2 && plain.err.contains("without protection"), qPrintable(plain.text()));
        const Ran stated = find(server.url(u"/t1-1.4.2-p256.bin#sha256="_s + digestOf(image)));
        QVERIFY2(stated.status == 0, qPrintable(stated.text()));
        const Ran signedFile = find(server.url(u"/t1-1.4.2-p256.bin"_s), signer);
        QVERIFY2(signedFile.status == 0 && signedFile.objects().first()[u"signature-holds"_s].toBool(),
                 qPrintable(signedFile.text()));
        const Ran wrong = find(server.url(u"/t1-1.4.2-p256.bin#sha256="_s + QString(64, u'0')));
        QVERIFY2(wrong.status == 1 && wrong.out.contains("digest"), qPrintable(wrong.text()));

        const Ran many = find(server.url(u"/firmware.json"_s), signer);
        QVERIFY2(many.status == 0, qPrintable(many.text()));
        QCOMPARE(many.objects().size(), 4);
        QVERIFY(many.objects()[0][u"chosen"_s].toBool());
        QVERIFY(many.objects()[1][u"why"_s].toString().contains(u"digest"));
        QVERIFY(many.objects()[2][u"why"_s].toString().contains(u"another server"));
        QVERIFY(many.objects()[3][u"why"_s].toString().contains(u"404"));

        const auto why = [&](const QString &path) {
            const Ran ran = find(server.url(path), signer);
            return QString::number(ran.status) + u' ' +
                   (ran.objects().isEmpty() ? QString() : ran.objects().first()[u"why"_s].toString());
        };
        QVERIFY2(why(u"/away"_s).startsWith(u"3 ") && why(u"/away"_s).contains(u"another server"),
                 qPrintable(why(u"/away"_s)));
        QVERIFY2(why(u"/endless"_s).contains(u"larger than"), qPrintable(why(u"/endless"_s)));
        QVERIFY2(why(u"/cut"_s).startsWith(u"3 "), qPrintable(why(u"/cut"_s)));
        QVERIFY2(why(u"/none"_s).contains(u"404"), qPrintable(why(u"/none"_s)));
        QCOMPARE(find(server.url(u"/list-of-nothing"_s), signer).status, 2);
        QCOMPARE(find(u"ftp://127.0.0.1/t1.bin"_s, signer).status, 2);
        QCOMPARE(find(u"file:///etc/passwd"_s, signer).status, 2);
    }

    void configuredSources()
    {
        QFile config(m_home + u"/station.yaml"_s);
        QVERIFY(config.open(QIODevice::Append));
        config.write("firmware:\n  folders: [ \"" + m_images.toUtf8() + "\" ]\n");
        config.close();
        const Ran found = firmware({u"find"_s, u"--product"_s, u"t1"_s, u"--running"_s, u"1.4.1"_s, u"--home"_s, m_home,
                                    u"--json"_s, u"--signer"_s, m_images + u"ed25519.pub.pem"_s});
        QVERIFY2(found.status == 0, qPrintable(found.text()));
        QVERIFY(config.open(QIODevice::Append));
        config.write("  urls: nonsense\n");
        config.close();
        const Ran wrong = firmware({u"find"_s, u"--product"_s, u"t1"_s, u"--home"_s, m_home});
        QVERIFY2(wrong.status == 2 && wrong.err.contains("must be a list"), qPrintable(wrong.text()));
    }
};

SLIPWAY_TEST_MAIN(TestFirmwareFiles)
#include "tst_firmwarefiles.moc"
