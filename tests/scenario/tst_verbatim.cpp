// The commands that must work word for word, in the order in which a person would type them, with the files they name.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestVerbatim : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString m_home;
    QString m_serial;
    const QString m_images = QStringLiteral(SLIPWAY_TEST_DATA "/mcuboot/");

    QString file(const QString &name) const { return m_folder.filePath(name); }

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        m_home = file(u"H"_s);
        const Ran made = slipwayRun({u"init"_s, u"--home"_s, m_home});
        QVERIFY2(made.status == 0, qPrintable(made.text()));
    }

    void demoTwice()
    {
        const Ran four = slipwayRun({u"demo"_s, u"--headless"_s, u"--home"_s, m_home});
        QVERIFY2(four.status == 0, qPrintable(four.text()));
        QCOMPARE(four.lastLine(), u"4 passed, 0 failed"_s);
        const Ran sixteen = slipwayRun({u"demo"_s, u"--headless"_s, u"--slots"_s, u"16"_s, u"--home"_s, m_home});
        QVERIFY2(sixteen.status == 0, qPrintable(sixteen.text()));
        QCOMPARE(sixteen.lastLine(), u"16 passed, 0 failed"_s);
        const Ran units = shell(
            u"sqlite3 H/journal.db \"SELECT count(DISTINCT device) FROM run WHERE verdict='PASS'\""_s, m_folder.path());
        QCOMPARE(units.lastLine(), u"20"_s);
    }

    void journalShowAndVerify()
    {
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QVERIFY2(verified.status == 0, qPrintable(verified.text()));
        const Ran shown = slipwayRun({u"journal"_s, u"show"_s, u"--home"_s, m_home, u"--json"_s});
        QCOMPARE(shown.status, 0);
        qint64 expected = 1;
        for (const QJsonObject &entry : shown.objects()) {
            QVERIFY2(!entry.contains(u"not-json"_s), qPrintable(entry.value(u"not-json"_s).toString()));
            for (const char *key : {"entry", "at", "kind", "run", "device"})
                QVERIFY2(entry.contains(QLatin1String(key)), key);
            QCOMPARE(entry.value(u"entry"_s).toInteger(), expected++);
            if (entry.value(u"kind"_s) == u"run.ended"_s)
                m_serial = entry.value(u"device"_s).toString();
        }
        QVERIFY(expected > 1000);
        QVERIFY(!m_serial.isEmpty());
    }

    void passportThatOpensslAccepts()
    {
        const QString out = file(u"D"_s);
        const Ran made = slipwayRun({u"journal"_s, u"passport"_s, m_serial, u"--home"_s, m_home, u"--out"_s, out});
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        for (const QString &name : {m_serial + u".json"_s, m_serial + u".json.p7s"_s, m_serial + u".pdf"_s})
            QVERIFY2(QFile::exists(out + u'/' + name), qPrintable(name));
        const Ran checked =
            shell(u"openssl cms -verify -binary -inform DER -in D/%1.json.p7s -content D/%1.json -CAfile "
                  "H/keys/station-ca.pem -purpose any"_s.arg(m_serial),
                  m_folder.path());
        QVERIFY2(checked.status == 0, qPrintable(checked.text()));
        QVERIFY(checked.out.contains(m_serial.toUtf8()));
    }

    void virtualDeviceIdentifyAndWrite()
    {
        const QString dut = file(u"dut0"_s);
        Running device(slipwayProgram(), {u"virtual"_s, u"smp"_s, u"--pty"_s, dut, u"--serial"_s, u"T1-00000001"_s});
        QVERIFY(device.waitForFile(dut));
        const Ran facts = slipwayRun({u"device"_s, u"identify"_s, dut, u"--driver"_s, u"smp"_s, u"--json"_s});
        QVERIFY2(facts.status == 0, qPrintable(facts.text()));
        QCOMPARE(facts.objects().size(), 1);
        QCOMPARE(facts.objects().first().value(u"serial"_s).toString(), u"T1-00000001"_s);
        QCOMPARE(facts.objects().first().value(u"board"_s).toString(), u"t1-rev-b"_s);
        const QJsonObject clock = facts.objects().first().value(u"clock"_s).toObject();
        QCOMPARE(clock.value(u"state"_s).toString(), u"no-clock"_s); // nobody has set it
        QCOMPARE(clock.value(u"sentence"_s).toString(),
                 u"The device does not know the time, so certificates look not yet valid to it."_s);

        const QString image = m_images + u"t1-1.4.2-p256.bin"_s;
        const QString signer = m_images + u"p256.pub.pem"_s;
        const QStringList write{u"firmware"_s, u"write"_s, image,         u"--driver"_s, u"smp"_s,
                                u"--port"_s,   dut,        u"--signer"_s, signer};
        const Ran written = slipwayRun(write);
        QVERIFY2(written.status == 0, qPrintable(written.text()));
        const Ran after = slipwayRun({u"device"_s, u"identify"_s, dut, u"--driver"_s, u"smp"_s, u"--json"_s});
        QVERIFY2(after.objects().value(0).value(u"firmware"_s).toString().startsWith(u"1.4.2"),
                 qPrintable(after.text()));

        const QString host = file(u"line0"_s);
        Running line(slipwayProgram(), {u"virtual"_s, u"line"_s, u"--device"_s, dut, u"--host"_s, host, u"--baud"_s,
                                        u"921600"_s, u"--latency"_s, u"1ms"_s});
        QVERIFY(line.waitForFile(host));
        const Ran through = slipwayRun({u"device"_s, u"identify"_s, host, u"--driver"_s, u"smp"_s, u"--json"_s});
        QVERIFY2(through.status == 0, qPrintable(through.text()));
    }

    void firmwareInspectAndVerify()
    {
        const Ran inspected = slipwayRun({u"firmware"_s, u"inspect"_s, m_images + u"t1-1.4.2-p256.bin"_s, u"--json"_s});
        QVERIFY2(inspected.status == 0, qPrintable(inspected.text()));
        QCOMPARE(inspected.objects().size(), 1);
        const QString signer = m_images + u"p256.pub.pem"_s;
        const auto verify = [&](const QString &image) {
            return slipwayRun({u"firmware"_s, u"verify"_s, m_images + image, u"--signer"_s, signer}).status;
        };
        QCOMPARE(verify(u"t1-1.4.2-p256.bin"_s), 0);
        QCOMPARE(verify(u"t1-1.4.2-other-key.bin"_s), 1);
        QCOMPARE(verify(u"t1-flipped-bit.bin"_s), 1);
        QCOMPARE(verify(u"t1-truncated.bin"_s), 1);
    }

    void recipeCheck()
    {
        QFile bad(file(u"bad.yaml"_s));
        QVERIFY(bad.open(QIODevice::WriteOnly));
        bad.write("slipway: 1\nname: Bad\ndevice:\n  driver: smp\nsteps:\n  - identify: {}\n  - flsh: {}\n");
        bad.close();
        const Ran checked = shell(u"\"$SLIPWAY\" recipe check bad.yaml"_s, m_folder.path());
        QCOMPARE(checked.status, 2);
        const QByteArray all = checked.out + checked.err;
        QVERIFY2(all.contains("bad.yaml:7:5: unknown step \"flsh\"; did you mean \"flash\"?"),
                 qPrintable(checked.text()));
        const Ran good = slipwayRun({u"recipe"_s, u"check"_s, m_home + u"/recipes/t1.yaml"_s});
        QVERIFY2(good.status == 0, qPrintable(good.text()));
    }

    void identityOfAnOutsideRequest()
    {
        const Ran asked =
            shell(u"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -subj "
                  "/serialNumber=T1-00000009 -out d.csr"_s,
                  m_folder.path());
        QCOMPARE(asked.status, 0);
        const QString issue = u"\"$SLIPWAY\" identity issue --csr d.csr --profile t1 --serial T1-00000009 --mud-url "
                              "https://mud.example/t1/1.4.json --out d.pem --home H"_s;
        const Ran issued = shell(issue, m_folder.path());
        QVERIFY2(issued.status == 0, qPrintable(issued.text()));
        const Ran checked = shell(u"\"$SLIPWAY\" identity check d.pem --profile t1 --home H"_s, m_folder.path());
        QVERIFY2(checked.status == 0, qPrintable(checked.text()));
        const Ran chain = shell(u"openssl verify -CAfile H/keys/issuer.pem d.pem"_s, m_folder.path());
        QVERIFY2(chain.status == 0, qPrintable(chain.text()));
        const Ran again = shell(issue, m_folder.path());
        QVERIFY2(again.status != 0, qPrintable(again.text()));
    }

    // Last: it spoils the journal.
    void tamperingIsFound()
    {
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
        const Ran edited = shell(u"sqlite3 H/journal.db \"UPDATE entry SET device = 'T1-99999999' WHERE seq = 200\""_s,
                                 m_folder.path());
        QCOMPARE(edited.status, 0);
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QCOMPARE(verified.status, 1);
        QVERIFY2((verified.out + verified.err).contains("entry 200"), qPrintable(verified.text()));
    }
};

SLIPWAY_TEST_MAIN(TestVerbatim)
#include "tst_verbatim.moc"
