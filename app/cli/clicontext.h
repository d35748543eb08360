#pragma once
// What every subcommand of `slipway` gets: the station's home, the way results and messages go out, the drivers, the
// wish to stop. A command file adds its options to the CLI11 app and hands its work to CliContext::action(); main()
// runs that work after the whole line was understood, catches the Fault it throws and turns it into the exit status of
// the program (0 done, 1 unit failed or a check did not hold, 2 usage, 3 station, 4 stopped).
//
// Where words go: results for people and the closing line of a run on standard output; with --json one object a line
// and nothing else there; everything said to people on the way on standard error. Thread-safe but for its set-up.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/task.h"
#include "core/device/driver.h"
#include "core/station/home.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>

#include <CLI/CLI.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace slipway {

class CliContext
{
public:
    explicit CliContext(const DriverRegistry &drivers);
    ~CliContext();
    CliContext(const CliContext &) = delete;
    CliContext &operator=(const CliContext &) = delete;

    // The command's work; its return value is the exit status. It may throw Fault.
    void action(CLI::App *command, std::function<int()> work);
    // Examples below the command's help, one per line: "slipway journal verify --home H".
    static void examples(CLI::App *command, const QStringList &lines);

    bool json() const { return m_json; }
    // --home, else the platform's data folder.
    QString homePath() const;
    bool homeGiven() const { return !m_home.empty(); }
    // Opens the home with the passphrase of --passphrase-fd. Throws home.*.
    Home openHome() const;
    // What was read from --passphrase-fd up to the first line end; empty without the option. Throws cli.passphrase.
    QByteArray passphrase() const;
    // For PINs and the like: from --pin-fd, else asked for at the terminal, without echo; empty where there is none.
    AskSecret askSecret();
    // A line typed at the terminal without echo; empty where there is no terminal. Throws base.stopped.
    QByteArray askAtTerminal(const QString &question);
    const DriverRegistry &drivers() const { return m_drivers; }

    void object(const QJsonObject &object); // a line on standard output with --json, else nothing
    void result(const QString &line);       // a line on standard output without --json, else nothing
    void say(const QString &line);          // a line on standard error
    void say(const Fault &fault);           // its sentence and remedy; with --json also {"fault":...} as an object
    // A line that replaces itself on a terminal; say() and result() clear it first. Nothing when stderr is no terminal.
    void transient(const QString &line);
    bool errIsTerminal() const { return m_errTerminal; }
    bool inIsTerminal() const;

    // SIGINT and SIGTERM ask for a stop; the second one ends the program at once.
    std::stop_token stop() const { return m_stop.get_token(); }
    void requestStop() { m_stop.request_stop(); }
    // A task without deadline that honours stop(), logs nothing and shows no progress.
    Task task() const;

    // For main(): --home, --json and --passphrase-fd at this app and all below it, so that they may stand anywhere.
    void addCommonOptions(CLI::App &app);
    int perform(); // runs the action
    void watchSignals();

private:
    void clearTransient();
    void print(const QByteArray &line); // on standard output

    const DriverRegistry &m_drivers;
    std::string m_home;
    int m_passphraseFd = -1, m_pinFd = -1;
    bool m_json = false;
    bool m_errTerminal = false;
    mutable std::optional<QByteArray> m_passphrase;
    std::function<int()> m_action;
    std::stop_source m_stop;
    std::mutex m_mutex;
    bool m_transientShown = false;
    QString m_lost; // why standard output did not take all; empty: it did
    std::jthread m_signalThread;
};

// Progress of one job on standard error: phase, percent, bytes, rate and share of the line's limit. Quiet when standard
// error is no terminal.
//   ProgressLine line(context);
//   device->firmware()->write(image, {}, line.task());
class ProgressLine
{
public:
    explicit ProgressLine(CliContext &context, const QString &name = {});
    ~ProgressLine();
    Progress &progress() { return m_progress; }
    Task task() const;
    // "Write 63 %, 41 KiB of 65 KiB, 64.1 kB/s, 95 % of the line"
    static QString text(const Progress::Snapshot &snapshot);

private:
    CliContext &m_context;
    Progress m_progress;
};

} // namespace slipway
