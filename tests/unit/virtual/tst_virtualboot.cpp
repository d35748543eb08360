// Slots, upload and the boot loader's choice, with images signed by imgtool.
#include "core/base/fault.h"
#include "drivers/virtual/bootimage.h"
#include "tests/support/testmain.h"
#include "tests/unit/virtual/smptalk.h"

#include <QCborArray>
#include <QCryptographicHash>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

VirtualSmpOptions signedBoard()
{
    VirtualSmpOptions options;
    options.slot0 = testData(u"t1-1.4.1-p256-older.bin"_s);
    options.bootKeys = {testData(u"p256.pub.pem"_s)};
    return options;
}

QByteArray hashOf(const QByteArray &image)
{
    return BootImage::parse(image).hash;
}

QString setState(VirtualSmp &device, const QByteArray &hash, bool confirm)
{
    QCborMap body{{u"confirm"_s, confirm}};
    if (!hash.isEmpty())
        body.insert(u"hash"_s, hash);
    return errorOf(ask(device, Write, 1, 0, body));
}

void reset(VirtualSmp &device)
{
    ask(device, Write, 0, 5);
}

QCborArray images(VirtualSmp &device)
{
    return ask(device, Read, 1, 0).value(u"images"_s).toArray();
}

} // namespace

class TestVirtualBoot : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void signatures_data()
    {
        QTest::addColumn<QString>("image");
        QTest::addColumn<QString>("key");
        QTest::addColumn<bool>("good");
        QTest::newRow("ECDSA P-256") << u"t1-1.4.2-p256.bin"_s << u"p256.pub.pem"_s << true;
        QTest::newRow("Ed25519") << u"t1-1.4.2-ed25519.bin"_s << u"ed25519.pub.pem"_s << true;
        QTest::newRow("RSA 2048") << u"t1-1.4.2-rsa2048.bin"_s << u"rsa2048.pub.pem"_s << true;
        QTest::newRow("other key") << u"t1-1.4.2-other-key.bin"_s << u"p256.pub.pem"_s << false;
        QTest::newRow("other algorithm") << u"t1-1.4.2-p256.bin"_s << u"rsa2048.pub.pem"_s << false;
        QTest::newRow("flipped bit") << u"t1-flipped-bit.bin"_s << u"p256.pub.pem"_s << false;
    }
    void signatures()
    {
        QFETCH(QString, image);
        QFETCH(QString, key);
        QFETCH(bool, good);
        const QString reason = BootImage::verify(testData(image), {testData(key)});
        QVERIFY2(reason.isEmpty() == good, qPrintable(reason));
    }

    // Every byte of the signed part and of the signature counts.
    void oneBitAnywhere()
    {
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        const QList<QByteArray> keys = {testData(u"p256.pub.pem"_s)};
        for (qsizetype at = 0; at<image.size(); at += at> 100 && at < image.size() - 200 ? 4099 : 1) {
            QByteArray bad = image;
            bad[at] = static_cast<char>(bad[at] ^ 1);
            QVERIFY2(!BootImage::verify(bad, keys).isEmpty(), qPrintable(QString::number(at)));
        }
    }

    void cutAnywhere()
    {
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        for (qsizetype size = 0; size<image.size(); size += size> 300 && size < image.size() - 300 ? 997 : 1)
            QVERIFY(!BootImage::verify(image.first(size), {}).isEmpty());
    }

    void testThenRevert()
    {
        VirtualSmp device(signedBoard());
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        const QCborMap last = upload(device, next);
        QVERIFY(last.value(u"match"_s).toBool());
        QCOMPARE(device.uploadCount(), 1);
        QCOMPARE(setState(device, hashOf(next), false), QString());
        const QCborMap pending = images(device).at(1).toMap();
        QVERIFY(pending.value(u"pending"_s).toBool() && !pending.value(u"permanent"_s).toBool());
        QCOMPARE(device.activeVersion(), u"1.4.1.3"_s);
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.2.7"_s);
        QVERIFY(!images(device).at(0).toMap().value(u"confirmed"_s).toBool());
        QVERIFY(images(device).at(1).toMap().value(u"confirmed"_s).toBool());
        reset(device); // nobody confirmed
        QCOMPARE(device.activeVersion(), u"1.4.1.3"_s);
        QVERIFY(device.facts().activeConfirmed);
    }

    void testThenConfirm()
    {
        VirtualSmp device(signedBoard());
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        upload(device, next);
        setState(device, hashOf(next), false);
        reset(device);
        QCOMPARE(setState(device, {}, true), QString());
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.2.7"_s);
    }

    void permanent()
    {
        VirtualSmp device(signedBoard());
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        upload(device, next);
        QCOMPARE(setState(device, hashOf(next), true), QString());
        QVERIFY(images(device).at(1).toMap().value(u"permanent"_s).toBool());
        QCOMPARE(setState(device, {}, true), u"1/28"_s); // no confirming while something is pending
        QCOMPARE(errorOf(ask(device, Write, 1, 5)), u"1/9"_s);
        reset(device);
        QVERIFY(device.facts().activeConfirmed);
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.2.7"_s);
    }

    // The application takes it, the boot loader does not: it is gone after the restart.
    void wrongKeyIsErased()
    {
        VirtualSmp device(signedBoard());
        const QByteArray bad = testData(u"t1-1.4.2-other-key.bin"_s);
        upload(device, bad);
        QCOMPARE(setState(device, hashOf(bad), true), QString());
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.1.3"_s);
        QCOMPARE(images(device).size(), 1);
        QVERIFY(device.facts().slot1Hash.isEmpty());
    }

    void downgradePrevention()
    {
        VirtualSmpOptions options = signedBoard();
        options.slot0 = testData(u"t1-1.4.2-p256.bin"_s);
        options.downgradePrevention = true;
        VirtualSmp device(options);
        const QByteArray older = testData(u"t1-1.4.1-p256-older.bin"_s);
        QCOMPARE(upload(device, older).value(u"off"_s).toInteger(), older.size());
        setState(device, hashOf(older), true);
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.2.7"_s);
    }

    void upgradeOnly()
    {
        VirtualSmpOptions options = signedBoard();
        options.slot0 = testData(u"t1-1.4.2-p256.bin"_s);
        VirtualSmp device(options);
        for (const auto &[name, code] : {std::pair{u"t1-1.4.1-p256-older.bin"_s, u"1/27"_s}}) {
            const QByteArray image = testData(name);
            QCOMPARE(errorOf(ask(device, Write, 1, 1,
                                 {{u"off"_s, 0},
                                  {u"len"_s, static_cast<qint64>(image.size())},
                                  {u"upgrade"_s, true},
                                  {u"data"_s, image.first(512)}})),
                     code);
        }
    }

    void resumeAndRepeat()
    {
        VirtualSmp device(signedBoard());
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        const QByteArray sha = QCryptographicHash::hash(image, QCryptographicHash::Sha256);
        const auto first = [&](const QByteArray &digest) {
            return ask(device, Write, 1, 1,
                       {{u"off"_s, 0},
                        {u"len"_s, static_cast<qint64>(image.size())},
                        {u"sha"_s, digest},
                        {u"data"_s, image.first(512)}});
        };
        const auto next = [&](qint64 at, const QByteArray &data) {
            return ask(device, Write, 1, 1, {{u"off"_s, at}, {u"data"_s, data}}).value(u"off"_s).toInteger(-1);
        };
        QCOMPARE(first(sha).value(u"off"_s).toInteger(), 512);
        QCOMPARE(next(512, image.mid(512, 512)), 1024);
        QCOMPARE(next(512, image.mid(512, 512)), 1024); // a repeated request changes nothing
        QCOMPARE(first(sha).value(u"off"_s).toInteger(), 1024);
        QCOMPARE(first(QByteArray(32, 'x')).value(u"off"_s).toInteger(), 512); // another image: from the start
        QCOMPARE(next(1024, image.mid(1024, 512)), 512);
        QCOMPARE(first(sha).value(u"off"_s).toInteger(), 512);
        reset(device); // the progress was in RAM
        QCOMPARE(next(512, image.mid(512, 512)), 0);
        QVERIFY(upload(device, image).value(u"match"_s).toBool());
        const QCborMap again = first(sha); // it is there already
        QCOMPARE(again.value(u"off"_s).toInteger(), image.size());
        QVERIFY(again.value(u"match"_s).toBool());
        QCOMPARE(device.uploadCount(), 1);
    }

    void refusals()
    {
        VirtualSmp device(signedBoard());
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        const auto send = [&](QCborMap body) { return errorOf(ask(device, Write, 1, 1, body)); };
        QCOMPARE(send({{u"off"_s, 0}, {u"len"_s, 100000}, {u"data"_s, image.first(31)}}), u"1/22"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"data"_s, image.first(100)}}), u"1/21"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"len"_s, 100000}, {u"data"_s, QByteArray(100, 'x')}}), u"1/23"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"len"_s, 655361}, {u"data"_s, image.first(100)}}), u"1/30"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"len"_s, 100}, {u"data"_s, image.first(200)}}), u"1/31"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"len"_s, 200}, {u"data"_s, image.first(100)}}), QString());
        QCOMPARE(send({{u"off"_s, 100}, {u"data"_s, image.first(101)}}), u"1/31"_s);
        QCOMPARE(send({{u"off"_s, u"0"_s}, {u"data"_s, image.first(100)}}), u"3"_s);
        QCOMPARE(send({{u"off"_s, 0}, {u"image"_s, 1}, {u"len"_s, 200}, {u"data"_s, image.first(100)}}), u"1/9"_s);
        QCOMPARE(setState(device, {}, false), u"1/24"_s);
        QCOMPARE(setState(device, QByteArray(32, 'x'), true), u"1/8"_s);
        QCOMPARE(setState(device, device.facts().activeHash, false), u"1/33"_s);
        QCOMPARE(errorOf(ask(device, Write, 1, 5, {{u"slot"_s, 0}})), u"1/9"_s);
        QCOMPARE(errorOf(ask(device, Read, 1, 1)), u"8"_s);
    }

    void slotInfoAndBootLoader()
    {
        VirtualSmp device(signedBoard());
        const QCborMap image = ask(device, Read, 1, 6).value(u"images"_s).toArray().at(0).toMap();
        QCOMPARE(image.value(u"max_image_size"_s).toInteger(), 655360);
        QCOMPARE(image.value(u"slots"_s).toArray().size(), 2);
        QCOMPARE(ask(device, Read, 0, 8).value(u"bootloader"_s).toString(), u"MCUboot"_s);
        QCOMPARE(ask(device, Read, 0, 8, {{u"query"_s, u"mode"_s}}).value(u"mode"_s).toInteger(), 3);
        QCOMPARE(errorOf(ask(device, Read, 0, 8, {{u"query"_s, u"colour"_s}})), u"0/3"_s);
    }

    void untrustedFactoryImage()
    {
        VirtualSmpOptions options = signedBoard();
        options.slot0 = testData(u"t1-1.4.2-other-key.bin"_s);
        try {
            VirtualSmp device(options);
            QFAIL("started from an image its boot loader does not trust");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("virtual.image"));
        }
    }

    void powerCut()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options = signedBoard();
        options.stateFolder = folder.filePath(u"dut"_s);
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        QByteArray hardwareId;
        {
            VirtualSmp device(options);
            upload(device, next);
            setState(device, hashOf(next), true);
            hardwareId = *device.setting(u"id/hwid"_s);
        }
        options.slot0.clear();
        VirtualSmp device(options);
        QVERIFY(device.facts().pending);
        QCOMPARE(*device.setting(u"id/hwid"_s), hardwareId);
        reset(device);
        QCOMPARE(device.activeVersion(), u"1.4.2.7"_s);
    }

    void cutInTheMiddleOfAnUpload()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options = signedBoard();
        options.stateFolder = folder.path();
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        {
            VirtualSmp device(options);
            ask(device, Write, 1, 1,
                {{u"off"_s, 0}, {u"len"_s, static_cast<qint64>(next.size())}, {u"data"_s, next.first(1000)}});
        }
        VirtualSmp device(options);
        QCOMPARE(device.activeVersion(), u"1.4.1.3"_s);
        QVERIFY(device.facts().slot1Hash.isEmpty());
    }

    void damagedState()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath(u"state.cbor"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("\xa1\x66"
                   "format\x18");
        file.close();
        VirtualSmpOptions options;
        options.stateFolder = folder.path();
        try {
            VirtualSmp device(options);
            QFAIL("damaged state accepted");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("virtual.state"));
        }
    }

    void recoveryWritesSlot0()
    {
        VirtualSmpOptions options = signedBoard();
        options.server = VirtualSmpOptions::Server::McubootRecovery;
        VirtualSmp device(options);
        const QByteArray next = testData(u"t1-1.4.2-p256.bin"_s);
        QCOMPARE(upload(device, next, 400).value(u"off"_s).toInteger(), next.size());
        QCOMPARE(images(device).at(0).toMap().value(u"version"_s).toString(), u"1.4.27"_s);
        reset(device); // into the application
        QCOMPARE(images(device).at(0).toMap().value(u"version"_s).toString(), u"1.4.2.7"_s);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualBoot)
#include "tst_virtualboot.moc"
