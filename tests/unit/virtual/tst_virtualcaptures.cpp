// What real servers answered, recorded byte for byte, against what the virtual device answers to the same requests.
// Only what cannot be the same is replaced before comparing: image hashes, the build date, a counter of seconds.
#include "core/codec/consoleframing.h"
#include "drivers/virtual/bootimage.h"
#include "tests/support/testmain.h"
#include "tests/unit/virtual/smptalk.h"

#include <QRegularExpression>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

struct Exchange {
    QString name;
    QByteArray request, answer;
};

QList<Exchange> readExchanges(const QString &file)
{
    QList<Exchange> all;
    for (const QString &block : QString::fromUtf8(testData(file)).split(u"\n\n"_s, Qt::SkipEmptyParts)) {
        Exchange exchange;
        for (const QString &line : block.split(u'\n')) {
            if (line.startsWith(u"# "))
                exchange.name = line.mid(2);
            else if (line.startsWith(u"> "))
                exchange.request = QByteArray::fromHex(line.mid(2).toLatin1());
            else if (line.startsWith(u"< "))
                exchange.answer = QByteArray::fromHex(line.mid(2).toLatin1());
        }
        if (!exchange.request.isEmpty())
            all.append(exchange);
    }
    return all;
}

// The images of the recorded servers, by version.
const QByteArray hash100 = QByteArray::fromHex("3f6c042901cf1c4e76db2d4f0001c046d13f371506cdc80df76c7d7310192c23");
const QByteArray hash201 = QByteArray::fromHex("773b93e8a64da8ba285a026f0ce13631b47fa7771292b14a6eaf300ef1e125de");

VirtualSmpOptions nativeSim(int bufferSize, int bufferCount)
{
    VirtualSmpOptions options;
    options.bufferSize = bufferSize;
    options.bufferCount = bufferCount;
    options.board = u"native_sim_64"_s;
    options.machine = u"posix"_s;
    options.processor = u"unknown"_s;
    options.extendedGroups = false;
    options.imageCheck = false;
    options.mounts = {u"/lfs1"_s};
    options.settingRoots = {};
    options.slot0 = BootImage::make({1, 0, 0, 0}, 1000, 7);
    return options;
}

} // namespace

class TestVirtualCaptures : public QObject
{
    Q_OBJECT
    int m_compared = 0;

    // Compares every exchange but those named; returns how many.
    void replay(VirtualSmp &device, const QString &file, const QStringList &skip = {})
    {
        const QByteArray own100 = BootImage::parse(BootImage::make({1, 0, 0, 0}, 1000, 7)).hash;
        const QByteArray own201 = BootImage::parse(BootImage::make({2, 0, 1, 7}, 1000, 8)).hash;
        static const QRegularExpression date(u"(Sat|Fri) Nov [0-9]{2} [0-9:]{8} 2026"_s);
        m_compared = 0;
        for (const Exchange &exchange : readExchanges(file)) {
            QByteArray got = device.handle(exchange.request), want = exchange.answer;
            if (skip.contains(exchange.name))
                continue;
            ++m_compared;
            want.replace(hash100, own100).replace(hash201, own201);
            if (exchange.name == u"os info all" && want.size() > 20) {
                const auto found = date.match(QString::fromLatin1(got)), wanted = date.match(QString::fromLatin1(want));
                QVERIFY(found.hasMatch() && wanted.hasMatch());
                want.replace(wanted.captured().toLatin1(), found.captured().toLatin1());
            } else if (exchange.name == u"stat show smp_svr_stats") { // ticks: seconds since the start
                const qsizetype ticks = got.indexOf("ticks") + 5;
                QVERIFY(ticks > 5);
                QCOMPARE(got.mid(4, ticks - 4).toHex(), want.mid(4, ticks - 4).toHex());
                QCOMPARE(got.last(5).toHex(), want.last(5).toHex());
                continue;
            } else if (exchange.name == u"stat show missing" && want.size() == 8) { // its length has the seconds in it
                QCOMPARE(got.size(), 8);
                QCOMPARE(got.mid(4), want.mid(4));
                QCOMPARE(got.left(2), want.left(2));
                QVERIFY(got.at(3) > 0);
                QCOMPARE(got.at(6), char(exchange.request.at(6) - 1)); // the header of the answer before
                continue;
            }
            QVERIFY2(got == want,
                     qPrintable(u"%1 in %2:\n  got  %3\n  want %4"_s.arg(
                         exchange.name, file, QString::fromLatin1(got.toHex()), QString::fromLatin1(want.toHex()))));
        }
    }

private Q_SLOTS:
    void serial()
    {
        VirtualSmp device(nativeSim(384, 4));
        replay(device, u"zephyr-serial.decoded.txt"_s);
        QCOMPARE(m_compared, 77);
    }

