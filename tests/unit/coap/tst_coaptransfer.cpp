// Bodies there and back over the client, against the virtual device: blocks of all sizes, separate answers, losses, and
// devices that lie, forget, fall silent or restart.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "drivers/coap/coapdiscovery.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/virtual/virtualcoap.h"
#include "tests/support/testmain.h"

#include <QRandomGenerator>

#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

QByteArray randomBytes(qsizetype size, quint32 seed = 7)
{
    QByteArray out(size, '\0');
    QRandomGenerator random(seed);
    for (char &c : out)
        c = char(random.generate());
    return out;
}

CoapClient::Options to(const VirtualCoap &device)
{
    CoapClient::Options options;
    options.address = CoapAddress::parse(device.path());
    return options;
}

CoapRequest get(const QString &path)
{
    CoapRequest request;
    request.path = path;
    return request;
}

CoapRequest put(const QString &path, const QByteArray &body, int format = coap::OctetStream)
{
    CoapRequest request;
    request.method = coap::Put;
    request.path = path;
    request.format = format;
    request.payload = body;
    return request;
}

CoapTransfer upTo(qsizetype limit, const QString &what = u"do it"_s)
{
    CoapTransfer how;
    how.limit = limit;
    how.what = what;
    return how;
}

template <typename Function> QString codeOf(Function function)
{
    try {
        function();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"nothing"_s;
}

VirtualCoapFault fault(const QString &text)
{
    return VirtualCoapFault::parse(text);
}

} // namespace

