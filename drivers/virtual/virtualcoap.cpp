#include "drivers/virtual/virtualcoap.h"

#include "core/base/fault.h"
#include "drivers/virtual/coapdtls.h"
#include "drivers/virtual/coapserver.h"
#include "drivers/virtual/deviceend.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <thread>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t mostSessions = 8;

struct Resolved {
    sockaddr_storage address{};
    socklen_t size = 0;
    int family() const { return address.ss_family; }
    sockaddr *generic() { return reinterpret_cast<sockaddr *>(&address); }
};

Resolved resolved(const QString &host, quint16 port)
{
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo *list = nullptr;
    if (::getaddrinfo(host.toUtf8().constData(), QByteArray::number(port).constData(), &hints, &list) != 0 || !list)
        throw Fault("virtual.link", {host, u"it is no IP address"_s});
    Resolved out;
    out.size = list->ai_addrlen;
    std::memcpy(&out.address, list->ai_addr, list->ai_addrlen);
    ::freeaddrinfo(list);
    return out;
}

QString systemWords()
{
    return systemError(errno);
}

} // namespace

// The device under its mutex; the thread takes it for everything but waiting.
struct VirtualCoap::Private {
    explicit Private(VirtualCoapOptions given)
        : options(std::move(given)), dtls(options), board(options, faults), server(options, faults, board),
          event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
    {}

    void open()
    {
        Resolved local = resolved(options.address, options.port);
        socket = OwnedFd(::socket(local.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket || ::bind(socket.get(), local.generic(), local.size) != 0)
            throw Fault("virtual.link", {options.address, systemWords()});
        Resolved bound;
        bound.size = sizeof bound.address;
        ::getsockname(socket.get(), bound.generic(), &bound.size);
        port = local.family() == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6 *>(&bound.address)->sin6_port)
                                          : ntohs(reinterpret_cast<sockaddr_in *>(&bound.address)->sin_port);
        options.port = port; // the same again after a restart
        if (!options.multicast.isEmpty())
            join();
    }

