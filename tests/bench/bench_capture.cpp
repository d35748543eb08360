// A capture through the reader, and through all of MUD conformance, against plain reading of the same file in the same
// run. Prints; asserts nothing about time. Rates are per second of processor time.
//   bench_capture [--megabytes N] [--folder DIR]
// Packets as a device's traffic has them: sizes from 60 to 1514 bytes ("mixed"), and the worst case of small ones only
// ("small"), over a thousand flows, every two hundredth a DNS answer.

#include "core/codec/capturefile.h"
#include "core/mud/mudauthor.h"
#include "tests/support/packetmaker.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <random>

using namespace slipway;
using namespace slipway::test;

namespace {

// Time that this program had the processor: other programs do not count, waiting for the disk does not either.
struct Clock {
    using time_point = double;
    static double now()
    {
        timespec at{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
        return double(at.tv_sec) + double(at.tv_nsec) / 1e9;
    }
};
constexpr quint64 device = 0x020000000001;
constexpr quint64 router = 0x0200000000fe;

double since(double start)
{
    return Clock::now() - start;
}

qint64 makeFile(const QString &path, qint64 bytes, bool small)
{
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        return 0;
    std::mt19937 random(1);
    qint64 packets = 0;
    qint64 now = 1'700'000'000'000'000'000;
    file.write(PcapMaker().bytes());
    while (file.pos() < bytes) {
        PcapMaker part;
        const qsizetype head = part.bytes().size();
        for (int i = 0; i < 1000; ++i, ++packets) {
            now += 20'000;
            const quint32 flow = random() % 1000;
            const IpAddress peer = *IpAddress::parse(QStringLiteral("203.0.113.%1").arg(1 + flow % 200));
            const IpAddress own = ip("192.168.7.55");
            const bool out = random() % 2;
            const auto port = quint16(40000 + flow);
            QByteArray body;
            quint8 protocol = 6;
            if (i % 200 == 0) {
                protocol = 17;
                body = udp(53, 42000,
                           dnsAnswer("host" + QByteArray::number(flow % 200) + ".example", {addressRecord(peer)}));
            } else {
                const int size = small ? 6 : int(random() % 3 ? 1400 : random() % 200);
                body = out ? tcp(port, 8883, TcpAck, QByteArray(size, 'x'))
                           : tcp(8883, port, TcpAck, QByteArray(size, 'x'));
            }
            const bool from = i % 200 != 0 && out;
            part.add(now, ethernet(from ? router : device, from ? device : router, 0x0800,
                                   from ? ipPacket(own, peer, protocol, body) : ipPacket(peer, own, protocol, body)));
        }
        file.write(part.bytes().sliced(head));
    }
    return packets;
}

double plain(const QString &path)
{
    std::vector<char> buffer(1024 * 1024);
    const auto start = Clock::now();
    const int fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
    qint64 sum = 0;
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;)
        sum += got;
    ::close(fd);
    return double(sum) / since(start) / 1e6;
}

double readOnly(const QString &path)
{
    const auto start = Clock::now();
    CaptureFile capture(path);
    CapturedPacket packet;
    qint64 sum = 0;
    while (capture.next(packet, {}))
        sum += packet.bytes.size();
    return sum ? double(capture.size()) / since(start) / 1e6 : 0;
}

double conform(const QString &path, const MudFile &file)
{
    const auto start = Clock::now();
    CaptureFile capture(path);
    TrafficRecorder recorder({device, {}});
    recorder.takeAll(capture, {});
    const DeviceTraffic traffic = recorder.finish();
    const ConformReport report = checkConformance(file, traffic, {});
    return report.flows ? double(capture.size()) / since(start) / 1e6 : 0;
}

template <typename Measure> double best(const Measure &measure)
{
    double rate = 0;
    for (int i = 0; i < 3; ++i)
        rate = std::max(rate, measure());
    return rate;
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    QCommandLineParser parser;
    parser.addOption({QStringLiteral("megabytes"), QStringLiteral("Size of each file."), QStringLiteral("N"),
                      QStringLiteral("200")});
    parser.addOption(
        {QStringLiteral("folder"), QStringLiteral("Where they are made."), QStringLiteral("DIR"), QString()});
    parser.process(application);
    const QString folder = parser.value(QStringLiteral("folder"));
    QTemporaryDir temporary(folder.isEmpty() ? QDir::tempPath() + QStringLiteral("/capture")
                                             : folder + QStringLiteral("/capture"));
    MudProduct product;
    product.mudUrl = QStringLiteral("https://mud.example/t1.json");
    QList<MudPeer> peers;
    for (int i = 0; i < 20; ++i)
        peers << MudPeer::parse(QStringLiteral("host%1.example tcp 8883").arg(i));
    const MudFile file = MudFile::parse(authorMudFile(product, peers).json);
    for (const bool small : {false, true}) {
        const QString path = temporary.filePath(QStringLiteral("traffic.pcap"));
        const qint64 packets =
            makeFile(path, parser.value(QStringLiteral("megabytes")).toLongLong() * 1'000'000, small);
        const double raw = best([&] { return plain(path); });
        const double reader = best([&] { return readOnly(path); });
        const double all = best([&] { return conform(path, file); });
        std::printf("%s packets, %lld of them: plain reading %.0f MB/s; capture reader %.0f MB/s (%.2f of it); "
                    "conformance %.0f MB/s (%.2f of it)\n",
                    small ? "small" : "mixed", static_cast<long long>(packets), raw, reader, reader / raw, all,
                    all / raw);
    }
    return 0;
}
