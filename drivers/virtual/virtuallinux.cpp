#include "drivers/virtual/virtuallinux.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/virtual/deviceend.h"
#include "drivers/virtual/faultwords.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QRandomGenerator>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Kind = LinuxFault::Kind;

constexpr FaultName<Kind> kinds[] = {
    {"slow-echo", Kind::SlowEcho}, {"kernel", Kind::Kernel}, {"hang", Kind::Hang},
    {"logout", Kind::Logout},      {"reboot", Kind::Reboot}, {"deny", Kind::Deny},
};
constexpr qsizetype longestName = 64;
constexpr qsizetype mostWaiting = 4096; // bytes for the console that nobody has taken: the shell waits
constexpr uid_t nobody = 65534;

void put(const QString &path, const QByteArray &content, bool program = false)
{
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
        throw Fault("virtual.link", {path, file.errorString()});
    file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup | QFile::ReadOther |
                        (program ? QFile::ExeOwner | QFile::ExeGroup | QFile::ExeOther : QFile::Permissions()));
}

} // namespace

QStringList LinuxFault::names()
{
    return faultNames(kinds);
}

LinuxFault LinuxFault::parse(const QString &text)
{
    return parseFault<LinuxFault>(text, kinds);
}

struct VirtualLinux::Private {
    enum class State { Countdown, Loader, Booting, Login, Password, Session };

    explicit Private(VirtualLinuxOptions given) : options(std::move(given)) {}

    void prepare();
    void run(const std::stop_token &stop);
    void boot();
    void showLogin();
    void say(const QByteArray &text) { toHost += text; }
    void typed(char c);
    void entered(const QByteArray &line);
    void startSession();
    void endSession();
    void fromHost();
    void fromShell();
    void pass();
    void control();
    std::optional<Clock::time_point> due() const;
    const LinuxFault *fault(Kind kind) const;
    void drop(Kind kind);
    void wake() const
    {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(event.get(), &one, sizeof one);
    }

    const VirtualLinuxOptions options;
    std::optional<QTemporaryDir> temporary;
    QString folder, program;
    std::vector<QByteArray> arguments, environment;
    std::unique_ptr<PtyEnd> console;
    OwnedFd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)}, fifo, shell;
    pid_t child = -1;

    State state = State::Booting;
    std::optional<Clock::time_point> stateEnds, nextByte;
    QByteArray line, user;      // typed so far; who logs in
    QByteArray toHost, toShell; // waits
    qint64 sinceKernel = 0, stamp = 12'345'678;
    bool hung = false;

    mutable std::mutex mutex; // of what follows
    std::vector<LinuxFault> faults;
    Facts facts;
    bool wantsReboot = false, isCut = false;

    std::jthread thread;
};

const LinuxFault *VirtualLinux::Private::fault(Kind kind) const
{
    for (const LinuxFault &one : faults) {
        if (one.kind == kind)
            return &one;
    }
    return nullptr;
}

void VirtualLinux::Private::drop(Kind kind)
{
    std::erase_if(faults, [kind](const LinuxFault &one) { return one.kind == kind; });
}

