// Frames of the boot loader against the bytes printed in AN3155, answers of every length, and how segments are cut.

#include "drivers/stm32/blockplan.h"
#include "drivers/stm32/stm32frames.h"
#include "tests/support/testmain.h"

#include <QtEndian>

using namespace slipway;
using namespace slipway::stm32;
using namespace Qt::StringLiterals;

namespace {

QByteArray hex(const char *text)
{
    return QByteArray::fromHex(text);
}

// A vector table as linkers make it.
QByteArray vectors(quint32 stack, quint32 entry)
{
    QByteArray out(64, '\0');
    qToLittleEndian(stack, out.data());
    for (int i = 1; i < 16; ++i)
        qToLittleEndian(entry + quint32(i), out.data() + 4 * i);
    for (int i = 1; i < 16; ++i)
        out[4 * i] = char(out[4 * i] | 1);
    return out;
}

} // namespace

class TestStm32Frames : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void frames()
    {
        QCOMPARE(commandFrame(Command::Get), hex("00ff"));
        QCOMPARE(commandFrame(Command::GetVersion), hex("01fe"));
        QCOMPARE(commandFrame(Command::GetId), hex("02fd"));
        QCOMPARE(commandFrame(Command::ReadMemory), hex("11ee"));
        QCOMPARE(commandFrame(Command::Go), hex("21de"));
        QCOMPARE(commandFrame(Command::WriteMemory), hex("31ce"));
        QCOMPARE(commandFrame(Command::Erase), hex("43bc"));
        QCOMPARE(commandFrame(Command::ExtendedErase), hex("44bb"));
        QCOMPARE(commandFrame(Command::WriteProtect), hex("639c"));
        QCOMPARE(commandFrame(Command::WriteUnprotect), hex("738c"));
        QCOMPARE(commandFrame(Command::ReadoutProtect), hex("827d"));
        QCOMPARE(commandFrame(Command::ReadoutUnprotect), hex("926d"));
        QCOMPARE(addressFrame(0x08000000), hex("0800000008"));
        QCOMPARE(addressFrame(0x1ffff7e0), hex("1ffff7e0f7"));
        QCOMPARE(readCountFrame(256), hex("ff00"));
        QCOMPARE(readCountFrame(1), hex("00ff"));
        QCOMPARE(writeFrame(hex("01020304")), hex("030102030407"));
        QCOMPARE(writeFrame(QByteArray(256, 'x')).size(), 258);
        QCOMPARE(eraseFrame({5}), hex("000505"));
        QCOMPARE(eraseFrame({1, 2}), hex("01010202"));
        QCOMPARE(eraseAllFrame(), hex("ff00"));
        QCOMPARE(extendedEraseFrame({0x0102}), hex("0000010203"));
        QCOMPARE(extendedEraseFrame({1, 2}), hex("00010001000202"));
        QCOMPARE(extendedEraseAllFrame(), hex("ffff00"));
    }

    void answers()
    {
        const auto loader = parseGet(hex("0b220001021121314363738292"
                                         "79"));
        QVERIFY(loader);
        QCOMPARE(int(loader->version), 0x22);
        QCOMPARE(loader->commands.size(), 11);
        QVERIFY(loader->knows(Command::Erase));
        QVERIFY(!loader->knows(Command::ExtendedErase));
        QCOMPARE(parseId(hex("01041079")).value_or(0), quint16(0x410));
        QCOMPARE(int(parseVersion(hex("22000079")).value().version), 0x22);
        // Cut, too long, without the closing ACK.
        QVERIFY(!parseGet({}));
        QVERIFY(!parseGet(hex("0b22")));
        QVERIFY(!parseGet(hex("0022")));
        QVERIFY(parseGet(hex("002279")));
        QVERIFY(!parseGet(hex("00221f")));
        QVERIFY(!parseId(hex("02041079")));
        QVERIFY(!parseId(hex("0104101f")));
        QVERIFY(!parseVersion(hex("220079")));
        QCOMPARE(answerSize(Command::Get, {}), 1);
        QCOMPARE(answerSize(Command::Get, hex("ff")), 258);
        QCOMPARE(answerSize(Command::GetVersion, {}), 4);
    }

    // No run of fillers completes a frame that the loader is at the beginning of, with none, one or two autobaud bytes
    // in front.
    void fillers()
    {
        for (int before = 0; before <= 2; ++before) {
            QByteArray run(before, autobaud);
            for (qsizetype i = 0; i < 70'000; ++i)
                run.append(filler(i));
            const auto sum = [&](qsizetype count) {
                char out = 0;
                for (qsizetype i = 0; i < count; ++i)
                    out = char(out ^ run[i]);
                return int(out);
            };
            QVERIFY(char(run[0] ^ run[1]) != char(0xff)); // command, count of Read
            QVERIFY(sum(5) != 0);                         // address
            QVERIFY(sum(quint8(run[0]) + 3) != 0);        // count and data
            const int pages = qFromBigEndian<quint16>(run.constData()) + 1;
            QVERIFY(pages <= 0xfff0);
            QVERIFY(sum(2 + 2 * pages + 1) != 0); // Extended Erase
            QVERIFY(run.size() > 2 + 2 * pages + 1);
        }
    }

    void blocks()
    {
        // Cut at multiples of 256, widened to write units, neighbours in one block together.
        const QList<MemorySegment> segments{{0x080000fe, QByteArray(4, 'a')}, {0x08000106, QByteArray(3, 'b')}};
        const auto plan = planBlocks(segments, 8);
        QCOMPARE(plan.size(), 2);
        QCOMPARE(plan[0].at, 0x080000f8U);
        QCOMPARE(plan[0].bytes, QByteArray(6, '\xff') + "aa");
        QCOMPARE(plan[0].payload, 2);
        QCOMPARE(plan[1].at, 0x08000100U);
        QCOMPARE(plan[1].bytes, QByteArray("aa") + QByteArray(4, '\xff') + "bbb" + QByteArray(7, '\xff'));
        QCOMPARE(plan[1].payload, 5);
        const auto whole = planBlocks({{0x08000000, QByteArray(1000, 'x')}}, 4);
        QCOMPARE(whole.size(), 4);
        QCOMPARE(whole[3].bytes.size(), 232);
        QVERIFY(Stm32Block({0, QByteArray(8, '\xff')}).isBlank());
        QVERIFY(!whole[0].isBlank());
        QVERIFY(planBlocks({}, 4).isEmpty());
    }

    void touched()
    {
        const QList<Stm32Page> pages{{0x08000000, 1024, 0}, {0x08000400, 1024, 1}, {0x08000800, 1024, 2}};
        const auto some = touchedPages(
            pages,
            {{0x08000000, QByteArray(4, 'x')}, {0x08000010, QByteArray(4, 'x')}, {0x080007ff, QByteArray(2, 'x')}});
        QCOMPARE(some.size(), 3);
        QCOMPARE(touchedPages(pages, {{0x08000400, QByteArray(1024, 'x')}}).size(), 1);
        QVERIFY(touchedPages(pages, {{0x20000200, QByteArray(4, 'x')}}).isEmpty());
    }

    void foreignImages()
    {
        Stm32Product product;
        product.sram = 20 * 1024;
        const auto misfits = [&](const QByteArray &image) {
            return !misfit(product, 64 * 1024, {{0x08000000, image}}).isEmpty();
        };
        QVERIFY(!misfits(vectors(0x20005000, 0x08000100)));
        QVERIFY(misfits(vectors(0x20020000, 0x08000100)));  // more RAM than there is
        QVERIFY(misfits(vectors(0x20005000, 0x08020000)));  // behind the flash
        QVERIFY(!misfits(vectors(0x20020001, 0x08000100))); // no vector table at all
        QVERIFY(!misfits(vectors(0x20020000, 0x00000100))); // linked at the alias
        QVERIFY(!misfits(vectors(0x20020000, 0x08000100).first(60)));
        QVERIFY(!misfits({}));
    }
};

SLIPWAY_TEST_MAIN(TestStm32Frames)
#include "tst_stm32frames.moc"
