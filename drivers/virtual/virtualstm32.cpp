#include "drivers/virtual/virtualstm32.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/faultwords.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Clock = std::chrono::steady_clock;
using Kind = VirtualStm32Fault::Kind;

constexpr FaultName<Kind> kinds[] = {
    {"silence", Kind::Silence},      {"disconnect", Kind::Disconnect}, {"corrupt", Kind::Corrupt},
    {"refuse", Kind::Refuse},        {"wrong-id", Kind::WrongId},      {"wrong-size", Kind::WrongSize},
    {"stuck-byte", Kind::StuckByte}, {"deaf-erase", Kind::DeafErase},  {"stuck-after-restart", Kind::StuckAfterRestart},
};

QByteArray madeId(const VirtualStm32Options &options)
{
    if (!options.uniqueId.isEmpty())
        return options.uniqueId;
    std::mt19937_64 random(options.seed);
    QByteArray out;
    for (int i = 0; i < 12; ++i)
        out.append(char(0x20 + random() % 0x40));
    return out;
}

} // namespace

QStringList VirtualStm32Fault::names()
{
    return faultNames(kinds);
}

VirtualStm32Fault VirtualStm32Fault::parse(const QString &text)
{
    const auto fault = parseFault<VirtualStm32Fault>(text, kinds);
    if (fault.value < 0 || fault.value > 0xffff)
        throw Fault("virtual.fault-option", {text.section(u':', 1), text.section(u':', 0, 0)});
    return fault;
}

// All of it under the mutex, but for the wait.
struct VirtualStm32::Private {
    explicit Private(VirtualStm32Options given)
        : options(std::move(given)), chip(virtualStm32Chip(options.chip)),
          rom(chip, options.flashKib, madeId(options), {options.eraseTime, options.programTime})
    {
        rom.setFlash(options.flash);
        rom.setReadoutProtected(options.readoutProtected);
    }

    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
    }
    VirtualStm32Fault *find(Kind kind)
    {
        const auto it = std::find_if(faults.begin(), faults.end(),
                                     [kind](const VirtualStm32Fault &fault) { return fault.kind == kind; });
        return it == faults.end() ? nullptr : &*it;
    }
    void remove(Kind kind)
    {
        std::erase_if(faults, [kind](const VirtualStm32Fault &fault) { return fault.kind == kind; });
    }
    int fd() const { return pty ? pty->fd() : own.get(); }
    void openLink();
    void closeLink();
    void applyFaults();
    void run(const std::stop_token &stop);
    void receive(Clock::time_point now);
    void arrived(QByteArrayView bytes, Clock::time_point now);
    void due(Clock::time_point now);
    void flush();
    std::optional<Clock::time_point> nextDue() const;

    const VirtualStm32Options options;
    const VirtualStm32Chip &chip;
    mutable std::mutex mutex;
    Stm32Rom rom;
    std::vector<VirtualStm32Fault> faults;
    std::unique_ptr<PtyEnd> pty;
    OwnedFd own;
    OwnedFd poll{::epoll_create1(EPOLL_CLOEXEC)};
    OwnedFd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    QByteArray waiting; // the answer, until the flash is done
    std::optional<Clock::time_point> answerAt, upAt, plugAt;
    bool restartAfter = false, stuck = false;
    QByteArray out;
    qint64 bytesIn = 0, bytesOut = 0, answers = 0;
    QString trouble;
    std::jthread thread;
};

void VirtualStm32::Private::openLink()
{
    if (options.fd < 0)
        pty = std::make_unique<PtyEnd>(options.ptyLink);
    epoll_event wanted = {};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd(), &wanted);
}

void VirtualStm32::Private::closeLink()
{
    if (fd() >= 0)
        ::epoll_ctl(poll.get(), EPOLL_CTL_DEL, fd(), nullptr);
    pty.reset();
    own.reset();
    out.clear();
}

void VirtualStm32::Private::applyFaults()
{
    const auto *id = find(Kind::WrongId), *size = find(Kind::WrongSize), *refuse = find(Kind::Refuse),
               *byte = find(Kind::StuckByte);
    rom.lieId = quint16(id ? id->value : 0);
    rom.lieFlashKib = size ? size->value : 0;
    rom.refuseEvery = refuse ? refuse->every : 0;
    rom.stuckAt = byte ? byte->after : -1;
    rom.deafErase = find(Kind::DeafErase) != nullptr;
}

void VirtualStm32::Private::arrived(QByteArrayView bytes, Clock::time_point now)
{
    if (stuck || upAt || answerAt) // deaf, or at work with the flash: the UART has no room
        return;
    Stm32Rom::Outcome outcome = rom.take(bytes);
    if (outcome.reply.isEmpty())
        return;
    const auto *corrupt = find(Kind::Corrupt);
    if (corrupt && ++answers % corrupt->every == 0)
        outcome.reply[outcome.reply.size() / 2] = char(outcome.reply[outcome.reply.size() / 2] ^ 0x10);
    restartAfter = outcome.restart;
    if (outcome.busy.count() == 0 && !outcome.restart) {
        out.append(outcome.reply);
        return;
    }
    // The last byte says that it is done.
    out.append(outcome.reply.chopped(1));
    waiting = outcome.reply.last(1);
    answerAt = now + outcome.busy;
}

