// Authorities somewhere else that are down, slow, wrong or lose their answers, by CMP and EST: what the journal says
// afterwards, and that nothing is issued twice.

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/identity/cmpissuer.h"
#include "core/identity/estissuer.h"
#include "core/steps/remoteissue.h"
#include "tests/support/cmpresponder.h"
#include "tests/support/estserver.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <QElapsedTimer>

#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

QString unit(int i)
{
    return QStringLiteral("T1-%1").arg(i, 8, 10, QLatin1Char('0'));
}

} // namespace

class TestIssuerFaults : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        m_shop = std::make_unique<Workshop>();
        m_authority = certificatesFromPem(readFile(m_shop->path("ca.pem"), 65536, QString()));
        // The server's certificate and the station's, by openssl under an authority of their own.
        QVERIFY2(m_pki.authority("tls"), m_pki.output.constData());
        QVERIFY2(m_pki.certificate("server", "tls", "/CN=localhost",
                                   "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate("ra", "tls", "/CN=Line 1",
                                   "keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,cmcRA\n"),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate("cmp", "tls", "/CN=CMP", "keyUsage=digitalSignature\n"), m_pki.output.constData());
        QVERIFY2(m_pki.certificate("nobody", "tls", "/CN=Line 2", "extendedKeyUsage=clientAuth\n"),
                 m_pki.output.constData());
    }
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_journal = Journal::open(m_folder->filePath("journal.db"), nullptr);
        m_cmp = std::make_unique<CmpResponder>(m_shop->path("ca.key"), m_shop->path("ca.pem"), "line-1", "a secret",
                                               m_pki.path("tls.pem"));
        m_signer = m_shop->issuer();
        writeFile(m_shop->path("est-ca.pem"), readFile(m_shop->path("ca.pem"), 65536, QString()) +
                                                  readFile(m_pki.path("tls.pem"), 65536, QString()));
        m_est =
            std::make_unique<EstServer>(m_shop->path("est-ca.pem"), m_pki.path("server.key"), m_pki.path("server.pem"),
                                        *m_signer, t1Profile(), QStringLiteral("https://mud.example/t1/1.4.json"));
    }
    void cleanup()
    {
        m_cmp.reset();
        m_est.reset();
        m_journal.reset();
    }

    void cmpIssues_data()
    {
        QTest::addColumn<bool>("p10cr");
        QTest::addColumn<bool>("signedMessages");
        QTest::newRow("ir, shared secret") << false << false;
        QTest::newRow("ir, signed") << false << true;
    }
    void cmpIssues()
    {
        QFETCH(bool, p10cr);
        QFETCH(bool, signedMessages);
        const auto issuer = cmp(p10cr, signedMessages);
        issuer->checkHealth();
        const IssuedCertificate issued = issueRecorded(*m_journal, *issuer, Workshop::order(unit(1)), {}, Task{});
        QVERIFY(allHold(checkCertificate(issued.der, t1Profile(), m_authority)));
        QCOMPARE(m_cmp->issued.load(), 1);
        QCOMPARE(m_cmp->confirmed.load(), 1);
        QCOMPARE(issued.der, m_cmp->lastIssued());
        QVERIFY(!openRequestOf(*m_journal, Mode::Production, unit(1)));
        QVERIFY(issuer->revoke(issued.der, QStringLiteral("keyCompromise"), Task{}));
        QCOMPARE(m_cmp->revoked.load(), 1);
    }

    void cmpWrongSecret()
    {
        RemoteAccess access = cmpAccess();
        CmpSettings settings;
        settings.reference = QStringLiteral("line-1");
        settings.secret.ask = [](const QString &) { return QByteArray("wrong"); };
        CmpIssuer issuer(access, settings);
        QVERIFY(!codeOf(issuer, 1).isEmpty());
        QCOMPARE(m_cmp->issued.load(), 0);
    }

    // The answer is lost after the certificate was made: open in the journal, never issued again, settled by a person.
    void cmpLostAnswer()
    {
        const auto issuer = cmp();
        m_cmp->fault = CmpResponder::Fault::LoseAnswer;
        const IssueOrder order = Workshop::order(unit(1));
        QCOMPARE(codeOf(*issuer, order), "issuer.answer-lost");
        QCOMPARE(m_cmp->issued.load(), 1);
        auto open = openRequestOf(*m_journal, Mode::Production, unit(1));
        QVERIFY(open);
        QVERIFY(open->lost);
        // The same unit again: the authority knows the transaction.
        QCOMPARE(codeOf(*issuer, order), "issuer.already-asked");
        QCOMPARE(m_cmp->issued.load(), 1);
        // With another key it would be a second certificate.
        QCOMPARE(codeOf(*issuer, Workshop::order(unit(1))), "identity.open-request");
        QCOMPARE(m_cmp->issued.load(), 1);
        const CertificateFacts facts = certificateFacts(m_cmp->lastIssued());
        const IssuedCertificate found{m_cmp->lastIssued(), facts.certificateSerial, facts.sha256,
                                      facts.issuer,        facts.notAfter,          {}};
        settleRequest(*m_journal, Mode::Production, unit(1), t1Profile(), found, QStringLiteral("somebody"));
        QVERIFY(!openRequestOf(*m_journal, Mode::Production, unit(1)));
        QCOMPARE(codeOf(*issuer, order), "identity.duplicate-serial");
        QCOMPARE(certificateOnRecord(*m_journal, facts.certificateSerial), m_cmp->lastIssued());
    }

    // It never got the request: the same transaction once more gives the certificate.
    void cmpComesBack()
    {
        const auto issuer = cmp(false, false, std::chrono::seconds(20));
        m_cmp->fault = CmpResponder::Fault::Unavailable;
        QStringList log;
        Task task;
        task.log = [&](const QString &line) {
            log << line;
            m_cmp->fault = CmpResponder::Fault::None;
        };
        const IssuedCertificate issued = issueRecorded(*m_journal, *issuer, Workshop::order(unit(1)), {}, task);
        QVERIFY(!issued.der.isEmpty());
        QCOMPARE(log.size(), 1);
        QVERIFY2(log[0].contains("Trying again"), qPrintable(log[0]));
        QCOMPARE(m_cmp->issued.load(), 1);
    }

    void cmpLostConfirmation()
    {
        const auto issuer = cmp();
        m_cmp->fault = CmpResponder::Fault::LoseConfirm;
        const IssueOrder order = Workshop::order(unit(1));
        QCOMPARE(codeOf(*issuer, order), "issuer.unconfirmed");
        QVERIFY(!openRequestOf(*m_journal, Mode::Production, unit(1)));
        QCOMPARE(m_cmp->revoked.load(), 1);                         // its revocation was asked for
        QCOMPARE(codeOf(*issuer, order), "identity.duplicate-key"); // the key is spent
        QCOMPARE(codeOf(*issuer, 1), QByteArray());                 // a new key is fine
    }

    void cmpFaults_data()
    {
        QTest::addColumn<int>("fault");
        QTest::addColumn<QByteArray>("code");
        QTest::addColumn<bool>("open");
        using F = CmpResponder::Fault;
        QTest::newRow("refused") << int(F::Refuse) << QByteArray("issuer.refused") << false;
        QTest::newRow("unavailable") << int(F::Unavailable) << QByteArray("issuer.unreachable") << false;
        QTest::newRow("garbage") << int(F::Garbage) << QByteArray("issuer.answer-lost") << true;
        QTest::newRow("cut") << int(F::Cut) << QByteArray("issuer.answer-lost") << true;
        QTest::newRow("other subject") << int(F::OtherSubject) << QByteArray("issuer.deviates") << false;
        QTest::newRow("silent") << int(F::Silent) << QByteArray("issuer.answer-lost") << true;
    }
    void cmpFaults()
    {
        QFETCH(int, fault);
        QFETCH(QByteArray, code);
        QFETCH(bool, open);
        const auto issuer = cmp();
        m_cmp->fault = CmpResponder::Fault(fault);
        QCOMPARE(codeOf(*issuer, 1), code);
        QCOMPARE(openRequestOf(*m_journal, Mode::Production, unit(1)).has_value(), open);
        if (code == "issuer.deviates") {
            QCOMPARE(m_cmp->rejected.load(), 1); // certConf said no
            QCOMPARE(m_cmp->revoked.load(), 1);
            // On record as revoked, so that nobody takes it for the unit's.
            QVERIFY(
                !certificateOnRecord(*m_journal, certificateFacts(m_cmp->lastIssued()).certificateSerial).isEmpty());
        }
    }

    // It has not decided when somebody stops it; the order is taken up by another issuer object with what the journal
    // holds: the transaction, and the nonce of the last answer, which the authority checks.
    void cmpPending()
    {
        m_cmp->undecided = true;
        const IssueOrder order = Workshop::order(unit(1));
        const auto stoppedAfter = [&](int answers) {
            std::stop_source stop;
            Task task;
            task.stop = stop.get_token();
            task.log = [&](const QString &line) {
                if (line.contains("has not decided yet") && --answers == 0)
                    stop.request_stop();
            };
            return faultOf([&] { issueRecorded(*m_journal, *cmp(), order, {}, task); });
        };
        QCOMPARE(stoppedAfter(2), "base.stopped");
        QCOMPARE(m_cmp->polled.load(), 2);
        auto open = openRequestOf(*m_journal, Mode::Production, unit(1));
        QVERIFY(open && open->pending);
        QCOMPARE(open->heard.size(), 2);
        // Still not: it goes on from there.
        QCOMPARE(stoppedAfter(1), "base.stopped");
        QCOMPARE(m_cmp->polled.load(), 3);
        // With another key it would be another order.
        QCOMPARE(codeOf(*cmp(), 1), "identity.open-request");
        m_cmp->undecided = false;
        QCOMPARE(codeOf(*cmp(), order), QByteArray());
        QCOMPARE(m_cmp->issued.load(), 1);
        QCOMPARE(m_cmp->confirmed.load(), 1);
        QVERIFY(!openRequestOf(*m_journal, Mode::Production, unit(1)));
    }

    // The implicit confirmation: nobody waits for certConf, and what deviates is revoked.
    void cmpImplicitConfirm()
    {
        m_cmp->grantImplicitConfirm();
        RemoteAccess access = cmpAccess();
        CmpSettings settings;
        settings.reference = QStringLiteral("line-1");
        settings.secret.ask = [](const QString &) { return QByteArray("a secret"); };
        settings.implicitConfirm = true;
        CmpIssuer issuer(access, settings);
        QCOMPARE(codeOf(issuer, 1), QByteArray());
        QCOMPARE(m_cmp->requests.load(), 1); // no certConf
        m_cmp->fault = CmpResponder::Fault::OtherSubject;
        QCOMPARE(codeOf(issuer, 2), "issuer.deviates");
        QCOMPARE(m_cmp->revoked.load(), 1);
    }

    void estIssues()
    {
        const auto issuer = est();
        issuer->checkHealth();
        const IssuedCertificate issued = issueRecorded(*m_journal, *issuer, Workshop::order(unit(1)), {}, Task{});
        QVERIFY(allHold(checkCertificate(issued.der, t1Profile(), m_authority)));
        QCOMPARE(m_est->issued.load(), 1);
        QVERIFY(!issuer->revoke(issued.der, QString(), Task{}));
    }

    void estWaits()
    {
        const auto issuer = est();
        m_est->fault = EstServer::Fault::Defer;
        QStringList log;
        Task task;
        task.log = [&log](const QString &line) { log << line; };
        QVERIFY(!issueRecorded(*m_journal, *issuer, Workshop::order(unit(1)), {}, task).der.isEmpty());
        QCOMPARE(log.size(), 2);
        QCOMPARE(m_est->issued.load(), 1);
        QCOMPARE(m_est->enrolled.load(), 3);
    }

    // It has not decided when our time is over: open, and the same request later gives the certificate.
    void estPending()
    {
        const auto issuer = est();
        m_est->fault = EstServer::Fault::Defer;
        const IssueOrder order = Workshop::order(unit(1));
        Task task;
        task.deadline = Deadline::in(std::chrono::milliseconds(900));
        QCOMPARE(faultOf([&] { issueRecorded(*m_journal, *issuer, order, {}, task); }), "issuer.pending");
        const auto open = openRequestOf(*m_journal, Mode::Production, unit(1));
        QVERIFY(open && open->pending);
        QCOMPARE(codeOf(*issuer, order), QByteArray());
        QCOMPARE(m_est->issued.load(), 1);
        QVERIFY(!openRequestOf(*m_journal, Mode::Production, unit(1)));
    }

    void estLostAnswer()
    {
        const auto issuer = est();
        m_est->fault = EstServer::Fault::LoseAnswer;
        const IssueOrder order = Workshop::order(unit(1));
        QCOMPARE(codeOf(*issuer, order), "issuer.answer-lost");
        QCOMPARE(codeOf(*issuer, order), "identity.open-request"); // EST cannot tell; a person must
        QCOMPARE(m_est->issued.load(), 1);
        settleRequest(*m_journal, Mode::Production, unit(1), t1Profile(), {}, QStringLiteral("somebody"));
        QCOMPARE(codeOf(*issuer, order), QByteArray());
        QCOMPARE(faultOf([&] { settleRequest(*m_journal, Mode::Production, unit(1), t1Profile(), {}, QString()); }),
                 "identity.nothing-open");
    }

    void estFaults_data()
    {
        QTest::addColumn<int>("fault");
        QTest::addColumn<QByteArray>("code");
        QTest::addColumn<bool>("open");
        using F = EstServer::Fault;
        QTest::newRow("refused") << int(F::Refuse) << QByteArray("issuer.refused") << false;
        QTest::newRow("unavailable") << int(F::Unavailable) << QByteArray("issuer.unreachable") << false;
        QTest::newRow("redirect") << int(F::Redirect) << QByteArray("issuer.refused") << false;
        QTest::newRow("garbage") << int(F::Garbage) << QByteArray("issuer.answer-lost") << true;
        QTest::newRow("cut") << int(F::Cut) << QByteArray("issuer.answer-lost") << true;
        QTest::newRow("other key") << int(F::OtherKey) << QByteArray("issuer.deviates") << false;
        QTest::newRow("silent") << int(F::Silent) << QByteArray("issuer.answer-lost") << true;
    }
    void estFaults()
    {
        QFETCH(int, fault);
        QFETCH(QByteArray, code);
        QFETCH(bool, open);
        const auto issuer = est();
        m_est->fault = EstServer::Fault(fault);
        QCOMPARE(codeOf(*issuer, 1), code);
        QCOMPARE(openRequestOf(*m_journal, Mode::Production, unit(1)).has_value(), open);
    }

    void tlsTrouble()
    {
        QString sentence;
        const auto open = [&](RemoteAccess access) {
            return faultOf([&] { EstIssuer(std::move(access)).authorityCertificates(Task{}); }, &sentence);
        };
        RemoteAccess access = estAccess();
        access.anchors = m_authority; // not the one above the server
        QCOMPARE(open(access), "issuer.tls");
        QVERIFY2(sentence.contains("leads to none of the anchors"), qPrintable(sentence));
        access = estAccess();
        access.url.replace("localhost", "127.0.0.1");
        QCOMPARE(open(access), "issuer.tls");
        QVERIFY2(sentence.contains("for another name"), qPrintable(sentence));
        access = estAccess();
        access.url = QStringLiteral("https://localhost:1");
        QCOMPARE(open(access), "issuer.unreachable");
        access.url = QStringLiteral("http://localhost:1");
        QCOMPARE(open(access), "issuer.url");
        // A certificate that does not say cmcRA is refused before anybody is asked; unchecked, the server refuses.
        access = estAccess();
        loadAccess(access, "nobody");
        QCOMPARE(open(access), "issuer.access");
        access.needsCmcRa = false;
        EstIssuer issuer(access);
        QCOMPARE(codeOf(issuer, 1), "issuer.refused");
    }

    void bootstrap()
    {
        const QByteArray good = certificateFacts(m_authority.front()).sha256;
        const auto chain = estBootstrap(m_est->url(), good, Task{});
        QCOMPARE(chain, m_authority);
        QCOMPARE(faultOf([&] { estBootstrap(m_est->url(), QByteArray(32, 'x'), Task{}); }), "issuer.fingerprint");
    }

    void attributes()
    {
        // SEQUENCE { SEQUENCE { ecPublicKey, SET { secp384r1 } } }
        m_est->attributes = QByteArray::fromHex("3014301206072a8648ce3d0201310706052b81040022");
        const auto issuer = est();
        QCOMPARE(codeOf(*issuer, 1), "issuer.key-type");
        QCOMPARE(m_est->enrolled.load(), 0);
    }

    // A stop while the authority thinks is honoured at once, and what is not known stays open.
    void stopWhileSilent()
    {
        const auto issuer = cmp();
        m_cmp->fault = CmpResponder::Fault::Silent;
        std::stop_source stop;
        Task task;
        task.stop = stop.get_token();
        std::jthread stopper([&] {
            while (m_cmp->requests.load() == 0)
                std::this_thread::yield();
            stop.request_stop();
        });
        QCOMPARE(faultOf([&] { issueRecorded(*m_journal, *issuer, Workshop::order(unit(1)), {}, task); }),
                 "issuer.answer-lost");
        QVERIFY(openRequestOf(*m_journal, Mode::Production, unit(1)));
    }

