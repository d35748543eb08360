// DTLS with pre-shared keys and certificates against the virtual device (OpenSSL on its side, libcoap on ours), and
// everything that may be wrong with credentials.

#include "core/base/fault.h"
#include "drivers/coap/coapdriver.h"
#include "drivers/coap/coapsecurity.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/virtual/virtualcoap.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

template <typename Function> QString codeOf(Function function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"nothing"_s;
}

QByteArray ask(CoapClient &client, const QString &path = u"/id/board"_s)
{
    CoapRequest request;
    request.path = path;
    return demand(client, request, {}, {}).payload;
}

void store(CoapClient &client, const QByteArray &body)
{
    CoapRequest request;
    request.method = coap::Put;
    request.path = u"/files/x"_s;
    request.format = coap::OctetStream;
    request.payload = body;
    demand(client, request, {}, {});
}

} // namespace

class TestCoapSecurity : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(m_pki.authority(u"ca"_s) && m_pki.authority(u"other"_s), m_pki.output.constData());
        const QString server = u"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n"_s;
        QVERIFY2(m_pki.certificate(u"device"_s, u"ca"_s, u"/CN=device"_s, server), m_pki.output.constData());
        QVERIFY(m_pki.certificate(u"elsewhere"_s, u"ca"_s, u"/CN=elsewhere"_s, u"subjectAltName=IP:192.0.2.9\n"_s));
        QVERIFY(
            m_pki.certificate(u"idevid"_s, u"ca"_s, u"/serialNumber=T1-00000042"_s, u"keyUsage=digitalSignature\n"_s));
        QVERIFY(m_pki.certificate(u"expired"_s, u"ca"_s, u"/CN=device"_s, server, {u"-days"_s, u"-1"_s}));
        QVERIFY(m_pki.certificate(u"station"_s, u"ca"_s, u"/CN=station"_s, u"extendedKeyUsage=clientAuth\n"_s));
        QVERIFY(m_pki.certificate(u"stranger"_s, u"other"_s, u"/CN=stranger"_s, u"extendedKeyUsage=clientAuth\n"_s));
        for (const QString &name : {u"station"_s, u"stranger"_s})
            QVERIFY(
                QFile::setPermissions(m_pki.path(name + u".key"_s), QFileDevice::ReadOwner | QFileDevice::WriteOwner));
        m_psk =
            m_pki.write(u"t1.psk"_s, "# of the line\nidentity: station-1\nkey: hex:00112233445566778899aabbccddeeff\n");
    }

    void preSharedKey()
    {
        VirtualCoap device(pskDevice());
        device.start();
        QVERIFY(device.path().startsWith(u"coaps://"));
        const CoapDriver driver;
        const auto opened = driver.open({device.path() + u"?psk="_s + m_psk, 0, {}}, {});
        const DeviceFacts facts = opened->facts({});
        QCOMPARE(facts.board, u"t1-coap"_s);
        QVERIFY2(facts.line.startsWith(u"CoAP over DTLS 1.2, PSK-"), qPrintable(facts.line));
        QCOMPARE(facts.port, device.path()); // and no name of a secret's file
        QCOMPARE(device.facts().sessions, 1);
    }

    void wrongPreSharedKey_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("key") << QByteArray("identity: station-1\nkey: text:something else\n");
        QTest::newRow("identity") << QByteArray("identity: station-2\nkey: hex:00112233445566778899aabbccddeeff\n");
    }

    void wrongPreSharedKey()
    {
        QFETCH(QByteArray, content);
        VirtualCoap device(pskDevice());
        device.start();
        CoapClient::Options how = to(device, {{u"psk"_s, m_pki.write(u"wrong.psk"_s, content)}});
        how.handshake = 1500ms;
        CoapClient wrong(how);
        QCOMPARE(codeOf([&] { ask(wrong); }), u"coap.psk-refused"_s);
        CoapClient right(to(device, {{u"psk"_s, m_psk}})); // the same unit again
        QCOMPARE(ask(right), "t1-coap");
    }

    void nobodyThere()
    {
        VirtualCoap device(pskDevice());
        device.start();
        CoapClient::Options how = to(device, {{u"psk"_s, m_psk}});
        how.handshake = 1500ms;
        device.setFault(VirtualCoapFault::parse(u"silence"_s));
        {
            VirtualCoapOptions plain; // answers nothing that is DTLS
            VirtualCoap other(plain);
            other.start();
            CoapClient::Options astray = how;
            astray.address.port = other.port();
            CoapClient client(astray);
            QCOMPARE(codeOf([&] { ask(client); }), u"coap.no-answer"_s);
            Task task;
            task.deadline = Deadline::in(200ms);
            QCOMPARE(codeOf([&] { client.connect(task); }), u"base.timeout"_s);
            QCOMPARE(codeOf([&] { client.connect({}); }), u"coap.no-answer"_s); // and is no session now
        }
        device.stop();
        CoapClient client(how);
        QCOMPARE(codeOf([&] { ask(client); }), u"coap.port-closed"_s);
    }

    void restartWithinASession()
    {
        VirtualCoap device(pskDevice());
        device.start();
        CoapClient::Options how = to(device, {{u"psk"_s, m_psk}});
        how.answer = 700ms;
        CoapClient client(how);
        store(client, QByteArray(100, 'a'));
        device.setFault(VirtualCoapFault::parse(u"reboot-at:after=3000"_s));
        const QByteArray body(9000, 'b');
        store(client, body); // a new session, all over, and done
        QCOMPARE(device.file(u"x"_s), body);
        QCOMPARE(device.facts().sessions, 2);
        QCOMPARE(device.facts().restarts, 1);
        const CoapDriver driver;
        const auto opened = driver.open({device.path() + u"?psk="_s + m_psk, 0, {}}, {});
        opened->resetter()->reset({});
        QCOMPARE(opened->facts({}).board, u"t1-coap"_s);
    }

    void certificates_data()
    {
        QTest::addColumn<QString>("device");
        QTest::addColumn<QString>("anchors");
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("code");
        QTest::newRow("good") << u"device"_s << u"ca"_s << u"host"_s << u"nothing"_s;
        QTest::newRow("untrusted") << u"device"_s << u"other"_s << u"host"_s << u"coap.untrusted"_s;
        QTest::newRow("expired") << u"expired"_s << u"ca"_s << u"host"_s << u"coap.untrusted"_s;
        QTest::newRow("another host") << u"elsewhere"_s << u"ca"_s << u"host"_s << u"coap.other-name"_s;
        QTest::newRow("IDevID") << u"idevid"_s << u"ca"_s << u"serial"_s << u"nothing"_s;
        QTest::newRow("IDevID as host") << u"idevid"_s << u"ca"_s << u"host"_s << u"coap.other-name"_s;
        QTest::newRow("host as IDevID") << u"device"_s << u"ca"_s << u"serial"_s << u"coap.other-name"_s;
    }

    void certificates()
    {
        QFETCH(QString, device);
        QFETCH(QString, anchors);
        QFETCH(QString, name);
        QFETCH(QString, code);
        VirtualCoapOptions options;
        options.certificate = m_pki.content(device + u".pem"_s);
        options.key = m_pki.content(device + u".key"_s);
        VirtualCoap served(options);
        served.start();
        CoapClient client(to(served, {{u"anchors"_s, m_pki.path(anchors + u".pem"_s)}, {u"name"_s, name}}));
        QCOMPARE(codeOf([&] { QCOMPARE(ask(client), "t1-coap"); }), code);
        QCOMPARE(client.peerSerial(), device == u"idevid" ? u"T1-00000042"_s : QString());
    }

    void namedHost()
    {
        VirtualCoapOptions options;
        options.certificate = m_pki.content(u"device.pem"_s);
        options.key = m_pki.content(u"device.key"_s);
        VirtualCoap device(options);
        device.start();
        CoapClient::Options how = to(device, {{u"anchors"_s, m_pki.path(u"ca.pem"_s)}});
        how.address.host = u"localhost"_s;
        SocketAddress where;
        try {
            where = resolve(how.address);
        } catch (const Fault &) {
            QSKIP("nobody here knows localhost");
        }
        if (where.address.ss_family == AF_INET6)
            QSKIP("localhost is ::1 here");
        CoapClient client(how);
        QCOMPARE(ask(client), "t1-coap");
    }

    void serialsThatDiffer()
    {
        VirtualCoapOptions options;
        options.serial = u"T1-00000043"_s;
        options.certificate = m_pki.content(u"idevid.pem"_s);
        options.key = m_pki.content(u"idevid.key"_s);
        VirtualCoap device(options);
        device.start();
        const CoapDriver driver;
        const auto opened =
            driver.open({device.path() + u"?name=serial&anchors="_s + m_pki.path(u"ca.pem"_s), 0, {}}, {});
        QCOMPARE(codeOf([&] { opened->facts({}); }), u"coap.other-serial"_s);
    }

    void bothSides()
    {
        VirtualCoapOptions options;
        options.certificate = m_pki.content(u"device.pem"_s);
        options.key = m_pki.content(u"device.key"_s);
        options.anchors = m_pki.content(u"ca.pem"_s);
        VirtualCoap device(options);
        device.start();
        const QMap<QString, QString> anchors{{u"anchors"_s, m_pki.path(u"ca.pem"_s)}};
        const auto with = [&](const QString &name) {
            QMap<QString, QString> files = anchors;
            files[u"certificate"_s] = m_pki.path(name + u".pem"_s);
            files[u"key"_s] = m_pki.path(name + u".key"_s);
            return files;
        };
        CoapClient good(to(device, with(u"station"_s)));
        QCOMPARE(ask(good), "t1-coap");
        CoapClient stranger(to(device, with(u"stranger"_s)));
        QCOMPARE(codeOf([&] { ask(stranger); }), u"coap.client-refused"_s);
        CoapClient without(to(device, anchors));
        QCOMPARE(codeOf([&] { ask(without); }), u"coap.handshake"_s);
        VirtualCoap pskOnly(pskDevice());
        pskOnly.start();
        CoapClient astray(to(pskOnly, with(u"station"_s)));
        QCOMPARE(codeOf([&] { ask(astray); }), u"coap.handshake"_s);
    }

    void files_data()
    {
        QTest::addColumn<QString>("files"); // name=file, joined by blanks; the file's name below the folder
        QTest::addColumn<QString>("code");
        QTest::newRow("none") << QString() << u"coap.credentials"_s;
        QTest::newRow("both kinds") << u"psk=t1.psk anchors=ca.pem"_s << u"coap.credentials"_s;
        QTest::newRow("no anchors") << u"certificate=station.pem key=station.key"_s << u"coap.credentials"_s;
        QTest::newRow("no key") << u"anchors=ca.pem certificate=station.pem"_s << u"coap.credentials"_s;
        QTest::newRow("foreign key") << u"anchors=ca.pem certificate=station.pem key=stranger.key"_s
                                     << u"coap.credentials"_s;
        QTest::newRow("readable key") << u"anchors=ca.pem certificate=device.pem key=open.key"_s
                                      << u"coap.secret-readable"_s;
        QTest::newRow("encrypted key") << u"anchors=ca.pem certificate=station.pem key=encrypted.key"_s
                                       << u"coap.key-encrypted"_s;
        QTest::newRow("key as anchors") << u"anchors=station.key"_s << u"coap.pem-file"_s;
        QTest::newRow("raw public key") << u"raw-public-key=station.key"_s << u"coap.no-rpk"_s;
        QTest::newRow("missing") << u"psk=nowhere.psk"_s << u"file.unreadable"_s;
        QTest::newRow("readable psk") << u"psk=open.psk"_s << u"coap.secret-readable"_s;
    }

    void files()
    {
        QFETCH(QString, files);
        QFETCH(QString, code);
        m_pki.write(u"open.key"_s, m_pki.content(u"device.key"_s));
        m_pki.write(u"open.psk"_s, "identity: a\nkey: text:b\n");
        for (const QString &name : {u"open.key"_s, u"open.psk"_s})
            QFile::setPermissions(m_pki.path(name), QFileDevice::ReadOwner | QFileDevice::ReadGroup);
        QVERIFY(m_pki.run({u"ec"_s, u"-in"_s, m_pki.path(u"station.key"_s), u"-out"_s, m_pki.path(u"encrypted.key"_s),
                           u"-aes128"_s, u"-passout"_s, u"pass:open sesame"_s}));
        QFile::setPermissions(m_pki.path(u"encrypted.key"_s), QFileDevice::ReadOwner);
        QMap<QString, QString> named;
        for (const QString &part : files.split(u' ', Qt::SkipEmptyParts))
            named[part.section(u'=', 0, 0)] = m_pki.path(part.section(u'=', 1));
        QCOMPARE(codeOf([&] { CoapSecurity::load(named); }), code);
    }

    void pskFiles()
    {
        QByteArray identity, key;
        CoapSecurity::parsePsk("\nidentity: a b\r\nkey: hex:0aFF\n", u"f"_s, identity, key);
        QCOMPARE(identity, "a b");
        QCOMPARE(key, QByteArray::fromHex("0aff"));
        for (const char *bad :
             {"", "identity: a\n", "key: text:b\n", "identity: a\nkey: b\n", "identity: a\nkey: hex:0\n",
              "identity: a\nkey: hex:\n", "identity: a\nidentity: b\nkey: text:c\n", "nonsense\n"}) {
            QByteArray i, k;
            QCOMPARE(codeOf([&] { CoapSecurity::parsePsk(bad, u"f"_s, i, k); }), u"coap.psk-file"_s);
        }
    }

private:
    VirtualCoapOptions pskDevice() const
    {
        VirtualCoapOptions options;
        options.pskIdentity = "station-1";
        options.psk = QByteArray::fromHex("00112233445566778899aabbccddeeff");
        return options;
    }
    static CoapClient::Options to(const VirtualCoap &device, const QMap<QString, QString> &files)
    {
        CoapClient::Options options;
        options.address = CoapAddress::parse(device.path());
        options.security = CoapSecurity::load(files);
        return options;
    }

    test::OpensslPki m_pki;
    QString m_psk;
};

SLIPWAY_TEST_MAIN(TestCoapSecurity)
#include "tst_coapsecurity.moc"
