#include "drivers/virtual/virtualesp.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/faultwords.h"

#include <QFile>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Kind = VirtualEspFault::Kind;

constexpr char mark = '\xc0', escape = '\xdb', escapedMark = '\xdc', escapedEscape = '\xdd';
constexpr qsizetype longestPacket = 0x10000 + 8;
constexpr qsizetype smallBlock = 8 + 16 + 1024;
constexpr int deafPackets = 6;
constexpr size_t mostBlockEnds = 4096;

constexpr FaultName<Kind> kinds[] = {
    {"silence", Kind::Silence},
    {"late", Kind::Late},
    {"lost", Kind::Lost},
    {"corrupt", Kind::Corrupt},
    {"noise", Kind::Noise},
    {"disconnect", Kind::Disconnect},
    {"wrong-length", Kind::WrongLength},
    {"small-blocks", Kind::SmallBlocks},
    {"bad-block", Kind::BadBlock},
    {"bad-checksum", Kind::BadChecksum},
    {"bad-flash", Kind::BadFlash},
    {"no-rate", Kind::NoRate},
    {"deaf-rate", Kind::DeafRate},
    {"application", Kind::Application},
};

bool isBlock(QByteArrayView packet)
{
    return packet.size() > 24 && packet[0] == 0 && (packet[1] == 0x03 || packet[1] == 0x11);
}

QByteArray framed(QByteArrayView packet)
{
    QByteArray out(1, mark);
    for (const char c : packet) {
        if (c == mark)
            out.append(escape).append(escapedMark);
        else if (c == escape)
            out.append(escape).append(escapedEscape);
        else
            out.append(c);
    }
    return out.append(mark);
}

} // namespace

QStringList VirtualEspFault::names()
{
    return faultNames(kinds);
}

VirtualEspFault VirtualEspFault::parse(const QString &text)
{
    return parseFault<VirtualEspFault>(text, kinds);
}

// The chip under its mutex; the thread takes it for everything but waiting.
struct VirtualEsp::Private {
    explicit Private(VirtualEspOptions given) : options(std::move(given)), rom(options.rom) {}

    struct Active {
        VirtualEspFault fault;
        qint64 seen = 0;
        int used = 0;
    };
    Active *find(Kind kind)
    {
        for (Active &active : faults) {
            if (active.fault.kind == kind)
                return &active;
        }
        return nullptr;
    }
    // Counts one event; true when the fault strikes now.
    bool strikes(Kind kind, bool limited = false)
    {
        Active *active = find(kind);
        if (!active || (limited && active->used >= active->fault.times))
            return false;
        if (++active->seen <= active->fault.after || (active->seen - active->fault.after) % active->fault.every != 0)
            return false;
        ++active->used;
        return true;
    }
    void openPort();
    void closePort();
    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
    }
    void run(std::stop_token stop);
    void feed(QByteArrayView bytes, Clock::time_point now);
    void arrived(QByteArray packet, Clock::time_point now);
    void send(QByteArray bytes, Clock::time_point at, bool afterBlock);
    void flush(Clock::time_point now);
    void boot(bool application);

    VirtualEspOptions options;
    mutable std::mutex mutex;
    EspRom rom;
    std::vector<Active> faults;
    std::unique_ptr<PtyEnd> port;
    OwnedFd held; // the host's end, so that nobody there is no hang-up
    OwnedFd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    std::optional<Clock::time_point> plugAt;

    // Framing in.
    bool inside = false, escaped = false;
    QByteArray packet;
    qint64 frameBytes = 0, blockFrame = 0;
    Clock::time_point frameBegan{};

    struct Out {
        Clock::time_point at;
        QByteArray bytes;
        bool afterBlock;
    };
    std::deque<Out> out;
    int deaf = 0;
    Facts facts;
    std::jthread thread;
};

