// Kinds of certificates as data: what each profile gives, under each kind of issuing key, what the check says of
// others, and whose clock is to blame.

#include "core/identity/check.h"
#include "core/identity/clockstate.h"
#include "core/identity/rotation.h"
#include "tests/support/testmain.h"
#include "tests/unit/identity/workshop.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

Profile parse(const QByteArray &yaml)
{
    return Profile::parse("slipway-profile: 1\n" + yaml, u"p.yaml"_s);
}

QStringList failing(const QList<CertificateFinding> &findings)
{
    QStringList fields;
    for (const CertificateFinding &finding : findings) {
        if (!finding.ok)
            fields << finding.field;
    }
    return fields;
}

const QByteArray everything =
    "kind: ldevid\n"
    "subject: { C: DE, O: Owner, CN: \"${serial}\" }\n"
    "not-after: 2y\n"
    "key-usage: [digitalSignature, keyAgreement]\n"
    "extended-key-usage: { uses: [clientAuth, 1.3.6.1.4.1.32473.3], critical: false }\n"
    "certificate-policies: [ 1.3.6.1.4.1.32473.4, { oid: 1.3.6.1.4.1.32473.5, cps: \"https://pki.example/cps\" } ]\n"
    "subject-alt-name:\n"
    "  - dns: \"${serial}.dev.example\"\n"
    "  - uri: \"urn:dev:ops:32473-${serial}\"\n"
    "  - email: \"${serial}@dev.example\"\n"
    "  - ip: 192.0.2.1\n"
    "  - ip: \"2001:db8::1\"\n"
    "  - registered-id: 1.3.6.1.4.1.32473.7\n"
    "  - directory: \"CN=${serial},O=Owner\"\n"
    "  - permanent-identifier: \"${serial}\"\n"
    "    assigner: 1.3.6.1.4.1.32473.8\n"
    "  - other: 1.3.6.1.4.1.32473.9\n"
    "    utf8: \"bay ${serial}\"\n"
    "crl-distribution-points: [ \"http://pki.example/a.crl\", \"ldap://pki.example/cn=a\" ]\n"
    "freshest-crl: http://pki.example/delta.crl\n"
    "authority-information: { ocsp: \"http://ocsp.example\", ca-issuers: \"http://pki.example/ca.cer\" }\n"
    "extensions:\n"
    "  - { oid: 1.3.6.1.4.1.32473.10, hex: \"0500\" }\n"
    "  - { oid: 1.3.6.1.4.1.32473.11, critical: true, utf8: \"only here\" }\n";

} // namespace

