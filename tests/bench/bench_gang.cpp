// Places of every kind at work together, against what one place of each kind does alone: 24 places of SMP, ESP, STM32,
// Linux console, CoAP, UF2 and USB DFU by turns, serial ones through the line model, the others with the time that
// their device takes for a block. Alone and together by turns in one run, since a busy computer's load changes; printed
// are the rates, the share of the sum of the single rates (wanted: 95 %), the processor time and the load. Asserts
// nothing about time. Arguments: "rounds=3", "places=24" in all, or "slots=4" of each kind, names of kinds ("smp",
// "esp" ...), "journal": each place writes into one journal meanwhile as a run does; all kinds without. USB devices
// come from umockdev: where it is there, the program starts itself again under its preload library. One thread answers
// all of them.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/journal/journal.h"
#include "drivers/coap/coaptransfer.h"
#include "drivers/esp/espdriver.h"
#include "drivers/linux/linuxdevice.h"
#include "drivers/smp/smpdriver.h"
#include "drivers/stm32/stm32driver.h"
#include "drivers/uf2/uf2driver.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualcoap.h"
#include "drivers/virtual/virtualesp.h"
#include "drivers/virtual/virtuallinux.h"
#include "drivers/virtual/virtualsmp.h"
#include "drivers/virtual/virtualstm32.h"
#include "drivers/virtual/virtualuf2.h"

#ifdef SLIPWAY_USBBED
#include "drivers/dfu/dfudriver.h"
#include "tests/support/usbbed.h"
#endif

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QMap>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtEndian>

#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {

QByteArray noise(qsizetype size)
{
    QByteArray out((size + 3) / 4 * 4, '\0');
    QRandomGenerator random(11);
    random.fillRange(reinterpret_cast<quint32 *>(out.data()), out.size() / 4);
    return out.first(size);
}

