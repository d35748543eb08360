#include "drivers/virtual/linemodel.h"

#include "core/base/fault.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/linepacing.h"

#include <QFile>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto reopenEvery = 20ms;          // a device that went away
constexpr qsizetype uartBuffer = 4096;      // bytes of the device that wait for the wire
constexpr qsizetype longestBacklog = 65536; // delivered and not taken: lost beyond this

// A buffer is filled again when a quarter of it is free: a pty wakes its reader for each byte that it can let go.
bool worthFilling(const QByteArray &bytes, qsizetype limit)
{
    return bytes.isEmpty() || bytes.size() <= limit - std::max<qsizetype>(1, limit / 4);
}

qint64 nanoseconds(Clock::time_point at)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

} // namespace

// One line. All of it is touched by the hub's thread, or under the hub's mutex.
struct LineModel::Private {
    Private(LineOptions given, std::shared_ptr<LineHub> itsHub);

    void openDevice();
    void deviceGone();
    void service(Clock::time_point at);
    std::optional<qint64> nextDue(qint64 now) const;
    void readHost(qint64 now);
    void readDevice(qint64 now);
    void toDevice(Clock::time_point at);
    void toHost();

    const LineOptions options;
    std::shared_ptr<LineHub> hub;
    std::unique_ptr<PtyEnd> host;
    OwnedFd device;
    bool running = false;
    bool rung = true;          // to be looked at now
    std::optional<qint64> due; // to be looked at then
    bool hostReadable = false, deviceReadable = false;
    std::optional<qint64> reopenAt;

    QByteArray hostBytes, deviceBytes; // wait for the wire
    qint64 hostSince = 0, deviceSince = 0;
    UartPacer down, up; // to the device, to the host
    LatencyTimer timer;
    LineNoise downNoise, upNoise;
    QByteArray deviceBacklog, hostBacklog; // over the wire, not taken yet
    Counters counters;
};

struct LineHub::Private {
    void run(std::stop_token stop);
    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
    }
    void watch(int fd, void *line, bool isDevice) const
    {
        epoll_event wanted = {};
        wanted.events = EPOLLIN | EPOLLET;
        // The lowest bit tells the ends of a line apart.
        wanted.data.u64 = reinterpret_cast<quint64>(line) | (isDevice ? 1 : 0);
        ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &wanted);
    }

    std::mutex mutex;
    std::vector<std::shared_ptr<LineModel::Private>> lines;
    OwnedFd poll{::epoll_create1(EPOLL_CLOEXEC)};
    OwnedFd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    std::jthread thread;
};

LineHub::LineHub() : d(std::make_unique<Private>())
{
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    ::epoll_ctl(d->poll.get(), EPOLL_CTL_ADD, d->event.get(), &wanted);
    d->thread = std::jthread([this](std::stop_token stop) { d->run(stop); });
}

LineHub::~LineHub()
{
    d->thread.request_stop();
    d->thread.join();
}

