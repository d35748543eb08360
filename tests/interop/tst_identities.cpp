// The life of certificates on the command line, and what openssl, GnuTLS' certtool and sqlite3 say of each thing that
// comes out: certificates of every kind of profile, revocation lists and deltas, OCSP responses, a CA's new key,
// quotas, sealed keys, lists. And hostile certificates: one sentence and exit 2 or 1 for each.

#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestIdentities : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        for (const QString &name : {u"line1"_s, u"line2"_s, u"office"_s})
            QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, path(name), u"--name"_s, name}).status, 0);
        m_home = path(u"line1"_s);
        writeFile(
            m_home + u"/profiles/owner.yaml"_s,
            "slipway-profile: 1\nkind: ldevid\nsubject: { O: Owner }\nkey-usage: [digitalSignature, keyAgreement]\n"
            "extended-key-usage: [clientAuth]\nsubject-alt-name: [ { dns: \"${serial}.dev.example\" }, { uri: "
            "\"urn:dev:ops:32473-${serial}\" }, { ip: 192.0.2.7 } ]\ncertificate-policies: [ { oid: "
            "1.3.6.1.4.1.32473.5, cps: \"https://pki.example/cps\" } ]\ncrl-distribution-points: "
            "http://pki.example/a.crl\nfreshest-crl: http://pki.example/d.crl\nauthority-information: { ocsp: "
            "\"http://ocsp.example\", ca-issuers: \"http://pki.example/ca.cer\" }\nextensions: [ { oid: "
            "1.3.6.1.4.1.32473.10, hex: \"0c0568656c6c6f\" } ]\n");
        for (const char *kind : {"tpm-idevid", "tpm-iak"})
            writeFile(m_home + u"/profiles/%1.yaml"_s.arg(QLatin1String(kind)),
                      QByteArray("slipway-profile: 1\nkey: RSA-2048\nkind: ") + kind + "\n");
        writeFile(m_home + u"/profiles/ed.yaml"_s, "slipway-profile: 1\nkey: Ed25519\nmud-url: { required: false }\n");
    }

    void everyProfileVerifies_data()
    {
        QTest::addColumn<QString>("profile");
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("serial");
        QTest::newRow("IDevID") << u"t1"_s << u"ec -pkeyopt ec_paramgen_curve:P-256"_s << u"T1-00000001"_s;
        QTest::newRow("LDevID beside it") << u"owner"_s << u"ec -pkeyopt ec_paramgen_curve:P-256"_s << u"T1-00000001"_s;
        QTest::newRow("TPM IDevID") << u"tpm-idevid"_s << u"rsa:2048"_s << u"TPM-1"_s;
        QTest::newRow("TPM attestation key") << u"tpm-iak"_s << u"rsa:2048"_s << u"TPM-1"_s;
        QTest::newRow("Ed25519") << u"ed"_s << u"ed25519"_s << u"ED-1"_s;
    }
    void everyProfileVerifies()
    {
        QFETCH(QString, profile);
        QFETCH(QString, key);
        QFETCH(QString, serial);
        const QString pem = issue(profile, serial, key);
        QVERIFY2(QFile::exists(pem), qPrintable(m_text));
        QVERIFY2(openssl(u"verify -x509_strict -CAfile line1/keys/issuer.pem "_s + pem), qPrintable(m_text));
        QVERIFY(openssl(u"x509 -noout -text -in "_s + pem));
        if (profile == u"owner") {
            for (const char *line :
                 {"Digital Signature, Key Agreement", "TLS Web Client Authentication", "DNS:T1-00000001.dev.example",
                  "URI:urn:dev:ops:32473-T1-00000001", "IP Address:192.0.2.7", "Policy: 1.3.6.1.4.1.32473.5",
                  "CPS: https://pki.example/cps", "URI:http://pki.example/a.crl", "X509v3 Freshest CRL",
                  "OCSP - URI:http://ocsp.example", "CA Issuers - URI:http://pki.example/ca.cer"})
                QVERIFY2(m_text.contains(QLatin1String(line)), line);
            QVERIFY2(openssl(u"verify -purpose sslclient -CAfile line1/keys/issuer.pem "_s + pem), qPrintable(m_text));
        }
        if (profile.startsWith(u"tpm"))
            QVERIFY(m_text.contains(profile == u"tpm-iak" ? u"2.23.133.11.1.3"_s : u"2.23.133.11.1.2"_s));
        if (shell(u"command -v certtool"_s).status == 0) {
            const Ran gnutls =
                shell(u"cat %1 line1/keys/issuer.pem | certtool --verify-chain"_s.arg(pem), m_folder.path());
            QVERIFY2(gnutls.status == 0, qPrintable(gnutls.text()));
        }
        const Ran checked = cli({u"check"_s, pem, u"--profile"_s, profile, u"--serial"_s, serial});
        QVERIFY2(checked.status == 0, qPrintable(checked.text()));
        // A device whose clock stands at its beginning.
        const Ran clock =
            cli({u"check"_s, pem, u"--profile"_s, profile, u"--device-time"_s, u"1970-01-01T00:00:00Z"_s});
        QCOMPARE(clock.status, 1);
        QVERIFY2(clock.out.contains("no-clock") && clock.out.contains("RFC 5280 6.1.3"), qPrintable(clock.text()));
        // Another profile's certificate: the clause is named.
        const Ran other = cli({u"check"_s, pem, u"--profile"_s, profile == u"t1" ? u"owner"_s : u"t1"_s});
        QCOMPARE(other.status, 1);
        QVERIFY2(other.out.contains("RFC ") || other.out.contains("802.1AR"), qPrintable(other.text()));
    }

    void revocationListsAndDeltas()
    {
        const QString held = issue(u"t1"_s, u"T1-00000101"_s);
        const QString gone = issue(u"t1"_s, u"T1-00000102"_s);
        const QString good = issue(u"t1"_s, u"T1-00000103"_s);
        QCOMPARE(cli({u"revoke"_s, u"T1-00000101"_s, u"--reason"_s, u"certificateHold"_s}).status, 0);
        const Ran full = cli({u"crl"_s, u"--out"_s, path(u"full.crl"_s), u"--freshest-url"_s,
                              u"http://pki.example/d.crl"_s, u"--json"_s});
        QVERIFY2(full.status == 0, qPrintable(full.text()));
        const qint64 number = full.objects().first().value(u"number"_s).toInteger();
        QCOMPARE(cli({u"release"_s, u"T1-00000101"_s}).status, 0);
        QCOMPARE(cli({u"revoke"_s, u"T1-00000102"_s, u"--reason"_s, u"keyCompromise"_s}).status, 0);
        const Ran delta =
            cli({u"crl"_s, u"--delta"_s, u"--hours"_s, u"6"_s, u"--out"_s, path(u"delta.crl"_s), u"--json"_s});
        QVERIFY2(delta.status == 0, qPrintable(delta.text()));
        QCOMPARE(delta.objects().first().value(u"number"_s).toInteger(), number + 1);
        QCOMPARE(delta.objects().first().value(u"base"_s).toInteger(), number);

        QVERIFY(openssl(u"crl -in delta.crl -noout -text -CAfile line1/keys/issuer.pem"_s));
        for (const char *line :
             {"verify OK", "X509v3 Delta CRL Indicator: critical", "Remove From CRL", "Key Compromise"})
            QVERIFY2(m_text.contains(QLatin1String(line)), qPrintable(m_text));
        QVERIFY(openssl(u"crl -in full.crl -noout -text -CAfile line1/keys/issuer.pem"_s));
        for (const char *line : {"verify OK", "X509v3 Freshest CRL", "Certificate Hold"})
            QVERIFY2(m_text.contains(QLatin1String(line)), qPrintable(m_text));
        QVERIFY(openssl(u"crl -in full.crl -outform DER -out full.der"_s));
        QVERIFY(openssl(u"asn1parse -inform DER -in full.der"_s));

        const auto verify = [this](const QString &pem, const QString &more) {
            return openssl(u"verify -crl_check -CAfile line1/keys/issuer.pem -CRLfile full.crl %1 %2"_s.arg(more, pem));
        };
        const QString deltas = u"-extended_crl -use_deltas -CRLfile delta.crl"_s;
        QVERIFY(!verify(held, {}));
        QVERIFY2(verify(held, deltas), qPrintable(m_text)); // removeFromCRL
        QVERIFY(verify(gone, {}));
        QVERIFY(!verify(gone, deltas));
        QVERIFY2(m_text.contains(u"revoked"_s), qPrintable(m_text));
        QVERIFY2(verify(good, deltas), qPrintable(m_text));
        if (shell(u"command -v certtool"_s).status == 0)
            QVERIFY(shell(u"certtool --crl-info --infile delta.crl"_s, m_folder.path()).out.contains("Number"));
    }

    void ocsp()
    {
        const QString good = issue(u"t1"_s, u"T1-00000201"_s);
        const QString gone = issue(u"t1"_s, u"T1-00000202"_s);
        QCOMPARE(cli({u"revoke"_s, u"T1-00000202"_s, u"--reason"_s, u"superseded"_s}).status, 0);
        // First against the request with its nonce, then as a relying party reads it.
        const auto ask = [this](const QString &cert) {
            QString all;
            bool good = openssl(u"ocsp -issuer line1/keys/issuer.pem -cert %1 -reqout r.der"_s.arg(cert)) &&
                        cli({u"ocsp"_s, u"--request"_s, path(u"r.der"_s), u"--out"_s, path(u"a.der"_s)}).status == 0 &&
                        openssl(u"ocsp -reqin r.der -respin a.der -CAfile line1/keys/issuer.pem -resp_text"_s);
            all = m_text;
            good = good && openssl(u"ocsp -no_nonce -respin a.der -issuer line1/keys/issuer.pem -cert %1 -CAfile "
                                   "line1/keys/issuer.pem"_s.arg(cert));
            m_text = all + m_text;
            return good;
        };
        QVERIFY2(ask(good), qPrintable(m_text));
        QVERIFY2(m_text.contains(u"Response verify OK"_s) && m_text.contains(u": good"_s), qPrintable(m_text));
        QVERIFY2(!m_text.contains(u"WARNING"_s), qPrintable(m_text)); // the nonce came back
        QVERIFY2(ask(gone), qPrintable(m_text));
        QVERIFY2(m_text.contains(u": revoked"_s) && m_text.contains(u"superseded"_s), qPrintable(m_text));
        // Issued by the same CA, says the request, but nobody here knows it.
        QVERIFY(openssl(u"ocsp -issuer line1/keys/issuer.pem -serial 0x1234 -no_nonce -reqout r.der"_s));
        QCOMPARE(cli({u"ocsp"_s, u"--request"_s, path(u"r.der"_s), u"--out"_s, path(u"a.der"_s)}).status, 0);
        QVERIFY(openssl(u"ocsp -respin a.der -issuer line1/keys/issuer.pem -serial 0x1234 -CAfile "
                        "line1/keys/issuer.pem"_s));
        QVERIFY2(m_text.contains(u"unknown"_s), qPrintable(m_text));
        // Another CA's certificate.
        QVERIFY(openssl(u"ocsp -issuer line2/keys/issuer.pem -cert %1 -reqout r.der"_s.arg(good)));
        const Ran other = cli({u"ocsp"_s, u"--request"_s, path(u"r.der"_s), u"--out"_s, path(u"a.der"_s), u"--json"_s});
        QCOMPARE(other.objects().first().value(u"status"_s).toString(), u"unknown"_s);
        QVERIFY(openssl(u"ocsp -respin a.der -noverify -resp_text"_s));
        QVERIFY2(m_text.contains(u"OCSP No Check"_s) && m_text.contains(u"OCSP Signing"_s), qPrintable(m_text));
        for (const QByteArray &junk :
             {QByteArray("junk"), QByteArray(), QByteArray(100000, '0'), QByteArray("\x30\x80\x00\x00", 4)}) {
            writeFile(path(u"junk"_s), junk);
            const Ran refused = cli({u"ocsp"_s, u"--request"_s, path(u"junk"_s), u"--out"_s, path(u"a.der"_s)});
            QCOMPARE(refused.status, 2);
            QVERIFY2(refused.err.trimmed().count('\n') == 0, refused.err.constData());
        }
    }

    void aNewKeyInMidLot()
    {
        const QString before = issue(u"t1"_s, u"T1-00000301"_s);
        QCOMPARE(shell(u"cp line1/keys/issuer.pem old.pem"_s, m_folder.path()).status, 0);
        const Ran rotated = cli({u"ca"_s, u"rotate"_s, u"--key"_s, u"P-384"_s, u"--json"_s});
        QVERIFY2(rotated.status == 0, qPrintable(rotated.text()));
        const QString oldKey = rotated.objects().first().value(u"old-key"_s).toString();
        const QString after = issue(u"t1"_s, u"T1-00000302"_s);
        QVERIFY2(openssl(u"verify -x509_strict -CAfile old.pem "_s + before), qPrintable(m_text));
        QVERIFY2(openssl(u"verify -x509_strict -CAfile line1/keys/issuer.pem "_s + after), qPrintable(m_text));
        QVERIFY(!openssl(u"verify -CAfile old.pem "_s + after));
        QVERIFY(!openssl(u"verify -CAfile line1/keys/issuer.pem "_s + before));
        // The links: each anchor leads to what the other key issued.
        QCOMPARE(cli({u"ca"_s, u"export"_s, u"--out-folder"_s, path(u"anchors"_s)}).status, 0);
        const QString link = u"anchors/issuer-%1-"_s.arg(oldKey);
        QVERIFY2(openssl(u"verify -CAfile line1/keys/issuer.pem -untrusted %1old-with-new.pem %2"_s.arg(link, before)),
                 qPrintable(m_text));
        QVERIFY2(openssl(u"verify -CAfile old.pem -untrusted %1new-with-old.pem %2"_s.arg(link, after)),
                 qPrintable(m_text));
        for (const QString &pem : {before, after})
            QCOMPARE(cli({u"check"_s, pem, u"--profile"_s, u"t1"_s}).status, 0);
        // Both keys sign the same revocations.
        QCOMPARE(cli({u"revoke"_s, u"T1-00000301"_s, u"--reason"_s, u"superseded"_s}).status, 0);
        QCOMPARE(cli({u"crl"_s, u"--ca-key"_s, oldKey, u"--out"_s, path(u"old.crl"_s)}).status, 0);
        QCOMPARE(cli({u"crl"_s, u"--out"_s, path(u"new.crl"_s)}).status, 0);
        QVERIFY(openssl(u"crl -noout -CAfile old.pem -in old.crl"_s) && m_text.contains(u"verify OK"_s));
        QVERIFY(openssl(u"crl -noout -CAfile line1/keys/issuer.pem -in new.crl"_s) && m_text.contains(u"verify OK"_s));
        QVERIFY(!openssl(u"verify -crl_check -CAfile old.pem -CRLfile old.crl "_s + before));
        QVERIFY2(m_text.contains(u"revoked"_s), qPrintable(m_text));
        QVERIFY2(openssl(u"verify -crl_check -CAfile line1/keys/issuer.pem -CRLfile new.crl "_s + after),
                 qPrintable(m_text));
        // OCSP for a certificate of the old key is signed under the old key.
        QVERIFY(openssl(u"ocsp -issuer old.pem -cert %1 -reqout r.der"_s.arg(before)));
        QCOMPARE(cli({u"ocsp"_s, u"--request"_s, path(u"r.der"_s), u"--out"_s, path(u"a.der"_s)}).status, 0);
        QVERIFY(openssl(u"ocsp -no_nonce -respin a.der -issuer old.pem -cert %1 -CAfile old.pem"_s.arg(before)));
        QVERIFY2(m_text.contains(u"revoked"_s), qPrintable(m_text));
        const Ran unknown = cli({u"crl"_s, u"--ca-key"_s, u"00000000"_s, u"--out"_s, path(u"x"_s)});
        QCOMPARE(unknown.status, 2);
    }

    void renewal()
    {
        issue(u"owner"_s, u"T1-00000401"_s);
        QString pem = issue(u"owner"_s, u"T1-00000401"_s);
        QVERIFY2(m_text.contains(u"has an identity already"_s), qPrintable(m_text));
        pem = issue(u"owner"_s, u"T1-00000401"_s, u"ec -pkeyopt ec_paramgen_curve:P-256"_s, {u"--renew"_s});
        QVERIFY2(QFile::exists(pem), qPrintable(m_text));
        const Ran idevid = cli({u"issue"_s, u"--csr"_s, path(u"d.csr"_s), u"--profile"_s, u"t1"_s, u"--serial"_s,
                                u"T1-00000401"_s, u"--renew"_s, u"--out"_s, path(u"x.pem"_s)});
        QCOMPARE(idevid.status, 2);
    }

    void lists()
    {
        const Ran listed = cli({u"list"_s, u"--out"_s, path(u"l.json"_s)});
        QVERIFY2(listed.status == 0, qPrintable(listed.text()));
        QCOMPARE(cli({u"list"_s, u"--out"_s, path(u"l.csv"_s)}).status, 0);
        const QJsonArray rows = QJsonDocument::fromJson(readFile(path(u"l.json"_s), 1 << 20, QString()))
                                    .object()
                                    .value(u"certificates"_s)
                                    .toArray();
        // What sqlite3 counts.
        const Ran counted = shell(u"sqlite3 line1/journal.db \"SELECT count(*) FROM certificate WHERE mode = "
                                  "'production'\""_s,
                                  m_folder.path());
        QCOMPARE(counted.out.trimmed().toInt(), rows.size());
        // And what sqlite3 reads from the CSV.
        const Ran csv = shell(u"sqlite3 -cmd '.import --csv l.csv c' :memory: 'SELECT count(*), count(DISTINCT "
                              "\"certificate-serial\") FROM c'"_s,
                              m_folder.path());
        QCOMPARE(csv.out.trimmed(), u"%1|%1"_s.arg(rows.size()).toLatin1());
        const Ran schema = slipwayRun({u"identity"_s, u"schema"_s});
        QCOMPARE(QJsonDocument::fromJson(schema.out)
                     .object()
                     .value(u"properties"_s)
                     .toObject()
                     .value(u"format"_s)
                     .toObject()
                     .value(u"const"_s)
                     .toString(),
                 u"slipway-identities-1"_s);

        const QStringList import{u"identity"_s, u"import"_s, path(u"l.json"_s), u"--home"_s, path(u"line2"_s)};
        QCOMPARE(slipwayRun(import).status, 0);
        QCOMPARE(slipwayRun(import).status, 0); // again: nothing new
        // The journal itself says the same.
        const Ran journal = slipwayRun(
            {u"identity"_s, u"import"_s, m_home + u"/journal.db"_s, u"--home"_s, path(u"line2"_s), u"--json"_s});
        QVERIFY2(journal.status == 0, qPrintable(journal.text()));
        QCOMPARE(journal.objects().first().value(u"known"_s).toInt(), rows.size());
        QCOMPARE(journal.objects().first().value(u"station"_s).toString(), u"line1"_s);
        const Ran nameless = slipwayRun({u"identity"_s, u"import"_s, path(u"l.csv"_s), u"--home"_s, path(u"line2"_s)});
        QCOMPARE(nameless.status, 2);
        // The second station refuses what the first one issued.
        QVERIFY(request(u"T1-00000103"_s, u"ec -pkeyopt ec_paramgen_curve:P-256"_s));
        const Ran refused =
            slipwayRun({u"identity"_s, u"issue"_s, u"--csr"_s, path(u"d.csr"_s), u"--profile"_s, u"t1"_s, u"--serial"_s,
                        u"T1-00000103"_s, u"--mud-url"_s, u"https://mud.example/t1/1.4.json"_s, u"--out"_s,
                        path(u"x.pem"_s), u"--home"_s, path(u"line2"_s)});
        QCOMPARE(refused.status, 1);
        QVERIFY2(refused.err.contains("line1"), refused.err.constData());
        QVERIFY(!QFile::exists(path(u"x.pem"_s)));
        for (const QString &name : {u"line1"_s, u"line2"_s})
            QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, path(name)}).status, 0);
    }

    void quotas()
    {
        const QString station = path(u"line2"_s);
        const QString office = path(u"office"_s);
        QCOMPARE(slipwayRun({u"identity"_s, u"quota"_s, u"require"_s, u"--engineer"_s,
                             office + u"/keys/station-ca.pem"_s, u"--home"_s, station})
                     .status,
                 0);
        const auto sign = [&](const QString &out, const QString &for_) {
            return slipwayRun({u"identity"_s,
                               u"quota"_s,
                               u"sign"_s,
                               u"--product"_s,
                               u"t1"_s,
                               u"--count"_s,
                               u"2"_s,
                               u"--first"_s,
                               u"T1-00009000"_s,
                               u"--last"_s,
                               u"T1-00009999"_s,
                               u"--last-day"_s,
                               u"2099-12-31"_s,
                               u"--station"_s,
                               for_,
                               u"--out"_s,
                               out,
                               u"--home"_s,
                               office,
                               u"--json"_s});
        };
        const Ran made = sign(path(u"q.p7m"_s), station + u"/keys/station.pem"_s);
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        const QString id = made.objects().first().value(u"id"_s).toString();
        QVERIFY2(
            openssl(u"cms -verify -binary -inform DER -in q.p7m -CAfile office/keys/station-ca.pem -purpose any"_s),
            qPrintable(m_text));
        QVERIFY(m_text.contains(u"slipway-quota-1"_s));
        const auto add = [&](const QString &file) {
            return slipwayRun({u"identity"_s, u"quota"_s, u"add"_s, file, u"--home"_s, station}).status;
        };
        QCOMPARE(add(path(u"q.p7m"_s)), 0);
        QCOMPARE(add(path(u"q.p7m"_s)), 2);
        QCOMPARE(sign(path(u"other.p7m"_s), m_home + u"/keys/station.pem"_s).status, 0);
        QCOMPARE(add(path(u"other.p7m"_s)), 2); // for another station
        QByteArray forged = readFile(path(u"q.p7m"_s), 65536, QString());
        forged.replace("\"count\": 2", "\"count\": 9");
        writeFile(path(u"forged.p7m"_s), forged);
        QVERIFY(add(path(u"forged.p7m"_s)) != 0);

        const auto ask = [&](const QString &serial) {
            if (!request(serial, u"ec -pkeyopt ec_paramgen_curve:P-256"_s))
                return -1;
            return slipwayRun({u"identity"_s, u"issue"_s, u"--csr"_s, path(u"d.csr"_s), u"--profile"_s, u"t1"_s,
                               u"--serial"_s, serial, u"--mud-url"_s, u"https://mud.example/t1/1.4.json"_s, u"--out"_s,
                               path(serial + u".pem"_s), u"--home"_s, station})
                .status;
        };
        QCOMPARE(ask(u"T1-00008999"_s), 3);
        QCOMPARE(ask(u"T1-00009000"_s), 0);
        QCOMPARE(ask(u"T1-00009001"_s), 0);
        QCOMPARE(ask(u"T1-00009002"_s), 3);
        const auto state = [&](const QString &home) {
            return slipwayRun({u"identity"_s, u"quota"_s, u"show"_s, u"--json"_s, u"--home"_s, home})
                .objects()
                .value(0)
                .value(u"state"_s)
                .toString();
        };
        QCOMPARE(state(station), u"used-up"_s);
        QCOMPARE(state(office), u"out"_s);
        QCOMPARE(slipwayRun(
                     {u"identity"_s, u"quota"_s, u"report"_s, id, u"--out"_s, path(u"rep.p7m"_s), u"--home"_s, station})
                     .status,
                 0);
        const QStringList settle{u"identity"_s,     u"quota"_s,
                                 u"settle"_s,       path(u"rep.p7m"_s),
                                 u"--station-ca"_s, station + u"/keys/station-ca.pem"_s,
                                 u"--home"_s,       office};
        const Ran settled = slipwayRun(settle);
        QVERIFY2(settled.status == 0, qPrintable(settled.text()));
        QCOMPARE(state(station), u"reported"_s);
        QCOMPARE(state(office), u"settled"_s);
        QCOMPARE(slipwayRun(settle).status, 2); // once
        QCOMPARE(slipwayRun({u"identity"_s, u"quota"_s, u"settle"_s, path(u"q.p7m"_s), u"--station-ca"_s,
                             office + u"/keys/station-ca.pem"_s, u"--home"_s, office})
                     .status,
                 2); // a quota is no report
    }

    void lots()
    {
        writeFile(path(u"sn.txt"_s), "T1-00000501\nT1-00000502\nT1-00000503\n");
        const QString issue = u"$SLIPWAY identity batch issue lot8 --profile t1 --serials sn.txt --mud-url "
                              "https://mud.example/t1/1.4.json --home line1"_s;
        const Ran open = shell(issue, m_folder.path());
        QVERIFY2(open.status == 2 && open.err.contains("passphrase"), qPrintable(open.text()));
        writeFile(path(u"pass"_s), "let me in\n");
        const Ran lot = shell(issue + u" --passphrase-fd 3 3<pass"_s, m_folder.path());
        QVERIFY2(lot.status == 0, qPrintable(lot.text()));
        QCOMPARE(QDir(m_home + u"/lots/lot8"_s).entryList({u"*.p7m"_s}).size(), 3);
        const QString one = QDir(m_home + u"/lots/lot8"_s).entryList({u"*.p7m"_s}).first();
        QVERIFY2(
            openssl(u"cms -decrypt -binary -inform DER -in line1/lots/lot8/%1 -inkey line1/lots/lot8/transport.key "
                    "-passin 'pass:let me in' -recip line1/lots/lot8/transport.pem -out k.der"_s.arg(one)),
            qPrintable(m_text));
        QVERIFY2(openssl(u"pkey -inform DER -in k.der -noout"_s), qPrintable(m_text));

        const QString bind = u"$SLIPWAY identity batch bind lot8 --serial %1 --out %1.pem --key-fd 4 --passphrase-fd 3 "
                             "--home line1 3<pass 4>key.der"_s;
        const Ran bound = shell(bind.arg(u"T1-00000501"_s), m_folder.path());
        QVERIFY2(bound.status == 0, qPrintable(bound.text()));
        QVERIFY(openssl(u"pkey -inform DER -in key.der -pubout"_s));
        const QString publicKey = m_text;
        QVERIFY(openssl(u"x509 -in T1-00000501.pem -noout -pubkey"_s));
        QCOMPARE(m_text, publicKey);
        QCOMPARE(shell(bind.arg(u"T1-00000501"_s), m_folder.path()).status, 3); // never twice
        // The programming equipment is gone: nobody knows what arrived.
        const Ran broken = shell(u"trap '' PIPE; $SLIPWAY identity batch bind lot8 --serial T1-00000502 --out x.pem "
                                 "--key-fd 4 --passphrase-fd 3 --home line1 3<pass 4>/dev/full"_s,
                                 m_folder.path());
        QCOMPARE(broken.status, 3);
        QCOMPARE(shell(bind.arg(u"T1-00000502"_s), m_folder.path()).status, 3);
        const Ran closed = cli({u"batch"_s, u"close"_s, u"lot8"_s, u"--json"_s});
        QCOMPARE(closed.status, 1); // one is lost
        QStringList states;
        for (const QJsonObject &item : closed.objects())
            states << item.value(u"state"_s).toString();
        QCOMPARE(states, (QStringList{u"used"_s, u"lost"_s, u"revoked"_s}));
        QVERIFY(QDir(m_home + u"/lots/lot8"_s).entryList({u"*.p7m"_s, u"transport.key"_s}).isEmpty());
        QCOMPARE(shell(u"$SLIPWAY journal verify --home line1"_s, m_folder.path()).status, 0);
        QVERIFY(!readFile(m_home + u"/journal.db"_s, 1 << 28, QString()).contains("PRIVATE KEY"));
    }

    // Killed at some moment of a large lot: what is on record is whole, each certificate is in the lot, none is twice.
    void killedInTheMiddle()
    {
        QByteArray serials;
        for (int i = 0; i < 400; ++i)
            serials += u"T1-%1\n"_s.arg(70000 + i, 8, 10, QLatin1Char('0')).toLatin1();
        writeFile(path(u"many.txt"_s), serials);
        writeFile(path(u"pass"_s), "let me in\n");
        for (int round = 0; round < 3; ++round) {
            const QString name = u"cut%1"_s.arg(round);
            const Ran cut = shell(
                u"timeout -s KILL 0.%1 $SLIPWAY identity batch issue %2 --profile t1 --serials many.txt "
                "--mud-url https://mud.example/t1/1.4.json --passphrase-fd 3 --home line1 3<pass"_s.arg(2 + 2 * round)
                    .arg(name),
                m_folder.path());
            Q_UNUSED(cut);
            const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
            QVERIFY2(verified.status == 0, qPrintable(verified.text()));
            const Ran closed = cli({u"batch"_s, u"close"_s, name, u"--json"_s});
            QVERIFY2(closed.status == 0 || closed.err.contains("no lot"), qPrintable(closed.text()));
        }
        // All of those serial numbers are free again, since each certificate that came to be was revoked.
        const Ran twice =
            shell(u"sqlite3 line1/journal.db \"SELECT count(*) FROM (SELECT serial FROM certificate WHERE "
                  "serial LIKE 'T1-0007%' AND revoked_entry IS NULL)\""_s,
                  m_folder.path());
        QCOMPARE(twice.out.trimmed(), QByteArray("0"));
    }

    void hostileCertificates_data()
    {
        QTest::addColumn<QByteArray>("extensions");
        QTest::addColumn<QString>("more");
        QTest::addColumn<int>("status");
        QByteArray names = "subjectAltName=DNS:a0.example";
        for (int i = 1; i < 10000; ++i)
            names += ",DNS:a" + QByteArray::number(i) + ".example";
        QTest::newRow("10 000 names") << names << QString() << 2;
        QTest::newRow("100 names") << names.left(names.indexOf(",DNS:a100.")) << QString() << 1;
        QTest::newRow("negative number") << QByteArray() << u"-set_serial -5"_s << 1;
        QTest::newRow("huge number") << QByteArray() << u"-set_serial 0x%1"_s.arg(QString(60, u'7')) << 1;
        QTest::newRow("unknown critical extension") << QByteArray("1.2.3.4=critical,ASN1:NULL") << QString() << 1;
        QTest::newRow("a CA") << QByteArray("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign") << QString()
                              << 1;
    }
    void hostileCertificates()
    {
        QFETCH(QByteArray, extensions);
        QFETCH(QString, more);
        QFETCH(int, status);
        writeFile(path(u"h.cnf"_s), "[req]\ndistinguished_name=d\n[d]\n[e]\n" + extensions + "\n");
        QVERIFY(request(u"T1-00000001"_s, u"ec -pkeyopt ec_paramgen_curve:P-256"_s));
        QVERIFY2(
            openssl(u"x509 -req -in d.csr -signkey d.key -extfile h.cnf -extensions e %1 -out h.pem"_s.arg(more)) ||
                openssl(u"req -x509 -new -key d.key -subj /serialNumber=T1-1 -config h.cnf -extensions e %1 -out "
                        "h.pem"_s.arg(more)),
            qPrintable(m_text));
        const Ran checked = cli({u"check"_s, path(u"h.pem"_s), u"--profile"_s, u"t1"_s});
        QVERIFY2(checked.status == status, qPrintable(checked.text()));
        if (status == 2)
            QVERIFY2(checked.err.trimmed().count('\n') == 0, checked.err.constData());
    }

    void damagedCertificates_data()
    {
        QTest::addColumn<QByteArray>("from");
        QTest::addColumn<QByteArray>("to");
        QTest::newRow("13th month") << QByteArray("99991231235959Z") << QByteArray("99991331235959Z");
        QTest::newRow("no digits") << QByteArray("99991231235959Z") << QByteArray("9999x231235959Z");
        QTest::newRow("zone") << QByteArray("99991231235959Z") << QByteArray("9999123123+0100");
    }
    void damagedCertificates()
    {
        QFETCH(QByteArray, from);
        QFETCH(QByteArray, to);
        QVERIFY(openssl(u"x509 -in %1 -outform DER -out d.der"_s.arg(path(u"T1-00000001-t1.pem"_s))));
        QByteArray der = readFile(path(u"d.der"_s), 65536, QString());
        QVERIFY(der.contains(from));
        writeFile(path(u"w.der"_s), der.replace(from, to));
        const Ran checked = cli({u"check"_s, path(u"w.der"_s), u"--profile"_s, u"t1"_s});
        QCOMPARE(checked.status, 1);
        QVERIFY2(checked.out.contains("no date of the calendar"), qPrintable(checked.text()));
        // Indefinite lengths are BER, not DER.
        QByteArray ber = der;
        ber[1] = char(0x80);
        writeFile(path(u"w.der"_s), ber);
        const Ran refused = cli({u"check"_s, path(u"w.der"_s), u"--profile"_s, u"t1"_s});
        QCOMPARE(refused.status, 2);
        QVERIFY2(refused.err.trimmed().count('\n') == 0, refused.err.constData());
    }