class TestProfileKinds : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void kindsHaveTheirDefaults()
    {
        const Profile idevid = parse("");
        QCOMPARE(idevid.notAfter, u"99991231235959Z"_s);
        QVERIFY(idevid.mudUrlRequired);
        const Profile ldevid = parse("kind: ldevid\n");
        QCOMPARE(ldevid.notAfter, u"1y"_s);
        QVERIFY(!ldevid.mudUrlRequired);
        const Profile tpm = parse("kind: tpm-idevid\n");
        QCOMPARE(tpm.hwType, u"2.23.133.1.2"_s);
        QCOMPARE(tpm.policies.size(), 2);
        QCOMPARE(tpm.policies[1].oid, u"2.23.133.11.1.2"_s);
        QCOMPARE(parse("kind: tpm-iak\n").policies[1].oid, u"2.23.133.11.1.3"_s);
    }

    void refusesWhatMakesNoCertificate_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<QString>("words");
        const auto row = [](const char *name, const char *yaml, const char *words) {
            QTest::newRow(name) << QByteArray(yaml) << QString::fromLatin1(words);
        };
        row("kind", "kind: idevd\n", "p.yaml:2:7: there is no kind \"idevd\"; did you mean");
        row("CA usage", "key-usage: [keyCertSign]\n", "no key usage \"keyCertSign\" for a device");
        row("extended usage", "extended-key-usage: [cookery]\n", "no extended key usage");
        row("policy twice", "certificate-policies: [1.2.3, 1.2.3]\n", "stands there twice");
        row("no URL", "freshest-crl: somewhere\n", "no http, https or ldap URL");
        row("two forms", "subject-alt-name: [ { dns: a.example, uri: \"urn:x:y\" } ]\n", "one form");
        row("no host", "subject-alt-name: [ { dns: \"not a host\" } ]\n", "no name of the form dns");
        row("other variable", "subject-alt-name: [ { dns: \"${mac}.example\" } ]\n", "variable other than");
        row("no DER", "extensions: [ { oid: 1.2.3, hex: \"0501\" } ]\n", "one value in DER");
        row("two values", "extensions: [ { oid: 1.2.3, hex: \"05000500\" } ]\n", "one value in DER");
        row("own key", "extensions: [ { oid: 2.5.29.15, hex: \"03020780\" } ]\n", "has a key of its own");
        row("extension twice", "extensions: [ { oid: 1.2.3, hex: \"0500\" }, { oid: 1.2.3, hex: \"0500\" } ]\n",
            "stands there twice");
    }
    void refusesWhatMakesNoCertificate()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QString, words);
        QString sentence;
        QCOMPARE(faultOf([&] { parse(yaml); }, &sentence), QByteArray("identity.profile"));
        QVERIFY2(sentence.contains(words), qPrintable(sentence));
    }

    void everyIssuingKeyAndProfile_data()
    {
        QTest::addColumn<QString>("caKey");
        QTest::addColumn<QByteArray>("yaml");
        for (const QString &key : {u"P-256"_s, u"P-384"_s, u"Ed25519"_s, u"RSA-3072"_s})
            QTest::newRow(qPrintable(key)) << key << everything;
        QTest::newRow("TPM IDevID") << u"P-384"_s << QByteArray("kind: tpm-idevid\n");
        QTest::newRow("TPM attestation key") << u"P-256"_s << QByteArray("kind: tpm-iak\n");
    }
    void everyIssuingKeyAndProfile()
    {
        QFETCH(QString, caKey);
        QFETCH(QByteArray, yaml);
        const Workshop shop;
        const NextCa next = createNextCa(shop.path("ca.key"), shop.path("ca.pem"), {}, caKey);
        writeFile(shop.path("k.key"), next.ca.keyPem, Access::OwnerOnly);
        writeFile(shop.path("k.pem"), next.ca.certificatePem);
        const auto issuer = FileIssuer::open(shop.path("k.key"), shop.path("k.pem"));
        IssueOrder order = Workshop::order(u"T1-00000009"_s);
        order.profile = parse(yaml);
        order.mudUrl.clear();
        const IssuedCertificate issued = issuer->issue(order, Task{});
        const auto findings = checkCertificate(issued.der, order.profile, issuer->chain());
        QVERIFY2(allHold(findings), qPrintable(whatDoesNotHold(findings)));
        // Against another profile the differences are named, each with its clause.
        const auto others = checkCertificate(issued.der, parse("mud-url: { required: false }\n"), issuer->chain());
        QVERIFY(!allHold(others));
        for (const CertificateFinding &finding : others) {
            QVERIFY(!finding.clause.isEmpty());
            QVERIFY(finding.ok == finding.sentence.isEmpty());
        }
        if (yaml == everything) {
            for (const char *field : {"not-after", "key-usage", "extended-key-usage", "extensions", "subject"})
                QVERIFY2(failing(others).contains(QLatin1String(field)), field);
        }
        // And with one octet of a declared extension changed.
        if (yaml == everything) {
            Profile changed = order.profile;
            changed.extensions[0].value = QByteArray::fromHex("0101ff");
            changed.crlUrls.removeLast();
            changed.alternativeNames[0].value = u"${serial}.other.example"_s;
            QCOMPARE(failing(checkCertificate(issued.der, changed, issuer->chain())),
                     (QStringList{u"crl-distribution-points"_s, u"extension"_s, u"subject-alt-name"_s}));
        }
    }

    void serialThatIsNoHostName()
    {
        const Workshop shop;
        IssueOrder order = Workshop::order(u"X (7)"_s);
        order.profile = parse("kind: ldevid\nsubject-alt-name: [ { dns: \"${serial}.example\" } ]\n");
        order.mudUrl.clear();
        QString sentence;
        QCOMPARE(faultOf([&] { (void)shop.issuer()->issue(order, Task{}); }, &sentence), QByteArray("identity.serial"));
        QVERIFY2(sentence.contains(u"dns"), qPrintable(sentence));
    }

    void clocks_data()
    {
        QTest::addColumn<QString>("device"); // "-": not asked, "none"
        QTest::addColumn<QString>("station");
        QTest::addColumn<QString>("state");
        const QString now = u"2026-11-21T12:00:00Z"_s;
        QTest::newRow("not asked") << u"-"_s << now << u"not-asked"_s;
        QTest::newRow("keeps none") << u"none"_s << now << u"no-clock"_s;
        QTest::newRow("1970") << u"1970-01-01T00:00:09Z"_s << now << u"no-clock"_s;
        QTest::newRow("2010") << u"2010-01-01T00:00:09Z"_s << now << u"no-clock"_s;
        QTest::newRow("slow") << u"2025-11-21T12:00:00Z"_s << now << u"wrong-clock"_s;
        QTest::newRow("fast") << u"2030-11-21T12:00:00Z"_s << now << u"wrong-clock"_s;
        QTest::newRow("six minutes") << u"2026-11-21T12:06:00Z"_s << now << u"wrong-clock"_s;
        QTest::newRow("good") << u"2026-11-21T12:01:00Z"_s << now << u"fits"_s;
        QTest::newRow("not yet") << u"2026-11-21T12:01:00Z"_s << u"2026-11-01T12:00:00Z"_s << u"not-yet-valid"_s;
        QTest::newRow("over") << u"none"_s << u"2028-01-01T12:00:00Z"_s << u"expired"_s;
    }
    void clocks()
    {
        QFETCH(QString, device);
        QFETCH(QString, station);
        QFETCH(QString, state);
        CertificateFacts facts;
        facts.notBefore = u"20261120000000Z"_s;
        facts.notAfter = u"20271120000000Z"_s;
        DeviceClock clock;
        clock.asked = device != u"-";
        clock.time = QDateTime::fromString(device, Qt::ISODate);
        const ClockState judged = judgeClock(facts, clock, QDateTime::fromString(station, Qt::ISODate));
        QCOMPARE(judged.state, state);
        QVERIFY(judged.sentence.endsWith(u'.'));
        QCOMPARE(judged.good(), judged.remedy.isEmpty());
        QCOMPARE(clockFinding(judged).ok, judged.good());
    }

    void aNewKeyForTheCa()
    {
        const Workshop shop;
        const QString keys = shop.folder() + u"/keys"_s;
        QVERIFY(QDir().mkpath(keys));
        const KeyAndCertificate ca = createDeviceCa(u"Line 1"_s, "pass");
        writeFile(keys + u"/issuer.key"_s, ca.keyPem, Access::OwnerOnly);
        writeFile(keys + u"/issuer.pem"_s, ca.certificatePem);
        const auto before = FileIssuer::open(keys + u"/issuer.key"_s, keys + u"/issuer.pem"_s, "pass");
        const IssuedCertificate old = before->issue(Workshop::order(u"T1-00000001"_s), Task{});
        {
            const Rotation prepared(keys, u"issuer"_s, "pass", u"P-384"_s); // not committed: nothing happened
        }
        QVERIFY(formerCas(keys, u"issuer"_s).isEmpty());
        QCOMPARE(readFile(keys + u"/issuer.pem"_s, 65536, QString()), ca.certificatePem);
        {
            Rotation rotation(keys, u"issuer"_s, "pass", u"P-384"_s);
            rotation.commit();
        }
        // Power went after the rename: whoever opens it next puts the key in its place.
        const auto former = formerCas(keys, u"issuer"_s);
        QCOMPARE(former.size(), 1);
        const auto after = FileIssuer::open(keys + u"/issuer.key"_s, keys + u"/issuer.pem"_s, "pass");
        after->setFormerChains({former.first().chain});
        const IssuedCertificate fresh = after->issue(Workshop::order(u"T1-00000002"_s), Task{});
        QCOMPARE(fresh.issuerName, old.issuerName); // it keeps its name
        QVERIFY(after->chain() != before->chain());
        QCOMPARE(after->chainFor(old.der), before->chain());
        QCOMPARE(after->chainFor(fresh.der), after->chain());
        QVERIFY(allHold(checkCertificate(old.der, t1Profile(), after->chainFor(old.der))));
        QVERIFY(!allHold(checkCertificate(old.der, t1Profile(), after->chain())));
        // A run that had loaded the old key goes on with it.
        QVERIFY(allHold(checkCertificate(before->issue(Workshop::order(u"T1-00000003"_s), Task{}).der, t1Profile(),
                                         before->chain())));
    }

    // A rename happened, the key did not get into its place: as after a power cut.
    void aRotationThatWasCutShort()
    {
        const Workshop shop;
        const QString keys = shop.folder();
        QVERIFY(QFile::copy(shop.path("ca.key"), shop.path("issuer.key")));
        QVERIFY(QFile::copy(shop.path("ca.pem"), shop.path("issuer.pem")));
        const QByteArray oldPem = readFile(shop.path("issuer.pem"), 65536, QString());
        const QByteArray oldKey = readFile(shop.path("issuer.key"), 65536, QString());
        Rotation rotation(keys, u"issuer"_s, {}, u"P-256"_s);
        const QString folder = keys + u"/former/.new-issuer-"_s + rotation.oldId();
        const QByteArray nextKey = readFile(folder + u"/next.key"_s, 65536, QString());
        const QByteArray nextPem = readFile(folder + u"/next.pem"_s, 65536, QString());
        rotation.commit();
        const QString former = formerCas(keys, u"issuer"_s).first().folder;
        for (const bool certificateReplaced : {false, true}) {
            writeFile(former + u"/next.key"_s, nextKey, Access::OwnerOnly);
            writeFile(former + u"/next.pem"_s, nextPem);
            writeFile(shop.path("issuer.key"), oldKey, Access::OwnerOnly);
            writeFile(shop.path("issuer.pem"), certificateReplaced ? nextPem : oldPem);
            finishRotation(keys, u"issuer"_s);
            QCOMPARE(readFile(shop.path("issuer.pem"), 65536, QString()), nextPem);
            QVERIFY(FileIssuer::open(shop.path("issuer.key"), shop.path("issuer.pem")));
            QVERIFY(!QFile::exists(former + u"/next.key"_s));
        }
    }
};

SLIPWAY_TEST_MAIN(TestProfileKinds)
#include "tst_profilekinds.moc"