void VirtualStm32::Private::receive(Clock::time_point now)
{
    char buffer[4096];
    while (fd() >= 0) {
        const ssize_t got = ::read(fd(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got < 0 && errno == EIO && rom.running() && options.loaderAfterClose)
                rom.reset();
            return;
        }
        bytesIn += got;
        qsizetype taken = got;
        auto *silence = find(Kind::Silence), *gone = find(Kind::Disconnect);
        for (auto *fault : {silence, gone}) {
            if (fault) {
                taken = std::min<qsizetype>(taken, fault->after);
                fault->after -= std::min<qint64>(fault->after, got);
            }
        }
        if (taken > 0)
            arrived(QByteArrayView(buffer, taken), now);
        if (gone && gone->after == 0) {
            if (gone->delay.count() > 0)
                plugAt = now + gone->delay;
            remove(Kind::Disconnect);
            closeLink();
        }
    }
}

void VirtualStm32::Private::due(Clock::time_point now)
{
    if (answerAt && now >= *answerAt) {
        answerAt.reset();
        out.append(waiting);
        waiting.clear();
        if (restartAfter) {
            restartAfter = false;
            upAt = now + options.restartTime;
            stuck = stuck || find(Kind::StuckAfterRestart);
        }
    }
    if (upAt && now >= *upAt) {
        upAt.reset();
        rom.reset();
    }
    if (plugAt && now >= *plugAt) {
        plugAt.reset();
        openLink();
    }
}

void VirtualStm32::Private::flush()
{
    while (!out.isEmpty() && fd() >= 0) {
        const ssize_t wrote = writeQuietly(fd(), out.constData(), size_t(out.size()));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            if (errno != EAGAIN)
                out.clear(); // nobody has the port open
            return;
        }
        bytesOut += wrote;
        out.remove(0, wrote);
    }
}

std::optional<Clock::time_point> VirtualStm32::Private::nextDue() const
{
    std::optional<Clock::time_point> next;
    for (const auto &at : {answerAt, upAt, plugAt}) {
        if (at && (!next || *at < *next))
            next = at;
    }
    return next;
}

void VirtualStm32::Private::run(const std::stop_token &stop)
{
    const std::stop_callback waker(stop, [this] { wake(); });
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        try {
            const Clock::time_point now = Clock::now();
            due(now);
            receive(now);
            due(now);
        } catch (const Fault &fault) { // the pty could not be made again
            trouble = fault.text();
            plugAt.reset();
        }
        flush();
        timespec timeout = {};
        const auto next = nextDue();
        if (next) {
            const auto left = std::max(Clock::duration::zero(), *next - Clock::now());
            timeout.tv_sec = time_t(std::chrono::duration_cast<std::chrono::seconds>(left).count());
            timeout.tv_nsec = long(std::chrono::nanoseconds(left).count() % 1'000'000'000);
        }
        lock.unlock();
        epoll_event events[4];
        ::epoll_pwait2(poll.get(), events, 4, next ? &timeout : nullptr, nullptr);
        quint64 value = 0;
        [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
        lock.lock();
    }
}

VirtualStm32::VirtualStm32(VirtualStm32Options options) : d(std::make_unique<Private>(std::move(options)))
{
    d->own.reset(d->options.fd);
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    ::epoll_ctl(d->poll.get(), EPOLL_CTL_ADD, d->event.get(), &wanted);
}

VirtualStm32::~VirtualStm32()
{
    stop();
}

void VirtualStm32::start()
{
    const std::scoped_lock lock(d->mutex);
    if (d->thread.joinable())
        return;
    if (d->own && ::fcntl(d->own.get(), F_SETFL, ::fcntl(d->own.get(), F_GETFL) | O_NONBLOCK) < 0)
        throw Fault("virtual.link", {u"descriptor %1"_s.arg(d->options.fd), systemError(errno)});
    d->openLink();
    d->thread = std::jthread([this](const std::stop_token &stop) { d->run(stop); });
}

void VirtualStm32::stop()
{
    if (!d->thread.joinable())
        return;
    d->thread.request_stop();
    d->thread.join();
    const std::scoped_lock lock(d->mutex);
    d->thread = {};
    d->closeLink();
}

QString VirtualStm32::path() const
{
    const std::scoped_lock lock(d->mutex);
    return d->pty ? d->pty->path() : d->options.ptyLink;
}

void VirtualStm32::setFault(const VirtualStm32Fault &fault)
{
    const std::scoped_lock lock(d->mutex);
    d->faults.push_back(fault);
    d->applyFaults();
}

void VirtualStm32::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
    d->stuck = false;
    d->applyFaults();
}

void VirtualStm32::reset()
{
    const std::scoped_lock lock(d->mutex);
    d->answerAt.reset();
    d->upAt.reset();
    d->waiting.clear();
    d->restartAfter = false;
    d->rom.reset();
}

void VirtualStm32::setConnected(bool connected)
{
    const std::scoped_lock lock(d->mutex);
    d->plugAt.reset();
    if (connected && d->fd() < 0)
        d->openLink();
    else if (!connected)
        d->closeLink();
    d->wake();
}

VirtualStm32::Facts VirtualStm32::facts() const
{
    const std::scoped_lock lock(d->mutex);
    Facts out;
    out.flash = d->rom.flash();
    out.readoutProtected = d->rom.readoutProtected();
    out.protectedSectors = int(d->rom.protectedSectors().size());
    if (d->rom.running())
        out.startedAt = d->rom.startedAt();
    out.rom = d->rom.counters();
    out.bytesIn = d->bytesIn;
    out.bytesOut = d->bytesOut;
    out.trouble = d->trouble;
    return out;
}

} // namespace slipway
