#pragma once
// A session on a Linux console: logs in, finds the shell behind whatever prompt there is, and starts a small loop in it
// that reads lines, checks them and runs them. From then on nothing depends on prompts, echo, line editing, history or
// the terminal's width: a command goes over in pieces with its length and a check, its output stands between
// two marks with a random token, and its exit status in the second. A command runs once however often it is sent.
// The loop's words are described in drivers/linux/README.md.
//
// Throws link.*, base.stopped and linux.*. After any of them the next call attaches anew, so that trying again works.

#include "core/base/fault.h"
#include "core/base/task.h"
#include "drivers/link/bytelink.h"
#include "drivers/linux/linuxboards.h"

#include <QSet>

#include <functional>
#include <memory>

namespace slipway {

class LinuxConsole
{
public:
    enum class Input { None, Terminal }; // what a command reads; Terminal: runs in the loop itself

    struct Reply {
        int status = 0;
        QByteArray output; // as it came, kernel lines taken away
        QByteArray raw;    // as it came
        bool ok() const { return status == 0; }
        QString text() const { return console::plainText(output); }
    };
    struct Order {
        QByteArray command;
        QString what; // "the command \"df\"", for messages
        std::chrono::milliseconds patience{60'000};
        Input input = Input::None;
        qsizetype limit = 256 * 1024; // of the output
        bool parting = false; // the device may go before it answers: nothing is typed at it, and no answer is all right
        // Called once when the command has printed the mark of ready().
        std::function<void()> ready = {};
    };

    LinuxConsole(std::unique_ptr<ByteLink> link, const LinuxBoard &board);
    LinuxConsole(const LinuxConsole &) = delete;
    LinuxConsole &operator=(const LinuxConsole &) = delete;
    ~LinuxConsole(); // removes the scratch folder and logs out, where the device still listens

    // Gets a shell, whatever stands on the console now. quiet: types nothing before the device shows a prompt, as while
    // it starts: keys would stop its boot loader.
    void attach(const Task &task, bool quiet = false);
    bool isAttached() const { return m_attached; }
    // Another number after each attach: what was set in the shell is gone.
    int session() const { return m_session; }
    // The session is over: the device restarts.
    void forget() { m_attached = false; }

    Reply run(const Order &order, const Task &task);
    // The text a command prints; throws device.refused with its words when its status is not 0.
    QString ask(const QString &command, const QString &what, const Task &task);

    ByteLink &link() { return *m_link; }
    const LinkInfo &info() const { return m_link->info(); }
    const QString &shellName() const { return m_shellName; }
    const QSet<QString> &tools() const { return m_tools; }
    bool has(const char *tool) const { return m_tools.contains(QLatin1String(tool)); }
    bool isTransparent() const { return m_transparent; } // all eight bits, no translation, both ways
    // The folder for files in passing, made when first asked for.
    QString scratch(const Task &task);
    // Sends while reading, for Order::ready.
    void send(QByteArrayView bytes, const Task &task, Deadline deadline,
              const std::function<void(qsizetype)> &sent = {});

private:
    struct Running;
    void logIn(const Task &task, bool quiet);
    bool probe(const Task &task);
    void startLoop(const Task &task);
    void findTools(const Task &task);
    console::Seen look(std::chrono::milliseconds silence, const Task &task);
    void type(QByteArrayView bytes, const Task &task);
    bool pump(Deadline deadline, const std::stop_token &stop);
    bool waitFor(const std::function<bool(const QByteArray &text)> &seen, std::chrono::milliseconds patience,
                 const Task &task);
    bool awaitMark(char kind, QByteArrayView token, std::chrono::milliseconds patience, const Task &task,
                   console::Mark *found = nullptr);
    Reply perform(const Order &order, const Task &task);
    QByteArray checkWord(QByteArrayView bytes) const;
    void order(const Order &order, const QByteArray &token, const Task &task);
    bool step(Running &running, const Order &order, const Task &task);
    bool finished(Running &running, bool cleaned);
    void callReady(Running &running, const Order &order, const QByteArray &text, qsizetype from);
    void inquire(Running &running, const Order &order, const Task &task);
    bool interrupt();
    [[noreturn]] void silent(const QString &what) const;

    std::unique_ptr<ByteLink> m_link;
    const LinuxBoard &m_board;
    QByteArray m_in; // since the last thing that was sent on purpose
    bool m_attached = false;
    bool m_started = false; // the board's own command for a shell was given
    bool m_transparent = false;
    QByteArray m_checker; // the program that checks commands there: cksum, sha256sum, md5sum, or : for none
    int m_session = 0;
    QString m_shellName, m_scratch;
    QSet<QString> m_tools;
};

// A short random word for marks.
QByteArray randomToken();

} // namespace slipway
