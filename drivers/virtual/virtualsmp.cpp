#include "drivers/virtual/virtualsmp.h"

#include "core/base/fault.h"
#include "drivers/virtual/devicelink.h"
#include "drivers/virtual/faultdesk.h"
#include "drivers/virtual/smpserver.h"
#include "drivers/virtual/virtualstate.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {
using Clock = std::chrono::steady_clock;
using Kind = VirtualFault::Kind;
constexpr qsizetype largestImage = 16 * 1024 * 1024;
} // namespace

// The device under its mutex; the thread takes it for everything but waiting.
struct VirtualSmp::Private {
    explicit Private(VirtualSmpOptions given);

    void powerUp();
    void run(std::stop_token stop);
    void step(Clock::time_point now);
    std::optional<Clock::time_point> nextDue() const;
    void arrived(const QByteArray &message, const LinkPeer &peer);
    void serve(Clock::time_point now);
    void emitAnswer(const QByteArray &message, const LinkPeer &peer, const QStringList &log, Clock::time_point at);
    void goDown(Clock::time_point now);
    void comeUp();
    void openLink();
    void closeLink();
    void watch();
    void wake() const;
    void persist();

    VirtualSmpOptions options;
    mutable std::mutex mutex;
    FaultDesk faults;
    VirtualBoard board;
    Bootloader boot;
    SmpServer server;
    DeviceLink link;
    QString linkTrouble; // why the link could not be opened again

    struct Request {
        QByteArray message;
        LinkPeer peer;
    };
    std::deque<Request> queue; // each holds a buffer
    Clock::time_point busyUntil{};
    struct Pending {
        QByteArray message;
        LinkPeer peer;
        QStringList log;
        bool damaged = false;
    };
    std::multimap<Clock::time_point, Pending> pending; // answers on their way
    std::optional<Clock::time_point> downAt, upAt, plugAt;
    bool down = false;
    bool stuck = false;
    bool muted = false; // silence struck
    qint64 requests = 0, dropped = 0;
    int restarts = 0;
    OwnedFd poll, event;
    std::jthread thread;
};

VirtualSmp::Private::Private(VirtualSmpOptions given)
    : options(std::move(given)), board(options, faults), server(options, faults, board, boot), link(options),
      poll(::epoll_create1(EPOLL_CLOEXEC)), event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
{
    boot.slotSize = options.slotSize;
    boot.keys = options.bootKeys;
    boot.downgradePrevention = options.downgradePrevention;
    const auto check = [&](const QByteArray &image, const QString &name) {
        if (image.size() > std::min<qsizetype>(options.slotSize, largestImage))
            throw Fault("virtual.image", {name, u"it is larger than the slot"_s});
        return image;
    };
    boot.slot[0] = check(options.slot0, u"the image given for slot 0"_s);
    boot.slot[1] = check(options.slot1, u"the image given for slot 1"_s);
    if (!loadState(options.stateFolder, board, boot)) {
        if (boot.slot[0].isEmpty()) {
            boot.slot[0] = BootImage::make({1, 0, 0, 0}, 4096, options.seed);
            boot.factoryHash = BootImage::parse(boot.slot[0]).hash;
        }
        const QString reason = boot.refusal(0);
        if (!reason.isEmpty() && options.server == VirtualSmpOptions::Server::Zephyr)
            throw Fault("virtual.image", {u"the image given for slot 0"_s, reason});
        boot.confirm();
    }
    board.restart();
    epoll_event wanted = {};
    wanted.events = EPOLLIN;
    wanted.data.fd = event.get();
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, event.get(), &wanted);
}

void VirtualSmp::Private::wake() const
{
    const quint64 one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
}

// Edge-triggered, so that a pty whose other end is closed does not report its hang-up over and over.
void VirtualSmp::Private::watch()
{
    for (const int fd : {link.readFd(), link.writeFd()}) {
        epoll_event wanted = {};
        wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
        wanted.data.fd = fd;
        ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &wanted); // the second time the same one: EEXIST
    }
}

void VirtualSmp::Private::openLink()
{
    link.open();
    watch();
    link.prompt();
}

void VirtualSmp::Private::closeLink()
{
    for (const int fd : {link.readFd(), link.writeFd()})
        if (fd >= 0)
            ::epoll_ctl(poll.get(), EPOLL_CTL_DEL, fd, nullptr);
    link.close();
}

void VirtualSmp::Private::persist()
{
    if (options.stateFolder.isEmpty() || !(board.dirty || server.slotsDirty))
        return;
    board.dirty = server.slotsDirty = false;
    saveState(options.stateFolder, board, boot);
}

// Power, or the end of a restart: the boot loader chooses, RAM is empty.
void VirtualSmp::Private::powerUp()
{
    const Bootloader::Pending before = boot.pending;
    const bool wasConfirmed = boot.confirmed;
    boot.boot();
    server.slotsDirty = server.slotsDirty || before != boot.pending || wasConfirmed != boot.confirmed;
    server.restart();
    board.restart();
    board.setSecurityCounter(BootImage::parse(boot.slot[0]).securityCounter);
    queue.clear();
    pending.clear();
    busyUntil = {};
    downAt.reset();
    upAt.reset();
    down = false;
    muted = false;
    persist();
}

