// Factory partitions of the ESP32 family against files that Espressif's own generators made (tests/data/factory), and
// against damage.

#include "core/base/fault.h"
#include "core/codec/csv.h"
#include "core/codec/espsecurecert.h"
#include "core/codec/nvsbuilder.h"
#include "core/codec/nvspartition.h"
#include "core/codec/pem.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QtEndian>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/factory/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

template <typename F> QString faultOf(F f)
{
    try {
        f();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

QByteArray noFile(const QString &)
{
    throw Fault("internal.defect");
}

QByteArray built(const QByteArray &csv, qsizetype size, const NvsKeys *keys = nullptr)
{
    return NvsBuilder::fromCsv(csv, size, keys, [](const QString &name) { return data(name); });
}

} // namespace

class TestFactoryCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tlvOfTheVendor()
    {
        const QByteArray bytes = data(u"esp_secure_cert-tlv.bin"_s);
        QVERIFY(EspSecureCert::looksLike(bytes));
        const EspSecureCert partition = EspSecureCert::parse(bytes);
        QCOMPARE(partition.entries.size(), 4);
        QCOMPARE(partition.size, bytes.size());
        QCOMPARE(partition.integrityHolds, std::optional(true));
        QCOMPARE(partition.defects(), QStringList());
        const auto *device = partition.find(EspSecureCert::DeviceCertificate);
        QVERIFY(device);
        QCOMPARE(bytes.mid(device->offset, device->size), data(u"esp_secure_cert-device.crt"_s) + '\0');
        const auto *key = partition.find(EspSecureCert::PrivateKey);
        QVERIFY(key && key->isPrivate() && !device->isPrivate());
        QCOMPARE(key->typeName(), u"private key"_s);
    }

    // The same inputs give the same bytes.
    void tlvBuilt()
    {
        const QByteArray bytes = data(u"esp_secure_cert-tlv.bin"_s);
        const EspSecureCert read = EspSecureCert::parse(bytes);
        const auto *key = read.find(EspSecureCert::PrivateKey);
        EspSecureCertBuilder builder;
        builder.addText(EspSecureCert::CaCertificate, 0, data(u"esp_secure_cert-ca.pem"_s));
        builder.addText(EspSecureCert::DeviceCertificate, 0, data(u"esp_secure_cert-device.crt"_s));
        builder.add(EspSecureCert::PrivateKey, 0, QByteArrayView(bytes).sliced(key->offset, key->size));
        const QByteArray made = builder.finish().view().toByteArray();
        QCOMPARE(made.size(), bytes.size());
        for (qsizetype at = 0; at < bytes.size(); at += 16)
            QVERIFY2(made.mid(at, 16) == bytes.mid(at, 16), qPrintable(QString::number(at)));
    }

    void tlvDamage()
    {
        const QByteArray good = data(u"esp_secure_cert-tlv.bin"_s);
        QByteArray bytes = good;
        bytes[1200] = char(bytes[1200] ^ 1);
        const EspSecureCert damaged = EspSecureCert::parse(bytes);
        QVERIFY(!damaged.entries[1].crcHolds && damaged.entries[0].crcHolds);
        QCOMPARE(damaged.integrityHolds, std::optional(false));
        QCOMPARE(damaged.defects().size(), 2);
        QCOMPARE(faultOf([&] { EspSecureCert::parse(good.left(1500)); }), u"codec.esp-secure-cert"_s);
        QCOMPARE(faultOf([&] { EspSecureCert::parse(QByteArray(64, '\xff')); }), u"codec.esp-secure-cert"_s);
        QCOMPARE(faultOf([&] { EspSecureCert::parse({}); }), u"codec.esp-secure-cert"_s);
        QVERIFY(EspSecureCert::parse(good + QByteArray(100, '\xff')).defects().isEmpty());
        QVERIFY(!EspSecureCert::parse(good + QByteArray(100, '\0')).defects().isEmpty());
        EspSecureCertBuilder builder;
        builder.add(EspSecureCert::FirstUserData, 0, QByteArray(5000, 'x'));
        QCOMPARE(faultOf([&] { builder.finish(4096); }), u"codec.esp-secure-cert"_s);
        QCOMPARE(faultOf([&] { builder.add(EspSecureCert::FirstUserData, 0, QByteArray(65536, 'x')); }),
                 u"codec.esp-secure-cert"_s);
    }

    void nvsOfTheVendor()
    {
        const NvsPartition plain = NvsPartition::parse(data(u"nvs.bin"_s));
        QCOMPARE(plain.defects, QStringList());
        QVERIFY(!plain.sealed);
        QCOMPARE(plain.spaces, QStringList{u"storage"_s});
        QStringList names;
        for (const NvsPartition::Item &item : plain.items)
            names << item.space + u'/' + item.key + u' ' + item.type + u' ' + QString::number(item.size);
        QCOMPARE(names, (QStringList{u"storage/serial string 10"_s, u"storage/counter u32 4"_s,
                                     u"storage/blob blob 16"_s, u"storage/i8 i8 1"_s}));
        QCOMPARE(plain.find(u"storage"_s, u"serial"_s)->value, QByteArray("SN-000123\0", 10));
        QCOMPARE(qFromLittleEndian<quint32>(plain.find(u"storage"_s, u"counter"_s)->value.constData()), 42u);
        QCOMPARE(plain.find(u"storage"_s, u"blob"_s)->value.toHex(), "00112233445566778899aabbccddeeff");
        QCOMPARE(plain.pages[0].written, 8); // 1 namespace, 2 string, 1 integer, 2 + 1 blob, 1 integer
        QCOMPARE(plain.pages[1].state, NvsPartition::State::Blank);
    }

    void nvsSealed()
    {
        const QByteArray sealed = data(u"nvs-enc.bin"_s);
        const NvsPartition closed = NvsPartition::parse(sealed);
        QVERIFY(closed.sealed && closed.items.isEmpty() && closed.defects.isEmpty());
        QVERIFY(NvsKeys::looksLikePartition(data(u"nvs-keys.bin"_s)));
        const NvsKeys keys = NvsKeys::read(data(u"nvs-keys.bin"_s));
        const NvsPartition open = NvsPartition::parse(sealed, &keys);
        QVERIFY(!open.sealed);
        QCOMPARE(open.items.size(), 4);
        QCOMPARE(open.find(u"storage"_s, u"serial"_s)->value, QByteArray("SN-000123\0", 10));
        const NvsKeys others = NvsKeys::generate();
        QVERIFY(NvsPartition::parse(sealed, &others).sealed);
        QCOMPARE(keys.partition().view().toByteArray(), data(u"nvs-keys.bin"_s));
    }

    void nvsBuilt_data()
    {
        QTest::addColumn<QString>("csv");
        QTest::addColumn<QString>("bin");
        QTest::addColumn<QString>("keys");
        QTest::newRow("plain") << u"nvs.csv"_s << u"nvs.bin"_s << QString();
        QTest::newRow("encrypted") << u"nvs.csv"_s << u"nvs-enc.bin"_s << u"nvs-keys.bin"_s;
        QTest::newRow("many pages") << u"nvs-large.csv"_s << u"nvs-large.bin"_s << QString();
        QTest::newRow("many pages, encrypted") << u"nvs-large.csv"_s << u"nvs-large-enc.bin"_s << u"nvs-keys.bin"_s;
    }
    void nvsBuilt()
    {
        QFETCH(QString, csv);
        QFETCH(QString, bin);
        QFETCH(QString, keys);
        const QByteArray wanted = data(bin);
        QVERIFY(!wanted.isEmpty());
        std::optional<NvsKeys> read;
        if (!keys.isEmpty())
            read.emplace(NvsKeys::read(data(keys)));
        const QByteArray made = built(data(csv), wanted.size(), read ? &*read : nullptr);
        QCOMPARE(made.size(), wanted.size());
        for (qsizetype at = 0; at < wanted.size(); at += 32)
            QVERIFY2(made.mid(at, 32) == wanted.mid(at, 32),
                     qPrintable(u"at %1: %2 for %3"_s.arg(at).arg(QString::fromLatin1(made.mid(at, 32).toHex()),
                                                                  QString::fromLatin1(wanted.mid(at, 32).toHex()))));
        QCOMPARE(NvsPartition::parse(made, read ? &*read : nullptr).defects, QStringList());
    }

    void nvsDamage()
    {
        const QByteArray good = data(u"nvs.bin"_s);
        QByteArray bytes = good;
        bytes[128] = char(bytes[128] ^ 1); // of a string
        const NvsPartition value = NvsPartition::parse(bytes);
        QCOMPARE(value.items.size(), 3);
        QCOMPARE(value.defects.size(), 1);
        bytes = good;
        bytes[8] = 0; // of a header
        QCOMPARE(faultOf([&] { NvsPartition::parse(bytes); }), u"codec.nvs"_s);
        QCOMPARE(faultOf([&] { NvsPartition::parse(good.left(5000)); }), u"codec.nvs"_s);
        QCOMPARE(faultOf([&] { NvsPartition::parse(QByteArray(8192, '\xff')); }), u"codec.nvs"_s);
        QCOMPARE(faultOf([&] { NvsKeys::read(good); }), u"codec.nvs-keys"_s);
        QCOMPARE(faultOf([&] { NvsKeys::read(QByteArray(63, 'x')); }), u"codec.nvs-keys"_s);
    }

    void nvsRefused_data()
    {
        QTest::addColumn<QByteArray>("rows");
        QTest::addColumn<QString>("code");
        QTest::newRow("good") << QByteArray("n,namespace,,\na,data,u8,255\n") << QString();
        QTest::newRow("no namespace") << QByteArray("a,data,u8,1\n") << u"codec.nvs-line"_s;
        QTest::newRow("too large") << QByteArray("n,namespace,,\na,data,u8,256\n") << u"codec.nvs-line"_s;
        QTest::newRow("negative") << QByteArray("n,namespace,,\na,data,u16,-1\n") << u"codec.nvs-line"_s;
        QTest::newRow("i8") << QByteArray("n,namespace,,\na,data,i8,-129\n") << u"codec.nvs-line"_s;
        QTest::newRow("hex") << QByteArray("n,namespace,,\na,data,hex2bin,abc\n") << u"codec.nvs-line"_s;
        QTest::newRow("encoding") << QByteArray("n,namespace,,\na,data,u9,1\n") << u"codec.nvs-line"_s;
        QTest::newRow("type") << QByteArray("n,namespace,,\na,dat,u8,1\n") << u"codec.nvs-line"_s;
        QTest::newRow("long key") << QByteArray("n,namespace,,\nabcdefghijklmnop,data,u8,1\n") << u"codec.nvs-line"_s;
        QTest::newRow("quote") << QByteArray("n,namespace,,\na,data,string,\"x\n") << u"codec.csv"_s;
        QTest::newRow("too long") << QByteArray("n,namespace,,\na,data,string,") + QByteArray(4000, 'x') + '\n'
                                  << u"codec.nvs-line"_s;
        QTest::newRow("no room") << QByteArray("n,namespace,,\na,data,hex2bin,") + QByteArray(2 * 9000, '0') + '\n'
                                 << u"codec.nvs-line"_s;
    }
    void nvsRefused()
    {
        QFETCH(QByteArray, rows);
        QFETCH(QString, code);
        QCOMPARE(faultOf([&] { NvsBuilder::fromCsv("key,type,encoding,value\n" + rows, 0x3000, nullptr, noFile); }),
                 code);
        QCOMPARE(faultOf([&] { NvsBuilder(1000); }), u"codec.nvs-build"_s);
    }

    void csv()
    {
        const auto rows = readCsv("a,b\r\n# no\n\n\"x, \"\"y\"\"\n2\",z");
        QCOMPARE(rows.size(), 2);
        QCOMPARE(rows[0].fields, (QList<QByteArray>{"a", "b"}));
        QCOMPARE(rows[1].fields, (QList<QByteArray>{"x, \"y\"\n2", "z"}));
        QCOMPARE(rows[1].line, 4);
        QCOMPARE(faultOf([] { readCsv("\"a\"b\n"); }), u"codec.csv"_s);
    }
};

SLIPWAY_TEST_MAIN(TestFactoryCodec)
#include "tst_factorycodec.moc"
