// UF2 files: one made by uf2conv, ones built here block by block, and every kind of damage.

#include "core/base/fault.h"
#include "core/codec/uf2.h"
#include "tests/support/testmain.h"
#include "tests/support/uf2files.h"

#include <QFile>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

constexpr quint32 rp2040 = 0xe48bff56, samd21 = 0x68ed2b88;

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString refusal(const QByteArray &bytes)
{
    try {
        (void)Uf2File::parse(bytes);
    } catch (const Fault &fault) {
        return fault.is("codec.uf2") ? fault.sentence() : QString::fromUtf8(fault.what());
    }
    return {};
}

QByteArray pattern(qsizetype size, int seed = 0)
{
    QByteArray out(size, Qt::Uninitialized);
    for (qsizetype i = 0; i < size; ++i)
        out[i] = char(i * 7 + (i >> 8) + seed);
    return out;
}

} // namespace

class TestUf2 : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void madeByUf2conv()
    {
        const Uf2File file = Uf2File::parse(data(u"uf2/rp2040.uf2"_s));
        QCOMPARE(file.parts.size(), 1);
        QCOMPARE(file.parts[0].family, std::optional<quint32>(rp2040));
        QCOMPARE(file.parts[0].blocks, 47);
        QCOMPARE(file.parts[0].segments.size(), 1);
        QCOMPARE(file.parts[0].segments[0].at, quint64(0x10000000));
        // uf2conv fills the last block up with zeros.
        QCOMPARE(file.parts[0].segments[0].bytes, data(u"dfu/a.bin"_s).leftJustified(47 * 256, '\0'));
        QCOMPARE(uf2FamilyName(rp2040), u"RP2040"_s);
        QCOMPARE(uf2FamilyName(0x12345678), u"0x12345678"_s);
    }

    void severalFamilies()
    {
        const QByteArray one = pattern(700), other = pattern(300, 5);
        const Uf2File file = Uf2File::parse(uf2File(one, 0x10000000, rp2040) + uf2File(other, 0x2000, samd21));
        QCOMPARE(file.parts.size(), 2);
        QCOMPARE(file.partFor(samd21)->segments[0].at, quint64(0x2000));
        QCOMPARE(file.partFor(samd21)->segments[0].bytes.first(300), other);
        QCOMPARE(file.partFor(rp2040)->segments[0].bytes.first(700), one);
        QVERIFY(!file.partFor(0x1b57745f));
        const Uf2File untold = Uf2File::parse(uf2File(one, 0x2000, {}));
        QVERIFY(untold.partFor(samd21));
    }

    void anyOrderWithGaps()
    {
        const QByteArray bytes = Uf2Block{0x3000, pattern(256), 1, 3, samd21, 0, {}}.encoded() +
                                 Uf2Block{0x2100, pattern(100), 2, 3, samd21, 0, {}}.encoded() +
                                 Uf2Block{0x2000, pattern(256), 0, 3, samd21, 0, {}}.encoded();
        const QList<AddressedBytes> expected{{0x2000, pattern(256) + pattern(100)}, {0x3000, pattern(256)}};
        QCOMPARE(Uf2File::parse(bytes).parts[0].segments, expected);
    }

    void commentsAreSkipped()
    {
        const QByteArray bytes = Uf2Block{0x2000, pattern(256), 0, 2, samd21, 0, {}}.encoded() +
                                 Uf2Block{0x2000, "source code", 1, 2, samd21, 1, {}}.encoded();
        const Uf2File file = Uf2File::parse(bytes);
        QCOMPARE(file.parts[0].segments.size(), 1);
        QCOMPARE(file.parts[0].blocks, 2);
    }

    // What picotool puts in front of files for RP2350.
    void placeholderOfRp2350()
    {
        const Uf2Block placeholder{0x10ffff00, QByteArray(256, '\xef'), 0, 2, 0xe48bff57, 0x8000, {}};
        const Uf2File file = Uf2File::parse(placeholder.encoded() + uf2File(pattern(300), 0x10000000, 0xe48bff59));
        QCOMPARE(file.parts.size(), 1);
        QCOMPARE(file.parts[0].family, std::optional<quint32>(0xe48bff59));
        QCOMPARE(refusal(placeholder.encoded()),
                 u"The UF2 file cannot be used: it holds nothing for the main flash."_s);
    }

    void everyCutIsRefused()
    {
        const QByteArray bytes = uf2File(pattern(700), 0x2000, samd21);
        for (qsizetype n = 0; n < bytes.size(); ++n)
            QVERIFY2(!refusal(bytes.first(n)).isEmpty(), qPrintable(QString::number(n)));
    }

    void refused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("sentence");
        const QByteArray good = uf2File(pattern(600), 0x2000, samd21);
        QByteArray lastMagic = good;
        lastMagic[1023] = 'x';
        const auto block = [](Uf2Block b) { return b.encoded(); };
        QTest::newRow("other file") << QByteArray(1024, 'x') << u"it does not begin with a UF2 block"_s;
        QTest::newRow("cut") << good.chopped(1) << u"it is cut short: 1535 bytes are no whole number of blocks"_s;
        QTest::newRow("last magic") << lastMagic << u"block 1 of the file is damaged"_s;
        QTest::newRow("missing block") << good.chopped(512)
                                       << u"it has 2 blocks for SAMD21, and they say there are 3"_s;
        QTest::newRow("block twice") << good.first(1024) + good.first(512)
                                     << u"block number 0 for SAMD21 is there twice or out of range"_s;
        QTest::newRow("number") << block({0x2000, pattern(256), 7, 1, samd21, 0, {}})
                                << u"block number 7 for SAMD21 is there twice or out of range"_s;
        QTest::newRow("count") << block({0x2000, pattern(256), 0, 0xffffffff, {}, 0, {}})
                               << u"it has 1 blocks, and they say there are 4294967295"_s;
        QTest::newRow("size") << block({0x2000, pattern(256), 0, 1, samd21, 0, 477})
                              << u"block 0 of the file states 477 bytes of data"_s;
        QTest::newRow("size with checksum") << block({0x2000, pattern(256), 0, 1, samd21, 0x4000, 453})
                                            << u"block 0 of the file states 453 bytes of data"_s;
        QTest::newRow("past the end") << block({0xffffff80, pattern(256), 0, 1, samd21, 0, {}})
                                      << u"block 0 of the file runs past the last address"_s;
        QTest::newRow("overlap") << block({0x2000, pattern(256), 0, 2, samd21, 0, {}}) +
                                        block({0x2080, pattern(256), 1, 2, samd21, 0, {}})
                                 << u"two blocks for SAMD21 are for address 0x00002080"_s;
        QTest::newRow("files") << block({0, pattern(256), 0, 1, {}, 0x1000, {}})
                               << u"it carries files for a file system, not firmware at addresses"_s;
        QTest::newRow("only comments") << block({0, pattern(256), 0, 1, {}, 1, {}})
                                       << u"it holds nothing for the main flash"_s;
    }
    void refused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, sentence);
        QCOMPARE(refusal(bytes), u"The UF2 file cannot be used: "_s + sentence + u'.');
    }
};

SLIPWAY_TEST_MAIN(TestUf2)
#include "tst_uf2.moc"