private:
    QString path(const QString &name) const { return m_folder.filePath(name); }
    Ran cli(const QStringList &words) const
    {
        return slipwayRun(QStringList{u"identity"_s} + words + QStringList{u"--home"_s, m_home});
    }
    bool openssl(const QString &words)
    {
        const Ran ran = shell(u"openssl "_s + words, m_folder.path());
        m_text = ran.text();
        return ran.status == 0;
    }
    bool request(const QString &serial, const QString &key)
    {
        return openssl(
            u"req -new -newkey %1 -nodes -keyout d.key -subj /serialNumber=%2 -out d.csr"_s.arg(key, serial));
    }
    // The certificate's file; not there when it was refused.
    QString issue(const QString &profile, const QString &serial,
                  const QString &key = u"ec -pkeyopt ec_paramgen_curve:P-256"_s, const QStringList &more = {})
    {
        const QString pem = path(u"%1-%2%3.pem"_s.arg(serial, profile, more.join(QString())));
        if (!request(serial, key))
            return {};
        QStringList words{u"issue"_s, u"--csr"_s, path(u"d.csr"_s), u"--profile"_s, profile, u"--serial"_s, serial,
                          u"--out"_s, pem};
        if (profile == u"t1")
            words << u"--mud-url"_s << u"https://mud.example/t1/1.4.json"_s;
        m_text = cli(words + more).text();
        return pem;
    }

    QTemporaryDir m_folder;
    QString m_home, m_text;
};

SLIPWAY_TEST_MAIN(TestIdentities)
#include "tst_identities.moc"
