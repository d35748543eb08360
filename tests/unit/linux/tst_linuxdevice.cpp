// What a station does with a Linux gateway, against a real shell, the real openssl, and scripts in the place of RAUC
// and SWUpdate: firmware, identity, settings, folders, areas, locks, clock, restart.

#include "drivers/linux/linuxdriver.h"
#include "tests/unit/linux/gateway.h"

#include <QDir>

#include <openssl/evp.h>
#include <openssl/x509.h>

using namespace slipway;
using namespace slipway::test;

namespace {

// Two slots in files of its own folder; a bundle that begins with "bad" is refused.
// Boards and programs of the tests.
QString data(const QString &name)
{
    return QStringLiteral(SLIPWAY_TEST_DATA "/linux/") + name;
}

LinuxBoard known(const QString &name)
{
    return LinuxBoards::parse(contentOf(data(u"boards.json"_s)), data(u"boards.json"_s)).find(name);
}

void makeRauc(const Gateway &gateway, const QTemporaryDir &tools)
{
    QDir(gateway.dut->folder()).mkpath(u"gateway/rauc"_s);
    const QString d = u"gateway/rauc/"_s;
    writeTo(gateway.file(d + u"active"_s), "0\n");
    writeTo(gateway.file(d + u"booted"_s), "0\n");
    for (const QString &slot : {u"0"_s, u"1"_s}) {
        writeTo(gateway.file(d + u"slot"_s + slot), "first " + slot.toUtf8());
        writeTo(gateway.file(d + u"good"_s + slot), "good\n");
        writeTo(gateway.file(d + u"version"_s + slot), "1.0." + slot.toUtf8());
    }
    writeTo(tools.filePath(u"rauc"_s), contentOf(data(u"rauc.sh"_s)), true);
}

} // namespace

