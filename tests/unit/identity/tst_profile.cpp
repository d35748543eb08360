// Certificate profiles: the sample, every key, and where errors are said to be.

#include "core/base/fault.h"
#include "core/identity/profile.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QTemporaryDir>

using namespace slipway;

class TestProfile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void sample()
    {
        const ProfileStore store(QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/profiles"));
        QVERIFY(store.names().contains(QStringLiteral("t1")));
        const Profile p = store.find(QStringLiteral("t1"));
        QCOMPARE(p.name, QStringLiteral("t1"));
        QCOMPARE(p.subject, (QMap<QString, QString>{{QStringLiteral("O"), QStringLiteral("Example")}}));
        QCOMPARE(p.keyType, QStringLiteral("P-256"));
        QCOMPARE(p.notAfter, QStringLiteral("99991231235959Z"));
        QCOMPARE(p.hwType, QStringLiteral("1.3.6.1.4.1.32473.1.7"));
        QCOMPARE(p.serialPattern, QStringLiteral("T1-[0-9]{8}"));
        QCOMPARE(p.mudUrlPattern, QStringLiteral("^https://mud\\.example/t1/"));
        QCOMPARE(p.masaUrl, QStringLiteral("masa.example"));
        QVERIFY(p.mudUrlRequired && p.keyUsage && p.basicConstraints);
        QVERIFY(p.mudSigner.isEmpty());
    }

    void everyKey()
    {
        const Profile p = Profile::parse("slipway-profile: 1\n"
                                         "subject: { C: DE, O: Example, CN: \"Unit ${serial}\" }\n"
                                         "key: P-384\nnot-after: 20y\nkey-usage: false\nbasic-constraints: false\n"
                                         "serial: \"[A-Z]+\"\nmud-url: { required: false }\n"
                                         "mud-signer: \"CN=MUD Signer,O=Example\\\\, Ltd\"\nmaximum-size: 900\n",
                                         QStringLiteral("/x/y/unit.yaml"));
        QCOMPARE(p.name, QStringLiteral("unit"));
        QCOMPARE(p.subject.value(QStringLiteral("CN")), QStringLiteral("Unit ${serial}"));
        QCOMPARE(p.keyType, QStringLiteral("P-384"));
        QCOMPARE(p.notAfter, QStringLiteral("20y"));
        QVERIFY(!p.keyUsage && !p.basicConstraints && !p.mudUrlRequired);
        QCOMPARE(p.maximumDerBytes, 900);
        QVERIFY(p.hwType.isEmpty() && p.masaUrl.isEmpty());
    }

    void wrong_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<QString>("begin");
        QTest::addColumn<QString>("words");
        const auto row = [](const char *name, const char *yaml, const char *begin, const char *words) {
            QTest::newRow(name) << QByteArray(yaml) << QString::fromLatin1(begin) << QString::fromLatin1(words);
        };
        row("empty", "", "p.yaml:1:1:", "a map");
        row("list", "- a\n", "p.yaml:1:1:", "a map");
        row("no mark", "key: P-256\n", "p.yaml:1:1:", "slipway-profile");
        row("other form", "slipway-profile: 2\n", "p.yaml:1:1:", "slipway-profile: 1");
        row("near miss", "slipway-profile: 1\nserail: x\n", "p.yaml:2:1:", "did you mean \"serial\"?");
        row("twice", "slipway-profile: 1\nkey: P-256\nkey: P-256\n", "p.yaml:3:1:", "twice");
        row("key type", "slipway-profile: 1\nkey: P256\n", "p.yaml:2:6:", "did you mean \"p-256\"?");
        row("not-after", "slipway-profile: 1\nnot-after: soon\n", "p.yaml:2:12:", "20y");
        row("month 13", "slipway-profile: 1\nnot-after: 20301331000000Z\n", "p.yaml:2:12:", "20y");
        row("after the end of time", "slipway-profile: 1\nnot-after: 9000y\n", "p.yaml:2:12:", "20y");
        row("OID", "slipway-profile: 1\nhardware-type: 1.99.1\n", "p.yaml:2:16:", "OID");
        row("pattern", "slipway-profile: 1\nserial: \"[\"\n", "p.yaml:2:9:", "regular expression");
        row("truth", "slipway-profile: 1\nkey-usage: perhaps\n", "p.yaml:2:12:", "neither true nor false");
        row("subject key", "slipway-profile: 1\nsubject: { ON: x }\n", "p.yaml:2:12:", "has no key \"ON\"");
        row("serialNumber", "slipway-profile: 1\nsubject: { serialNumber: x }\n", "p.yaml:2:12:", "no key");
        row("country", "slipway-profile: 1\nsubject: { C: Germany }\n", "p.yaml:2:15:", "two letters");
        row("variable", "slipway-profile: 1\nsubject: { CN: \"${mac}\" }\n", "p.yaml:2:16:", "${serial}");
        row("masa", "slipway-profile: 1\nmasa-url: \"a b\"\n", "p.yaml:2:11:", "ASCII");
        row("mud-signer", "slipway-profile: 1\nmud-signer: nobody\n", "p.yaml:2:13:", "RFC 4514");
        row("size", "slipway-profile: 1\nmaximum-size: 12\n", "p.yaml:2:15:", "256");
        row("value is a list", "slipway-profile: 1\nkey: [a]\n", "p.yaml:2:6:", "one value");
        row("no YAML", "slipway-profile: 1\nkey: [a\n", "p.yaml:", "no YAML");
    }
    void wrong()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QString, begin);
        QFETCH(QString, words);
        try {
            (void)Profile::parse(yaml, QStringLiteral("p.yaml"));
            QFAIL("taken");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("identity.profile"));
            QVERIFY2(fault.sentence().startsWith(begin), qPrintable(fault.sentence()));
            QVERIFY2(fault.sentence().contains(words), qPrintable(fault.sentence()));
        }
    }

    void hugeAndDeep()
    {
        QVERIFY_EXCEPTION_THROWN(Profile::parse(QByteArray(70'000, 'a'), QStringLiteral("p.yaml")), Fault);
        QVERIFY_EXCEPTION_THROWN(Profile::parse(QByteArray(30'000, '['), QStringLiteral("p.yaml")), Fault);
    }

    void unknownName()
    {
        const ProfileStore store(QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/profiles"));
        try {
            (void)store.find(QStringLiteral("t2"));
            QFAIL("found");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("identity.no-profile"));
            QVERIFY2(fault.text().contains(QLatin1String("\"t1\"")), qPrintable(fault.text()));
        }
        QVERIFY_EXCEPTION_THROWN(store.find(QStringLiteral("../profiles/t1")), Fault);
    }
};

SLIPWAY_TEST_MAIN(TestProfile)
#include "tst_profile.moc"
