// PKCS#11 tokens with SoftHSM2: keys made by pkcs11-tool, certificates judged by openssl.

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/identity/cms.h"
#include "core/identity/fileissuer.h"
#include "tests/support/softtoken.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <atomic>
#include <thread>

using namespace slipway;
using namespace slipway::test;

namespace {

SecretSource pin(const QByteArray &value, std::atomic<int> *asked = nullptr)
{
    return {{}, [value, asked](const QString &) {
                if (asked)
                    ++*asked;
                return value;
            }};
}

} // namespace

class TestToken : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY2(m_token.good, m_token.output.constData());
        QVERIFY2(m_token.key("ca", "EC:prime256v1", "01"), m_token.output.constData());
        QVERIFY2(m_token.key("ca384", "EC:secp384r1", "02"), m_token.output.constData());
        QVERIFY2(m_token.key("rsa", "rsa:2048", "03"), m_token.output.constData());
        QVERIFY2(m_token.authority("ca"), m_token.output.constData());
        QVERIFY2(m_token.authority("ca384", "-sha384"), m_token.output.constData());
        QVERIFY2(m_token.authority("rsa"), m_token.output.constData());
    }

    void issues_data()
    {
        QTest::addColumn<QString>("key");
        QTest::addColumn<QByteArray>("algorithm");
        QTest::newRow("P-256") << "ca" << QByteArray("ecdsa-with-SHA256");
        QTest::newRow("P-384") << "ca384" << QByteArray("ecdsa-with-SHA384");
        QTest::newRow("RSA") << "rsa" << QByteArray("sha256WithRSAEncryption");
    }
    void issues()
    {
        QFETCH(QString, key);
        QFETCH(QByteArray, algorithm);
        const QString certificate = m_token.path(key + ".pem");
        const auto issuer = FileIssuer::open(m_token.uri(key), certificate, {}, pin("1234"));
        QVERIFY2(issuer->name().endsWith("(token factory)"), qPrintable(issuer->name()));
        issuer->checkHealth();
        const IssueOrder order = Workshop::order(QStringLiteral("T1-00000001"));
        const IssuedCertificate issued = issuer->issue(order, Task{});
        writeFile(m_token.path("d.pem"), certificateToPem(issued.der));
        QVERIFY2(m_token.run("openssl", {"verify", "-x509_strict", "-CAfile", certificate, m_token.path("d.pem")}),
                 m_token.output.constData());
        QVERIFY(m_token.run("openssl", {"x509", "-in", m_token.path("d.pem"), "-noout", "-text"}));
        QVERIFY2(m_token.output.contains("Signature Algorithm: " + algorithm), m_token.output.constData());
        const auto findings = checkCertificate(issued.der, order.profile, issuer->chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        QVERIFY2(openCrl(issuer->crl({}, 1, 30), certificate), m_token.output.constData());
    }

    // For MUD files and recipes: the key stays in the token, openssl verifies what CMS_sign made with it.
    void signsCms_data()
    {
        QTest::addColumn<QString>("key");
        QTest::newRow("P-256") << "ca";
        QTest::newRow("P-384") << "ca384";
        QTest::newRow("RSA") << "rsa";
    }
    void signsCms()
    {
        QFETCH(QString, key);
        const auto signer = SigningKey::open(m_token.uri(key), m_token.path(key + ".pem"), {}, pin("1234"));
        const QByteArray content("a MUD file\n\0 with anything in it", 32);
        writeFile(m_token.path("content"), content);
        writeFile(m_token.path("content.p7s"), cmsSignDetached(*signer, content));
        QVERIFY2(m_token.run("openssl", {"cms", "-verify", "-binary", "-inform", "DER", "-in",
                                         m_token.path("content.p7s"), "-content", m_token.path("content"), "-CAfile",
                                         m_token.path(key + ".pem"), "-purpose", "any", "-out", "/dev/null"}),
                 m_token.output.constData());
        const QByteArray challenge = newChallenge();
        QVERIFY(verifySignature(signer->certificate(), challenge, signer->sign(challenge)));
        writeFile(m_token.path("content"), content + "x");
        QVERIFY(!m_token.run("openssl", {"cms", "-verify", "-binary", "-inform", "DER", "-in",
                                         m_token.path("content.p7s"), "-content", m_token.path("content"), "-CAfile",
                                         m_token.path(key + ".pem"), "-purpose", "any", "-out", "/dev/null"}));
    }

    void manyThreadsOneLogin()
    {
        std::atomic<int> asked = 0;
        const auto issuer = FileIssuer::open(m_token.uri("ca"), m_token.path("ca.pem"), {}, pin("1234", &asked));
        const auto other = SigningKey::open(m_token.uri("rsa"), m_token.path("rsa.pem"), {}, pin("1234", &asked));
        QCOMPARE(asked.load(), 1);
        std::vector<IssueOrder> orders;
        for (int i = 0; i < 40; ++i)
            orders.push_back(Workshop::order(QStringLiteral("T1-%1").arg(i, 8, 10, QLatin1Char('0'))));
        std::vector<QByteArray> made(orders.size());
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (size_t i = size_t(t); i < orders.size(); i += 4)
                    made[i] = issuer->issue(orders[i], Task{}).der;
            });
        }
        for (std::thread &thread : threads)
            thread.join();
        for (size_t i = 0; i < orders.size(); ++i)
            QVERIFY(allHold(checkCertificate(made[i], orders[i].profile, issuer->chain())));
        QCOMPARE(asked.load(), 1);
    }

    void pinFromFile()
    {
        const QString file = m_token.path("pin");
        writeFile(file, "1234\n", Access::OwnerOnly);
        FileIssuer::open(m_token.uri("ca") + "&pin-source=" + file, m_token.path("ca.pem"))->checkHealth();
        FileIssuer::open(m_token.uri("ca"), m_token.path("ca.pem"), {}, {file, {}})->checkHealth();
        QFile(file).setPermissions(QFileDevice::ReadOwner | QFileDevice::ReadGroup);
        QString sentence;
        const auto open = [&] { FileIssuer::open(m_token.uri("ca"), m_token.path("ca.pem"), {}, {file, {}}); };
        QCOMPARE(faultOf(open, &sentence), "issuer.secret-file");
        QVERIFY2(sentence.contains("others may read"), qPrintable(sentence));
        QCOMPARE(faultOf([&] { FileIssuer::open(m_token.uri("ca"), m_token.path("ca.pem")); }),
                 "issuer.secret-missing");
    }

    void wrongNames()
    {
        const QString certificate = m_token.path("ca.pem");
        const auto open = [&](const QString &uri, const QString &chain) {
            return faultOf([&] { FileIssuer::open(uri, chain, {}, pin("1234")); });
        };
        QCOMPARE(open(m_token.uri("nobody"), certificate), "issuer.token-key");
        QCOMPARE(open(m_token.uri("ca").replace("token=factory", "token=other"), certificate), "issuer.token-missing");
        QCOMPARE(open(m_token.uri("ca", "/nowhere.so"), certificate), "issuer.token-module");
        QCOMPARE(open(m_token.uri("ca", "/usr/lib/x86_64-linux-gnu/libz.so.1"), certificate), "issuer.token-module");
        // A key that is not that of the certificate.
        QVERIFY(m_token.key("other", "EC:prime256v1", "09"));
        QCOMPARE(open(m_token.uri("other"), certificate), "issuer.mismatch");
        QVERIFY(m_token.key("ca", "EC:prime256v1", "0a")); // two of one label
        QCOMPARE(open(m_token.uri("ca"), certificate), "issuer.token-key");
        QCOMPARE(open(m_token.uri("ca").replace("object=ca", "object=ca;id=%01"), certificate), QByteArray());
        QVERIFY(m_token.tool({"--delete-object", "--type", "privkey", "--id", "0a"}));
    }

    // Last: it counts wrong tries.
    void wrongPinIsTriedOnce()
    {
        std::atomic<int> asked = 0;
        const auto open = [&](const SecretSource &source) {
            return faultOf([&] { FileIssuer::open(m_token.uri("ca"), m_token.path("ca.pem"), {}, source); });
        };
        QCOMPARE(open(pin("0000", &asked)), "issuer.token-pin");
        QCOMPARE(asked.load(), 1);
        // The token has counted it; a file is not tried then, a person is asked again.
        const QString file = m_token.path("pin");
        writeFile(file, "0000\n", Access::OwnerOnly);
        QCOMPARE(open({file, {}}), "issuer.token-pin-blocked");
        QCOMPARE(open(pin("1234", &asked)), QByteArray());
        QCOMPARE(asked.load(), 2);
    }

private:
    bool openCrl(const QByteArray &der, const QString &certificate)
    {
        writeFile(m_token.path("crl.der"), der);
        return m_token.run("openssl", {"crl", "-inform", "DER", "-in", m_token.path("crl.der"), "-noout", "-CAfile",
                                       certificate}) &&
               m_token.output.contains("verify OK");
    }

    SoftToken m_token;
};

SLIPWAY_TEST_MAIN(TestToken)
#include "tst_token.moc"
