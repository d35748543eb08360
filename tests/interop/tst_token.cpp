// PKCS#11 tokens with SoftHSM2: keys made by pkcs11-tool, certificates judged by openssl. For tokens that get lost, a
// module of our own stands in front of it (tests/support/flakytoken.cpp).

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/identity/cms.h"
#include "core/identity/fileissuer.h"
#include "core/identity/rotation.h"
#include "core/station/home.h"
#include "core/station/lamps.h"
#include "tests/scenario/slipwayprogram.h"
#include "tests/support/softtoken.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <atomic>
#include <csignal>
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
        qputenv("SLIPWAY_FLAKY_TOKEN", QFile::encodeName(m_flaky.path()));
        writeFile(m_flaky.filePath("pin"), "1234\n", Access::OwnerOnly);
        m_home = m_flaky.filePath("home");
        QCOMPARE(slipwayRun({"init", "--home", m_home}).status, 0);
        useToken(m_flaky.filePath("pin"));
        QVERIFY(m_token.run("openssl", {"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                                        m_flaky.filePath("device.key")}));
    }
    void init()
    {
        QFile::remove(m_flaky.filePath("logins"));
        QFile::remove(m_flaky.filePath("removed"));
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
        QVERIFY(m_token.tool({"--delete-object", "--type", "pubkey", "--id", "0a"}));
    }

    // What a signature finds in the middle of everything: it is made all the same, and nobody is asked for the PIN.
    void goesOnAfterALoss_data()
    {
        QTest::addColumn<QByteArray>("what");
        for (const char *what : {"sessions", "logout", "removed", "error", "general"})
            QTest::newRow(what) << QByteArray(what);
    }
    void goesOnAfterALoss()
    {
        QFETCH(QByteArray, what);
        std::atomic<int> asked = 0;
        const auto issuer = FileIssuer::open(flaky("ca"), m_token.path("ca.pem"), {}, pin("1234", &asked));
        writeFile(m_flaky.filePath("next"), what);
        const IssueOrder order = Workshop::order(QStringLiteral("T1-00000001"));
        const IssuedCertificate issued = issuer->issue(order, Task{});
        QVERIFY(allHold(checkCertificate(issued.der, order.profile, issuer->chain())));
        QVERIFY(!QFile::exists(m_flaky.filePath("next"))); // it did happen
        QCOMPARE(asked.load(), 1);
        QCOMPARE(logins(), QByteArray("right\nright\n"));
    }

    // Pulled while threads sign with it, and put back: each says so meanwhile, all go on, and the PIN is not asked for.
    void pulledAndPutBack()
    {
        std::atomic<int> asked = 0;
        const Home home = Home::open(m_home);
        const std::shared_ptr<FileIssuer> issuer =
            FileIssuer::open(flaky("ca"), m_token.path("ca.pem"), {}, pin("1234", &asked));
        const auto lamp = [&] { return readLamps(home, *issuer, Mode::Production, {})[1]; };
        QCOMPARE(lamp().state, Lamp::State::Good);
        std::atomic<int> made = 0, refused = 0;
        std::atomic<bool> end = false, wrong = false;
        std::vector<std::jthread> threads;
        const IssueOrder order = Workshop::order(QStringLiteral("T1-00000001"));
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                while (!end) {
                    try {
                        const QByteArray der = issuer->issue(order, Task{}).der;
                        wrong = wrong || !allHold(checkCertificate(der, order.profile, issuer->chain()));
                        ++made;
                    } catch (const Fault &fault) {
                        wrong = wrong || !fault.retryable() || !QByteArray(fault.code()).startsWith("issuer.token-");
                        ++refused;
                    }
                }
            });
        }
        const auto stop = qScopeGuard([&] { end = true; });
        for (int round = 0; round < 3; ++round) {
            const int madeBefore = made, refusedBefore = refused;
            QTRY_VERIFY(made > madeBefore + 8);
            writeFile(m_flaky.filePath("removed"), "");
            QTRY_VERIFY(refused > refusedBefore + 8);
            issuer->setOutage({});
            QCOMPARE(lamp().state, Lamp::State::Bad);
            QVERIFY2(lamp().words.contains("token factory"), qPrintable(lamp().words));
            const int madeWithout = made;
            QTRY_VERIFY(refused > refusedBefore + 16);
            QCOMPARE(made.load(), madeWithout);
            QVERIFY(QFile::remove(m_flaky.filePath("removed")));
            QTRY_VERIFY(made > madeWithout + 8);
            QCOMPARE(lamp().state, Lamp::State::Good);
        }
        end = true;
        threads.clear();
        QVERIFY(!wrong);
        QCOMPARE(asked.load(), 1);
        QVERIFY(!logins().contains("wrong"));
    }

    // A run waits for it and goes on by itself.
    void aRunWaitsForTheToken()
    {
        const QString port = m_flaky.filePath("dut");
        Running device(slipwayProgram(), {"virtual", "smp", "--pty", port});
        QVERIFY(device.waitForFile(port));
        writeFile(
            m_home + "/recipes/identity.yaml",
            "slipway: 1\nname: Identity\nversion: \"1\"\n"
            "device: { driver: smp, board: t1-rev-b, class: [M, C3, F1, T1] }\n"
            "variables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
            "steps:\n  - idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }\n");
        device.signal(SIGSTOP); // until the station has begun, and the token is gone
        const auto goOn = qScopeGuard([&device] { device.signal(SIGCONT); });
        Running run(slipwayProgram(),
                    {"run", "identity", "--slot", "1=" + port, "--serial", "T1-00000077", "--home", m_home});
        QTRY_COMPARE_WITH_TIMEOUT(
            shell(QStringLiteral("sqlite3 '%1/journal.db' \"SELECT count(*) FROM run\"").arg(m_home)).lastLine(),
            QStringLiteral("1"), 30'000);
        writeFile(m_flaky.filePath("removed"), "");
        device.signal(SIGCONT);
        QVERIFY2(run.waitForText("waiting for the issuer"), run.output().constData());
        const Ran health = slipwayRun({"identity", "issuer", "--home", m_home});
        QVERIFY2(health.status == 3 && health.text().contains("token factory"), qPrintable(health.text()));
        QVERIFY(QFile::remove(m_flaky.filePath("removed")));
        const Ran ran = run.finish();
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
    }

    // Several processes at once on one token and one journal; two of them want the same serial number.
    void severalProcesses()
    {
        QStringList lines;
        for (int i = 0; i < 6; ++i) {
            const QString serial = QStringLiteral("T1-%1").arg(100 + std::min(i, 4), 8, 10, QLatin1Char('0'));
            const QString csr = m_flaky.filePath(QString::number(i) + ".csr");
            QVERIFY(m_token.run("openssl", {"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                            "-nodes", "-keyout", m_flaky.filePath("device.key"), "-subj",
                                            "/serialNumber=" + serial, "-out", csr}));
            lines << QStringLiteral("(\"$SLIPWAY\" identity issue --csr '%1' --profile t1 --serial %2 --mud-url "
                                    "https://mud.example/t1/1.4.json --out '%1.pem' --home '%3'; echo $?) &")
                         .arg(csr, serial, m_home);
        }
        const Ran ran = shell(lines.join(u'\n') + "\nwait");
        const QList<QByteArray> statuses = ran.out.trimmed().split('\n');
        QVERIFY2(ran.out.count("0\n") >= 5, qPrintable(ran.text()));
        QVERIFY2(ran.err.contains("T1-00000104"), qPrintable(ran.text())); // the one that came second
        const Ran counted = shell(QStringLiteral("sqlite3 '%1/journal.db' \"SELECT count(*), count(DISTINCT "
                                                 "certificate_serial), count(DISTINCT serial) FROM certificate WHERE "
                                                 "serial LIKE 'T1-0000010%'\"")
                                      .arg(m_home));
        QCOMPARE(counted.lastLine(), QStringLiteral("5|5|5"));
        QVERIFY(!logins().contains("wrong"));
    }

    // Six processes with a wrong PIN in their file: one tries it, all say what is so, and the PIN is not locked.
    void severalProcessesWithAWrongPin()
    {
        const QString file = m_flaky.filePath("wrong-pin");
        writeFile(file, "0000\n", Access::OwnerOnly);
        useToken(file);
        QStringList lines;
        for (int i = 0; i < 6; ++i)
            lines << QStringLiteral("(\"$SLIPWAY\" identity issuer --home '%1'; echo status $?) &").arg(m_home);
        const Ran ran = shell(lines.join(u'\n') + "\nwait");
        useToken(m_flaky.filePath("pin"));
        QCOMPARE(logins(), QByteArray("wrong\n"));
        QVERIFY2(!ran.out.contains("status 0"), qPrintable(ran.text()));
        QVERIFY2(ran.err.contains("refused the PIN") && ran.err.contains("given a wrong PIN before"),
                 qPrintable(ran.text()));
        // A person with the right one is let in, and then the file's is, too.
        FileIssuer::open(flaky("ca"), m_token.path("ca.pem"), {}, pin("1234"))->checkHealth();
        const Ran good = slipwayRun({"identity", "issuer", "--home", m_home});
        QVERIFY2(good.status == 0, qPrintable(good.text()));
    }

    // The next key is in the token too: links by openssl's judgement, lists by both keys, OCSP for certificates of
    // both.
    void rotatesInTheToken()
    {
        const auto slipway = [this](const QStringList &words) {
            return slipwayRun(words + QStringList{"--home", m_home});
        };
        const auto issue = [&](const QString &serial) {
            const QString csr = m_flaky.filePath(serial + ".csr");
            m_token.run("openssl",
                        {"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                         m_flaky.filePath("device.key"), "-subj", "/serialNumber=" + serial, "-out", csr});
            return slipway({"identity", "issue", "--csr", csr, "--profile", "t1", "--serial", serial, "--mud-url",
                            "https://mud.example/t1/1.4.json", "--out", m_flaky.filePath(serial + ".pem")});
        };
        QVERIFY2(m_token.key("next", "EC:secp384r1", "11"), m_token.output.constData());
        QVERIFY2(m_token.key("rsa-next", "rsa:2048", "12"), m_token.output.constData());
        Ran ran = issue("T1-00000201");
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        ran = slipway({"identity", "ca", "rotate"}); // what it needs is said, and no key in a file is touched
        QVERIFY2(ran.status == 2 && ran.text().contains("--new-key"), qPrintable(ran.text()));
        ran = slipway({"identity", "ca", "rotate", "--new-key", flaky("ca"), "--out", m_flaky.filePath("same.pem")});
        QVERIFY2(ran.status == 3 && ran.text().contains("issues already"), qPrintable(ran.text()));
        ran = slipway(
            {"--json", "identity", "ca", "rotate", "--new-key", flaky("next"), "--out", m_flaky.filePath("next.pem")});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        const QString oldId = ran.objects().front().value("old-key").toString();
        useToken(m_flaky.filePath("pin"), flaky("next"), m_flaky.filePath("next.pem"));
        ran = issue("T1-00000202");
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        ran = slipway({"identity", "ca", "export", "--out-folder", m_flaky.filePath("anchors")});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        const QString links = m_flaky.filePath("anchors/issuer-" + oldId);
        const auto leads = [&](const QString &anchor, const QString &link, const QString &serial) {
            return m_token.run("openssl", {"verify", "-CAfile", anchor, "-untrusted", links + link,
                                           m_flaky.filePath(serial + ".pem")});
        };
        QVERIFY2(leads(m_flaky.filePath("next.pem"), "-old-with-new.pem", "T1-00000201"), m_token.output.constData());
        QVERIFY2(leads(m_token.path("ca.pem"), "-new-with-old.pem", "T1-00000202"), m_token.output.constData());
        QVERIFY(!leads(m_token.path("ca.pem"), "-old-with-new.pem", "T1-00000202")); // not without its link
        ran = slipway({"identity", "revoke", "T1-00000201", "--reason", "superseded"});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        for (const auto &[words, anchor] : {std::pair{QStringList{}, m_flaky.filePath("next.pem")},
                                            std::pair{QStringList{"--ca-key", oldId}, m_token.path("ca.pem")}}) {
            const QString list = m_flaky.filePath("list.crl");
            ran = slipway(QStringList{"identity", "crl", "--out", list} + words);
            QVERIFY2(ran.status == 0, qPrintable(ran.text()));
            QVERIFY(m_token.run("openssl", {"crl", "-in", list, "-noout", "-CAfile", anchor, "-text"}));
            QVERIFY2(m_token.output.contains("verify OK") && m_token.output.contains("Superseded"),
                     m_token.output.constData());
        }
        for (const auto &[serial, anchor, state] : {std::tuple{"T1-00000201", m_token.path("ca.pem"), "revoked"},
                                                    std::tuple{"T1-00000202", m_flaky.filePath("next.pem"), "good"}}) {
            const QString device = m_flaky.filePath(QString(serial) + ".pem"), request = m_flaky.filePath("ocsp.req"),
                          response = m_flaky.filePath("ocsp.der");
            QVERIFY(m_token.run("openssl", {"ocsp", "-issuer", anchor, "-cert", device, "-reqout", request}));
            ran = slipway({"identity", "ocsp", "--request", request, "--out", response});
            QVERIFY2(ran.status == 0, qPrintable(ran.text()));
            QVERIFY2(m_token.run("openssl", {"ocsp", "-issuer", anchor, "-cert", device, "-no_nonce", "-respin",
                                             response, "-CAfile", anchor}),
                     m_token.output.constData());
            QVERIFY2(m_token.output.contains("Response verify OK") && m_token.output.contains(QByteArray(": ") + state),
                     m_token.output.constData());
        }
        // An RSA key's public half is read from the token, too.
        ran =
            slipway({"identity", "ca", "rotate", "--new-key", flaky("rsa-next"), "--out", m_flaky.filePath("rsa.pem")});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QVERIFY2(m_token.run("openssl", {"verify", "-check_ss_sig", "-CAfile", m_flaky.filePath("rsa.pem"),
                                         m_flaky.filePath("rsa.pem")}),
                 m_token.output.constData());
        useToken(m_flaky.filePath("pin"));
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
    // The token through the module that loses it.
    QString flaky(const QString &key) const { return m_token.uri(key, QStringLiteral(SLIPWAY_FLAKY_TOKEN)); }
    QByteArray logins() const
    {
        QFile file(m_flaky.filePath("logins"));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    void useToken(const QString &pinFile, const QString &key = {}, const QString &certificate = {})
    {
        const QString config = m_home + "/station.yaml";
        if (m_station.isEmpty())
            m_station = readFile(config, 65536, QString()).replace("\nissuer: file\n", "\n");
        writeFile(config, m_station + QStringLiteral("\nissuer:\n  use: \"%1\"\n  certificate: %2\n  secret-file: "
                                                     "%3\n  patience: 10min\n")
                                          .arg(key.isEmpty() ? flaky("ca") : key,
                                               certificate.isEmpty() ? m_token.path("ca.pem") : certificate, pinFile)
                                          .toUtf8());
    }
    bool openCrl(const QByteArray &der, const QString &certificate)
    {
        writeFile(m_token.path("crl.der"), der);
        return m_token.run("openssl", {"crl", "-inform", "DER", "-in", m_token.path("crl.der"), "-noout", "-CAfile",
                                       certificate}) &&
               m_token.output.contains("verify OK");
    }

    SoftToken m_token;
    QTemporaryDir m_flaky;
    QString m_home;
    QByteArray m_station;
};

SLIPWAY_TEST_MAIN(TestToken)
#include "tst_token.moc"
