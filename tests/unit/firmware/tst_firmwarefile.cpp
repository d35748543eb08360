// Firmware files of every kind: told by content, what goes where, gaps, overlaps, and files that are none.

#include "core/base/fault.h"
#include "core/firmware/firmwarefile.h"
#include "tests/support/elffiles.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QJsonArray>

#include <functional>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(u"" SLIPWAY_TEST_DATA "/"_s + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray faultOf(const std::function<void()> &function, QString *sentence = nullptr)
{
    try {
        function();
    } catch (const Fault &fault) {
        if (sentence)
            *sentence = fault.text();
        return fault.code();
    }
    return {};
}

QByteArray mcubootFile()
{
    return data(u"mcuboot/t1-1.4.2-p256.bin"_s);
}

} // namespace

class TestFirmwareFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void formats_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("format");
        QTest::addColumn<QString>("content"); // file with what is written; empty: the bytes themselves
        QTest::addColumn<qint64>("at");       // -1: the file does not say
        QTest::newRow("hex") << data(u"formats/a.hex"_s) << u"intel-hex"_s << u"formats/a.bin"_s << qint64(0x08004000);
        QTest::newRow("srec") << data(u"formats/b.s19"_s) << u"s-record"_s << u"formats/b.bin"_s << qint64(0x08004000);
        QTest::newRow("raw") << data(u"formats/a.bin"_s) << u"raw"_s << QString() << qint64(-1);
        QTest::newRow("mcuboot") << mcubootFile() << u"mcuboot"_s << QString() << qint64(-1);
        QTest::newRow("esp") << espImage({.chipId = 5}) << u"esp"_s << QString() << qint64(-1);
    }
    void formats()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, format);
        QFETCH(QString, content);
        QFETCH(qint64, at);
        const QByteArray expected = content.isEmpty() ? bytes : data(content);
        QVERIFY(!expected.isEmpty());
        const FirmwareFile file = FirmwareFile::parse(bytes);
        QCOMPARE(file.format(), format);
        QCOMPARE(file.hasAddresses(), at >= 0);
        QVERIFY2(file.defects().isEmpty(), qPrintable(file.defects().join(u' ')));
        const QJsonObject json = file.toJson();
        QCOMPARE(json[u"format"_s].toString(), format);
        QCOMPARE(json[u"size"_s].toInteger(), bytes.size());
        const QJsonArray segments = json[u"segments"_s].toArray();
        QVERIFY(!segments.isEmpty());
        if (at >= 0) {
            QCOMPARE(segments.size(), 1);
            QCOMPARE(segments[0][u"at"_s].toInteger(), at);
            QCOMPARE(segments[0][u"size"_s].toInteger(), expected.size());
            const QList<MemorySegment> found = file.segments();
            QCOMPARE(found, QList<MemorySegment>({{quint64(at), expected}}));
            QCOMPARE(file.segments(quint64(at)), found);
            QString said;
            QCOMPARE(faultOf([&] { file.segments(quint64(at) + 4); }, &said), "firmware.address");
            QVERIFY2(said.contains(u"0x08004000") && said.contains(u"0x08004004"), qPrintable(said));
        } else {
            QString said;
            QCOMPARE(faultOf([&] { file.segments(); }, &said), "firmware.no-address");
            QVERIFY2(said.contains(file.formatName()), qPrintable(said));
            QCOMPARE(file.segments(0x10000), QList<MemorySegment>({{0x10000, expected}}));
            QCOMPARE(faultOf([&] { file.segments(~0ULL - 3); }), "memory.outside");
        }
    }

    void uf2()
    {
        const QByteArray bytes = data(u"uf2/rp2040.uf2"_s);
        const FirmwareFile file = FirmwareFile::parse(bytes);
        QCOMPARE(file.format(), u"uf2"_s);
        QCOMPARE(file.parts().size(), 1);
        QCOMPARE(file.parts()[0].name, u"RP2040"_s);
        const auto segments = file.segments();
        QCOMPARE(segments.size(), 1);
        QCOMPARE(segments[0].at, quint64(0x10000000));
        QVERIFY(segments[0].bytes.startsWith(data(u"formats/a.bin"_s)));

        // Two families in one file: nobody writes both into one chip.
        QByteArray other = bytes;
        for (qsizetype block = 0; block < other.size(); block += 512)
            other.replace(block + 28, 4, QByteArray::fromHex("12345678"));
        const FirmwareFile both = FirmwareFile::parse(bytes + other);
        QCOMPARE(both.parts().size(), 2);
        QVERIFY(both.overlaps().isEmpty());
        QString said;
        QCOMPARE(faultOf([&] { both.segments(); }, &said), "firmware.families");
        QVERIFY2(said.contains(u"RP2040, 0x78563412"), qPrintable(said));
        QCOMPARE(both.segments({}, 0xe48bff56), segments);
        QCOMPARE(faultOf([&] { both.segments({}, 1); }), "firmware.families");
        QCOMPARE(both.toJson()[u"segments"_s].toArray()[1][u"part"_s].toString(), u"0x78563412"_s);
    }

    void dfuSe()
    {
        const FirmwareFile file = FirmwareFile::parse(data(u"dfu/two-segments.dfu"_s));
        QCOMPARE(file.format(), u"dfuse"_s);
        QCOMPARE(file.segments(), QList<MemorySegment>({{0x08000000, data(u"formats/a.bin"_s)},
                                                        {0x08010000, data(u"formats/b.bin"_s)}}));
        QCOMPARE(file.gaps(), QList<FirmwareFile::Span>({{0x08000000 + 12000, 0x10000 - 12000}}));
        const QJsonObject gap = file.toJson()[u"gaps"_s].toArray()[0].toObject();
        QCOMPARE(gap[u"at"_s].toInteger(), 0x08000000 + 12000);
        QCOMPARE(gap[u"size"_s].toInteger(), 0x10000 - 12000);
    }

    void elf()
    {
        ElfMaker maker;
        maker.pieces = {{0x20000000, 0x08000100, "data", 64}, {0x08000000, 0x08000000, "text"}};
        const FirmwareFile file = FirmwareFile::parse(maker.make());
        QCOMPARE(file.format(), u"elf"_s);
        QCOMPARE(file.segments(), QList<MemorySegment>({{0x08000000, "text"}, {0x08000100, "data"}}));
        QCOMPARE(file.gaps(), QList<FirmwareFile::Span>({{0x08000004, 0xfc}}));
        QCOMPARE(file.toJson()[u"machine"_s].toString(), u"ARM"_s);
        maker.wide = true;
        maker.pieces = {{0, 0xffffffff80000000, "kernel"}};
        const QJsonObject high = FirmwareFile::parse(maker.make()).toJson();
        QCOMPARE(high[u"segments"_s].toArray()[0][u"at"_s].toString(), u"0xffffffff80000000"_s);
    }

    // Shown, and never written.
    void overlaps()
    {
        ElfMaker maker;
        maker.pieces = {{0, 0x1000, "0123456789"}, {0, 0x1008, "abcd"}, {0, 0x1002, "xy"}};
        const FirmwareFile file = FirmwareFile::parse(maker.make());
        QCOMPARE(file.overlaps(), QList<FirmwareFile::Span>({{0x1002, 2}, {0x1008, 2}}));
        QVERIFY(file.gaps().isEmpty());
        QCOMPARE(file.defects().size(), 1);
        QVERIFY2(file.defects()[0].contains(u"0x00001002 to 0x00001004"), qPrintable(file.defects()[0]));
        QCOMPARE(faultOf([&] { file.segments(); }), "firmware.overlap");
        QCOMPARE(file.toJson()[u"overlaps"_s].toArray().size(), 2);
    }

    // What is damaged inside is shown, and check() and segments() refuse it.
    void defects()
    {
        QByteArray esp = espImage({.chipId = 5});
        esp[100] = char(esp[100] ^ 1);
        const FirmwareFile damaged = FirmwareFile::parse(esp);
        QCOMPARE(damaged.format(), u"esp"_s);
        QCOMPARE(damaged.defects().size(), 1);
        QVERIFY(faultOf([&] { damaged.segments(0); }).startsWith("codec.esp-"));
        const FirmwareFile flipped = FirmwareFile::parse(data(u"mcuboot/t1-flipped-bit.bin"_s));
        QCOMPARE(flipped.format(), u"mcuboot"_s);
        QCOMPARE(faultOf([&] { flipped.check(); }), "firmware.hash");
        QCOMPARE(flipped.toJson()[u"hash-holds"_s].toBool(true), false);
        QCOMPARE(flipped.toJson()[u"defects"_s].toArray().size(), 1);
    }

    void espFacts()
    {
        const FirmwareFile file =
            FirmwareFile::parse(espImage({.chipId = 5, .version = "3.1.4", .project = "boat\x1b[31m"}));
        const QJsonObject json = file.toJson();
        QCOMPARE(json[u"chip"_s].toString(), u"esp32c3"_s);
        QCOMPARE(json[u"version"_s].toString(), u"3.1.4"_s);
        QVERIFY(!json[u"project"_s].toString().contains(u'\x1b'));
        QVERIFY(json[u"segments"_s].toArray().size() >= 2);
    }

    void noFirmware_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QByteArray>("code");
        QTest::addColumn<QString>("says");
        const auto row = [](const char *name, const QByteArray &bytes, const char *code, const char *says) {
            QTest::newRow(name) << bytes << QByteArray(code) << QString::fromLatin1(says);
        };
        row("empty", {}, "firmware.empty", "Fetch");
        row("huge", QByteArray(FirmwareFile::MaximumBytes + 1, 'x'), "file.too-large", "larger");
        row("page", "<!DOCTYPE html>\n<title>404: Not Found</title>\n", "firmware.foreign", "begins with \"<!DOCTYPE");
        row("key", data(u"mcuboot/p256.pub.pem"_s), "firmware.foreign", "BEGIN PUBLIC KEY");
        row("zip", QByteArray("PK\x03\x04zip", 7), "firmware.foreign", "a ZIP archive. Unpack it");
        row("gzip", QByteArray("\x1f\x8b\x08zzz"), "firmware.foreign", "a gzip archive");
        row("library", "!<arch>\n\x01\x02", "firmware.foreign", "linked executable");
        row("hostile text", "\x1b]0;owned\n\x07", "", "");
        row("cut hex", data(u"formats/a.hex"_s).left(5000), "codec.intel-hex", "line");
        row("cut srec", data(u"formats/b.s19"_s).left(5000), "codec.s-record", "line");
        row("cut at a line", data(u"formats/a.hex"_s).left(data(u"formats/a.hex"_s).indexOf('\n', 5000) + 1),
            "codec.intel-hex", "cut short");
        row("cut uf2", data(u"uf2/rp2040.uf2"_s).chopped(512), "codec.uf2", "");
        row("cut elf",
            QByteArray("\x7f"
                       "ELF"),
            "codec.elf", "cut short");
        row("cut mcuboot", mcubootFile().left(1000), "firmware.truncated", "cut short");
        row("damaged dfu", data(u"dfu/two-segments.dfu"_s).replace(4000, 1, "?"), "codec.dfu", "");
        row("cut esp", espImage({.chipId = 5}).left(2000), "codec.esp-image", "");
    }
    void noFirmware()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QByteArray, code);
        QFETCH(QString, says);
        QString said;
        QCOMPARE(faultOf([&] { FirmwareFile::parse(bytes); }, &said), code);
        QVERIFY2(said.contains(says), qPrintable(said));
        QVERIFY(!said.contains(u'\x1b'));
    }

    void nothingToWrite()
    {
        QCOMPARE(faultOf([] { FirmwareFile::parse(":00000001FF\n").segments(); }), "firmware.nothing");
    }
};

SLIPWAY_TEST_MAIN(TestFirmwareFile)
#include "tst_firmwarefile.moc"
