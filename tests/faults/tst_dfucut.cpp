// The cable is pulled at each stage of programming over USB DFU: the journal says how far it got, nothing is called
// irreversible or unknown, and the same unit goes through when it is plugged in again. The real slipway runs against a
// device on a made-up bus. The other wires are in tst_flashcut.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"
#include "tests/support/usbbed.h"

#include <QCryptographicHash>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

constexpr quint32 flash = 0x08000000;
constexpr qsizetype imageSize = 100'000; // five sectors, 49 blocks of 2048
const QString place = u"1-2.3"_s;
const QString serial = u"T1-00000001"_s;
using Stage = VirtualDfu::Stage;

QByteArray someBytes(qsizetype size)
{
    QByteArray out(size, '\0');
    quint32 x = 2654435761U;
    for (char &c : out) {
        x = x * 1664525U + 1013904223U;
        c = char(x >> 24);
    }
    return out;
}

} // namespace

class TestDfuCut : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_home;
    QByteArray m_image;

    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }
    QString intents() const
    {
        return query(u"SELECT group_concat(state) FROM (SELECT state FROM intent ORDER BY entry)"_s);
    }
    bool recipe(const QString &flashWords)
    {
        QFile image(m_home + u"/recipes/fw.bin"_s), recipe(m_home + u"/recipes/cut.yaml"_s);
        if (!image.open(QIODevice::WriteOnly) || image.write(m_image) != m_image.size() ||
            !recipe.open(QIODevice::WriteOnly))
            return false;
        const QByteArray sha = QCryptographicHash::hash(m_image, QCryptographicHash::Sha256).toHex();
        return recipe.write("slipway: 1\nname: Cut\ndevice: { driver: dfu }\nvariables:\n"
                            "  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\nsteps:\n"
                            "  - flash: { image: fw.bin, sha256: " +
                            sha + flashWords.toUtf8() + ", timeout: 20s }\n") > 0;
    }
    Ran run() const
    {
        return slipwayRun(
            {u"run"_s, u"cut"_s, u"--slot"_s, u"1=usb:"_s + place, u"--serial"_s, serial, u"--home"_s, m_home}, {},
            120);
    }
    // The first passage of the unit, and what the journal is to say of it.
    void cut(const QString &state, const QString &said)
    {
        const Ran ran = run();
        QVERIFY2(ran.status == 1 || ran.status == 3, qPrintable(ran.text()));
        QVERIFY2(!ran.err.contains("mistake of its own"), qPrintable(ran.text()));
        QCOMPARE(intents(), state);
        const QString sentence = query(u"SELECT sentence FROM intent ORDER BY entry DESC LIMIT 1"_s);
        QVERIFY2(sentence.contains(QRegularExpression(said)), qPrintable(sentence));
        QVERIFY(query(u"SELECT verdict FROM run"_s) != u"UNKNOWN");
        QCOMPARE(query(u"SELECT irreversible FROM run"_s), u"0"_s);
    }
    void again(UsbBed &bed, VirtualDfu &device, const QString &state)
    {
        QTRY_COMPARE(bed.addressOf(place), 0);
        bed.plug(device, place);
        const Ran whole = run();
        QVERIFY2(whole.status == 0, qPrintable(whole.text()));
        QCOMPARE(intents(), state + u",done"_s);
        const Ran verified = slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home});
        QVERIFY2(verified.status == 0, qPrintable(verified.text()));
        const Ran passport =
            slipwayRun({u"journal"_s, u"passport"_s, serial, u"--out"_s, m_folder->path(), u"--home"_s, m_home});
        QVERIFY2(passport.status == 0, qPrintable(passport.text()));
        QFile file(m_folder->filePath(serial + u".json"_s));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QJsonArray acts = QJsonDocument::fromJson(file.readAll()).object().value(u"acts"_s).toArray();
        QCOMPARE(acts.size(), 2);
        QCOMPARE(acts[0].toObject().value(u"state"_s).toString(), state);
        QVERIFY(!acts[0].toObject().value(u"sentence"_s).toString().isEmpty());
    }

