// The SMP upload through the line model, from the first request to the answer that the device has the last byte (and,
// for comparison, between the first and last image byte at the device). Prints rates and their ratio to what the line
// carries; asserts nothing about time. Arguments: names of the parts to run, all without.
//
// Encoded ceiling: baud / 10 / (127 / 93), the payload rate of the console framing itself; raw and UDP have no such
// cost and are held against baud / 10.

#include "core/base/fault.h"
#include "drivers/smp/smpdriver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualsmp.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtEndian>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr int baud = 921600;
constexpr double framingCost = 127.0 / 93.0;
constexpr qint64 imageSize = 350'662; // as the competitors were measured with

// An unsigned MCUboot image: header, random payload, hash.
QByteArray image(qint64 size)
{
    const qint64 header = 32, trailer = 4 + 4 + 32;
    QByteArray out(size - trailer, '\0');
    QRandomGenerator random(11);
    random.fillRange(reinterpret_cast<quint32 *>(out.data()), out.size() / 4);
    out.replace(0, header, QByteArray(header, '\0'));
    qToLittleEndian<quint32>(0x96f3b83d, out.data());
    qToLittleEndian<quint16>(header, out.data() + 8);
    qToLittleEndian<quint32>(quint32(out.size() - header), out.data() + 12);
    out[20] = 2;
    const QByteArray hash = QCryptographicHash::hash(out, QCryptographicHash::Sha256);
    QByteArray tlv(8, '\0');
    qToLittleEndian<quint16>(0x6907, tlv.data());
    qToLittleEndian<quint16>(trailer, tlv.data() + 2);
    tlv[4] = 0x10;
    qToLittleEndian<quint16>(32, tlv.data() + 6);
    return out + tlv + hash;
}

struct Place {
    std::unique_ptr<VirtualSmp> board;
    std::unique_ptr<LineModel> line;
};

Place place(const QTemporaryDir &folder, int number, VirtualSmpOptions options, std::chrono::microseconds latency,
            const std::shared_ptr<LineHub> &hub)
{
    Place out;
    options.ptyLink = folder.filePath(u"dut%1"_s.arg(number));
    options.seed = quint64(number);
    out.board = std::make_unique<VirtualSmp>(options);
    out.board->start();
    LineOptions line;
    line.baud = baud;
    line.latency = latency;
    line.devicePath = out.board->path();
    line.hostLink = folder.filePath(u"line%1"_s.arg(number));
    out.line = std::make_unique<LineModel>(line, hub);
    out.line->start();
    return out;
}

struct Measured {
    double rate = 0; // image bytes per second at the device
    double host = 0; // as the host sees it, from first request to last answer
};

Measured upload(const Place &where, const QByteArray &bytes, const QString &suffix, std::barrier<> *together = nullptr)
{
    const SmpDriver driver;
    const auto device = driver.open({where.line->path() + suffix, baud, {}}, {});
    if (together)
        together->arrive_and_wait();
    const auto result = device->firmware()->write(bytes, {}, {});
    const auto facts = where.board->facts();
    Measured out;
    if (facts.firstUploadAt && facts.lastUploadAt && facts.uploads == 1)
        out.rate =
            double(bytes.size()) / std::chrono::duration<double>(*facts.lastUploadAt - *facts.firstUploadAt).count();
    out.host = double(bytes.size()) / result.seconds;
    return out;
}

double processorSeconds()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

double one(const char *name, VirtualSmpOptions options, std::chrono::microseconds latency, double ceiling,
           double target, const QByteArray &bytes)
{
    const QTemporaryDir folder;
    const auto hub = std::make_shared<LineHub>();
    const Place where = place(folder, 1, options, latency, hub);
    const double before = processorSeconds();
    const Measured measured =
        upload(where, bytes, options.framing == VirtualSmpOptions::Framing::Raw ? u"?raw"_s : QString());
    std::printf(
        "%-32s %6.1f of %5.1f kB/s: %5.1f %% (wanted %2.0f %%); between first and last byte %6.1f kB/s; cpu %.2f s\n",
        name, measured.host / 1000, ceiling / 1000, 100 * measured.host / ceiling, target, measured.rate / 1000,
        processorSeconds() - before);
    std::fflush(stdout);
    return measured.host;
}

void gang(int slots, double single, const QByteArray &bytes)
{
    const QTemporaryDir folder;
    const auto hub = std::make_shared<LineHub>();
    std::vector<Place> places;
    for (int i = 1; i <= slots; ++i)
        places.push_back(place(folder, i, {}, 1ms, hub));
    std::vector<Measured> measured(places.size());
    std::barrier together(slots);
    const double before = processorSeconds();
    const auto begin = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < places.size(); ++i)
            threads.emplace_back([&, i] {
                try {
                    measured[i] = upload(places[i], bytes, {}, &together);
                } catch (const Fault &fault) {
                    std::fprintf(stderr, "slot %zu: %s\n", i + 1, fault.what());
                    together.arrive_and_drop();
                }
            });
    }
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double sum = 0, least = 1e12;
    for (const Measured &m : measured) {
        sum += m.host;
        least = std::min(least, m.host);
    }
    std::printf("%2d slots at once: %8.1f kB/s together, %5.1f %% of %d times one slot's rate (wanted 95 %%), "
                "slowest %5.1f %%, cpu %.2f of %.2f s\n",
                slots, sum / 1000, 100 * sum / (slots * single), slots, 100 * least / single,
                processorSeconds() - before, wall);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QStringList wanted = application.arguments().mid(1);
    const auto runs = [&](const QString &part) { return wanted.isEmpty() || wanted.contains(part); };
    const QByteArray bytes = image(imageSize);
    const double line = baud / 10.0, console = line / framingCost;
    try {
        double single = 0;
        VirtualSmpOptions options;
        if (runs(u"console"_s) || runs(u"gang"_s))
            single = one("console, 4 x 2048, 1 ms latency", options, 1ms, console, 90, bytes);
        if (runs(u"latency"_s))
            one("console, 4 x 2048, 16 ms latency", options, 16ms, console, 88, bytes);
        if (runs(u"raw"_s)) {
            VirtualSmpOptions raw;
            raw.framing = VirtualSmpOptions::Framing::Raw;
            one("raw, 4 x 2048, 1 ms latency", raw, 1ms, line, 93, bytes);
        }
        if (runs(u"small"_s)) {
            VirtualSmpOptions small;
            small.bufferSize = 384;
            one("console, 4 x 384, 1 ms latency", small, 1ms, console, 0, bytes);
            small.bufferSize = 1024;
            small.bufferCount = 1;
            one("console, 1 x 1024, 1 ms latency", small, 1ms, console, 0, bytes);
        }
        if (runs(u"gang"_s))
            gang(16, single, bytes);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
