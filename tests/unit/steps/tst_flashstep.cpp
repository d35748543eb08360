// The step flash: nothing is sent before the image is verified, and nothing passes that the device does not run.

#include "core/base/files.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString folder = QStringLiteral(SLIPWAY_TEST_DATA "/mcuboot");
const Fault silent("base.timeout", {QStringLiteral("The device")});

RecipeStep flash(const QString &image, const QString &more = {}, const QString &signer = u"p256.pub.pem"_s)
{
    return stepFrom(u"flash: { image: %1, signer: %2%3 }"_s.arg(image, signer, more), folder);
}

QByteArray hashOf(const QString &image)
{
    return mcubootHash(readFile(folder + u'/' + image, 1 << 20, u"an image"_s));
}

} // namespace

class TestFlashStep : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void writesStartsConfirms()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), QString());
        QCOMPARE(device.images.last().hash, hashOf(u"t1-1.4.2-p256.bin"_s));
        QVERIFY(device.images.last().active && device.images.last().confirmed);
        QCOMPARE(device.calls(u"firmware.confirm"_s), 1);
        QCOMPARE(context.facts.value(u"firmware"_s), u"1.4.2+7"_s);
        QVERIFY2(context.lastSummary.startsWith(u"1.4.2+7, 65 KiB at "_s), qPrintable(context.lastSummary));
        const auto *artifact = context.recorded(u"artifact"_s);
        QVERIFY(artifact);
        QCOMPARE(artifact->body.value(u"version"_s).toString(), u"1.4.2+7"_s);
        QCOMPARE(artifact->body.value(u"name"_s).toString(), u"t1-1.4.2-p256.bin"_s);
        QCOMPARE(artifact->body.value(u"use"_s).toString(), u"flashed"_s);
        QCOMPARE(artifact->body.value(u"sha256"_s).toByteArray().size(), 32);
        QCOMPARE(artifact->body.value(u"security-counter"_s).toInteger(), 5);
    }

    void permanentNeedsNoConfirmation()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s, u", activation: permanent"_s)), QString());
        QCOMPARE(device.calls(u"firmware.confirm"_s), 0);
    }

    void leavesTheSameImageAlone()
    {
        FakeDevice device;
        device.images[0].hash = hashOf(u"t1-1.4.2-p256.bin"_s);
        device.images[0].version = u"1.4.2.7"_s;
        FakeContext context(device);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), QString());
        QCOMPARE(device.calls(u"firmware.write"_s), 0);
        QCOMPARE(device.calls(u"reset"_s), 0);
        QCOMPARE(context.lastSummary, u"1.4.2+7 runs already"_s);
        QCOMPARE(context.recorded(u"artifact"_s)->body.value(u"use"_s).toString(), u"already running"_s);
        // On trial only: it is made permanent.
        device.images[0].confirmed = false;
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), QString());
        QCOMPARE(device.calls(u"firmware.confirm"_s), 1);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s, u", reinstall: true"_s)), QString());
        QCOMPARE(device.calls(u"firmware.write"_s), 1);
    }

    void refusesBeforeTheDevice_data()
    {
        QTest::addColumn<QString>("image");
        QTest::addColumn<QString>("signer");
        QTest::addColumn<QString>("code");
        const QString p256 = u"p256.pub.pem"_s;
        QTest::newRow("other key") << u"t1-1.4.2-other-key.bin"_s << p256 << u"firmware.other-key"_s;
        QTest::newRow("flipped bit") << u"t1-flipped-bit.bin"_s << p256 << u"firmware.hash"_s;
        QTest::newRow("truncated") << u"t1-truncated.bin"_s << p256 << u"firmware.truncated"_s;
        QTest::newRow("no image") << u"README.md"_s << p256 << u"firmware.foreign"_s;
        QTest::newRow("no key") << u"t1-1.4.2-p256.bin"_s << u"README.md"_s << u"firmware.signer"_s;
        QTest::newRow("key of another kind")
            << u"t1-1.4.2-p256.bin"_s << u"rsa2048.pub.pem"_s << u"firmware.key-type"_s;
    }
    void refusesBeforeTheDevice()
    {
        QFETCH(QString, image);
        QFETCH(QString, signer);
        FakeDevice device;
        FakeContext context(device);
        QTEST(context.codeOf(flash(image, {}, signer)), "code");
        QVERIFY(device.order.isEmpty());
    }

    void otherSignatures()
    {
        for (const QString &name : {u"ed25519"_s, u"rsa2048"_s}) {
            FakeDevice device;
            FakeContext context(device);
            QCOMPARE(context.codeOf(flash(u"t1-1.4.2-%1.bin"_s.arg(name), {}, name + u".pub.pem"_s)), QString());
        }
    }

    void refusesBeforeAByteIsSent()
    {
        FakeDevice device;
        FakeContext context(device);
        device.slotSize = 1000;
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), u"firmware.oversize"_s);
        device.slotSize.reset(); // not told
        device.images[0].version = u"1.4.2.7"_s;
        QCOMPARE(context.codeOf(flash(u"t1-1.4.1-p256-older.bin"_s)), u"firmware.older"_s);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.1-p256-older.bin"_s, u", allow-downgrade: true"_s)), QString());
        device.mend();
        FakeDevice counting;
        counting.said.more.insert(u"security-counter"_s, u"5"_s);
        FakeContext second(counting);
        QCOMPARE(second.codeOf(flash(u"t1-1.4.1-p256-older.bin"_s, u", allow-downgrade: true"_s)),
                 u"firmware.counter"_s);
        counting.said.more.clear();
        QCOMPARE(second.codeOf(flash(u"t1-2.0.0-depends.bin"_s)), u"firmware.dependency"_s);
        QCOMPARE(counting.calls(u"firmware.write"_s), 0);
    }

    void noticesWhatTheDeviceDoes()
    {
        const auto codeWith = [](const std::function<void(FakeDevice &)> &spoil, const QString &more = {}) {
            FakeDevice device;
            spoil(device);
            FakeContext context(device);
            const QString code = context.codeOf(flash(u"t1-1.4.2-p256.bin"_s, more));
            return code + (context.recorded(u"artifact"_s) ? u" recorded"_s : QString());
        };
        QCOMPARE(codeWith([](FakeDevice &d) { d.storesWrongHash = true; }), u"flash.hash"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.refusesImage = true; }), u"flash.refused"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.startsNothing = true; }), u"flash.not-running"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.neverConfirms = true; }), u"flash.not-confirmed"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.neverConfirms = true; }, u", activation: permanent"_s),
                 u"flash.not-confirmed"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.lacks << Capability::Firmware; }), u"device.lacks"_s);
        QCOMPARE(codeWith([](FakeDevice &d) { d.lacks << Capability::Reset; }), u"device.lacks"_s);
    }

    void memoryTakesPinnedFilesByAddress()
    {
        QTemporaryDir files;
        const auto put = [&](const QString &name, const QByteArray &bytes) {
            writeFile(files.filePath(name), bytes);
            return QString::fromLatin1(QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex());
        };
        const QString boot = put(u"boot.bin"_s, QByteArray(100, 'b'));
        const QString app = put(u"app.bin"_s, QByteArray(300, 'a'));
        const auto step = [&](const QString &text) { return stepFrom(u"flash: { %1 }"_s.arg(text), files.path()); };
        const RecipeStep both = step(u"files: { 0x08000000: { file: boot.bin, sha256: %1 }, 0x08000200: { file: "
                                     "app.bin, sha256: %2 } }"_s.arg(boot, app));
        FakeDevice device;
        device.lacks << Capability::Firmware << Capability::Reset;
        device.flash = QByteArray(1024, '\xff');
        FakeContext context(device);
        QCOMPARE(context.codeOf(both), QString());
        QCOMPARE(device.flash->left(100), QByteArray(100, 'b'));
        QCOMPARE(device.flash->mid(512, 300), QByteArray(300, 'a'));
        QVERIFY(device.started);
        QCOMPARE(context.recorded(u"artifact"_s)->body.value(u"compared"_s).toString(), u"reading back"_s);
        QCOMPARE(context.lastSummary, u"400 bytes at 0.4 kB/s, 0 % of the line"_s);

        const auto codeOf = [&](const QString &text) { return context.codeOf(step(text)); };
        const int writes = device.calls(u"memory.write"_s);
        QCOMPARE(codeOf(u"image: app.bin, sha256: %1, at: 0x08000300"_s.arg(app)), u"memory.outside"_s);
        QCOMPARE(codeOf(u"image: app.bin, sha256: %1, at: 0x08000000"_s.arg(boot)), u"flash.pin"_s);
        QCOMPARE(codeOf(u"image: app.bin, sha256: %1"_s.arg(app)), u"firmware.no-address"_s);
        QCOMPARE(
            codeOf(u"files: { 0x08000000: { file: boot.bin, sha256: %1 }, 0x08000010: { file: app.bin, sha256: %2 } }"_s
                       .arg(boot, app)),
            u"memory.overlap"_s);
        QCOMPARE(device.calls(u"memory.write"_s), writes);
        device.canCompare = false;
        QCOMPARE(codeOf(u"image: app.bin, sha256: %1, at: 0x08000000"_s.arg(app)), u"flash.unverified"_s);
        device.started = false;
        QCOMPARE(codeOf(u"image: app.bin, sha256: %1, at: 0x08000000, verify: false, start: false"_s.arg(app)),
                 QString());
        QVERIFY(!device.started);
    }

    void goesOnAfterATrouble()
    {
        FakeDevice whole;
        FakeContext first(whole);
        const RecipeStep step = flash(u"t1-1.4.2-p256.bin"_s);
        QCOMPARE(first.codeOf(step), QString());
        for (const QString &call : whole.order) {
            for (int nth = 1; nth <= whole.calls(call); ++nth) {
                FakeDevice device;
                device.failCall(call, nth, silent, FakeDevice::When::Before);
                FakeContext context(device);
                const auto work = stepKind(u"flash"_s)->make(step);
                QCOMPARE(context.codeOf(*work), u"base.timeout"_s);
                device.mend();
                QVERIFY2(context.codeOf(*work).isEmpty(), qPrintable(call)); // the second try
                QCOMPARE(device.images.last().hash, hashOf(u"t1-1.4.2-p256.bin"_s));
            }
        }
    }
};

SLIPWAY_TEST_MAIN(TestFlashStep)
#include "tst_flashstep.moc"
