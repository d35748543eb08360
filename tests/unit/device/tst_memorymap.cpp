// Segments and regions: joining, overlap, and what does not fit.

#include "core/base/fault.h"
#include "core/device/memorymap.h"
#include "tests/support/testmain.h"

#include <limits>

using namespace slipway;

namespace {

QString codeOf(const std::function<void()> &act)
{
    try {
        act();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return {};
}

MemorySegment segment(quint64 at, qsizetype size, char fill = 'x')
{
    return {at, QByteArray(size, fill)};
}

} // namespace

class TestMemoryMap : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void joinsAndSorts()
    {
        const auto out =
            tidy({segment(0x2000, 4, 'c'), segment(0x1000, 2, 'a'), segment(0x1002, 2, 'b'), segment(5, 0)});
        QCOMPARE(out.size(), 2);
        QCOMPARE(out[0], (MemorySegment{0x1000, "aabb"}));
        QCOMPARE(out[1].at, quint64(0x2000));
    }

    void refusesOverlap()
    {
        QCOMPARE(codeOf([] { tidy({segment(0x1000, 16), segment(0x100f, 1)}); }), QStringLiteral("memory.overlap"));
        QVERIFY(codeOf([] { tidy({segment(0x1000, 16), segment(0x1010, 1)}); }).isEmpty());
    }

    void refusesTheEndOfTheWorld()
    {
        const quint64 last = std::numeric_limits<quint64>::max();
        QCOMPARE(codeOf([&] { tidy({segment(last, 2)}); }), QStringLiteral("memory.outside"));
    }

    void fitsRegions()
    {
        const QList<MemoryRegion> regions{{QStringLiteral("a"), 0x1000, 0x100, 16},
                                          {QStringLiteral("b"), 0x1100, 0x100, 16},
                                          {QStringLiteral("rom"), 0x4000, 0x100, 0, true, false}};
        QVERIFY(codeOf([&] { checkAgainst(regions, {segment(0x10f0, 0x20)}); }).isEmpty()); // across two that touch
        QCOMPARE(codeOf([&] { checkAgainst(regions, {segment(0x11ff, 2)}); }), QStringLiteral("memory.outside"));
        QCOMPARE(codeOf([&] { checkAgainst(regions, {segment(0xfff, 2)}); }), QStringLiteral("memory.outside"));
        QCOMPARE(codeOf([&] { checkAgainst(regions, {segment(0x4000, 2)}); }), QStringLiteral("memory.read-only"));
    }
};

SLIPWAY_TEST_MAIN(TestMemoryMap)
#include "tst_memorymap.moc"
