// The codecs of the ESP32 family: SLIP against the recorded streams and against damage, images and partition tables
// against hand-made ones, correct and broken.

#include "core/base/fault.h"
#include "core/codec/espimage.h"
#include "core/codec/esppartitions.h"
#include "core/codec/slip.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QFile>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/esp/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QList<QByteArray> packets(slip::Deframer &deframer)
{
    QList<QByteArray> out;
    QByteArray packet;
    while (deframer.next(packet))
        out << packet;
    return out;
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

} // namespace

class TestEspCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void slipEscapes()
    {
        QCOMPARE(slip::frame(QByteArray::fromHex("01c002db03")), QByteArray::fromHex("c001dbdc02dbdd03c0"));
        slip::Deframer deframer;
        deframer.feed(QByteArray::fromHex("c001dbdc02dbdd03c0"));
        QCOMPARE(packets(deframer), QList<QByteArray>{QByteArray::fromHex("01c002db03")});
    }

    void slipRecorded_data()
    {
        QTest::addColumn<QString>("name");
        for (const char *name : {"esp32-write-plain.host-to-device.bin", "esp32-write-plain.device-to-host.bin",
                                 "esp32c3-write-plain.host-to-device.bin", "esp32c3-chip-id.device-to-host.bin"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }
    // What was recorded comes apart into packets whose length field holds, whatever the pieces it arrives in, and
    // goes together again byte for byte.
    void slipRecorded()
    {
        QFETCH(QString, name);
        const QByteArray stream = data(name);
        QVERIFY(stream.size() > 500);
        QList<QByteArray> whole;
        for (const qsizetype step : {qsizetype(1), qsizetype(7), stream.size()}) {
            slip::Deframer deframer;
            for (qsizetype at = 0; at < stream.size(); at += step)
                deframer.feed(QByteArrayView(stream).sliced(at, std::min(step, stream.size() - at)));
            const QList<QByteArray> found = packets(deframer);
            QCOMPARE(deframer.dropped(), 0);
            if (whole.isEmpty())
                whole = found;
            QCOMPARE(found, whole);
        }
        QByteArray again;
        for (const QByteArray &packet : whole) {
            QCOMPARE(qsizetype(quint8(packet[2]) | quint8(packet[3]) << 8), packet.size() - 8);
            slip::append(again, packet);
        }
        QCOMPARE(again, stream);
    }

    void slipDamage()
    {
        slip::Deframer deframer(16);
        deframer.feed("rst:0x1 (POWERON_RESET)\r\nwaiting for download\r\n");
        deframer.feed(QByteArray::fromHex("c0c0c0"));         // empty ones
        deframer.feed(QByteArray::fromHex("c001dbdd0102c0")); // good
        deframer.feed(QByteArray::fromHex("01db0203c0"));     // wrong escape
        deframer.feed(QByteArray::fromHex("05dbc0"));         // escape cut off by the mark
        deframer.feed(QByteArray(100, 'x') + "\xc0");         // too long
        deframer.feed(QByteArray::fromHex("0708c0"));
        QCOMPARE(packets(deframer), (QList<QByteArray>{QByteArray::fromHex("01db0102"), QByteArray::fromHex("0708")}));
        QCOMPARE(deframer.dropped(), 3);
        deframer.feed("cut");
        deframer.reset();
        deframer.feed(QByteArray::fromHex("61c00902c0"));
        QCOMPARE(packets(deframer), QList<QByteArray>{QByteArray::fromHex("0902")});
    }

    void image()
    {
        const QByteArray file = espImage({.chipId = 5, .version = "1.4.2", .project = "t1"});
        QVERIFY(EspImage::looksLike(file));
        const EspImage image = EspImage::parse(file);
        QCOMPARE(image.chip(), u"esp32c3"_s);
        QCOMPARE(image.segments.size(), 2);
        QCOMPARE(image.size, file.size());
        QCOMPARE(image.trailing, 0);
        QVERIFY(image.checksum == EspImage::Checksum::Holds);
        QVERIFY(image.digest == EspImage::Digest::Holds);
        QCOMPARE(image.sha256, file.last(32));
        QCOMPARE(image.flashModeName(), u"DIO"_s);
        QCOMPARE(*image.flashSize(), 4 * 1024 * 1024);
        QVERIFY(image.application);
        QCOMPARE(image.application->version, u"1.4.2"_s);
        QCOMPARE(image.application->project, u"t1"_s);
        QVERIFY(!image.signedV2);
        image.check();
        QCOMPARE(*EspImage::idOf(u"esp32h2"_s), 16);
        QVERIFY(!EspImage::idOf(u"esp99"_s));
    }

    void imageWithoutDigestAndWithSignature()
    {
        QByteArray file = espImage({.chipId = 0, .digest = false});
        EspImage image = EspImage::parse(file);
        QVERIFY(image.digest == EspImage::Digest::None);
        QVERIFY(image.sha256.isEmpty());
        file = espSigned(espImage({.chipId = 9}));
        image = EspImage::parse(file);
        QVERIFY(image.signedV2);
        QVERIFY(image.trailing >= 4096);
        QCOMPARE(image.signingKeys, QList<QByteArray>{espKeyDigest()});
        image.check();
        file[file.size() - 4096 + 100] = '\x77'; // a damaged block is none
        image = EspImage::parse(file);
        QVERIFY(!image.signedV2 && image.signingKeys.isEmpty());
    }

    // Every bit of an image is covered by the structure, the checksum or the digest.
    void imageFlippedBits()
    {
        const QByteArray file = espImage({.chipId = 5});
        for (qsizetype at = 0; at < file.size(); at += 13) {
            QByteArray bad = file;
            bad[at] = char(bad[at] ^ 0x10);
            const QString fault = faultOf([&] { EspImage::parse(bad).check(); });
            QVERIFY2(fault.startsWith(u"codec.esp-"), qPrintable(QString::number(at)));
        }
    }

    void imageCut()
    {
        const QByteArray file = espImage({.chipId = 5});
        for (qsizetype size = 0; size < file.size(); size += 9)
            QCOMPARE(faultOf([&] { EspImage::parse(QByteArrayView(file).first(size)); }), u"codec.esp-image"_s);
        QByteArray lies = file;
        lies[24 + 4 + 3] = '\xff'; // a segment of 4 GB
        QCOMPARE(faultOf([&] { EspImage::parse(lies); }), u"codec.esp-image"_s);
        lies = file;
        lies[1] = 17;
        QCOMPARE(faultOf([&] { EspImage::parse(lies); }), u"codec.esp-image"_s);
    }

    void partitions()
    {
        const QList<EspPartition> rows{{u"nvs"_s, 1, 2, 0x9000, 0x6000, false, false},
                                       {u"factory"_s, 0, 0, 0x10000, 0x100000, false, false},
                                       {u"keys"_s, 1, 4, 0x110000, 0x1000, true, true}};
        for (const bool md5 : {true, false}) {
            const QByteArray file = espPartitions(rows, md5);
            QVERIFY(EspPartitions::looksLike(file));
            const EspPartitions table = EspPartitions::parse(file);
            QCOMPARE(table.hasMd5, md5);
            QCOMPARE(table.partitions.size(), 3);
            QCOMPARE(table.find(u"factory"_s)->kind(), u"app/factory"_s);
            QCOMPARE(table.find(u"factory"_s)->end(), 0x110000u);
            QCOMPARE(table.find(u"nvs"_s)->kind(), u"data/nvs"_s);
            QVERIFY(table.find(u"keys"_s)->encrypted && table.find(u"keys"_s)->readOnly);
            QVERIFY(!table.find(u"ota_0"_s));
        }
    }

    void partitionsBroken()
    {
        const QString code = u"codec.esp-partitions"_s;
        const EspPartition nvs{u"nvs"_s, 1, 2, 0x9000, 0x6000, false, false};
        const auto parse = [](const QList<EspPartition> &rows) {
            return faultOf([&] { EspPartitions::parse(espPartitions(rows, true)); });
        };
        QCOMPARE(parse({nvs}), QString());
        QCOMPARE(parse({nvs, {u"x"_s, 1, 2, 0xa000, 0x1000, false, false}}), code);     // overlap
        QCOMPARE(parse({nvs, {u"nvs"_s, 1, 2, 0x20000, 0x1000, false, false}}), code);  // name twice
        QCOMPARE(parse({nvs, {u"a"_s, 0, 0, 0x18000, 0x10000, false, false}}), code);   // alignment
        QCOMPARE(parse({nvs, {u"a"_s, 1, 0, 0x20000, 0, false, false}}), code);         // empty
        QCOMPARE(parse({nvs, {u"a"_s, 1, 0, 0xfffff000, 0x2000, false, false}}), code); // past the end
        QCOMPARE(parse({}), code);
        QByteArray wrong = espPartitions({nvs}, true);
        wrong[5] = '\x10';
        QCOMPARE(faultOf([&] { EspPartitions::parse(wrong); }), code);
        QCOMPARE(faultOf([&] { EspPartitions::parse(QByteArray(3072, 'x')); }), code);
        QCOMPARE(faultOf([&] { EspPartitions::parse(espPartitions({nvs}, true).first(64)); }), code);
    }
};

SLIPWAY_TEST_MAIN(TestEspCodec)
#include "tst_espcodec.moc"
