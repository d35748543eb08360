// The line model: its arithmetic in given time, its plumbing over real ptys.
#include "core/base/fault.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/linepacing.h"
#include "tests/support/testmain.h"
#include "tests/unit/virtual/smptalk.h"

#include <QFileInfo>
#include <QTemporaryDir>

#include <sys/socket.h>

#include <thread>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {
constexpr qint64 ms = 1'000'000;
constexpr qint64 second = 1000 * ms;

struct Pair {
    int ends[2] = {-1, -1};
    Pair()
    {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
            qFatal("socketpair");
    }
};
} // namespace

class TestVirtualLine : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    // A busy line carries baud / 10 bytes in a second, whatever the moments at which it is looked at.
    void rate_data()
    {
        QTest::addColumn<int>("baud");
        for (const int baud : {9600, 115200, 460800, 921600, 1000000, 2000000, 123456, 3})
            QTest::addRow("%d", baud) << baud;
    }
    void rate()
    {
        QFETCH(int, baud);
        std::mt19937_64 random(5);
        UartPacer pacer(baud);
        const qint64 start = 12345678901;
        qint64 now = start, passed = 0;
        const qint64 end = start + 60 * second;
        while (now < end) {
            now = std::min<qint64>(end, now + 1 + static_cast<qint64>(random() % (3 * ms)));
            passed += pacer.crossed(now, 1 << 20, start);
            const qint64 exact = (now - start) / 1000 * baud / (10 * second / 1000);
            QVERIFY(std::abs(passed - exact) <= 1);
        }
        QCOMPARE(passed, qint64(60) * baud / 10);
    }

    void singleBytes()
    {
        UartPacer pacer(115200); // 86 805.6 ns
        QCOMPARE(pacer.nextAt(1000), 1000 + 86806);
        QCOMPARE(pacer.crossed(1000 + 86805, 1, 1000), 0);
        QCOMPARE(pacer.crossed(1000 + 86806, 1, 1000), 1);
        // The next one comes later: the wire was idle in between.
        QCOMPARE(pacer.crossed(10 * ms + 86805, 1, 10 * ms), 0);
        QCOMPARE(pacer.crossed(10 * ms + 86806, 1, 10 * ms), 1);
        // One that came while its predecessor was on the wire follows without a gap.
        QCOMPARE(pacer.crossed(10 * ms + 2 * 86806, 1, 10 * ms + 500), 1);
    }

    void nextIsNeverEarlyNorMissed()
    {
        std::mt19937_64 random(9);
        UartPacer pacer(921600);
        qint64 now = 0, waiting = 100000;
        const qint64 since = 0;
        for (int i = 0; i < 20000; ++i) {
            const qint64 at = pacer.nextAt(since);
            QVERIFY(at >= now);
            if (random() % 2)
                QCOMPARE(pacer.crossed(at - 1, waiting, since), 0);
            QCOMPARE(pacer.crossed(at, waiting, since), 1);
            now = at;
        }
    }

    // Looked at when it says, the last byte of each burst is over at its own moment, and nobody looks more than once a
    // millisecond before.
    void burstsEndOnTime_data()
    {
        QTest::addColumn<int>("baud");
        for (const int baud : {115200, 921600, 2000000})
            QTest::addRow("%d", baud) << baud;
    }
    void burstsEndOnTime()
    {
        QFETCH(int, baud);
        std::mt19937_64 random(17);
        UartPacer pacer(baud);
        const auto length = [baud](qint64 bytes) { return (bytes * 10 * second + baud - 1) / baud; };
        qint64 now = 77;
        for (int burst = 0; burst < 200; ++burst) {
            const qint64 began = now, size = 1 + static_cast<qint64>(random() % 5000);
            qint64 waiting = size, looks = 0;
            while (waiting > 0) {
                now = pacer.lookAt(now, waiting, began);
                const qint64 over = pacer.crossed(now, waiting, began);
                QVERIFY(over > 0);
                waiting -= over;
                ++looks;
            }
            QCOMPARE(now, began + length(size));
            QVERIFY(looks <= length(size) / ms + 2);
            now += 1 + static_cast<qint64>(random() % (5 * ms)); // the wire is idle
        }
    }

    void latency()
    {
        LatencyTimer timer(16 * ms, 62);
        QVERIFY(!timer.dueAt());
        timer.add(QByteArray(10, 'a'), 5 * ms);
        QCOMPARE(*timer.dueAt(), 21 * ms);
        QVERIFY(timer.take(20 * ms).isEmpty());
        timer.add(QByteArray(10, 'b'), 20 * ms); // does not postpone the first
        QCOMPARE(timer.take(21 * ms).size(), 20);
        timer.add(QByteArray(150, 'c'), 30 * ms); // two full packets at once, the rest waits
        QCOMPARE(timer.take(30 * ms).size(), 124);
        QVERIFY(timer.take(45 * ms).isEmpty());
        QCOMPARE(timer.take(46 * ms).size(), 26);
        QVERIFY(timer.isEmpty() && timer.take(100 * ms).isEmpty());
    }

    void noise()
    {
        LineNoise noise(0.01, 0.02, 3), same(0.01, 0.02, 3), none(0, 0, 3);
        QByteArray bytes(100000, '\0'), again = bytes, clean = bytes;
        qint64 dropped = 0, flipped = 0, d2 = 0, f2 = 0, d3 = 0, f3 = 0;
        noise.apply(bytes, dropped, flipped);
        same.apply(again, d2, f2);
        none.apply(clean, d3, f3);
        QCOMPARE(bytes, again); // reproducible
        QCOMPARE(clean, QByteArray(100000, '\0'));
        QCOMPARE(bytes.size(), 100000 - dropped);
        QCOMPARE(bytes.size() - bytes.count('\0'), flipped);
        QVERIFY(dropped > 900 && dropped < 1100);
        QVERIFY(flipped > 1850 && flipped < 2150);
        QVERIFY(d3 == 0 && f3 == 0);
    }

    void bothWays()
    {
        QTemporaryDir folder;
        Pair pair;
        LineOptions options;
        options.baud = 2000000;
        options.hostLink = folder.filePath(u"line0"_s);
        options.deviceFd = pair.ends[0];
        LineModel line(options);
        line.start();
        Port host(line.path()), device(pair.ends[1]);
        QVERIFY(host.isOpen());
        QByteArray bytes(20000, '\0');
        for (qsizetype i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<char>(i * 7 / 3);
        QByteArray got;
        std::jthread writer([&] { host.write(bytes); });
        got = device.read(bytes.size(), 20000);
        writer.join();
        QVERIFY(got == bytes);
        device.write(bytes.first(5000));
        QVERIFY(host.read(5000, 20000) == bytes.first(5000));
        const LineModel::Counters counters = line.counters();
        QCOMPARE(counters.toDevice, 20000);
        QCOMPARE(counters.toHost, 5000);
        QCOMPARE(counters.overrun, 0);
        // 20 000 bytes need 0.1 s on the wire; no clock can make that less.
        QVERIFY(*counters.lastToDevice - *counters.firstToDevice > std::chrono::milliseconds(95));
        line.stop();
        QVERIFY(!QFileInfo(options.hostLink).isSymLink());
        QVERIFY(host.atEnd(1000));
    }

    void hostIsHeldBack()
    {
        Pair pair;
        LineOptions options;
        options.baud = 9600;
        options.deviceFd = pair.ends[0];
        LineModel line(options);
        line.start();
        Port host(line.path()), device(pair.ends[1]);
        // A pty takes some 20 KB, the line 4 KB; a megabyte must not fit.
        qint64 taken = 0;
        const QByteArray block(4096, 'x');
        while (taken < 1 << 20) {
            const ssize_t wrote = ::write(host.fd(), block.constData(), static_cast<size_t>(block.size()));
            if (wrote <= 0)
                break;
            taken += wrote;
        }
        QVERIFY(taken < 64 * 1024);
    }

    void cut()
    {
        Pair pair;
        LineOptions options;
        options.baud = 2000000;
        options.cutAfter = 100;
        options.deviceFd = pair.ends[0];
        LineModel line(options);
        line.start();
        Port host(line.path()), device(pair.ends[1]);
        host.write(QByteArray(300, 'x'));
        QCOMPARE(device.read(300, 300).size(), 100);
        QVERIFY(line.counters().cut);
        device.write("nobody hears this");
        QVERIFY(host.read(1, 200).isEmpty());
        line.setCut(false);
        device.write("again");
        QVERIFY(host.read(5, 10000).endsWith("again"));
    }

    void hostMayCloseAndOpenAgain()
    {
        Pair pair;
        LineOptions options;
        options.deviceFd = pair.ends[0];
        LineModel line(options);
        line.start();
        Port device(pair.ends[1]);
        for (int i = 0; i < 3; ++i) {
            Port host(line.path());
            host.write("abc");
            QCOMPARE(device.read(3, 10000), QByteArray("abc"));
            device.write("xyz");
            QCOMPARE(host.read(3, 10000), QByteArray("xyz"));
        }
        device.write("lost"); // nobody has the port open
        QVERIFY(waitUntil([&] { return line.counters().overrun == 4; }));
    }

    // The device's port goes and comes back; the host's stays.
    void deviceReenumerates()
    {
        QTemporaryDir folder;
        VirtualSmpOptions board;
        board.ptyLink = folder.filePath(u"dut0"_s);
        board.reenumerate = true;
        board.rebootTime = std::chrono::milliseconds(30);
        VirtualSmp device(board);
        LineOptions options;
        options.devicePath = board.ptyLink;
        LineModel line(options);
        line.start(); // before there is a device
        QVERIFY(!line.counters().deviceOpen);
        device.start();
        QVERIFY(waitUntil([&] { return line.counters().deviceOpen; }));
        device.reboot();
        QVERIFY(waitUntil([&] { return device.facts().restarts == 1 && line.counters().deviceOpen; }));
    }

    // 24 lines in one thread, all busy both ways.
    void manyLines()
    {
        constexpr int count = 24, size = 2000;
        auto hub = std::make_shared<LineHub>();
        std::vector<std::unique_ptr<LineModel>> lines;
        std::vector<std::unique_ptr<Port>> hosts, devices;
        for (int i = 0; i < count; ++i) {
            Pair pair;
            LineOptions options;
            options.deviceFd = pair.ends[0];
            lines.push_back(std::make_unique<LineModel>(options, hub));
            lines.back()->start();
            hosts.push_back(std::make_unique<Port>(lines.back()->path()));
            devices.push_back(std::make_unique<Port>(pair.ends[1]));
            hosts.back()->write(QByteArray(size, static_cast<char>('a' + i)));
            devices.back()->write(QByteArray(size, static_cast<char>('A' + i)));
        }
        for (int i = 0; i < count; ++i) {
            QVERIFY(devices[i]->read(size, 20000) == QByteArray(size, static_cast<char>('a' + i)));
            QVERIFY(hosts[i]->read(size, 20000) == QByteArray(size, static_cast<char>('A' + i)));
        }
    }

    void badPlaces()
    {
        QTemporaryDir folder;
        const QString taken = folder.filePath(u"file"_s);
        QFile file(taken);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("precious");
        file.close();
        for (const QString &path : {taken, folder.filePath(u"no/such/folder/x"_s)}) {
            LineOptions options;
            options.hostLink = path;
            LineModel line(options);
            try {
                line.start();
                QFAIL("made a port there");
            } catch (const Fault &fault) {
                QVERIFY(fault.is("virtual.link"));
            }
        }
        QCOMPARE(QFileInfo(taken).size(), 8);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualLine)
#include "tst_virtualline.moc"
