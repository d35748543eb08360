// How many may transfer at once behind one USB controller or hub: limits, order, stops, and what a slot that dies
// leaves.

#include "core/base/fault.h"
#include "core/station/transfergate.h"
#include "tests/support/testmain.h"

#include <QDir>
#include <QTemporaryDir>

#include <atomic>
#include <thread>
#include <vector>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {
const UsbPlace first{u"0000:00:14.0"_s, u"2"_s}, beside{u"0000:00:14.0"_s, u"3"_s}, other{u"0000:02:00.0"_s, {}};
}

class TestTransferGate : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void places()
    {
        const QTemporaryDir folder;
        const QString sys = folder.path(), bus = sys + u"/devices/pci0000:00/0000:00:14.0/usb1"_s;
        const QString tty = bus + u"/1-2/1-2.3/1-2.3:1.0/ttyUSB0/tty/ttyUSB0"_s;
        QVERIFY(QDir().mkpath(tty) && QDir().mkpath(sys + u"/bus/usb/devices"_s) &&
                QDir().mkpath(sys + u"/class/tty"_s));
        QVERIFY(QFile::link(bus, sys + u"/bus/usb/devices/usb1"_s));
        const auto place = [&](const QString &port) {
            const auto found = usbPlaceOf(port, sys);
            return found ? found->controller + u' ' + found->hub : u"none"_s;
        };
        QCOMPARE(place(u"usb:1-2.3"_s), u"0000:00:14.0 2"_s);
        QCOMPARE(place(u"usb:1-2.3.4"_s), u"0000:00:14.0 2.3"_s);
        QCOMPARE(place(u"usb:1-2"_s), u"0000:00:14.0 "_s);
        QCOMPARE(place(u"usb:7-2"_s), u"usb7 "_s); // not there
        QCOMPARE(place(u"/dev/serial/by-path/pci-0000:00:14.0-usb-0:2.3:1.0-port0"_s), u"0000:00:14.0 2"_s);
        QCOMPARE(place(u"/dev/serial/by-path/pci-0000:00:14.0-usbv2-0:2:1.0"_s), u"0000:00:14.0 "_s);
        QCOMPARE(place(u"/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.4:1.0-port0?raw"_s),
                 u"0000:01:00.0 1"_s);
        for (const QString &port :
             {u"usb:0483:df11"_s, u"/dev/ttyS0"_s, u"/tmp/dut0"_s, u"udp:192.0.2.7:1337"_s, u"coap://[::1]"_s, u""_s})
            QCOMPARE(place(port), u"none"_s);
    }

    void limits()
    {
        TransferGate gate;
        const std::stop_token none;
        std::vector<TransferGate::Pass> held;
        for (int i = 0; i < 9; ++i) // no limits
            held.push_back(gate.enter(first, none, {}));
        QCOMPARE(gate.inside(), 0);
        gate.setLimits({2, 1});
        held.clear();
        held.push_back(gate.enter(first, none, {}));
        held.push_back(gate.enter(beside, none, {}));
        held.push_back(gate.enter(other, none, {}));
        held.push_back(gate.enter({}, none, {})); // not on USB
        QCOMPARE(gate.inside(), 3);
        std::stop_source source;
        for (const UsbPlace &full : {first, beside}) {
            QString told;
            const std::stop_source stop;
            QVERIFY_EXCEPTION_THROWN(gate.enter(full, stop.get_token(),
                                                [&](const QString &sentence) {
                                                    told = sentence;
                                                    std::stop_source(stop).request_stop();
                                                }),
                                     Fault);
            QVERIFY2(told.contains(u"0000:00:14.0"), qPrintable(told));
        }
        QCOMPARE(gate.queued(), 0);
        held.clear();
        QCOMPARE(gate.inside(), 0);
    }

    void inOrder()
    {
        TransferGate gate;
        gate.setLimits({1, 0});
        auto held = std::make_optional(gate.enter(first, {}, {}));
        std::mutex mutex;
        std::vector<int> order;
        std::vector<std::jthread> threads;
        for (int i = 0; i < 5; ++i) {
            threads.emplace_back([&, i] {
                const auto pass = gate.enter(i % 2 ? beside : first, {}, {});
                const std::lock_guard lock(mutex);
                order.push_back(i);
            });
            QTRY_COMPARE(gate.queued(), i + 1);
        }
        // Nobody waits for those of another controller.
        QVERIFY(gate.enter(other, {}, {}).holdsAny());
        held.reset();
        threads.clear();
        QCOMPARE(order, (std::vector<int>{0, 1, 2, 3, 4}));
    }

    // One that is stopped while it waits, and one that throws while it is at work, keep nothing.
    void leftBehind()
    {
        TransferGate gate;
        gate.setLimits({1, 1});
        auto held = std::make_optional(gate.enter(first, {}, {}));
        std::stop_source source;
        std::atomic<bool> stopped = false;
        std::jthread waits([&] {
            try {
                (void)gate.enter(first, source.get_token(), {});
            } catch (const Fault &fault) {
                stopped = fault.is("base.stopped");
            }
        });
        QTRY_COMPARE(gate.queued(), 1);
        std::atomic<bool> went = false;
        std::jthread behind([&] {
            try {
                const auto pass = gate.enter(beside, {}, {});
                went = true;
                throw 1;
            } catch (int) {
            }
        });
        QTRY_COMPARE(gate.queued(), 2);
        source.request_stop();
        waits.join();
        QVERIFY(stopped);
        QVERIFY(!went);
        held.reset();
        behind.join();
        QVERIFY(went);
        QCOMPARE(gate.inside(), 0);
    }

    // Many at once, controllers and hubs mixed: never more than the limits, and all get through.
    void many()
    {
        TransferGate gate;
        gate.setLimits({3, 2});
        std::array<std::atomic<int>, 3> inside{};
        std::atomic<int> most = 0, through = 0;
        std::vector<std::jthread> threads;
        for (int i = 0; i < 24; ++i)
            threads.emplace_back([&, i] {
                const UsbPlace place{i % 3 == 2 ? u"b"_s : u"a"_s, QString::number(i % 3)};
                for (int n = 0; n < 50; ++n) {
                    const auto pass = gate.enter(place, {}, {});
                    const int now = ++inside[size_t(i % 3)];
                    int seen = most;
                    while (now > seen && !most.compare_exchange_weak(seen, now)) {
                    }
                    std::this_thread::yield();
                    --inside[size_t(i % 3)];
                    ++through;
                }
            });
        threads.clear();
        QCOMPARE(through, 24 * 50);
        QVERIFY2(most <= 2, qPrintable(QString::number(most)));
        QCOMPARE(gate.inside(), 0);
        QCOMPARE(gate.queued(), 0);
    }
};

SLIPWAY_TEST_MAIN(TestTransferGate)
#include "tst_transfergate.moc"
