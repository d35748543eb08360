// Links on real pseudo-terminals and sockets: opening, locking, waiting, stopping, unplugging, coming back.

#include "core/base/fault.h"
#include "drivers/link/datagramlink.h"
#include "drivers/link/ports.h"
#include "drivers/link/seriallink.h"
#include "tests/support/testmain.h"

#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

class Pty
{
public:
    Pty() : m_fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))
    {
        if (m_fd < 0 || ::grantpt(m_fd) < 0 || ::unlockpt(m_fd) < 0)
            qFatal("pty");
        char name[64];
        if (::ptsname_r(m_fd, name, sizeof name) != 0)
            qFatal("ptsname");
        m_name = QString::fromLocal8Bit(name);
    }
    ~Pty() { close(); }
    void close()
    {
        if (m_fd >= 0)
            ::close(std::exchange(m_fd, -1));
    }
    int fd() const { return m_fd; }
    QString name() const { return m_name; }
    void write(const QByteArray &bytes) const
    {
        if (::write(m_fd, bytes.data(), size_t(bytes.size())) != bytes.size())
            qFatal("write");
    }
    QByteArray read(qsizetype n) const
    {
        QByteArray out;
        char c[256];
        while (out.size() < n) {
            const auto got = ::read(m_fd, c, sizeof c);
            if (got <= 0)
                break;
            out.append(c, got);
        }
        return out;
    }

private:
    int m_fd;
    QString m_name;
};

QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

std::unique_ptr<ByteLink> open(const QString &port, int baud = 0)
{
    return openLink({port, baud, 1337, false}, {});
}

} // namespace

