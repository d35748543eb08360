// What is refused before anything is written or erased, and the data that chips and boards are described with.

#include "core/base/fault.h"
#include "drivers/esp/espcheck.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

constexpr quint32 tableAt = 0x8000;

template <typename F> QString faultOf(F f)
{
    try {
        f();
    } catch (const Fault &fault) {
        // Filled in, and worded for a person.
        if (fault.sentence().contains(u'%') || (!fault.sentence().endsWith(u'.') && !fault.sentence().endsWith(u'?')))
            return u"badly worded: "_s + fault.sentence();
        return QString::fromLatin1(fault.code());
    }
    return {};
}

QByteArray boot(quint16 chip = 5, int flashCode = 2)
{
    return espImage({.chipId = chip, .version = {}, .flashSizeCode = flashCode});
}

QByteArray app(quint16 chip = 5, quint32 secureVersion = 0)
{
    return espImage({.chipId = chip, .version = "1.4.2", .secureVersion = secureVersion});
}

const QList<EspPartition> usual{{u"nvs"_s, 1, 2, 0x9000, 0x6000, false, false},
                                {u"factory"_s, 0, 0, 0x10000, 0x4000, false, false},
                                {u"ota_0"_s, 0, 0x10, 0x20000, 0x10000, false, false}};

} // namespace

class TestEspCheck : public QObject
{
    Q_OBJECT

    EspQuirks m_quirks = EspQuirks::load();

    EspChipState chip(const QString &name = u"esp32c3"_s) const
    {
        EspChipState state;
        state.chip = m_quirks.byName(name);
        state.revision = 3;
        state.flashBytes = 4 * 1024 * 1024;
        return state;
    }
    QString check(const EspChipState &state, const QList<MemorySegment> &segments,
                  const std::optional<EspPartitions> &present = {}) const
    {
        return faultOf([&] { esp::checkWrite(state, tableAt, segments, present); });
    }

private Q_SLOTS:
    void good()
    {
        QCOMPARE(check(chip(), {{0, boot()}, {0x8000, espPartitions(usual)}, {0x10000, app()}}), QString());
        QCOMPARE(check(chip(u"esp32"_s), {{0x1000, boot(0)}, {0x10000, app(0)}}), QString());
        QCOMPARE(check(chip(), {{0x9000, QByteArray(0x6000, 'x')}}, EspPartitions::parse(espPartitions(usual))),
                 QString());
        // One file of all, as merged for the line.
        QByteArray merged = boot();
        merged.append(0x8000 - merged.size(), '\xff');
        merged += espPartitions(usual);
        merged.append(0x10000 - merged.size(), '\xff');
        merged += app();
        QCOMPARE(check(chip(), {{0, merged}}), QString());
        // The same for a chip that starts from 0x1000, from 0 on.
        QByteArray old = QByteArray(0x1000, '\xff') + boot(0);
        QCOMPARE(check(chip(u"esp32"_s), {{0, old}}), QString());
    }

