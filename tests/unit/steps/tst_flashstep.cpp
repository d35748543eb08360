// The step flash: nothing is sent before the image is verified, and nothing passes that the device does not run.

#include "core/base/files.h"
#include "core/steps/flashing.h"
#include "tests/support/dfufiles.h"
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

    void saysHowFarItGot_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<QString>("state");
        QTest::addColumn<QString>("words");
        const auto row = [](const char *name, WriteStage stage, const char *state, const char *words) {
            QTest::newRow(name) << int(stage) << QString::fromLatin1(state) << QString::fromLatin1(words);
        };
        row("before the erase", WriteStage::Checking, "not-done",
            "Writing app.bin ended before anything was erased or written. Nothing was changed.");
        row("in the erase", WriteStage::Erasing, "partial",
            "Writing app.bin ended while memory was erased. What the device holds is not whole.");
        row("half written", WriteStage::Writing, "partial",
            "Writing app.bin ended while it was written, at 300 bytes of 600 bytes (0x0800012c). What the device holds "
            "is not whole.");
        row("in the comparison", WriteStage::Verifying, "partial",
            "Writing app.bin ended after all of it was written, while it was compared. Whether the device holds and "
            "runs it as it should was not seen.");
        row("in the restart", WriteStage::Restarting, "partial",
            "Writing app.bin ended after all of it was written, while the device restarted. Whether the device holds "
            "and runs it as it should was not seen.");
    }
    void saysHowFarItGot()
    {
        QFETCH(int, stage);
        QFETCH(QString, state);
        QFETCH(QString, words);
        QTemporaryDir files;
        const QByteArray app(600, 'a');
        writeFile(files.filePath(u"app.bin"_s), app);
        const RecipeStep step =
            stepFrom(u"flash: { image: app.bin, at: 0x08000000, sha256: %1 }"_s.arg(
                         QString::fromLatin1(QCryptographicHash::hash(app, QCryptographicHash::Sha256).toHex())),
                     files.path());
        FakeDevice device;
        device.lacks << Capability::Firmware << Capability::Reset;
        device.flash = QByteArray(1024, '\xff');
        device.cutAt = WriteStage(stage);
        if (device.cutAt == WriteStage::Restarting)
            device.failCall(u"memory.start"_s, 1, Fault("link.gone", {u"/dev/fake"_s}));
        FakeContext context(device);
        QCOMPARE(context.codeOf(step), u"link.gone"_s);
        QCOMPARE(context.intents.size(), 1);
        QCOMPARE(context.intents[0].first, u"flash"_s);
        QCOMPARE(context.intents[0].second.value(u"bytes"_s).toInteger(), 600);
        QCOMPARE(context.outcomes.size(), 1);
        QCOMPARE(context.outcomes[0].state, state);
        QCOMPARE(context.outcomes[0].sentence, words);
        QVERIFY2(words.contains(context.lastSummary), qPrintable(context.lastSummary));
        QVERIFY(!context.recorded(u"artifact"_s));
        // Plugged in again: the same unit goes through.
        device.cutAt.reset();
        QCOMPARE(context.codeOf(step), QString());
        QCOMPARE(context.outcomes.last().state, u"done"_s);
        QCOMPARE(device.flash->first(600), app);
    }

    // The intent stands before the first thing that may change the device; what touches nothing has none.
    void intendsBeforeItWrites()
    {
        FakeDevice device;
        device.failCall(u"firmware.write"_s, 1, silent);
        FakeContext context(device);
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), u"base.timeout"_s);
        QCOMPARE(context.intents.size(), 1);
        QCOMPARE(context.outcomes.value(0).state, u"partial"_s); // this driver does not say that it had not begun
        device.mend();
        device.cutAt = WriteStage::Writing;
        QCOMPARE(context.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), u"link.gone"_s);
        QVERIFY2(context.outcomes.last().sentence.contains(u"while it was written, at 32"),
                 qPrintable(context.outcomes.last().sentence));
        FakeDevice same;
        same.images[0].hash = hashOf(u"t1-1.4.2-p256.bin"_s);
        FakeContext second(same);
        QCOMPARE(second.codeOf(flash(u"t1-1.4.2-p256.bin"_s)), QString());
        QCOMPARE(second.codeOf(flash(u"t1-1.4.2-other-key.bin"_s)), u"firmware.other-key"_s);
        QVERIFY(second.intents.isEmpty());
    }

    void usbDeviceMustFit_data()
    {
        QTest::addColumn<int>("vendor");
        QTest::addColumn<int>("product");
        QTest::addColumn<QString>("told");
        QTest::addColumn<QString>("sentence");
        const QString both = u"The file is for USB device 0483:df12, and this one is 0483:df11."_s;
        QTest::newRow("fits") << 0x0483 << 0xdf11 << u"0483:df11"_s << QString();
        QTest::newRow("another product") << 0x0483 << 0xdf12 << u"0483:df11"_s << both;
        QTest::newRow("any product") << 0x0483 << 0xffff << u"0483:df11"_s << QString();
        QTest::newRow("any at all") << 0xffff << 0xffff << u"0483:df11"_s << QString();
        QTest::newRow("another vendor, any product")
            << 0x1d50 << 0xffff << u"0483:df11"_s
            << u"The file is for USB device 1d50:any, and this one is 0483:df11."_s;
        QTest::newRow("no USB device") << 0x0483 << 0xdf12 << QString() << QString();
    }
    void usbDeviceMustFit()
    {
        QFETCH(int, vendor);
        QFETCH(int, product);
        QFETCH(QString, told);
        QFETCH(QString, sentence);
        FakeDevice device;
        device.flash = QByteArray(1024, '\xff');
        device.flashAt = 0x08000000;
        device.said.more.insert(u"usb-id"_s, told);
        FlashOrder order;
        order.files.append(
            {.name = u"app.dfu"_s, .bytes = withDfuSuffix(QByteArray(64, 'x'), quint16(vendor), quint16(product))});
        order.files.front().at = 0x08000000;
        Flashing flashing(order);
        QString said;
        try {
            (void)flashing.run([&]() -> Device & { return device; }, {});
        } catch (const Fault &fault) {
            said = fault.sentence();
        }
        QCOMPARE(said, sentence);
        QCOMPARE(device.calls(u"memory.write"_s), sentence.isEmpty() ? 1 : 0);
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
