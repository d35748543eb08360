// A station that limits how many places program at once behind one USB controller: three places of one run in a row,
// each passes, and a stop ends those that wait, too.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QRegularExpression>
#include <QTemporaryDir>

#include <csignal>
#include <vector>

using namespace slipway::test;
using namespace Qt::StringLiterals;

class TestLimits : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_home;
    std::vector<std::unique_ptr<Running>> m_devices;

    // Named as udev names ports by their place: three sockets of one controller.
    QString port(int place) const { return m_folder->filePath(u"pci-0000:00:14.0-usb-0:1.%1:1.0-port0"_s.arg(place)); }
    QStringList words() const
    {
        QStringList out{u"run"_s, m_home + u"/recipes/flash.yaml"_s, u"--training"_s, u"--home"_s, m_home};
        for (int place = 1; place <= 3; ++place)
            out << u"--slot"_s << u"%1=%2"_s.arg(place).arg(port(place)) << u"--serial"_s
                << u"T1-0000000%1"_s.arg(place);
        return out;
    }
    void plug(const QString &eraseTime)
    {
        m_devices.clear();
        for (int place = 1; place <= 3; ++place) {
            m_devices.push_back(
                std::make_unique<Running>(slipwayProgram(), QStringList{u"virtual"_s, u"smp"_s, u"--pty"_s, port(place),
                                                                        u"--erase-time"_s, eraseTime}));
            QVERIFY(m_devices.back()->waitForFile(port(place)));
        }
    }
    QString query(const QString &sql) const
    {
        return shell(u"sqlite3 '%1/journal.db' \"%2\""_s.arg(m_home, sql)).lastLine();
    }

private Q_SLOTS:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_home = m_folder->filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home}).status, 0);
        QFile recipe(m_home + u"/recipes/flash.yaml"_s);
        QVERIFY(recipe.open(QIODevice::WriteOnly));
        recipe.write("slipway: 1\nname: Flash\nversion: \"1\"\ndevice: { driver: smp, board: t1-rev-b, class: [M, C3, "
                     "F1, T1] }\n"
                     "variables:\n  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"
                     "steps:\n  - flash: { image: t1-1.4.2.signed.bin, signer: fw-signing.pem }\n");
        QFile station(m_home + u"/station.yaml"_s);
        QVERIFY(station.open(QIODevice::Append));
        station.write("limits: { per-controller: 1 }\n");
    }
    void cleanup() { m_devices.clear(); }

    void oneAfterTheOther()
    {
        plug(u"20ms"_s); // long enough to be in each other's way
        const Ran ran = slipwayRun(words());
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QCOMPARE(ran.lastLine(), u"3 passed, 0 failed"_s);
        // Two of three had to wait.
        QCOMPARE(query(u"SELECT count(*) FROM run WHERE verdict = 'PASS'"_s), u"3"_s);
        const Ran shown =
            slipwayRun({u"--json"_s, u"journal"_s, u"show"_s, u"--home"_s, m_home, u"--last"_s, u"200"_s});
        QVERIFY2(shown.status == 0, qPrintable(shown.text()));
        static const QRegularExpression waiting(
            u"Waiting: as many units as may be at work behind USB controller 0000:00:14.0"_s);
        QCOMPARE(QString::fromUtf8(shown.out).count(waiting), 2);
    }

    void stopped()
    {
        plug(u"500ms"_s);
        Running run(slipwayProgram(), words());
        QVERIFY(run.waitForText("Waiting: as many units"));
        run.signal(SIGINT);
        const Ran ran = run.finish();
        QVERIFY2(ran.status == 4, qPrintable(ran.text()));
        QCOMPARE(query(u"SELECT count(*) FROM run WHERE verdict = 'STOPPED'"_s), u"3"_s);
    }
};

SLIPWAY_TEST_MAIN(TestLimits)
#include "tst_limits.moc"