private Q_SLOTS:
    void init()
    {
        QVERIFY2(UsbBed::isPreloaded(), "umockdev's preload library is not loaded");
        m_folder = std::make_unique<QTemporaryDir>();
        m_home = m_folder->filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
    }

    void dfuse_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<int>("nth");
        QTest::addColumn<QString>("state");
        QTest::addColumn<QString>("said");
        const QString erased = u"ended while memory was erased"_s;
        QTest::newRow("before anything") << int(Stage::Upload) << 1 << u"not-done"_s << u"ended before anything was"_s;
        QTest::newRow("first erase") << int(Stage::Erase) << 1 << u"partial"_s << erased;
        QTest::newRow("last erase") << int(Stage::Erase) << 5 << u"partial"_s << erased;
        QTest::newRow("erased, nothing written")
            << int(Stage::Write) << 1 << u"partial"_s << u"while it was written, at 0 \\S+ of "_s;
        QTest::newRow("half written") << int(Stage::Write) << 25 << u"partial"_s
                                      << u"while it was written, at [1-9][0-9.]* \\S+ of .* \\(0x0800[0-9a-f]{4}\\)"_s;
        QTest::newRow("last block") << int(Stage::Write) << 49 << u"partial"_s
                                    << u"while it was written, at [1-9][0-9.]* \\S+ of "_s;
        QTest::newRow("compared") << int(Stage::Upload) << 5 + 20 << u"partial"_s
                                  << u"after all of it was written, while it was compared"_s;
    }
    void dfuse()
    {
        QFETCH(int, stage);
        QFETCH(int, nth);
        QFETCH(QString, state);
        QFETCH(QString, said);
        m_image = someBytes(imageSize);
        QVERIFY(recipe(u", at: 0x08000000"_s));
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, place);
        device.setMemory(flash, QByteArray(2 * 64 * 1024, 'x')); // used before
        device.cutAt(Stage(stage), nth);
        cut(state, said);
        if (QTest::currentTestFailed())
            return;
        again(bed, device, state);
        QCOMPARE(device.memory(flash, m_image.size()), m_image);
    }

    // Some devices leave before they answer, so one that goes when it is told to start is done: all of it was compared.
    void leaving()
    {
        m_image = someBytes(20'000);
        QVERIFY(recipe(u", at: 0x08000000"_s));
        VirtualDfu device;
        UsbBed bed;
        bed.plug(device, place);
        device.cutAt(Stage::Leave);
        const Ran first = run();
        QVERIFY2(first.status == 0, qPrintable(first.text()));
        QCOMPARE(intents(), u"done"_s);
        QCOMPARE(device.memory(flash, m_image.size()), m_image);
    }

    void plain_data()
    {
        QTest::addColumn<int>("stage");
        QTest::addColumn<int>("nth");
        QTest::addColumn<QString>("said");
        QTest::newRow("half written") << int(Stage::Write) << 6 << u"while it was written, at [1-9][0-9.]* \\S+ of "_s;
        QTest::newRow("manifestation") << int(Stage::Manifest) << 1 << u"written"_s;
    }
    void plain()
    {
        QFETCH(int, stage);
        QFETCH(int, nth);
        QFETCH(QString, said);
        m_image = someBytes(20'000);
        QVERIFY(recipe(u", verify: false"_s)); // there is nothing to read back
        VirtualDfuOptions options;
        options.vendorId = 0x1209;
        options.dfuVersion = 0x0110;
        options.alternates = {u"Application"_s};
        VirtualDfu device(options);
        UsbBed bed;
        bed.plug(device, place);
        device.cutAt(Stage(stage), nth);
        cut(u"partial"_s, said);
        if (QTest::currentTestFailed())
            return;
        again(bed, device, u"partial"_s);
        QCOMPARE(device.image(0), m_image);
    }
};

SLIPWAY_TEST_MAIN(TestDfuCut)
#include "tst_dfucut.moc"
