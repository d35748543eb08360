// The five ways to a key through the real program: what is recorded, what the device holds as openssl sees it, what a
// kill in the middle leaves, and that no private key gets into the station's files.

#include "core/codec/espsecurecert.h"
#include "core/codec/nvspartition.h"
#include "core/codec/pem.h"
#include "tests/scenario/slipwayprogram.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QCborMap>
#include <QCborValue>
#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>

#include <csignal>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray content(const QString &name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void put(const QString &name, const QByteArray &bytes)
{
    QFile file(name);
    QVERIFY2(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size(), qPrintable(name));
}

QByteArray sha256Hex(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
}

// The number in an ECPrivateKey or PrivateKeyInfo of P-256.
QByteArray numberIn(const QByteArray &der)
{
    const qsizetype at = der.indexOf(QByteArray::fromHex("0201010420"));
    return at < 0 ? QByteArray() : der.mid(at + 5, 32);
}

} // namespace

class TestKeyWays : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_home, m_port;

    QString path(const QString &name) const { return m_folder->filePath(name); }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }
    QString recipe(const QString &driver, const QByteArray &steps) const
    {
        const QString file = path(u"r.yaml"_s);
        put(file, "slipway: 1\nname: Keys\ndevice: { driver: " + driver.toUtf8() +
                      " }\nvariables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n" + steps);
        return file;
    }
    static QByteArray idevid(const QByteArray &key, const QByteArray &more = {})
    {
        return "  - idevid: { profile: t1, key: " + key + ", mud-url: \"https://mud.example/t1/1.4.json\"" + more +
               " }\n";
    }
    QStringList words(const QString &recipe, const QString &port, const QStringList &more = {}) const
    {
        return QStringList{u"run"_s,      recipe,           u"--slot"_s, u"1=%1"_s.arg(port),
                           u"--serial"_s, u"T1-00000001"_s, u"--home"_s, m_home} +
               more;
    }
    std::unique_ptr<Running> smp(const QStringList &more = {})
    {
        auto device = std::make_unique<Running>(
            slipwayProgram(),
            QStringList{u"virtual"_s, u"smp"_s, u"--pty"_s, m_port, u"--state"_s, path(u"state"_s)} + more);
        if (!device->waitForFile(m_port))
            device.reset();
        return device;
    }
    // Every file below that folder, and what was said: raw, hex, base64 at each phase.
    QString leak(const QByteArray &number, const QString &folder, const QByteArray &said) const
    {
        QList<QByteArray> forms{number, number.toHex(), number.toHex().toUpper()};
        for (qsizetype phase = 0; phase < 3; ++phase)
            forms << (QByteArray(phase, '\0') + number).toBase64().mid((phase * 8 + 5) / 6, 24);
        for (const QByteArray &form : forms) {
            if (said.contains(form))
                return u"said"_s;
        }
        int files = 0;
        for (QDirIterator it(folder, QDir::Files | QDir::Hidden, QDirIterator::Subdirectories); it.hasNext(); ++files) {
            const QByteArray bytes = content(it.next());
            for (const QByteArray &form : forms) {
                if (bytes.contains(form))
                    return it.filePath();
            }
        }
        return files > 3 ? QString() : u"nothing was searched"_s;
    }
    bool makeLot(const QString &name, int count) const
    {
        put(path(u"pass"_s), "a passphrase\n");
        QByteArray serials;
        for (int i = 1; i <= count; ++i)
            serials += QByteArray("T1-0000000") + char('0' + i) + '\n';
        put(path(u"sn"_s), serials);
        const Ran made = shell(
            u"$SLIPWAY identity batch issue %1 --profile t1 --serials sn --mud-url https://mud.example/t1/1.4.json "
            "--home '%2' --passphrase-fd 3 3< pass"_s.arg(name, m_home),
            m_folder->path());
        if (made.status != 0)
            qInfo("%s", qPrintable(made.text()));
        return made.status == 0;
    }
    // The certificate on record belongs to that private key, as openssl sees it.
    bool belong(const QByteArray &keyPem) const
    {
        put(path(u"k.pem"_s), keyPem);
        const Ran exported = slipwayRun(
            {u"identity"_s, u"export"_s, u"T1-00000001"_s, u"--out"_s, path(u"c.pem"_s), u"--home"_s, m_home});
        const Ran compared = shell(u"openssl pkey -in k.pem -pubout > k.pub && openssl x509 -in c.pem -pubkey -noout > "
                                   "c.pub && cmp k.pub c.pub && openssl verify -CAfile '%1/keys/issuer.pem' "
                                   "-partial_chain c.pem"_s.arg(m_home),
                                   m_folder->path());
        QFile::remove(path(u"k.pem"_s));
        if (compared.status != 0)
            qInfo("%s", qPrintable(exported.text() + compared.text()));
        return exported.status == 0 && compared.status == 0;
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_home = path(u"home"_s);
        m_port = path(u"dut"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
    }

    void injected()
    {
        auto device = smp();
        QVERIFY(device);
        const Ran ran = slipwayRun(words(recipe(u"smp"_s, idevid("injected")), m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT method || '|' || transfer FROM certificate"_s),
                 u"bamboo|infrastructure-generated, mechanically-transferred"_s);
        device->signal(SIGTERM);
        device->finish();
        const QCborMap state = QCborValue::fromCbor(content(path(u"state/state.cbor"_s))).toMap();
        const QByteArray key = state.value(u"key"_s).toByteArray();
        const QByteArray number = numberIn(key);
        QCOMPARE(number.size(), 32);
        QVERIFY(belong(toPem("EC PRIVATE KEY", key)));
        QCOMPARE(leak(number, m_home, ran.out + ran.err), QString());
        QVERIFY(!leak(number, path(u"state"_s), {}).isEmpty()); // the search finds what is there
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
        const Ran passport =
            slipwayRun({u"journal"_s, u"passport"_s, u"T1-00000001"_s, u"--home"_s, m_home, u"--out"_s, path(u"p"_s)});
        QVERIFY2(passport.status == 0, qPrintable(passport.text()));
        const Ran shown = shell(u"grep -rl bamboo p*"_s, m_folder->path());
        QVERIFY2(shown.status == 0, qPrintable(shown.text()));
    }

    void derived()
    {
        const QByteArray seed(64, 'c'), other(64, 'd');
        put(path(u"seed"_s), seed + '\n');
        put(path(u"seeds"_s), "T1-00000001 " + seed + '\n');
        put(path(u"wrong"_s), "T1-00000001 " + other + '\n');
        auto device = smp({u"--device-seed"_s, path(u"seed"_s)});
        QVERIFY(device);
        const QString file = recipe(u"smp"_s, idevid("derived"));
        const auto line = [&](const QString &seeds) { return u"$SLIPWAY "_s + words(file, m_port).join(u' ') + seeds; };
        const Ran none = shell(line({}));
        QVERIFY2(none.status == 2 || none.status == 3, qPrintable(none.text()));
        const Ran wrong = shell(line(u" --seed-fd 3 3< wrong"_s), m_folder->path());
        QVERIFY2(wrong.status == 1 && wrong.err.contains("another key than its seed gives"), qPrintable(wrong.text()));
        QCOMPARE(query(u"SELECT count(*) FROM certificate"_s), u"0"_s);
        const Ran ran = shell(line(u" --seed-fd 3 3< seeds"_s), m_folder->path());
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT method FROM certificate"_s), u"carrot"_s);
        QCOMPARE(leak(QByteArray::fromHex(seed), m_home, ran.out + ran.err), QString());
        device->signal(SIGTERM);
        device->finish();
        const QCborMap state = QCborValue::fromCbor(content(path(u"state/state.cbor"_s))).toMap();
        QVERIFY(belong(toPem("EC PRIVATE KEY", state.value(u"key"_s).toByteArray())));
    }

    void preloadedAndElement()
    {
        const Ran made = shell(
            u"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "
            "/CN=Vendor -days 3650 && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout v.key "
            "-out "
            "v.csr -subj /serialNumber=V-77 && openssl x509 -req -in v.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
            "-days 3650 -out v.pem && openssl pkey -in v.key -outform DER -out v.der"_s,
            m_folder->path());
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        auto device =
            smp({u"--vendor-key"_s, path(u"v.der"_s), u"--vendor-chain"_s, path(u"v.pem"_s), u"--secure-element"_s});
        QVERIFY(device);
        const QString file = recipe(u"smp"_s, "  - idevid: { profile: t1, key: preloaded, vendor-anchors: ca.pem }\n");
        const Ran ran = slipwayRun(words(file, m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT method || '|' || issuer FROM certificate"_s), u"sapodilla|CN = Vendor"_s);
        device.reset();
        QFile::remove(path(u"state/state.cbor"_s));

        device = smp({u"--secure-element"_s});
        QVERIFY(device);
        QStringList other = words(recipe(u"smp"_s, idevid("secure-element")), m_port);
        other[other.indexOf(u"T1-00000001"_s)] = u"T1-00000002"_s;
        const Ran element = slipwayRun(other);
        QVERIFY2(element.status == 0, qPrintable(element.text()));
        QCOMPARE(query(u"SELECT method FROM certificate WHERE serial = 'T1-00000002'"_s), u"salak"_s);
    }

    void linuxGateway()
    {
        Running device(slipwayProgram(),
                       {u"virtual"_s, u"linux"_s, u"--pty"_s, m_port, u"--folder"_s, path(u"gateway"_s)});
        QVERIFY(device.waitForFile(m_port));
        const Ran ran = slipwayRun(words(recipe(u"linux"_s, idevid("injected")), m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        const QString key = shell(u"find . -name key.pem"_s, path(u"gateway"_s)).lastLine();
        const QString keyFile = path(u"gateway/"_s) + key;
        QVERIFY2(belong(content(keyFile)), qPrintable(key));
        QCOMPARE(QFile::permissions(keyFile) & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup),
                 QFile::Permissions());
        QCOMPARE(leak(numberIn(fromPem(content(keyFile), "PRIVATE KEY").value(0)), m_home, ran.out + ran.err),
                 QString());
    }

    void coap()
    {
        const int port = 20'000 + int(QCoreApplication::applicationPid() % 20'000);
        Running device(slipwayProgram(), {u"virtual"_s, u"coap"_s, u"--port"_s, QString::number(port)});
        QVERIFY(device.waitForText("ready at"));
        const Ran ran = slipwayRun(words(recipe(u"coap"_s, idevid("injected")), u"coap://127.0.0.1:%1"_s.arg(port)));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT method || '|' || transfer FROM certificate"_s),
                 u"bamboo|infrastructure-generated, network-transferred"_s);
    }

    // Firmware, factory data and identity in one visit of the loader.
    void esp()
    {
        QByteArray table =
            espPartitions({{u"nvs"_s, 1, 2, 0x9000, 0x3000, false, false},
                           {u"nvs_keys"_s, 1, 4, 0xc000, 0x1000, true, false},
                           {QString::fromLatin1(EspSecureCert::PartitionName), 0x3f, 0, 0xd000, 0x2000, false, false},
                           {u"factory"_s, 0, 0, 0x10000, 0x40000, false, false}});
        EspImageRecipe boot, application;
        boot.chipId = application.chipId = 5;
        boot.version.clear();
        const QByteArray bootImage = espImage(boot), image = espImage(application);
        put(path(u"boot.bin"_s), bootImage);
        put(path(u"table.bin"_s), table);
        put(path(u"app.bin"_s), image);
        put(path(u"factory.csv"_s), "key,type,encoding,value\nfactory,namespace,,\nserial,data,string,${serial}\n");
        const QByteArray flash =
            "  - flash: { start: false, files: { 0x0: { file: boot.bin, sha256: " + sha256Hex(bootImage) +
            " }, 0x8000: { file: table.bin, sha256: " + sha256Hex(table) +
            " }, 0x10000: { file: app.bin, sha256: " + sha256Hex(image) + " } } }\n";
        const QString file = recipe(u"esp"_s, flash + "  - factory-data: { csv: factory.csv, encrypt: nvs_keys }\n" +
                                                  idevid("injected", ", start: true"));
        const QStringList chipWords{u"virtual"_s, u"esp"_s, u"--pty"_s, m_port};
        Running chip(slipwayProgram(), chipWords);
        QVERIFY(chip.waitForFile(m_port));
        const Ran ran = slipwayRun(words(file, m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT method || '|' || transfer FROM certificate"_s),
                 u"bamboo|infrastructure-generated, mechanically-installed"_s);
        // Read back.
        const auto read = [&](const QString &at, const QString &size, const QString &out) {
            return slipwayRun({u"firmware"_s, u"read"_s, u"--driver"_s, u"esp"_s, u"--port"_s, m_port, u"--at"_s, at,
                               u"--size"_s, size, u"--out"_s, path(out)});
        };
        const Ran back = read(u"0xd000"_s, u"0x2000"_s, u"cert.bin"_s);
        QVERIFY2(back.status == 0, qPrintable(back.text()));
        const QByteArray bytes = content(path(u"cert.bin"_s));
        const EspSecureCert partition = EspSecureCert::parse(bytes);
        QCOMPARE(partition.defects(), QStringList());
        const auto text = [&](quint8 type) {
            const auto *entry = partition.find(type);
            return entry ? bytes.mid(entry->offset, entry->size - 1) : QByteArray();
        };
        put(path(u"device.pem"_s), text(EspSecureCert::DeviceCertificate));
        put(path(u"ca.pem"_s), text(EspSecureCert::CaCertificate));
        const QByteArray key = text(EspSecureCert::PrivateKey);
        QVERIFY(belong(key));
        const Ran verified = shell(u"openssl verify -partial_chain -trusted ca.pem device.pem"_s, m_folder->path());
        QVERIFY2(verified.status == 0, qPrintable(verified.text()));
        const QByteArray number = numberIn(fromPem(key, "EC PRIVATE KEY").value(0));
        QCOMPARE(number.size(), 32);
        QCOMPARE(leak(number, m_home, ran.out + ran.err), QString());
        const Ran inspected = slipwayRun({u"firmware"_s, u"inspect"_s, path(u"cert.bin"_s)});
        QVERIFY2(inspected.status == 0 && inspected.out.contains("private key"), qPrintable(inspected.text()));
        QCOMPARE(leak(number, m_home, inspected.out + inspected.err), QString());
        QVERIFY(read(u"0x9000"_s, u"0x3000"_s, u"nvs.bin"_s).status == 0);
        QVERIFY(read(u"0xc000"_s, u"0x1000"_s, u"keys.bin"_s).status == 0);
        const NvsKeys nvsKeys = NvsKeys::read(content(path(u"keys.bin"_s)));
        const NvsPartition nvs = NvsPartition::parse(content(path(u"nvs.bin"_s)), &nvsKeys);
        const auto *serial = nvs.find(u"factory"_s, u"serial"_s);
        QVERIFY(serial);
        QCOMPARE(serial->value, QByteArray("T1-00000001\0", 12));
    }

    // Killed while the partition was being written, after the certificate was on record.
    void espKilled()
    {
        Running chip(slipwayProgram(), {u"virtual"_s, u"esp"_s, u"--pty"_s, m_port, u"--erase-time"_s, u"4s"_s});
        QVERIFY(chip.waitForFile(m_port));
        const QString file = recipe(u"esp"_s, idevid("injected", ", at: 0xd000"));
        {
            Running station(slipwayProgram(), words(file, m_port));
            QElapsedTimer timer;
            timer.start();
            while (query(u"SELECT count(*) FROM intent WHERE act = 'identity.write' AND state IS NULL"_s) != u"1"_s) {
                QVERIFY(station.isRunning() && timer.elapsed() < 60'000);
            }
            station.signal(SIGKILL);
            station.finish();
        }
        chip.signal(SIGTERM);
        chip.finish();
        QCOMPARE(query(u"SELECT count(*) FROM certificate WHERE revoked_at IS NULL"_s), u"1"_s);
        Running again(slipwayProgram(), {u"virtual"_s, u"esp"_s, u"--pty"_s, m_port});
        QVERIFY(again.waitForFile(m_port));
        const Ran ran = slipwayRun(words(file, m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(
            query(
                u"SELECT group_concat(coalesce(revoked_reason, 'valid')) FROM (SELECT * FROM certificate ORDER BY entry)"_s),
            u"superseded,valid"_s);
        QCOMPARE(query(u"SELECT count(DISTINCT public_key_sha256) FROM certificate"_s), u"2"_s);
    }

    // Pairs that were issued ahead, drawn by runs: of the unit that was scanned, and of the next that nobody has.
    void ofALot()
    {
        QVERIFY(makeLot(u"lot7"_s, 3));
        auto device = smp();
        QVERIFY(device);
        const QString file = recipe(u"smp"_s, idevid("injected", ", lot: lot7"));
        const auto line = [this](const QStringList &words, bool pass = true) {
            return shell(u"setsid -w $SLIPWAY "_s + words.join(u' ') +
                             (pass ? u" --passphrase-fd 3 3< pass"_s : QString()),
                         m_folder->path());
        };
        const Ran none = line(words(file, m_port), false);
        QVERIFY2(none.status != 0 && none.err.contains("no passphrase was given"), qPrintable(none.text()));
        const Ran ran = line(words(file, m_port));
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT count(*) FROM certificate"_s), u"3"_s); // no other was issued
        QCOMPARE(query(u"SELECT state FROM intent WHERE act = 'identity.bind'"_s), u"done"_s);
        device->signal(SIGTERM);
        device->finish();
        const QByteArray key =
            QCborValue::fromCbor(content(path(u"state/state.cbor"_s))).toMap().value(u"key"_s).toByteArray();
        QVERIFY(belong(toPem("EC PRIVATE KEY", key)));
        QCOMPARE(leak(numberIn(key), m_home, ran.out + ran.err), QString());

        // Units without a number: the next two of the lot, then none is left.
        put(path(u"next.yaml"_s), "slipway: 1\nname: Next\ndevice: { driver: smp }\nvariables:\n  serial: { from: lot, "
                                  "lot: lot7 }\nsteps:\n" +
                                      idevid("injected", ", lot: lot7"));
        const QStringList next{u"run"_s, path(u"next.yaml"_s), u"--slot"_s, u"1=%1"_s.arg(m_port), u"--home"_s, m_home};
        for (const char *serial : {"T1-00000002", "T1-00000003"}) {
            QDir(path(u"state"_s)).removeRecursively();
            device = smp();
            QVERIFY(device);
            const Ran given = line(next);
            QVERIFY2(given.status == 0 && given.text().contains(QLatin1String(serial)), qPrintable(given.text()));
            device.reset();
        }
        QDir(path(u"state"_s)).removeRecursively();
        device = smp();
        QVERIFY(device);
        const Ran spent = line(next);
        QVERIFY2(spent.status == 3 && spent.err.contains("Lot lot7 is used up: none of its 3 certificates is left."),
                 qPrintable(spent.text()));
        const Ran shown = slipwayRun({u"identity"_s, u"batch"_s, u"show"_s, u"lot7"_s, u"--home"_s, m_home});
        QVERIFY2(shown.out.contains("Lot lot7: 3 used."), qPrintable(shown.text()));
        QCOMPARE(shell(u"ls '%1/lots/lot7' | grep -c p7m"_s.arg(m_home)).lastLine(), u"0"_s);
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
    }

    // Killed between the draw and its end: recovery keeps the pair with that chip. The same chip gets it again, another
    // one under its serial number never.
    void lotKilled()
    {
        QVERIFY(makeLot(u"lot7"_s, 1));
        const QString file = recipe(u"esp"_s, idevid("injected", ", at: 0xd000, lot: lot7"));
        const QString line = u"exec '%1' "_s.arg(slipwayProgram()) + words(file, m_port).join(u' ') +
                             u" --passphrase-fd 3 3< "_s + path(u"pass"_s);
        {
            Running chip(slipwayProgram(), {u"virtual"_s, u"esp"_s, u"--pty"_s, m_port, u"--erase-time"_s, u"4s"_s});
            QVERIFY(chip.waitForFile(m_port));
            Running station(u"/bin/sh"_s, {u"-c"_s, line});
            QElapsedTimer timer;
            timer.start();
            while (query(u"SELECT count(*) FROM intent WHERE act = 'identity.write' AND state IS NULL"_s) != u"1"_s)
                QVERIFY(station.isRunning() && timer.elapsed() < 60'000);
            QCOMPARE(query(u"SELECT count(*) FROM intent WHERE act = 'identity.bind' AND state IS NULL"_s), u"1"_s);
            station.signal(SIGKILL);
            station.finish();
            chip.signal(SIGTERM);
            chip.finish();
        }
        const Ran recovered = slipwayRun({u"recover"_s, u"--home"_s, m_home});
        QVERIFY2(recovered.status == 0 || recovered.status == 1, qPrintable(recovered.text()));
        QCOMPARE(query(u"SELECT state FROM intent WHERE act = 'identity.bind'"_s), u"partial"_s);
        const auto run = [&](const QString &mac) {
            Running chip(slipwayProgram(), QStringList{u"virtual"_s, u"esp"_s, u"--pty"_s, m_port} +
                                               (mac.isEmpty() ? QStringList() : QStringList{u"--mac"_s, mac}));
            return chip.waitForFile(m_port) ? shell(line) : Ran();
        };
        const Ran other = run(u"c4:0a:24:fe:10:77"_s);
        QVERIFY2(other.status == 3 && other.err.contains("nothing is given out twice"), qPrintable(other.text()));
        const Ran same = run({});
        QVERIFY2(same.status == 0, qPrintable(same.text()));
        QCOMPARE(query(u"SELECT count(*) FROM certificate WHERE revoked_at IS NULL"_s), u"1"_s);
        const Ran closed = slipwayRun({u"identity"_s, u"batch"_s, u"close"_s, u"lot7"_s, u"--home"_s, m_home});
        QVERIFY2(closed.status == 0 && closed.out.contains("1 used"), qPrintable(closed.text())); // nothing is lost
    }

    // Two programs at once: one of them gets the pair.
    void lotDrawnAtOnce()
    {
        QVERIFY(makeLot(u"lot7"_s, 1));
        const Ran ran = shell(
            u"for i in 1 2 3 4; do ( $SLIPWAY identity batch bind lot7 --serial T1-00000001 --out c$i.pem --key-fd 4 "
            "--home '%1' --passphrase-fd 3 3< pass 4> k$i.der > o$i 2> e$i; echo $? > s$i ) & done; wait; cat s1 s2 s3 "
            "s4 | "
            "sort | tr -d '\\n'; cat k?.der | wc -c >&2"_s.arg(m_home),
            m_folder->path());
        QCOMPARE(ran.out, QByteArray("0333"));
        QVERIFY2(ran.err.trimmed().toInt() > 100 && ran.err.trimmed().toInt() < 200, ran.err.constData()); // one key
    }

    void refused()
    {
        // Before anything is touched: a driver that cannot, seeds that are none.
        const Ran stm32 =
            slipwayRun({u"recipe"_s, u"check"_s, recipe(u"dfu"_s, idevid("derived")), u"--home"_s, m_home});
        QVERIFY2(stm32.status == 2 && stm32.text().contains(u"key-derivation"_s), qPrintable(stm32.text()));
        put(path(u"bad"_s), "T1-00000001 abc\n");
        const Ran bad = shell(u"$SLIPWAY "_s + words(recipe(u"smp"_s, idevid("derived")), m_port).join(u' ') +
                                  u" --seed-fd 3 3< bad"_s,
                              m_folder->path());
        QVERIFY2(bad.status == 2 && bad.err.contains("Line 1 of the seeds") && !bad.err.contains("abc"),
                 qPrintable(bad.text()));
    }

    // Partitions out of files, against those of the vendor's generators.
    void commands()
    {
        const QString samples = QStringLiteral(SLIPWAY_TEST_DATA "/factory");
        const Ran plain = slipwayRun({u"identity"_s, u"partition"_s, u"nvs"_s, u"--csv"_s, samples + u"/nvs.csv"_s,
                                      u"--size"_s, u"0x4000"_s, u"--out"_s, path(u"n.bin"_s)});
        QVERIFY2(plain.status == 0, qPrintable(plain.text()));
        QCOMPARE(content(path(u"n.bin"_s)), content(samples + u"/nvs.bin"_s));
        const Ran sealed = slipwayRun({u"identity"_s, u"partition"_s, u"nvs"_s, u"--csv"_s, samples + u"/nvs.csv"_s,
                                       u"--keys"_s, samples + u"/nvs-keys.bin"_s, u"--size"_s, u"0x4000"_s, u"--out"_s,
                                       path(u"e.bin"_s), u"--json"_s});
        QVERIFY2(sealed.status == 0, qPrintable(sealed.text()));
        QCOMPARE(content(path(u"e.bin"_s)), content(samples + u"/nvs-enc.bin"_s));
        QCOMPARE(sealed.objects().first().value(u"encrypted"_s), true);
        const QByteArray vendor = content(samples + u"/esp_secure_cert-tlv.bin"_s);
        const EspSecureCert read = EspSecureCert::parse(vendor);
        const auto *key = read.find(EspSecureCert::PrivateKey);
        put(path(u"d.key"_s), vendor.mid(key->offset, key->size - 1));
        const Ran made =
            slipwayRun({u"identity"_s, u"partition"_s, u"esp-secure-cert"_s, u"--cert"_s,
                        samples + u"/esp_secure_cert-device.crt"_s, u"--ca"_s, samples + u"/esp_secure_cert-ca.pem"_s,
                        u"--key"_s, path(u"d.key"_s), u"--out"_s, path(u"t.bin"_s)});
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        QCOMPARE(content(path(u"t.bin"_s)), vendor);
        // A stranger's mistakes.
        const auto status = [this](const QStringList &more) {
            return slipwayRun(QStringList{u"identity"_s, u"partition"_s} + more +
                              QStringList{u"--out"_s, path(u"x.bin"_s)})
                .status;
        };
        put(path(u"empty"_s), {});
        QCOMPARE(status({u"nvs"_s, u"--csv"_s, path(u"nowhere"_s)}), 2);
        QCOMPARE(status({u"nvs"_s, u"--csv"_s, path(u"empty"_s)}), 2);
        QCOMPARE(status({u"nvs"_s, u"--csv"_s, samples + u"/nvs.csv"_s, u"--size"_s, u"5000"_s}), 2);
        QCOMPARE(status({u"nvs"_s, u"--csv"_s, samples + u"/nvs-large.csv"_s, u"--size"_s, u"0x3000"_s}), 2);
        QCOMPARE(status({u"nvs"_s, u"--csv"_s, samples + u"/nvs.csv"_s, u"--keys"_s, samples + u"/nvs.bin"_s}), 2);
        QVERIFY(!QFile::exists(path(u"x.bin"_s)));
    }
};

SLIPWAY_TEST_MAIN(TestKeyWays)
#include "tst_keyways.moc"
