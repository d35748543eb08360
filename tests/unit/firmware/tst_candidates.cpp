// Which firmware is the one for a device, and the sentence for each of the others.

#include "core/base/files.h"
#include "core/firmware/candidates.h"
#include "core/firmware/removable.h"
#include "tests/support/elffiles.h"
#include "tests/support/espfiles.h"
#include "tests/support/testmain.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray data(const QString &name)
{
    QFile file(u"" SLIPWAY_TEST_DATA "/"_s + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

FirmwareWish wishFor(const QString &product)
{
    FirmwareWish wish;
    wish.product = product;
    return wish;
}

} // namespace

class TestCandidates : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void newestThatHolds()
    {
        FirmwareWish wish = wishFor(u"t1"_s);
        wish.running = u"1.4.1+3"_s;
        wish.signer = data(u"mcuboot/p256.pub.pem"_s);
        FirmwareSearch search(wish);
        QDir folder(u"" SLIPWAY_TEST_DATA "/mcuboot"_s);
        const QStringList names = folder.entryList(QDir::Files, QDir::Name);
        for (const QString &name : names)
            search.add(name, u"folder"_s, data(u"mcuboot/"_s + name));
        QMap<QString, FirmwareCandidate> found;
        int chosen = 0;
        for (const FirmwareCandidate &candidate : search.choose()) {
            found.insert(candidate.name, candidate);
            chosen += candidate.chosen;
            QVERIFY2(candidate.why.endsWith(u'.'), qPrintable(candidate.why));
        }
        QCOMPARE(chosen, 1);
        const auto why = [&](const char *name) { return found.value(QLatin1String(name)).why; };
        QVERIFY2(why("t1-truncated.bin").contains(u"cut short"), qPrintable(why("t1-truncated.bin")));
        QVERIFY2(why("t1-flipped-bit.bin").contains(u"damaged"), qPrintable(why("t1-flipped-bit.bin")));
        QVERIFY2(why("t1-1.4.2-other-key.bin").contains(u"another key"), qPrintable(why("t1-1.4.2-other-key.bin")));
        QVERIFY2(why("t1-1.4.2-ed25519.bin").contains(u"signed with Ed25519"), qPrintable(why("t1-1.4.2-ed25519.bin")));
        QVERIFY2(why("README.md").contains(u"no firmware"), qPrintable(why("README.md")));
        QVERIFY2(why("p256.pub.pem").contains(u"no firmware"), qPrintable(why("p256.pub.pem")));
        QVERIFY2(why("t1-1.4.1-p256-older.bin").contains(u"runs already"), qPrintable(why("t1-1.4.1-p256-older.bin")));
        const auto newest = std::find_if(found.begin(), found.end(), [](const auto &one) { return one.chosen; });
        QVERIFY(newest->signatureHolds);
        QVERIFY2(newest->why.contains(u"its signature holds"), qPrintable(newest->why));
        QCOMPARE(newest->toJson()[u"chosen"_s].toBool(), true);
    }

    void productAndChip()
    {
        FirmwareWish wish = wishFor(u"boat"_s);
        wish.chip = u"ESP32-C3"_s;
        FirmwareSearch search(wish);
        search.add(u"x.bin"_s, u"a"_s, espImage({.chipId = 5, .version = "1.0.0", .project = "boat"}));
        search.add(u"boat.bin"_s, u"a"_s, espImage({.chipId = 5, .version = "1.1.0", .project = "ship"}));
        search.add(u"boat-c3.bin"_s, u"a"_s, espImage({.chipId = 9, .version = "1.2.0", .project = "boat"}));
        search.add(u"other.bin"_s, u"a"_s, "\x01\x02\x03");
        search.add(u"boats-2.0.bin"_s, u"a"_s, "\x01\x02\x04");
        const auto found = search.choose();
        QVERIFY2(found[0].chosen, qPrintable(found[0].why));
        QVERIFY2(found[1].why.contains(u"for product ship, not boat"), qPrintable(found[1].why));
        QVERIFY2(found[2].why.contains(u"not ESP32-C3"), qPrintable(found[2].why));
        QVERIFY2(found[3].why.contains(u"Nothing says"), qPrintable(found[3].why));
        QVERIFY2(found[4].why.contains(u"Nothing says"), qPrintable(found[4].why));
    }

    void recordsCountMoreThanNames()
    {
        FirmwareSearch search(wishFor(u"boat"_s));
        search.add(u"boat-1.0.0.hex"_s, u"vault"_s, data(u"formats/a.hex"_s), FirmwareRecord{u"ship"_s, {}});
        search.add(u"release.s19"_s, u"vault"_s, data(u"formats/b.s19"_s), FirmwareRecord{u"boat"_s, u"2.0"_s});
        const auto found = search.choose();
        QVERIFY(!found[0].chosen);
        QVERIFY(found[1].chosen);
        QCOMPARE(found[1].version, u"2.0"_s);
    }

    void twoOfOneVersion()
    {
        FirmwareSearch search(wishFor(u"boat"_s));
        search.add(u"boat-1.0.bin"_s, u"a"_s, "\x01\x02");
        search.add(u"boat-1.0.bin"_s, u"b"_s, "\x01\x02");
        search.add(u"boat-1.0-test.bin"_s, u"c"_s, "\x01\x03");
        search.add(u"boat-0.9.bin"_s, u"d"_s, "\x01\x04");
        const auto found = search.choose();
        for (const FirmwareCandidate &candidate : found)
            QVERIFY2(!candidate.chosen, qPrintable(candidate.why));
        QVERIFY2(found[1].why.contains(u"same file"), qPrintable(found[1].why));
        QVERIFY2(found[2].why.contains(u"name the one you mean"), qPrintable(found[2].why));
        QVERIFY2(found[3].why.contains(u"older"), qPrintable(found[3].why));
    }

    void rest()
    {
        FirmwareWish wish = wishFor(u"boat"_s);
        wish.running = u"1.0"_s;
        wish.formats = {u"intel-hex"_s, u"raw"_s};
        FirmwareSearch search(wish);
        search.add(u"boat-0.9.hex"_s, u"a"_s, data(u"formats/a.hex"_s));
        search.add(u"boat-2.0.s19"_s, u"a"_s, data(u"formats/b.s19"_s));
        search.add(u"boat.bin"_s, u"a"_s, "\x01");
        search.reject(u"boat-3.0.bin"_s, u"far"_s, u"The server answers 404."_s);
        const auto found = search.choose();
        QVERIFY2(found[0].why.contains(u"older than the 1.0"), qPrintable(found[0].why));
        QVERIFY2(found[1].why.contains(u"intel-hex or raw"), qPrintable(found[1].why));
        QVERIFY2(found[2].why.contains(u"Nobody knows"), qPrintable(found[2].why));
        QVERIFY2(found[3].why.contains(u"404"), qPrintable(found[3].why));
        wish.signer = data(u"mcuboot/p256.pub.pem"_s);
        FirmwareSearch strict(wish);
        strict.add(u"boat-2.0.hex"_s, u"a"_s, data(u"formats/a.hex"_s));
        const QString why = strict.choose()[0].why;
        QVERIFY2(why.contains(u"carries no signature"), qPrintable(why));
    }

    void versions_data()
    {
        QTest::addColumn<QString>("a");
        QTest::addColumn<QString>("b");
        QTest::addColumn<int>("order"); // 9: cannot be compared
        QTest::newRow("less") << u"1.4.2"_s << u"1.10"_s << -1;
        QTest::newRow("equal") << u"v1.4"_s << u"1.4.0"_s << 0;
        QTest::newRow("build") << u"1.4.2+7"_s << u"1.4.2"_s << 1;
        QTest::newRow("preview") << u"2.0-rc1"_s << u"2.0"_s << -1;
        QTest::newRow("previews") << u"2.0-rc1"_s << u"2.0-rc2"_s << -1;
        QTest::newRow("words") << u"newest"_s << u"1.0"_s << 9;
        QTest::newRow("huge") << u"99999999999999999999"_s << u"1.0"_s << 9;
        QTest::newRow("empty") << QString() << u"1.0"_s << 9;
    }
    void versions()
    {
        QFETCH(QString, a);
        QFETCH(QString, b);
        QFETCH(int, order);
        QCOMPARE(compareVersions(a, b).value_or(9), order);
        QCOMPARE(compareVersions(b, a).value_or(-9), -order);
    }

    void namesWithVersions()
    {
        QCOMPARE(versionInName(u"t1-1.4.2-p256.bin"_s), u"1.4.2"_s);
        QCOMPARE(versionInName(u"boat_v2.0.hex"_s), u"2.0"_s);
        QCOMPARE(versionInName(u"boat.s19"_s), QString());
        QCOMPARE(versionInName(u"esp32c3.bin"_s), QString());
    }

    void removableVolumes()
    {
        QTemporaryDir sys;
        const auto device = [&](const QString &place, const QString &name, const char *removable) {
            QDir().mkpath(sys.filePath(place));
            QDir().mkpath(sys.filePath(u"class/block"_s));
            writeFile(sys.filePath(place.section(u'/', 0, -2) + u"/removable"_s), removable);
            QFile::link(sys.filePath(place), sys.filePath(u"class/block/"_s + name));
        };
        device(u"devices/pci0/ata1/block/sda/sda1"_s, u"sda1"_s, "0\n");
        device(u"devices/pci0/usb1/1-2/block/sdb/sdb1"_s, u"sdb1"_s, "0\n"); // a fixed disk in a USB case
        device(u"devices/mmc0/block/mmcblk0/mmcblk0p1"_s, u"mmcblk0p1"_s, "1\n");
        QVERIFY(!isRemovable(u"sda1"_s, sys.path()));
        QVERIFY(isRemovable(u"sdb1"_s, sys.path()));
        QVERIFY(isRemovable(u"mmcblk0p1"_s, sys.path()));
        QVERIFY(!isRemovable(u"none"_s, sys.path()));
    }
};

SLIPWAY_TEST_MAIN(TestCandidates)
#include "tst_candidates.moc"
