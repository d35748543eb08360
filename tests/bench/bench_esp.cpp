// Deflated writes by the ROM's own commands through the line model. Prints what the blocks take of the line (bytes as
// framed between the first byte of the first block at the chip and the answer to the last one, against baud / 10), the
// rate of the image itself, and what stands between: the ROM takes one block at a time and answers when it is in the
// flash memory, so each block costs its answer, the adapter's latency and the programming. The median block stands
// beside the whole: on a busy computer some blocks wait for a processor, which a station with nothing else to do does
// not see. Asserts nothing about time. Arguments: names of the parts to run, all without.

#include "core/base/fault.h"
#include "drivers/esp/espdriver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualesp.h"
#include "tests/support/espfiles.h"

#include <QCoreApplication>
#include <QFile>
#include <QTemporaryDir>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr int baud = 921600;

double processorSeconds()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

// A megabyte that packs as firmware does: machine code (this program's own), tables, text, padding.
QByteArray firmware()
{
    QByteArray out = test::espImage({.chipId = 5, .payload = 16});
    QFile self(QCoreApplication::applicationFilePath());
    if (self.open(QIODevice::ReadOnly)) {
        self.seek(self.size() / 8);
        out = self.read(1024 * 1024);
    }
    out[0] = '\0'; // data, not an image: what is in it does not matter here
    return out;
}

// The share of the wire that the median block of the usual size has, from one answer to the next.
double medianShare(const VirtualEsp::Facts &facts)
{
    std::vector<double> shares;
    for (size_t i = 1; i < facts.blockEnds.size(); ++i) {
        const auto &[before, less] = facts.blockEnds[i - 1];
        const auto &[at, bytes] = facts.blockEnds[i];
        shares.push_back(double(bytes) / (baud / 10.0) / std::chrono::duration<double>(at - before).count());
    }
    std::sort(shares.begin(), shares.end());
    return shares.empty() ? 0 : shares[shares.size() / 2];
}

void one(const char *name, std::chrono::microseconds latency, std::chrono::microseconds page, int largestBlock,
         const QByteArray &bytes)
{
    const QTemporaryDir folder;
    VirtualEspOptions options;
    options.ptyLink = folder.filePath(u"esp"_s);
    options.rom.programTime = page;
    options.rom.largestBlock = largestBlock;
    VirtualEsp chip(options);
    chip.start();
    LineOptions line;
    line.baud = baud;
    line.latency = latency;
    line.devicePath = chip.path();
    line.hostLink = folder.filePath(u"line"_s);
    LineModel model(line);
    model.start();
    const double cpu = processorSeconds();
    const auto device = EspDriver().open({model.path(), 0, {}}, {});
    const auto result = device->memory()->write({{0x10000, bytes}}, {}, {});
    const double used = processorSeconds() - cpu;
    const auto facts = chip.facts();
    const double seconds = std::chrono::duration<double>(*facts.lastBlockAt - *facts.firstBlockAt).count();
    const double wire = double(facts.dataBytesIn) / seconds, limit = baud / 10.0;
    const double perBlock = seconds / double(facts.counts.blocks);
    const double onWire = double(facts.dataBytesIn) / double(facts.counts.blocks) / limit;
    // What one block at a time allows: its answer of 14 bytes, the latency, the pages of what it unpacks to.
    const double pages = double(bytes.size()) / 256 / double(facts.counts.blocks);
    const double waiting = 14 / limit + std::chrono::duration<double>(latency + pages * page).count();
    std::printf(
        "%-44s %5.1f of %5.1f kB/s: %5.1f %% of the wire (median block %5.1f %%), of %5.1f %% that one block at a time "
        "allows\n"
        "    image %6.1f kB/s (%4.2f:1), whole write %5.2f s; %lld blocks, each %5.2f ms on the wire and %5.2f ms "
        "waiting, of which %5.2f ms by protocol, latency and flash memory; cpu %.2f s\n",
        name, wire / 1000, limit / 1000, 100 * wire / limit, 100 * medianShare(facts),
        100 * onWire / (onWire + waiting), double(bytes.size()) / seconds / 1000,
        double(bytes.size()) / double(facts.dataBytesIn), result.seconds, (long long)facts.counts.blocks, 1000 * onWire,
        1000 * (perBlock - onWire), 1000 * waiting, used);
    std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QStringList wanted = application.arguments().mid(1);
    const auto runs = [&](const QString &part) { return wanted.isEmpty() || wanted.contains(part); };
    const QByteArray bytes = firmware();
    try {
        if (runs(u"latency"_s)) {
            one("blocks of 6144, latency 1 ms (wanted 95 %)", 1ms, 0us, 6144, bytes);
            one("blocks of 6144, no latency", 0ms, 0us, 6144, bytes);
            one("blocks of 6144, latency 2 ms", 2ms, 0us, 6144, bytes);
            one("blocks of 6144, latency 16 ms", 16ms, 0us, 6144, bytes);
        }
        if (runs(u"block"_s)) {
            one("blocks of 4096, latency 1 ms", 1ms, 0us, 4096, bytes);
            one("blocks of 1024, latency 1 ms", 1ms, 0us, 1024, bytes);
            one("blocks of 1024, no latency", 0ms, 0us, 1024, bytes);
        }
        if (runs(u"flash"_s))
            one("blocks of 6144, latency 1 ms, 0.4 ms a page", 1ms, 400us, 6144, bytes);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
