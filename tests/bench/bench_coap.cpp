// CoAP transfers in blocks of 1024 bytes. The physical limit is one block a round trip (RFC 7959 knows no second block
// on its way, and libcoap 4.3.1 no Q-Block); it is printed from the shortest round trip seen in the same run, for
// loopback and through a relay that delays each datagram. The peer is Debian's coap-client-openssl against the same
// device. Asserts nothing about time.

#include "core/base/fault.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/virtual/virtualcoap.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr qsizetype bodySize = 256 * 1024;

// A UDP relay that holds every datagram for a while, in both directions.
class Relay
{
public:
    Relay(quint16 to, std::chrono::microseconds delay) : m_delay(delay)
    {
        m_front = bound(m_port);
        quint16 unused = 0;
        m_back = bound(unused);
        sockaddr_in device = loopback(to);
        ::connect(m_back, reinterpret_cast<sockaddr *>(&device), sizeof device);
        m_thread = std::jthread([this](const std::stop_token &stop) { run(stop); });
    }
    ~Relay()
    {
        m_thread.request_stop();
        m_thread.join();
        ::close(m_front);
        ::close(m_back);
    }
    quint16 port() const { return m_port; }

private:
    struct Held {
        Clock::time_point at;
        bool toDevice;
        QByteArray bytes;
    };
    static sockaddr_in loopback(quint16 port)
    {
        sockaddr_in out{};
        out.sin_family = AF_INET;
        out.sin_port = htons(port);
        out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return out;
    }
    static int bound(quint16 &port)
    {
        const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_in at = loopback(0);
        ::bind(fd, reinterpret_cast<sockaddr *>(&at), sizeof at);
        socklen_t size = sizeof at;
        ::getsockname(fd, reinterpret_cast<sockaddr *>(&at), &size);
        port = ntohs(at.sin_port);
        return fd;
    }
    void run(const std::stop_token &stop)
    {
        std::deque<Held> held;
        sockaddr_in station{};
        while (!stop.stop_requested()) {
            auto wait = std::chrono::nanoseconds(50ms);
            if (!held.empty())
                wait = std::max<std::chrono::nanoseconds>(0ns, held.front().at - Clock::now());
            const timespec span{0, long(wait.count())};
            pollfd fds[2] = {{m_front, POLLIN, 0}, {m_back, POLLIN, 0}};
            ::ppoll(fds, 2, &span, nullptr);
            char buffer[2048];
            for (int i = 0; i < 2; ++i) {
                if (!fds[i].revents)
                    continue;
                socklen_t size = sizeof station;
                const ssize_t n = i == 0 ? ::recvfrom(m_front, buffer, sizeof buffer, 0,
                                                      reinterpret_cast<sockaddr *>(&station), &size)
                                         : ::recv(m_back, buffer, sizeof buffer, 0);
                if (n > 0)
                    held.push_back({Clock::now() + m_delay, i == 0, QByteArray(buffer, n)});
            }
            while (!held.empty() && held.front().at <= Clock::now()) {
                const Held next = held.front();
                held.pop_front();
                if (next.toDevice)
                    ::send(m_back, next.bytes.constData(), size_t(next.bytes.size()), 0);
                else
                    ::sendto(m_front, next.bytes.constData(), size_t(next.bytes.size()), 0,
                             reinterpret_cast<sockaddr *>(&station), sizeof station);
            }
        }
    }

    std::chrono::microseconds m_delay;
    int m_front = -1, m_back = -1;
    quint16 m_port = 0;
    std::jthread m_thread;
};

double seconds(Clock::time_point since)
{
    return std::chrono::duration<double>(Clock::now() - since).count();
}

void print(const char *what, double took, double peer, double limit)
{
    const double rate = bodySize / took / 1000;
    std::printf("%-28s %9.1f kB/s: %5.1f %% of one block a round trip (%.1f kB/s)", what, rate,
                100 * rate * 1000 / limit, limit / 1000);
    if (peer > 0)
        std::printf(", %.2f times coap-client (%.1f kB/s)", peer / took, bodySize / peer / 1000);
    std::printf("\n");
    std::fflush(stdout);
}