void VirtualSmp::Private::goDown(Clock::time_point now)
{
    down = true;
    downAt.reset();
    queue.clear();
    pending.clear();
    link.dropOutput();
    link.forgetPartial();
    upAt = now + options.rebootTime;
    if (faults.has(Kind::StuckAfterReset))
        stuck = true;
    if (options.reenumerate && link.isOpen() && options.link == VirtualSmpOptions::Link::Pty)
        closeLink();
}

void VirtualSmp::Private::comeUp()
{
    ++restarts;
    powerUp();
    if (options.reenumerate && !link.isOpen() && !plugAt)
        openLink();
    else
        link.prompt();
}

void VirtualSmp::Private::arrived(const QByteArray &message, const LinkPeer &peer)
{
    const bool busy = Clock::now() < busyUntil;
    if (static_cast<int>(queue.size()) + (busy ? 1 : 0) >= options.bufferCount) {
        ++dropped;
        return;
    }
    queue.push_back({message, peer});
}

void VirtualSmp::Private::emitAnswer(const QByteArray &message, const LinkPeer &peer, const QStringList &log,
                                     Clock::time_point at)
{
    if (const VirtualFault *late = faults.strike(Kind::Late))
        at += late->delay;
    const bool damaged = faults.strike(Kind::Corrupt) != nullptr;
    const bool twice = faults.strike(Kind::Duplicate) != nullptr;
    for (int i = 0; i < (twice ? 2 : 1); ++i)
        pending.emplace(at, Pending{message, peer, i ? QStringList() : log, damaged});
}

void VirtualSmp::Private::serve(Clock::time_point now)
{
    const Request request = std::move(queue.front());
    queue.pop_front();
    ++requests;
    if (faults.strike(Kind::Silence))
        muted = true;
    if (faults.strike(Kind::Disconnect)) {
        const VirtualFault fault = *faults.find(Kind::Disconnect);
        faults.remove(Kind::Disconnect);
        closeLink();
        queue.clear();
        pending.clear();
        if (fault.delay > 0ms)
            plugAt = now + fault.delay;
        return;
    }
    SmpServer::Answer answer;
    // Zephyr's answer takes a buffer, too; with none left the request's own carries the error.
    if (options.responsesTakeBuffers && static_cast<int>(queue.size()) + 1 >= options.bufferCount) {
        const auto header = SmpHeader::decode(request.message);
        if (!header)
            return;
        SmpHeader reply = *header;
        CborReply body;
        body.beginMap().put("rc", 2).end();
        reply.op = SmpHeader::responseTo(header->op);
        reply.length = static_cast<std::uint16_t>(body.bytes().size());
        answer.message = reply.encoded() + body.bytes();
    } else {
        answer = server.handle(request.message);
    }
    persist();
    const Clock::time_point done = now + answer.cost;
    busyUntil = done;
    if (answer.crash) {
        goDown(now);
        return;
    }
    if (!answer.message.isEmpty() && !muted)
        emitAnswer(answer.message, request.peer, answer.log, done);
    if (answer.reset)
        downAt = done + options.resetDelay;
}

void VirtualSmp::Private::step(Clock::time_point now)
{
    if (plugAt && now >= *plugAt) {
        plugAt.reset();
        if (!link.isOpen())
            openLink();
    }
    if (!down) {
        while (!queue.empty() && now >= busyUntil && !down)
            serve(now);
        while (!pending.empty() && pending.begin()->first <= now) {
            const Pending answer = std::move(pending.begin()->second);
            pending.erase(pending.begin());
            link.send(answer.message, answer.peer, answer.log, answer.damaged);
        }
        if (downAt && now >= *downAt)
            goDown(now);
    }
    if (down && !stuck && upAt && now >= *upAt)
        comeUp();
    if (link.isOpen())
        link.flush();
}

std::optional<Clock::time_point> VirtualSmp::Private::nextDue() const
{
    std::optional<Clock::time_point> next;
    const auto consider = [&](std::optional<Clock::time_point> at) {
        if (at && (!next || *at < *next))
            next = at;
    };
    consider(plugAt);
    if (down) {
        consider(stuck ? std::nullopt : upAt);
    } else {
        consider(downAt);
        if (!pending.empty())
            consider(pending.begin()->first);
        if (!queue.empty())
            consider(busyUntil);
    }
    return next;
}

