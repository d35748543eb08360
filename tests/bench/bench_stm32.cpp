// The STM32 boot loader through the line model at 115 200 baud with 1 ms latency: the driver, stm32flash on the same
// virtual chip and line in the same run, and what the protocol's stop-and-wait allows. Writing alone and writing with
// verification apart. Prints rates and ratios; asserts nothing about time. Arguments: names of the parts, all without.
//
// What stop-and-wait allows is given twice. By arithmetic: a block of 256 bytes costs 268 bytes on the wire, written
// or read (command 2, ACK 1, address 5, ACK 1, then count, data, checksum 258, ACK 1; or count 2, ACK 1, data 256) and
// three turns of the line, each the adapter's latency. By measurement: a host that does nothing but send and wait and
// a device that does nothing but answer, in the same steps over the same line model, whose moves at whole milliseconds
// (the frames of full-speed USB) cost both of them more than the latency alone.
// Rates are payload by wall time of the write; stm32flash counts from its start to its end, once as it is and once less
// what it takes when it only asks for the id.

#include "core/base/fault.h"
#include "drivers/link/bytelink.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualstm32.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <thread>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr int baud = 115200;
constexpr auto latency = 1ms;
constexpr qsizetype imageSize = 32 * 1024;
constexpr int rounds = 4; // each with all of them at once, so that they have the same computer; the best counts
constexpr int blocks = imageSize / 256;

double seconds(std::chrono::steady_clock::duration span)
{
    return std::chrono::duration<double>(span).count();
}

QByteArray image()
{
    QRandomGenerator random(11);
    QByteArray out(imageSize, '\0');
    random.fillRange(reinterpret_cast<quint32 *>(out.data()), out.size() / 4);
    return out;
}

// One chip behind one line, anew for each run, so that all find a blank flash.
struct Place {
    Place()
    {
        VirtualStm32Options options;
        options.ptyLink = folder.filePath(u"stm0"_s);
        options.loaderAfterClose = false;
        chip = std::make_unique<VirtualStm32>(options);
        chip->start();
        LineOptions wire;
        wire.baud = baud;
        wire.latency = latency;
        wire.devicePath = chip->path();
        wire.hostLink = folder.filePath(u"line0"_s);
        line = std::make_unique<LineModel>(wire);
        line->start();
    }
    QTemporaryDir folder;
    std::unique_ptr<VirtualStm32> chip;
    std::unique_ptr<LineModel> line;
};

// Seconds for as many blocks, with every answer and nothing else.
double ideal(bool verify)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw Fault("virtual.link", {u"socketpair"_s, u"failed"_s});
    const QTemporaryDir folder;
    LineOptions wire;
    wire.baud = baud;
    wire.latency = latency;
    wire.deviceFd = ends[1];
    wire.hostLink = folder.filePath(u"line"_s);
    LineModel line(wire);
    line.start();
    struct Step {
        int out, in;
    };
    std::vector<Step> steps;
    for (int i = 0; i < blocks; ++i)
        steps.insert(steps.end(), {{2, 1}, {5, 1}, {258, 1}});
    for (int i = 0; verify && i < blocks; ++i)
        steps.insert(steps.end(), {{2, 1}, {5, 1}, {2, 257}});
    const std::jthread device([&] {
        char bytes[512] = {};
        for (const Step &step : steps) {
            for (ssize_t got = 0; got < step.out;) {
                const ssize_t n = ::read(ends[0], bytes, size_t(step.out - got));
                if (n <= 0)
                    return;
                got += n;
            }
            if (::write(ends[0], bytes, size_t(step.in)) != step.in)
                return;
        }
    });
    const auto host = openLink({line.path(), baud}, {});
    const QByteArray bytes(512, 'x');
    const auto begun = std::chrono::steady_clock::now();
    for (const Step &step : steps) {
        host->write(QByteArrayView(bytes).first(step.out), Deadline::in(10s), {});
        for (qsizetype got = 0; got < step.in;) {
            const qsizetype n = host->read(Deadline::in(10s), {}).size();
            if (n == 0)
                throw Fault("base.timeout", {u"The measurement"_s});
            got += n;
        }
    }
    const double out = seconds(std::chrono::steady_clock::now() - begun);
    ::close(ends[0]);
    return out;
}

qint64 wireBytes(const Place &place)
{
    const auto facts = place.chip->facts();
    return facts.bytesIn + facts.bytesOut;
}

struct Times {
    double write = 0, session = 0; // of the write; from opening the port to the end
    qint64 wire = 0;               // bytes of the session, both directions
};

Times ours(bool verify, const QByteArray &bytes)
{
    const Place place;
    const auto begun = std::chrono::steady_clock::now();
    const auto device = Stm32Driver().open({place.line->path(), baud, {}}, {});
    Memory::WriteOptions options;
    options.verify = verify;
    options.eraseAll = true; // as stm32flash does
    const double took = device->memory()->write({{0x08000000, bytes}}, options, {}).seconds;
    const double session = seconds(std::chrono::steady_clock::now() - begun);
    if (place.chip->facts().flash.first(bytes.size()) != bytes || place.chip->facts().rom.overrun != 0)
        throw Fault("memory.verify", {u"0x08000000"_s});
    return {took, session, wireBytes(place)};
}

