// The cable is pulled, or the station loses its power, in the middle of writing firmware, over every wire: the journal
// says at which stage and byte, recover and the passport show it, nothing is called irreversible or unknown, and the
// same unit goes through afterwards.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRandomGenerator>
#include <QRegularExpression>
#include <QTemporaryDir>

#include <csignal>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray content(const QString &name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class TestFlashCut : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_home;
    QString m_port;
    std::unique_ptr<Running> m_device;
    const QString m_serial = u"T1-00000001"_s;
    QString m_limit; // of the step: how long a wire that says nothing is waited for

    QString write(const QString &name, const QByteArray &bytes) const
    {
        QFile file(m_home + u"/recipes/"_s + name);
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
            qFatal("cannot write");
        return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
    }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }
    // A recipe of one step; image: what the step says of its file.
    void recipe(const QString &device, const QString &flash) const
    {
        write(u"cut.yaml"_s, ("slipway: 1\nname: Cut\ndevice: { " + device +
                              " }\nvariables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
                              "  - flash: { " +
                              flash + ", timeout: " + m_limit + " }\n")
                                 .toUtf8());
    }
    bool plug(const QStringList &words)
    {
        m_device.reset();
        QFile::remove(m_port);
        m_device = std::make_unique<Running>(slipwayProgram(), words);
        return m_port.startsWith(u"coap:") ? m_device->waitForText("ready at") : m_device->waitForFile(m_port);
    }
    QStringList words() const
    {
        return {u"run"_s, u"cut"_s, u"--slot"_s, u"1=%1"_s.arg(m_port), u"--serial"_s, m_serial, u"--home"_s, m_home};
    }
    QString intents() const
    {
        return query(u"SELECT group_concat(state) FROM (SELECT state FROM intent ORDER BY entry)"_s);
    }
    QString sentence() const { return query(u"SELECT sentence FROM intent ORDER BY entry DESC LIMIT 1"_s); }

    // Runs into the trouble that the device has, then plugs in one without and runs again.
    void pulled(const QStringList &device, const QStringList &trouble, const QString &said)
    {
        QVERIFY(plug(device + trouble));
        const Ran cut = slipwayRun(words(), {}, 120);
        QVERIFY2(cut.status == 1 || cut.status == 3, qPrintable(cut.text()));
        QVERIFY2(!cut.err.contains("mistake of its own"), qPrintable(cut.text()));
        QCOMPARE(intents(), u"partial"_s);
        QVERIFY2(sentence().contains(QRegularExpression(said)), qPrintable(sentence()));
        QVERIFY2(query(u"SELECT summary FROM step"_s).startsWith(u"ended "), qPrintable(cut.text()));
        QVERIFY(query(u"SELECT verdict FROM run"_s) != u"UNKNOWN");
        QCOMPARE(query(u"SELECT irreversible FROM run"_s), u"0"_s);
        again(device, u"partial,done"_s);
    }

    void again(const QStringList &device, const QString &states)
    {
        QVERIFY(plug(device));
        const Ran whole = slipwayRun(words(), {}, 120);
        QVERIFY2(whole.status == 0, qPrintable(whole.text()));
        QCOMPARE(intents(), states);
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QVERIFY2(verified.status == 0, qPrintable(verified.text()));
        const Ran passport =
            slipwayRun({u"journal"_s, u"passport"_s, m_serial, u"--out"_s, m_folder->path(), u"--home"_s, m_home});
        QVERIFY2(passport.status == 0, qPrintable(passport.text()));
        const QJsonArray acts = QJsonDocument::fromJson(content(m_folder->filePath(m_serial + u".json"_s)))
                                    .object()
                                    .value(u"acts"_s)
                                    .toArray();
        QCOMPARE(acts.size(), 2);
        QCOMPARE(acts[0].toObject().value(u"state"_s).toString(), u"partial"_s);
        QVERIFY(!acts[0].toObject().value(u"sentence"_s).toString().isEmpty());
    }

    // The station is killed when the journal says that it has come to that stage.
    void killed(const QStringList &device, const QString &stage)
    {
        QVERIFY(plug(device));
        {
            Running run(slipwayProgram(), words());
            QElapsedTimer timer;
            timer.start();
            const QString reached =
                u"SELECT count(*) FROM entry WHERE kind = 'flash.reached' AND instr(body, cast('%1' AS BLOB)) > 0"_s
                    .arg(stage);
            while (run.isRunning() && timer.elapsed() < 60'000 && query(reached).toInt() == 0)
                QCoreApplication::processEvents();
            run.signal(SIGKILL);
            QCOMPARE(run.finish().status, 128 + SIGKILL);
        }
        const Ran shown = slipwayRun({u"recover"_s, u"--home"_s, m_home, u"--json"_s});
        QVERIFY2(shown.status == 0, qPrintable(shown.text())); // nothing is open: it can be written again
        QCOMPARE(shown.objects().size(), 1);
        const QString said = shown.objects().first().value(u"sentence"_s).toString();
        QVERIFY2(said.contains(u"Writing "), qPrintable(said));
        QVERIFY2(said.contains(u" was cut "), qPrintable(said));
        QCOMPARE(intents(), u"partial"_s);
        QCOMPARE(query(u"SELECT verdict || irreversible FROM run"_s), u"ERROR0"_s);
        again(device, u"partial,done"_s);
        const Ran left = slipwayRun({u"recover"_s, u"--home"_s, m_home, u"--json"_s});
        QVERIFY2(left.status == 0 && left.out.isEmpty(), qPrintable(left.text()));
    }

    QStringList smp() const { return {u"virtual"_s, u"smp"_s, u"--pty"_s, m_port}; }
    QStringList esp() const { return {u"virtual"_s, u"esp"_s, u"--pty"_s, m_port}; }
    QStringList stm32() const { return {u"virtual"_s, u"stm32"_s, u"--pty"_s, m_port, u"--chip"_s, u"f405"_s}; }
    void rawRecipe(const QString &device, const QString &more, qsizetype size)
    {
        QRandomGenerator random(11);
        QByteArray bytes(size, '\0');
        for (char &byte : bytes)
            byte = char(random.bounded(256));
        recipe(device, u"image: fw.bin, sha256: %1, %2"_s.arg(write(u"fw.bin"_s, bytes), more));
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_home = m_folder->filePath(u"home"_s);
        m_port = m_folder->filePath(u"dut"_s);
        m_limit = u"60s"_s;
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
    }
    void cleanup() { m_device.reset(); }

    void smpPulled()
    {
        recipe(u"driver: smp, board: t1-rev-b"_s, u"image: t1-1.4.2.signed.bin, signer: fw-signing.pem"_s);
        pulled(smp(), {u"--fault"_s, u"disconnect:after=20"_s}, u"while it was written, at [0-9.]+ \\S+ of "_s);
    }

    void espPulled_data()
    {
        QTest::addColumn<QString>("after");
        QTest::addColumn<QString>("said");
        QTest::newRow("written") << u"40"_s << u"while (it was written, at|memory was erased)"_s;
    }
    void espPulled()
    {
        QFETCH(QString, after);
        QFETCH(QString, said);
        rawRecipe(u"driver: esp"_s, u"at: 0x110000"_s, 600'000);
        pulled(esp(), {u"--fault"_s, u"disconnect:after="_s + after}, said);
    }

    void stm32Pulled_data()
    {
        QTest::addColumn<QString>("after");
        QTest::addColumn<QString>("said");
        QTest::newRow("half written") << u"9000"_s
                                      << u"while it was written, at [0-9.]+ \\S+ of .* \\(0x0800[0-9a-f]{4}\\)"_s;
    }
    void stm32Pulled()
    {
        QFETCH(QString, after);
        QFETCH(QString, said);
        rawRecipe(u"driver: stm32"_s, u"at: 0x08000000, start: false"_s, 30'000);
        pulled(stm32(), {u"--fault"_s, u"disconnect:after="_s + after}, said);
    }

    void linuxPulled()
    {
        m_limit = u"25s"_s;
        rawRecipe(u"driver: linux, board: virtual-gateway"_s, u"version: \"x\""_s, 400'000);
        // The version that must run: the beginning of the file's SHA-256.
        const QString sha = QString::fromLatin1(
            QCryptographicHash::hash(content(m_home + u"/recipes/fw.bin"_s), QCryptographicHash::Sha256).toHex());
        recipe(u"driver: linux, board: virtual-gateway"_s,
               u"image: fw.bin, sha256: %1, version: \"%2\""_s.arg(sha, sha.first(12)));
        const QString folder = m_folder->filePath(u"gateway"_s);
        QDir().mkpath(folder);
        const QStringList gateway{u"virtual"_s, u"linux"_s, u"--pty"_s, m_port, u"--folder"_s, folder};
        pulled(gateway, {u"--fault"_s, u"hang:after=150000"_s}, u"while it was written, at [0-9.]+ \\S+ of "_s);
    }

    void coapPulled()
    {
        const int at = shell(u"python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                             "s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])'"_s)
                           .lastLine()
                           .toInt();
        m_port = u"coap://127.0.0.1:%1"_s.arg(at);
        m_limit = u"15s"_s;
        recipe(u"driver: coap, board: t1-coap"_s, u"image: t1-1.4.2.signed.bin, signer: fw-signing.pem"_s);
        pulled({u"virtual"_s, u"coap"_s, u"--port"_s, QString::number(at)}, {u"--fault"_s, u"silence:after=40"_s},
               u"while it was written, at [0-9.]+ \\S+ of "_s);
    }

    void smpKilled()
    {
        recipe(u"driver: smp, board: t1-rev-b"_s, u"image: t1-1.4.2.signed.bin, signer: fw-signing.pem"_s);
        killed(smp(), u"write"_s);
    }
    void smpKilledInTheRestart()
    {
        recipe(u"driver: smp, board: t1-rev-b"_s, u"image: t1-1.4.2.signed.bin, signer: fw-signing.pem"_s);
        killed(smp() + QStringList{u"--reboot-time"_s, u"2s"_s}, u"restart"_s);
    }
    void espKilled()
    {
        rawRecipe(u"driver: esp"_s, u"at: 0x110000"_s, 600'000);
        killed(esp() + QStringList{u"--program-time"_s, u"1ms"_s}, u"write"_s);
    }
    void espKilledInTheErase()
    {
        rawRecipe(u"driver: esp"_s, u"at: 0x110000"_s, 300'000);
        killed(esp() + QStringList{u"--erase-time"_s, u"20ms"_s}, u"erase"_s);
    }
    void stm32KilledInTheErase()
    {
        rawRecipe(u"driver: stm32"_s, u"at: 0x08000000, start: false"_s, 30'000);
        killed(stm32() + QStringList{u"--erase-time"_s, u"500ms"_s}, u"erase"_s);
    }
};

SLIPWAY_TEST_MAIN(TestFlashCut)
#include "tst_flashcut.moc"