void VirtualSmp::Private::run(std::stop_token stop)
{
    const std::stop_callback waker(stop, [this] { wake(); });
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        std::optional<Clock::time_point> due;
        try {
            if (link.isOpen())
                link.receive(down, [this](const QByteArray &m, const LinkPeer &peer) { arrived(m, peer); });
            step(Clock::now());
            due = nextDue();
        } catch (const Fault &fault) { // the link cannot be made again, or the state not be written
            linkTrouble = fault.text();
            closeLink();
            plugAt.reset();
        }
        timespec timeout = {};
        if (due) {
            const auto wait = std::max(Clock::duration::zero(), *due - Clock::now());
            timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(wait).count();
            timeout.tv_nsec = (wait % 1s).count();
        }
        lock.unlock();
        epoll_event events[4];
        const int count = ::epoll_pwait2(poll.get(), events, 4, due ? &timeout : nullptr, nullptr);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.fd == event.get()) {
                quint64 value;
                [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
            }
        }
        lock.lock();
    }
}

VirtualSmp::VirtualSmp(VirtualSmpOptions options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualSmp::~VirtualSmp()
{
    stop();
}

void VirtualSmp::start()
{
    if (d->thread.joinable())
        return;
    const std::scoped_lock lock(d->mutex);
    d->stuck = false;
    d->powerUp();
    if (!d->options.stateFolder.isEmpty())
        saveState(d->options.stateFolder, d->board, d->boot);
    d->openLink();
    d->thread = std::jthread([this](std::stop_token stop) { d->run(stop); });
}

void VirtualSmp::stop()
{
    if (d->thread.joinable()) {
        d->thread.request_stop();
        d->thread.join();
    }
    const std::scoped_lock lock(d->mutex);
    d->closeLink();
}

QString VirtualSmp::path() const
{
    const std::scoped_lock lock(d->mutex);
    return d->link.path();
}

quint16 VirtualSmp::udpPort() const
{
    const std::scoped_lock lock(d->mutex);
    return d->link.udpPort();
}

void VirtualSmp::setFault(const VirtualFault &fault)
{
    const std::scoped_lock lock(d->mutex);
    d->faults.set(fault);
    d->wake();
}

void VirtualSmp::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
    d->muted = false;
    d->stuck = false;
    d->wake();
}

void VirtualSmp::reboot()
{
    const std::scoped_lock lock(d->mutex);
    d->downAt = Clock::now();
    d->wake();
}

void VirtualSmp::setConnected(bool connected)
{
    const std::scoped_lock lock(d->mutex);
    d->plugAt.reset();
    if (connected && !d->link.isOpen())
        d->plugAt = Clock::now();
    else if (!connected && d->link.isOpen())
        d->closeLink();
    d->wake();
}

VirtualSmp::Facts VirtualSmp::facts() const
{
    const std::scoped_lock lock(d->mutex);
    Facts facts;
    const BootImage active = BootImage::parse(d->boot.slot[0]), other = BootImage::parse(d->boot.slot[1]);
    facts.activeVersion = active.ok() ? active.version.zephyrText() : QString();
    facts.activeHash = active.hash;
    facts.activeConfirmed = !d->boot.reverting();
    facts.slot1Hash = other.ok() ? other.hash : QByteArray();
    facts.pending = d->boot.pending != Bootloader::Pending::None;
    facts.locked = d->board.debugLocked;
    facts.hasKey = d->board.identity.hasKey();
    facts.publicKey = d->board.identity.publicKey();
    facts.certificate = d->board.file(QLatin1String(VirtualBoard::certificateFile));
    facts.serial = QString::fromUtf8(d->board.effective.value(u"id/serial"_s));
    facts.requests = d->requests;
    facts.dropped = d->dropped + d->link.tooLarge;
    facts.badFrames = d->link.badFrames;
    facts.uploads = d->server.uploads;
    facts.uploadedBytes = d->server.uploadedBytes;
    facts.uploadOffset = d->server.uploadOffset();
    facts.restarts = d->restarts;
    facts.keysMade = d->board.keysMade;
    facts.signatures = d->board.signatures;
    facts.bytesIn = d->link.bytesIn;
    facts.bytesOut = d->link.bytesOut;
    facts.firstUploadAt = d->server.firstUploadAt;
    facts.lastUploadAt = d->server.lastUploadAt;
    facts.firstByteAt = d->link.firstByteAt;
    facts.trouble = d->linkTrouble;
    return facts;
}

QByteArray VirtualSmp::file(const QString &name) const
{
    const std::scoped_lock lock(d->mutex);
    return d->board.file(name);
}

std::optional<QByteArray> VirtualSmp::setting(const QString &name) const
{
    const std::scoped_lock lock(d->mutex);
    QByteArray value;
    if (d->board.readSetting(name, value))
        return {};
    return value;
}

std::optional<QByteArray> VirtualSmp::savedSetting(const QString &name) const
{
    const std::scoped_lock lock(d->mutex);
    const auto found = d->board.saved.constFind(name);
    return found == d->board.saved.constEnd() ? std::nullopt : std::optional(*found);
}

QByteArray VirtualSmp::handle(const QByteArray &message)
{
    const std::scoped_lock lock(d->mutex);
    ++d->requests;
    const SmpServer::Answer answer = d->server.handle(message);
    if (answer.reset || answer.crash) {
        ++d->restarts;
        d->powerUp();
    }
    d->persist();
    return answer.message;
}

} // namespace slipway
