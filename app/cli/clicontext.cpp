#include "app/cli/clicontext.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QJsonDocument>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace slipway {

namespace {

// One write per line, so that lines of several threads and processes do not mix.
// False when it could not be written and somebody waits for it: a reader who went away does not.
bool writeLine(int fd, QByteArray line)
{
    line += '\n';
    qsizetype at = 0;
    while (at < line.size()) {
        const ssize_t n = ::write(fd, line.constData() + at, size_t(line.size() - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EPIPE;
        at += n;
    }
    return true;
}

// The handler may only write; a thread turns the byte into a stop request.
std::array<int, 2> signalPipe{-1, -1};
volatile std::sig_atomic_t signalsSeen = 0;

void onSignal(int number)
{
    if (signalsSeen) {
        std::signal(number, SIG_DFL);
        std::raise(number);
        return;
    }
    signalsSeen = 1;
    const int saved = errno;
    const char byte = 1;
    [[maybe_unused]] const ssize_t n = ::write(signalPipe[1], &byte, 1);
    errno = saved;
}

void add(CLI::App &app, std::string &home, bool &json, int &fd, int &pinFd)
{
    if (!app.get_option_no_throw("--home"))
        app.add_option("--home", home, "Folder of the station (default: the platform's data folder)")->type_name("DIR");
    if (!app.get_option_no_throw("--json"))
        app.add_flag("--json", json, "One JSON object a line on standard output, and nothing else there");
    if (!app.get_option_no_throw("--passphrase-fd"))
        app.add_option("--passphrase-fd", fd, "Read the passphrase of the station's keys from this file descriptor")
            ->type_name("N")
            ->check(CLI::Range(0, 1023).description(""));
    if (!app.get_option_no_throw("--pin-fd"))
        app.add_option("--pin-fd", pinFd,
                       "Read the PIN of a token, or an issuer's shared secret, from this file descriptor")
            ->type_name("N")
            ->check(CLI::Range(0, 1023).description(""));
    for (CLI::App *sub : app.get_subcommands([](CLI::App *) { return true; }))
        add(*sub, home, json, fd, pinFd);
}

// Up to the first line end. Throws cli.passphrase.
QByteArray readLineOf(int fd)
{
    QByteArray read;
    char c = 0;
    for (;;) {
        const ssize_t n = ::read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw Fault("cli.passphrase", {QString::number(fd)});
        if (n == 0 || c == '\n')
            break;
        read += c;
        if (read.size() > 1024)
            throw Fault("cli.passphrase", {QString::number(fd)});
    }
    if (read.endsWith('\r'))
        read.chop(1);
    if (read.isEmpty())
        throw Fault("cli.passphrase", {QString::number(fd)});
    return read;
}

} // namespace

void CliContext::addCommonOptions(CLI::App &app)
{
    add(app, m_home, m_json, m_passphraseFd, m_pinFd);
}

int CliContext::perform()
{
    const int status = m_action ? m_action() : 2;
    if (!m_lost.isEmpty())
        throw Fault("cli.output-lost", {m_lost});
    return status;
}

void CliContext::watchSignals()
{
    if (::pipe2(signalPipe.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    m_signalThread = std::jthread([this](const std::stop_token &stopThread) {
        pollfd wait{signalPipe[0], POLLIN, 0};
        while (!stopThread.stop_requested()) {
            if (::poll(&wait, 1, -1) > 0) {
                if (!stopThread.stop_requested()) {
                    say(QStringLiteral("Stopping at the next safe point. Once more ends Slipway at once."));
                    m_stop.request_stop();
                }
                return;
            }
        }
    });
    struct sigaction act {};
    act.sa_handler = onSignal;
    sigemptyset(&act.sa_mask);
    act.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &act, nullptr);
    ::sigaction(SIGTERM, &act, nullptr);
}

CliContext::~CliContext()
{
    m_signalThread.request_stop();
    if (signalPipe[1] >= 0) {
        const char byte = 0;
        [[maybe_unused]] const ssize_t n = ::write(signalPipe[1], &byte, 1);
    }
}

CliContext::CliContext(const DriverRegistry &drivers) : m_drivers(drivers), m_errTerminal(::isatty(2) == 1) {}

void CliContext::action(CLI::App *command, std::function<int()> work)
{
    command->callback([this, work = std::move(work)] { m_action = work; });
}

void CliContext::examples(CLI::App *command, const QStringList &lines)
{
    command->footer(("Examples:\n  " + lines.join(QStringLiteral("\n  "))).toStdString());
}

QString CliContext::homePath() const
{
    return m_home.empty() ? Home::defaultPath() : QString::fromStdString(m_home);
}

Home CliContext::openHome() const
{
    Home home = Home::open(homePath(), passphrase());
    home.setAskSecret(const_cast<CliContext *>(this)->askSecret());
    return home;
}

QByteArray CliContext::passphrase() const
{
    if (!m_passphrase)
        m_passphrase = m_passphraseFd >= 0 ? readLineOf(m_passphraseFd) : QByteArray();
    return *m_passphrase;
}

AskSecret CliContext::askSecret()
{
    return [this](const QString &what) {
        if (m_pinFd >= 0 && !what.contains(QLatin1String("passphrase")))
            return readLineOf(m_pinFd);
        return askAtTerminal(what);
    };
}

QByteArray CliContext::askAtTerminal(const QString &question)
{
    const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0)
        return {};
    termios before{};
    QByteArray line;
    if (::tcgetattr(terminal, &before) == 0) {
        termios silent = before;
        silent.c_lflag &= ~tcflag_t(ECHO);
        ::tcsetattr(terminal, TCSAFLUSH, &silent);
        const QByteArray prompt = "Type " + question.toUtf8() + ": ";
        [[maybe_unused]] ssize_t n = ::write(terminal, prompt.constData(), size_t(prompt.size()));
        for (char c = 0; c != '\n' && line.size() < 1024;) {
            pollfd wait{terminal, POLLIN, 0};
            if (m_stop.stop_requested() || (::poll(&wait, 1, 200) < 0 && errno != EINTR))
                break;
            if (!(wait.revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            if (::read(terminal, &c, 1) != 1)
                break;
            if (c != '\n')
                line += c;
        }
        ::tcsetattr(terminal, TCSAFLUSH, &before);
        n = ::write(terminal, "\n", 1);
    }
    ::close(terminal);
    if (m_stop.stop_requested()) {
        cleanse(line);
        throw Fault("base.stopped");
    }
    return line;
}

bool CliContext::inIsTerminal() const
{
    return ::isatty(0) == 1;
}

void CliContext::clearTransient()
{
    if (m_transientShown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        m_transientShown = false;
    }
}

void CliContext::object(const QJsonObject &object)
{
    if (!m_json)
        return;
    const std::lock_guard lock(m_mutex);
    clearTransient();
    print(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

void CliContext::print(const QByteArray &line)
{
    if (!writeLine(1, line) && m_lost.isEmpty())
        m_lost = QString::fromLocal8Bit(std::strerror(errno));
}

void CliContext::result(const QString &line)
{
    if (m_json)
        return;
    const std::lock_guard lock(m_mutex);
    clearTransient();
    print(line.toUtf8());
}

void CliContext::say(const QString &line)
{
    const std::lock_guard lock(m_mutex);
    clearTransient();
    writeLine(2, line.toUtf8());
}

void CliContext::say(const Fault &fault)
{
    say(QStringLiteral("slipway: ") + fault.text());
    if (m_json) {
        object({{QStringLiteral("fault"), QString::fromLatin1(fault.code())},
                {QStringLiteral("sentence"), fault.sentence()},
                {QStringLiteral("remedy"), fault.remedy()}});
    }
}

void CliContext::transient(const QString &line)
{
    if (!m_errTerminal)
        return;
    const std::lock_guard lock(m_mutex);
    fputs("\r\033[K", stderr);
    fputs(line.toUtf8().constData(), stderr);
    fflush(stderr);
    m_transientShown = !line.isEmpty();
}

Task CliContext::task() const
{
    Task task;
    task.stop = m_stop.get_token();
    return task;
}

ProgressLine::ProgressLine(CliContext &context, const QString &name)
    : m_context(context), m_progress(name, [this] { m_context.transient(text(m_progress.snapshot())); })
{}

ProgressLine::~ProgressLine()
{
    m_context.transient({});
}

Task ProgressLine::task() const
{
    Task task = m_context.task();
    task.progress = const_cast<Progress *>(&m_progress);
    return task;
}

QString ProgressLine::text(const Progress::Snapshot &s)
{
    QString line = s.phase;
    if (!line.isEmpty())
        line += u' ';
    line += QStringLiteral("%1 %").arg(int(s.fraction * 100));
    if (s.total > 0)
        line += QStringLiteral(", %1 of %2").arg(humanSize(s.done), humanSize(s.total));
    if (s.rate > 0)
        line += QStringLiteral(", ") + humanRate(s.rate);
    if (s.rate > 0 && s.lineLimit > 0)
        line += QStringLiteral(", %1 % of the line").arg(qRound(s.lineShare() * 100));
    if (!s.note.isEmpty())
        line += QStringLiteral(" (%1)").arg(s.note);
    return line;
}

} // namespace slipway