    void version1()
    {
        VirtualSmpOptions options = nativeSim(384, 4);
        options.slot1 = QByteArray(100, 'x'); // what an earlier upload had left there
        VirtualSmp device(options);
        replay(device, u"zephyr-serial-smp-v1.decoded.txt"_s);
        QCOMPARE(m_compared, 76);
    }

    void largeBuffers()
    {
        VirtualSmpOptions options = nativeSim(2048, 4);
        options.imageCheck = true;
        VirtualSmp device(options);
        replay(device, u"zephyr-serial-2048-verbose.decoded.txt"_s);
        QCOMPARE(m_compared, 47);
        QCOMPARE(device.uploadCount(), 1);
    }

    void frugalLegacy()
    {
        VirtualSmpOptions options = nativeSim(384, 4);
        options.frugal = options.legacyRc = options.shellNoise = true;
        VirtualSmp device(options);
        replay(device, u"zephyr-shell-frugal-legacyrc.decoded.txt"_s);
        QCOMPARE(m_compared, 71);
    }

    void shellConsole()
    {
        VirtualSmpOptions options = nativeSim(384, 4);
        options.shellNoise = true;
        options.slot1 = QByteArray(100, 'x');
        VirtualSmp device(options);
        replay(device, u"zephyr-shell-console.decoded.txt"_s, {u"os taskstat"_s, u"os mcumgr params"_s});
        QVERIFY(m_compared > 50);
    }

    // A device in the middle of a test boot: the free slot is none.
    void udpWhileTesting()
    {
        VirtualSmpOptions options = nativeSim(2048, 2);
        options.slot1 = BootImage::make({2, 0, 1, 7}, 1000, 8);
        VirtualSmp device(options);
        const QByteArray hash = BootImage::parse(options.slot1).hash;
        QCOMPARE(errorOf(ask(device, Write, 1, 0, {{u"hash"_s, hash}, {u"confirm"_s, false}})), QString());
        QCOMPARE(errorOf(ask(device, Write, 0, 5)), QString());
        QCOMPARE(device.activeVersion(), u"2.0.1.7"_s);
        replay(device, u"zephyr-udp.decoded.txt"_s, {u"os taskstat"_s});
        QCOMPARE(m_compared, 46);
    }

    void recovery()
    {
        VirtualSmpOptions options = nativeSim(1024, 1);
        options.server = VirtualSmpOptions::Server::McubootRecovery;
        VirtualSmp device(options);
        replay(device, u"mcuboot-serial-recovery.decoded.txt"_s);
        QCOMPARE(m_compared, 27);
    }

    // The recorded bytes of the host, one request after the other, over a real pty; the answers byte for byte.
    void bytesOfTheWire()
    {
        VirtualSmpOptions options = nativeSim(2048, 4);
        options.imageCheck = true;
        options.slot0 = BootImage::make({1, 0, 0, 0}, 1000, 7);
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        QVERIFY(port.isOpen());
        ConsoleDeframer sent, recorded, live;
        sent.feed(testData(u"zephyr-serial-2048-verbose.host-to-device.bin"_s));
        recorded.feed(testData(u"zephyr-serial-2048-verbose.device-to-host.bin"_s));
        QByteArray request, answer;
        int equal = 0, exchanges = 0;
        QStringList different;
        while (sent.next(request)) {
            QVERIFY(recorded.next(answer));
            const QByteArray want = ConsoleFramer::frame(answer);
            port.write(ConsoleFramer::frame(request));
            const auto got = port.packet(live);
            QVERIFY(got.has_value());
            ++exchanges;
            if (ConsoleFramer::frame(*got) == want)
                ++equal;
            else
                different.append(u"%1/%2"_s.arg(quint8(request.at(5))).arg(quint8(request.at(7))));
        }
        QCOMPARE(exchanges, 47);
        // Three lists with hashes; the build date of the recorded server is ours; the seconds may be equal.
        different.removeOne(u"2/0"_s);
        QCOMPARE(different, QStringList({u"1/0"_s, u"1/0"_s, u"1/0"_s}));
        QVERIFY(equal >= 43);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualCaptures)
#include "tst_virtualcaptures.moc"
