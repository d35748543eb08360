// CMP between us and the openssl program: our client at its server, its client at the responder of our tests.

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/identity/cmpissuer.h"
#include "tests/support/cmpresponder.h"
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
        QTest::newRow("ir") << false << 0;
        QTest::newRow("p10cr") << true << 0;
        QTest::newRow("ir, not decided at first") << false << 2;
    }
    void ourClientAtItsServer()
    {
        QFETCH(bool, p10cr);
        QFETCH(int, polls);
        Workshop shop;
        // It gives out the one certificate that it was started with; the profile is ours, so it is made by our CA.
        const KeyPtr key = newTestKey();
        const IssueOrder order = Workshop::order(QStringLiteral("T1-00000001"), key.get());
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
        server.start(QStringLiteral("openssl"), words);
        QVERIFY(server.waitForStarted());
        QByteArray said;
        while (!said.contains("ACCEPT") && server.waitForReadyRead(10'000))
            said += server.readAll();
        QVERIFY2(said.contains("ACCEPT"), said.constData());
        RemoteAccess access;
        access.url = QStringLiteral("http://127.0.0.1:%1/pkix/").arg(port);
        access.chain = certificatesFromPem(readFile(shop.path("ca.pem"), 65536, QString()));
        CmpSettings settings;
        settings.p10cr = p10cr;
        settings.reference = QStringLiteral("line-1");
        settings.secret.ask = [](const QString &) { return QByteArray("a secret"); };
        CmpIssuer issuer(access, settings);
        QStringList log;
        Task task;
        task.log = [&log](const QString &line) { log << line; };
        const IssuedCertificate issued = issuer.issue(order, task);
        QCOMPARE(issued.deviation, QString());
        QCOMPARE(issued.der, canned);
        QCOMPARE(log.size(), std::max(0, polls - 1)); // the first question comes at once
        // Another unit's request: the same certificate comes, and is refused.
        const IssuedCertificate other = issuer.issue(Workshop::order(QStringLiteral("T1-00000002")), Task{});
        QVERIFY(!other.deviation.isEmpty());
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
    static int freePort()
    {
        QTcpServer probe;
        probe.listen(QHostAddress::LocalHost);
        return probe.serverPort();
    }
};

SLIPWAY_TEST_MAIN(TestCmp)
#include "tst_cmp.moc"