class TestCoapTransfer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bodiesOfAllSizes_data()
    {
        QTest::addColumn<int>("clientBlock");
        QTest::addColumn<int>("deviceBlock");
        QTest::addColumn<bool>("refuses");
        QTest::addColumn<bool>("separate");
        QTest::newRow("1024") << 1024 << 1024 << false << false;
        QTest::newRow("device asks for 64") << 1024 << 64 << false << false;
        QTest::newRow("device refuses above 128") << 1024 << 128 << true << false;
        QTest::newRow("client wants 32") << 32 << 1024 << false << false;
        QTest::newRow("16 both") << 16 << 16 << false << false;
        QTest::newRow("separate answers") << 256 << 256 << false << true;
    }

    void bodiesOfAllSizes()
    {
        QFETCH(int, clientBlock);
        QFETCH(int, deviceBlock);
        VirtualCoapOptions options;
        options.block = deviceBlock;
        options.refuseLarger = QTest::currentDataTag() == QByteArray("device refuses above 128");
        QFETCH(bool, separate);
        options.separate = separate;
        VirtualCoap device(options);
        device.start();
        CoapClient::Options how = to(device);
        how.block = clientBlock;
        CoapClient client(how);
        for (const qsizetype size : {0, 1, 15, 16, 17, 63, 64, 65, 128, 1023, 1024, 1025, 2048, 5000}) {
            const QByteArray body = randomBytes(size);
            Progress progress;
            Task task;
            task.progress = &progress;
            const CoapReply stored = demand(client, put(u"/files/a b/c"_s, body), upTo(100), task);
            QVERIFY(stored.ok());
            QCOMPARE(device.file(u"a b/c"_s), body);
            if (size > clientBlock)
                QCOMPARE(progress.snapshot().done, size);
            const CoapReply back = demand(client, get(u"/files/a%20b/c"_s), upTo(5000), {});
            QCOMPARE(back.payload, body);
            QCOMPARE(back.format.value_or(-1), int(coap::OctetStream));
        }
        QCOMPARE(device.facts().malformed, 0);
    }

    void theLimitHolds()
    {
        VirtualCoap device;
        device.start();
        CoapClient client(to(device));
        demand(client, put(u"/files/x"_s, randomBytes(3000)), upTo(100), {});
        QCOMPARE(codeOf([&] { demand(client, get(u"/files/x"_s), upTo(2999), {}); }), u"coap.endless"_s);
        QCOMPARE(demand(client, get(u"/files/x"_s), upTo(3000), {}).payload.size(), 3000);
        QCOMPARE(codeOf([&] { demand(client, put(u"/files/x"_s, randomBytes(300'000)), upTo(100), {}); }),
                 u"coap.too-large"_s);
    }

    void lyingDevice_data()
    {
        QTest::addColumn<QString>("trouble");
        QTest::addColumn<QString>("code");
        QTest::newRow("etag") << u"etag-changes"_s << u"coap.changing"_s;
        QTest::newRow("endless") << u"endless"_s << u"coap.endless"_s;
        QTest::newRow("size") << u"size-lies"_s << u"coap.bad-blocks"_s;
        QTest::newRow("large") << u"large-blocks"_s << u"coap.bad-blocks"_s;
        QTest::newRow("number") << u"wrong-block"_s << u"coap.bad-blocks"_s;
        QTest::newRow("error") << u"server-error"_s << u"device.refused"_s;
    }

    void lyingDevice()
    {
        QFETCH(QString, trouble);
        QFETCH(QString, code);
        VirtualCoap device;
        device.start();
        CoapClient client(to(device));
        const QByteArray body = randomBytes(5000);
        demand(client, put(u"/files/x"_s, body), upTo(100), {});
        device.setFault(fault(trouble));
        QCOMPARE(codeOf([&] { demand(client, get(u"/files/x"_s), upTo(100'000), {}); }), code);
        // The same client goes on once the trouble is over.
        device.clearFaults();
        QCOMPARE(demand(client, get(u"/files/x"_s), upTo(100'000), {}).payload, body);
    }

    void diagnosticText()
    {
        VirtualCoap device;
        device.start();
        device.setFault(fault(u"refuse"_s));
        CoapClient client(to(device));
        try {
            demand(client, put(u"/cfg/interval"_s, "5", coap::Text), upTo(100, u"write the setting interval"_s), {});
            QFAIL("it was not refused");
        } catch (const Fault &refused) {
            QCOMPARE(refused.sentence(),
                     u"The device refused to write the setting interval: 4.03 (forbidden): settings "
                     u"are locked."_s);
        }
        QCOMPARE(codeOf([&] { demand(client, get(u"/nowhere"_s), upTo(100), {}); }), u"device.lacks"_s);
    }

    void lossesAreMadeGood()
    {
        VirtualCoap device;
        device.start();
        device.setFault(fault(u"lost:every=3"_s));
        CoapClient client(to(device));
        const QByteArray body = randomBytes(4000);
        demand(client, put(u"/files/x"_s, body), upTo(100), {});
        QCOMPARE(device.file(u"x"_s), body);
        QCOMPARE(device.facts().repetitions, 1); // asked again, carried out once
        device.clearFaults();
        device.setFault(fault(u"duplicate"_s));
        QCOMPARE(demand(client, get(u"/files/x"_s), upTo(5000), {}).payload, body);
    }

    void busyDeviceIsWaitedFor()
    {
        VirtualCoap device;
        device.start();
        device.setFault(fault(u"busy:every=2"_s));
        CoapClient client(to(device));
        QVERIFY(demand(client, get(u"/id/board"_s), upTo(100), {}).ok());
        QVERIFY(demand(client, get(u"/id/board"_s), upTo(100), {}).ok());
        QCOMPARE(device.facts().requests, 3);
    }

    void restartInTheMiddle()
    {
        VirtualCoap device;
        device.start();
        device.setFault(fault(u"reboot-at:after=3000"_s));
        CoapClient client(to(device));
        const QByteArray body = randomBytes(8000);
        Progress progress;
        Task task;
        task.progress = &progress;
        QStringList log;
        task.log = [&](const QString &line) { log << line; };
        demand(client, put(u"/files/x"_s, body), upTo(100), task);
        QCOMPARE(device.file(u"x"_s), body);
        QCOMPARE(device.facts().restarts, 1);
        QCOMPARE(log.size(), 1);
        QCOMPARE(progress.snapshot().done, 8000);
    }

    void silence()
    {
        VirtualCoap device;
        device.start();
        CoapClient::Options how = to(device);
        how.answer = 300ms;
        CoapClient client(how);
        device.setFault(fault(u"silence:after=2"_s));
        QCOMPARE(codeOf([&] { demand(client, put(u"/files/x"_s, randomBytes(9000)), upTo(10), {}); }),
                 u"coap.no-answer"_s);
        QCOMPARE(device.file(u"x"_s), QByteArray());
        Task task;
        task.deadline = Deadline::in(100ms);
        QCOMPARE(codeOf([&] { demand(client, get(u"/id/board"_s), upTo(10), task); }), u"base.timeout"_s);
        device.clearFaults();
        QCOMPARE(demand(client, get(u"/id/board"_s), upTo(100), {}).payload, "t1-coap"); // the same client goes on
    }

    void lateAnswersAreNotTakenForOthers()
    {
        VirtualCoap device;
        device.start();
        CoapClient::Options how = to(device);
        how.answer = 60ms;
        CoapClient client(how);
        device.setFault(fault(u"late:delay=150ms"_s));
        QCOMPARE(codeOf([&] { demand(client, get(u"/id/hwid"_s), upTo(100), {}); }), u"coap.no-answer"_s);
        device.clearFaults();
        for (int i = 0; i < 20; ++i)
            QCOMPARE(demand(client, get(u"/id/board"_s), upTo(100), {}).payload, "t1-coap");
    }

    void closedPort()
    {
        CoapClient::Options how;
        {
            VirtualCoap device;
            device.start();
            how = to(device);
        } // gone, and its port with it
        how.retransmits = 1;
        how.answer = 500ms;
        CoapClient client(how);
        QCOMPARE(codeOf([&] { demand(client, get(u"/id/board"_s), upTo(100), {}); }), u"coap.port-closed"_s);
    }

    void stopEndsTheWait()
    {
        VirtualCoap device;
        device.start();
        device.setFault(fault(u"silence"_s));
        CoapClient client(to(device));
        std::stop_source source;
        Task task;
        task.stop = source.get_token();
        const auto begin = std::chrono::steady_clock::now();
        std::jthread stopper([&] {
            while (device.facts().requests == 0)
                std::this_thread::yield();
            source.request_stop();
        });
        QCOMPARE(codeOf([&] { demand(client, get(u"/id/board"_s), upTo(100), task); }), u"base.stopped"_s);
        QVERIFY(std::chrono::steady_clock::now() - begin < 30s); // and not after the last retransmission
        QCOMPARE(codeOf([&] { demand(client, get(u"/id/board"_s), upTo(100), task); }), u"base.stopped"_s);
    }

    void stateIsWaitedFor_data()
    {
        QTest::addColumn<bool>("observes");
        QTest::newRow("observed") << true;
        QTest::newRow("asked again") << false;
    }

    void stateIsWaitedFor()
    {
        QFETCH(bool, observes);
        VirtualCoapOptions options;
        options.observes = observes;
        options.think = 300ms;
        VirtualCoap device(options);
        device.start();
        CoapClient client(to(device));
        demand(client, put(u"/fw/image"_s, randomBytes(100)), upTo(100), {});
        const qint64 before = device.facts().requests;
        const CoapReply state =
            waitFor(client, get(u"/fw/status"_s),
                    [](const CoapReply &reply) { return reply.payload.startsWith("failed"); }, u"The check"_s, {});
        QVERIFY(state.payload.startsWith("failed: "));
        if (observes)
            QCOMPARE(device.facts().requests - before, 2); // the subscription and its end
        QCOMPARE(device.facts().observers, 0);
        Task task;
        task.deadline = Deadline::in(100ms);
        QCOMPARE(codeOf([&] {
                     waitFor(
                         client, get(u"/fw/status"_s), [](const CoapReply &) { return false; }, u"The check"_s, task);
                 }),
                 u"base.timeout"_s);
    }

    void manyAtOnce()
    {
        constexpr int slots = 8;
        std::vector<std::jthread> threads;
        std::atomic<int> good{0};
        for (int i = 0; i < slots; ++i) {
            threads.emplace_back([&good, i] {
                VirtualCoap device;
                device.start();
                CoapClient client(to(device));
                const QByteArray body = randomBytes(50'000, quint32(i));
                demand(client, put(u"/files/x"_s, body), upTo(100), {});
                if (demand(client, get(u"/files/x"_s), upTo(100'000), {}).payload == body)
                    ++good;
            });
        }
        threads.clear();
        QCOMPARE(good.load(), slots);
    }

    void neighbours()
    {
        VirtualCoapOptions options;
        options.multicast = u"224.0.1.187"_s; // lo has no IPv6 multicast
        VirtualCoap device(options);
        device.start();
        const auto found = discoverCoap({u"lo"_s}, 700ms, {}, device.port());
        QCOMPARE(found.size(), 1);
        QCOMPARE(found[0].port, u"coap://127.0.0.1:%1"_s.arg(device.port()));
        QVERIFY(found[0].links.find(u"/fw/image"_s));
        QVERIFY(discoverCoap({u"lo"_s}, 50ms, {}, 9).isEmpty());
    }
};

SLIPWAY_TEST_MAIN(TestCoapTransfer)
#include "tst_coaptransfer.moc"
