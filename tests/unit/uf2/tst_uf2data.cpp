// What the driver uf2 reads: INFO_UF2.TXT, quirks.json, what the kernel tells; and the blocks it writes.

#include "core/base/fault.h"
#include "core/codec/uf2.h"
#include "drivers/uf2/quirks.h"
#include "drivers/uf2/uf2info.h"
#include "drivers/uf2/usbtree.h"
#include "drivers/virtual/kerneltree.h"
#include "tests/support/testmain.h"
#include "tests/support/uf2files.h"

#include <QFile>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

template <typename Work> QString sentence(const Work &work)
{
    try {
        work();
    } catch (const Fault &fault) {
        return fault.sentence();
    }
    return {};
}

KernelDevice stick(const QString &place, const QString &disk, int address = 2)
{
    return {place, address, 0x2e8a, 3, u"Raspberry Pi"_s, u"RP2 Boot"_s, u"E0C9"_s, disk};
}

} // namespace

class TestUf2Data : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void info()
    {
        const Uf2Info pico =
            Uf2Info::parse("UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n", u"/media/x"_s);
        QCOMPARE(pico.loader, u"UF2 Bootloader v3.0"_s);
        QCOMPARE(pico.model, u"Raspberry Pi RP2"_s);
        QCOMPARE(pico.boardId, u"RPI-RP2"_s);
        const Uf2Info nano = Uf2Info::parse("UF2 Bootloader 0.6.0 lib/nrfx (v2.0.0) lib/tinyusb (0.10.1-41-gdf0cda2d)\n"
                                            "Model: nice!nano\nBoard-ID: nRF52840-nicenano\n"
                                            "SoftDevice: S140 version 6.1.1\nDate: Jun 19 2021\n",
                                            u"/media/x"_s);
        QCOMPARE(nano.boardId, u"nRF52840-nicenano"_s);
        QCOMPARE(nano.more.value(u"SoftDevice"_s), u"S140 version 6.1.1"_s);
        QVERIFY(nano.loader.startsWith(u"UF2 Bootloader 0.6.0"));
        const auto refused = [](const QByteArray &text) {
            return sentence([&] { (void)Uf2Info::parse(text, u"/x"_s); });
        };
        QVERIFY(refused({}).contains(u"no Board-ID"));
        QVERIFY(refused(QByteArray(5000, 'x')).contains(u"longer"));
        QVERIFY(refused("Board-ID: a\nBoard-ID: b\n").contains(u"two"));
        QVERIFY(refused(QByteArray("Board-ID: a\0", 12)).contains(u"no text"));
        QVERIFY(!Uf2Info::parse("Board-ID: a\x1b[2J\n", u"/x"_s).boardId.contains(u'\x1b'));
    }

    void quirks()
    {
        const Uf2Boards boards = Uf2Boards::load();
        const auto name = [&](const char *id) {
            const Uf2Quirks *found = boards.forBoardId(QLatin1String(id));
            return found ? found->name : QString();
        };
        QCOMPARE(name("RPI-RP2"), u"rp2040"_s);
        QCOMPARE(name("RP2350"), u"rp2350"_s);
        QCOMPARE(name("nRF52840-nicenano"), u"nrf52840"_s);
        QCOMPARE(name("nRF52833-Likkle-MFG-Cutzo-500-v1"), u"nrf52833"_s);
        QCOMPARE(name("SAMD21G18A-Feather-v0"), u"samd21"_s);
        QCOMPARE(name("SAMD51G19A-ItsyBitsy-v0"), u"samd51"_s);
        QCOMPARE(name("LPC55S28-Xpresso-revA"), u"lpc55"_s);
        QCOMPARE(name("LilyGO-TTGO-T8-S2"), QString());
        for (const QString &board : boards.names()) { // every family has a name in uf2families.json
            for (const quint32 family : boards.find(board).families)
                QVERIFY2(!uf2FamilyName(family).startsWith(u"0x"), qPrintable(board));
        }
        const auto wrong = [](const QByteArray &board) {
            QByteArray json = "{'slipway-quirks':1,'driver':'uf2','boards':{'b':" + board + "}}";
            json.replace('\'', '"');
            return sentence([&] { (void)Uf2Boards::parse(json, u"f"_s); });
        };
        const QByteArray start = "{'description':'d','source':'s','date':'t',", end = "}";
        const QByteArray good = start + "'board-id':'^B$','families':['0x1']";
        QCOMPARE(wrong(good + end), QString());
        QVERIFY(wrong(good + ",'unit':300" + end).contains(u"multiple of 256"));
        QVERIFY(wrong(good + ",'usb':['2e8a:*']" + end).contains(u"2e8a:0003"));
        QVERIFY(wrong(good + ",'famlies':[]" + end).contains(u"Did you mean"));
        QVERIFY(wrong(start + "'board-id':'(','families':['0x1']" + end).contains(u"regular expression"));
        QVERIFY(wrong(start + "'board-id':'B','families':['RP2040']" + end).contains(u"must be an address"));
    }

    void tree()
    {
        const QTemporaryDir folder;
        KernelTree kernel(folder.path());
        const UsbTree tree(folder.path());
        QVERIFY(UsbTree::isTree(folder.path()));
        QVERIFY(tree.seats().isEmpty());
        kernel.add({u"1-2"_s, 1, 0x05e3, 0x608, u"Hub"_s, {}, {}, {}});
        kernel.add(stick(u"1-2.3"_s, u"sdb"_s));
        kernel.add(stick(u"1-2.3.1"_s, u"sdc"_s));
        kernel.mount(stick(u"1-2.3"_s, u"sdb"_s), u"/media/a b\\c"_s, true);
        const auto seat = tree.seat(u"1-2.3"_s);
        QVERIFY(seat);
        QCOMPARE(seat->drives.size(), 1); // not that of the device behind it
        QCOMPARE(seat->drives.first().node, u"/dev/sdb1"_s);
        QCOMPARE(seat->drives.first().mountedAt, u"/media/a b\\c"_s);
        QVERIFY(seat->drives.first().readOnly);
        QCOMPARE(seat->device.id(), u"2e8a:0003"_s);
        QCOMPARE(tree.seat(u"1-2.3.1"_s)->drives.first().mountedAt, QString());
        QVERIFY(tree.seat(u"1-2"_s)->drives.isEmpty());
        QVERIFY(!tree.seat(u"1-3"_s));
        QVERIFY(!tree.seat(u"../1-2"_s));
        QCOMPARE(tree.seatOfMount(u"/media/a b\\c"_s)->device.path, u"1-2.3"_s);
        kernel.unmount(u"/media/a b\\c"_s);
        QVERIFY(!tree.seatOfMount(u"/media/a b\\c"_s));
        kernel.remove(stick(u"1-2.3.1"_s, u"sdc"_s));
        QVERIFY(!tree.seat(u"1-2.3.1"_s));
    }

    void blocks()
    {
        const auto content = [](const QByteArray &file) { return Uf2File::parse(file).parts.first().segments; };
        const QByteArray bytes(700, 'a');
        const QByteArray plain = writeUf2({{0x2010, bytes}, {0x2400, "b"}}, {0x68ed2b88});
        QCOMPARE(plain.size(), 4 * 512);
        QCOMPARE(content(plain).size(), 2);
        QCOMPARE(content(plain).first().at, 0x2000ULL);
        QCOMPARE(content(plain).first().bytes, QByteArray(16, '\xff') + bytes + QByteArray(3 * 256 - 716, '\xff'));
        QCOMPARE(content(plain).last().bytes, "b" + QByteArray(255, '\xff'));
        // As an encoder that is not ours writes them.
        const QByteArray even(1024, 'q');
        QCOMPARE(writeUf2({{0x10000000, even}}, {0xe48bff56}), test::uf2File(even, 0x10000000, 0xe48bff56));
        QCOMPARE(writeUf2({{0x10000000, "x"}}, {0xe48bff56, 4096, '\0'}).size(), 16 * 512);
        const QByteArray rp2350 = writeUf2({{0x10000000, "x"}}, {0xe48bff59, 256, '\xff', 0x10ffff00});
        QCOMPARE(rp2350.size(), 2 * 512);
        QCOMPARE(Uf2File::parse(rp2350).parts.size(), 1); // the first one is known for what it is
        const auto refused = [](const QList<AddressedBytes> &pieces, quint32 unit = 256) {
            return sentence([&] { (void)writeUf2(pieces, {1, unit}); });
        };
        QVERIFY(refused({{0, "ab"}, {1, "c"}}).contains(u"two pieces"));
        QVERIFY(refused({{0xffffffff, "ab"}}).contains(u"last address"));
        QList<AddressedBytes> scattered;
        for (quint64 i = 0; i < 5000; ++i)
            scattered.append({i * 65536, "x"});
        QVERIFY(refused(scattered, 65536).contains(u"more than"));
    }

    // A file that the Pico SDK made comes out of our own writer as it is.
    void sample()
    {
        QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/uf2/rp2040.uf2"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray bytes = file.readAll();
        const Uf2File parsed = Uf2File::parse(bytes);
        QCOMPARE(writeUf2(parsed.parts.first().segments, {*parsed.parts.first().family}), bytes);
    }
};

SLIPWAY_TEST_MAIN(TestUf2Data)
#include "tst_uf2data.moc"