    void outsideAndOverlap()
    {
        QCOMPARE(check(chip(), {{0x3ff000, QByteArray(0x1001, 'x')}}), u"memory.outside"_s);
        QCOMPARE(check(chip(), {{0x10000, app()}, {0x10800, QByteArray(16, 'x')}}), u"memory.overlap"_s);
        const auto table = EspPartitions::parse(espPartitions(usual));
        QCOMPARE(check(chip(), {{0x9000, QByteArray(0x7001, 'x')}}, table), u"esp.partition-size"_s);
        const QByteArray large = espImage({.chipId = 5, .payload = 0x5000});
        QCOMPARE(check(chip(), {{0x10000, large}}, table), u"esp.partition-size"_s);
        QCOMPARE(check(chip(), {{0x8000, espPartitions(usual)}, {0x10000, large}}), u"esp.partition-size"_s);
        QCOMPARE(check(chip(), {{0xf000, QByteArray(0x1001, 'x')}}, table), u"esp.partition-gap"_s);
        QCOMPARE(check(chip(), {{0xf000, QByteArray(0x1000, 'x')}}, table), QString());
        // More flash memory than the ROM reaches.
        EspChipState large32 = chip();
        large32.flashBytes = 32 * 1024 * 1024;
        QCOMPARE(check(large32, {{0xfffff0, QByteArray(32, 'x')}}), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { esp::checkErase(large32, 0x1000000, 0x1000); }), u"memory.outside"_s);
        // Over the table: a boot loader that is too long, a file in the wrong place.
        QCOMPARE(check(chip(), {{0, espImage({.chipId = 5, .version = {}, .payload = 0x8000})}}),
                 u"esp.partition-table"_s);
        QCOMPARE(check(chip(), {{0x8000, QByteArray(64, 'x')}}), u"esp.partition-table"_s);
        QCOMPARE(check(chip(), {{0x8400, QByteArray(64, 'x')}}), u"esp.partition-table"_s);
        QCOMPARE(check(chip(), {{0x8000, app()}}), u"esp.partition-table"_s);
    }

    void tableDoesNotFit()
    {
        QList<EspPartition> rows = usual;
        rows << EspPartition{u"data"_s, 1, 0x82, 0x300000, 0x200000, false, false};
        QCOMPARE(check(chip(), {{0x8000, espPartitions(rows)}}), u"esp.partition-flash"_s);
        rows = {{u"early"_s, 1, 2, 0x8000, 0x1000, false, false}};
        QCOMPARE(check(chip(), {{0x8000, espPartitions(rows)}}), u"esp.partition-table"_s);
        QByteArray damaged = espPartitions(usual);
        damaged[8] = '\x33';
        QCOMPARE(check(chip(), {{0x8000, damaged}}), u"codec.esp-partitions"_s);
    }

    void wrongImages()
    {
        QCOMPARE(check(chip(), {{0x10000, app(9)}}), u"esp.image-chip"_s);
        QCOMPARE(check(chip(), {{0, boot(0)}}), u"esp.image-chip"_s);
        QCOMPARE(check(chip(), {{0, app()}}), u"esp.image-place"_s);
        QCOMPARE(check(chip(), {{0x1000, boot()}}), u"esp.image-place"_s);
        QCOMPARE(check(chip(u"esp32"_s), {{0, boot(0)}}), u"esp.image-place"_s);
        QCOMPARE(check(chip(), {{0, QByteArray(1000, 'x')}}), u"esp.image-place"_s);
        QCOMPARE(check(chip(), {{0x8000, espPartitions(usual)}, {0x10000, boot()}}), u"esp.image-place"_s);
        QCOMPARE(check(chip(), {{0, boot(5, 4)}}), u"esp.image-flash"_s);
        QByteArray damaged = app();
        damaged[1000] = char(damaged[1000] ^ 1);
        QCOMPARE(check(chip(), {{0x10000, damaged}}), u"codec.esp-checksum"_s);
        damaged = app();
        damaged[damaged.size() - 1] = char(damaged[damaged.size() - 1] ^ 1);
        QCOMPARE(check(chip(), {{0x10000, damaged}}), u"codec.esp-digest"_s);
        QCOMPARE(check(chip(), {{0x10000, app().chopped(40)}}), u"codec.esp-image"_s);
        QCOMPARE(check(chip(), {{0x10000, espImage({.chipId = 5, .minimumRevision = 4})}}), u"esp.image-revision"_s);
        QCOMPARE(check(chip(), {{0x10000, espImage({.chipId = 5, .minimumRevision = 1, .maximumRevision = 2})}}),
                 u"esp.image-revision"_s);
        QCOMPARE(check(chip(), {{0x10000, espImage({.chipId = 5, .minimumRevision = 3, .maximumRevision = 99})}}),
                 QString());
    }

    void secureBoot()
    {
        EspChipState state = chip();
        state.secureBoot = true;
        QCOMPARE(check(state, {{0x10000, app()}}), u"esp.unsigned"_s);
        QCOMPARE(check(state, {{0, boot()}}), u"esp.unsigned"_s);
        QCOMPARE(check(state, {{0x10000, espSigned(app())}}), QString());
        state.bootDigests = {espKeyDigest('\x55')};
        QCOMPARE(check(state, {{0x10000, espSigned(app())}}), u"esp.other-key"_s);
        state.bootDigests << espKeyDigest();
        QCOMPARE(check(state, {{0x10000, espSigned(app())}}), QString());
        QCOMPARE(check(state, {{0x9000, QByteArray(64, 'x')}}), QString());
        QCOMPARE(faultOf([&] { esp::checkErase(state, 0, 0x1000); }), u"esp.erase-locked"_s);
        QCOMPARE(faultOf([&] { esp::checkErase(state, 0x10000, 0x1000); }), QString());

        state = chip(u"esp32"_s);
        state.secureBootV1 = true;
        QCOMPARE(check(state, {{0x1000, boot(0)}}), u"esp.boot-loader-locked"_s);
        QCOMPARE(check(state, {{0x7ffc, QByteArray(4, 'x')}}), u"esp.boot-loader-locked"_s);
        QCOMPARE(check(state, {{0x10000, app(0)}}), u"esp.unsigned"_s);
        QCOMPARE(faultOf([&] { esp::checkErase(state, 0x7fff, 1); }), u"esp.erase-locked"_s);

        state = chip();
        state.secureVersion = 3;
        QCOMPARE(check(state, {{0x10000, app(5, 2)}}), u"esp.rollback"_s);
        QCOMPARE(check(state, {{0x10000, app(5, 3)}}), QString());
    }

    void flashEncryption()
    {
        EspChipState state = chip();
        state.flashEncryption = true;
        QCOMPARE(check(state, {{0, boot()}}), u"esp.boot-loader-locked"_s);
        QCOMPARE(check(state, {{0x10000, app()}}), u"esp.plain-text"_s);
        QCOMPARE(check(state, {{0x8000, espPartitions(usual)}}), u"esp.plain-text"_s);
        QCOMPARE(check(state, {{0x20000, QByteArray(4096, 'x')}}), QString());
        QCOMPARE(faultOf([&] { esp::checkErase(state, 0x10000, 0x1000); }), u"esp.erase-locked"_s);
    }

    void erase()
    {
        QCOMPARE(faultOf([&] { esp::checkErase(chip(), 0x3ff000, 0x1000); }), QString());
        QCOMPARE(faultOf([&] { esp::checkErase(chip(), 0x3ff000, 0x1001); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { esp::checkErase(chip(), 0xfffffffffffffff0, 0x100); }), u"memory.outside"_s);
        QCOMPARE(faultOf([&] { esp::checkErase(chip(), 0, 0); }), u"memory.outside"_s);
    }

    void flashSizes()
    {
        QCOMPARE(esp::flashBytesOf(0x1640c8), 4 * 1024 * 1024);
        QCOMPARE(esp::flashBytesOf(0x1840ef), 16 * 1024 * 1024);
        QCOMPARE(esp::flashBytesOf(0x2040ef), 64 * 1024 * 1024);
        QCOMPARE(esp::flashBytesOf(0x3660c8), 4 * 1024 * 1024);
        QCOMPARE(esp::flashBytesOf(0x0040c8), 0);
        QCOMPARE(esp::flashBytesOf(0xff40c8), 0);
    }

    void quirks()
    {
        QCOMPARE(m_quirks.chips().size(), 6);
        QCOMPARE(m_quirks.byImageId(13)->title, u"ESP32-C6"_s);
        QVERIFY(m_quirks.adapter(u"303a"_s, u"1001"_s)->native);
        QVERIFY(!m_quirks.adapter(u"dead"_s, u"beef"_s));
        QVERIFY(!m_quirks.sequence(u"transistors"_s).isEmpty());
        QCOMPARE(faultOf([&] { m_quirks.find(u"esp32-devkit"_s); }), u"esp.board-unknown"_s);
        const auto wrong = [](const QByteArray &json) {
            return faultOf([&] { EspQuirks::parse(json, u"own.json"_s); });
        };
        const QByteArray head = R"({"slipway-quirks":1,"driver":"esp","boards":)";
        QCOMPARE(wrong(head + R"({"x":{"description":"d","source":"s","date":"2026","chip":"esp32"}}})"), QString());
        QCOMPARE(wrong(head + R"({"x":{"description":"d","source":"s","date":"2026"}}})"), u"esp.quirks"_s);
        QCOMPARE(wrong(head + R"({"x":{"description":"d","source":"s","date":"2026","chip":"esp32","falsh":1}}})"),
                 u"esp.quirks"_s);
        QCOMPARE(wrong(head + R"({"x":{"description":"d","source":"s","date":"2026","chip":"c","baud":-1}}})"),
                 u"esp.quirks"_s);
        QCOMPARE(wrong("{"), u"esp.quirks"_s);
        QCOMPARE(wrong("[]"), u"esp.quirks"_s);
        QCOMPARE(wrong(R"({"slipway-quirks":2,"driver":"esp","boards":{}})"), u"esp.quirks"_s);
    }
};

SLIPWAY_TEST_MAIN(TestEspCheck)
#include "tst_espcheck.moc"