// Seconds that Debian's program takes as a process, less those of a request that carries next to nothing; 0: unknown.
double peerTime(const QStringList &arguments, const QString &url)
{
    const QString program = u"coap-client-openssl"_s;
    if (QStandardPaths::findExecutable(program).isEmpty())
        return 0;
    const auto run = [&](const QStringList &words) {
        QProcess process;
        process.setStandardInputFile(QProcess::nullDevice());
        process.setStandardOutputFile(QProcess::nullDevice());
        const auto begin = Clock::now();
        process.start(program, words);
        process.waitForFinished(120'000);
        return seconds(begin);
    };
    const double start = run({url + u"/id/board"_s});
    const double whole = run(arguments);
    return whole > start ? whole - start : 0; // too short to tell on a busy computer
}

void measure(const char *name, const VirtualCoapOptions &options, const CoapSecurity &security,
             const QStringList &credentials, std::chrono::microseconds delay, const QTemporaryDir &folder)
{
    VirtualCoap device(options);
    device.start();
    std::unique_ptr<Relay> relay;
    CoapClient::Options how;
    how.address = CoapAddress::parse(device.path());
    how.security = security;
    if (delay.count() > 0) {
        relay = std::make_unique<Relay>(device.port(), delay);
        how.address.port = relay->port();
    }
    const QString url = how.address.toString();
    CoapClient client(how);
    client.connect({});
    const QByteArray body(bodySize, 'b');
    QFile file(folder.filePath(u"body"_s));
    if (file.open(QIODevice::WriteOnly))
        file.write(body);
    file.close();
    CoapRequest request;
    request.path = u"/files/x"_s;
    CoapTransfer transfer;
    transfer.limit = bodySize;

    request.method = coap::Put;
    request.format = coap::OctetStream;
    request.payload = body;
    auto begin = Clock::now();
    demand(client, request, transfer, {});
    const double put = seconds(begin);
    CoapRequest back;
    back.path = request.path;
    begin = Clock::now();
    demand(client, back, transfer, {});
    const double got = seconds(begin);
    const double limit = 1024 / std::chrono::duration<double>(client.bestRoundTrip()).count();
    client.disconnect(); // behind the relay, the device takes both programs for one

    const double putPeer = peerTime(credentials + QStringList{u"-m"_s, u"put"_s, u"-t"_s, u"42"_s, u"-b"_s, u"1024"_s,
                                                              u"-f"_s, file.fileName(), url + u"/files/x"_s},
                                    url);
    const double getPeer =
        peerTime(credentials + QStringList{u"-o"_s, folder.filePath(u"back"_s), url + u"/files/x"_s}, url);
    print(qPrintable(u"%1, PUT"_s.arg(QLatin1String(name))), put, putPeer, limit);
    print(qPrintable(u"%1, GET"_s.arg(QLatin1String(name))), got, getPeer, limit);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QTemporaryDir folder;
    try {
        VirtualCoapOptions plain, psk;
        psk.pskIdentity = "station-1";
        psk.psk = "interoperate";
        CoapSecurity security;
        security.kind = CoapSecurity::Kind::Psk;
        security.identity = psk.pskIdentity;
        security.psk = std::make_shared<QByteArray>(psk.psk);
        const QStringList words{u"-k"_s, u"interoperate"_s, u"-u"_s, u"station-1"_s};
        measure("loopback", plain, {}, {}, 0us, folder);
        measure("loopback, DTLS", psk, security, words, 0us, folder);
        measure("1 ms each way", plain, {}, {}, 1ms, folder);
        measure("5 ms each way", plain, {}, {}, 5ms, folder);
        measure("5 ms each way, DTLS", psk, security, words, 5ms, folder);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
