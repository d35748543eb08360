// ELF executables: both widths, both byte orders, addresses, and files that lie about themselves.

#include "core/base/fault.h"
#include "core/codec/elffile.h"
#include "tests/support/elffiles.h"
#include "tests/support/testmain.h"

using namespace slipway;
using slipway::test::ElfMaker;

namespace {

QString refusal(const QByteArray &bytes)
{
    try {
        ElfFile::parse(bytes);
    } catch (const Fault &fault) {
        return fault.sentence();
    }
    return QStringLiteral("taken");
}

QByteArray changed(QByteArray bytes, qsizetype at, const QByteArray &with)
{
    return bytes.replace(at, with.size(), with);
}

} // namespace

class TestElfFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void widthsAndOrders_data()
    {
        QTest::addColumn<bool>("wide");
        QTest::addColumn<bool>("big");
        QTest::newRow("32 little") << false << false;
        QTest::newRow("32 big") << false << true;
        QTest::newRow("64 little") << true << false;
        QTest::newRow("64 big") << true << true;
    }
    void widthsAndOrders()
    {
        ElfMaker maker;
        QFETCH(bool, wide);
        QFETCH(bool, big);
        maker.wide = wide;
        maker.big = big;
        maker.pieces = {{0x08000000, 0x08000000, "vectors and text"},
                        {0x20000000, 0x08000010, "data", 64},
                        {0x20000100, 0, {}, 512},         // .bss
                        {0, 0x08000100, "a note", 0, 4}}; // PT_NOTE
        const ElfFile file = ElfFile::parse(maker.make());
        QCOMPARE(file.bits, wide ? 64 : 32);
        QCOMPARE(file.bigEndian, big);
        QCOMPARE(file.machineName(), QStringLiteral("ARM"));
        QCOMPARE(file.entry, quint64(0x08000101));
        QVERIFY(!file.virtualAddresses);
        QCOMPARE(file.pieces.size(), 2);
        QCOMPARE(file.pieces[0].at, quint64(0x08000000));
        QCOMPARE(file.pieces[0].bytes, QByteArray("vectors and text"));
        QCOMPARE(file.pieces[1].at, quint64(0x08000010));
        QCOMPARE(file.pieces[1].bytes, QByteArray("data"));

        // Cut anywhere, it is refused and nothing is read outside.
        const QByteArray whole = maker.make();
        for (qsizetype size = 0; size < whole.size() - 6; ++size)
            QVERIFY2(refusal(whole.left(size)) != u"taken", qPrintable(QString::number(size)));
    }

    void addresses()
    {
        ElfMaker maker;
        maker.pieces = {{0x08000000, 0, "text"}, {0x08000100, 0, "data"}};
        ElfFile file = ElfFile::parse(maker.make());
        QVERIFY(file.virtualAddresses);
        QCOMPARE(file.pieces[1].at, quint64(0x08000100));
        // Flash at 0 with one piece: physical 0 is meant.
        maker.pieces = {{0x20000000, 0, "text"}};
        file = ElfFile::parse(maker.make());
        QVERIFY(!file.virtualAddresses);
        QCOMPARE(file.pieces[0].at, quint64(0));
    }

    void refused_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("says");
        const auto row = [](const char *name, const QByteArray &bytes, const char *says) {
            QTest::newRow(name) << bytes << QString::fromLatin1(says);
        };
        ElfMaker maker;
        maker.pieces = {{0, 0x1000, "text"}, {0, 0x2000, "data"}};
        const QByteArray good = maker.make();
        row("class", changed(good, 4, "\x03"), "neither of 32 nor of 64 bits");
        row("order", changed(good, 5, QByteArray(1, '\0')), "neither of 32 nor of 64 bits");
        row("object file", changed(good, 16, "\x01"), "has not been linked");
        row("core dump", changed(good, 16, "\x04"), "no executable");
        row("no headers", changed(good, 44, QByteArray(2, '\0')), "no program headers");
        row("65535 headers", changed(good, 44, "\xff\xff"), "more than 4096 program headers");
        row("4000 headers", changed(good, 44, "\xa0\x0f"), "cut short");
        row("short headers", changed(good, 42, "\x10"), "shorter than they can be");
        row("header table outside", changed(good, 28, "\xff\xff\xff\xff"), "cut short");
        row("bytes outside", changed(good, 52 + 4, "\xff\xff\xff\x7f"), "cut short");
        row("more bytes than memory", changed(good, 52 + 20, "\x01"), "more bytes in the file than in memory");
        maker.pieces = {{0, 0, {}, 100}};
        row("nothing to load", maker.make(), "nothing in it is to be loaded");
        // Many headers that all want the same bytes: a small file that would fill the memory.
        maker.pieces.fill({0, 0x1000, "0123456789abcdef"}, 3);
        QByteArray bomb = maker.make();
        for (const int header : {0, 1, 2}) {
            bomb = changed(bomb, 52 + 32 * header + 4, maker.number(0, 4));
            bomb = changed(bomb, 52 + 32 * header + 16, maker.number(quint64(bomb.size()) / 2, 4));
            bomb = changed(bomb, 52 + 32 * header + 20, maker.number(quint64(bomb.size()) / 2, 4));
        }
        row("shared bytes", bomb, "want more bytes than it has");
        maker.wide = true;
        maker.pieces = {{0, 0xfffffffffffffff0, "0123456789abcdefg"}};
        row("past the last address", maker.make(), "runs past the last address");
    }
    void refused()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, says);
        QVERIFY2(refusal(bytes).contains(says), qPrintable(refusal(bytes)));
    }
};

SLIPWAY_TEST_MAIN(TestElfFile)
#include "tst_elffile.moc"