void VirtualEsp::Private::openPort()
{
    port = std::make_unique<PtyEnd>(options.ptyLink);
    held.reset(::open(QFile::encodeName(port->path()).constData(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    inside = escaped = false;
    packet.clear();
    out.clear();
}

void VirtualEsp::Private::closePort()
{
    held.reset();
    port.reset();
}

void VirtualEsp::Private::boot(bool application)
{
    rom.restart();
    ++facts.restarts;
    facts.baud = 115200;
    facts.applicationRuns = application;
}

void VirtualEsp::Private::send(QByteArray bytes, Clock::time_point at, bool afterBlock)
{
    if (!out.empty())
        at = std::max(at, out.back().at);
    out.push_back({at, std::move(bytes), afterBlock});
}

void VirtualEsp::Private::flush(Clock::time_point now)
{
    while (!out.empty() && out.front().at <= now) {
        const Out next = std::move(out.front());
        out.pop_front();
        if (!port)
            continue;
        const ssize_t wrote = ::write(port->fd(), next.bytes.constData(), size_t(next.bytes.size()));
        if (wrote > 0)
            facts.bytesOut += wrote;
        if (next.afterBlock) {
            facts.lastBlockAt = Clock::now();
            if (facts.blockEnds.size() < mostBlockEnds)
                facts.blockEnds.emplace_back(*facts.lastBlockAt, blockFrame);
        }
    }
}

void VirtualEsp::Private::feed(QByteArrayView bytes, Clock::time_point now)
{
    facts.bytesIn += bytes.size();
    for (const char c : bytes) {
        ++frameBytes;
        if (c == mark) {
            if (inside && !packet.isEmpty())
                arrived(std::exchange(packet, {}), now);
            inside = true;
            escaped = false;
            packet.clear();
            frameBytes = 1;
            frameBegan = now;
        } else if (inside && escaped) {
            escaped = false;
            if (c == escapedMark || c == escapedEscape)
                packet.append(c == escapedMark ? mark : escape);
            else
                inside = false;
        } else if (inside && c == escape) {
            escaped = true;
        } else if (inside && packet.size() < longestPacket) {
            packet.append(c);
        } else {
            inside = false;
        }
        if (!port)
            return; // unplugged meanwhile
    }
}

void VirtualEsp::Private::arrived(QByteArray packet, Clock::time_point now)
{
    const bool block = isBlock(packet);
    if (block) {
        facts.dataBytesIn += frameBytes;
        blockFrame = frameBytes;
        if (!facts.firstBlockAt)
            facts.firstBlockAt = frameBegan;
    }
    if (facts.applicationRuns || find(Kind::Application)) {
        send("rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nentry 0x403ce71e\r\nI (24) boot: starting\r\n", now,
             false);
        return;
    }
    if (deaf > 0) {
        --deaf;
        return;
    }
    if (strikes(Kind::Silence))
        return;
    if (Active *gone = find(Kind::Disconnect); gone && strikes(Kind::Disconnect)) {
        if (gone->fault.delay > 0ms)
            plugAt = now + gone->fault.delay;
        std::erase_if(faults, [](const Active &active) { return active.fault.kind == Kind::Disconnect; });
        closePort();
        return;
    }
    if (find(Kind::SmallBlocks) && packet.size() > smallBlock)
        packet.truncate(8); // no longer what its size field says
    if (block && packet.size() > 24) {
        if (strikes(Kind::BadChecksum, true))
            packet[4] = char(packet[4] ^ 0x01);
        if (strikes(Kind::BadBlock, true)) {
            packet[packet.size() / 2] = char(packet[packet.size() / 2] ^ 0x10);
            packet[4] = char(packet[4] ^ 0x10); // the checksum is an exclusive or
        }
    }
    if (find(Kind::NoRate) && packet.size() > 1 && packet[1] == 0x0f)
        packet.truncate(8);
    EspRom::Answer answer = rom.handle(packet);
    if (answer.baud > 0) {
        facts.baud = answer.baud;
        if (find(Kind::DeafRate)) {
            facts.baud = 115200;
            deaf = deafPackets;
        }
    }
    Clock::time_point at = now + answer.busy;
    if (Active *late = find(Kind::Late); late && strikes(Kind::Late))
        at += late->fault.delay;
    if (find(Kind::Noise))
        send("W (1234) noise: \xdb\x01 something\r\n", at, false);
    for (QByteArray &reply : answer.packets) {
        if (find(Kind::WrongLength) && reply.size() > 12) {
            reply.insert(reply.size() - 4, QByteArray(8, '\x55'));
            reply[2] = char(reply.size() - 8);
        }
        QByteArray bytes = framed(reply);
        if (strikes(Kind::Corrupt))
            bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 0x20);
        if (!strikes(Kind::Lost, true))
            send(bytes, at, block);
    }
    if (answer.then != EspRom::Answer::Then::Stay) {
        flush(at);
        boot(answer.then == EspRom::Answer::Then::Run || !options.bootPinHeld);
    }
}

void VirtualEsp::Private::run(std::stop_token stop)
{
    const std::stop_callback waker(stop, [this] { wake(); });
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        const Clock::time_point now = Clock::now();
        if (plugAt && *plugAt <= now) {
            plugAt.reset();
            try {
                openPort();
            } catch (const Fault &fault) {
                facts.trouble = fault.sentence();
            }
        }
        flush(now);
        std::optional<Clock::time_point> due = plugAt;
        if (!out.empty() && (!due || out.front().at < *due))
            due = out.front().at;
        timespec timeout = {};
        if (due) {
            const qint64 wait =
                std::max<qint64>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(*due - Clock::now()).count());
            timeout = {.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
        }
        pollfd wanted[2] = {{event.get(), POLLIN, 0}, {port ? port->fd() : -1, POLLIN, 0}};
        lock.unlock();
        ::ppoll(wanted, 2, due ? &timeout : nullptr, nullptr);
        lock.lock();
        quint64 value = 0;
        [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
        char bytes[8192];
        while (port) {
            const ssize_t n = ::read(port->fd(), bytes, sizeof bytes);
            if (n <= 0)
                break;
            feed(QByteArrayView(bytes, n), Clock::now());
        }
    }
}

VirtualEsp::VirtualEsp(VirtualEspOptions options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualEsp::~VirtualEsp()
{
    stop();
}

void VirtualEsp::start()
{
    {
        const std::scoped_lock lock(d->mutex);
        if (d->thread.joinable())
            return;
        d->openPort();
    }
    d->thread = std::jthread([this](std::stop_token stop) { d->run(stop); });
}

void VirtualEsp::stop()
{
    if (d->thread.joinable()) {
        d->thread.request_stop();
        d->thread.join();
    }
    const std::scoped_lock lock(d->mutex);
    d->closePort();
}

QString VirtualEsp::path() const
{
    const std::scoped_lock lock(d->mutex);
    return d->port ? d->port->path() : d->options.ptyLink;
}

void VirtualEsp::setFault(const VirtualEspFault &fault)
{
    const std::scoped_lock lock(d->mutex);
    d->faults.push_back({fault, 0, 0});
    if (fault.kind == Kind::BadFlash)
        d->rom.breakFlash(quint32(fault.after));
}

void VirtualEsp::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
    d->deaf = 0;
}

void VirtualEsp::restart()
{
    const std::scoped_lock lock(d->mutex);
    d->boot(false);
}

void VirtualEsp::setConnected(bool connected)
{
    const std::scoped_lock lock(d->mutex);
    if (connected && !d->port)
        d->openPort();
    else if (!connected)
        d->closePort();
    d->wake();
}

VirtualEsp::Facts VirtualEsp::facts() const
{
    const std::scoped_lock lock(d->mutex);
    Facts facts = d->facts;
    facts.counts = d->rom.counts();
    return facts;
}

QByteArray VirtualEsp::flash(quint32 at, qsizetype size) const
{
    const std::scoped_lock lock(d->mutex);
    return d->rom.flash().mid(at, size);
}

} // namespace slipway
