// SUIT envelopes onto devices: nothing is looked into before the signature, nothing is written that the manifest does
// not vouch for, no way back in sequence numbers, and every component goes where it belongs or nowhere.

#include "core/base/files.h"
#include "core/steps/suitrecord.h"
#include "tests/support/fakecontext.h"
#include "tests/support/suitmaker.h"
#include "tests/support/testmain.h"

#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QUuid vendorId = QUuid::fromRfc4122(QByteArray(16, 'v'));
const QUuid classId = QUuid::fromRfc4122(QByteArray(16, 'c'));

QString text(const QUuid &id)
{
    return id.toString(QUuid::WithoutBraces);
}

FlashOrder orderFor(const QByteArray &envelope, const SuitSigner &signer)
{
    FlashOrder order;
    order.files.append({.name = u"boat.suit"_s, .bytes = envelope});
    order.signer = signer.publicPem();
    order.suit.vendor = vendorId;
    order.suit.deviceClass = classId;
    order.suit.places.insert(u"00"_s, u"0x08000000"_s);
    return order;
}

// Memory alone, as a ROM loader has it.
struct Loader : FakeDevice {
    Loader()
    {
        lacks << Capability::Firmware << Capability::Reset;
        flash = QByteArray(1024, '\xff');
    }
};

QString codeOf(FakeDevice &device, const FlashOrder &order, Flashing::Result *result = nullptr)
{
    try {
        Flashing flashing(order);
        const Flashing::Result out = flashing.run([&device]() -> Device & { return device; }, {});
        if (result)
            *result = out;
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

QByteArray mcubootFile()
{
    return readFile(QStringLiteral(SLIPWAY_TEST_DATA "/mcuboot/t1-1.4.2-p256.bin"), 1 << 20, u"an image"_s);
}

} // namespace

class TestSuitFlash : public QObject
{
    Q_OBJECT

private:
    const SuitSigner m_signer;

private Q_SLOTS:
    void toAnAddress()
    {
        Loader device;
        const SuitMaker maker;
        Flashing::Result result;
        QCOMPARE(codeOf(device, orderFor(maker.make(m_signer), m_signer), &result), QString());
        QCOMPARE(device.flash->first(maker.payload.size()), maker.payload);
        QCOMPARE(result.sequence, 7u);
        QCOMPARE(result.pieces.size(), 1);
        QCOMPARE(result.pieces[0].component, u"00"_s);
        QCOMPARE(result.pieces[0].place, u"0x08000000"_s);
        QCOMPARE(result.pieces[0].sha256, QCryptographicHash::hash(maker.payload, QCryptographicHash::Sha256));
        QCOMPARE(result.compared, u"reading back"_s);
    }

    void refusesBeforeTheDevice_data()
    {
        QTest::addColumn<QByteArray>("envelope");
        QTest::addColumn<QString>("code");
        const SuitMaker good;
        QTest::newRow("another key") << good.make(SuitSigner()) << u"firmware.suit-key"_s;
        QByteArray flipped = good.make(m_signer);
        flipped[flipped.indexOf("firmware of")] = 'F';
        QTest::newRow("payload changed") << flipped << u"firmware.suit-payload-digest"_s;
        QByteArray manifest = good.make(m_signer);
        manifest[manifest.indexOf("vvvv")] = 'w';
        QTest::newRow("manifest changed") << manifest << u"firmware.suit-digest"_s;
        SuitMaker unknown;
        unknown.install = {28, 15};
        QTest::newRow("unknown command") << unknown.make(m_signer) << u"firmware.suit-unsupported"_s;
        SuitMaker parameter;
        parameter.install = {20, QCborMap{{19, QByteArray("x")}}, 21, 2};
        QTest::newRow("encrypted") << parameter.make(m_signer) << u"firmware.suit-unsupported"_s;
        SuitMaker version;
        version.manifest = {{1, 2}};
        QTest::newRow("another version") << version.make(m_signer) << u"firmware.suit-version"_s;
        QTest::newRow("unsigned") << readFile(QStringLiteral(SLIPWAY_TEST_DATA "/suit/example0-unsigned.suit"), 1 << 20,
                                              u"an envelope"_s)
                                  << u"firmware.suit-unsigned"_s;
    }
    void refusesBeforeTheDevice()
    {
        QFETCH(QByteArray, envelope);
        Loader device;
        QTEST(codeOf(device, orderFor(envelope, m_signer)), "code");
        QVERIFY(device.order.isEmpty());
    }

    void whoseSignatureMustBeSaid()
    {
        Loader device;
        FlashOrder order = orderFor(SuitMaker().make(m_signer), m_signer);
        order.signer.clear();
        QCOMPARE(codeOf(device, order), u"flash.no-signer"_s);
        QVERIFY(device.order.isEmpty());
    }

    void forAnotherDevice()
    {
        const QByteArray envelope = SuitMaker().make(m_signer);
        const auto with = [&](const std::function<void(FakeDevice &, FlashOrder &)> &change) {
            Loader device;
            FlashOrder order = orderFor(envelope, m_signer);
            change(device, order);
            const QString code = codeOf(device, order);
            return device.calls(u"memory.write"_s) ? code + u" written"_s : code;
        };
        const QUuid other(u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s);
        QCOMPARE(with([&](auto &, FlashOrder &order) { order.suit.vendor = other; }), u"firmware.suit-identity"_s);
        QCOMPARE(with([&](auto &, FlashOrder &order) { order.suit.deviceClass = other; }), u"firmware.suit-identity"_s);
        QCOMPARE(with([&](auto &, FlashOrder &order) { order.suit.vendor.reset(); }), u"flash.suit-unknown-device"_s);
        // What the device says of itself counts, and may not be talked over.
        QCOMPARE(with([&](FakeDevice &device, FlashOrder &) { device.said.more[u"class-id"_s] = text(other); }),
                 u"flash.suit-other-device"_s);
        QCOMPARE(with([&](FakeDevice &device, FlashOrder &order) {
                     device.said.more[u"class-id"_s] = text(other);
                     order.suit.deviceClass.reset();
                 }),
                 u"firmware.suit-identity"_s);
        QCOMPARE(with([&](FakeDevice &device, FlashOrder &order) {
                     device.said.more[u"vendor-id"_s] = text(vendorId);
                     device.said.more[u"class-id"_s] = text(classId);
                     order.suit.vendor.reset();
                     order.suit.deviceClass.reset();
                 }),
                 u" written"_s);
        QCOMPARE(with([&](FakeDevice &device, FlashOrder &) { device.said.more[u"suit-components"_s] = u"0"_s; }),
                 u"firmware.suit-components"_s);
        // A manifest that asks for no class would fit any device.
        SuitMaker careless;
        careless.shared = {20, QCborMap{{1, careless.vendor}, {3, suitBytes(suitDigest(careless.payload))}}, 1, 15};
        Loader device;
        QCOMPARE(codeOf(device, orderFor(careless.make(m_signer), m_signer)), u"firmware.suit-no-identity"_s);
    }

    void noWayBack_data()
    {
        QTest::addColumn<QString>("device");
        QTest::addColumn<int>("record");
        QTest::addColumn<bool>("sameManifest");
        QTest::addColumn<bool>("allowed");
        QTest::addColumn<QString>("code");
        QTest::newRow("nobody knows") << QString() << -1 << false << false << QString();
        QTest::newRow("newer") << u"6"_s << 5 << false << false << QString();
        QTest::newRow("older by the device") << u"8"_s << -1 << false << false << u"firmware.suit-older"_s;
        QTest::newRow("older by the record") << QString() << 8 << false << false << u"firmware.suit-older"_s;
        QTest::newRow("older by the record alone") << u"3"_s << 8 << false << true << u"firmware.suit-older"_s;
        QTest::newRow("another with its number") << QString() << 7 << false << false << u"firmware.suit-equal"_s;
        QTest::newRow("the very same") << QString() << 7 << true << false << QString();
        QTest::newRow("its number, allowed") << u"7"_s << -1 << false << true << QString();
        QTest::newRow("its number by the device") << u"7"_s << -1 << false << false << u"firmware.suit-equal"_s;
        QTest::newRow("no number") << u"seven"_s << -1 << false << false << QString();
    }
    void noWayBack()
    {
        QFETCH(QString, device);
        QFETCH(int, record);
        QFETCH(bool, sameManifest);
        QFETCH(bool, allowed);
        Loader loader;
        if (!device.isEmpty())
            loader.said.more.insert(u"suit-sequence"_s, device);
        const QByteArray envelope = SuitMaker().make(m_signer);
        FlashOrder order = orderFor(envelope, m_signer);
        order.suit.sameSequence = allowed;
        const QByteArray digest = sameManifest ? SuitEnvelope::parse(envelope).digest().bytes : QByteArray(32, 'o');
        if (record >= 0)
            order.suit.known = [record, digest](const DeviceFacts &) { return SuitKnown{quint64(record), digest}; };
        QTEST(codeOf(loader, order), "code");
        QFETCH(QString, code);
        QCOMPARE(loader.calls(u"memory.write"_s), code.isEmpty() ? 1 : 0);
    }

    void payloadsBesideTheEnvelope()
    {
        SuitMaker maker;
        maker.integrated = false;
        maker.uri = u"https://example.com/boat.bin"_s;
        maker.install = {20, QCborMap{{21, maker.uri}}, 21, 2, 3, 15};
        FlashOrder order = orderFor(maker.make(m_signer), m_signer);
        Loader device;
        QCOMPARE(codeOf(device, order), u"flash.suit-payload"_s);
        order.suit.payloads.append({.name = u"boat.bin"_s, .bytes = "firmware of the goat"});
        QCOMPARE(codeOf(device, order), u"firmware.suit-payload-digest"_s);
        QCOMPARE(device.calls(u"memory.write"_s), 0);
        order.suit.payloads.front().bytes = maker.payload;
        QCOMPARE(codeOf(device, order), QString());
        QCOMPARE(device.flash->first(maker.payload.size()), maker.payload);
    }

    // Two components and a third one that is only passed through.
    void placesOfComponents()
    {
        SuitMaker maker;
        const QByteArray model = "the model of the boat";
        maker.components = {QCborArray{QByteArray(1, '\0')}, QCborArray{QByteArray("model")},
                            QCborArray{QByteArray("staging")}};
        maker.shared = {12, true, 20, QCborMap{{1, maker.vendor}, {2, maker.deviceClass}},
                        1,  15,   2,  15,
                        12, 0,    20, QCborMap{{3, suitBytes(suitDigest(maker.payload))}},
                        12, 1,    20, QCborMap{{3, suitBytes(suitDigest(model))}},
                        12, 2,    20, QCborMap{{3, suitBytes(suitDigest(maker.payload))}}};
        maker.install = {12, 2, 20, QCborMap{{21, maker.uri}},   21, 2, 3, 15,
                         12, 0, 20, QCborMap{{22, 2}},           22, 2, 3, 15,
                         12, 1, 20, QCborMap{{21, u"#model"_s}}, 21, 2, 3, 15};
        maker.validate = {12, 0, 3, 15, 12, 1, 3, 15};
        maker.envelope = {{u"#model"_s, model}};
        FlashOrder order = orderFor(maker.make(m_signer), m_signer);
        const auto code = [&](FakeDevice &device) { return codeOf(device, order); };
        {
            Loader device;
            QCOMPARE(code(device), u"flash.suit-place"_s);
            order.suit.places.insert(u"model"_s, u"somewhere"_s);
            QCOMPARE(code(device), u"flash.suit-bad-place"_s);
            order.suit.places[u"model"_s] = u"image 0"_s;
            QCOMPARE(code(device), u"device.lacks"_s);
            order.suit.places[u"model"_s] = u"0x08000008"_s;
            QCOMPARE(code(device), u"memory.overlap"_s);
            QCOMPARE(device.calls(u"memory.write"_s), 0);
            order.suit.places[u"model"_s] = u"0x08000100"_s;
            QCOMPARE(code(device), QString());
            QCOMPARE(device.flash->first(maker.payload.size()), maker.payload);
            QCOMPARE(device.flash->mid(256, model.size()), model);
        }
        Loader device;
        order.suit.places[u"model"_s] = u"file:/lib/model.bin"_s;
        QCOMPARE(code(device), QString());
        QCOMPARE(device.files.value(u"/lib/model.bin"_s), model);
        device.losesSettings = true;
        order.suit.places[u"model"_s] = u"setting:app/model"_s;
        QCOMPARE(code(device), u"set.differs"_s);
        device.losesSettings = false;
        QCOMPARE(code(device), QString());
        QCOMPARE(device.settings.value(u"app/model"_s), model);
        order.suit.places.insert(u"mast"_s, u"image 0"_s);
        QCOMPARE(code(device), u"flash.suit-no-component"_s);
    }

    void whatOnlyTheDeviceCanDo()
    {
        SuitMaker maker;
        maker.components = {QCborArray{QByteArray(1, '\0')}, QCborArray{QByteArray("old")}};
        const QCborArray ask{12, 0, 20, QCborMap{{1, maker.vendor}, {2, maker.deviceClass}}, 1, 15, 2, 15};
        maker.shared = ask;
        maker.validate = {12, 0, 20, QCborMap{{3, suitBytes(suitDigest(maker.payload))}}, 3, 15};
        maker.install = {12, 0, 20, QCborMap{{22, 1}}, 22, 2};
        maker.integrated = false;
        Loader device;
        QCOMPARE(codeOf(device, orderFor(maker.make(m_signer), m_signer)), u"flash.suit-action"_s);
        maker.install = {12, 0, 20, QCborMap{{22, 1}}, 31, 2};
        QCOMPARE(codeOf(device, orderFor(maker.make(m_signer), m_signer)), u"flash.suit-action"_s);
        // Nothing is installed: the envelope of a secure start.
        SuitMaker idle;
        idle.manifest = {{20, QCborValue()}};
        idle.integrated = false;
        QCOMPARE(codeOf(device, orderFor(idle.make(m_signer), m_signer)), u"flash.suit-nothing"_s);
        QCOMPARE(device.calls(u"memory.write"_s), 0);
    }

    // The cases of the draft's example 3: which of two images depends on the slot.
    void slotsDecide()
    {
        const QByteArray first = mcubootFile(), second = first + QByteArray(64, '\xff');
        SuitMaker maker;
        maker.shared = {
            20,
            QCborMap{{1, maker.vendor}, {2, maker.deviceClass}},
            1,
            15,
            2,
            15,
            15,
            QCborArray{
                suitBytes(QCborArray{20, QCborMap{{5, 0}}, 5, 5, 20, QCborMap{{3, suitBytes(suitDigest(second))}}}),
                suitBytes(QCborArray{20, QCborMap{{5, 1}}, 5, 5, 20, QCborMap{{3, suitBytes(suitDigest(first))}}})}};
        maker.install = {15,
                         QCborArray{suitBytes(QCborArray{20, QCborMap{{5, 0}}, 5, 5, 20, QCborMap{{21, u"#b"_s}}}),
                                    suitBytes(QCborArray{20, QCborMap{{5, 1}}, 5, 5, 20, QCborMap{{21, u"#a"_s}}})},
                         21,
                         2,
                         3,
                         15};
        maker.integrated = false;
        maker.envelope = {{u"#a"_s, first}, {u"#b"_s, second}};
        FlashOrder order = orderFor(maker.make(m_signer), m_signer);
        order.suit.places.clear();
        FakeDevice device; // runs slot 0, so slot 1 is written
        Flashing::Result result;
        QCOMPARE(codeOf(device, order, &result), QString());
        QCOMPARE(device.calls(u"firmware.write"_s), 1);
        QCOMPARE(result.version, u"1.4.2+7"_s);
        QCOMPARE(result.pieces.value(0).bytes, first.size());
        // By an address nobody knows which slot it is.
        Loader loader;
        order.suit.places.insert(u"00"_s, u"0x08000000"_s);
        QCOMPARE(codeOf(loader, order), u"flash.suit-cases"_s);
    }

    void theDeviceItself()
    {
        SuitMaker maker;
        maker.integrated = false;
        maker.uri = u"https://example.com/v7/boat.bin?key=1"_s;
        maker.install = {20, QCborMap{{21, maker.uri}}, 21, 2, 3, 15};
        FlashOrder order = orderFor(maker.make(m_signer), m_signer);
        order.suit.places.clear();
        order.suit.vendor.reset(); // the device is the judge of what it is
        order.suit.deviceClass.reset();
        order.suit.payloads.append({.name = u"boat.bin"_s, .bytes = maker.payload});
        FakeDevice device;
        device.takesEnvelopes = true;
        device.said.more.insert(u"suit-sequence"_s, u"6"_s);
        QCOMPARE(codeOf(device, order), u"flash.suit-not-taken"_s); // it says 6 after its restart, too
        QCOMPARE(device.envelope, order.files.front().bytes);
        QCOMPARE(device.files.value(u"suit/boat.bin"_s), maker.payload);
        device.said.more.remove(u"suit-sequence"_s);
        QCOMPARE(codeOf(device, order), u"flash.unverified"_s); // nobody can tell
        device.said.more.insert(u"suit-sequence"_s, u"8"_s);
        const int writes = device.calls(u"firmware.write"_s);
        QCOMPARE(codeOf(device, order), u"firmware.suit-older"_s);
        QCOMPARE(device.calls(u"firmware.write"_s), writes);
    }

    void theRecordKnows()
    {
        FakeDevice device;
        FakeContext context(device);
        const QByteArray digest(32, 'd');
        const auto put = [&](const char *kind, const QString &run, QCborMap body) {
            context.journal().appendDurably({QString::fromLatin1(kind), run, u"T1-00000007"_s, std::move(body)});
        };
        const QString run = u"11111111-2222-4333-8444-555555555555"_s,
                      other = u"21111111-2222-4333-8444-555555555555"_s;
        const auto known = [&](const QString &serial) {
            JournalReader reader(context.journal().path());
            return suitOnRecord(reader, serial, device.said);
        };
        for (const QString &one : {run, other})
            put("run.begun", one, {{u"mode"_s, u"production"_s}, {u"recipe"_s, u"x"_s}});
        QVERIFY(!known(u"T1-00000007"_s).sequence);
        put("outcome", run,
            {{u"intent"_s, run},
             {u"state"_s, u"partial"_s},
             {u"sentence"_s, u"x"_s},
             {u"detail"_s, QCborMap{{u"suit-sequence"_s, 9}}}});
        QVERIFY(!known(u"T1-00000007"_s).sequence); // it was cut: the device is not there
        put("outcome", run,
            {{u"intent"_s, run},
             {u"state"_s, u"done"_s},
             {u"sentence"_s, u"x"_s},
             {u"detail"_s, QCborMap{{u"suit-sequence"_s, 5}, {u"suit-manifest"_s, digest}}}});
        QCOMPARE(known(u"T1-00000007"_s).sequence, 5u);
        QCOMPARE(known(u"T1-00000007"_s).manifest, digest);
        QVERIFY(!known(u"T1-00000008"_s).sequence);
        // Under the same number, but on a board that was taken out since.
        put("fact", other, {{u"name"_s, u"hardware-id"_s}, {u"value"_s, u"02-00-5e-10-00-00-00-99"_s}});
        put("artifact", other, {{u"sha256"_s, QByteArray(32, 'a')}, {u"suit-sequence"_s, 12}});
        QCOMPARE(known(u"T1-00000007"_s).sequence, 5u);
    }

    void inARecipe()
    {
        QTemporaryDir folder;
        SuitMaker maker;
        writeFile(folder.filePath(u"boat.suit"_s), maker.make(m_signer));
        writeFile(folder.filePath(u"signer.pem"_s), m_signer.publicPem());
        const auto step = [&](const QString &more) {
            return stepFrom(u"flash: { image: boat.suit, signer: signer.pem%1 }"_s.arg(more), folder.path());
        };
        const QString ids = u", vendor-id: %1, class-id: %2"_s.arg(text(vendorId), text(classId));
        const QString place = u", components: { \"00\": \"0x08000000\" }"_s;
        Loader device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(step(place)), u"flash.suit-unknown-device"_s);
        QCOMPARE(context.codeOf(step(ids + place)), QString());
        QCOMPARE(context.intents.size(), 1);
        QCOMPARE(context.intents[0].second.value(u"suit-sequence"_s).toInteger(), 7);
        QCOMPARE(context.outcomes.last().state, u"done"_s);
        const QCborMap artifact = context.recorded(u"artifact"_s)->body;
        QCOMPARE(artifact.value(u"suit-sequence"_s).toInteger(), 7);
        QCOMPARE(artifact.value(u"format"_s).toString(), u"suit"_s);
        QCOMPARE(artifact.value(u"components"_s).toArray().size(), 1);
        QCOMPARE(context.facts.value(u"suit-sequence"_s), u"7"_s);
        device.said.more.insert(u"suit-sequence"_s, u"8"_s);
        QCOMPARE(context.codeOf(step(ids + place + u", allow-downgrade: true"_s)), u"firmware.suit-older"_s);
    }
};

SLIPWAY_TEST_MAIN(TestSuitFlash)
#include "tst_suitflash.moc"