void LineHub::Private::run(std::stop_token stop)
{
    ::prctl(PR_SET_TIMERSLACK, 1UL); // a sleep would else end up to 50 us late
    const std::stop_callback waker(stop, [this] { wake(); });
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        const Clock::time_point now = Clock::now();
        std::optional<qint64> due;
        for (const auto &line : lines) {
            if (line->rung || (line->due && *line->due <= nanoseconds(now))) {
                line->rung = false;
                line->service(now);
                line->due = line->nextDue(nanoseconds(now));
                if (line->due)
                    line->due = std::max(*line->due, nanoseconds(now) + 1);
            }
            if (line->due && (!due || *line->due < *due))
                due = line->due;
        }
        timespec timeout = {};
        if (due) {
            const qint64 wait = std::max<qint64>(0, *due - nanoseconds(Clock::now()));
            timeout = {.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
        }
        lock.unlock();
        epoll_event events[64];
        const int count = ::epoll_pwait2(poll.get(), events, 64, due ? &timeout : nullptr, nullptr);
        lock.lock();
        for (int i = 0; i < count; ++i) {
            const quint64 tag = events[i].data.u64;
            if (tag == 0) {
                quint64 value;
                [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
                continue;
            }
            for (const auto &line : lines)
                if (reinterpret_cast<quint64>(line.get()) == (tag & ~quint64(1))) {
                    bool &readable = tag & 1 ? line->deviceReadable : line->hostReadable;
                    const QByteArray &waiting = tag & 1 ? line->deviceBytes : line->hostBytes;
                    readable = true;
                    line->rung = line->rung || waiting.isEmpty(); // a busy wire sees it in its time
                }
        }
    }
}

LineModel::Private::Private(LineOptions given, std::shared_ptr<LineHub> itsHub)
    : options(std::move(given)), hub(std::move(itsHub)), device(options.deviceFd), down(options.baud), up(options.baud),
      timer(std::chrono::nanoseconds(options.latency).count(), std::max(1, options.packet)),
      downNoise(options.drop, options.flip, options.seed), upNoise(options.drop, options.flip, options.seed + 1)
{}

void LineModel::Private::openDevice()
{
    if (!options.devicePath.isEmpty()) {
        device.reset(
            ::open(QFile::encodeName(options.devicePath).constData(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
        termios settings = {};
        if (device && ::tcgetattr(device.get(), &settings) == 0) {
            ::cfmakeraw(&settings);
            ::tcsetattr(device.get(), TCSANOW, &settings);
        }
    } else if (device) {
        ::fcntl(device.get(), F_SETFL, ::fcntl(device.get(), F_GETFL) | O_NONBLOCK);
    }
    counters.deviceOpen = static_cast<bool>(device);
    deviceReadable = counters.deviceOpen;
    if (device)
        hub->d->watch(device.get(), this, true);
}

void LineModel::Private::deviceGone()
{
    ::epoll_ctl(hub->d->poll.get(), EPOLL_CTL_DEL, device.get(), nullptr);
    device.reset();
    counters.deviceOpen = false;
    deviceBacklog.clear();
    if (!options.devicePath.isEmpty())
        reopenAt = nanoseconds(Clock::now() + reopenEvery);
}

void LineModel::Private::readHost(qint64 now)
{
    char buffer[4096];
    if (!worthFilling(hostBytes, options.hostBuffer))
        return;
    while (hostReadable && hostBytes.size() < options.hostBuffer) {
        const size_t room = static_cast<size_t>(
            std::min<qsizetype>(options.hostBuffer - hostBytes.size(), static_cast<qsizetype>(sizeof buffer)));
        const ssize_t got = ::read(host->fd(), buffer, room);
        if (got <= 0) { // nothing more, or nobody has the port open
            hostReadable = got < 0 && errno == EINTR;
            continue;
        }
        if (hostBytes.isEmpty())
            hostSince = now;
        hostBytes.append(buffer, got);
    }
}

void LineModel::Private::readDevice(qint64 now)
{
    char buffer[4096];
    if (!worthFilling(deviceBytes, uartBuffer))
        return;
    while (deviceReadable && device && deviceBytes.size() < uartBuffer) {
        const ssize_t got = ::read(device.get(), buffer, sizeof buffer);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            deviceReadable = errno == EINTR;
        } else if (got <= 0) {
            deviceGone();
        } else {
            if (deviceBytes.isEmpty())
                deviceSince = now;
            deviceBytes.append(buffer, got);
        }
    }
}

void LineModel::Private::toDevice(Clock::time_point at)
{
    if (deviceBacklog.isEmpty())
        return;
    const ssize_t wrote =
        device ? writeQuietly(device.get(), deviceBacklog.constData(), static_cast<size_t>(deviceBacklog.size())) : -1;
    if (wrote > 0) {
        counters.toDevice += wrote;
        if (!counters.firstToDevice)
            counters.firstToDevice = at;
        counters.lastToDevice = at;
        deviceBacklog.remove(0, wrote);
    }
    if (!device || deviceBacklog.size() > longestBacklog) { // nobody listens: a UART does not wait
        counters.overrun += deviceBacklog.size();
        deviceBacklog.clear();
    }
}

void LineModel::Private::toHost()
{
    if (hostBacklog.isEmpty())
        return;
    pollfd state = {.fd = host->fd(), .events = 0, .revents = 0};
    const bool closed = ::poll(&state, 1, 0) == 1 && (state.revents & POLLHUP);
    const ssize_t wrote =
        closed ? -1 : ::write(host->fd(), hostBacklog.constData(), static_cast<size_t>(hostBacklog.size()));
    if (wrote > 0) {
        counters.toHost += wrote;
        hostBacklog.remove(0, wrote);
    }
    if (closed || hostBacklog.size() > longestBacklog) {
        counters.overrun += hostBacklog.size();
        hostBacklog.clear();
    }
}

void LineModel::Private::service(Clock::time_point at)
{
    const qint64 now = nanoseconds(at);
    if (reopenAt && now >= *reopenAt) {
        reopenAt.reset();
        openDevice();
        if (!device)
            reopenAt = nanoseconds(at + reopenEvery);
    }
    readHost(now);
    if (const qint64 n = down.crossed(now, hostBytes.size(), hostSince)) {
        QByteArray bytes = hostBytes.first(n);
        hostBytes.remove(0, n);
        readHost(now);
        if (options.cutAfter >= 0 && counters.toDevice + deviceBacklog.size() + bytes.size() > options.cutAfter) {
            bytes.truncate(std::max<qint64>(0, options.cutAfter - counters.toDevice - deviceBacklog.size()));
            downNoise.apply(bytes, counters.dropped, counters.flipped);
            deviceBacklog.append(bytes);
            toDevice(at);
            counters.cut = true;
        } else if (!counters.cut) {
            downNoise.apply(bytes, counters.dropped, counters.flipped);
            deviceBacklog.append(bytes);
        }
    }
    toDevice(at);
    readDevice(now);
    if (const qint64 n = up.crossed(now, deviceBytes.size(), deviceSince)) {
        QByteArray bytes = deviceBytes.first(n);
        deviceBytes.remove(0, n);
        readDevice(now);
        if (!counters.cut) {
            upNoise.apply(bytes, counters.dropped, counters.flipped);
            timer.add(bytes, now);
        }
    }
    hostBacklog.append(timer.take(now));
    toHost();
}

std::optional<qint64> LineModel::Private::nextDue(qint64 now) const
{
    std::optional<qint64> next = reopenAt;
    const auto consider = [&](std::optional<qint64> at) {
        if (at && (!next || *at < *next))
            next = at;
    };
    if (!hostBytes.isEmpty())
        consider(down.lookAt(now, hostBytes.size(), hostSince));
    if (!deviceBytes.isEmpty())
        consider(up.lookAt(now, deviceBytes.size(), deviceSince));
    consider(timer.dueAt());
    if (!deviceBacklog.isEmpty() || !hostBacklog.isEmpty()) // a full pty does not say when there is room
        consider(now + UartPacer::batch);
    return next;
}

LineModel::LineModel(LineOptions options, std::shared_ptr<LineHub> hub)
    : d(std::make_shared<Private>(std::move(options), hub ? std::move(hub) : std::make_shared<LineHub>()))
{}

LineModel::~LineModel()
{
    stop();
}

void LineModel::start()
{
    const std::scoped_lock lock(d->hub->d->mutex);
    if (d->running)
        return;
    if (d->options.baud < 1 || d->options.baud > 50'000'000)
        throw Fault("virtual.link", {path(), u"no line runs at that rate"_s});
    d->host = std::make_unique<PtyEnd>(d->options.hostLink);
    d->host->tellRate(d->options.baud);
    d->hub->d->watch(d->host->fd(), d.get(), false);
    d->openDevice();
    if (!d->device && !d->options.devicePath.isEmpty())
        d->reopenAt = nanoseconds(Clock::now());
    d->running = true;
    d->rung = true;
    d->hub->d->lines.push_back(d);
    d->hub->d->wake();
}

void LineModel::stop()
{
    const std::scoped_lock lock(d->hub->d->mutex);
    if (!d->running)
        return;
    d->running = false;
    std::erase(d->hub->d->lines, d);
    d->host.reset();
    d->device.reset();
    d->counters.deviceOpen = false;
    d->reopenAt.reset();
}

QString LineModel::path() const
{
    return d->host ? d->host->path() : d->options.hostLink;
}

LineModel::Counters LineModel::counters() const
{
    const std::scoped_lock lock(d->hub->d->mutex);
    return d->counters;
}

void LineModel::setCut(bool cut)
{
    const std::scoped_lock lock(d->hub->d->mutex);
    d->counters.cut = cut;
}

} // namespace slipway