// The home: programs, and what board "virtual-gateway" of the driver has there.
void VirtualLinux::Private::prepare()
{
    if (options.folder.isEmpty()) {
        temporary.emplace();
        folder = temporary->path();
    } else {
        folder = QDir(options.folder).absolutePath();
    }
    const QDir home(folder);
    for (const QString &sub : {u"bin"_s, u"tmp"_s, u"gateway"_s, u"data"_s}) {
        if (!home.mkpath(sub))
            throw Fault("virtual.link", {home.filePath(sub), u"the folder cannot be made"_s});
    }
    const QString bash = QStandardPaths::findExecutable(u"bash"_s);
    const QString busybox = QStandardPaths::findExecutable(u"busybox"_s);
    const bool ash = options.shell == u"ash" || (options.shell == u"auto" && bash.isEmpty());
    if ((ash ? busybox : bash).isEmpty())
        throw Fault("virtual.shell", {ash ? u"busybox"_s : u"bash"_s});
    QString path = folder + u"/bin"_s;
    if (ash) {
        // A system of busybox alone, but for openssl, which a gateway has.
        QFile::link(busybox, home.filePath(u"bin/busybox"_s));
        const QStringList needed =
            u"[ ash awk base64 basename cat chmod cksum cp cut date dd df dirname dmesg du echo env expr false find "
            u"grep "
            "gunzip gzip head hexdump hostname id kill ln ls md5sum mkdir mktemp mv od printf ps pwd readlink rm rmdir "
            "sed "
            "seq sh sha256sum sleep sort stat stty sync tail tar tee test touch tr true uname uniq uptime wc which yes "
            "openssl"_s.split(u' ');
        QProcess asked;
        asked.start(busybox, {u"--list"_s});
        asked.waitForFinished(5000);
        const QStringList applets = QString::fromLatin1(asked.readAllStandardOutput()).split(u'\n');
        const QString openssl = QStandardPaths::findExecutable(u"openssl"_s);
        for (const QString &name : needed) {
            QFile::remove(home.filePath(u"bin/"_s + name));
            const QString target = name == u"openssl" ? openssl : busybox;
            const bool there = name == u"openssl" ? !target.isEmpty() : applets.contains(name);
            if (there && !options.without.contains(name))
                QFile::link(target, home.filePath(u"bin/"_s + name));
        }
        program = busybox;
        arguments = {"sh", "-i"};
    } else {
        program = bash;
        put(home.filePath(u"bin/bashrc"_s), "PS1='\\u@\\h:\\w\\$ '\n");
        arguments = {"bash", "--noprofile", "--rcfile", QFile::encodeName(folder) + "/bin/bashrc", "-i"};
        path += u":/usr/local/bin:/usr/bin:/bin"_s;
    }
    path = (options.tools + QStringList{path}).join(u':');
    environment = {"PATH=" + QFile::encodeName(path),     "HOME=" + QFile::encodeName(folder),
                   "USER=" + options.user.toUtf8(),       "LOGNAME=" + options.user.toUtf8(),
                   "SHELL=" + QFile::encodeName(program), "TERM=vt220"};

    const QString fifoPath = home.filePath(u"bin/control"_s);
    QFile::remove(fifoPath);
    if (::mkfifo(QFile::encodeName(fifoPath).constData(), 0622) != 0)
        throw Fault("virtual.link", {fifoPath, systemError(errno)});
    ::chmod(QFile::encodeName(fifoPath).constData(), 0622);
    fifo.reset(::open(QFile::encodeName(fifoPath).constData(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    put(home.filePath(u"bin/reboot"_s),
        "#!" + QFile::encodeName(QStandardPaths::findExecutable(u"sh"_s)) + "\necho reboot >'" +
            QFile::encodeName(fifoPath) + "'\n",
        true);
    const auto keep = [&](const char *name, const QByteArray &content) {
        const QString file = home.filePath(QLatin1String(name));
        if (!QFile::exists(file))
            put(file, content);
    };
    keep("gateway/board", "virtual-gateway\n");
    keep("gateway/serial", options.serial.toUtf8() + '\n');
    keep("gateway/hardware-id", "02:00:5e:ff:fe:00:53:01\n");
    keep("gateway/slot-a", "firmware 1.0.0\n");
    keep("gateway/settings", "# Settings of the gateway\nname=gateway\ninterval=60\n");
    if (options.unprivileged && ::geteuid() == 0) {
        for (const QString &sub : {u"."_s, u"tmp"_s, u"gateway"_s, u"data"_s})
            ::chmod(QFile::encodeName(home.filePath(sub)).constData(), sub == u"." ? 0755 : 0777);
    }
}

void VirtualLinux::Private::boot()
{
    endSession();
    toHost.clear();
    line.clear();
    hung = false;
    QFile id(folder + u"/gateway/boot-id"_s);
    if (id.open(QIODevice::WriteOnly))
        id.write(QByteArray::number(QRandomGenerator::system()->generate64(), 16) + '\n');
    {
        const std::scoped_lock lock(mutex);
        ++facts.boots;
        facts.interrupted = false;
    }
    state = State::Countdown;
    stateEnds = Clock::now() + options.countdown;
    say("\r\nU-Boot 2024.01 (Jan 08 2024 - 15:37:48 +0000)\r\n\r\nHit any key to stop autoboot:  1 ");
}

void VirtualLinux::Private::showLogin()
{
    line.clear();
    stateEnds.reset();
    if (options.loggedIn)
        return startSession();
    state = State::Login;
    say("\r\nGateway Linux 1.0 " + options.hostName.toUtf8() + " ttyS0\r\n\r\n" + options.hostName.toUtf8() +
        " login: ");
}

void VirtualLinux::Private::entered(const QByteArray &text)
{
    switch (state) {
    case State::Loader:
        if (text == "boot") {
            state = State::Booting;
            stateEnds = Clock::now() + options.bootTime;
            say("## Booting kernel\r\n");
        } else {
            say(text.isEmpty() ? "=> " : "Unknown command '" + text + "' - try 'help'\r\n=> ");
        }
        break;
    case State::Login:
        if (text.isEmpty())
            return showLogin();
        user = text;
        {
            const std::scoped_lock lock(mutex);
            if (options.password.isEmpty() && user == options.user.toUtf8() && !fault(Kind::Deny))
                state = State::Session;
        }
        if (state == State::Session)
            return startSession();
        state = State::Password;
        say("Password: ");
        break;
    case State::Password: {
        say("\r\n");
        bool good = user == options.user.toUtf8() && text == options.password.toUtf8() && !options.password.isEmpty();
        {
            const std::scoped_lock lock(mutex);
            good = good && !fault(Kind::Deny);
            facts.refusals += good ? 0 : 1;
        }
        if (good)
            return startSession();
        say("\r\nLogin incorrect\r\n");
        showLogin();
        break;
    }
    default:
        break;
    }
}

void VirtualLinux::Private::typed(char c)
{
    if (state == State::Countdown) { // any key
        state = State::Loader;
        stateEnds.reset();
        line.clear();
        say("\r\n=> ");
        const std::scoped_lock lock(mutex);
        facts.interrupted = true;
        return;
    }
    if (state == State::Booting)
        return;
    if (c == '\n' || c == '\r') {
        const QByteArray text = line;
        line.clear();
        if (state != State::Password)
            say("\r\n");
        entered(text);
    } else if (c == '\x03' || c == '\x15') {
        line.clear();
        if (state != State::Loader)
            showLogin();
    } else if (quint8(c) >= ' ' && line.size() < longestName) {
        line += c;
        if (state != State::Password)
            say(QByteArray(1, c));
    }
}

void VirtualLinux::Private::startSession()
{
    std::vector<char *> argv, envp;
    for (QByteArray &word : arguments)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    for (QByteArray &word : environment)
        envp.push_back(word.data());
    envp.push_back(nullptr);
    const QByteArray file = QFile::encodeName(program), home = QFile::encodeName(folder);
    const bool lower = options.unprivileged && ::geteuid() == 0;
    winsize size{24, 80, 0, 0};
    int master = -1;
    const pid_t pid = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid == 0) {
        for (int signal = 1; signal < NSIG; ++signal)
            ::signal(signal, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::closefrom(3);
        bool ready = ::chdir(home.constData()) == 0;
        if (lower)
            ready = ready && ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
        if (ready)
            ::execve(file.constData(), argv.data(), envp.data());
        ::_exit(127);
    }
    if (pid < 0)
        throw Fault("virtual.link", {program, systemError(errno)});
    child = pid;
    shell.reset(master);
    ::fcntl(master, F_SETFL, ::fcntl(master, F_GETFL) | O_NONBLOCK);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    state = State::Session;
    stateEnds.reset();
    toShell.clear();
    const std::scoped_lock lock(mutex);
    ++facts.logins;
}

void VirtualLinux::Private::endSession()
{
    if (child > 0) {
        // Whatever runs in the foreground, and the shell with it: a power cut asks nobody.
        const pid_t group = shell ? ::tcgetpgrp(shell.get()) : -1;
        if (group > 1 && group != ::getpgrp())
            ::kill(-group, SIGKILL);
        ::kill(-child, SIGKILL);
        shell.reset();
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        child = -1;
    }
    shell.reset();
    toShell.clear();
}

void VirtualLinux::Private::fromHost()
{
    char buffer[4096];
    const ssize_t got = ::read(console->fd(), buffer, sizeof buffer);
    if (got <= 0)
        return;
    std::unique_lock lock(mutex);
    if (isCut || hung)
        return;
    const qint64 before = facts.received;
    facts.received += got;
    const auto passed = [&](Kind kind) {
        const LinuxFault *one = fault(kind);
        return one && before < one->after && facts.received >= one->after;
    };
    if (passed(Kind::Hang)) {
        hung = true;
        drop(Kind::Hang);
        return;
    }
    const bool logsOut = passed(Kind::Logout);
    if (passed(Kind::Reboot)) {
        drop(Kind::Reboot);
        wantsReboot = true;
    }
    if (logsOut)
        drop(Kind::Logout);
    lock.unlock();
    if (logsOut && state == State::Session) {
        endSession();
        return showLogin();
    }
    for (ssize_t i = 0; i < got; ++i) {
        if (state == State::Session) {
            toShell.append(buffer + i, got - i);
            break;
        }
        typed(buffer[i]);
    }
}

void VirtualLinux::Private::fromShell()
{
    char buffer[4096];
    const ssize_t got = ::read(shell.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) { // EIO: nobody has its other end open any more
        endSession();
        return showLogin();
    }
    std::scoped_lock lock(mutex);
    const LinuxFault *kernel = fault(Kind::Kernel);
    for (ssize_t i = 0; i < got; ++i) {
        toHost += buffer[i];
        if (kernel && ++sinceKernel >= kernel->every) {
            sinceKernel = 0;
            stamp += 1'017'131;
            toHost += "[" + QByteArray::number(double(stamp) / 1e6, 'f', 6).rightJustified(12) +
                      "] usb 1-1: new high-speed USB device number " + QByteArray::number(stamp % 97) +
                      " using ci_hdrc\r\n";
        }
    }
}

// To the host what it takes, at its pace.
void VirtualLinux::Private::pass()
{
    const auto now = Clock::now();
    if (toHost.isEmpty() || (nextByte && now < *nextByte))
        return;
    nextByte.reset();
    std::scoped_lock lock(mutex);
    if (isCut || hung) {
        toHost.clear();
        return;
    }
    size_t size = size_t(toHost.size());
    if (const LinuxFault *slow = fault(Kind::SlowEcho)) {
        size = 1;
        nextByte = now + slow->delay;
    }
    const ssize_t wrote = writeQuietly(console->fd(), toHost.constData(), size);
    if (wrote > 0) {
        facts.sent += wrote;
        toHost.remove(0, wrote);
    }
}

void VirtualLinux::Private::control()
{
    char buffer[64];
    const ssize_t got = ::read(fifo.get(), buffer, sizeof buffer);
    std::scoped_lock lock(mutex);
    if (got > 0 && QByteArray(buffer, got).contains("reboot"))
        wantsReboot = true;
}

std::optional<Clock::time_point> VirtualLinux::Private::due() const
{
    std::optional<Clock::time_point> at = stateEnds;
    if (nextByte && !toHost.isEmpty() && (!at || *nextByte < *at))
        at = nextByte;
    return at;
}

void VirtualLinux::Private::run(const std::stop_token &stop)
{
    const std::stop_callback waker(stop, [this] { wake(); });
    boot();
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex);
            if (std::exchange(wantsReboot, false)) {
                lock.unlock();
                boot();
            }
        }
        if (stateEnds && Clock::now() >= *stateEnds) {
            if (state == State::Countdown) {
                state = State::Booting;
                stateEnds = Clock::now() + options.bootTime;
                say("\b\b 0 \r\n## Booting kernel\r\n[    0.000000] Booting Linux on physical CPU 0x0\r\n");
            } else {
                say("[    1.234567] Freeing unused kernel memory: 1024K\r\n");
                showLogin();
            }
        }
        pass();
        pollfd fds[] = {
            {event.get(), POLLIN, 0}, {fifo.get(), POLLIN, 0}, {console->fd(), 0, 0}, {shell ? shell.get() : -1, 0, 0}};
        if (toShell.size() < mostWaiting)
            fds[2].events |= POLLIN;
        if (!toHost.isEmpty() && !nextByte)
            fds[2].events |= POLLOUT;
        if (toHost.size() < mostWaiting)
            fds[3].events |= POLLIN;
        if (!toShell.isEmpty())
            fds[3].events |= POLLOUT;
        timespec span{}, *limit = nullptr;
        if (const auto at = due()) {
            const auto left = std::max<std::chrono::nanoseconds>(0ns, *at - Clock::now());
            span = {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
            limit = &span;
        }
        // Nobody has the console open: its end shows as hung up, and asking on would only keep the processor busy.
        const timespec absent{.tv_sec = 0, .tv_nsec = 20'000'000};
        pollfd probe{console->fd(), 0, 0};
        if (::poll(&probe, 1, 0) == 1 && (probe.revents & POLLHUP)) {
            fds[2].fd = -1;
            toHost = toHost.right(mostWaiting / 2);
            if (!limit || span.tv_sec > 0 || span.tv_nsec > absent.tv_nsec) {
                span = absent;
                limit = &span;
            }
        }
        if (::ppoll(fds, 4, limit, nullptr) < 0 && errno != EINTR)
            throw Fault("virtual.link", {console->path(), systemError(errno)});
        if (fds[0].revents) {
            quint64 value;
            [[maybe_unused]] const ssize_t got = ::read(event.get(), &value, sizeof value);
        }
        if (fds[1].revents & POLLIN)
            control();
        if (fds[2].revents & POLLIN)
            fromHost();
        if (shell && (fds[3].revents & POLLOUT) && !toShell.isEmpty()) {
            const ssize_t wrote = ::write(shell.get(), toShell.constData(), size_t(toShell.size()));
            if (wrote > 0)
                toShell.remove(0, wrote);
        }
        if (shell && fds[3].fd == shell.get() && (fds[3].revents & (POLLIN | POLLHUP | POLLERR)))
            fromShell();
    }
    endSession();
}

VirtualLinux::VirtualLinux(VirtualLinuxOptions options) : d(std::make_unique<Private>(std::move(options))) {}

VirtualLinux::~VirtualLinux()
{
    stop();
}

void VirtualLinux::start()
{
    d->prepare();
    d->console = std::make_unique<PtyEnd>(d->options.ptyLink);
    d->thread = std::jthread([this](const std::stop_token &stop) {
        try {
            d->run(stop);
        } catch (const Fault &fault) {
            const std::scoped_lock lock(d->mutex);
            d->facts.trouble = fault.sentence();
        }
    });
}

void VirtualLinux::stop()
{
    if (d->thread.joinable()) {
        d->thread.request_stop();
        d->thread.join();
    }
    d->console.reset();
    d->fifo.reset();
    if (!d->folder.isEmpty())
        QFile::remove(d->folder + u"/bin/control"_s);
}

QString VirtualLinux::path() const
{
    return d->console ? d->console->path() : d->options.ptyLink;
}

QString VirtualLinux::folder() const
{
    return d->folder;
}

void VirtualLinux::setFault(const LinuxFault &fault)
{
    const std::scoped_lock lock(d->mutex);
    LinuxFault counted = fault;
    if (counted.kind == Kind::Hang || counted.kind == Kind::Logout || counted.kind == Kind::Reboot)
        counted.after += std::max<qint64>(1, d->facts.received); // from now on
    d->faults.push_back(counted);
}

void VirtualLinux::clearFaults()
{
    const std::scoped_lock lock(d->mutex);
    d->faults.clear();
}

void VirtualLinux::reboot()
{
    {
        const std::scoped_lock lock(d->mutex);
        d->wantsReboot = true;
    }
    d->wake();
}

void VirtualLinux::cut(bool cut)
{
    const std::scoped_lock lock(d->mutex);
    d->isCut = cut;
}

VirtualLinux::Facts VirtualLinux::facts() const
{
    const std::scoped_lock lock(d->mutex);
    return d->facts;
}

} // namespace slipway
