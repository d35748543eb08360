// A debug probe: the driver, and OpenOCD's own "program ... verify reset exit", on the same virtual STM32F103 in the
// same run, with OpenOCD's helper in RAM and by single accesses. Both are OpenOCD on the same wire: the ratio shows
// what the driver adds (pieces that can be stopped, a second start where the chip is to be recognised). Prints times
// and ratios; asserts nothing about time. The wire is a socket, not a probe's: the rates say nothing about hardware.

#include "core/base/fault.h"
#include "drivers/probe/probedriver.h"
#include "drivers/virtual/virtualprobe.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QTemporaryDir>

#include <algorithm>
#include <cstdio>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

constexpr int rounds = 3; // the best counts
constexpr quint64 flashAt = 0x08000000;

QByteArray image(qsizetype size)
{
    QRandomGenerator random(11);
    QByteArray out(size, '\0');
    random.fillRange(reinterpret_cast<quint32 *>(out.data()), out.size() / 4);
    return out.replace(0, 8, QByteArray("\x00\x10\x00\x20\x09\x00\x00\x08", 8));
}

double seconds(Deadline::Clock::time_point from)
{
    return std::chrono::duration<double>(Deadline::Clock::now() - from).count();
}

double theirs(const QString &file, bool workArea)
{
    VirtualProbe probe;
    probe.start();
    const auto begun = Deadline::Clock::now();
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(u"openocd"_s,
                  {u"-c"_s, u"gdb_port disabled; telnet_port disabled; tcl_port disabled"_s, u"-c"_s,
                   u"adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port %1; "
                   "transport select jtag; %2"_s.arg(probe.port())
                       .arg(workArea ? QString() : u"set WORKAREASIZE 0"_s),
                   u"-f"_s, u"target/stm32f1x.cfg"_s, u"-c"_s,
                   u"program {%1} 0x08000000 verify reset exit"_s.arg(file)});
    if (!process.waitForFinished(180'000) || process.exitCode() != 0)
        std::printf("OpenOCD failed: %s\n", process.readAll().right(400).constData());
    return seconds(begun);
}

double ours(const QByteArray &bytes, const QString &board, QString &how)
{
    VirtualProbe probe;
    probe.start();
    Task task;
    task.deadline = Deadline::in(std::chrono::minutes(3));
    const auto begun = Deadline::Clock::now();
    {
        const auto device = ProbeDriver().open({probe.path(), 0, board}, task);
        how = device->memory()->write({{flashAt, bytes}}, {}, task).how;
        device->memory()->start({}, task);
    }
    return seconds(begun);
}

void compare(const char *name, qsizetype size, const QString &board, bool workArea, const QTemporaryDir &folder)
{
    const QByteArray bytes = image(size);
    QFile file(folder.filePath(u"fw.bin"_s));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != size)
        return;
    file.close();
    double best = 1e9, peer = 1e9;
    QString how;
    for (int i = 0; i < rounds; ++i) {
        peer = std::min(peer, theirs(file.fileName(), workArea));
        best = std::min(best, ours(bytes, board, how));
    }
    std::printf("%-28s %7lld bytes  driver %6.2f s (%s)  openocd program %6.2f s  ratio %.2f\n", name, qlonglong(size),
                best, qPrintable(how), peer, peer / best);
}

} // namespace

int main(int argc, char **argv)
{
    const QCoreApplication application(argc, argv);
    const QTemporaryDir folder;
    QFile own(folder.filePath(u"own.json"_s));
    if (own.open(QIODevice::WriteOnly)) {
        own.write(R"({"slipway-quirks": 1, "driver": "probe", "boards": {"slow": {"description": "no work area",
                  "source": "bench", "date": "2026-11-21", "like": "stm32f1", "work-area": false}}})");
        own.close();
        qputenv("SLIPWAY_PROBE_QUIRKS", own.fileName().toLocal8Bit());
    }
    try {
        compare("helper, board named", 64 * 1024, u"stm32f1"_s, true, folder);
        compare("helper, chip recognised", 64 * 1024, QString(), true, folder);
        compare("single accesses", 8 * 1024, u"slow"_s, false, folder);
    } catch (const Fault &fault) {
        std::printf("%s\n", fault.what());
        return 1;
    }
    return 0;
}
