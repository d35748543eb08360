// Whole recipes over every wire: `slipway run` against `slipway virtual ...` in a process of its own, identify, flash,
// identity where the driver has keys, measure where it has a shell, lock where it has one; SUIT over CoAP and by
// address. Then the journal is asked what it knows.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/suitmaker.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QUuid>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString dataFolder = QStringLiteral(SLIPWAY_TEST_DATA "/");
const QString coapVendor = u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s,
              coapClass = u"1492af14-2569-5e48-bf42-9b2d51f2ab45"_s;

QByteArray content(const QString &name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray someBytes(qsizetype size, quint32 seed)
{
    QRandomGenerator random(seed);
    QByteArray out(size, '\0');
    for (char &byte : out)
        byte = char(random.bounded(256));
    return out;
}

} // namespace

class TestWires : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QString m_home;
    const SuitSigner m_signer;
    int m_ports = 0;

    QString write(const QString &name, const QByteArray &bytes) const
    {
        QFile file(m_home + u"/recipes/"_s + name);
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
            qFatal("cannot write");
        return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
    }
    QString newPort() { return m_folder.filePath(u"dut%1"_s.arg(++m_ports)); }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }
    Ran runRecipe(const QString &recipe, const QString &port, const QString &serial) const
    {
        return slipwayRun(
            {u"run"_s, recipe, u"--slot"_s, u"1=%1"_s.arg(port), u"--serial"_s, serial, u"--home"_s, m_home});
    }
    // Of the unit's last flash: its outcome in the passport, which the journal must verify for.
    QString flashState(const QString &serial) const
    {
        return query(
            u"SELECT state FROM intent WHERE act = 'flash' AND device = '%1' ORDER BY entry DESC LIMIT 1"_s.arg(
                serial));
    }
    // The boat's firmware for the virtual CoAP board, component 00.
    QByteArray coapEnvelope(qint64 sequence, const QByteArray &payload, const QString &uri, bool integrated) const
    {
        SuitMaker maker;
        maker.vendor = QUuid(coapVendor).toRfc4122();
        maker.deviceClass = QUuid(coapClass).toRfc4122();
        maker.payload = payload;
        maker.uri = uri;
        maker.integrated = integrated;
        maker.shared = {20,
                        QCborMap{{1, maker.vendor},
                                 {2, maker.deviceClass},
                                 {3, suitBytes(suitDigest(payload))},
                                 {14, qint64(payload.size())}},
                        1,
                        15,
                        2,
                        15};
        maker.install = {20, QCborMap{{21, uri}}, 21, 2, 3, 15};
        maker.manifest = {{2, sequence}, {9, suitBytes(QCborArray{23, 2})}};
        return maker.make(m_signer);
    }
    int freePort()
    {
        return shell(u"python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                     "s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])'"_s)
            .lastLine()
            .toInt();
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
        write(u"suit.pem"_s, m_signer.publicPem());
    }

    void cleanup()
    {
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QVERIFY2(verified.status == 0, qPrintable(verified.text()));
    }

    void espChip()
    {
        const QByteArray data = someBytes(60'000, 1);
        const QString sha = write(u"esp-data.bin"_s, data);
        write(u"esp.yaml"_s, "slipway: 1\nname: ESP\ndevice: { driver: esp }\nvariables:\n"
                             "  serial: { from: scan, pattern: \"E-[0-9]{4}\" }\nsteps:\n"
                             "  - identify: {}\n"
                             "  - flash: { image: esp-data.bin, at: 0x110000, sha256: " +
                                 sha.toLatin1() + " }\n  - measure: { name: Dummy, command: x, limits: [1, 2] }\n");
        const QString port = newPort();
        Running chip(slipwayProgram(), {u"virtual"_s, u"esp"_s, u"--pty"_s, port});
        QVERIFY(chip.waitForFile(port));
        // A ROM loader has no shell: said before anything is touched.
        const Ran lacking = runRecipe(u"esp"_s, port, u"E-0001"_s);
        QCOMPARE(lacking.status, 2);
        QVERIFY2(lacking.err.contains("shell"), qPrintable(lacking.text()));
        write(u"esp.yaml"_s, "slipway: 1\nname: ESP\ndevice: { driver: esp }\nvariables:\n"
                             "  serial: { from: scan, pattern: \"E-[0-9]{4}\" }\nsteps:\n"
                             "  - identify: {}\n"
                             "  - flash: { image: esp-data.bin, at: 0x110000, sha256: " +
                                 sha.toLatin1() + " }\n");
        const Ran ran = runRecipe(u"esp"_s, port, u"E-0001"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(flashState(u"E-0001"_s), u"done"_s);
        QCOMPARE(query(u"SELECT irreversible FROM run ORDER BY entry DESC LIMIT 1"_s), u"0"_s);
        const QString back = m_folder.filePath(u"back.bin"_s);
        const Ran read = slipwayRun({u"firmware"_s, u"read"_s, u"--driver"_s, u"esp"_s, u"--port"_s, port, u"--at"_s,
                                     u"0x110000"_s, u"--size"_s, u"4096"_s, u"--out"_s, back});
        QVERIFY2(read.status == 0, qPrintable(read.text()));
        QCOMPARE(content(back), data.first(4096));
    }

    void stm32Chip()
    {
        const QString sha = write(u"stm.bin"_s, someBytes(30'000, 2));
        write(u"stm.yaml"_s, "slipway: 1\nname: STM32\ndevice: { driver: stm32 }\nvariables:\n"
                             "  serial: { from: scan, pattern: \"S-[0-9]{4}\" }\nsteps:\n"
                             "  - identify: {}\n"
                             "  - flash: { image: stm.bin, at: 0x08000000, start: false, sha256: " +
                                 sha.toLatin1() + " }\n  - lock: { others: [readout] }\n");
        const QString port = newPort();
        Running chip(slipwayProgram(), {u"virtual"_s, u"stm32"_s, u"--pty"_s, port, u"--chip"_s, u"f405"_s});
        QVERIFY(chip.waitForFile(port));
        const Ran ran = runRecipe(u"stm"_s, port, u"S-0001"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(flashState(u"S-0001"_s), u"done"_s);
        QCOMPARE(query(u"SELECT state FROM intent WHERE act = 'lock'"_s), u"done"_s);
        QCOMPARE(query(u"SELECT irreversible FROM run ORDER BY entry DESC LIMIT 1"_s), u"1"_s);
    }

    void gateway()
    {
        const QString sha = write(u"bundle.bin"_s, someBytes(20'000, 3));
        write(u"gw.yaml"_s,
              "slipway: 1\nname: Gateway\ndevice: { driver: linux, board: virtual-gateway }\nvariables:\n"
              "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
              "  - identify: { expect: { board: virtual-gateway } }\n"
              "  - flash: { image: bundle.bin, sha256: " +
                  sha.toLatin1() + ", version: \"" + sha.first(12).toLatin1() +
                  "\" }\n"
                  "  - set: { settings: { channel: \"7\" } }\n"
                  "  - idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.json\" }\n"
                  "  - measure: { name: Supply, command: \"echo 3.31 V\", pattern: \"([0-9.]+) V\", unit: V, "
                  "limits: [3.2, 3.4] }\n"
                  "  - lock: { debug: true }\n");
        const QString port = newPort();
        Running gateway(slipwayProgram(),
                        {u"virtual"_s, u"linux"_s, u"--pty"_s, port, u"--serial"_s, u"T1-00000001"_s});
        QVERIFY(gateway.waitForFile(port));
        const Ran ran = runRecipe(u"gw"_s, port, u"T1-00000001"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(flashState(u"T1-00000001"_s), u"done"_s);
        QCOMPARE(query(u"SELECT count(*) FROM certificate"_s), u"1"_s);
        QCOMPARE(query(u"SELECT value FROM measurement WHERE name = 'Supply'"_s), u"3.31"_s);
    }

    void coapBoard()
    {
        write(u"coap.yaml"_s,
              "slipway: 1\nname: CoAP\ndevice: { driver: coap, board: t1-coap }\nvariables:\n"
              "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
              "  - identify: { expect: { board: t1-coap } }\n"
              "  - flash: { image: t1-1.4.2.signed.bin, signer: fw-signing.pem }\n"
              "  - set: { settings: { id/serial: \"${serial}\", net/channel: \"15\" } }\n"
              "  - time: { tolerance: 5s }\n"
              "  - idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.json\" }\n");
        const QString at = QString::number(freePort());
        Running board(slipwayProgram(), {u"virtual"_s, u"coap"_s, u"--port"_s, at});
        QVERIFY(board.waitForText("ready at"));
        const Ran ran = runRecipe(u"coap"_s, u"coap://127.0.0.1:"_s + at, u"T1-00000011"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(flashState(u"T1-00000011"_s), u"done"_s);
        QCOMPARE(query(u"SELECT count(*) FROM certificate WHERE serial = 'T1-00000011'"_s), u"1"_s);
    }

    // The device takes the envelope, judges it itself, and is at its sequence number afterwards; not back.
    void suitOverCoap()
    {
        const QByteArray image = content(dataFolder + u"mcuboot/t1-1.4.2-p256.bin"_s);
        const QByteArray newer = content(dataFolder + u"mcuboot/t1-1.4.2-ed25519.bin"_s);
        write(u"v5.suit"_s, coapEnvelope(5, image, u"#fw"_s, true));
        write(u"v6.suit"_s, coapEnvelope(6, newer, u"https://fw.example/t1/v6.bin"_s, false));
        write(u"v6.bin"_s, newer);
        write(u"v4.suit"_s, coapEnvelope(4, image, u"#fw"_s, true));
        const auto recipe = [&](const QString &name, const QString &flash) {
            write(name + u".yaml"_s, ("slipway: 1\nname: " + name +
                                      "\ndevice: { driver: coap, board: t1-coap }\nvariables:\n"
                                      "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n  - flash: { " +
                                      flash + ", signer: suit.pem }\n")
                                         .toUtf8());
        };
        recipe(u"s5"_s, u"image: v5.suit"_s);
        recipe(u"s6"_s, u"image: v6.suit, payloads: { v6: v6.bin }"_s);
        recipe(u"s4"_s, u"image: v4.suit, allow-downgrade: true"_s);
        const QString at = QString::number(freePort()), port = u"coap://127.0.0.1:"_s + at;
        const QString serial = u"T1-00000021"_s;
        Running board(slipwayProgram(), {u"virtual"_s, u"coap"_s, u"--port"_s, at, u"--serial"_s, serial,
                                         u"--suit-key"_s, m_home + u"/recipes/suit.pem"_s});
        QVERIFY(board.waitForText("ready at"));
        const Ran first = runRecipe(u"s5"_s, port, serial);
        QVERIFY2(first.status == 0, qPrintable(first.text()));
        const Ran second = runRecipe(u"s6"_s, port, serial);
        QVERIFY2(second.status == 0, qPrintable(second.text()));
        const Ran back = runRecipe(u"s4"_s, port, serial);
        QVERIFY2(back.status != 0, qPrintable(back.text()));
        QVERIFY2(back.err.contains("sequence number 4, and the device is at 6"), qPrintable(back.text()));
        const Ran told = slipwayRun({u"device"_s, u"identify"_s, port, u"--driver"_s, u"coap"_s, u"--json"_s});
        QCOMPARE(told.objects().value(0).value(u"suit-sequence"_s).toString(), u"6"_s);
        // By hand, and again: it has it.
        const Ran again = slipwayRun({u"firmware"_s, u"write"_s, m_home + u"/recipes/v6.suit"_s, u"--driver"_s,
                                      u"coap"_s, u"--port"_s, port, u"--signer"_s, m_home + u"/recipes/suit.pem"_s,
                                      u"--payload"_s, m_home + u"/recipes/v6.bin"_s});
        QVERIFY2(again.status == 0 && again.err.contains("nothing was written"), qPrintable(again.text()));
    }

    void suitRefusedByTheDevice()
    {
        write(u"v5.suit"_s, coapEnvelope(5, content(dataFolder + u"mcuboot/t1-1.4.2-p256.bin"_s), u"#fw"_s, true));
        const QString at = QString::number(freePort()), port = u"coap://127.0.0.1:"_s + at;
        Running board(slipwayProgram(), {u"virtual"_s, u"coap"_s, u"--port"_s, at});
        QVERIFY(board.waitForText("ready at"));
        const Ran ran = slipwayRun({u"firmware"_s, u"write"_s, m_home + u"/recipes/v5.suit"_s, u"--driver"_s, u"coap"_s,
                                    u"--port"_s, port, u"--signer"_s, m_home + u"/recipes/suit.pem"_s});
        QVERIFY2(ran.status != 0 && ran.err.contains("no signature of a trusted signer"), qPrintable(ran.text()));
        const Ran wrong =
            slipwayRun({u"firmware"_s, u"write"_s, m_home + u"/recipes/v5.suit"_s, u"--driver"_s, u"coap"_s,
                        u"--port"_s, port, u"--signer"_s, m_home + u"/recipes/fw-signing.pem"_s});
        QVERIFY2(wrong.status == 2 && wrong.err.contains("nothing in it was looked at"), qPrintable(wrong.text()));
    }

    // Carried out from here: by address, with the record as the memory of the sequence number.
    void suitByAddress()
    {
        SuitMaker maker;
        maker.payload = someBytes(8'000, 7);
        const auto envelope = [&](qint64 sequence) {
            SuitMaker one = maker;
            one.shared = {20,
                          QCborMap{{1, one.vendor},
                                   {2, one.deviceClass},
                                   {3, suitBytes(suitDigest(one.payload))},
                                   {14, qint64(one.payload.size())}},
                          1,
                          15,
                          2,
                          15};
            one.manifest = {{2, sequence}};
            return one.make(m_signer);
        };
        write(u"n8.suit"_s, envelope(8));
        write(u"n9.suit"_s, envelope(9));
        const QString ids =
            u"vendor-id: %1, class-id: %2"_s.arg(QUuid::fromRfc4122(maker.vendor).toString(QUuid::WithoutBraces),
                                                 QUuid::fromRfc4122(maker.deviceClass).toString(QUuid::WithoutBraces));
        for (const QString &name : {u"n8"_s, u"n9"_s}) {
            write(name + u".yaml"_s,
                  ("slipway: 1\nname: " + name +
                   "\ndevice: { driver: esp }\nvariables:\n"
                   "  serial: { from: scan, pattern: \"E-[0-9]{4}\" }\nsteps:\n  - identify: {}\n  - flash: { image: " +
                   name + ".suit, signer: suit.pem, at: 0x110000, " + ids + " }\n")
                      .toUtf8());
        }
        const QString port = newPort();
        Running chip(slipwayProgram(), {u"virtual"_s, u"esp"_s, u"--pty"_s, port});
        QVERIFY(chip.waitForFile(port));
        const Ran nine = runRecipe(u"n9"_s, port, u"E-0009"_s);
        QVERIFY2(nine.status == 0, qPrintable(nine.text()));
        const Ran eight = runRecipe(u"n8"_s, port, u"E-0009"_s);
        QVERIFY2(eight.status == 3, qPrintable(eight.text()));
        QVERIFY2(eight.err.contains("sequence number 8, and the device is at 9"), qPrintable(eight.text()));
        const Ran told =
            slipwayRun({u"journal"_s, u"passport"_s, u"E-0009"_s, u"--out"_s, m_folder.path(), u"--home"_s, m_home});
        QVERIFY2(told.status == 0, qPrintable(told.text()));
        const QByteArray passport = content(m_folder.filePath(u"E-0009.json"_s));
        QVERIFY2(passport.contains("\"act\":\"flash\"") || passport.contains("\"act\": \"flash\""),
                 passport.constData());
    }
};

SLIPWAY_TEST_MAIN(TestWires)
#include "tst_wires.moc"
