// The real program and authorities somewhere else: killed at the moments that matter, waiting for one that is down, and
// renewing what it shows them. Moments are chosen by what the server or the journal has seen, never by the clock.

#include "core/base/files.h"
#include "core/identity/check.h"
#include "tests/scenario/slipwayprogram.h"
#include "tests/support/cmpresponder.h"
#include "tests/support/estserver.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

#include <csignal>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestIssuerProgram : public QObject
{
    Q_OBJECT

private:
    static void protocols()
    {
        QTest::addColumn<bool>("cmp");
        QTest::newRow("CMP") << true;
        QTest::newRow("EST") << false;
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
        writeFile(
            m_home + u"/recipes/identity.yaml"_s,
            "slipway: 1\nname: Identity\nversion: \"1\"\n"
            "device: { driver: smp, board: t1-rev-b, class: [M, C3, F1, T1] }\n"
            "variables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
            "steps:\n  - idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }\n");
        m_station = readFile(m_home + u"/station.yaml"_s, 65536, QString());
        m_station.replace("\nissuer: file\n", "\n");
        writeFile(m_home + u"/keys/cmp-secret"_s, "a secret\n", Access::OwnerOnly);
        m_signer = m_shop.issuer();
        QVERIFY2(m_pki.authority(u"tls"_s), m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"server"_s, u"tls"_s, u"/CN=localhost"_s,
                                   u"subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"_s),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"ra"_s, u"tls"_s, u"/CN=Line 1"_s,
                                   u"keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,cmcRA\n"_s),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"cmp"_s, u"tls"_s, u"/CN=CMP"_s, u"keyUsage=digitalSignature\n"_s),
                 m_pki.output.constData());
        writeFile(m_shop.path("est-ca.pem"), readFile(m_shop.path("ca.pem"), 65536, QString()) +
                                                 readFile(m_pki.path(u"tls.pem"_s), 65536, QString()));
    }
    void init()
    {
        m_serial = u"T1-%1"_s.arg(++m_unit, 8, 10, QChar(u'0'));
        m_port = m_folder.filePath(u"dut%1"_s.arg(m_unit));
        m_device = std::make_unique<Running>(slipwayProgram(), QStringList{u"virtual"_s, u"smp"_s, u"--pty"_s, m_port});
        QVERIFY(m_device->waitForFile(m_port));
    }
    void cleanup()
    {
        m_device->signal(SIGCONT);
        m_device.reset();
        m_cmp.reset();
        m_est.reset();
        QVERIFY2(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status == 0, "the journal");
        // Nothing is open any more, whatever happened in between.
        QCOMPARE(
            query(u"SELECT count(*) FROM intent WHERE device = '%1' AND act = 'identity.issue' AND (state IS NULL OR "
                  "state = 'unknown')"_s),
            u"0"_s);
    }

    void killedBeforeTheAnswer_data() { protocols(); }
    void killedBeforeTheAnswer()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        if (cmp)
            m_cmp->fault = CmpResponder::Fault::HoldAnswer;
        else
            m_est->fault = EstServer::Fault::HoldAnswer;
        killOnceIt([this] { return issued() == 1; });
        recovered(u"unknown"_s);
        // The same request is not sent where that could give a second certificate, and no other one is made.
        const Ran again = run();
        QCOMPARE(again.status, 3);
        QVERIFY2(again.text().contains(u"identity settle"_s), qPrintable(again.text()));
        QCOMPARE(issued(), 1);
        QCOMPARE(certificates(), 0);
        settle();
        passes();
    }

    void killedBeforeTheConfirmation()
    {
        serve(true);
        m_cmp->fault = CmpResponder::Fault::HoldConfirm;
        killOnceIt([this] { return m_cmp->confirmed == 1; });
        QCOMPARE(certificates(), 1);
        recovered(u"unknown"_s);
        const Ran again = run();
        QCOMPARE(again.status, 3);
        QVERIFY2(again.text().contains(u"identity settle"_s), qPrintable(again.text()));
        settle();
        passes();
    }

    void killedBeforeTheWrite_data() { protocols(); }
    void killedBeforeTheWrite()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        // The device stands still from the moment at which the certificate exists.
        (cmp ? m_cmp->beforeAnswer : m_est->beforeAnswer) = [pid = pid_t(m_device->pid())] { ::kill(pid, SIGSTOP); };
        killOnceIt([this] {
            return query(u"SELECT count(*) FROM intent WHERE device = '%1' AND act = 'identity.issue' AND "
                         "state = 'done'"_s) == u"1"_s;
        });
        QCOMPARE(certificates(), 1);
        m_device->signal(SIGCONT);
        passes();
    }

    void killedWhileUndecided_data() { protocols(); }
    void killedWhileUndecided()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        (cmp ? m_cmp->undecided : m_est->undecided) = true;
        if (cmp)
            m_cmp->pollAfter = 600;
        // With CMP: it was asked again once, and that answer is on record, so it stands somewhere in the middle.
        killOnceIt([this, cmp] {
            return cmp ? query(u"SELECT count(*) FROM entry WHERE device = '%1' AND kind = 'outcome'"_s) == u"2"_s
                       : m_est->deferred >= 2;
        });
        recovered(u"unknown"_s);
        (cmp ? m_cmp->undecided : m_est->undecided) = false;
        passes();
        QCOMPARE(issued(), 1);
    }

    void forgotten()
    {
        serve(true);
        m_cmp->undecided = true;
        killOnceIt([this] { return m_cmp->polled >= 1; });
        const int port = m_cmp->port();
        m_cmp.reset(); // with all that it knew
        serve(true, port);
        const Ran again = run();
        QCOMPARE(again.status, 3);
        QVERIFY2(again.text().contains(u"cannot say any more"_s), qPrintable(again.text()));
        const Ran third = run(); // never as a new request
        QCOMPARE(third.status, 3);
        QVERIFY2(third.text().contains(u"identity settle"_s), qPrintable(third.text()));
        QCOMPARE(issued(), 0);
        const Ran settled = slipwayRun({u"identity"_s, u"settle"_s, m_serial, u"--not-issued"_s, u"--home"_s, m_home});
        QVERIFY2(settled.status == 0, qPrintable(settled.text()));
        passes();
        QCOMPARE(issued(), 1);
    }

    // The run waits and goes on without a person.
    void comesBack_data() { protocols(); }
    void comesBack()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        const int port = cmp ? m_cmp->port() : m_est->port();
        m_cmp.reset();
        m_est.reset();
        Running running(slipwayProgram(), words());
        QVERIFY2(running.waitForText("waiting for the issuer"), running.output().constData());
        serve(cmp, port);
        const Ran ran = running.finish();
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"1 passed, 0 failed"_s);
        QCOMPARE(issued(), 1);
    }

    // It had the request and said that it has not decided; then it is away for a while.
    void comesBackWhileUndecided_data() { protocols(); }
    void comesBackWhileUndecided()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        (cmp ? m_cmp->undecided : m_est->undecided) = true;
        Running running(slipwayProgram(), words());
        QVERIFY(running.waitForText("has not decided yet"));
        if (cmp)
            m_cmp->fault = CmpResponder::Fault::Unavailable;
        else
            m_est->fault = EstServer::Fault::Unavailable;
        const auto asked = [&] { return cmp ? m_cmp->requests.load() : m_est->enrolled.load(); };
        const int before = asked();
        QTRY_VERIFY_WITH_TIMEOUT(asked() >= before + 2, 30'000); // refused at least once by then, and came again
        (cmp ? m_cmp->undecided : m_est->undecided) = false;
        if (cmp)
            m_cmp->fault = CmpResponder::Fault::None;
        else
            m_est->fault = EstServer::Fault::None;
        const Ran ran = running.finish();
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(issued(), 1);
    }

    void stoppedWhileWaiting_data() { protocols(); }
    void stoppedWhileWaiting()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        m_cmp.reset();
        m_est.reset();
        Running running(slipwayProgram(), words());
        QVERIFY(running.waitForText("waiting for the issuer"));
        running.signal(SIGINT);
        const Ran ran = running.finish(20); // it would have waited for ten minutes
        QVERIFY2(ran.status == 4, qPrintable(ran.text()));
        QCOMPARE(certificates(), 0);
        // The same at the command line.
        const QString request = m_folder.filePath(m_serial + u".csr"_s);
        QVERIFY(m_pki.run({u"req"_s, u"-new"_s, u"-key"_s, m_pki.path(u"ra.key"_s), u"-subj"_s,
                           u"/serialNumber="_s + m_serial, u"-out"_s, request}));
        Running issuing(slipwayProgram(),
                        {u"identity"_s, u"issue"_s, u"--csr"_s, request, u"--profile"_s, u"t1"_s, u"--serial"_s,
                         m_serial, u"--mud-url"_s, u"https://mud.example/t1/1.4.json"_s, u"--out"_s,
                         request + u".pem"_s, u"--home"_s, m_home});
        QVERIFY(issuing.waitForText("Trying again"));
        issuing.signal(SIGINT);
        const Ran stopped = issuing.finish(20);
        QVERIFY2(stopped.status == 4, qPrintable(stopped.text()));
    }

    // The same once the authority has the request: that stays open, and is asked for again.
    void stoppedWhileUndecided_data() { protocols(); }
    void stoppedWhileUndecided()
    {
        QFETCH(bool, cmp);
        serve(cmp);
        (cmp ? m_cmp->undecided : m_est->undecided) = true;
        Running running(slipwayProgram(), words());
        QVERIFY(running.waitForText("has not decided yet"));
        running.signal(SIGINT);
        const Ran ran = running.finish(20);
        QVERIFY2(ran.status == 3 && ran.text().contains(u"UNKNOWN"_s), qPrintable(ran.text()));
        (cmp ? m_cmp->undecided : m_est->undecided) = false;
        passes();
    }

    void renewsItsAccess_data() { protocols(); }
    void renewsItsAccess()
    {
        QFETCH(bool, cmp);
        serve(cmp, 0, true);
        const QString key = m_folder.filePath(u"ra-%1.key"_s.arg(m_unit)), made = key.chopped(4) + u".pem"_s;
        const QStringList renew{u"identity"_s, u"renew-access"_s, u"--key-out"_s, key,        u"--out"_s,
                                made,          u"--home"_s,       m_home,         u"--json"_s};
        const Ran ran = slipwayRun(renew);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.objects().size(), 1);
        QCOMPARE(QFile(key).permissions() & (QFile::ReadGroup | QFile::ReadOther), QFile::Permissions());
        QVERIFY2(m_pki.run({u"verify"_s, u"-CAfile"_s, m_pki.path(u"tls.pem"_s), made}), m_pki.output.constData());
        QVERIFY(m_pki.run({u"x509"_s, u"-in"_s, made, u"-noout"_s, u"-ext"_s, u"extendedKeyUsage"_s, u"-subject"_s}));
        QVERIFY2(m_pki.output.contains("CMC Registration Authority") && m_pki.output.contains("CN = Line 1"),
                 m_pki.output.constData());
        QVERIFY(!(readFile(key, 65536, QString()) == readFile(m_pki.path(u"ra.key"_s), 65536, QString())));
        const Ran twice = slipwayRun(renew); // nothing is written over
        QVERIFY2(twice.status != 0 && twice.text().contains(u"exists already"_s), qPrintable(twice.text()));
        // And with it the station asks from now on.
        if (cmp) {
            m_cmp = std::make_unique<CmpResponder>(m_shop.path("ca.key"), m_shop.path("ca.pem"), QByteArray(),
                                                   QByteArray(), m_pki.path(u"tls.pem"_s), m_pki.path(u"cmp"_s));
        }
        station(cmp, true, key, made);
        passes();
    }

    // What comes is of no use: the authority hears that where the protocol has words for it, and no file is written.
    void renewalOfNoUse_data() { protocols(); }
    void renewalOfNoUse()
    {
        QFETCH(bool, cmp);
        serve(cmp, 0, true);
        if (cmp)
            m_cmp->fault = CmpResponder::Fault::OtherSubject;
        else
            m_est->bareRenewals = true; // without extendedKeyUsage
        const QString key = m_folder.filePath(u"no-%1.key"_s.arg(m_unit)), made = key.chopped(4) + u".pem"_s;
        const Ran ran =
            slipwayRun({u"identity"_s, u"renew-access"_s, u"--key-out"_s, key, u"--out"_s, made, u"--home"_s, m_home});
        QVERIFY2(ran.status == 3, qPrintable(ran.text()));
        QVERIFY2(ran.text().contains(cmp ? u"not the one that was asked for"_s : u"cmcRA is missing"_s),
                 qPrintable(ran.text()));
        QVERIFY(!QFile::exists(key) && !QFile::exists(made));
        if (cmp)
            QCOMPARE(m_cmp->rejected.load(), 1);
    }

