// The line as a whole, through modelled serial lines at 921 600 baud and 1 ms latency: from the scan to the first byte,
// from the last byte to the final verdict, with what they consist of, and how 16 places at once compare with one.
// Prints figures; asserts nothing about time.

#include "app/common/demo.h"
#include "app/common/registry.h"
#include "core/base/fault.h"
#include "core/steps/recipechecker.h"

#include <QGuiApplication>
#include <QTemporaryDir>

#include <algorithm>
#include <cstdio>
#include <map>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

using Clock = std::chrono::steady_clock;

double ms(Clock::time_point from, Clock::time_point to)
{
    return std::chrono::duration<double, std::milli>(to - from).count();
}

double median(std::vector<double> values)
{
    if (values.empty())
        return 0;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// When each word stood on the tile of a place for the first time.
class Stopwatch
{
public:
    explicit Stopwatch(Station &station)
    {
        station.onChanged([times = m_times, &station](int place) {
            if (place < 1)
                return;
            const auto now = Clock::now();
            const SlotView view = station.slot(place);
            const std::lock_guard lock(times->mutex);
            times->words[place].emplace(view.word, now);
        });
    }
    void reset()
    {
        const std::lock_guard lock(m_times->mutex);
        m_times->words.clear();
    }
    std::optional<Clock::time_point> at(int place, const QString &word)
    {
        const std::lock_guard lock(m_times->mutex);
        const auto found = m_times->words[place].find(word);
        return found == m_times->words[place].end() ? std::nullopt : std::optional(found->second);
    }

private:
    struct Times { // shared with the station's callback
        std::mutex mutex;
        std::map<int, std::map<QString, Clock::time_point>> words;
    };
    std::shared_ptr<Times> m_times = std::make_shared<Times>();
};

struct Figures {
    std::vector<double> scanToConnect, connectToByte, scanToByte, byteToRecord, recordToVerdict, byteToVerdict, unit;
};

void oneByOne(Station &station, Stopwatch &watch, VirtualLine &line, int units)
{
    Figures f;
    for (int i = 0; i < units; ++i) {
        line.plugBlank(1);
        watch.reset();
        const QString serial = nextDemoSerial(station);
        const auto scanned = Clock::now();
        const ScanMeaning meaning = station.scan(serial);
        if (!meaning.accepted) {
            std::printf("refused: %s\n", qPrintable(meaning.meaning));
            return;
        }
        station.waitAll();
        const SlotView view = station.slot(1);
        if (view.verdict != Verdict::Pass) {
            std::printf("%s: %s\n", qPrintable(view.word), qPrintable(view.sentence));
            return;
        }
        const auto connect = watch.at(1, u"CONNECT"_s);
        const auto record = watch.at(1, u"RECORD"_s);
        const auto verdict = watch.at(1, u"PASS"_s);
        const auto first = line.line(1).counters().firstToDevice;
        const auto last = line.line(1).counters().lastToDevice;
        if (!connect || !record || !verdict || !first || !last)
            return;
        f.scanToConnect.push_back(ms(scanned, *connect));
        f.connectToByte.push_back(ms(*connect, *first));
        f.scanToByte.push_back(ms(scanned, *first));
        f.byteToRecord.push_back(ms(*last, *record));
        f.recordToVerdict.push_back(ms(*record, *verdict));
        f.byteToVerdict.push_back(ms(*last, *verdict));
        f.unit.push_back(ms(scanned, *verdict));
        station.clear(1);
    }
    std::printf("one place, %d units, medians\n", units);
    std::printf("  scan to first byte on the wire        %8.1f ms\n", median(f.scanToByte));
    std::printf("    look-up, image and recipe checked   %8.1f ms\n", median(f.scanToConnect));
    std::printf("    port opened, first request          %8.1f ms\n", median(f.connectToByte));
    std::printf("  last byte on the wire to final verdict%8.1f ms\n", median(f.byteToVerdict));
    std::printf("    last answer, lock on record         %8.1f ms\n", median(f.byteToRecord));
    std::printf("    whole record durable                %8.1f ms\n", median(f.recordToVerdict));
    std::printf("  scan to verdict                       %8.1f ms\n", median(f.unit));
}

// Image bytes a second, from the first to the last one taken, summed over the places.
double uploadRate(Station &station, VirtualLine &line, int places)
{
    for (int place = 1; place <= places; ++place) {
        line.plugBlank(place);
        station.clear(place);
    }
    for (int place = 1; place <= places; ++place)
        station.start(place, nextDemoSerial(station));
    station.waitAll();
    double sum = 0;
    for (int place = 1; place <= places; ++place) {
        const VirtualSmp::Facts facts = line.board(place).facts();
        if (station.slot(place).verdict != Verdict::Pass || !facts.firstUploadAt || !facts.lastUploadAt) {
            std::printf("place %d: %s\n", place, qPrintable(station.slot(place).sentence));
            return 0;
        }
        sum += double(facts.uploadedBytes) / (ms(*facts.firstUploadAt, *facts.lastUploadAt) / 1000);
    }
    return sum;
}

} // namespace

int main()
{
    std::array<char, 11> name{"bench_line"};
    std::array<char, 10> platform{"-platform"};
    std::array<char, 10> offscreen{"offscreen"};
    std::array<char *, 4> words{name.data(), platform.data(), offscreen.data(), nullptr};
    int count = 3;
    const QtMessageHandler usual =
        qInstallMessageHandler([](QtMsgType, const QMessageLogContext &, const QString &) {});
    const QGuiApplication application(count, words.data());
    qInstallMessageHandler(usual);
    try {
        const QTemporaryDir folder;
        const Home home = openDemoHome(folder.filePath(u"home"_s));
        const DriverRegistry drivers = makeDriverRegistry();
        constexpr int places = 16;
        VirtualLineOptions options;
        options.places = places;
        VirtualLine line(options);
        StationOptions stationOptions;
        stationOptions.mode = Mode::Training;
        const auto station = Station::open(home, drivers, stationOptions);
        station->setSlots(line.places());
        RecipeChecks checks;
        checks.drivers = &drivers;
        station->loadRecipe(loadRecipe(home.recipePath(u"t1"_s), checks));
        const VirtualScanner scanner(*station, home.file(u"labels/training"_s));

        Stopwatch watch(*station);
        oneByOne(*station, watch, line, 9);
        std::vector<double> single;
        for (int i = 0; i < 3; ++i)
            single.push_back(uploadRate(*station, line, 1));
        std::vector<double> together;
        for (int i = 0; i < 3; ++i)
            together.push_back(uploadRate(*station, line, places));
        const double one = median(single);
        const double all = median(together);
        std::printf("%d places at once\n", places);
        std::printf("  image bytes, one place                %8.1f kB/s\n", one / 1000);
        std::printf("  image bytes, %d places               %8.1f kB/s = %.1f %% of %d times one\n", places, all / 1000,
                    100 * all / (places * one), places);
    } catch (const Fault &fault) {
        std::printf("%s %s\n", qPrintable(fault.text()), qPrintable(fault.detail()));
        return fault.exitStatus();
    }
    return 0;
}
