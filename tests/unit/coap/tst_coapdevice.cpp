// The driver as steps see it, on the virtual board: facts, settings in all formats, files, firmware from writing to
// confirming, keys, clock, restart; and the troubles a board can make at each of them.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "drivers/coap/coapdriver.h"
#include "drivers/virtual/bootimage.h"
#include "drivers/virtual/virtualcoap.h"
#include "tests/support/testmain.h"

#include <QTemporaryDir>

#include <openssl/x509.h>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<Device> open(const VirtualCoap &device, const QString &board = {})
{
    const CoapDriver driver;
    return driver.open({device.path(), 0, board}, {});
}

template <typename Function> QString codeOf(Function function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"nothing"_s;
}

using Kind = Blobs::Kind;

} // namespace

class TestCoapDevice : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void facts()
    {
        VirtualCoapOptions options;
        options.serial = u"T1-00000007"_s;
        options.eui64 = QByteArray::fromHex("02005efffe005301");
        VirtualCoap device(options);
        device.start();
        const auto opened = open(device);
        const DeviceFacts facts = opened->facts({});
        QCOMPARE(facts.driver, u"coap"_s);
        QCOMPARE(facts.port, device.path());
        QCOMPARE(facts.line, u"CoAP over UDP"_s);
        QCOMPARE(facts.board, u"t1-coap"_s);
        QCOMPARE(facts.serial, u"T1-00000007"_s);
        QCOMPARE(facts.hardwareId, u"02-00-5e-ff-fe-00-53-01"_s);
        QCOMPARE(facts.firmwareVersion, u"1.0.0"_s);
        QCOMPARE(facts.firmwareHash, device.facts().activeHash);
        QCOMPARE(facts.identityPresent, std::optional(false));
        QVERIFY(opened->firmware() && opened->blobs() && opened->keys() && opened->resetter() && opened->clock());
        QVERIFY(!opened->shell() && !opened->memory() && !opened->locker());
        const CoapDriver driver;
        QCOMPARE(driver.capabilities(u"t1-coap"_s), driver.capabilities({}));
    }

    void unknownBoard()
    {
        VirtualCoapOptions options;
        options.board = u"kettle"_s;
        VirtualCoap device(options);
        device.start();
        const auto opened = open(device);
        QCOMPARE(opened->facts({}).board, u"kettle"_s);
        QVERIFY(!opened->firmware() && !opened->keys() && !opened->resetter());
        QCOMPARE(opened->blobs()->read(Kind::Setting, u"/cfg/interval"_s, {}), "60");
        QCOMPARE(codeOf([&] { opened->blobs()->read(Kind::Setting, u"interval"_s, {}); }), u"device.lacks"_s);
        QCOMPARE(codeOf([&] { opened->blobs()->read(Kind::Setting, u"/../etc"_s, {}); }), u"coap.path"_s);
        QCOMPARE(codeOf([&] { open(device, u"t1-caop"_s); }), u"coap.board-unknown"_s);
    }

    void settings_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("onDevice");
        QTest::addColumn<QByteArray>("value");
        QTest::newRow("text") << u"app/interval"_s << u"interval"_s << QByteArray("120");
        QTest::newRow("text, odd name") << u"app/a b/ä"_s << u"a b/ä"_s << QByteArray("x");
        QTest::newRow("cbor") << u"net/channel"_s << u"channel"_s << QByteArray("26");
        QTest::newRow("senml") << u"pack/name"_s << u"name"_s << QByteArray("k\u00fcche");
    }

    void settings()
    {
        QFETCH(QString, name);
        QFETCH(QString, onDevice);
        QFETCH(QByteArray, value);
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        Blobs &blobs = *opened->blobs();
        blobs.write(Kind::Setting, name, value, {});
        QCOMPARE(device.setting(onDevice).value_or("-"), value);
        QCOMPARE(blobs.read(Kind::Setting, name, {}), value);
        device.setFault(VirtualCoapFault::parse(u"refuse"_s));
        QCOMPARE(codeOf([&] { blobs.write(Kind::Setting, name, value, {}); }), u"device.refused"_s);
        device.clearFaults();
        device.setFault(VirtualCoapFault::parse(u"wrong-format"_s));
        QCOMPARE(codeOf([&] { blobs.read(Kind::Setting, name, {}); }), u"coap.format"_s);
        device.clearFaults();
        // What is committed survives a restart; what is not, does not.
        blobs.commitSettings({});
        blobs.write(Kind::Setting, u"app/other"_s, "lost", {});
        opened->resetter()->reset({});
        QCOMPARE(blobs.read(Kind::Setting, name, {}), value);
        QCOMPARE(codeOf([&] { blobs.read(Kind::Setting, u"app/other"_s, {}); }), u"device.lacks"_s);
    }

    void settingsThatCannotBe()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        Blobs &blobs = *opened->blobs();
        QCOMPARE(codeOf([&] { blobs.write(Kind::Setting, u"net/channel"_s, "eleven", {}); }), u"coap.value"_s);
        QCOMPARE(codeOf([&] { blobs.write(Kind::Setting, u"net/channel"_s, "27", {}); }), u"device.refused"_s);
        QCOMPARE(codeOf([&] { blobs.read(Kind::Setting, u"pack/none"_s, {}); }), u"coap.bad-value"_s);
        QCOMPARE(codeOf([&] { blobs.remove(Kind::Setting, u"pack/name"_s, {}); }), u"device.lacks"_s);
        blobs.remove(Kind::Setting, u"app/interval"_s, {});
        QVERIFY(!device.setting(u"interval"_s));
        QCOMPARE(codeOf([&] { blobs.write(Kind::Setting, u"app/"_s + QString(300, u'x'), "1", {}); }), u"coap.path"_s);
    }

    void files()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        const QByteArray content(70'000, 'f');
        opened->blobs()->write(Kind::File, u"log/1.bin"_s, content, {});
        QCOMPARE(device.file(u"log/1.bin"_s), content);
        QCOMPARE(opened->blobs()->read(Kind::File, u"log/1.bin"_s, {}), content);
        opened->blobs()->remove(Kind::File, u"log/1.bin"_s, {});
        QCOMPARE(codeOf([&] { opened->blobs()->read(Kind::File, u"log/1.bin"_s, {}); }), u"device.lacks"_s);
        // What a SUIT manifest fetches lies where the board's data says.
        opened->blobs()->write(Kind::File, u"suit/radio.bin"_s, "radio", {});
        QCOMPARE(device.file(u"suit/payload/radio.bin"_s), "radio");
    }

    void firmware_data()
    {
        QTest::addColumn<QString>("trouble");
        QTest::addColumn<bool>("observes");
        QTest::newRow("plain") << QString() << true;
        QTest::newRow("without observation") << QString() << false;
        QTest::newRow("restart in the middle") << u"reboot-at:after=20000"_s << true;
        QTest::newRow("losses") << u"lost:every=31"_s << true;
        QTest::newRow("duplicates") << u"duplicate"_s << true;
    }

    void firmware()
    {
        QFETCH(QString, trouble);
        QFETCH(bool, observes);
        VirtualCoapOptions options;
        options.observes = observes;
        options.think = 50ms;
        VirtualCoap device(options);
        device.start();
        const auto opened = open(device);
        Firmware &firmware = *opened->firmware();
        if (!trouble.isEmpty())
            device.setFault(VirtualCoapFault::parse(trouble));
        const QByteArray image = BootImage::make({1, 4, 2, 7}, 40'000, 3);
        const QByteArray hash = BootImage::parse(image).hash;
        Progress progress;
        Task task;
        task.progress = &progress;
        const auto result = firmware.write(image, {}, task);
        QCOMPARE(result.bytes, image.size());
        QVERIFY(result.lineLimit > 0);
        QCOMPARE(progress.snapshot().done, image.size());
        device.clearFaults();
        QCOMPARE(device.facts().slot1Hash, hash);

        QCOMPARE(firmware.capacity(0, {}), std::optional<qint64>(655360));
        auto list = firmware.imageSlots({});
        QCOMPARE(list.size(), 2);
        QCOMPARE(list[1].hash, hash);
        QCOMPARE(list[1].version, u"1.4.2.7"_s);
        QVERIFY(list[0].active && list[0].confirmed && !list[1].active && !list[1].pending);
        firmware.activate(hash, false, {});
        QVERIFY(firmware.imageSlots({})[1].pending);
        QCOMPARE(codeOf([&] { firmware.activate(QByteArray(32, 'x'), false, {}); }), u"device.lacks"_s);
        QCOMPARE(codeOf([&] { firmware.erase(0, 1, {}); }), u"device.refused"_s); // the next restart needs it
        opened->resetter()->reset({});
        list = firmware.imageSlots({});
        QVERIFY(list[0].active && list[0].hash == hash && !list[0].confirmed);
        firmware.confirm({});
        QVERIFY(device.facts().activeConfirmed);
        firmware.erase(0, 1, {});
        QCOMPARE(firmware.imageSlots({}).size(), 1);
    }

    void firmwareThatIsRefused()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        Firmware &firmware = *opened->firmware();
        const QByteArray image = BootImage::make({2, 0, 0, 0}, 5000, 3);
        QCOMPARE(codeOf([&] { firmware.write({}, {}, {}); }), u"coap.empty-image"_s);
        QCOMPARE(codeOf([&] { firmware.write(QByteArray(700'000, 'x'), {}, {}); }), u"coap.too-large"_s);
        try {
            firmware.write(image.chopped(7), {}, {});
            QFAIL("it was taken");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("coap.update-failed"));
            QVERIFY2(fault.sentence().startsWith(u"The device did not accept the firmware: it says \""),
                     qPrintable(fault.sentence()));
        }
        device.setFault(VirtualCoapFault::parse(u"refuse"_s));
        QCOMPARE(codeOf([&] { firmware.write(image, {}, {}); }), u"device.refused"_s);
        device.clearFaults();
        device.setFault(VirtualCoapFault::parse(u"image-refused"_s));
        QCOMPARE(codeOf([&] { firmware.write(image, {}, {}); }), u"coap.update-failed"_s);
        device.clearFaults();
        QCOMPARE(firmware.write(image, {}, {}).bytes, image.size()); // the same unit again
        // A SUIT envelope (tag 107) goes to its own resource.
        const QByteArray envelope = QByteArray::fromHex("d86ba2") + QByteArray(3000, 'e');
        QCOMPARE(codeOf([&] { firmware.write(envelope, {}, {}); }), u"coap.update-failed"_s); // no envelope at all
        QCOMPARE(device.file(u"suit/envelope"_s), envelope);
    }

    void keys()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        Keys &keys = *opened->keys();
        QVERIFY(keys.readChain({}).isEmpty());
        QCOMPARE(codeOf([&] { keys.request(u"T1-00000001"_s, {}); }), u"device.refused"_s); // no key
        device.setFault(VirtualCoapFault::parse(u"refuse-keygen"_s));
        QCOMPARE(codeOf([&] { keys.generate({}); }), u"device.refused"_s);
        device.clearFaults();
        keys.generate({});
        const QByteArray request = keys.request(u"T1-00000001"_s, {});
        const auto *at = reinterpret_cast<const unsigned char *>(request.constData());
        const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> parsed(d2i_X509_REQ(nullptr, &at, request.size()),
                                                                         &X509_REQ_free);
        QVERIFY(parsed);
        EVP_PKEY *key = X509_REQ_get0_pubkey(parsed.get());
        QCOMPARE(X509_REQ_verify(parsed.get(), key), 1);

        const QByteArray challenge(32, 'c');
        const QByteArray signature = keys.sign(challenge, {});
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        QCOMPARE(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key), 1);
        QCOMPARE(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                                  size_t(signature.size()),
                                  reinterpret_cast<const unsigned char *>(challenge.constData()),
                                  size_t(challenge.size())),
                 1);
        const QList<QByteArray> chain{QByteArray(900, 'a'), QByteArray(700, 'b')};
        keys.writeChain(chain, {});
        QCOMPARE(keys.readChain({}), chain);
        QCOMPARE(opened->facts({}).identityPresent, std::optional(true));
    }

    void clock()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        const QDateTime wanted(QDate(2031, 2, 3), QTime(4, 5, 6), Qt::UTC);
        opened->clock()->setTime(wanted, {});
        const qint64 difference = wanted.msecsTo(opened->clock()->time({}));
        QVERIFY2(difference >= 0 && difference < 20'000, qPrintable(QString::number(difference)));
    }

    void restart()
    {
        VirtualCoap device;
        device.start();
        const auto opened = open(device);
        opened->resetter()->reset({});
        QCOMPARE(device.facts().restarts, 1);
        QCOMPARE(opened->facts({}).board, u"t1-coap"_s);
        device.setFault(VirtualCoapFault::parse(u"stuck-after-reset"_s));
        Task task;
        task.deadline = Deadline::in(1500ms);
        QCOMPARE(codeOf([&] { opened->resetter()->reset(task); }), u"base.timeout"_s);
    }

    void oddLinkLists()
    {
        for (const QString &trouble : {u"huge-links"_s, u"bad-links"_s}) {
            VirtualCoap device;
            device.start();
            device.setFault(VirtualCoapFault::parse(trouble));
            QStringList log;
            Task task;
            task.log = [&](const QString &line) { log << line; };
            const CoapDriver driver;
            const auto opened = driver.open({device.path(), 0, {}}, task);
            QCOMPARE(opened->facts({}).board, u"t1-coap"_s); // recognised all the same
            QCOMPARE(log.size(), 1);
        }
    }

    void ownBoard()
    {
        const QTemporaryDir folder;
        QFile file(folder.filePath(u"q.json"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(
            R"({"slipway-quirks":1,"driver":"coap","boards":{"mine":{"description":"d","source":"s","date":"2026",
            "recognise":{"resource-type":"slipway.board"},"link":{"block":64},
            "firmware":{"image":{"path":"/fw/image"},"images":{"path":"/fw/images","form":"json","names":{"hash":"hash"}}},
            "facts":{"serial":{"path":"/id/serial"}}}}})");
        file.close();
        qputenv("SLIPWAY_COAP_QUIRKS", file.fileName().toLocal8Bit());
        const CoapDriver driver;
        qunsetenv("SLIPWAY_COAP_QUIRKS");
        QCOMPARE(driver.boards(), QStringList({u"mine"_s, u"t1-coap"_s}));
        QCOMPARE(driver.capabilities(u"mine"_s), QSet({Capability::Blobs, Capability::Firmware}));
        VirtualCoap device;
        device.start();
        const auto opened = driver.open({device.path(), 0, {}}, {});
        QCOMPARE(opened->facts({}).board, u"mine"_s);
        QCOMPARE(opened->firmware()->imageSlots({}).first().hash, device.facts().activeHash);
    }
};

SLIPWAY_TEST_MAIN(TestCoapDevice)
#include "tst_coapdevice.moc"
