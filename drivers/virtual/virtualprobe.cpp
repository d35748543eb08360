#include "drivers/virtual/virtualprobe.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/faultwords.h"
#include "drivers/virtual/stm32f1chip.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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

using Kind = VirtualProbeFault::Kind;

constexpr FaultName<Kind> kinds[] = {
    {"silence", Kind::Silence},      {"disconnect", Kind::Disconnect}, {"garbage", Kind::Garbage},
    {"unpowered", Kind::Unpowered},  {"wrong-chip", Kind::WrongChip},  {"wait", Kind::Wait},
    {"stuck-byte", Kind::StuckByte}, {"deaf-erase", Kind::DeafErase},  {"lock-fails", Kind::LockFails},
};

QByteArray madeId(const VirtualProbeOptions &options)
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

QStringList VirtualProbeFault::names()
{
    return faultNames(kinds);
}

VirtualProbeFault VirtualProbeFault::parse(const QString &text)
{
    return parseFault<VirtualProbeFault>(text, kinds);
}

// All of it under the mutex, but for the wait.
struct VirtualProbe::Private {
    explicit Private(VirtualProbeOptions given)
        : options(std::move(given)), uniqueId(madeId(options)),
          chip(options.flashKib, uniqueId, {options.eraseTime, options.programTime})
    {
        chip.flash().setContent(options.flash);
        if (options.readoutProtected)
            chip.flash().setReadoutProtected(true);
        chip.powerOn();
    }

    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
    }
    VirtualProbeFault *find(Kind kind)
    {
        const auto it = std::find_if(faults.begin(), faults.end(),
                                     [kind](const VirtualProbeFault &fault) { return fault.kind == kind; });
        return it == faults.end() ? nullptr : &*it;
    }
    void applyFaults();
    void run(const std::stop_token &stop);
    bool receive(); // false: the connection is over
    bool obey(char request);
    void answer();

    const VirtualProbeOptions options;
    const QByteArray uniqueId;
    mutable std::mutex mutex;
    Stm32F1Chip chip;
    std::vector<VirtualProbeFault> faults;
    VirtualProbeFault *silence = nullptr, *disconnect = nullptr, *garbage = nullptr, *unpowered = nullptr;
    OwnedFd listening, connection;
    OwnedFd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    QByteArray out;
    int port = 0, connections = 0;
    qint64 bytesIn = 0, answers = 0;
    std::jthread thread;
};

void VirtualProbe::Private::applyFaults()
{
    silence = find(Kind::Silence);
    disconnect = find(Kind::Disconnect);
    garbage = find(Kind::Garbage);
    unpowered = find(Kind::Unpowered);
    const auto *wrong = find(Kind::WrongChip), *wait = find(Kind::Wait), *stuck = find(Kind::StuckByte);
    chip.port().setIdCode(wrong ? wrong->value : Stm32F1Chip::coreId);
    chip.port().waitEvery = wait ? wait->every : 0;
    chip.flash().stuckAt = stuck && stuck->after < chip.flash().content().size() ? stuck->after : -1;
    chip.flash().deafErase = find(Kind::DeafErase) != nullptr;
    chip.flash().lockFails = find(Kind::LockFails) != nullptr;
}

void VirtualProbe::Private::answer()
{
    if (silence && silence->after-- <= 0) {
        silence->after = 0;
        return;
    }
    ++answers;
    if (garbage && answers % garbage->every == 0)
        out += 'x';
    else if (unpowered)
        out += unpowered->value ? '1' : '0';
    else
        out += chip.jtag().tdo() ? '1' : '0';
}

bool VirtualProbe::Private::obey(char request)
{
    if (disconnect && disconnect->after-- <= 0) {
        std::erase_if(faults, [](const VirtualProbeFault &fault) { return fault.kind == Kind::Disconnect; });
        applyFaults();
        return false;
    }
    if (request >= '0' && request <= '7') {
        const int lines = request - '0';
        chip.jtag().drive(lines & 4, lines & 2, lines & 1);
    } else if (request == 'R') {
        answer();
    } else if (request >= 'r' && request <= 'u') {
        chip.resetPins((request - 'r') & 2, (request - 'r') & 1);
    } else if (request != 'B' && request != 'b') { // 'Q', and what is not known
        return false;
    }
    return true;
}

