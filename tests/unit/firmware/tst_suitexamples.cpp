// The examples of draft-ietf-suit-manifest: authentic, what they say, and with every bit of them flipped.

#include "core/base/fault.h"
#include "core/firmware/suitmanifest.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QJsonDocument>

#include <functional>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(u"" SLIPWAY_TEST_DATA "/suit/"_s + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray signedExample(int number)
{
    return data(u"example%1-signed.suit"_s.arg(number));
}

const QByteArray &signer()
{
    static const QByteArray pem = data(u"example-signer.pub.pem"_s);
    return pem;
}

SuitManifest openExample(int number)
{
    return SuitEnvelope::parse(signedExample(number)).open(signer());
}

QByteArray faultOf(const std::function<void()> &function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return fault.code();
    }
    return {};
}

const QUuid vendor(u"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"_s);
const QUuid deviceClass(u"1492af14-2569-5e48-bf42-9b2d51f2ab45"_s);

} // namespace

class TestSuitExamples : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allOpen_data()
    {
        QTest::addColumn<int>("number");
        QTest::addColumn<int>("components");
        QTest::addColumn<int>("plans");
        QTest::addColumn<QStringList>("uris");
        const QString one = u"http://example.com/file.bin"_s;
        QTest::newRow("0 secure boot") << 0 << 1 << 1 << QStringList();
        QTest::newRow("1 download") << 1 << 1 << 1 << QStringList{one};
        QTest::newRow("2 severed") << 2 << 1 << 1
                                   << QStringList{u"http://example.com/very/long/path/to/file/file.bin"_s};
        QTest::newRow("3 A/B") << 3 << 1 << 2
                               << QStringList{u"http://example.com/file1.bin"_s, u"http://example.com/file2.bin"_s};
        QTest::newRow("4 external storage") << 4 << 3 << 1 << QStringList{one};
        QTest::newRow("5 two images") << 5 << 2 << 1
                                      << QStringList{u"http://example.com/file1.bin"_s,
                                                     u"http://example.com/file2.bin"_s};
    }
    void allOpen()
    {
        QFETCH(int, number);
        QFETCH(int, components);
        QFETCH(int, plans);
        QFETCH(QStringList, uris);
        const SuitEnvelope envelope = SuitEnvelope::parse(signedExample(number));
        QCOMPARE(envelope.signatureNames(), QStringList{u"ES256"_s});
        const SuitManifest manifest = envelope.open(signer());
        QCOMPARE(manifest.sequence(), quint64(number));
        QCOMPARE(manifest.components().size(), components);
        QVERIFY2(manifest.plans().size() == plans, QJsonDocument(manifest.toJson()).toJson().constData());
        QStringList found;
        for (const SuitPlan &plan : manifest.plans()) {
            QCOMPARE(plan.components[0].vendor, vendor.toString(QUuid::WithoutBraces));
            QCOMPARE(plan.components[0].deviceClass, deviceClass.toString(QUuid::WithoutBraces));
            for (const SuitPayload &payload : plan.payloads)
                found << payload.uri;
        }
        QCOMPARE(found, uris);
        QCOMPARE(manifest.checkPayloads({}), uris);

        SuitTarget target;
        target.vendor = vendor;
        target.deviceClass = deviceClass;
        if (number > 0)
            target.sequence = number - 1;
        QCOMPARE(manifest.check(target).size(), plans);
        target.sequence = number;
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-equal");
        target.allowEqual = true;
        QCOMPARE(manifest.check(target).size(), plans);
        target.sequence = number + 1;
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-older");
        target.sequence = {};
        target.vendor = QUuid::createUuid();
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-identity");
        target.vendor = vendor;
        target.deviceClass = QUuid::createUuid();
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-identity");
        target.deviceClass = deviceClass;
        target.components = components - 1;
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-components");

        // The same without its signature is nobody's word.
        const SuitEnvelope open = SuitEnvelope::parse(data(u"example%1-unsigned.suit"_s.arg(number)));
        QCOMPARE(open.digest(), envelope.digest());
        QCOMPARE(faultOf([&] { open.open(signer()); }), "firmware.suit-unsigned");
    }

    void slots_()
    {
        SuitTarget target;
        target.slot = 1;
        const auto plans = openExample(3).check(target);
        QCOMPARE(plans.size(), 1);
        QCOMPARE(plans[0].payloads.size(), 1);
        QCOMPARE(plans[0].payloads[0].uri, u"http://example.com/file2.bin"_s);
        QCOMPARE(plans[0].payloads[0].size, std::optional<quint64>(76834));
        target.slot = 2;
        QCOMPARE(faultOf([&] { openExample(3).check(target); }), "firmware.suit-identity");
    }

    void severedText()
    {
        const SuitManifest manifest = openExample(2);
        QVERIFY(manifest.severed().isEmpty());
        QVERIFY2(!manifest.texts().isEmpty(), "texts");
        for (const QString &text : manifest.texts())
            QVERIFY(!text.isEmpty() && !text.contains(u'\n'));
    }

    // Whatever bit of the envelope is flipped: it never opens, but where the bit lies in a part that nothing depends
    // on.
    void everyBit()
    {
        for (int number = 0; number <= 5; ++number) {
            const QByteArray good = signedExample(number);
            for (qsizetype at = 0; at < good.size(); at += number == 0 ? 1 : 3) {
                for (int bit = 0; bit < 8; ++bit) {
                    if (number != 0 && bit != at % 8)
                        continue;
                    QByteArray bad = good;
                    bad[at] = char(bad[at] ^ 1 << bit);
                    const QByteArray code = faultOf([&] { SuitEnvelope::parse(bad).open(signer()); });
                    QVERIFY2(!code.isEmpty(),
                             qPrintable(u"example %1, byte %2, bit %3"_s.arg(number).arg(at).arg(bit)));
                    // Nothing behind the signature is looked at before it held.
                    QVERIFY2(code != "firmware.suit-manifest", code.constData());
                }
            }
            for (qsizetype size = 0; size < good.size(); size += number == 0 ? 1 : 7)
                QVERIFY(!faultOf([&] { SuitEnvelope::parse(good.left(size)).open(signer()); }).isEmpty());
        }
    }

    void otherKeys()
    {
        QFile file(u"" SLIPWAY_TEST_DATA "/mcuboot/p256.pub.pem"_s);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray other = file.readAll();
        QCOMPARE(faultOf([&] { SuitEnvelope::parse(signedExample(0)).open(other); }), "firmware.suit-key");
        QCOMPARE(faultOf([] { SuitEnvelope::parse(signedExample(0)).open("no key"); }), "firmware.signer");
    }
};

SLIPWAY_TEST_MAIN(TestSuitExamples)
#include "tst_suitexamples.moc"
