// Our client and Debian's coap-server (libcoap, OpenSSL), and Debian's coap-client and our virtual device.

#include "core/base/fault.h"
#include "drivers/coap/coapdriver.h"
#include "drivers/coap/coapsecurity.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/coap/linkformat.h"
#include "drivers/virtual/virtualcoap.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

#include <QElapsedTimer>
#include <QRandomGenerator>
#include <QStandardPaths>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const QString serverProgram = u"coap-server-openssl"_s, clientProgram = u"coap-client-openssl"_s;

bool isFree(quint16 port)
{
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(fd, reinterpret_cast<sockaddr *>(&at), sizeof at) == 0;
    ::close(fd);
    return free;
}

QByteArray randomBytes(qsizetype size)
{
    QByteArray out(size, '\0');
    QRandomGenerator random(5);
    for (char &c : out)
        c = char(random.generate());
    return out;
}

template <typename Function> QString codeOf(Function function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"nothing"_s;
}

} // namespace

class TestCoapInterop : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (QStandardPaths::findExecutable(serverProgram).isEmpty() ||
            QStandardPaths::findExecutable(clientProgram).isEmpty())
            QSKIP("coap-server-openssl and coap-client-openssl (libcoap3-bin) are not installed");
        QVERIFY2(m_pki.authority(u"ca"_s) && m_pki.authority(u"other"_s), m_pki.output.constData());
        QVERIFY(m_pki.certificate(u"server"_s, u"ca"_s, u"/CN=server"_s,
                                  u"subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"_s));
        QVERIFY(
            m_pki.certificate(u"station"_s, u"ca"_s, u"/serialNumber=T1-00000001"_s, u"keyUsage=digitalSignature\n"_s));
        QVERIFY(m_pki.certificate(u"stranger"_s, u"other"_s, u"/CN=stranger"_s, u"keyUsage=digitalSignature\n"_s));
        for (const QString &name : {u"station.key"_s, u"stranger.key"_s})
            QFile::setPermissions(m_pki.path(name), QFileDevice::ReadOwner);
        m_pki.write(u"t1.psk"_s, "identity: station-1\nkey: text:interoperate\n");
        m_pki.write(u"wrong.psk"_s, "identity: station-1\nkey: text:interpolate\n");
    }

    void cleanup()
    {
        if (m_server) {
            m_server->kill();
            m_server->waitForFinished();
        }
        m_server.reset();
    }

    void plainServer()
    {
        QVERIFY(serve({u"-d"_s, u"10"_s}));
        CoapClient client(to(false, {}));
        const QByteArray body = randomBytes(200'000);
        put(client, u"/big"_s, body);
        QCOMPARE(get(client, u"/big"_s), body);
        // Smaller blocks, with a size that is no multiple of them.
        CoapClient::Options small = to(false, {});
        small.block = 64;
        CoapClient slow(small);
        put(slow, u"/small"_s, body.left(3001));
        QCOMPARE(get(slow, u"/small"_s), body.left(3001));
        QCOMPARE(get(client, u"/small"_s), body.left(3001));

        CoapRequest links;
        links.path = u"/.well-known/core"_s;
        const CoapReply core = demand(client, links, {}, {});
        QCOMPARE(core.format, std::optional<int>(coap::LinkFormatText));
        const LinkFormat list = LinkFormat::parse(core.payload);
        QVERIFY2(list.error.isEmpty(), qPrintable(list.error));
        QVERIFY(list.find(u"/time"_s) && list.find(u"/time"_s)->observable());
        QVERIFY(list.find(u"/big"_s));
        CoapRequest nowhere;
        nowhere.path = u"/nowhere"_s;
        QCOMPARE(codeOf([&] { demand(client, nowhere, {}, {}); }), u"device.lacks"_s);
    }

    void observedTime()
    {
        QVERIFY(serve({}));
        CoapClient client(to(false, {}));
        CoapRequest request;
        request.path = u"/time"_s;
        QSet<QByteArray> seen;
        const auto enough = [&](const CoapReply &reply) {
            seen << reply.payload;
            return seen.size() == 3;
        };
        Task task;
        task.deadline = Deadline::in(20s);
        QVERIFY(client.observe(request, task).observe);
        client.stopObserving(task);
        waitFor(client, request, enough, u"The time"_s, task);
        QCOMPARE(seen.size(), 3);
        QVERIFY(!get(client, u"/time"_s).isEmpty()); // the session goes on
    }

    void preSharedKey()
    {
        QVERIFY(serve({u"-d"_s, u"10"_s, u"-k"_s, u"interoperate"_s}));
        CoapClient client(to(true, {{u"psk"_s, m_pki.path(u"t1.psk"_s)}}));
        const QByteArray body = randomBytes(50'000);
        put(client, u"/big"_s, body);
        QCOMPARE(get(client, u"/big"_s), body);
        CoapClient::Options how = to(true, {{u"psk"_s, m_pki.path(u"wrong.psk"_s)}});
        how.handshake = 2s;
        CoapClient wrong(how);
        QCOMPARE(codeOf([&] { get(wrong, u"/big"_s); }), u"coap.psk-refused"_s);
        QCOMPARE(get(client, u"/big"_s), body);
    }

    void certificates()
    {
        QVERIFY(serve({u"-d"_s, u"10"_s, u"-c"_s, m_pki.path(u"server.pem"_s), u"-j"_s, m_pki.path(u"server.key"_s),
                       u"-C"_s, m_pki.path(u"ca.pem"_s)}));
        const auto with = [&](const QString &name, const QString &anchors) {
            return QMap<QString, QString>{{u"anchors"_s, m_pki.path(anchors)},
                                          {u"certificate"_s, m_pki.path(name + u".pem"_s)},
                                          {u"key"_s, m_pki.path(name + u".key"_s)}};
        };
        CoapClient client(to(true, with(u"station"_s, u"ca.pem"_s))); // as an IDevID
        const QByteArray body = randomBytes(50'000);
        put(client, u"/big"_s, body);
        QCOMPARE(get(client, u"/big"_s), body);
        CoapClient doubting(to(true, with(u"station"_s, u"other.pem"_s)));
        QCOMPARE(codeOf([&] { get(doubting, u"/big"_s); }), u"coap.untrusted"_s);
        CoapClient::Options stranger = to(true, with(u"stranger"_s, u"ca.pem"_s));
        stranger.handshake = 3s;
        CoapClient refused(stranger);
        QCOMPARE(codeOf([&] { get(refused, u"/big"_s); }), u"coap.client-refused"_s);
    }

    void debiansClient_data()
    {
        QTest::addColumn<QStringList>("credentials");
        QTest::addColumn<int>("block");
        QTest::newRow("plain") << QStringList() << 1024;
        QTest::newRow("device asks for 64") << QStringList() << 64;
        QTest::newRow("psk") << QStringList({u"-k"_s, u"interoperate"_s, u"-u"_s, u"station-1"_s}) << 1024;
        QTest::newRow("certificate") << QStringList({u"-c"_s, u"@station.pem"_s, u"-j"_s, u"@station.key"_s, u"-C"_s,
                                                     u"@ca.pem"_s})
                                     << 1024;
    }

    void debiansClient()
    {
        QFETCH(QStringList, credentials);
        QFETCH(int, block);
        VirtualCoapOptions options;
        options.block = block;
        if (credentials.contains(u"-k"_s)) {
            options.pskIdentity = "station-1";
            options.psk = "interoperate";
        } else if (!credentials.isEmpty()) {
            options.certificate = m_pki.content(u"server.pem"_s);
            options.key = m_pki.content(u"server.key"_s);
            options.anchors = m_pki.content(u"ca.pem"_s);
        }
        for (QString &word : credentials) {
            if (word.startsWith(u'@'))
                word = m_pki.path(word.mid(1));
        }
        VirtualCoap device(options);
        device.start();
        const QByteArray body = randomBytes(20'000);
        m_pki.write(u"body"_s, body);
        const QStringList common = credentials + QStringList{u"-B"_s, u"20"_s};
        QVERIFY(ask(common + QStringList{u"-m"_s, u"put"_s, u"-t"_s, u"42"_s, u"-f"_s, m_pki.path(u"body"_s),
                                         device.path() + u"/files/x"_s}));
        QCOMPARE(device.file(u"x"_s), body);
        QVERIFY(ask(common + QStringList{u"-o"_s, m_pki.path(u"back"_s), device.path() + u"/files/x"_s}));
        QCOMPARE(m_pki.content(u"back"_s), body);
        QVERIFY(ask(common + QStringList{device.path() + u"/id/board"_s}));
        QCOMPARE(m_output.trimmed(), "t1-coap");
        QVERIFY(ask(common + QStringList{u"-m"_s, u"put"_s, u"-t"_s, u"0"_s, u"-e"_s, u"90"_s,
                                         device.path() + u"/cfg/interval"_s}));
        QCOMPARE(device.setting(u"interval"_s), std::optional<QByteArray>("90"));
        QVERIFY(ask(common + QStringList{u"-m"_s, u"delete"_s, device.path() + u"/files/x"_s}));
        QCOMPARE(device.file(u"x"_s), QByteArray());
        QVERIFY(ask(common + QStringList{device.path() + u"/files/x"_s}));
        QVERIFY2(m_output.contains("4.04"), m_output.constData());
        QCOMPARE(device.facts().malformed, 0);
    }

private:
    bool serve(const QStringList &more)
    {
        m_port = 0;
        for (quint16 port = 20'000 + QRandomGenerator::global()->bounded(20'000); !m_port; port += 2) {
            if (isFree(port) && isFree(port + 1))
                m_port = port;
        }
        m_server = std::make_unique<QProcess>();
        m_server->setProcessChannelMode(QProcess::MergedChannels);
        m_server->start(serverProgram, QStringList{u"-A"_s, u"127.0.0.1"_s, u"-p"_s, QString::number(m_port)} + more);
        if (!m_server->waitForStarted(10'000))
            return false;
        QElapsedTimer timer;
        timer.start();
        while (isFree(m_port) && timer.elapsed() < 10'000)
            m_server->waitForReadyRead(20);
        return !isFree(m_port);
    }
    CoapClient::Options to(bool secure, const QMap<QString, QString> &files) const
    {
        CoapClient::Options options;
        options.address.secure = secure;
        options.address.host = u"127.0.0.1"_s;
        options.address.port = m_port + (secure ? 1 : 0);
        if (secure)
            options.security = CoapSecurity::load(files);
        return options;
    }
    static void put(CoapClient &client, const QString &path, const QByteArray &body)
    {
        CoapRequest request;
        request.method = coap::Put;
        request.path = path;
        request.format = coap::OctetStream;
        request.payload = body;
        demand(client, request, {}, {});
    }
    static QByteArray get(CoapClient &client, const QString &path)
    {
        CoapRequest request;
        request.path = path;
        CoapTransfer how;
        how.limit = 1'000'000;
        return demand(client, request, how, {}).payload;
    }
    bool ask(const QStringList &arguments)
    {
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.setStandardInputFile(QProcess::nullDevice());
        process.start(clientProgram, arguments);
        const bool ended = process.waitForFinished(30'000);
        m_output = process.readAll();
        if (!ended)
            process.kill();
        return ended && process.exitCode() == 0;
    }

    test::OpensslPki m_pki;
    std::unique_ptr<QProcess> m_server;
    quint16 m_port = 0;
    QByteArray m_output;
};

SLIPWAY_TEST_MAIN(TestCoapInterop)
#include "tst_coapinterop.moc"