bool VirtualProbe::Private::receive()
{
    char buffer[65536];
    const ssize_t got = ::recv(connection.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return false;
    bytesIn += got;
    out.clear();
    bool more = true;
    for (ssize_t i = 0; i < got && more; ++i)
        more = obey(buffer[i]);
    // A peer that does not take its answers does not get any more.
    for (qsizetype sent = 0; sent < out.size();) {
        const ssize_t wrote = ::send(connection.get(), out.constData() + sent, size_t(out.size() - sent), MSG_NOSIGNAL);
        if (wrote < 0 && errno != EINTR)
            return false;
        sent += std::max<ssize_t>(wrote, 0);
    }
    return more;
}

void VirtualProbe::Private::run(const std::stop_token &stop)
{
    const std::stop_callback waker(stop, [this] { wake(); });
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        pollfd waits[] = {{event.get(), POLLIN, 0}, {connection ? connection.get() : listening.get(), POLLIN, 0}};
        const bool connected = bool(connection);
        lock.unlock();
        const int ready = ::poll(waits, 2, -1);
        lock.lock();
        if (ready < 0)
            continue;
        quint64 value = 0;
        [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
        if (!waits[1].revents || connected != bool(connection))
            continue;
        if (connected) {
            if (!receive())
                connection.reset();
            continue;
        }
        connection.reset(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            const int on = 1;
            ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            ++connections;
        }
    }
}

VirtualProbe::VirtualProbe(VirtualProbeOptions options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualProbe::~VirtualProbe()
{
    stop();
}

void VirtualProbe::start()
{
    const std::scoped_lock lock(d->mutex);
    if (d->thread.joinable())
        return;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(d->options.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 || ::listen(socket.get(), 1) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size) != 0)
        throw Fault("virtual.link", {QString::number(d->options.port), systemError(errno)});
    d->port = ntohs(address.sin_port);
    d->listening = std::move(socket);
    d->thread = std::jthread([this](const std::stop_token &stop) { d->run(stop); });
}

void VirtualProbe::stop()
{
    if (!d->thread.joinable())
        return;
    d->thread.request_stop();
    d->thread.join();
    const std::scoped_lock lock(d->mutex);
    d->thread = {};
    d->connection.reset();
    d->listening.reset();
}

int VirtualProbe::port() const
{
    const std::scoped_lock lock(d->mutex);
    return d->port;
}

QString VirtualProbe::path() const
{
    return u"bitbang:127.0.0.1:%1"_s.arg(port());
}

void VirtualProbe::setFault(const VirtualProbeFault &fault)
{
    const std::scoped_lock lock(d->mutex);
    d->faults.push_back(fault);
    d->applyFaults();
}

void VirtualProbe::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
    d->applyFaults();
}

void VirtualProbe::powerCycle()
{
    const std::scoped_lock lock(d->mutex);
    d->chip.powerOn();
}

void VirtualProbe::unplug()
{
    const std::scoped_lock lock(d->mutex);
    if (d->connection)
        ::shutdown(d->connection.get(), SHUT_RDWR);
}

VirtualProbe::Facts VirtualProbe::factsOf(const Stm32F1Chip &chip)
{
    Facts out;
    out.flash = chip.flash().content();
    out.options = chip.flash().options();
    out.uniqueId = chip.uniqueId();
    out.readoutProtected = chip.flash().readoutProtected();
    out.halted = chip.core().halted();
    out.pc = chip.core().pc();
    out.resets = chip.core().resets;
    out.pagesErased = chip.flash().pagesErased;
    out.massErases = chip.flash().massErases;
    out.refused = chip.flash().refused;
    out.halfwords = chip.flash().halfwords;
    out.accesses = chip.port().accesses;
    out.busFaults = chip.port().faults;
    out.waits = chip.port().waits;
    return out;
}

VirtualProbe::Facts VirtualProbe::facts() const
{
    const std::scoped_lock lock(d->mutex);
    Facts out = factsOf(d->chip);
    out.bytesIn = d->bytesIn;
    out.connections = d->connections;
    return out;
}

} // namespace slipway
