// Programming over USB DFU: the driver and dfu-util on the same virtual device in the same run, both held against what
// the device's own poll time-outs allow, for times as real parts tell them. Seconds are those of the whole job, from
// opening to the end; for dfu-util those of its process. The bus of the test bed is software: what a control transfer
// costs there is printed as well. Starts itself again under umockdev's preload library. Asserts nothing about time.

#include "tests/support/dfubench.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>

#include <unistd.h>

#include <cstdio>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock;

constexpr int runs = 3; // the quickest counts, on both sides

double seconds(Steady::time_point from)
{
    return std::chrono::duration<double>(Steady::now() - from).count();
}

struct Measured {
    double wall = 1e9, demanded = 0;
    int requests = 0;
};

Measured best(VirtualDfu &device, const std::function<void()> &prepare, const std::function<void()> &job)
{
    Measured out;
    for (int i = 0; i < runs; ++i) {
        prepare();
        const auto before = device.facts();
        const auto begin = Steady::now();
        job();
        const double wall = seconds(begin);
        const auto after = device.facts();
        if (wall < out.wall)
            out = {wall, std::chrono::duration<double>(after.demanded - before.demanded).count(),
                   after.requests - before.requests};
    }
    return out;
}

void report(const char *who, const Measured &m, double limit, qsizetype bytes)
{
    std::printf(
        "  %-22s %6.2f s  %6.1f kB/s  %5d requests  its time-outs %5.2f s  over the least time-outs %+6.1f %%\n", who,
        m.wall, double(bytes) / m.wall / 1000, m.requests, m.demanded, 100 * (m.wall / limit - 1));
    std::fflush(stdout);
}

