// .dfu files: one made by dfuse-pack, ones built here byte by byte, and every kind of damage.

#include "core/base/fault.h"
#include "core/codec/dfufile.h"
#include "tests/support/dfufiles.h"
#include "tests/support/testmain.h"

#include <QFile>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/dfu/") + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString refusal(const QByteArray &bytes)
{
    try {
        (void)DfuFile::parse(bytes);
    } catch (const Fault &fault) {
        return fault.is("codec.dfu") ? fault.sentence() : QString::fromUtf8(fault.what());
    }
    return {};
}

} // namespace

class TestDfuFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // Written by dfuse-pack of dfu-util 0.11.
    void madeByDfusePack()
    {
        const QByteArray bytes = data(u"two-segments.dfu"_s);
        QVERIFY(DfuFile::recognises(bytes));
        const DfuFile file = DfuFile::parse(bytes);
        QVERIFY(file.isDfuSe());
        QCOMPARE(file.vendorId, quint16(0x0483));
        QCOMPARE(file.productId, quint16(0xdf11));
        QCOMPARE(file.targets.size(), 1);
        QCOMPARE(file.targets[0].alternate, 0);
        const QList<AddressedBytes> expected{{0x08000000, data(u"a.bin"_s)}, {0x08010000, data(u"b.bin"_s)}};
        QCOMPARE(file.elements(), expected);
        QCOMPARE(file.image.size(), bytes.size() - 16);
        QVERIFY(file.fits(0x0483, 0xdf11));
        QVERIFY(!file.fits(0x0483, 0xdf10));
        QVERIFY(!file.fits(0x1209, 0xdf11));
    }

    void plain()
    {
        const DfuFile file = DfuFile::parse(withDfuSuffix("the image", 0x1209, 0x0001, 0x0100, 0x0213));
        QVERIFY(!file.isDfuSe());
        QCOMPARE(file.image, QByteArray("the image"));
        QCOMPARE(file.device, quint16(0x0213));
        QVERIFY(file.elements().isEmpty());
        const DfuFile forAll = DfuFile::parse(withDfuSuffix("x", DfuFile::anyId, DfuFile::anyId));
        QVERIFY(forAll.fits(1, 2));
    }

    void longerSuffix()
    {
        // Appendix B allows later versions a longer suffix, whose further fields stand in front.
        QByteArray bytes = withDfuSuffix("image", 0x1209, 0x0001);
        bytes.insert(5, "more");
        bytes[bytes.size() - 5] = 20;
        fixDfuCrc(bytes);
        QCOMPARE(DfuFile::parse(bytes).image, QByteArray("image"));
    }

    void severalTargets()
    {
        const QByteArray bytes = dfuseFile(
            {{0, u"Internal Flash"_s, {{0x08000000, "abc"}, {0x08004000, ""}}}, {1, {}, {{0x1fffc000, "OPTS"}}}});
        const DfuFile file = DfuFile::parse(bytes);
        QCOMPARE(file.targets.size(), 2);
        QCOMPARE(file.targets[0].name, u"Internal Flash"_s);
        QCOMPARE(file.targets[1].alternate, 1);
        QVERIFY(file.targets[1].name.isEmpty());
        QCOMPARE(file.elements().size(), 3);
        QCOMPARE(file.elements().last().bytes, QByteArray("OPTS"));
    }

    void everyCutIsRefused()
    {
        const QByteArray bytes = dfuseFile({{0, u"Flash"_s, {{0x08000000, "abcdefgh"}, {0x08001000, "ijkl"}}}});
        for (qsizetype n = 0; n < bytes.size(); ++n) {
            QVERIFY2(!refusal(bytes.first(n)).isEmpty(), qPrintable(QString::number(n)));
            // The cut image with a suffix that fits.
            if (n >= 5 && n < bytes.size() - 16)
                QVERIFY2(!refusal(withDfuSuffix(bytes.first(n), 0x0483, 0xdf11, 0x011a)).isEmpty(),
                         qPrintable(QString::number(n)));
        }
    }

    void everyFlippedBitIsRefused()
    {
        const QByteArray bytes = dfuseFile({{0, u"Flash"_s, {{0x08000000, "abcdefgh"}}}});
        for (qsizetype i = 0; i < bytes.size(); ++i) {
            QByteArray damaged = bytes;
            damaged[i] = char(damaged[i] ^ 0x10);
            QVERIFY2(!refusal(damaged).isEmpty(), qPrintable(QString::number(i)));
        }
    }

    void refused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("sentence");
        const QByteArray good = dfuseFile({{0, {}, {{0x08000000, "abcd"}}}}).chopped(16);
        const auto changed = [&](qsizetype at, const QByteArray &with) {
            QByteArray bytes = good;
            bytes.replace(at, with.size(), with);
            return withDfuSuffix(bytes, 0x0483, 0xdf11, 0x011a);
        };
        QByteArray suffixTooLong = withDfuSuffix("abc", 1, 2);
        suffixTooLong[suffixTooLong.size() - 5] = char(200);
        fixDfuCrc(suffixTooLong);
        QTest::newRow("no suffix") << QByteArray(100, 'x') << u"it has no DFU suffix"_s;
        QTest::newRow("end lost") << good << u"it is cut short: its end is missing"_s;
        QTest::newRow("suffix length") << suffixTooLong << u"its suffix states a length of 200"_s;
        QTest::newRow("prefix missing") << withDfuSuffix("abcdefghijklmnop", 1, 2, 0x011a)
                                        << u"its suffix says that it is in DfuSe form, and it has no DfuSe prefix"_s;
        QTest::newRow("prefix unexpected")
            << withDfuSuffix(good, 1, 2, 0x0100) << u"it has a DfuSe prefix, and its suffix says that it has none"_s;
        QTest::newRow("version") << changed(5, "\x02")
                                 << u"it has version 2 of the DfuSe format, and only 1 is known"_s;
        QTest::newRow("size") << changed(6, QByteArray("\x01\0\0\0", 4)) << u"it states 1 bytes and has 297"_s;
        QTest::newRow("no target") << changed(10, QByteArray("\0", 1)) << u"it has no target"_s;
        QTest::newRow("one target too many") << changed(10, "\x02") << u"target 2 is cut short"_s;
        QTest::newRow("target mark") << changed(11, "X") << u"target 1 does not begin where it should"_s;
        QTest::newRow("target size") << changed(11 + 266, "\xff\xff\xff\xff") << u"target 1 is cut short"_s;
        QTest::newRow("target shorter") << changed(11 + 266, QByteArray("\x0b\0\0\0", 4)) << u"target 1 is cut short"_s;
        QTest::newRow("elements") << changed(11 + 270, "\xff\xff\xff\xff") << u"target 1 is cut short"_s;
        QTest::newRow("no element") << changed(11 + 270, QByteArray(4, '\0'))
                                    << u"target 1 is longer than its pieces"_s;
        QTest::newRow("element size") << changed(11 + 274 + 4, "\xff\xff\xff\xff") << u"target 1 is cut short"_s;
        QTest::newRow("element address") << changed(11 + 274, "\xfe\xff\xff\xff")
                                         << u"a piece of target 1 runs past the last address"_s;
        QTest::newRow("behind") << withDfuSuffix(
                                       [&] {
                                           QByteArray more = good + "more";
                                           more[6] = char(more[6] + 4);
                                           return more;
                                       }(),
                                       1, 2, 0x011a)
                                << u"there are bytes behind its last target"_s;
    }
    void refused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, sentence);
        QCOMPARE(refusal(bytes), u"The .dfu file cannot be used: "_s + sentence + u'.');
    }
};

SLIPWAY_TEST_MAIN(TestDfuFile)
#include "tst_dfufile.moc"