private:
    int issued() const { return m_cmp ? m_cmp->issued.load() : m_est->issued.load(); }
    QStringList words() const
    {
        return {u"run"_s,      u"identity"_s, u"--slot"_s, u"1=%1"_s.arg(m_port),
                u"--serial"_s, m_serial,      u"--home"_s, m_home};
    }
    Ran run() const { return slipwayRun(words()); }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 -cmd '.timeout 5000' '%1/journal.db' \"%2\""_s.arg(m_home, sql.arg(m_serial)))
            .lastLine();
    }
    int certificates() const
    {
        return query(u"SELECT count(*) FROM certificate WHERE serial = '%1' AND revoked_entry IS NULL"_s).toInt();
    }
    void station(bool cmp, bool access, const QString &key, const QString &certificate)
    {
        QByteArray issuer = "\nissuer:\n  patience: 10min\n  use: ";
        if (cmp) {
            issuer += "\"cmp:" + m_cmp->url().toUtf8() +
                      "\"\n  request: ir\n  certificate: " + m_shop.path("ca.pem").toUtf8() + '\n';
        } else {
            issuer += "\"est:" + m_est->url().toUtf8() + "\"\n  certificate: " + m_shop.path("ca.pem").toUtf8() + '\n';
        }
        if (!cmp || access) {
            issuer += "  anchors: " + m_pki.path(u"tls.pem"_s).toUtf8() + "\n  key: " + key.toUtf8() +
                      "\n  key-certificate: " + certificate.toUtf8() + '\n';
        } else {
            issuer += "  reference: line-1\n  secret-file: keys/cmp-secret\n";
        }
        writeFile(m_home + u"/station.yaml"_s, m_station + issuer);
    }
    // access: with CMP, messages are signed, and the authority gives certificates for that.
    void serve(bool cmp, int port = 0, bool access = false)
    {
        if (cmp && access) {
            m_cmp = std::make_unique<CmpResponder>(m_pki.path(u"tls.key"_s), m_pki.path(u"tls.pem"_s), QByteArray(),
                                                   QByteArray(), m_pki.path(u"tls.pem"_s), m_pki.path(u"cmp"_s), port);
        } else if (cmp) {
            m_cmp = std::make_unique<CmpResponder>(m_shop.path("ca.key"), m_shop.path("ca.pem"), "line-1", "a secret",
                                                   m_pki.path(u"tls.pem"_s), QString(), port);
        } else {
            m_est = std::make_unique<EstServer>(m_shop.path("est-ca.pem"), m_pki.path(u"server.key"_s),
                                                m_pki.path(u"server.pem"_s), *m_signer, t1Profile(),
                                                u"https://mud.example/t1/1.4.json"_s, port);
            m_est->renewals = m_pki.path(u"tls"_s);
        }
        station(cmp, access, m_pki.path(u"ra.key"_s), m_pki.path(u"ra.pem"_s));
    }
    void killOnceIt(const std::function<bool()> &has)
    {
        Running running(slipwayProgram(), words());
        QTRY_VERIFY2_WITH_TIMEOUT(has() || !running.isRunning(), "the moment never came", 30'000);
        const bool came = has();
        running.signal(SIGKILL);
        const Ran ran = running.finish();
        QVERIFY2(came && ran.status == 128 + SIGKILL, qPrintable(ran.text()));
    }
    void recovered(const QString &state)
    {
        const Ran shown = slipwayRun({u"recover"_s, u"--home"_s, m_home, u"--json"_s});
        QVERIFY2(shown.status == 0 || shown.status == 1, qPrintable(shown.text()));
        QVERIFY2(shown.text().contains(m_serial), qPrintable(shown.text()));
        QCOMPARE(query(u"SELECT coalesce(state, 'unknown') FROM intent WHERE device = '%1' AND act = "
                       "'identity.issue'"_s),
                 state);
    }
    // What the authority's people found, put on record by a person.
    void settle()
    {
        const QString file = m_folder.filePath(m_serial + u".pem"_s);
        writeFile(file, certificateToPem(m_cmp ? m_cmp->lastIssued() : m_est->lastIssued()));
        const Ran ran =
            slipwayRun({u"identity"_s, u"settle"_s, m_serial, u"--certificate"_s, file, u"--home"_s, m_home});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
    }
    // Run again: the unit has the one certificate that was issued, and nobody asks for another.
    void passes()
    {
        const Ran ran = run();
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"1 passed, 0 failed"_s);
        QCOMPARE(issued(), 1);
        QCOMPARE(certificates(), 1);
        const QString file = m_folder.filePath(m_serial + u"-held.pem"_s);
        const Ran out = slipwayRun({u"identity"_s, u"export"_s, m_serial, u"--out"_s, file, u"--home"_s, m_home});
        QVERIFY2(out.status == 0, qPrintable(out.text()));
        QCOMPARE(certificatesFromPem(readFile(file, 65536, QString())).front(),
                 m_cmp ? m_cmp->lastIssued() : m_est->lastIssued());
    }

    QTemporaryDir m_folder;
    QString m_home, m_serial, m_port;
    QByteArray m_station;
    int m_unit = 0;
    OpensslPki m_pki;
    Workshop m_shop;
    std::unique_ptr<FileIssuer> m_signer;
    std::unique_ptr<Running> m_device;
    std::unique_ptr<CmpResponder> m_cmp;
    std::unique_ptr<EstServer> m_est;
};

SLIPWAY_TEST_MAIN(TestIssuerProgram)
#include "tst_issuerprogram.moc"
