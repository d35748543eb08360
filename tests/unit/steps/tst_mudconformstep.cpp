// mud-conform: from a capture and from an interface, what it records, what makes a unit fail and what a recipe may say.

#include "core/codec/capturefile.h"
#include "core/mud/mudauthor.h"
#include "core/steps/recipechecker.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString recording = QStringLiteral(SLIPWAY_TEST_DATA) + u"/capture/thermostat.pcap"_s;

// An interface on which a recording passes by; then nothing more, until the time is over.
class Replay final : public PacketSource
{
public:
    explicit Replay(quint64 lost) : m_capture(recording), m_lost(lost) {}
    bool next(CapturedPacket &packet, const Task &task) override { return m_capture.next(packet, task); }
    quint64 lost() const override { return m_lost; }

private:
    CaptureFile m_capture;
    quint64 m_lost;
};

class Context final : public FakeContext
{
public:
    using FakeContext::FakeContext;
    std::unique_ptr<PacketSource> listen(const QString &interface) override
    {
        heard << interface;
        return std::make_unique<Replay>(lost);
    }
    QStringList heard;
    quint64 lost = 0;
};

} // namespace

class TestMudConformStep : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;

    QString file(const QStringList &peers)
    {
        MudProduct product;
        product.mudUrl = u"https://mud.example/t1/1.4.json"_s;
        product.lastUpdate = QDateTime::fromSecsSinceEpoch(1'700'000'000, Qt::UTC);
        QList<MudPeer> list;
        for (const QString &peer : peers)
            list << MudPeer::parse(peer);
        const QString path = m_folder.filePath(u"t1.json"_s);
        QFile out(path);
        if (!out.open(QIODevice::WriteOnly) || out.write(authorMudFile(product, list).json) < 0)
            qFatal("cannot write");
        return path;
    }
    QStringList all() const
    {
        return {u"update.example tcp 443"_s, u"www.example tcp 80 v4"_s, u"mqtt.example udp 5683 v4"_s,
                u"local-networks icmp 8"_s, u"update.example icmp 8"_s};
    }
    static QString step(const QString &mud, const QString &rest)
    {
        return u"mud-conform: { file: \"%1\", device: \"02:00:00:00:00:01\", %2 }"_s.arg(mud, rest);
    }

private Q_SLOTS:
    void passes()
    {
        FakeDevice device;
        Context context(device);
        context.perform(stepFrom(step(file(all()), u"pcap: \"%1\", strict: true"_s.arg(recording))));
        QVERIFY2(context.lastSummary.contains(u"flows allowed"_s), qPrintable(context.lastSummary));
        QCOMPARE(context.measurements.size(), qsizetype(4));
        QCOMPARE(context.measurements[0].value, std::optional<double>(0));
        QVERIFY(context.measurements[0].verdict == Verdict::Pass);
        const auto *record = context.recorded(u"mud.conform"_s);
        QVERIFY(record);
        QCOMPARE(record->body.value(u"conforms"_s).toBool(), true);
        QVERIFY(context.facts.contains(u"mud-conforms"_s));
    }

    void fails()
    {
        FakeDevice device;
        Context context(device);
        const QStringList without = all().mid(1);
        QCOMPARE(context.codeOf(stepFrom(step(file(without), u"pcap: \"%1\""_s.arg(recording)))), u"mud.violations"_s);
        QVERIFY(context.measurements[0].verdict == Verdict::Fail);
        QVERIFY(context.recorded(u"mud.conform"_s)->body.value(u"findings"_s).toArray().size() > 0);
        // Rules that were not used count with `strict` only.
        const QStringList more = all() + QStringList{u"old.example tcp 80"_s};
        QCOMPARE(context.codeOf(stepFrom(step(file(more), u"pcap: \"%1\""_s.arg(recording)))), QString());
        QCOMPARE(context.codeOf(stepFrom(step(file(more), u"pcap: \"%1\", strict: true"_s.arg(recording)))),
                 u"mud.violations"_s);
    }

    void live()
    {
        FakeDevice device;
        Context context(device);
        context.perform(stepFrom(step(file(all()), u"interface: \"eth{slot}\", for: 5s, restart: true"_s)));
        QCOMPARE(context.heard, QStringList(u"eth1"_s));
        QVERIFY(device.order.contains(u"reset"_s));
        // What the station lost leaves a unit in doubt only where doubt counts.
        context.lost = 3;
        QCOMPARE(context.codeOf(stepFrom(step(file(all()), u"interface: eth7, for: 5s"_s))), QString());
        QCOMPARE(context.codeOf(stepFrom(step(file(all()), u"interface: eth7, for: 5s, strict: true"_s))),
                 u"mud.violations"_s);
    }

    // The station's own interface, unless the recipe names one.
    void interfaceOfTheStation()
    {
        FakeDevice device;
        Context context(device);
        const QString bare = step(file(all()), u"for: 5s"_s);
        QCOMPARE(context.codeOf(stepFrom(bare)), u"mud.no-interface"_s);
        context.stationInterface = u"dut{slot}"_s;
        QCOMPARE(context.codeOf(stepFrom(bare)), QString());
        QCOMPARE(context.codeOf(stepFrom(step(file(all()), u"interface: eth7, for: 5s"_s))), QString());
        QCOMPARE(context.heard, QStringList({u"dut1"_s, u"eth7"_s}));
    }

    void silence()
    {
        FakeDevice device;
        Context context(device);
        const QString other = step(file(all()), u"pcap: \"%1\""_s.arg(recording)).replace(u":01\""_s, u":02\""_s);
        QCOMPARE(context.codeOf(stepFrom(other)), u"mud.no-device-traffic"_s);
        QCOMPARE(context.codeOf(stepFrom(step(file(all()), u"pcap: /nowhere"_s))), u"file.unreadable"_s);
        FakeContext deaf(device); // a station that cannot listen
        QCOMPARE(deaf.codeOf(stepFrom(step(file(all()), u"interface: eth7"_s))), u"capture.none"_s);
    }

    void refused_data()
    {
        QTest::addColumn<QString>("rest");
        QTest::newRow("both") << u"pcap: a.pcap, interface: eth1"_s;
        QTest::newRow("restart of a capture") << u"pcap: a.pcap, restart: true"_s;
        QTest::newRow("controller") << u"interface: eth1, controllers: { \"urn:x\": nobody }"_s;
        QTest::newRow("network") << u"interface: eth1, local-networks: [here]"_s;
    }
    void refused()
    {
        QFETCH(QString, rest);
        const QString yaml = step(file(all()), rest);
        QVERIFY_EXCEPTION_THROWN(stepFrom(yaml), Fault);
    }
};

SLIPWAY_TEST_MAIN(TestMudConformStep)
#include "tst_mudconformstep.moc"