void dfuUtil(const QStringList &arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"dfu-util"_s, arguments);
    if (!process.waitForFinished(120'000) || process.exitCode() != 0)
        std::fprintf(stderr, "dfu-util: %s\n", process.readAll().constData());
}

double transferSeconds = 0; // of one control transfer on this bed

// Raw figures, and the same with the bed's cost of the transfers taken off both sides: its bus is software, and what a
// transfer costs on a real one it does not know.
void compare(const Measured &ours, const Measured &theirs, double limit)
{
    const double mine = ours.wall - ours.requests * transferSeconds;
    const double other = theirs.wall - theirs.requests * transferSeconds;
    std::printf("  raw:                        %4.2f times as fast as dfu-util (wanted 1.2), %5.1f %% over the poll "
                "time-outs (wanted 5)\n"
                "  transfers' cost subtracted: %4.2f times, %5.1f %% over (%d transfers of slipway, %d of dfu-util, "
                "%.2f ms each on this bed)\n"
                "  ceiling:                    %4.2f times: a program that costs nothing besides these time-outs\n",
                theirs.wall / ours.wall, 100 * (ours.wall / limit - 1), other / mine, 100 * (mine / limit - 1),
                ours.requests, theirs.requests, transferSeconds * 1000, theirs.wall / limit);
}

void transferCost()
{
    VirtualDfu device;
    UsbBed bed;
    bed.plug(device, dfuPlace);
    UsbLink link(dfuPlace);
    link.claim(0);
    const auto begin = Steady::now();
    constexpr int many = 300;
    for (int i = 0; i < many; ++i)
        link.in({0x21, 5, 0, 0}, 1, withinSeconds(5)); // DFU_GETSTATE
    transferSeconds = seconds(begin) / many;
    std::printf("a control transfer costs %.2f ms on this bed\n", transferSeconds * 1000);
}

enum class Unit {
    Blank,
    Other,  // holds something else in every sector
    Before, // holds the version before: its first quarter, the boot loader and settings, is the same
};

void dfuse(const char *name, const VirtualDfuOptions &options, qsizetype size, Unit unit)
{
    VirtualDfu device(options);
    UsbBed bed;
    bed.plug(device, dfuPlace);
    const QByteArray image = someBytes(size);
    QByteArray before = unit == Unit::Blank ? QByteArray(size, '\xff') : someBytes(size, 99);
    if (unit == Unit::Before)
        before.replace(0, size / 4, image.first(size / 4));
    const QTemporaryDir folder;
    QFile file(folder.filePath(u"image.bin"_s));
    if (file.open(QIODevice::WriteOnly))
        file.write(image);
    file.close();
    std::printf("%s, %s, %lld bytes\n", name,
                unit == Unit::Blank   ? "a blank unit"
                : unit == Unit::Other ? "a unit that holds something else"
                                      : "a unit that holds the version before",
                static_cast<long long>(size));
    const auto prepare = [&] { device.setMemory(0x08000000, before); };
    const auto write = [&](bool verify) {
        return best(device, prepare, [&] {
            openDfu()->memory()->write({{0x08000000, image}}, {.verify = verify}, withinSeconds(100));
        });
    };
    const Measured ours = write(false);
    const Measured checked = write(true);
    const Measured theirs = best(device, prepare, [&] {
        dfuUtil({u"-a"_s, u"0"_s, u"-s"_s, u"0x08000000"_s, u"-D"_s, file.fileName()});
    });
    const double limit = ours.demanded;
    report("slipway", ours, limit, size);
    report("slipway, read back", checked, limit, size);
    report("dfu-util", theirs, limit, size);
    compare(ours, theirs, limit);
}

void plain(const char *name, VirtualDfuOptions options, qsizetype size, bool runtime)
{
    if (runtime)
        options = withRuntime(options);
    VirtualDfu device(options);
    UsbBed bed;
    bed.plug(device, dfuPlace);
    const QByteArray image = someBytes(size);
    const QTemporaryDir folder;
    QFile file(folder.filePath(u"image.bin"_s));
    if (file.open(QIODevice::WriteOnly))
        file.write(image);
    file.close();
    std::printf("%s, %lld bytes\n", name, static_cast<long long>(size));
    const auto backHome = [&] {
        while (runtime && !(device.facts().runtime && bed.addressOf(dfuPlace)))
            std::this_thread::yield();
    };
    const Measured ours = best(
        device, [] {},
        [&] {
            openDfu()->firmware()->write(image, {}, withinSeconds(100));
            backHome();
        });
    const Measured theirs = best(
        device, [] {},
        [&] {
            QStringList arguments{u"-a"_s, u"0"_s, u"-D"_s, file.fileName()};
            if (runtime)
                arguments.prepend(u"-R"_s);
            dfuUtil(arguments);
            backHome();
        });
    report("slipway", ours, ours.demanded, size);
    report("dfu-util", theirs, ours.demanded, size);
    compare(ours, theirs, ours.demanded);
}

} // namespace

int main(int argc, char **argv)
{
    if (!UsbBed::isPreloaded()) {
        ::setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1);
        ::execv("/proc/self/exe", argv);
        return 1;
    }
    QCoreApplication application(argc, argv);
    try {
        transferCost();
        VirtualDfuOptions rom; // an STM32F4: 16 us a word, a quarter of a second for a sector of 16 KiB
        rom.eraseTime = 250ms;
        rom.writeTime = 9ms;
        dfuse("DfuSe, STM32F4 ROM", rom, 128 * 1024, Unit::Before);
        dfuse("DfuSe, STM32F4 ROM", rom, 128 * 1024, Unit::Other);
        dfuse("DfuSe, STM32F4 ROM", rom, 128 * 1024, Unit::Blank);
        VirtualDfuOptions library; // ST's class tells the time of a write for setting the address, too
        library.alternates = {u"@Internal Flash  /0x08000000/256*002Kg"_s};
        library.transferSize = 1024;
        library.eraseTime = 50ms;
        library.writeTime = 50ms;
        library.addressTime = 50ms;
        dfuse("DfuSe, ST's USB device library", library, 32 * 1024, Unit::Before);
        dfuse("DfuSe, ST's USB device library", library, 32 * 1024, Unit::Other);
        VirtualDfuOptions image = plainOptions();
        image.transferSize = 1024;
        image.writeTime = 20ms;
        image.manifestTime = 300ms;
        plain("DFU 1.1, in its boot loader", image, 64 * 1024, false);
        plain("DFU 1.1, from the application and back", image, 64 * 1024, true);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
