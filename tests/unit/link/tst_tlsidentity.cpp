// Certificates of devices on the link: against the openssl program's servers in a network of this test's own.

#include "core/base/fault.h"
#include "drivers/link/tlsidentity.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

#include <sched.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto address = "fe80::51";
// Before any thread is started.
const bool inNamespace = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;

bool shell(const QString &line)
{
    QProcess process;
    process.start(u"sh"_s, {u"-c"_s, line});
    return process.waitForFinished(30'000) && process.exitCode() == 0;
}

Task limited(std::chrono::milliseconds span = 20s)
{
    Task task;
    task.deadline = Deadline::in(span);
    return task;
}

QString at(const char *zone = "slip0")
{
    return QLatin1String(address) + u'%' + QLatin1String(zone);
}

} // namespace

class TestTlsIdentity : public QObject
{
    Q_OBJECT

private:
    OpensslPki m_pki;
    QProcess m_server, m_neighbour;

    void serve(const QStringList &words)
    {
        m_server.kill();
        m_server.waitForFinished();
        m_server.start(u"openssl"_s, QStringList{u"s_server"_s, u"-6"_s, u"-accept"_s, u"8443"_s} + words);
        QVERIFY(m_server.waitForStarted());
        while (!m_server.readAllStandardOutput().contains("ACCEPT"))
            QVERIFY(m_server.waitForReadyRead(10'000));
    }

private Q_SLOTS:
    void initTestCase()
    {
        if (!inNamespace)
            QSKIP("no network namespace can be made here: run it as root or where user namespaces are allowed");
        QVERIFY(shell(u"ip link set lo up && ip link add slip0 type veth peer name slip1 && ip link set slip0 up && "
                      "ip -6 addr add fe80::51/64 dev slip0 nodad"_s));
        // The other end is another host.
        m_neighbour.start(u"unshare"_s, {u"-n"_s, u"sh"_s, u"-c"_s, u"echo up; exec sleep 600"_s});
        QVERIFY(m_neighbour.waitForReadyRead(10'000));
        const QString pid = QString::number(m_neighbour.processId());
        QVERIFY(shell(u"ip link set slip1 netns %1 && nsenter -t %1 -n sh -c 'ip link set slip1 up && ip -6 addr add "
                      "fe80::52/64 dev slip1 nodad'"_s.arg(pid)));
        QVERIFY2(m_pki.authority(u"maker"_s), m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"device"_s, u"maker"_s, u"/serialNumber=T1-1"_s, u"basicConstraints=CA:FALSE\n"_s),
                 m_pki.output.constData());
    }
    void cleanupTestCase()
    {
        m_server.kill();
        m_server.waitForFinished();
        m_neighbour.kill();
        m_neighbour.waitForFinished();
    }

    void neighbours()
    {
        const QStringList found = linkLocalNeighbours(u"slip0"_s, limited());
        QVERIFY2(found.contains(u"fe80::52%slip0"_s), qPrintable(found.join(u' ')));
        QVERIFY(!found.contains(at()));
        QVERIFY_THROWS_EXCEPTION(Fault, linkLocalNeighbours(u"slip9"_s, limited()));
    }

    void shown_data()
    {
        QTest::addColumn<QString>("version");
        QTest::newRow("TLS 1.2") << u"TLSv1.2"_s;
        QTest::newRow("TLS 1.3") << u"TLSv1.3"_s;
    }
    void shown()
    {
        QFETCH(QString, version);
        serve({u"-cert"_s, m_pki.path(u"device.pem"_s), u"-key"_s, m_pki.path(u"device.key"_s), u"-cert_chain"_s,
               m_pki.path(u"maker.pem"_s), version == "TLSv1.2"_L1 ? u"-tls1_2"_s : u"-tls1_3"_s});
        const TlsIdentity out = readTlsIdentity(at(), 8443, limited());
        QVERIFY(out.outcome == TlsIdentity::Outcome::Certificate);
        QCOMPARE(out.protocol, version);
        QCOMPARE(out.chain.size(), 2);
        QVERIFY(m_pki.run({u"x509"_s, u"-in"_s, m_pki.path(u"device.pem"_s), u"-outform"_s, u"DER"_s, u"-out"_s,
                           m_pki.path(u"device.der"_s)}));
        QCOMPARE(out.chain.first(), m_pki.content(u"device.der"_s));
    }

    void others()
    {
        serve({u"-nocert"_s, u"-tls1_2"_s, u"-cipher"_s, u"aNULL@SECLEVEL=0"_s});
        QVERIFY(readTlsIdentity(at(), 8443, limited()).outcome == TlsIdentity::Outcome::NoTls);
        QVERIFY(readTlsIdentity(at(), 8444, limited()).outcome == TlsIdentity::Outcome::Refused);
    }

    // It takes the connection and says nothing.
    void silence()
    {
        QProcess mute;
        mute.start(u"socat"_s, {u"-d"_s, u"-d"_s, u"TCP6-LISTEN:8445,bind=[::]"_s, u"EXEC:sleep 60"_s});
        QByteArray said;
        while (!said.contains("listening")) {
            QVERIFY(mute.waitForReadyRead(10'000) || mute.state() == QProcess::Running);
            mute.setReadChannel(QProcess::StandardError);
            mute.waitForReadyRead(1000);
            said += mute.readAllStandardError();
        }
        QVERIFY(readTlsIdentity(at(), 8445, limited(300ms)).outcome == TlsIdentity::Outcome::Silent);
        mute.kill();
        mute.waitForFinished();
    }

    void onlyLinkLocal_data()
    {
        QTest::addColumn<QString>("given");
        QTest::newRow("routed") << u"2001:db8::1%slip0"_s;
        QTest::newRow("without interface") << u"fe80::51"_s;
        QTest::newRow("IPv4") << u"127.0.0.1"_s;
        QTest::newRow("a name") << u"example.com%slip0"_s;
        QTest::newRow("another interface") << u"fe80::51%slip9"_s;
    }
    void onlyLinkLocal()
    {
        QFETCH(QString, given);
        QVERIFY_THROWS_EXCEPTION(Fault, readTlsIdentity(given, 8443, limited()));
    }

    void stops()
    {
        std::stop_source stop;
        stop.request_stop();
        Task task = limited();
        task.stop = stop.get_token();
        QVERIFY_THROWS_EXCEPTION(Fault, readTlsIdentity(at(), 8443, task));
    }
};

SLIPWAY_TEST_MAIN(TestTlsIdentity)
#include "tst_tlsidentity.moc"