    void join()
    {
        Resolved where = resolved(options.multicast, port);
        group = OwnedFd(::socket(where.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const int on = 1;
        ::setsockopt(group.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        int joined = -1;
        if (where.family() == AF_INET6) {
            const auto *v6 = reinterpret_cast<sockaddr_in6 *>(&where.address);
            ipv6_mreq request{};
            request.ipv6mr_multiaddr = v6->sin6_addr;
            request.ipv6mr_interface = v6->sin6_scope_id;
            joined = ::setsockopt(group.get(), IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request, sizeof request);
        } else {
            ip_mreq request{};
            request.imr_multiaddr = reinterpret_cast<sockaddr_in *>(&where.address)->sin_addr;
            const Resolved local = resolved(options.address, port);
            if (local.family() == AF_INET)
                request.imr_interface = reinterpret_cast<const sockaddr_in *>(&local.address)->sin_addr;
            joined = ::setsockopt(group.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
        }
        if (joined != 0 || ::bind(group.get(), where.generic(), where.size) != 0)
            throw Fault("virtual.link", {options.multicast, systemWords()});
    }

    void goDown(Clock::time_point now)
    {
        flush(now + std::chrono::hours(1)); // what was to be sent is sent before
        socket.reset();
        group.reset();
        sessions.clear();
        waiting.clear();
        server.restart();
        board.restart();
        if (faults.has(VirtualCoapFault::Kind::StuckAfterReset))
            server.muted = true;
        upAt = now + options.rebootTime;
    }

    void comeUp()
    {
        try {
            open();
        } catch (const Fault &) { // somebody has taken the port meanwhile
            upAt = Clock::now() + std::chrono::milliseconds(200);
            return;
        }
        upAt.reset();
        server.silent = false;
    }

    void arrived(int fd, bool multicast)
    {
        for (int i = 0; i < 64 && socket; ++i) {
            char buffer[2048];
            Resolved from;
            from.size = sizeof from.address;
            const ssize_t n = ::recvfrom(fd, buffer, sizeof buffer, 0, from.generic(), &from.size);
            if (n < 0)
                return;
            const QByteArray peer(reinterpret_cast<const char *>(&from.address), qsizetype(from.size));
            const QByteArray datagram(buffer, qsizetype(n));
            const auto now = Clock::now();
            if (!dtls.wanted()) {
                server.receive(peer, datagram, multicast, now);
            } else if (!multicast) {
                secure(peer, datagram, now);
            }
            collect();
            if (board.wantsRestart)
                return;
        }
    }

    void secure(const QByteArray &peer, const QByteArray &datagram, Clock::time_point now)
    {
        auto found = sessions.find(peer);
        if (DtlsPeer::isClientHello(datagram) && found != sessions.end() && found->second.established()) {
            sessions.erase(found);
            server.forget(peer);
            found = sessions.end();
        }
        if (found == sessions.end()) {
            if (!DtlsPeer::isClientHello(datagram))
                return; // of a session from before the restart
            if (sessions.size() >= mostSessions)
                sessions.erase(sessions.begin());
            found = sessions.emplace(peer, dtls).first;
            ++sessionsMade;
        }
        for (const QByteArray &plain : found->second.receive(datagram))
            server.receive(peer, plain, false, now);
        flushSession(peer, found->second);
        if (found->second.failed()) {
            sessions.erase(found);
            server.forget(peer);
        }
    }

    void collect()
    {
        for (auto &out : server.takeOut())
            waiting.emplace(out.at, std::pair(out.peer, out.datagram));
    }

    void sendTo(const QByteArray &peer, const QByteArray &datagram)
    {
        if (socket)
            ::sendto(socket.get(), datagram.constData(), size_t(datagram.size()), MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr *>(peer.constData()), socklen_t(peer.size()));
    }

    void flushSession(const QByteArray &peer, DtlsPeer &session)
    {
        for (const QByteArray &record : session.takeOut()) {
            if (!server.muted)
                sendTo(peer, record);
        }
    }

    void flush(Clock::time_point now)
    {
        while (!waiting.empty() && waiting.begin()->first <= now) {
            const auto [peer, datagram] = waiting.begin()->second;
            waiting.erase(waiting.begin());
            if (!dtls.wanted()) {
                sendTo(peer, datagram);
                continue;
            }
            const auto found = sessions.find(peer);
            if (found == sessions.end())
                continue;
            found->second.send(datagram);
            flushSession(peer, found->second);
        }
    }

    std::optional<Clock::time_point> nextDue()
    {
        std::optional<Clock::time_point> next = upAt;
        const auto sooner = [&](Clock::time_point at) { next = next ? std::min(*next, at) : at; };
        if (!waiting.empty())
            sooner(waiting.begin()->first);
        if (board.due())
            sooner(*board.due());
        for (const auto &[peer, session] : sessions) {
            if (const auto due = session.due())
                sooner(Clock::now() + *due);
        }
        return next;
    }

    void run(const std::stop_token &stop)
    {
        while (!stop.stop_requested()) {
            pollfd fds[3] = {{event.get(), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
            int timeout = -1;
            {
                const std::scoped_lock lock(mutex);
                fds[1].fd = socket.get();
                fds[2].fd = group.get();
                if (const auto next = nextDue()) {
                    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
                    timeout = int(std::max<qint64>(0, left.count()));
                }
            }
            ::poll(fds, 3, timeout);
            std::uint64_t drained = 0;
            [[maybe_unused]] const auto n = ::read(event.get(), &drained, sizeof drained);
            const std::scoped_lock lock(mutex);
            const auto now = Clock::now();
            if (upAt) {
                if (now >= *upAt)
                    comeUp();
                continue;
            }
            if (fds[1].revents && fds[1].fd == socket.get())
                arrived(socket.get(), false);
            if (fds[2].revents && group && fds[2].fd == group.get())
                arrived(group.get(), true);
            server.tick(now);
            collect();
            for (auto &[peer, session] : sessions) {
                if (const auto due = session.due(); due && due->count() <= 1) {
                    session.timeout();
                    flushSession(peer, session);
                }
            }
            flush(Clock::now());
            if (board.wantsRestart)
                goDown(now);
        }
    }

    void wake() const
    {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(event.get(), &one, sizeof one);
    }

    VirtualCoapOptions options;
    mutable std::mutex mutex;
    DtlsSettings dtls;
    CoapFaultDesk faults;
    CoapBoard board;
    CoapServer server;
    OwnedFd event, socket, group;
    quint16 port = 0;
    std::map<QByteArray, DtlsPeer> sessions;
    std::multimap<Clock::time_point, std::pair<QByteArray, QByteArray>> waiting;
    std::optional<Clock::time_point> upAt;
    int sessionsMade = 0;
    std::jthread thread; // last: ends before the rest
};

VirtualCoap::VirtualCoap(VirtualCoapOptions options) : d(std::make_unique<Private>(std::move(options)))
{
    if (!d->options.slot0.isEmpty()) {
        const QString reason = d->board.boot.refusal(0);
        if (!reason.isEmpty())
            throw Fault("virtual.image", {u"the image given for slot 0"_s, reason});
    }
}

VirtualCoap::~VirtualCoap()
{
    stop();
}

void VirtualCoap::start()
{
    d->open();
    d->thread = std::jthread([this](std::stop_token stop) { d->run(stop); });
}

void VirtualCoap::stop()
{
    d->thread.request_stop();
    d->wake();
    if (d->thread.joinable())
        d->thread.join();
    d->socket.reset();
    d->group.reset();
}

QString VirtualCoap::path() const
{
    const std::scoped_lock lock(d->mutex);
    const QString &host = d->options.address;
    return u"%1://%2:%3"_s
        .arg(d->dtls.wanted() ? u"coaps"_s : u"coap"_s, host.contains(u':') ? u'[' + host + u']' : host)
        .arg(d->port);
}

quint16 VirtualCoap::port() const
{
    const std::scoped_lock lock(d->mutex);
    return d->port;
}

void VirtualCoap::setFault(const VirtualCoapFault &fault)
{
    const std::scoped_lock lock(d->mutex);
    d->faults.set(fault);
}

void VirtualCoap::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
    d->server.muted = false;
}

void VirtualCoap::reboot()
{
    {
        const std::scoped_lock lock(d->mutex);
        d->board.wantsRestart = true;
    }
    d->wake();
}

VirtualCoap::Facts VirtualCoap::facts() const
{
    const std::scoped_lock lock(d->mutex);
    Facts out;
    const BootImage active = BootImage::parse(d->board.boot.slot[0]);
    out.activeVersion = active.version.zephyrText();
    out.activeHash = active.hash;
    out.activeConfirmed = d->board.boot.confirmed;
    out.slot1Hash = BootImage::parse(d->board.boot.slot[1]).hash;
    out.pending = d->board.boot.pending != Bootloader::Pending::None;
    out.serial = d->board.serial;
    out.publicKey = d->board.identity.publicKey();
    out.chain = d->board.chain;
    out.requests = d->server.requests;
    out.repetitions = d->server.repetitions;
    out.malformed = d->server.malformed;
    out.uploadedBytes = d->server.uploadedBytes;
    out.uploads = d->board.uploads;
    out.restarts = d->board.restarts;
    out.keysMade = d->board.keysMade;
    out.signatures = d->board.signatures;
    out.sessions = d->sessionsMade;
    out.observers = d->server.observers();
    return out;
}

std::optional<QByteArray> VirtualCoap::setting(const QString &name) const
{
    const std::scoped_lock lock(d->mutex);
    const auto found = d->board.settings.constFind(name);
    return found == d->board.settings.constEnd() ? std::nullopt : std::optional(*found);
}

QByteArray VirtualCoap::file(const QString &name) const
{
    const std::scoped_lock lock(d->mutex);
    return d->board.files.value(name);
}

} // namespace slipway
