#include "drivers/probe/openocdprogram.h"

#include "core/base/fault.h"

#include <QFile>
#include <QStandardPaths>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype keptLog = 64 * 1024;
constexpr int sharedFd = 3;

// Above those that the child gets, and not for other children.
int lifted(int fd)
{
    const int out = fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 10) : -1;
    if (fd >= 0)
        ::close(fd);
    return out;
}

void closeFd(int &fd)
{
    if (fd >= 0)
        ::close(fd);
    fd = -1;
}

// In the child, between fork and exec: only what POSIX allows there.
[[noreturn]] void become(const char *program, char *const *argv, pid_t parent, int socket, int errors, int shared)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) // it went before we asked
        ::_exit(127);
    ::setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD, SIGQUIT})
        ::signal(number, SIG_DFL);
    ::dup2(socket, STDIN_FILENO);
    ::dup2(socket, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::dup2(shared, sharedFd);
    ::close_range(sharedFd + 1, ~0U, 0);
    // Scripts are looked for in the current folder first: it must not be one that anybody writes to.
    if (::chdir("/") == 0)
        ::execv(program, argv);
    ::_exit(127);
}

} // namespace

OpenOcdProgram::OpenOcdProgram(const QList<QByteArray> &arguments)
{
    const QByteArray program = QFile::encodeName(QStandardPaths::findExecutable(u"openocd"_s));
    if (program.isEmpty())
        throw Fault("probe.no-openocd");
    std::vector<QByteArray> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char *> argv;
    for (QByteArray &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    int sockets[2] = {-1, -1}, errors[2] = {-1, -1};
    const bool made =
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0 && ::pipe2(errors, O_CLOEXEC) == 0;
    m_socket = lifted(sockets[0]);
    m_errors = lifted(errors[0]);
    int theirSocket = lifted(sockets[1]), theirErrors = lifted(errors[1]);
    m_shared = lifted(::memfd_create("slipway-openocd", MFD_CLOEXEC));
    m_poll = ::epoll_create1(EPOLL_CLOEXEC);
    const pid_t parent = ::getpid();
    if (made && theirSocket >= 0 && theirErrors >= 0 && m_socket >= 0 && m_errors >= 0 && m_shared >= 0 && m_poll >= 0)
        m_pid = ::fork();
    if (m_pid == 0)
        become(program.constData(), argv.data(), parent, theirSocket, theirErrors, m_shared);
    const int error = errno;
    closeFd(theirSocket);
    closeFd(theirErrors);
    if (m_pid < 0) {
        for (int *fd : {&m_socket, &m_errors, &m_shared, &m_poll})
            closeFd(*fd);
        throw Fault("probe.start", {QString::fromLocal8Bit(std::strerror(error))});
    }
    ::setpgid(m_pid, m_pid); // whoever comes first
    m_pidFd = int(::syscall(SYS_pidfd_open, m_pid, 0));
    for (const int fd : {m_socket, m_errors}) {
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        epoll_event wanted = {};
        wanted.events = EPOLLIN;
        wanted.data.fd = fd;
        ::epoll_ctl(m_poll, EPOLL_CTL_ADD, fd, &wanted);
    }
}

OpenOcdProgram::~OpenOcdProgram()
{
    // It ends by itself when its input does, and leaves the probe in order.
    ::shutdown(m_socket, SHUT_RDWR);
    if (!waitForEnd(1s)) {
        ::kill(-m_pid, SIGTERM);
        if (!waitForEnd(500ms))
            kill();
    }
    for (int *fd : {&m_socket, &m_errors, &m_shared, &m_poll, &m_pidFd})
        closeFd(*fd);
}

void OpenOcdProgram::kill()
{
    if (m_ended)
        return;
    ::kill(-m_pid, SIGKILL);
    while (::waitpid(m_pid, &m_status, 0) < 0 && errno == EINTR) {
    }
    m_ended = true;
}

bool OpenOcdProgram::waitForEnd(std::chrono::milliseconds span)
{
    const Deadline deadline = Deadline::in(span);
    while (!m_ended) {
        readLog(); // it must not hang on a full pipe
        if (const pid_t got = ::waitpid(m_pid, &m_status, WNOHANG); got == m_pid || (got < 0 && errno == ECHILD)) {
            m_ended = true;
            break;
        }
        if (deadline.expired())
            return false;
        pollfd waits[] = {{m_pidFd, POLLIN, 0}, {m_errors, POLLIN, 0}};
        ::poll(waits, m_errors >= 0 ? 2 : 1, int(std::min<qint64>(deadline.remaining().count(), 50)));
    }
    return true;
}

QString OpenOcdProgram::ending()
{
    if (!waitForEnd(1s))
        kill();
    return WIFSIGNALED(m_status) ? u"killed by signal %1"_s.arg(WTERMSIG(m_status))
                                 : u"exit status %1"_s.arg(WEXITSTATUS(m_status));
}

void OpenOcdProgram::readLog()
{
    char buffer[4096];
    while (m_errors >= 0) {
        const ssize_t got = ::read(m_errors, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return;
        if (got == 0) {
            ::epoll_ctl(m_poll, EPOLL_CTL_DEL, m_errors, nullptr);
            closeFd(m_errors);
            return;
        }
        m_log.append(buffer, got);
        if (m_log.size() > keptLog)
            m_log.remove(0, m_log.size() - keptLog);
    }
}

QByteArray OpenOcdProgram::takeLog()
{
    readLog();
    return std::exchange(m_log, {});
}

OpenOcdProgram::Heard OpenOcdProgram::hear(QByteArray &in, Deadline deadline, const std::stop_token &stop)
{
    for (;;) {
        readLog();
        char buffer[16384];
        const ssize_t got = ::recv(m_socket, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0) {
            in.append(buffer, got);
            return Heard::Something;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            readLog();
            return Heard::End;
        }
        if (deadline.expired())
            return Heard::Nothing;
        m_waiter.wait(m_poll, POLLIN, deadline, stop);
    }
}

bool OpenOcdProgram::send(const QByteArray &bytes, Deadline deadline, const std::stop_token &stop)
{
    for (qsizetype sent = 0; sent < bytes.size();) {
        const ssize_t wrote =
            ::send(m_socket, bytes.constData() + sent, size_t(bytes.size() - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (wrote > 0) {
            sent += wrote;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return false;
        if (deadline.expired())
            return false;
        readLog();
        m_waiter.wait(m_socket, POLLOUT, deadline, stop);
    }
    return true;
}

const char *OpenOcdProgram::sharedPath()
{
    return "/proc/self/fd/3";
}

void OpenOcdProgram::share(const QByteArray &bytes)
{
    qsizetype done = 0;
    bool ok = ::ftruncate(m_shared, 0) == 0;
    while (ok && done < bytes.size()) {
        const ssize_t wrote = ::pwrite(m_shared, bytes.constData() + done, size_t(bytes.size() - done), done);
        ok = wrote > 0 || errno == EINTR;
        done += std::max<ssize_t>(wrote, 0);
    }
    if (!ok)
        throw Fault("probe.start", {QString::fromLocal8Bit(std::strerror(errno))});
}

QByteArray OpenOcdProgram::shared(qsizetype most) const
{
    QByteArray out(most, Qt::Uninitialized);
    qsizetype done = 0;
    while (done < most) {
        const ssize_t got = ::pread(m_shared, out.data() + done, size_t(most - done), done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += got;
    }
    out.truncate(done);
    return out;
}

} // namespace slipway
