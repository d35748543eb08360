// `slipway mud conform` and `slipway mud author` as a person and a script use them; on an interface too, where this
// computer lets a test make network namespaces.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/testmain.h"

#include <QFile>
#include <QTemporaryDir>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString data = QStringLiteral(SLIPWAY_TEST_DATA);
const QString trace = data + u"/capture/thermostat.pcap"_s;
const QString device = u"02:00:00:00:00:01"_s;

} // namespace

class TestMudTraffic : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    QString at(const QString &name) const { return m_folder.filePath(name); }

    Ran conform(const QString &file, const QStringList &rest = {})
    {
        return slipwayRun(QStringList{u"mud"_s, u"conform"_s, u"--file"_s, file, u"--pcap"_s, trace, u"--device"_s,
                                      device, u"--json"_s} +
                          rest);
    }

private Q_SLOTS:
    // From nothing to a file that fits, and back.
    void authorThenConform()
    {
        const QString file = at(u"t1.json"_s);
        const Ran made = slipwayRun({u"mud"_s, u"author"_s, u"--out"_s, file, u"--pcap"_s, trace, u"--device"_s, device,
                                     u"--systeminfo"_s, u"Thermostat T1"_s, u"--json"_s});
        QVERIFY2(made.status == 0, qPrintable(made.text()));
        QCOMPARE(made.objects().size(), qsizetype(1));
        const Ran checked = slipwayRun({u"mud"_s, u"check"_s, file});
        QVERIFY2(checked.status == 0, qPrintable(checked.text()));
        const Ran good = conform(file, {u"--strict"_s, u"--all"_s});
        QVERIFY2(good.status == 0, qPrintable(good.text()));
        QCOMPARE(good.objects().last().value(u"conforms"_s).toBool(), true);
        QCOMPARE(good.objects().last().value(u"violations"_s).toInt(), 0);
        QVERIFY(good.objects().size() > 5);

        const QString less = at(u"less.json"_s);
        const Ran peers =
            slipwayRun({u"mud"_s, u"author"_s, u"--out"_s, less, u"--mud-url"_s, u"https://mud.example/t1/1.4.json"_s,
                        u"--peer"_s, u"mqtt.example udp 5683"_s, u"--peer"_s, u"old.example tcp 80"_s});
        QVERIFY2(peers.status == 0, qPrintable(peers.text()));
        const Ran bad = conform(less);
        QCOMPARE(bad.status, 1);
        int flows = 0;
        int unused = 0;
        const auto objects = bad.objects();
        for (const QJsonObject &object : objects) {
            flows += object.value(u"kind"_s) == u"flow"_s;
            unused += object.value(u"kind"_s) == u"not-used"_s;
            if (object.value(u"kind"_s) == u"flow"_s) {
                for (const QString &key :
                     {u"peer"_s, u"protocol"_s, u"first"_s, u"last"_s, u"clause"_s, u"from-device"_s})
                    QVERIFY2(object.contains(key), qPrintable(key));
            }
        }
        QVERIFY2(flows >= 3, qPrintable(bad.text()));
        QVERIFY2(unused >= 4, qPrintable(bad.text()));

        const QString merged = at(u"merged.json"_s);
        const Ran more = slipwayRun({u"mud"_s, u"author"_s, u"--out"_s, merged, u"--merge"_s, less, u"--pcap"_s, trace,
                                     u"--device"_s, device, u"--tidy"_s});
        QVERIFY2(more.status == 0, qPrintable(more.text()));
        QCOMPARE(conform(merged, {u"--strict"_s}).status, 0);
    }

    void facts()
    {
        QFile facts(at(u"t1.yaml"_s));
        QVERIFY(facts.open(QIODevice::WriteOnly));
        facts.write("mud-url: https://mud.example/t1.json\nsysteminfo: Thermostat\ncache-validity: 24\n"
                    "peers:\n  - mqtt.example tcp 8883\n  - local-networks udp 5683 in\n");
        facts.close();
        const Ran good =
            slipwayRun({u"mud"_s, u"author"_s, u"--facts"_s, facts.fileName(), u"--out"_s, at(u"facts.json"_s)});
        QVERIFY2(good.status == 0, qPrintable(good.text()));
        QVERIFY(facts.open(QIODevice::WriteOnly));
        facts.write("mud-url: https://mud.example/t1.json\npeers:\n  - mqtt.example tcp 99999\n");
        facts.close();
        const Ran bad =
            slipwayRun({u"mud"_s, u"author"_s, u"--facts"_s, facts.fileName(), u"--out"_s, at(u"facts.json"_s)});
        QCOMPARE(bad.status, 2);
        QVERIFY2(bad.err.contains("t1.yaml:3:5"), qPrintable(bad.text()));
    }

    void strangers_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QByteArray>("says");
        const QString file = data + u"/mud/published/56-lightbulb.json"_s;
        const QStringList base{u"mud"_s, u"conform"_s, u"--file"_s, file};
        const QStringList who{u"--device"_s, device};
        QTest::newRow("no capture") << base + who << QByteArray("--pcap");
        QTest::newRow("no device") << base + QStringList{u"--pcap"_s, trace} << QByteArray("--device");
        QTest::newRow("missing file") << base + who + QStringList{u"--pcap"_s, u"/nowhere.pcap"_s}
                                      << QByteArray("/nowhere");
        QTest::newRow("a folder") << base + who + QStringList{u"--pcap"_s, u"/tmp"_s} << QByteArray("folder");
        QTest::newRow("no capture at all") << base + who + QStringList{u"--pcap"_s, file} << QByteArray("neither pcap");
        QTest::newRow("empty") << base + who + QStringList{u"--pcap"_s, u"/dev/null"_s} << QByteArray("empty");
        QTest::newRow("other device") << base + QStringList{u"--pcap"_s, trace, u"--device"_s, u"02:00:00:00:00:77"_s}
                                      << QByteArray("02:00:00:00:00:01");
        QTest::newRow("bad device") << base + QStringList{u"--pcap"_s, trace, u"--device"_s, u"thermostat"_s}
                                    << QByteArray("neither a MAC");
        QTest::newRow("bad controller") << base + who + QStringList{u"--pcap"_s, trace, u"--controller"_s, u"urn:x"_s}
                                        << QByteArray("urn:x");
        QTest::newRow("no interface") << base + who + QStringList{u"--interface"_s, u"nosuch0"_s}
                                      << QByteArray("nosuch0");
        QTest::newRow("bad time") << base + who + QStringList{u"--interface"_s, u"lo"_s, u"--for"_s, u"soon"_s}
                                  << QByteArray("soon");
    }
    void strangers()
    {
        QFETCH(QStringList, words);
        QFETCH(QByteArray, says);
        const Ran ran = slipwayRun(words);
        QCOMPARE(ran.status, 2);
        QVERIFY2(ran.err.contains(says), qPrintable(ran.text()));
        QVERIFY(ran.out.isEmpty());
    }

    void standardInput()
    {
        QFile capture(trace);
        QVERIFY(capture.open(QIODevice::ReadOnly));
        const QByteArray bytes = capture.readAll();
        const QString file = data + u"/mud/published/56-lightbulb.json"_s;
        const QStringList words{u"mud"_s, u"conform"_s,  u"--file"_s, file,       u"--pcap"_s,
                                u"-"_s,   u"--device"_s, device,      u"--json"_s};
        const Ran whole = slipwayRun(words, bytes);
        QCOMPARE(whole.status, 1);
        const Ran cut = slipwayRun(words, bytes.chopped(10));
        QCOMPARE(cut.status, 1);
        QVERIFY2(cut.err.contains("cut short"), qPrintable(cut.text()));
    }

    // A device in a network namespace that asks a port of the station over and over.
    void interface()
    {
        const QString file = at(u"live.json"_s);
        QCOMPARE(slipwayRun({u"mud"_s, u"author"_s, u"--out"_s, file, u"--mud-url"_s, u"https://mud.example/t1.json"_s,
                             u"--peer"_s, u"local-networks tcp 8080"_s})
                     .status,
                 0);
        if (shell(u"unshare -n ip link add sw0 type veth peer name dut0"_s).status != 0)
            QSKIP("this computer lets nobody make network namespaces here");
        QFile script(at(u"live.sh"_s));
        QVERIFY(script.open(QIODevice::WriteOnly));
        script.write(R"sh(set -e
ip link add sw0 type veth peer name dut0 address 02:00:00:00:00:01
ip link set sw0 up && ip addr add 192.168.7.1/24 dev sw0
unshare -n sh -c 'while ! ip link show dut0 >/dev/null 2>&1; do sleep 0.05; done
    ip addr add 192.168.7.55/24 dev dut0; ip link set dut0 up
    while :; do bash -c "exec 3<>/dev/tcp/192.168.7.1/$PORT" 2>/dev/null || sleep 0.1; done' &
child=$!
trap 'kill $child' EXIT
while [ "$(readlink /proc/$child/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link set dut0 netns $child
set +e
"$SLIPWAY" mud conform --file "$FILE" --interface sw0 --for 3s --device 02:00:00:00:00:01 --json
)sh");
        script.close();
        for (const auto &[port, status] : {std::pair{u"8080"_s, 0}, std::pair{u"8081"_s, 1}}) {
            const Ran ran =
                shell(u"FILE='%1' PORT=%2 unshare -n sh '%3'"_s.arg(file, port, script.fileName()), m_folder.path());
            QVERIFY2(ran.status == status, qPrintable(ran.text()));
            const auto objects = ran.objects();
            const QJsonObject last = objects.last();
            QVERIFY(last.value(u"device-packets"_s).toInt() > 3);
            QCOMPARE(last.value(u"violations"_s).toInt(), status);
            QCOMPARE(last.value(u"lost"_s).toInt(), 0);
        }
    }
};

SLIPWAY_TEST_MAIN(TestMudTraffic)
#include "tst_mudtraffic.moc"