// An unsigned MCUboot image: header, random payload, hash.
QByteArray mcubootImage(qsizetype size)
{
    constexpr qsizetype header = 32, trailer = 4 + 4 + 32;
    QByteArray out = noise(size - trailer);
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

double since(Steady::time_point begin)
{
    return std::chrono::duration<double>(Steady::now() - begin).count();
}

double processorSeconds()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

double load()
{
    double now = 0;
    return ::getloadavg(&now, 1) == 1 ? now : 0;
}

// One device, opened; all of it goes with the place.
struct Place {
    virtual ~Place() = default;
    // Bytes of content a second.
    virtual double transfer(const Task &task) = 0;
};

struct Rig {
    QTemporaryDir folder;
    std::shared_ptr<LineHub> hub = std::make_shared<LineHub>();
#ifdef SLIPWAY_USBBED
    std::unique_ptr<test::UsbBed> bed;
#endif
};

std::unique_ptr<LineModel> wire(Rig &rig, int number, const QString &device, int baud)
{
    LineOptions options;
    options.baud = baud;
    options.latency = 1ms;
    options.devicePath = device;
    options.hostLink = rig.folder.filePath(u"line%1"_s.arg(number));
    auto line = std::make_unique<LineModel>(options, rig.hub);
    line->start();
    return line;
}

// About four seconds each.
struct SmpPlace final : Place {
    SmpPlace(Rig &rig, int number) : image(mcubootImage(270'000))
    {
        VirtualSmpOptions options;
        options.ptyLink = rig.folder.filePath(u"dut%1"_s.arg(number));
        board = std::make_unique<VirtualSmp>(options);
        board->start();
        line = wire(rig, number, board->path(), 921600);
        device = SmpDriver().open({line->path(), 921600, {}}, {});
    }
    double transfer(const Task &task) override
    {
        const auto begin = Steady::now();
        (void)device->firmware()->write(image, {}, task);
        return double(image.size()) / since(begin);
    }
    QByteArray image;
    std::unique_ptr<VirtualSmp> board;
    std::unique_ptr<LineModel> line;
    std::unique_ptr<Device> device;
};

struct EspPlace final : Place {
    EspPlace(Rig &rig, int number)
    {
        VirtualEspOptions options;
        options.ptyLink = rig.folder.filePath(u"dut%1"_s.arg(number));
        chip = std::make_unique<VirtualEsp>(options);
        chip->start();
        line = wire(rig, number, chip->path(), 921600);
        device = EspDriver().open({line->path(), 0, {}}, {});
    }
    double transfer(const Task &task) override
    {
        const QByteArray content = noise(320'000);
        const auto begin = Steady::now();
        (void)device->memory()->write({{0x10000, content}}, {}, task);
        return double(content.size()) / since(begin);
    }
    std::unique_ptr<VirtualEsp> chip;
    std::unique_ptr<LineModel> line;
    std::unique_ptr<Device> device;
};

struct Stm32Place final : Place {
    Stm32Place(Rig &rig, int number)
    {
        VirtualStm32Options options;
        options.ptyLink = rig.folder.filePath(u"dut%1"_s.arg(number));
        options.loaderAfterClose = false;
        chip = std::make_unique<VirtualStm32>(options);
        chip->start();
        line = wire(rig, number, chip->path(), 115200);
        device = Stm32Driver().open({line->path(), 115200, {}}, {});
    }
    double transfer(const Task &task) override
    {
        const QByteArray content = noise(28 * 1024);
        Memory::WriteOptions options;
        options.verify = false;
        options.eraseAll = true;
        const auto begin = Steady::now();
        (void)device->memory()->write({{0x08000000, content}}, options, task);
        return double(content.size()) / since(begin);
    }
    std::unique_ptr<VirtualStm32> chip;
    std::unique_ptr<LineModel> line;
    std::unique_ptr<Device> device;
};

struct LinuxPlace final : Place {
    LinuxPlace(Rig &rig, int number)
    {
        VirtualLinuxOptions options;
        options.shell = u"bash"_s;
        options.loggedIn = true;
        options.countdown = options.bootTime = 20ms;
        gateway = std::make_unique<VirtualLinux>(options);
        gateway->start();
        line = wire(rig, number, gateway->path(), 921600);
        LinuxBoard board = LinuxBoards::load().find(u"virtual-gateway"_s);
        board.encoding = LinuxEncoding::Raw;
        LinkOptions link;
        link.port = line->path();
        device = std::make_unique<LinuxDevice>(openLink(link, {}), board);
        device->attach({}, {});
    }
    double transfer(const Task &task) override
    {
        const QByteArray content = noise(340'000);
        const auto begin = Steady::now();
        (void)device->files().put(content, u"data/file"_s, false, task);
        return double(content.size()) / since(begin);
    }
    std::unique_ptr<VirtualLinux> gateway;
    std::unique_ptr<LineModel> line;
    std::unique_ptr<LinuxDevice> device;
};

// A slow radio: each block is thought about.
struct CoapPlace final : Place {
    explicit CoapPlace()
    {
        VirtualCoapOptions options;
        options.separate = true;
        options.think = 15ms;
        board = std::make_unique<VirtualCoap>(options);
        board->start();
        CoapClient::Options how;
        how.address = CoapAddress::parse(board->path());
        client = std::make_unique<CoapClient>(how);
        client->connect({});
    }
    double transfer(const Task &task) override
    {
        CoapRequest request;
        request.path = u"/files/x"_s;
        request.method = coap::Put;
        request.format = coap::OctetStream;
        request.payload = noise(230'000);
        CoapTransfer how;
        how.limit = request.payload.size();
        const auto begin = Steady::now();
        demand(*client, request, how, task);
        return double(request.payload.size()) / since(begin);
    }
    std::unique_ptr<VirtualCoap> board;
    std::unique_ptr<CoapClient> client;
};

// 128 kB a second, as flash memory takes it.
struct Uf2Place final : Place {
    Uf2Place(Rig &rig, int number)
    {
        VirtualUf2Options options = virtualUf2Board(u"rp2040"_s);
        options.root = rig.folder.filePath(u"dut%1"_s.arg(number));
        options.programTime = 2000us;
        options.restartTime = 20ms;
        drive = std::make_unique<VirtualUf2>(options);
        drive->start();
        device = Uf2Driver().open({options.root, 0, {}}, {});
    }
    double transfer(const Task &task) override
    {
        const QByteArray content = noise(500'000);
        const auto begin = Steady::now();
        (void)device->memory()->write({{0x10000000, content}}, {}, task);
        return double(content.size()) / since(begin);
    }
    std::unique_ptr<VirtualUf2> drive;
    std::unique_ptr<Device> device;
};

#ifdef SLIPWAY_USBBED
// 2048 bytes in 20 ms, into blank flash.
struct DfuPlace final : Place {
    DfuPlace(Rig &rig, int number)
    {
        VirtualDfuOptions options;
        options.writeTime = 20ms;
        options.serial = u"SN%1"_s.arg(number);
        chip = std::make_unique<VirtualDfu>(options);
        if (!rig.bed)
            rig.bed = std::make_unique<test::UsbBed>();
        const QString place = u"1-%1"_s.arg(number);
        rig.bed->plug(*chip, place);
        Task task;
        task.deadline = Deadline::in(30s);
        device = DfuDriver().open({u"usb:"_s + place, 0, {}}, task);
    }
    double transfer(const Task &task) override
    {
        const QByteArray content = noise(384 * 1024);
        const auto begin = Steady::now();
        (void)device->memory()->write({{0x08000000, content}}, {.verify = false}, task);
        return double(content.size()) / since(begin);
    }
    std::unique_ptr<VirtualDfu> chip;
    std::unique_ptr<Device> device;
};
#endif

std::unique_ptr<Place> place(const QString &kind, Rig &rig, int number)
{
    if (kind == u"smp")
        return std::make_unique<SmpPlace>(rig, number);
    if (kind == u"esp")
        return std::make_unique<EspPlace>(rig, number);
    if (kind == u"stm32")
        return std::make_unique<Stm32Place>(rig, number);
    if (kind == u"linux")
        return std::make_unique<LinuxPlace>(rig, number);
    if (kind == u"coap")
        return std::make_unique<CoapPlace>();
#ifdef SLIPWAY_USBBED
    if (kind == u"dfu")
        return std::make_unique<DfuPlace>(rig, number);
#endif
    return std::make_unique<Uf2Place>(rig, number);
}

struct Ran {
    std::vector<double> rates;
    double cpu = 0, wall = 0;
};

// Places of these kinds together. Each has a progress that somebody looks at, and writes its record where there is one.
Ran together(const QStringList &kinds, Journal *journal)
{
    Rig rig;
    std::vector<std::unique_ptr<Place>> places;
    for (qsizetype i = 0; i < kinds.size(); ++i)
        places.push_back(place(kinds[i], rig, int(i) + 1));
    Ran out;
    out.rates.resize(places.size());
    std::barrier begin(std::ptrdiff_t(places.size()) + 1);
    double cpu = 0;
    Steady::time_point from;
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < places.size(); ++i)
            threads.emplace_back([&, i] {
                std::mutex board;
                Progress::Snapshot seen;
                Progress progress({}, [&] {
                    const auto now = progress.snapshot();
                    const std::lock_guard lock(board);
                    seen = now;
                    if (journal)
                        journal->append({u"fact"_s,
                                         QString::number(i),
                                         u"unit"_s,
                                         {{u"name"_s, u"done"_s}, {u"value"_s, now.done}}});
                });
                Task task;
                task.deadline = Deadline::in(120s);
                task.progress = &progress.add(u"Write"_s);
                begin.arrive_and_wait();
                try {
                    out.rates[i] = places[i]->transfer(task);
                } catch (const Fault &fault) {
                    std::fprintf(stderr, "%s at place %zu: %s\n", qPrintable(kinds[qsizetype(i)]), i + 1, fault.what());
                }
            });
        cpu = processorSeconds();
        from = Steady::now();
        begin.arrive_and_wait();
    }
    out.wall = since(from);
    out.cpu = processorSeconds() - cpu;
    return out;
}

} // namespace

int main(int argc, char **argv)
{
    QStringList all{u"smp"_s, u"esp"_s, u"stm32"_s, u"linux"_s, u"coap"_s, u"uf2"_s}, kinds;
#ifdef SLIPWAY_USBBED
    all << u"dfu"_s;
    if (!test::UsbBed::isPreloaded()) {
        ::setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1);
        ::execv("/proc/self/exe", argv);
    }
#endif
    QCoreApplication application(argc, argv);
    int rounds = 3, each = 0;
    qsizetype places = 24;
    bool record = false;
    const QStringList words = application.arguments().mid(1);
    for (const QString &word : words) {
        if (word.startsWith(u"rounds="))
            rounds = std::clamp(word.mid(7).toInt(), 1, 100);
        else if (word.startsWith(u"slots="))
            each = std::clamp(word.mid(6).toInt(), 1, 16);
        else if (word.startsWith(u"places="))
            places = std::clamp(word.mid(7).toInt(), 1, 100);
        else if (word == u"journal")
            record = true;
        else if (all.contains(word))
            kinds << word;
    }
    if (kinds.isEmpty())
        kinds = all;
    if (!VirtualUf2::canMount() && kinds.removeAll(u"uf2"_s) > 0)
        std::printf("uf2 is left out: nobody may mount a file system here (FUSE)\n");
    if (each > 0)
        places = each * kinds.size();
    QStringList gang;
    while (gang.size() < places)
        gang << kinds[gang.size() % kinds.size()];
    try {
        const QTemporaryDir folder;
        std::unique_ptr<Journal> journal;
        if (record)
            journal = Journal::open(folder.filePath(u"journal.db"_s), nullptr);
        double best = 0;
        QMap<QString, double> alone; // the best of all rounds
        for (int round = 1; round <= rounds; ++round) {
            QMap<QString, double> now;
            for (const QString &kind : std::as_const(kinds)) {
                const Ran ran = together({kind}, journal.get());
                now[kind] = ran.rates.front();
                alone[kind] = std::max(alone[kind], now[kind]);
                std::printf("  %-6s alone %7.1f kB/s, cpu %.2f of %.2f s\n", qPrintable(kind), now[kind] / 1000,
                            ran.cpu, ran.wall);
                std::fflush(stdout);
            }
            const Ran ran = together(gang, journal.get());
            QMap<QString, double> sums;
            double sum = 0, wanted = 0, wantedNow = 0, shares = 0, least = 1e9;
            for (qsizetype i = 0; i < gang.size(); ++i) {
                const double rate = ran.rates[size_t(i)], single = alone.value(gang[i]);
                sums[gang[i]] += rate;
                sum += rate;
                wanted += single;
                wantedNow += now.value(gang[i]);
                shares += rate / single;
                least = std::min(least, rate / single);
            }
            std::printf("round %d: %lld places together %.1f kB/s, %.1f %% of the sum of single rates (of this round's "
                        "%.1f %%; wanted 95 %%), mean share %.1f %%, least %.1f %%; cpu %.2f of %.2f s, load %.1f\n",
                        round, static_cast<long long>(gang.size()), sum / 1000, 100 * sum / wanted,
                        100 * sum / wantedNow, 100 * shares / double(gang.size()), 100 * least, ran.cpu, ran.wall,
                        load());
            for (const QString &kind : std::as_const(kinds))
                std::printf("  %-6s %5.1f %%", qPrintable(kind),
                            100 * sums.value(kind) / double(gang.count(kind)) / alone.value(kind));
            std::printf("\n");
            std::fflush(stdout);
            best = std::max(best, sum / wanted);
        }
        std::printf("best of %d rounds: %.1f %% of the sum of single rates (wanted 95 %%)\n", rounds, 100 * best);
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", fault.what());
        return 1;
    }
    return 0;
}
