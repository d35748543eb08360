// CMP between us and the openssl program: our client at its server, its client at the responder of our tests.

#include "core/base/files.h"
#include "core/identity/accessrenewal.h"
#include "core/identity/check.h"
#include "core/identity/cmpissuer.h"
#include "tests/support/cmpresponder.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QProcess>
#include <QTcpServer>

using namespace slipway;
using namespace slipway::test;

class TestCmp : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void ourClientAtItsServer_data()
    {
        QTest::addColumn<bool>("p10cr");
        QTest::addColumn<int>("polls");
        QTest::addColumn<bool>("implicitConfirm");
        QTest::newRow("ir") << false << 0 << false;
        QTest::newRow("p10cr") << true << 0 << false;
        QTest::newRow("ir, not decided at first") << false << 2 << false;
        QTest::newRow("p10cr, not decided at first") << true << 2 << false;
        QTest::newRow("ir, no confirmation") << false << 0 << true;
        QTest::newRow("p10cr, no confirmation") << true << 0 << true;
    }
    void ourClientAtItsServer()
    {
        QFETCH(bool, p10cr);
        QFETCH(int, polls);
        QFETCH(bool, implicitConfirm);
        Workshop shop;
        // It gives out the one certificate that it was started with; the profile is ours, so it is made by our CA.
        const KeyPtr key = newTestKey();
        IssueOrder order = Workshop::order(QStringLiteral("T1-00000001"), key.get());
        const QByteArray canned = shop.issuer()->issue(order, Task{}).der;
        writeFile(shop.path("canned.pem"), certificateToPem(canned));
        const int port = freePort();
        QProcess server;
        server.setProcessChannelMode(QProcess::MergedChannels);
        QStringList words{
            "cmp",           "-port",     QString::number(port),   "-srv_ref",  "line-1", "-srv_secret",
            "pass:a secret", "-rsp_cert", shop.path("canned.pem"), "-max_msgs", "20",     "-accept_raverified"};
        if (polls > 0)
            words << "-poll_count" << QString::number(polls) << "-check_after"
                  << "1";
        if (implicitConfirm)
            words << "-grant_implicitconf";
        QVERIFY(accepts(server, words));
        RemoteAccess access;
        access.url = QStringLiteral("http://127.0.0.1:%1/pkix/").arg(port);
        access.chain = certificatesFromPem(readFile(shop.path("ca.pem"), 65536, QString()));
        CmpSettings settings;
        settings.p10cr = p10cr;
        settings.implicitConfirm = implicitConfirm;
        settings.reference = QStringLiteral("line-1");
        settings.secret.ask = [](const QString &) { return QByteArray("a secret"); };
        CmpIssuer issuer(access, settings);
        QStringList log;
        Task task;
        task.log = [&log](const QString &line) { log << line; };
        int kept = 0, waited = 0;
        order.beforeConfirm = [&kept](const IssuedCertificate &) { ++kept; };
        order.whileWaiting = [&waited](const QByteArray &answer) { waited += !answer.isEmpty(); };
        const IssuedCertificate issued = issuer.issue(order, task);
        QCOMPARE(kept, 1);
        QCOMPARE(waited, polls > 0 ? polls : 0); // the first answer, and all to questions but the last
        QCOMPARE(issued.deviation, QString());
        QCOMPARE(issued.der, canned);
        QCOMPARE(log.size(), std::max(0, polls - 1)); // the first question comes at once
        // Another unit's request: the same certificate comes, and is refused.
        const IssuedCertificate other = issuer.issue(Workshop::order(QStringLiteral("T1-00000002")), Task{});
        QVERIFY(!other.deviation.isEmpty());
        server.kill();
        server.waitForFinished();
    }

    // kur, signed with the old certificate. This server takes it only for the certificate that it was started with, and
    // gives that one again.
    void renewsAtItsServer()
    {
        OpensslPki pki;
        QVERIFY(pki.authority(QStringLiteral("tls")));
        const QString usage = QStringLiteral("keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,cmcRA\n");
        QVERIFY2(pki.certificate("ra", "tls", "/CN=Line 1", usage), pki.output.constData());
        QVERIFY(pki.certificate("cmp", "tls", "/CN=CMP", "keyUsage=digitalSignature\n"));
        const int port = freePort();
        QProcess server;
        server.setProcessChannelMode(QProcess::MergedChannels);
        QVERIFY(accepts(server, {"cmp", "-port", QString::number(port), "-srv_cert", pki.path("cmp.pem"), "-srv_key",
                                 pki.path("cmp.key"), "-srv_trusted", pki.path("tls.pem"), "-rsp_cert",
                                 pki.path("ra.pem"), "-max_msgs", "20"}));
        RemoteAccess access;
        access.url = QStringLiteral("http://127.0.0.1:%1/pkix/").arg(port);
        access.chain = access.anchors = certificatesFromPem(readFile(pki.path("tls.pem"), 65536, QString()));
        access.keyChain = certificatesFromPem(readFile(pki.path("ra.pem"), 65536, QString()));
        access.key = Signer::open(pki.path("ra.key"), {}, {}, {});
        CmpIssuer issuer(access, {});
        QByteArray seen;
        const ssl::Key key = loadKey(pki.path("ra.key"), {});
        QCOMPARE(issuer.renew(
                     key.get(), [&seen](const QByteArray &der) { seen = der; }, Task{}),
                 access.keyChain.front());
        QCOMPARE(seen, access.keyChain.front());
        // Asked for with a key that was made for it: not what came, so it is refused and nothing is given out.
        QString sentence;
        QCOMPARE(faultOf([&] { renewAccess(issuer, {}, Task{}); }, &sentence), "issuer.answer");
        QVERIFY2(sentence.contains("not the one that was asked for"), qPrintable(sentence));
        server.kill();
        server.waitForFinished();
    }

    void itsClientAtOurResponder()
    {
        Workshop shop;
        CmpResponder responder(shop.path("ca.key"), shop.path("ca.pem"), "line-1", "a secret");
        QByteArray output;
        const auto openssl = [&output](const QStringList &words) {
            QProcess process;
            process.setProcessChannelMode(QProcess::MergedChannels);
            process.start(QStringLiteral("openssl"), words);
            process.waitForFinished(30'000);
            output = process.readAll();
            return process.exitCode() == 0;
        };
        QVERIFY(openssl({"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", shop.path("d.key")}));
        const QStringList common{"cmp",    "-server",  responder.url(),    "-ref",
                                 "line-1", "-secret",  "pass:a secret",    "-recipient",
                                 "/CN=CA", "-trusted", shop.path("ca.pem")};
        QVERIFY2(openssl(common + QStringList{"-cmd", "ir", "-newkey", shop.path("d.key"), "-subject",
                                              "/serialNumber=T1-00000009", "-certout", shop.path("d.pem")}),
                 output.constData());
        QVERIFY2(openssl({"verify", "-CAfile", shop.path("ca.pem"), shop.path("d.pem")}), output.constData());
        QCOMPARE(responder.confirmed.load(), 1);
        QVERIFY2(openssl(common + QStringList{"-cmd", "rr", "-oldcert", shop.path("d.pem")}), output.constData());
        QCOMPARE(responder.revoked.load(), 1);
    }

private:
    static bool accepts(QProcess &server, const QStringList &words)
    {
        server.start(QStringLiteral("openssl"), words);
        if (!server.waitForStarted())
            return false;
        QByteArray said;
        while (!said.contains("ACCEPT") && server.waitForReadyRead(10'000))
            said += server.readAll();
        if (!said.contains("ACCEPT"))
            qWarning("%s", said.constData());
        return said.contains("ACCEPT");
    }
    static int freePort()
    {
        QTcpServer probe;
        probe.listen(QHostAddress::LocalHost);
        return probe.serverPort();
    }
};

SLIPWAY_TEST_MAIN(TestCmp)
#include "tst_cmp.moc"
