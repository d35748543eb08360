// The part of LinuxConsole that gets from whatever stands on the console to a working loop.

#include "core/base/text.h"
#include "drivers/linux/linuxconsole.h"

#include <QScopeGuard>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;
using console::Seen;

namespace {

constexpr auto pauseThatEnds = 250ms; // a prompt is what nothing follows
constexpr auto listenFirst = 400ms;
constexpr auto longestChatter = 2s; // between two looks at a device that never pauses
constexpr auto nudgeAfter = 1500ms;
constexpr auto quietNudge = 15s; // a device that starts may be silent for long, and its boot loader waits for keys
constexpr qsizetype mostHeard = 64 * 1024;
constexpr auto shellAnswer = 5s;
constexpr qsizetype pieceLength = 160;

// What the loop on the device is made of. c: the command, L: token of the last one, S: its status, D: scratch folder.
constexpr const char loopText[] =
    R"sh(m(){ printf '\036%s\n' "$*"; };)sh"
    R"sh(u(){ set -- ${l#?}; k=$(printf %s "$c"|$K 2>/dev/null); )sh"
    R"sh(if [ "$1" = "$L" ]; then m "E$L $S"; elif [ ${#c} != "$2" ] || [ "${k%% *}" != "$3" ]; then m "X$1"; c=; else )sh"
    R"sh(L=$1; S=r; m "B$L"; p=$c; c=; case $l in =*) (c=$p; eval "$(printf %b "$c")") </dev/null 2>&1;; )sh"
    R"sh(*) eval "$(printf %b "$p")" 2>&1;; esac; S=$?; m "E$L $S"; fi; };)sh"
    R"sh(o(){ while IFS= read -r l; do case $l in +*) c=$c${l#?};; -*) c=;; [=!]*) u;; \?*) m "?${l#?} $L $S";; )sh"
    R"sh(.) break;; '') m I;; esac; done; [ -z "$D" ] || rm -rf "$D"; stty sane cols 80 2>/dev/null; };)sh";

constexpr const char *wantedTools[] = {"base64", "head",    "dd",       "sha256sum", "openssl", "md5sum",
                                       "od",     "hexdump", "tail",     "wc",        "df",      "mktemp",
                                       "tar",    "stty",    "readlink", "sync",      "cksum"};

} // namespace

// What stands there once the device pauses; Other or Nothing after so much silence.
Seen LinuxConsole::look(std::chrono::milliseconds silence, const Task &task)
{
    const auto seenNow = [this] { return console::classify(console::withoutKernelLines(m_in), m_board.patterns); };
    if (const Seen seen = seenNow(); seen != Seen::Nothing && seen != Seen::Other)
        return seen;
    while (pump(task.deadline.sooner(silence), task.stop)) {
        const Deadline chatter = task.deadline.sooner(longestChatter);
        while (!chatter.expired() && pump(task.deadline.sooner(pauseThatEnds), task.stop)) {
        }
        const Seen seen = seenNow();
        if (seen != Seen::Other || task.deadline.expired())
            return seen;
        if (m_in.size() > mostHeard)
            m_in = m_in.right(mostHeard / 2);
    }
    return m_in.isEmpty() ? Seen::Nothing : Seen::Other;
}

void LinuxConsole::attach(const Task &task, bool quiet)
{
    m_attached = false;
    m_scratch.clear();
    m_started = false;
    if (!quiet) { // one that is just starting is left alone, too
        m_in.clear();
        look(listenFirst, task);
        quiet = !console::plainText(console::withoutKernelLines(m_in)).isEmpty();
    }
    const Task attaching = task.within(quiet ? std::chrono::milliseconds(m_board.restartTime) + m_board.loginTime
                                             : std::chrono::milliseconds(m_board.loginTime));
    logIn(attaching, quiet);
    startLoop(task.within(m_board.loginTime));
    ++m_session;
    m_attached = true;
    try {
        findTools(task);
    } catch (...) {
        m_attached = false;
        throw;
    }
}

void LinuxConsole::logIn(const Task &task, bool quiet)
{
    QByteArray heard, secret; // secret: kept to strike it out of what is told
    const auto forget = qScopeGuard([&secret] { cleanse(secret); });
    bool userSent = false, passwordSent = false, loaderLeft = false, isShell = false;
    int nudges = 0, rounds = 0;
    if (!quiet)
        type("\n", task);
    const auto answer = [&](const QByteArray &line) {
        m_in.clear();
        type(line + '\n', task);
    };
    for (;;) {
        const Seen seen = look(quiet ? std::chrono::milliseconds(quietNudge) : nudgeAfter, task);
        if (!m_in.isEmpty()) {
            heard = (heard + m_in).right(4096);
            if (!secret.isEmpty())
                heard.replace(secret, "***");
        }
        if (task.deadline.expired() || ++rounds > 100) {
            const QString words = console::plainText(heard);
            if (words.isEmpty())
                throw Fault("linux.no-answer", {info().port});
            throw Fault("linux.no-login", {info().port, oneLine(words.section(u'\n', -1), 80)}, oneLine(words));
        }
        switch (seen) {
        case Seen::Loop: // of a session that was cut off
            answer(".");
            break;
        case Seen::Login:
            if (passwordSent)
                throw Fault("linux.login-refused", {info().port, m_board.user});
            quiet = false;
            userSent = true;
            answer(m_board.user.toUtf8());
            break;
        case Seen::Password:
            if (!userSent && !m_started) { // somebody else's login, half done
                answer({});
                break;
            }
            if (passwordSent)
                throw Fault("linux.login-refused", {info().port, m_board.user});
            if (m_board.passwordFile.isEmpty())
                throw Fault("linux.password-missing", {info().port, m_board.user});
            secret = readPassword(m_board.passwordFile);
            passwordSent = true;
            m_in.clear();
            type(secret, task);
            type("\n", task);
            break;
        case Seen::Refused:
            if (userSent || m_started)
                throw Fault("linux.login-refused", {info().port, m_board.user});
            answer({});
            break;
        case Seen::BootLoader:
            if (m_board.bootLoaderCommand.isEmpty() || loaderLeft)
                throw Fault("linux.boot-loader", {info().port});
            loaderLeft = quiet = true;
            answer(m_board.bootLoaderCommand.toUtf8());
            break;
        case Seen::Prompt:
            isShell = probe(task);
            break;
        case Seen::Other: // a prompt that does not look like one, a greeting, a program that runs
            if (userSent && nudges % 3 == 0)
                isShell = probe(task);
            [[fallthrough]];
        case Seen::Nothing:
            if (!isShell)
                answer(nudges % 3 == 2 ? "\x03" : "");
            ++nudges;
            break;
        }
        if (!isShell)
            continue;
        if (m_board.shellStart.isEmpty() || m_started)
            return;
        m_started = true;
        isShell = passwordSent = false;
        answer(m_board.shellStart.toUtf8());
    }
}

// Whether something carries out what is typed; the echo alone is not it.
bool LinuxConsole::probe(const Task &task)
{
    const QByteArray token = randomToken();
    m_in.clear();
    type("echo \"slip\"\"way-" + token + "\"\n", task);
    return waitFor([&](const QByteArray &text) { return text.contains("slipway-" + token); }, shellAnswer, task);
}

void LinuxConsole::startLoop(const Task &task)
{
    const QByteArray token = randomToken();
    m_in.clear();
    // A shell of its own: without history, prompts and job control, so that an interrupt ends the command and not the
    // loop. The same flavour as the login shell's, where that is bash.
    type(" LC_ALL=C LANG=C TERM=dumb COLUMNS=500 PAGER=cat SYSTEMD_PAGER= HISTFILE= ENV= \"${BASH:-sh}\" -c '"
         "stty raw -echo isig cols 500 2>/dev/null && t=1 || t=0; trap : INT QUIT; printf \"\\036R" +
             token +
             " $t\\n\"; while IFS= read -r l; do case $l in +*) s=$s${l#?};; .) break;; "
             "\"\") printf \"\\036I\\n\";; *) eval \"$l\";; esac; done'\n",
         task);
    console::Mark started;
    if (!awaitMark('R', token, shellAnswer, task, &started))
        throw Fault("linux.no-shell", {info().port, oneLine(console::plainText(m_in).section(u'\n', -1), 80)},
                    oneLine(console::plainText(m_in)));
    m_transparent = started.words == "1";

    const QByteArray text(loopText);
    for (int attempt = 0; attempt < 5; ++attempt) {
        const QByteArray mark = randomToken();
        QByteArray lines = "s=\n";
        for (qsizetype at = 0; at < text.size(); at += pieceLength)
            lines += '+' + text.mid(at, pieceLength) + '\n';
        lines += "for K in cksum sha256sum md5sum :; do k=$(printf %s \"$s\"|$K 2>/dev/null) && break; done; "
                 "printf '\\036A%s\\n' \"" +
                 mark + " ${#s} $K ${k%% *}\"\n";
        m_in.clear();
        type(lines, task);
        console::Mark answer;
        if (!awaitMark('A', mark, shellAnswer, task, &answer))
            continue;
        const QByteArrayList words = answer.words.split(' ');
        m_checker = words.value(1);
        if (words.value(0).toInt() != text.size() || words.value(2) != checkWord(text))
            continue;
        m_in.clear();
        type("eval \"$s\"; s= L= S= c= D=; o; exit\n\n", task);
        if (awaitMark('I', {}, shellAnswer, task))
            return;
    }
    throw Fault("linux.garbled", {info().port, u"starting the session"_s});
}

void LinuxConsole::findTools(const Task &task)
{
    QByteArray command = "for x in";
    for (const char *tool : wantedTools)
        command += QByteArray(" ") + tool;
    command += "; do command -v $x >/dev/null 2>&1 && printf '%s ' $x; done; echo; echo \"$BASH_VERSION\"; "
               "readlink /proc/$$/exe 2>/dev/null; (busybox 2>/dev/null) | { read -r v && echo \"$v\"; }; :";
    const Reply reply = run({command, u"asking for its programs"_s, 20s}, task);
    if (!reply.ok())
        throw Fault("linux.no-shell", {info().port, oneLine(reply.text(), 80)});
    const QStringList lines = reply.text().split(u'\n');
    const QStringList found = lines.value(0).split(u' ', Qt::SkipEmptyParts);
    m_tools = QSet<QString>(found.begin(), found.end());
    const QString bash = lines.value(1).trimmed(), program = lines.value(2).section(u'/', -1);
    if (!bash.isEmpty())
        m_shellName = u"bash "_s + oneLine(bash, 40);
    else if (program.startsWith("busybox"_L1) || (program.isEmpty() && lines.value(3).startsWith("BusyBox"_L1)))
        m_shellName = u"ash, "_s + oneLine(lines.value(3).section(u' ', 0, 1), 40);
    else
        m_shellName = program.isEmpty() ? u"sh"_s : oneLine(program, 40);
}

} // namespace slipway