class TestLinuxDevice : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void shells_data()
    {
        QTest::addColumn<QString>("shell");
        QTest::newRow("bash") << u"bash"_s;
        QTest::newRow("ash") << u"ash"_s;
    }

    void rauc()
    {
        const QTemporaryDir tools;
        const Gateway gateway({.tools = {tools.path()}, .countdown = 50ms, .bootTime = 50ms}, known(u"rauc"_s));
        makeRauc(gateway, tools);
        const auto device = gateway.open();
        Firmware &firmware = *device->firmware();
        auto list = firmware.imageSlots(task());
        QCOMPARE(list.size(), 2);
        QVERIFY(list[0].active && list[0].confirmed && list[0].permanent && !list[0].pending);
        QCOMPARE(list[0].version, u"1.0.0"_s);
        QVERIFY(!list[1].active && list[1].bootable);
        QVERIFY(firmware.capacity(0, task()).value_or(0) > 100'000);

        const QByteArray bundle = "2.0.0\n" + QByteArray(50'000, '\x5a');
        const auto result = firmware.write(bundle, {}, task());
        QCOMPARE(result.bytes, bundle.size());
        QVERIFY(!QFile::exists(gateway.file(u"tmp/fw.raucb"_s)));
        list = firmware.imageSlots(task());
        QCOMPARE(list[1].version, u"2.0.0"_s);
        QCOMPARE(list[1].hash, QCryptographicHash::hash(bundle, QCryptographicHash::Sha256));
        QVERIFY(list[1].pending && !list[1].confirmed);
        firmware.activate(list[1].hash, false, task());
        writeTo(gateway.file(u"gateway/rauc/booted"_s), "1\n"); // as its boot loader would
        device->resetter()->reset(task());
        list = firmware.imageSlots(task());
        QVERIFY(list[1].active && !list[1].confirmed);
        firmware.confirm(task());
        QVERIFY(firmware.imageSlots(task())[1].confirmed);
        QCOMPARE(device->facts(task()).firmwareVersion, u"2.0.0"_s);
        // Back by the other slot's hash; one that no slot holds is refused.
        firmware.activate(list[0].hash, true, task());
        QVERIFY(firmware.imageSlots(task())[0].pending);
        QCOMPARE(faultOf([&] { firmware.activate(QByteArray(32, 'x'), true, task()); }), u"device.refused"_s);

        try {
            firmware.write("bad bundle", {}, task());
            QFAIL("installed");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("linux.install"));
            QVERIFY2(fault.sentence().contains(u"Failed to verify bundle signature"_s), fault.what());
        }
        QCOMPARE(firmware.write("3.0.0\n", {}, task()).bytes, 6); // the same unit, with the right one
        // RAUC itself says something else.
        writeTo(tools.filePath(u"rauc"_s), "#!/bin/sh\necho '{\"slots\": 5}'\n", true);
        QCOMPARE(faultOf([&] { firmware.imageSlots(task()); }), u"linux.output-form"_s);
        writeTo(tools.filePath(u"rauc"_s), "#!/bin/sh\necho no service >&2; exit 1\n", true);
        QCOMPARE(faultOf([&] { firmware.imageSlots(task()); }), u"device.refused"_s);
        QVERIFY(device->facts(task()).firmwareVersion.isEmpty());
    }

    void swupdate()
    {
        const QTemporaryDir tools;
        Gateway gateway({.tools = {tools.path()}}, LinuxBoards::load().find(u"swupdate-gateway"_s));
        gateway.quirks.firmwareFile = u"tmp/fw.swu"_s;
        gateway.quirks.version.command = u"cat gateway/sw-versions"_s;
        gateway.quirks.scratch = u"tmp"_s;
        writeTo(gateway.dut->folder() + u"/gateway/sw-versions"_s, "gateway 1.2.3\nkernel 6.1\n");
        writeTo(
            tools.filePath(u"swupdate"_s),
            "#!/bin/sh\ncase $1 in -g) echo /dev/mmcblk0p2;; -i) read v <\"$2\"; case $v in bad*) "
            "echo '[TRACE] : SWUPDATE running'; echo '[ERROR] : SWUPDATE failed [0] ERROR core/cpio_utils.c : 404 : "
            "Checksum WRONG'; exit 1;; esac; echo \"gateway $v\" >gateway/sw-versions;; esac\n",
            true);
        writeTo(tools.filePath(u"fw_setenv"_s), "#!/bin/sh\necho \"$@\" >>gateway/env\n", true);
        const auto device = gateway.open();
        Firmware &firmware = *device->firmware();
        auto list = firmware.imageSlots(task());
        QCOMPARE(list.size(), 1);
        QCOMPARE(list[0].version, u"1.2.3"_s);
        QCOMPARE(list[0].slot, 2);
        const QByteArray image = "1.3.0\nimage";
        firmware.write(image, {}, task());
        list = firmware.imageSlots(task());
        QCOMPARE(list.size(), 2);
        QVERIFY(list[1].pending && list[1].hash == QCryptographicHash::hash(image, QCryptographicHash::Sha256));
        firmware.activate(list[1].hash, true, task());
        firmware.confirm(task());
        QCOMPARE(contentOf(gateway.file(u"gateway/env"_s)), QByteArray("ustate 0\n"));
        try {
            firmware.write("bad\n", {}, task());
            QFAIL("installed");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("linux.install"));
            QVERIFY2(fault.sentence().contains(u"Checksum WRONG"_s), fault.what());
        }
        device->blobs()->write(Blobs::Kind::Setting, u"name"_s, "two words; reboot", task());
        QVERIFY(contentOf(gateway.file(u"gateway/env"_s)).endsWith("name two words; reboot\n"));
    }

    void identity_data() { shells_data(); }
    void identity()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell}, known(u"keys"_s));
        const auto device = gateway.open();
        Keys &keys = *device->keys();
        QVERIFY(keys.readChain(task()).isEmpty());
        QCOMPARE(device->facts(task()).identityPresent, false);
        keys.generate(task());
        QVERIFY(!(QFile::permissions(gateway.file(u"gateway/key.pem"_s)) & (QFile::ReadGroup | QFile::ReadOther)));
        const QByteArray der = keys.request(u"GW-00000001"_s, task());
        const auto *bytes = reinterpret_cast<const unsigned char *>(der.constData());
        const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(d2i_X509_REQ(nullptr, &bytes, der.size()),
                                                                          X509_REQ_free);
        QVERIFY(request);
        EVP_PKEY *key = X509_REQ_get0_pubkey(request.get());
        QCOMPARE(X509_REQ_verify(request.get(), key), 1);
        char serial[100] = {};
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request.get()), NID_serialNumber, serial, sizeof serial);
        QCOMPARE(QByteArray(serial), QByteArray("GW-00000001"));

        const QByteArray challenge("\0\x03\r\n challenge", 15), signature = keys.sign(challenge, task());
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        QCOMPARE(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key), 1);
        QCOMPARE(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                                  size_t(signature.size()),
                                  reinterpret_cast<const unsigned char *>(challenge.constData()),
                                  size_t(challenge.size())),
                 1);

        const QList<QByteArray> chain{QByteArray(600, 'a'), QByteArray(700, 'b')};
        keys.writeChain(chain, task());
        QCOMPARE(keys.readChain(task()), chain);
        QCOMPARE(device->facts(task()).identityPresent, true);

        writeTo(gateway.file(u"gateway/locked"_s), "");
        QCOMPARE(faultOf([&] { keys.generate(task()); }), u"device.locked"_s);
        QFile::remove(gateway.file(u"gateway/key.pem"_s));
        QCOMPARE(faultOf([&] { keys.request(u"GW-00000001"_s, task()); }), u"device.refused"_s);
        for (const QString &bad : {u""_s, u"a/b"_s, u"a b"_s, u"$(id)"_s, u"ä"_s, QString(65, u'1')})
            QCOMPARE(faultOf([&] { keys.request(bad, task()); }), u"linux.serial-form"_s);
    }

    void settings()
    {
        const Gateway gateway({}, known(u"settings"_s));
        const auto device = gateway.open();
        Blobs &blobs = *device->blobs();
        QCOMPARE(blobs.read(Blobs::Kind::Setting, u"interval"_s, task()), QByteArray("60"));
        blobs.write(Blobs::Kind::Setting, u"interval"_s, "90", task());
        blobs.write(Blobs::Kind::Setting, u"greeting"_s, "it costs \"5\"", task());
        QCOMPARE(blobs.read(Blobs::Kind::Setting, u"greeting"_s, task()), QByteArray("it costs \"5\""));
        QVERIFY(contentOf(gateway.file(u"gateway/settings"_s)).startsWith("# Settings of the gateway\nname=gateway\n"));
        QCOMPARE(device->shell()->run(u". ./gateway/settings; echo $interval $greeting"_s, task()).output,
                 u"90 it costs \"5\""_s);
        blobs.commitSettings(task());
        QVERIFY(QFile::exists(gateway.file(u"gateway/saved"_s)));
        blobs.remove(Blobs::Kind::Setting, u"interval"_s, task());
        QCOMPARE(faultOf([&] { blobs.read(Blobs::Kind::Setting, u"interval"_s, task()); }), u"linux.no-setting"_s);
        QCOMPARE(faultOf([&] { blobs.write(Blobs::Kind::Setting, u"a b"_s, "x", task()); }), u"linux.setting-form"_s);
        QCOMPARE(faultOf([&] { blobs.write(Blobs::Kind::Setting, u"a"_s, "x\ny", task()); }), u"linux.setting-form"_s);
        const Gateway bare;
        QCOMPARE(faultOf([&] { bare.open()->blobs()->read(Blobs::Kind::Setting, u"a"_s, task()); }), u"device.lacks"_s);
    }

    void folders()
    {
        const Gateway gateway;
        const auto device = gateway.open();
        Blobs &blobs = *device->blobs();
        QDir(gateway.dut->folder()).mkpath(u"data/etc/sub"_s);
        writeTo(gateway.file(u"data/etc/a"_s), "alpha");
        writeTo(gateway.file(u"data/etc/sub/b"_s), QByteArray(3000, '\xee'));
        const QByteArray archive = blobs.read(Blobs::Kind::File, u"data/etc/"_s, task());
        QVERIFY(!blobs.sha256(u"data/etc/"_s, task()));
        blobs.write(Blobs::Kind::File, u"data/copy/"_s, archive, task());
        QCOMPARE(contentOf(gateway.file(u"data/copy/a"_s)), QByteArray("alpha"));
        QCOMPARE(contentOf(gateway.file(u"data/copy/sub/b"_s)), QByteArray(3000, '\xee'));
        QVERIFY(faultOf([&] { blobs.write(Blobs::Kind::File, u"data/copy/"_s, "no archive", task()); }) != u"none"_s);
        QCOMPARE(faultOf([&] { blobs.read(Blobs::Kind::File, u"data/none/"_s, task()); }), u"linux.no-file"_s);
        QCOMPARE(faultOf([&] { blobs.remove(Blobs::Kind::File, u"data/copy/"_s, task()); }), u"device.lacks"_s);
        // One that leaves its folder.
        device->shell()->run(
            u"mkdir -p data/x && cd data/x && echo evil >../evil && tar -cPf ../evil.tar ../evil; rm ../evil"_s,
            task());
        const QByteArray evil = blobs.read(Blobs::Kind::File, u"data/evil.tar"_s, task());
        QCOMPARE(faultOf([&] { blobs.write(Blobs::Kind::File, u"data/copy/"_s, evil, task()); }), u"device.refused"_s);
        QVERIFY(!QFile::exists(gateway.file(u"data/evil"_s)));
    }

    void restart_data() { shells_data(); }
    void restart()
    {
        QFETCH(QString, shell);
        if (!shellIsHere(shell))
            QSKIP("this shell is not installed");
        const Gateway gateway({.shell = shell, .countdown = 300ms, .bootTime = 200ms});
        const auto device = gateway.open();
        device->files().put("x", u"data/x"_s, true, task());
        const int boots = gateway.dut->facts().boots;
        device->resetter()->reset(task());
        QCOMPARE(gateway.dut->facts().boots, boots + 1);
        QVERIFY(!gateway.dut->facts().interrupted); // nobody typed while its boot loader waited
        device->files().put("y", u"data/x"_s, true, task());
        QCOMPARE(contentOf(gateway.file(u"data/x"_s)), QByteArray("y"));
    }

    void restartThatIsNone()
    {
        Gateway gateway;
        gateway.quirks.restart = u"true"_s;
        gateway.quirks.restartTime = 3s;
        QCOMPARE(faultOf([&] { gateway.open()->resetter()->reset(task()); }), u"linux.no-restart"_s);
        gateway.quirks.restart = u"echo nobody may; false"_s;
        QCOMPARE(faultOf([&] { gateway.open()->resetter()->reset(task()); }), u"device.refused"_s);
    }

    void restThatBoardsHave()
    {
        const Gateway gateway({}, known(u"rest"_s));
        const auto device = gateway.open();
        const DeviceFacts facts = device->facts(task());
        QCOMPARE(facts.board, u"virtual-gateway"_s);
        QCOMPARE(facts.serial, u"17"_s);
        QCOMPARE(facts.hardwareId, u"02-00-5e-ff-fe-00-53-01"_s);
        QVERIFY(facts.bootLoader.isEmpty());
        QCOMPARE(facts.locked, false);
        QVERIFY(facts.more.value(u"os"_s).startsWith(u"Linux"_s));

        Eraser &eraser = *device->eraser();
        writeTo(gateway.file(u"data/secret"_s), "x");
        QVERIFY(!eraser.isBlank(u"data"_s, task()));
        eraser.erase(u"data"_s, task());
        QVERIFY(eraser.isBlank(u"data"_s, task()));
        QCOMPARE(faultOf([&] { eraser.erase(u"odd"_s, task()); }), u"device.refused"_s);
        QCOMPARE(faultOf([&] { eraser.isBlank(u"odd"_s, task()); }), u"device.refused"_s);
        QCOMPARE(faultOf([&] { eraser.erase(u"none"_s, task()); }), u"device.lacks"_s);

        Lock &lock = *device->locker();
        QVERIFY(!lock.isLocked(u"debug"_s, task()));
        lock.lock(u"debug"_s, task());
        QVERIFY(lock.isLocked(u"debug"_s, task()));
        QCOMPARE(faultOf([&] { lock.lock(u"fuse"_s, task()); }), u"linux.lock-open"_s);

        const QDateTime now = device->clock()->time(task());
        QVERIFY(qAbs(now.secsTo(QDateTime::currentDateTimeUtc())) < 30);
        device->clock()->setTime(QDateTime({2026, 11, 21}, {14, 32, 7}, Qt::UTC), task());
        QCOMPARE(contentOf(gateway.file(u"gateway/clock"_s)), QByteArray("2026-11-21 14:32:07\n"));
    }

    // The driver as the station has it, with the board that ships for the virtual gateway.
    void driver()
    {
        const LinuxDriver driver;
        VirtualLinux dut({.countdown = 50ms, .bootTime = 50ms});
        dut.start();
        const auto device = driver.open({dut.path(), 0, u"virtual-gateway"_s}, task());
        QVERIFY(device->firmware() && device->keys() && device->eraser() && device->locker());
        DeviceFacts facts = device->facts(task());
        QCOMPARE(facts.serial, u"GW-00000001"_s);
        const QString before = facts.firmwareVersion;
        QVERIFY(!before.isEmpty());
        const QByteArray image(5000, '\x11');
        device->firmware()->write(image, {}, task());
        device->firmware()->activate(QCryptographicHash::hash(image, QCryptographicHash::Sha256), true, task());
        device->resetter()->reset(task());
        facts = device->facts(task());
        QVERIFY(facts.firmwareVersion != before);
        device->keys()->generate(task());
        QVERIFY(!device->keys()->request(facts.serial, task()).isEmpty());
        for (const QString &name : driver.boards())
            QVERIFY(driver.capabilities(name).contains(Capability::Shell));
        QCOMPARE(faultOf([&] { driver.open({dut.path(), 0, u"no-such"_s}, task()); }), u"linux.board-unknown"_s);
        QVERIFY(faultOf([&] { driver.open({u"/tmp/no/such/port"_s, 0, {}}, task()); }).startsWith(u"link."_s));
    }

    void recognised()
    {
        const LinuxDriver driver;
        VirtualLinux dut({.countdown = 50ms, .bootTime = 50ms});
        dut.start();
        const auto device = driver.open({dut.path(), 0, {}}, task());
        QCOMPARE(device->facts(task()).serial, u"GW-00000001"_s);
        QVERIFY(device->keys());
    }
};

SLIPWAY_TEST_MAIN(TestLinuxDevice)
#include "tst_linuxdevice.moc"
