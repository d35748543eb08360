// SUIT envelopes that are signed well and say something that must be refused, and signatures of every kind.

#include "core/base/fault.h"
#include "core/firmware/suitmanifest.h"
#include "tests/support/suitmaker.h"
#include "tests/support/testmain.h"

#include <functional>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const SuitSigner &signer()
{
    static const SuitSigner one;
    return one;
}

QByteArray faultOf(const std::function<void()> &function, QString *said = nullptr)
{
    try {
        function();
    } catch (const Fault &fault) {
        if (said)
            *said = fault.sentence();
        return fault.code();
    }
    return {};
}

SuitManifest open(const QByteArray &bytes, const SuitSigner &by = signer())
{
    return SuitEnvelope::parse(bytes).open(by.publicPem());
}

QCborArray nested(int depth)
{
    QCborArray inner{3, 15};
    for (int i = 0; i < depth; ++i)
        inner = {32, suitBytes(inner)};
    return inner;
}

} // namespace

Q_DECLARE_METATYPE(SuitMaker)

class TestSuitManifest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void good()
    {
        const SuitManifest manifest = open(SuitMaker().make(signer()));
        QCOMPARE(manifest.sequence(), quint64(7));
        QCOMPARE(manifest.components(), QStringList{u"00"_s});
        QCOMPARE(manifest.plans().size(), 1);
        QCOMPARE(manifest.plans()[0].components[0].stored, u"fetched"_s);
        QVERIFY(manifest.checkPayloads({}).isEmpty());
        QCOMPARE(manifest.toJson()[u"sequence"_s].toInteger(), 7);
    }

    void signatures()
    {
        const SuitMaker maker;
        const SuitSigner p384("P-384", -51);
        const SuitSigner ed25519(nullptr, -19);
        QCOMPARE(open(maker.make(p384), p384).sequence(), quint64(7));
        QCOMPARE(open(maker.make(ed25519), ed25519).sequence(), quint64(7));
        QCOMPARE(open(maker.make(signer(), true)).sequence(), quint64(7)); // COSE_Sign, the second of two
        // An algorithm that is not the key's, and one that nobody knows.
        QCOMPARE(faultOf([&] { open(maker.make(p384)); }), "firmware.suit-key");
        for (const qint64 algorithm : {-7, -35, -19, -37, -7000}) {
            const SuitSigner odd("P-256", algorithm);
            QCOMPARE(faultOf([&] { open(maker.make(odd), odd); }),
                     algorithm == -7 ? QByteArray() : QByteArray("firmware.suit-key"));
        }

        const QByteArray bytes = maker.manifestBytes();
        const QByteArray digest = suitBytes(suitDigest(suitWrapped(bytes)));
        const auto signedBy = [&](const QByteArray &block, const QByteArray &stated) {
            return faultOf([&] { open(maker.wrap(suitBytes(QCborArray{stated, block}), bytes)); });
        };
        QCOMPARE(signedBy(signer().cose(digest), digest), "");
        // The digest with the head of its byte string is not what is signed.
        QCOMPARE(signedBy(signer().cose(suitWrapped(digest)), digest), "firmware.suit-key");
        // The manifest without the head of its byte string is not what is digested.
        const QByteArray bare = suitBytes(suitDigest(bytes));
        QCOMPARE(signedBy(signer().cose(bare), bare), "firmware.suit-digest");
        // A critical header that is not understood.
        QCOMPARE(signedBy(signer().cose(digest, false, {{2, QCborArray{99}}, {99, 1}}), digest), "firmware.suit-key");
        // A signature that brings its own payload along instead of signing the digest beside it.
        const QCborArray attached{suitBytes(QCborMap{{1, -9}}), QCborMap(), digest, QByteArray(64, 'x')};
        QCOMPARE(signedBy(suitBytes(QCborValue(QCborTag(18), attached)), digest), "firmware.suit-key");
        // A MAC alone.
        QCOMPARE(signedBy(suitBytes(QCborValue(QCborTag(17), QCborArray{QByteArray(), QCborMap(), QCborValue(nullptr),
                                                                        QByteArray(32, 'x')})),
                          digest),
                 "firmware.suit-key");
        // Behind nonsense, a good one still counts.
        QCOMPARE(
            faultOf([&] {
                open(maker.wrap(suitBytes(QCborArray{digest, QByteArray("\x01\x02"), signer().cose(digest)}), bytes));
            }),
            "");
        QCOMPARE(faultOf([&] { open(maker.wrap(suitBytes(QCborArray{digest}), bytes)); }), "firmware.suit-unsigned");
    }

    void refused_data()
    {
        QTest::addColumn<SuitMaker>("maker");
        QTest::addColumn<QByteArray>("code");
        QTest::addColumn<QString>("says");
        const auto row = [](const char *name, const char *code, const char *says,
                            const std::function<void(SuitMaker &)> &change) {
            SuitMaker maker;
            change(maker);
            QTest::newRow(name) << maker << QByteArray(code) << QString::fromLatin1(says);
        };
        const char *rules = "firmware.suit-manifest";
        const char *unknown = "firmware.suit-unsupported";
        row("version 2", "firmware.suit-version", "version 2", [](auto &m) { m.manifest = {{1, 2}}; });
        row("no version", "firmware.suit-version", "none", [](auto &m) { m.manifest = {{1, QCborValue()}}; });
        row("no sequence", rules, "sequence number", [](auto &m) { m.manifest = {{2, QCborValue()}}; });
        row("negative sequence", rules, "sequence number", [](auto &m) { m.manifest = {{2, -1}}; });
        row("no common", rules, "common", [](auto &m) { m.manifest = {{3, QCborValue()}}; });
        row("no component", rules, "no component", [](auto &m) { m.components = {}; });
        row("33 components", rules, "more than 32", [](auto &m) {
            m.components = {};
            for (int i = 0; i < 33; ++i)
                m.components.append(QCborArray{QByteArray(1, char(i))});
        });
        row("component twice", rules, "twice", [](auto &m) {
            m.components = {QCborArray{QByteArray("a")}, QCborArray{QByteArray("a")}};
        });
        row("two components, none chosen", rules, "choosing a component", [](auto &m) {
            m.components = {QCborArray{QByteArray("a")}, QCborArray{QByteArray("b")}};
        });
        row("component 1 of 1", rules, "does not have", [](auto &m) { m.install = {12, 1, 21, 2}; });
        row("dependencies", unknown, "element 15", [](auto &m) { m.manifest = {{15, QByteArray("x")}}; });
        row("unknown command", unknown, "command 26", [](auto &m) { m.validate = {26, 15}; });
        row("private command", unknown, "private command -300", [](auto &m) {
            m.validate = {-300, QCborValue(nullptr)};
        });
        row("unknown command in a branch not taken", unknown, "command 29", [](auto &m) {
            m.validate = {15, QCborArray{suitBytes(QCborArray{3, 15}), suitBytes(QCborArray{29, 15})}};
        });
        row("encrypted", unknown, "parameter 19", [](auto &m) {
            m.install = {20, QCborMap{{19, QByteArray("x")}, {21, u"#boat.bin"_s}}, 21, 2};
        });
        row("private parameter", unknown, "parameter -1", [](auto &m) { m.install = {20, QCborMap{{-1, 1}}, 21, 2}; });
        row("parameter type", rules, "parameter 21", [](auto &m) { m.install = {20, QCborMap{{21, 5}}, 21, 2}; });
        row("short vendor", rules, "parameter 1", [](auto &m) {
            m.shared = {20, QCborMap{{1, QByteArray(15, 'v')}}, 1, 15};
        });
        row("no policy", rules, "reporting policy", [](auto &m) { m.validate = {3, QCborValue(nullptr)}; });
        row("odd list", rules, "no list of commands", [](auto &m) { m.validate = {3}; });
        row("empty sequence", rules, "no list of commands", [](auto &m) { m.validate = {}; });
        row("acting in shared", rules, "more than to check", [](auto &m) {
            m.shared.append(23);
            m.shared.append(2);
        });
        row("too deep", rules, "nested deeper", [](auto &m) { m.validate = nested(5); });
        row("soft failure outside", rules, "passed over", [](auto &m) {
            m.validate = {20, QCborMap{{13, true}}, 3, 15};
        });
        row("fetch from nowhere", rules, "from nowhere", [](auto &m) {
            m.install = {21, 2};
            m.integrated = false;
        });
        row("no digest", rules, "without naming its digest", [](auto &m) {
            m.shared = {20, QCborMap{{1, m.vendor}, {2, m.deviceClass}}, 1, 15, 2, 15};
        });
        row("nothing vouches", "firmware.suit-unvouched", "#boat.bin", [](auto &m) {
            m.shared = {20, QCborMap{{1, m.vendor}}, 1, 15};
            m.install = {20, QCborMap{{21, m.uri}}, 21, 2};
            m.validate = {1, 15};
        });
        row("gives up", rules, "gives up", [](auto &m) { m.validate = {14, 15}; });
        row("payload of nobody", "firmware.suit-unvouched", "#other", [](auto &m) {
            m.envelope = {{u"#other"_s, QByteArray("x")}};
        });
        row("severable of nobody", "firmware.suit-unvouched", "payload-fetch", [](auto &m) {
            m.envelope = {{16, suitBytes(QCborArray{3, 15})}};
        });
        row("severed part exchanged", "firmware.suit-severed", "text", [](auto &m) {
            m.manifest = {{23, suitDigest("another text")}};
            m.envelope = {{23, suitBytes(QCborMap{{u"en"_s, QCborMap{{1, u"boat"_s}}}})}};
        });
        row("digest algorithm", unknown, "algorithm -18", [](auto &m) {
            m.manifest = {{23, QCborArray{-18, QByteArray(32, 'x')}}};
        });
        row("digest length", rules, "not as long", [](auto &m) {
            m.manifest = {{23, QCborArray{-16, QByteArray(31, 'x')}}};
        });
    }
    void refused()
    {
        QFETCH(SuitMaker, maker);
        QFETCH(QByteArray, code);
        QFETCH(QString, says);
        QString said;
        QCOMPARE(faultOf([&] { open(maker.make(signer())); }, &said), code);
        QVERIFY2(said.contains(says), qPrintable(said));
    }

    // Each choice doubles the cases: a small manifest must not take the station's memory or its day.
    void explosions()
    {
        SuitMaker maker;
        const QCborArray choice{suitBytes(QCborArray{3, 15}), suitBytes(QCborArray{6, 15}), QCborValue(nullptr)};
        maker.validate = {20, QCborMap{{18, QByteArray("x")}}};
        for (int i = 0; i < 40; ++i) {
            maker.validate.append(15);
            maker.validate.append(choice);
        }
        maker.install = {3, 15};
        maker.integrated = false;
        QString said;
        QCOMPARE(faultOf([&] { open(maker.make(signer())); }, &said), "firmware.suit-unsupported");
        QVERIFY2(said.contains(u"cases") || said.contains(u"steps"), qPrintable(said));
        maker.validate = {};
        for (int i = 0; i < 1200; ++i) {
            maker.validate.append(3);
            maker.validate.append(15);
        }
        QCOMPARE(faultOf([&] { open(maker.make(signer())); }), "firmware.suit-manifest");
    }

    void notDeterministic()
    {
        const SuitMaker maker;
        // The manifest's version in two bytes where one would do; everything signed as it stands.
        QByteArray bytes = maker.manifestBytes();
        QVERIFY(bytes.mid(1, 2) == QByteArray("\x01\x01", 2));
        bytes.replace(2, 1, QByteArray("\x18\x01", 2));
        const QByteArray digest = suitBytes(suitDigest(suitWrapped(bytes)));
        QString said;
        QCOMPARE(faultOf(
                     [&] {
                         open(maker.wrap(suitBytes(QCborArray{digest, signer().cose(digest)}), bytes));
                     },
                     &said),
                 "firmware.suit-manifest");
        QVERIFY2(said.contains(u"one form"), qPrintable(said));
        // A key twice: which of the two is meant?
        bytes = maker.manifestBytes();
        bytes[0] = char(bytes[0] + 1);
        bytes.insert(3, QByteArray("\x01\x01", 2));
        const QByteArray twice = suitBytes(suitDigest(suitWrapped(bytes)));
        QCOMPARE(faultOf([&] {
                     open(maker.wrap(suitBytes(QCborArray{twice, signer().cose(twice)}), bytes));
                 }),
                 "firmware.suit-manifest");
    }

    void payloads()
    {
        SuitMaker maker;
        const QByteArray good = maker.payload;
        maker.payload[3] = '?'; // the manifest still names the one before
        QCOMPARE(faultOf([&] { open(maker.make(signer())).checkPayloads({}); }), "firmware.suit-payload-digest");
        maker.payload = good + "!";
        QCOMPARE(faultOf([&] { open(maker.make(signer())).checkPayloads({}); }), "firmware.suit-payload-size");
        maker.integrated = false;
        QCOMPARE(faultOf([&] { open(maker.make(signer())).checkPayloads({}); }), "firmware.suit-payload-missing");

        maker.uri = u"https://example.com/boat.bin"_s;
        maker.install = {20, QCborMap{{21, maker.uri}}, 21, 2, 3, 15};
        const SuitManifest detached = open(maker.make(signer()));
        QCOMPARE(detached.checkPayloads({}), QStringList{maker.uri});
        QVERIFY(detached.checkPayloads({good}).isEmpty());
        QCOMPARE(faultOf([&] { detached.checkPayloads({good + "!"}); }), "firmware.suit-payload-size");
        QCOMPARE(faultOf([&] { detached.checkPayloads({QByteArray(good.size(), 'x')}); }),
                 "firmware.suit-payload-digest");
        // Somebody on the way fetched it and put it in under its address.
        maker.integrated = true;
        maker.payload = good;
        QVERIFY(open(maker.make(signer())).checkPayloads({}).isEmpty());
    }

    void targets()
    {
        SuitMaker maker;
        const SuitManifest manifest = open(maker.make(signer()));
        SuitTarget target;
        target.vendor = QUuid::fromRfc4122(maker.vendor);
        target.deviceClass = QUuid::fromRfc4122(maker.deviceClass);
        target.sequence = 6;
        QCOMPARE(manifest.check(target).size(), 1);
        target.sequence = 7;
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-equal");
        target.sequence = 8;
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-older");
        target.sequence = {};
        QString said;
        target.deviceClass = QUuid::createUuid();
        QCOMPARE(faultOf([&] { manifest.check(target); }, &said), "firmware.suit-identity");
        QVERIFY2(said.contains(u"class 63636363-"), qPrintable(said));
        // One that never asks fits everything, and so is refused as soon as somebody cares.
        maker.shared = {20, QCborMap{{3, suitBytes(suitDigest(maker.payload))}}};
        const SuitManifest any = open(maker.make(signer()));
        QCOMPARE(any.check({}).size(), 1);
        target.deviceClass = {};
        QCOMPARE(faultOf([&] { any.check(target); }), "firmware.suit-no-identity");
    }

    // Two products in one manifest, chosen by class id: only the right branch is left for a device.
    void chosenByClass()
    {
        SuitMaker maker;
        const QByteArray other(16, 'd');
        const auto branch = [&](const QByteArray &id, const QString &uri, const QByteArray &payload) {
            return suitBytes(
                QCborArray{20, QCborMap{{2, id}}, 2, 15, 20, QCborMap{{3, suitBytes(suitDigest(payload))}, {21, uri}}});
        };
        maker.shared = {20,
                        QCborMap{{1, maker.vendor}},
                        1,
                        15,
                        15,
                        QCborArray{branch(maker.deviceClass, u"#boat.bin"_s, maker.payload),
                                   branch(other, u"https://example.com/d.bin"_s, "other")}};
        maker.install = {21, 2, 3, 15};
        const SuitManifest manifest = open(maker.make(signer()));
        SuitTarget target;
        target.deviceClass = QUuid::fromRfc4122(other);
        const auto plans = manifest.check(target);
        QCOMPARE(plans.size(), 1);
        QCOMPARE(plans[0].payloads[0].uri, u"https://example.com/d.bin"_s);
        target.deviceClass = QUuid::createUuid();
        QCOMPARE(faultOf([&] { manifest.check(target); }), "firmware.suit-identity");
    }

    void severed()
    {
        SuitMaker maker;
        const QByteArray text =
            suitBytes(QCborMap{{u"en"_s, QCborMap{{1, u"a boat\x1b[31m"_s},
                                                  {QCborArray{QByteArray(1, '\0')}, QCborMap{{6, u"1.2.3"_s}}}}}});
        maker.manifest = {{23, suitDigest(suitWrapped(text))}};
        QCOMPARE(open(maker.make(signer())).severed(), QStringList{u"text"_s});
        maker.envelope = {{23, text}};
        const SuitManifest manifest = open(maker.make(signer()));
        QVERIFY(manifest.severed().isEmpty());
        QCOMPARE(manifest.texts().value(u"version of 00"_s), u"1.2.3"_s);
        QVERIFY(!manifest.texts().value(u"description"_s).contains(u'\x1b'));
    }
};

SLIPWAY_TEST_MAIN(TestSuitManifest)
#include "tst_suitmanifest.moc"
