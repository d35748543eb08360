// The virtual device on its links: framing, buffers, restarts, trouble.
#include "core/base/fault.h"
#include "core/codec/consoleframing.h"
#include "core/codec/rawframing.h"
#include "core/codec/smpheader.h"
#include "tests/support/testmain.h"
#include "tests/unit/virtual/smptalk.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QTemporaryDir>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

QByteArray echo(int sequence, const QString &text = u"hello"_s)
{
    return request(Write, 0, 0, {{u"d"_s, text}}, sequence);
}

int sequenceOf(const QByteArray &packet)
{
    return static_cast<quint8>(packet.at(6));
}

// Sequence numbers of the answers until it is quiet.
QList<int> answers(Port &port, PacketDeframer &deframer, int ms = 300)
{
    QList<int> all;
    while (const auto packet = port.packet(deframer, ms))
        all.append(sequenceOf(*packet));
    return all;
}

} // namespace

class TestVirtualLink : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void symlink()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options;
        options.ptyLink = folder.filePath(u"dut0"_s);
        VirtualSmp device(options);
        device.start();
        QCOMPARE(device.path(), options.ptyLink);
        ConsoleDeframer deframer;
        {
            Port port(device.path());
            port.write(ConsoleFramer::frame(echo(1)));
            QCOMPARE(sequenceOf(port.packet(deframer).value()), 1);
        }
        Port port(device.path()); // closed and opened again
        port.write(ConsoleFramer::frame(echo(2)));
        QCOMPARE(sequenceOf(port.packet(deframer).value()), 2);
        device.stop();
        QVERIFY(!QFileInfo(options.ptyLink).isSymLink());
        device.start(); // power again
        QVERIFY(QFileInfo(options.ptyLink).isSymLink());
    }

    void strictFraming()
    {
        VirtualSmp device;
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        const QByteArray frame = ConsoleFramer::frame(echo(1));
        port.write("garbage without an end" + frame); // stuck behind it
        port.write("\n" + ConsoleFramer::frame(echo(2)));
        QByteArray flipped = ConsoleFramer::frame(echo(3));
        flipped[flipped.size() - 4] = flipped.at(flipped.size() - 4) == 'A' ? 'B' : 'A';
        port.write(flipped);
        port.write("\x06\x09" + QByteArray(200, 'A') + "\n"); // too long a line
        port.write("\x04\x14"
                   "AAAA\n"); // nothing to go on with
        port.write(ConsoleFramer::frame(echo(4)));
        QCOMPARE(answers(port, deframer), QList<int>({2, 4}));
        QVERIFY(device.facts().badFrames >= 2);
    }

    // Frame, length and CRC must fit into a buffer; what is larger is dropped without a word.
    void tooLarge()
    {
        VirtualSmpOptions options;
        options.bufferSize = 384;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        const qsizetype fixed = echo(0, QString(300, u'x')).size() - 300;
        const auto sized = [&](int sequence, qsizetype whole) {
            return ConsoleFramer::frame(echo(sequence, QString(whole - fixed, u'x')));
        };
        port.write(sized(1, 380) + sized(2, 381) + sized(3, 2000));
        QCOMPARE(answers(port, deframer), QList<int>({1}));
        QCOMPARE(device.facts().dropped, 2);
        port.write(sized(4, 380));
        QCOMPARE(answers(port, deframer), QList<int>({4}));
    }

    void noBufferFree()
    {
        VirtualSmpOptions options;
        options.bufferCount = 3;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        QByteArray burst;
        for (int i = 0; i < 10; ++i)
            burst += ConsoleFramer::frame(echo(i, u"x"_s));
        QCOMPARE(::write(port.fd(), burst.constData(), static_cast<size_t>(burst.size())), burst.size());
        QCOMPARE(answers(port, deframer), QList<int>({0, 1, 2}));
        QCOMPARE(device.facts().dropped, 7);
    }

    void answersTakeBuffers()
    {
        VirtualSmpOptions options;
        options.bufferCount = 2;
        options.responsesTakeBuffers = true;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        port.write(ConsoleFramer::frame(echo(1)) + ConsoleFramer::frame(echo(2)));
        QCOMPARE(errorOf(bodyOf(port.packet(deframer).value())), u"2"_s);
        QCOMPARE(errorOf(bodyOf(port.packet(deframer).value())), QString());
    }

    void flashTakesTime()
    {
        VirtualSmpOptions options;
        options.eraseTime = 50ms;
        options.bufferCount = 2;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        const auto chunk = [&](int sequence, qint64 at) {
            QCborMap body{{u"off"_s, at}, {u"data"_s, image.mid(at, 1800)}};
            if (at == 0)
                body.insert(u"len"_s, static_cast<qint64>(image.size()));
            return ConsoleFramer::frame(request(Write, 1, 1, body, sequence));
        };
        QElapsedTimer timer;
        timer.start();
        port.write(chunk(1, 0));
        QCOMPARE(sequenceOf(port.packet(deframer).value()), 1);
        QVERIFY(timer.elapsed() >= 49); // one sector
        port.write(chunk(2, 1800) + chunk(3, 3600) + ConsoleFramer::frame(echo(4)));
        QCOMPARE(sequenceOf(port.packet(deframer).value()), 2); // the sector was erased already
        const auto rest = answers(port, deframer);
        QVERIFY(rest.startsWith(3));
    }

    void raw()
    {
        VirtualSmpOptions options;
        options.framing = VirtualSmpOptions::Framing::Raw;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        RawDeframer deframer(RawDeframer::Side::Host);
        for (int i = 0; i < 5; ++i) {
            port.write(echo(i, QString(100 * i, u'r')));
            const auto answer = port.packet(deframer);
            QCOMPARE(bodyOf(answer.value()).value(u"r"_s).toString().size(), 100 * i);
        }
    }

    void shellNoise()
    {
        VirtualSmpOptions options;
        options.shellNoise = true;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        QByteArray all;
        ConsoleDeframer deframer;
        for (int i = 0; i < 60; ++i) {
            port.write(ConsoleFramer::frame(echo(i, QString(300, u'n'))));
            QCOMPARE(sequenceOf(port.packet(deframer).value()), i);
        }
        port.write("\n");
        QVERIFY(port.read(20, 5000).contains("uart:~$ "));
        port.write(ConsoleFramer::frame(
            request(Write, 1, 1, {{u"off"_s, 0}, {u"len"_s, 5000000}, {u"data"_s, QByteArray(64, 'x')}})));
        QVERIFY(port.read(90, 5000).contains("<err> mcumgr_img_grp: Image upload inspect failed: 23"));
    }

    void udp()
    {
        VirtualSmpOptions options;
        options.link = VirtualSmpOptions::Link::Udp;
        VirtualSmp device(options);
        device.start();
        QVERIFY(device.udpPort() != 0);
        QCOMPARE(device.path(), u"udp:127.0.0.1:%1"_s.arg(device.udpPort()));
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in to = {};
        to.sin_family = AF_INET;
        to.sin_port = htons(device.udpPort());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        QCOMPARE(::connect(fd, reinterpret_cast<sockaddr *>(&to), sizeof to), 0);
        const auto talk = [&](const QByteArray &message, int ms) {
            QByteArray buffer(4096, '\0');
            if (::send(fd, message.constData(), static_cast<size_t>(message.size()), 0) < 0)
                return QByteArray();
            pollfd state = {.fd = fd, .events = POLLIN, .revents = 0};
            if (::poll(&state, 1, ms) != 1)
                return QByteArray();
            return buffer.first(std::max<ssize_t>(0, ::recv(fd, buffer.data(), 4096, 0)));
        };
        QCOMPARE(sequenceOf(talk(echo(7), 5000)), 7);
        const qsizetype fixed = echo(0, QString(300, u'x')).size() - 300;
        QVERIFY(!talk(echo(8, QString(1472 - 16 - fixed, u'x')), 5000).isEmpty());
        QVERIFY(talk(echo(9, QString(1473 - fixed, u'x')), 200).isEmpty()); // a fragment is lost
        // A restart keeps the port; the device is deaf in the meantime.
        talk(request(Write, 0, 5), 5000);
        QVERIFY(waitUntil([&] { return device.facts().restarts == 1; }));
        QCOMPARE(sequenceOf(talk(echo(10), 5000)), 10);
        ::close(fd);
    }

    void deafWhileItRestarts()
    {
        VirtualSmpOptions options;
        options.resetDelay = 0ms;
        options.rebootTime = 300ms;
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        port.write(ConsoleFramer::frame(request(Write, 0, 5, {}, 1)));
        QCOMPARE(sequenceOf(port.packet(deframer).value()), 1);
        port.write(ConsoleFramer::frame(echo(2))); // lost
        QVERIFY(waitUntil([&] { return device.facts().restarts == 1; }));
        port.write(ConsoleFramer::frame(echo(3)));
        QCOMPARE(answers(port, deframer), QList<int>({3}));
    }

    void reenumeration()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options;
        options.ptyLink = folder.filePath(u"dut0"_s);
        options.reenumerate = true;
        VirtualSmp device(options);
        device.start();
        const QString before = QFileInfo(options.ptyLink).symLinkTarget();
        Port port(device.path());
        device.reboot();
        QVERIFY(port.atEnd(5000));
        QVERIFY(waitUntil([&] { return QFileInfo(options.ptyLink).isSymLink(); }));
        Port again(device.path());
        ConsoleDeframer deframer;
        again.write(ConsoleFramer::frame(echo(5)));
        QCOMPARE(sequenceOf(again.packet(deframer).value()), 5);
        QCOMPARE(device.facts().restarts, 1);
    }

    void unplugged()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options;
        options.ptyLink = folder.filePath(u"dut0"_s);
        VirtualSmp device(options);
        device.start();
        Port port(device.path());
        device.setConnected(false);
        QVERIFY(port.atEnd(5000));
        QVERIFY(!QFileInfo(options.ptyLink).isSymLink());
        device.setConnected(true);
        QVERIFY(waitUntil([&] { return QFileInfo(options.ptyLink).isSymLink(); }));
    }

    void faultSilence()
    {
        VirtualSmp device;
        device.setFault(VirtualFault::parse(u"silence:after=2"_s));
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        for (int i = 1; i <= 4; ++i)
            port.write(ConsoleFramer::frame(echo(i)));
        QCOMPARE(answers(port, deframer), QList<int>({1, 2}));
        device.clearFaults();
        port.write(ConsoleFramer::frame(echo(9)));
        QCOMPARE(answers(port, deframer), QList<int>({9}));
    }

    void faultDuplicateAndLate()
    {
        VirtualSmp device;
        device.setFault(VirtualFault::parse(u"duplicate:every=2"_s));
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        for (int i = 1; i <= 4; ++i)
            port.write(ConsoleFramer::frame(echo(i)));
        QCOMPARE(answers(port, deframer), QList<int>({1, 2, 2, 3, 4, 4}));
        device.clearFaults();
        device.setFault(VirtualFault::parse(u"late:delay=200ms,every=2"_s));
        for (int i = 1; i <= 3; ++i)
            port.write(ConsoleFramer::frame(echo(i)));
        QCOMPARE(answers(port, deframer, 1000), QList<int>({1, 3, 2}));
    }

    // Damage on the wire: the checksum tells, the packet is lost.
    void faultCorrupt()
    {
        VirtualSmp device;
        device.setFault(VirtualFault::parse(u"corrupt:every=2"_s));
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        for (int i = 1; i <= 40; ++i) {
            port.write(ConsoleFramer::frame(echo(i, QString(i * 5, u'x'))));
            QVERIFY(waitUntil([&] { return device.facts().requests == i; }));
        }
        QList<int> odd;
        for (int i = 1; i <= 40; i += 2)
            odd.append(i);
        QCOMPARE(answers(port, deframer), odd);
        QCOMPARE(deframer.dropped(), 20);
    }

    void faultRebootInUpload()
    {
        VirtualSmp device;
        device.setFault(VirtualFault::parse(u"reboot-at:after=2000"_s));
        device.start();
        Port port(device.path());
        ConsoleDeframer deframer;
        const QByteArray image = testData(u"t1-1.4.2-p256.bin"_s);
        const auto chunk = [&](int sequence, qint64 at) {
            QCborMap body{{u"off"_s, at}, {u"data"_s, image.mid(at, 1000)}};
            if (at == 0)
                body.insert(u"len"_s, static_cast<qint64>(image.size()));
            return ConsoleFramer::frame(request(Write, 1, 1, body, sequence));
        };
        port.write(chunk(1, 0));
        QCOMPARE(bodyOf(port.packet(deframer).value()).value(u"off"_s).toInteger(), 1000);
        port.write(chunk(2, 1000));
        QVERIFY(waitUntil([&] { return device.facts().restarts == 1; }));
        port.write(chunk(3, 2000)); // RAM is empty: from the start
        QCOMPARE(bodyOf(port.packet(deframer).value()).value(u"off"_s).toInteger(), 0);
    }

    void faultDisconnectAndStuck()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options;
        options.ptyLink = folder.filePath(u"dut0"_s);
        VirtualSmp device(options);
        device.setFault(VirtualFault::parse(u"disconnect:after=1,delay=50ms"_s));
        device.setFault(VirtualFault::parse(u"stuck-after-reset"_s));
        device.start();
        ConsoleDeframer deframer;
        {
            Port port(device.path());
            port.write(ConsoleFramer::frame(echo(1)));
            QVERIFY(port.packet(deframer).has_value());
            port.write(ConsoleFramer::frame(echo(2)));
            QVERIFY(port.atEnd(5000));
        }
        QVERIFY(waitUntil([&] { return QFileInfo(options.ptyLink).isSymLink(); }));
        Port port(device.path());
        port.write(ConsoleFramer::frame(echo(3)));
        QVERIFY(port.packet(deframer).has_value());
        port.write(ConsoleFramer::frame(request(Write, 0, 5)));
        QVERIFY(port.packet(deframer).has_value());
        QVERIFY(answers(port, deframer, 100).isEmpty());
        port.write(ConsoleFramer::frame(echo(4)));
        QVERIFY(answers(port, deframer, 400).isEmpty());
    }

    void portTaken()
    {
        QTemporaryDir folder;
        VirtualSmpOptions first;
        first.link = VirtualSmpOptions::Link::Udp;
        VirtualSmp device(first);
        device.start();
        VirtualSmpOptions second = first;
        second.udpPort = device.udpPort();
        VirtualSmp other(second);
        try {
            other.start();
            QFAIL("two devices on one port");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("virtual.link"));
        }
    }
};

SLIPWAY_TEST_MAIN(TestVirtualLink)
#include "tst_virtuallink.moc"