private:
    RemoteAccess cmpAccess()
    {
        RemoteAccess access;
        access.url = m_cmp->url();
        access.chain = m_authority;
        access.answerWithin = std::chrono::milliseconds(3'000);
        return access;
    }
    void loadAccess(RemoteAccess &access, const QString &name)
    {
        access.keyChain = certificatesFromPem(readFile(m_pki.path(name + ".pem"), 65536, QString()));
        access.key = Signer::open(m_pki.path(name + ".key"), {}, {}, {});
    }
    std::unique_ptr<CmpIssuer> cmp(bool p10cr = false, bool signedMessages = false,
                                   std::chrono::milliseconds patience = {})
    {
        RemoteAccess access = cmpAccess();
        access.outage.patience = patience;
        access.outage.firstPause = std::chrono::milliseconds(10);
        CmpSettings settings;
        settings.p10cr = p10cr;
        settings.reference = QStringLiteral("line-1");
        settings.secret.ask = [](const QString &) { return QByteArray("a secret"); };
        if (signedMessages) {
            loadAccess(access, "ra");
            m_cmp.reset();
            m_cmp = std::make_unique<CmpResponder>(m_shop->path("ca.key"), m_shop->path("ca.pem"), QByteArray(),
                                                   QByteArray(), m_pki.path("tls.pem"), m_pki.path("cmp"));
            access.anchors = certificatesFromPem(readFile(m_pki.path("tls.pem"), 65536, QString()));
            access.url = m_cmp->url();
        }
        return std::make_unique<CmpIssuer>(std::move(access), std::move(settings));
    }
    RemoteAccess estAccess()
    {
        RemoteAccess access;
        access.url = m_est->url();
        access.chain = m_authority;
        access.anchors = certificatesFromPem(readFile(m_pki.path("tls.pem"), 65536, QString()));
        access.answerWithin = std::chrono::milliseconds(3'000);
        loadAccess(access, "ra");
        return access;
    }
    std::unique_ptr<EstIssuer> est() { return std::make_unique<EstIssuer>(estAccess()); }
    QByteArray codeOf(Issuer &issuer, const IssueOrder &order)
    {
        return faultOf([&] { issueRecorded(*m_journal, issuer, order, {}, Task{}); });
    }
    QByteArray codeOf(Issuer &issuer, int number) { return codeOf(issuer, Workshop::order(unit(number))); }

    OpensslPki m_pki;
    std::unique_ptr<Workshop> m_shop;
    QList<QByteArray> m_authority;
    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<Journal> m_journal;
    std::unique_ptr<CmpResponder> m_cmp;
    std::unique_ptr<FileIssuer> m_signer;
    std::unique_ptr<EstServer> m_est;
};

SLIPWAY_TEST_MAIN(TestIssuerFaults)
#include "tst_issuerfaults.moc"
