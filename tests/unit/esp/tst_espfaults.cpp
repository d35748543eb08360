// Trouble at every stage: silence, damage, a chip that lies, a cable that is pulled. Each ends in one fault that says
// what to do, nothing hangs, and the same unit can be done again.

#include "core/base/fault.h"
#include "drivers/esp/espdriver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualesp.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QRandomGenerator>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

Task within(std::chrono::milliseconds span)
{
    Task task;
    task.deadline = Deadline::in(span);
    return task;
}

Task brief()
{
    return within(60s);
}

template <typename F> QString faultOf(F f)
{
    try {
        f();
    } catch (const Fault &fault) {
        if (fault.sentence().isEmpty() || fault.remedy().isEmpty())
            return u"says nothing: "_s + QString::fromLatin1(fault.code());
        return QString::fromLatin1(fault.code());
    }
    return {};
}

QByteArray random(qsizetype size, quint32 seed)
{
    QRandomGenerator generator(seed);
    QByteArray out(size, Qt::Uninitialized);
    for (char &c : out)
        c = char(generator.bounded(256));
    return out;
}

const QByteArray image = espImage({.chipId = 5, .payload = 100'000});

} // namespace

class TestEspFaults : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;

    std::unique_ptr<VirtualEsp> chip(const QStringList &faults = {}, EspRomOptions rom = {})
    {
        auto out = std::make_unique<VirtualEsp>(VirtualEspOptions{std::move(rom), m_folder.filePath(u"esp"_s), true});
        for (const QString &fault : faults)
            out->setFault(VirtualEspFault::parse(fault));
        out->start();
        return out;
    }
    std::unique_ptr<Device> open(const VirtualEsp &chip, int baud = 0)
    {
        return EspDriver().open({chip.path(), baud, {}}, brief());
    }
    void writesAndVerifies(const VirtualEsp &chip)
    {
        const auto device = open(chip);
        QVERIFY(device->memory()->write({{0x10000, image}}, {}, brief()).verified);
        QCOMPARE(chip.flash(0x10000, image.size()), image);
    }

private Q_SLOTS:
    void noLoader()
    {
        const auto silent = chip({u"silence"_s});
        QCOMPARE(faultOf([&] { open(*silent); }), u"esp.no-answer"_s);
        silent->clearFaults();
        writesAndVerifies(*silent);
        silent->setFault(VirtualEspFault::parse(u"application"_s));
        QCOMPARE(faultOf([&] { open(*silent); }), u"esp.application-runs"_s);
    }

    // What the line spoils is sent again; the chip ends up with the right bytes.
    void survives_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("noise between answers") << u"noise"_s;
        QTest::newRow("late answers") << u"late:delay=30ms,every=7"_s;
        QTest::newRow("blocks with a wrong checksum") << u"bad-checksum:every=5,times=2"_s;
        QTest::newRow("a block damaged unseen") << u"bad-block:after=2,every=1,times=1"_s;
        QTest::newRow("small blocks only") << u"small-blocks"_s;
        QTest::newRow("no other rate") << u"no-rate"_s;
    }
    void survives()
    {
        QFETCH(QString, fault);
        const auto virtualChip = chip({fault});
        const auto device = open(*virtualChip, 921600);
        // Deflates, so that unpacking notices what the checksum does not.
        const QByteArray soft = random(3000, 1).repeated(40) + random(30'000, 2) + QByteArray(20'000, 'x');
        QVERIFY(device->memory()->write({{0x20000, soft}}, {}, brief()).verified);
        QCOMPARE(virtualChip->flash(0x20000, soft.size()), soft);
    }

    void deafAtTheNewRate()
    {
        const auto virtualChip = chip({u"deaf-rate"_s});
        QStringList said;
        Task task = brief();
        task.log = [&](const QString &line) { said << line; };
        const auto device = EspDriver().open({virtualChip->path(), 921600, {}}, task);
        QVERIFY(said.join(u' ').contains(u"stayed at"_s));
        QVERIFY(device->memory()->write({{0x10000, image}}, {}, brief()).verified);
    }

    // Damage that only the comparison shows: incompressible data goes as it is.
    void badContent()
    {
        const auto damaged = chip({u"bad-block:after=2,every=1,times=1"_s});
        auto device = open(*damaged);
        const QByteArray hard = random(20'000, 3);
        QCOMPARE(faultOf([&] { device->memory()->write({{0x20000, hard}}, {}, brief()); }), u"memory.verify"_s);
        QVERIFY(device->memory()->write({{0x20000, hard}}, {}, brief()).verified); // once more
        QCOMPARE(damaged->flash(0x20000, hard.size()), hard);

        const auto broken = chip({u"bad-flash:after=0x10403"_s});
        QVERIFY(image[0x403] != 0);
        device = open(*broken);
        QCOMPARE(faultOf([&] { device->memory()->write({{0x10000, image}}, {}, brief()); }), u"memory.verify"_s);
        QVERIFY(!device->memory()->write({{0x10000, image}}, {false, false}, brief()).verified);
    }

    void lies()
    {
        // Answers that are longer than they should be.
        auto lying = chip({u"wrong-length"_s});
        QVERIFY(faultOf([&] { open(*lying); }).startsWith(u"esp.bad-reply"_s));
        // Four times as much flash memory as there is: what wraps round is noticed.
        EspRomOptions rom;
        rom.flashBytes = 1024 * 1024;
        rom.flashId = 0x1640c8;
        lying.reset();
        lying = chip({}, rom);
        auto device = open(*lying);
        QCOMPARE(device->memory()->regions(brief())[0].size, quint64(4 * 1024 * 1024));
        QCOMPARE(faultOf([&] {
                     device->memory()->write({{0x20000, random(4096, 1)}, {0x120000, random(4096, 2)}}, {}, brief());
                 }),
                 u"memory.verify"_s);
        // No flash memory, and one of a size that nobody knows.
        for (const auto &[id, code] :
             {std::pair(0xffffffu, u"esp.no-flash"_s), std::pair(0xee40c8u, u"esp.flash-size"_s)}) {
            rom.flashId = id;
            lying.reset();
            lying = chip({}, rom);
            QCOMPARE(faultOf([&] { open(*lying); }), code);
        }
    }

    void damagedAnswers()
    {
        const auto virtualChip = chip({u"corrupt:every=3"_s});
        // Now and then it gets through; never does it hang or take damage for an answer.
        for (int attempt = 0; attempt < 3; ++attempt) {
            const QString code = faultOf([&] {
                const auto device = EspDriver().open({virtualChip->path(), 0, {}}, within(5s));
                device->memory()->write({{0x20000, random(10'000, 1)}}, {}, within(5s));
            });
            QVERIFY2(code.isEmpty() || code.startsWith(u"esp."_s) || code == u"base.timeout"_s ||
                         code == u"memory.verify"_s,
                     qPrintable(code));
        }
        virtualChip->clearFaults();
        writesAndVerifies(*virtualChip);
    }

    // A lost answer: the chunk is begun anew. The task's own end is kept while waiting for it.
    void lostAnswer()
    {
        const auto virtualChip = chip();
        auto device = open(*virtualChip);
        virtualChip->setFault(VirtualEspFault::parse(u"lost:after=6,times=1"_s));
        QCOMPARE(faultOf([&] { device->memory()->write({{0x10000, image}}, {}, within(300ms)); }), u"base.timeout"_s);
        device.reset();
        writesAndVerifies(*virtualChip);
    }

    void pulled_data()
    {
        QTest::addColumn<int>("after");
        // A whole passage asks about 60 times; the cable goes at one request after the other.
        for (const int after : {0, 3, 10, 20, 25, 30, 33, 36, 40, 45, 50, 52})
            QTest::addRow("after %d requests", after) << after;
    }
    // The cable pulled before, during and after erasing, writing and comparing; put back, the unit is done again.
    void pulled()
    {
        QFETCH(int, after);
        const auto virtualChip = chip();
        virtualChip->setFault(VirtualEspFault::parse(u"disconnect:after=%1"_s.arg(after)));
        const QString code = faultOf([&] {
            const auto device = open(*virtualChip);
            device->memory()->write({{0x10000, image}}, {}, brief());
            device->memory()->read(0x10000, 2000, brief());
        });
        QCOMPARE(code, u"link.gone"_s);
        virtualChip->setConnected(true);
        writesAndVerifies(*virtualChip);
    }

    // The line breaks in the middle of a block, both ends still there: no answer, and it is mended.
    void lineBreaks()
    {
        const auto virtualChip = chip();
        LineOptions options;
        options.devicePath = virtualChip->path();
        options.hostLink = m_folder.filePath(u"line"_s);
        options.baud = 921600;
        LineModel line(options);
        line.start();
        {
            const auto device = EspDriver().open({line.path(), 0, {}}, brief());
            line.setCut(true);
            QCOMPARE(faultOf([&] { device->memory()->write({{0x10000, image}}, {}, within(2s)); }), u"base.timeout"_s);
            line.setCut(false);
        }
        // Half a packet is still in the chip.
        const auto device = EspDriver().open({line.path(), 0, {}}, brief());
        QVERIFY(device->memory()->write({{0x10000, image}}, {}, brief()).verified);
        QCOMPARE(virtualChip->flash(0x10000, image.size()), image);
    }

    // A line that loses bytes: nothing wrong is ever called right.
    void lossyLine()
    {
        const auto virtualChip = chip();
        LineOptions options;
        options.devicePath = virtualChip->path();
        options.hostLink = m_folder.filePath(u"line"_s);
        options.flip = 0.00002;
        LineModel line(options);
        line.start();
        bool verified = false;
        for (int attempt = 0; attempt < 6 && !verified; ++attempt) {
            try {
                const auto device = EspDriver().open({line.path(), 0, {}}, within(20s));
                verified = device->memory()->write({{0x10000, image}}, {}, within(20s)).verified;
            } catch (const Fault &fault) {
                const QString code = QString::fromLatin1(fault.code());
                QVERIFY2(code.startsWith(u"esp."_s) || code == u"base.timeout"_s || code == u"memory.verify"_s,
                         fault.what());
            }
        }
        QVERIFY(verified);
        QCOMPARE(virtualChip->flash(0x10000, image.size()), image);
    }

    void faultWords()
    {
        QCOMPARE(faultOf([] { VirtualEspFault::parse(u"silense"_s); }), u"virtual.fault"_s);
        QCOMPARE(faultOf([] { VirtualEspFault::parse(u"silence:aftr=3"_s); }), u"virtual.fault-option"_s);
        QCOMPARE(faultOf([] { VirtualEspFault::parse(u"late:delay=x"_s); }), u"virtual.fault-option"_s);
        EspRomOptions options;
        options.chip = u"esp33"_s;
        QCOMPARE(faultOf([&] { EspRom rom(options); }), u"virtual.chip"_s);
    }
};

SLIPWAY_TEST_MAIN(TestEspFaults)
#include "tst_espfaults.moc"