class TestLink : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bytesBothWays()
    {
        Pty pty;
        const auto link = open(pty.name());
        QByteArray all;
        for (int i = 0; i < 256; ++i)
            all += char(i);
        link->write(all, Deadline::in(5s), {});
        QCOMPARE(pty.read(256), all); // nothing translated, nothing echoed
        pty.write(all);
        QByteArray got;
        while (got.size() < 256)
            got += link->read(Deadline::in(5s), {});
        QCOMPARE(got, all);
        QElapsedTimer timer;
        timer.start();
        QVERIFY(link->read(Deadline::in(60ms), {}).isEmpty());
        QVERIFY(timer.elapsed() >= 59);
        pty.write("old");
        link->discardInput();
        QVERIFY(link->read(Deadline::in(20ms), {}).isEmpty());
    }

    void rateOfThePty()
    {
        Pty pty;
        QCOMPARE(open(pty.name())->info().baud, 0);
        QCOMPARE(open(pty.name())->info().line, u"pseudo-terminal"_s);
        QCOMPARE(open(pty.name(), 460800)->info().baud, 460800);
        termios line{};
        ::tcgetattr(pty.fd(), &line);
        ::cfsetspeed(&line, B921600);
        ::tcsetattr(pty.fd(), TCSANOW, &line);
        QCOMPARE(open(pty.name())->info().baud, 921600);
        QCOMPARE(open(pty.name())->info().line, u"921 600 baud"_s);
        QCOMPARE(open(pty.name())->info().bytesPerSecond(), 92160.0);
    }

    void notToBeOpened()
    {
        QTemporaryDir folder;
        QFile plain(folder.filePath(u"plain"_s));
        QVERIFY(plain.open(QIODevice::WriteOnly));
        QCOMPARE(faultOf([&] { open(folder.filePath(u"none"_s)); }), u"link.no-port"_s);
        QCOMPARE(faultOf([&] { open(QString()); }), u"link.no-port"_s);
        QCOMPARE(faultOf([&] { open(plain.fileName()); }), u"link.not-a-port"_s);
        QCOMPARE(faultOf([&] { open(folder.path()); }), u"link.not-a-port"_s);
        QCOMPARE(faultOf([&] { open(u"/dev/null"_s); }), u"link.not-a-port"_s);
        Pty pty;
        const auto first = open(pty.name());
        QCOMPARE(faultOf([&] { open(pty.name()); }), u"link.busy"_s);
        if (::geteuid() != 0) {
            Pty closed;
            ::chmod(closed.name().toLocal8Bit().constData(), 0);
            try {
                open(closed.name());
                QFAIL("no fault");
            } catch (const Fault &fault) {
                QCOMPARE(QByteArray(fault.code()), QByteArray("link.permission"));
                QVERIFY(fault.remedy().contains(u"usermod"_s));
            }
        }
    }

    void busyNoMore()
    {
        Pty pty;
        open(pty.name()).reset();
        open(pty.name()).reset();
    }

    void stopIsPrompt()
    {
        Pty pty;
        const auto link = open(pty.name());
        std::stop_source stop;
        std::atomic<bool> waiting{false};
        QElapsedTimer clock;
        std::jthread stopper([&] {
            while (!waiting)
                std::this_thread::yield();
            clock.start();
            stop.request_stop();
        });
        waiting = true;
        QCOMPARE(faultOf([&] { link->read(Deadline::never(), stop.get_token()); }), u"base.stopped"_s);
        QVERIFY(clock.elapsed() < 200);
        QCOMPARE(faultOf([&] { link->read(Deadline::never(), stop.get_token()); }), u"base.stopped"_s);
        // A stop of one wait is none of the next one's business.
        QVERIFY(link->read(Deadline::in(20ms), {}).isEmpty());
    }

    void unplugged()
    {
        Pty pty;
        const auto link = open(pty.name());
        pty.write("last words");
        QCOMPARE(link->read(Deadline::in(5s), {}), QByteArray("last words"));
        std::jthread puller([&] { pty.close(); });
        QCOMPARE(faultOf([&] { link->read(Deadline::in(5s), {}); }), u"link.gone"_s);
        QCOMPARE(faultOf([&] { link->write("x", Deadline::in(5s), {}); }), u"link.gone"_s);
    }

    // The other end takes nothing: writing ends at the deadline.
    void fullPipe()
    {
        Pty pty;
        const auto link = open(pty.name());
        QCOMPARE(faultOf([&] { link->write(QByteArray(1 << 20, 'x'), Deadline::in(100ms), {}); }), u"base.timeout"_s);
    }

    void comesBack()
    {
        QTemporaryDir folder;
        const QString name = folder.filePath(u"dut"_s);
        auto first = std::make_unique<Pty>();
        QVERIFY(QFile::link(first->name(), name));
        const auto link = open(name);
        first.reset();
        QCOMPARE(faultOf([&] { link->read(Deadline::in(5s), {}); }), u"link.gone"_s);
        Pty second;
        std::atomic<bool> looking{false};
        std::jthread plug([&] {
            while (!looking)
                std::this_thread::yield();
            QFile::remove(name);
            QFile::link(second.name(), name);
        });
        Task task;
        task.deadline = Deadline::in(10s);
        looking = true;
        link->reopen(task);
        // It may have caught the old link's end, which is dead; then it is gone again and looked for again.
        second.write("back");
        QCOMPARE(link->read(Deadline::in(5s), {}), QByteArray("back"));

        // It stays away.
        second.close();
        QFile::remove(name);
        task.deadline = Deadline::in(100ms);
        QCOMPARE(faultOf([&] { link->reopen(task); }), u"link.gone"_s);
        // Or somebody has no patience.
        std::stop_source stop;
        stop.request_stop();
        task.deadline = Deadline::never();
        task.stop = stop.get_token();
        QCOMPARE(faultOf([&] { link->reopen(task); }), u"base.stopped"_s);
    }

    void addresses()
    {
        const auto shown = [](const QString &text) {
            try {
                const auto address = DatagramLink::parse(text, 1337);
                return address.host + u' ' + QString::number(address.port);
            } catch (const Fault &fault) {
                return QString::fromLatin1(fault.code());
            }
        };
        QCOMPARE(shown(u"udp:192.0.2.7:4000"_s), u"192.0.2.7 4000"_s);
        QCOMPARE(shown(u"udp:board.local"_s), u"board.local 1337"_s);
        QCOMPARE(shown(u"udp://board.local:1"_s), u"board.local 1"_s);
        QCOMPARE(shown(u"udp:[fe80::1%eth0]:1337"_s), u"fe80::1%eth0 1337"_s);
        QCOMPARE(shown(u"udp:[2001:db8::1]"_s), u"2001:db8::1 1337"_s);
        for (const QString &bad : {u"udp:"_s, u"udp::1337"_s, u"udp:h:"_s, u"udp:h:0"_s, u"udp:h:70000"_s, u"udp:h:x"_s,
                                   u"udp:fe80::1:1337"_s, u"udp:[fe80::1"_s, u"udp:[::1]x"_s, u"udp:[::1]:"_s})
            QCOMPARE(shown(bad), u"link.address"_s);
        QCOMPARE(faultOf([] { open(u"udp:[fe80::1]:1337"_s); }), u"link.zone"_s);
    }

    void datagrams()
    {
        const int server = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        QVERIFY(::bind(server, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        socklen_t size = sizeof address;
        ::getsockname(server, reinterpret_cast<sockaddr *>(&address), &size);
        const QString port = u"udp:127.0.0.1:%1"_s.arg(ntohs(address.sin_port));
        const auto link = open(port);
        QVERIFY(link->info().datagrams);
        QCOMPARE(link->info().datagram, 1472);
        link->write("one", Deadline::in(5s), {});
        link->write("two", Deadline::in(5s), {});
        char buffer[64];
        sockaddr_in from{};
        size = sizeof from;
        QCOMPARE(::recvfrom(server, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr *>(&from), &size), 3);
        QCOMPARE(::recvfrom(server, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr *>(&from), &size), 3);
        for (const char *text : {"a", "bc"})
            ::sendto(server, text, strlen(text), 0, reinterpret_cast<sockaddr *>(&from), size);
        QCOMPARE(link->read(Deadline::in(5s), {}), QByteArray("a"));
        QCOMPARE(link->read(Deadline::in(5s), {}), QByteArray("bc"));
        // A device that restarts: its port is closed for a while. That is silence.
        ::close(server);
        for (int i = 0; i < 5; ++i) {
            link->write("x", Deadline::in(5s), {});
            QVERIFY(link->read(Deadline::in(20ms), {}).isEmpty());
        }
        link->reopen({});
    }

    void ports()
    {
        for (const SerialPort &port : serialPorts()) {
            QVERIFY(port.node.startsWith(u"/dev/"_s));
            QVERIFY(!port.topology.isEmpty());
            QVERIFY(!port.description.isEmpty());
        }
        Pty pty;
        QVERIFY(!serialPort(pty.name()));
        QVERIFY(!serialPort(u"/dev/null"_s));
        QVERIFY(!serialPort(u"/nothing"_s));
    }
};

SLIPWAY_TEST_MAIN(TestLink)
#include "tst_link.moc"
