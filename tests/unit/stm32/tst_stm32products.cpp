// quirks.json: the shipped table holds together, and a file with a mistake says where.

#include "core/base/fault.h"
#include "drivers/stm32/products.h"
#include "tests/support/testmain.h"

#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

QByteArray file(const QByteArray &families, const QByteArray &products, const QByteArray &boards = "{}")
{
    return R"({"slipway-quirks":1,"driver":"stm32","families":)" + families + R"(,"products":)" + products +
           R"(,"boards":)" + boards + "}";
}

const QByteArray family = R"({"F1":{"source":"s","signature":{"flash-size":"0x1FFFF7E0"}}})";

} // namespace

class TestStm32Products : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void shipped()
    {
        const Stm32Products all = Stm32Products::load();
        QVERIFY(all.products().size() >= 70);
        QSet<quint16> ids;
        QSet<QString> families;
        for (const Stm32Product &product : all.products()) {
            QVERIFY2(!ids.contains(product.id), qPrintable(product.name));
            ids << product.id;
            families << product.family;
            const auto pages = product.pages(product.mostFlash);
            QVERIFY2(!pages.isEmpty(), qPrintable(product.name));
            QCOMPARE(quint64(pages.last().at) + pages.last().size, Stm32Product::flashAt + quint64(product.mostFlash));
            QCOMPARE(pages.last().number, quint16(pages.size() - 1));
            QVERIFY2(!product.ram.size || product.ram.end() - 0x20000000 <= product.sram, qPrintable(product.name));
            QVERIFY2(product.signature.flashSize != 0, qPrintable(product.name));
            QVERIFY2(!product.source.isEmpty(), qPrintable(product.name));
            if (product.signature.block.size) {
                QVERIFY(product.signature.uniqueId >= product.signature.block.at);
                QVERIFY(product.signature.flashSize + 2 <= product.signature.block.end());
            }
        }
        const QSet<QString> wanted{u"C0"_s, u"F0"_s, u"F1"_s, u"F2"_s, u"F3"_s, u"F4"_s, u"F7"_s, u"G0"_s, u"G4"_s,
                                   u"H5"_s, u"H7"_s, u"L0"_s, u"L1"_s, u"L4"_s, u"L5"_s, u"U5"_s, u"WB"_s, u"WL"_s};
        QCOMPARE(families, wanted);
        QVERIFY(all.boardNames().contains(u"dtr-reset-rts-boot0"_s));
    }

    void layouts()
    {
        const Stm32Products all = Stm32Products::load();
        QCOMPARE(all.find(0x410).uniformPage(), 1024U);
        const auto sectors = all.find(0x413).pages(1024 * 1024); // RM0090: 4 x 16, 64, 7 x 128 KB
        QCOMPARE(sectors.size(), 12);
        QCOMPARE(sectors[4].size, 65536U);
        QCOMPARE(sectors[5].at, 0x08020000U);
        QCOMPARE(all.find(0x449).pages(1024 * 1024).size(), 8); // RM0385
        QCOMPARE(all.find(0x419).pages(2048 * 1024).size(), 24);
        QCOMPARE(all.find(0x419).pages(2048 * 1024)[12].size, 16384U);
        QVERIFY(!all.find(0x417).massErase);
        QCOMPARE(all.find(0x450).writeUnit, 32U);
        QCOMPARE(all.find(0x480).writeUnit, 16U);
        QCOMPARE(all.find(0x436).signature.sizeCodes.value(0), 384);
        QVERIFY(all.find(0x411).pages(100 * 1024).isEmpty()); // no such part
        QVERIFY(!all.find(0x410).writeProtection.mask.isEmpty());
        QVERIFY(all.find(0x431).writeProtection.mask.isEmpty());
    }

    void unknown()
    {
        const Stm32Products all = Stm32Products::load();
        try {
            all.find(0xabc);
            QFAIL("found");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("stm32.unknown-product"));
            QVERIFY(fault.sentence().contains(u"0xabc"));
        }
        try {
            all.board(u"dtr-reset-rts-boot1"_s);
            QFAIL("found");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("stm32.board-unknown"));
            QVERIFY(fault.sentence().contains(u"Did you mean \"dtr-reset-rts-boot0\"?"));
        }
    }

    void mistakes_data()
    {
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("where");
        const auto product = [](const QByteArray &more) {
            return file(family, R"({"0x410":{"name":"n","family":"F1",)" + more + "}}");
        };
        QTest::newRow("no json") << QByteArray("{") << u"line 1"_s;
        QTest::newRow("a list") << QByteArray("[]") << u"line 1"_s;
        QTest::newRow("version") << QByteArray(R"({"slipway-quirks":2,"driver":"stm32"})") << u"slipway-quirks"_s;
        QTest::newRow("driver") << QByteArray(R"({"slipway-quirks":1,"driver":"smp"})") << u"driver"_s;
        QTest::newRow("unknown member") << product(R"("flash":{"most-kib":1,"pages":[[0,1024]]},"rum":1)")
                                        << u"products.0x410.rum"_s;
        QTest::newRow("no flash") << product(R"("sram-kib":1)") << u"products.0x410.flash"_s;
        QTest::newRow("size") << product(R"("flash":{"most-kib":1e9,"pages":[[0,1024]]})")
                              << u"products.0x410.flash.most-kib"_s;
        QTest::newRow("page") << product(R"("flash":{"most-kib":1,"pages":[[0,1]]})")
                              << u"products.0x410.flash.pages"_s;
        QTest::newRow("endless in front")
            << product(R"("flash":{"most-kib":1,"pages":[[0,1024],[1,1024]]})") << u"products.0x410.flash.pages"_s;
        QTest::newRow("does not come to it")
            << product(R"("flash":{"most-kib":3,"pages":[[0,2048]]})") << u"products.0x410.flash.pages"_s;
        QTest::newRow("family") << file(family, R"({"0x410":{"name":"n","family":"F2"}})")
                                << u"products.0x410.family"_s;
        QTest::newRow("id") << file(family, R"({"410":{"name":"n","family":"F1"}})") << u"products.410"_s;
        QTest::newRow("address") << product(
                                        R"("ram":{"at":"20000000","size":4},"flash":{"most-kib":1,"pages":[[0,1024]]})")
                                 << u"products.0x410.ram.at"_s;
        QTest::newRow("past the end")
            << product(R"("ram":{"at":"0xFFFFFFFC","size":8},"flash":{"most-kib":1,"pages":[[0,1024]]})")
            << u"products.0x410.ram.size"_s;
        QTest::newRow("hold")
            << file(
                   family, "{}",
                   R"({"b":{"description":"d","source":"s","date":"d","enter":[{"dtr":true,"rts":true,"hold":"1h"}]}})")
            << u"boards.b.enter"_s;
        QTest::newRow("wires") << file(family, "{}",
                                       R"({"b":{"description":"d","source":"s","date":"d","enter":[{"hold":"1ms"}]}})")
                               << u"boards.b.enter"_s;
    }

    void mistakes()
    {
        QFETCH(QByteArray, json);
        QFETCH(QString, where);
        try {
            Stm32Products::parse(json, u"own.json"_s);
            QFAIL("taken");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("stm32.quirks"));
            QVERIFY2(fault.sentence().startsWith(u"own.json: "_s + where + u": "_s), qPrintable(fault.sentence()));
        }
    }

    // A station's own file comes first and leaves the rest alone.
    void own()
    {
        const QTemporaryDir folder;
        QFile out(folder.filePath(u"own.json"_s));
        QVERIFY(out.open(QIODevice::WriteOnly));
        out.write(file(family,
                       R"({"0x410":{"name":"clone","family":"F1","flash":{"most-kib":256,"pages":[[0,1024]]}}})",
                       R"({"jig":{"description":"d","source":"s","date":"2026-11-21","products":["0x410"],"baud":57600,
                          "enter":[{"dtr":true,"rts":false,"hold":"5ms"}]}})"));
        out.close();
        qputenv("SLIPWAY_STM32_QUIRKS", QFile::encodeName(out.fileName()));
        const Stm32Products all = Stm32Products::load();
        qunsetenv("SLIPWAY_STM32_QUIRKS");
        QCOMPARE(all.find(0x410).name, u"clone"_s);
        QCOMPARE(all.find(0x411).family, u"F2"_s);
        const Stm32Board &jig = all.board(u"jig"_s);
        QCOMPARE(jig.products, QList<quint16>{0x410});
        QCOMPARE(jig.enter.size(), 1);
        QVERIFY(jig.enter.first().dtr && !jig.enter.first().rts);
        QVERIFY(jig.enter.first().hold == std::chrono::milliseconds(5));
    }
};

SLIPWAY_TEST_MAIN(TestStm32Products)
#include "tst_stm32products.moc"