Times stm32flash(const QStringList &arguments, const QByteArray &bytes)
{
    const Place place;
    QFile file(place.folder.filePath(u"fw.bin"_s));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        throw Fault("file.unwritable", {file.fileName(), file.errorString()});
    file.close();
    QStringList words{u"-m"_s, u"8n1"_s, u"-b"_s, QString::number(baud)};
    for (const QString &argument : arguments)
        words << (argument == u"FILE" ? file.fileName() : argument);
    words << place.line->path();
    QProcess program;
    program.setProcessChannelMode(QProcess::MergedChannels);
    const auto begun = std::chrono::steady_clock::now();
    program.start(u"stm32flash"_s, words);
    if (!program.waitForFinished(120'000) || program.exitCode() != 0)
        throw Fault("base.usage", {u"stm32flash failed: "_s + QString::fromUtf8(program.readAll().right(200)), {}});
    const double out = seconds(std::chrono::steady_clock::now() - begun);
    if (!arguments.isEmpty() && place.chip->facts().flash.first(bytes.size()) != bytes)
        throw Fault("memory.verify", {u"0x08000000"_s});
    return {out, out, wireBytes(place)};
}

void compare(const char *name, bool verify, const QByteArray &bytes)
{
    const int passes = verify ? 2 : 1;
    const double wire = passes * blocks * 268 * 10.0 / baud;
    const double arithmetic = wire + passes * blocks * 3 * std::chrono::duration<double>(latency).count();
    const bool there = !QStandardPaths::findExecutable(u"stm32flash"_s).isEmpty();
    QStringList words{u"-w"_s, u"FILE"_s};
    if (verify)
        words << u"-v"_s;
    double allowed = 1e9, took = 1e9, session = 1e9, asks = 1e9, theirs = 1e9;
    qint64 ourWire = 0, theirWire = 0;
    for (int round = 0; round < rounds; ++round) {
        double ceiling = 0;
        Times own, other;
        std::exception_ptr trouble[3];
        const auto attempt = [](std::exception_ptr &failed, const std::function<void()> &work) {
            try {
                work();
            } catch (const Fault &) {
                failed = std::current_exception();
            }
        };
        {
            const std::jthread a([&] { attempt(trouble[0], [&] { ceiling = ideal(verify); }); });
            const std::jthread b([&] { attempt(trouble[1], [&] { own = ours(verify, bytes); }); });
            if (there)
                attempt(trouble[2], [&] { other = stm32flash(words, bytes); });
        }
        for (const std::exception_ptr &failed : trouble) {
            if (failed)
                std::rethrow_exception(failed);
        }
        allowed = std::min(allowed, ceiling);
        took = std::min(took, own.write);
        session = std::min(session, own.session);
        ourWire = own.wire;
        if (there) {
            asks = std::min(asks, stm32flash({}, bytes).session);
            theirs = std::min(theirs, other.session);
            theirWire = other.wire;
        }
    }
    std::printf("%s, %lld KiB at %d baud, %lld ms latency\n", name, static_cast<long long>(imageSize / 1024), baud,
                static_cast<long long>(latency.count()));
    std::printf("  on the wire %6.3f s, with the latency of each turn %6.3f s, stop-and-wait as measured %6.3f s\n",
                wire, arithmetic, allowed);
    std::printf("  slipway     %6.3f s, %5.2f kB/s: %5.1f %% of stop-and-wait as measured (wanted 95 %%), %5.1f %% by "
                "arithmetic\n",
                took, double(imageSize) / took / 1000, 100 * allowed / took, 100 * arithmetic / took);
    std::printf("  slipway, from opening the port to the end     %6.3f s\n", session);
    if (!there) {
        std::printf("  stm32flash is not installed\n");
        return;
    }
    std::printf("  stm32flash, from its start to its end         %6.3f s; less what it does besides (%.3f s) %6.3f s, "
                "%5.2f kB/s\n",
                theirs, asks, theirs - asks, double(imageSize) / (theirs - asks) / 1000);
    std::printf(
        "  slipway to stm32flash: %.3f times as fast over all, %.3f times for the writing; bytes on the wire %lld "
        "to %lld\n",
        theirs / session, (theirs - asks) / took, static_cast<long long>(ourWire), static_cast<long long>(theirWire));
    std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QStringList wanted = application.arguments().mid(1);
    const auto runs = [&](const QString &part) { return wanted.isEmpty() || wanted.contains(part); };
    const QByteArray bytes = image();
    try {
        if (runs(u"write"_s))
            compare("Write", false, bytes);
        if (runs(u"verify"_s))
            compare("Write and verify", true, bytes);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
