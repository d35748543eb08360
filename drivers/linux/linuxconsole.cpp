#include "drivers/linux/linuxconsole.h"

#include "core/base/text.h"

#include <QCryptographicHash>
#include <QRandomGenerator>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr qsizetype pieceLength = 200; // of a command, in one line: a terminal that edits lines takes 4095
constexpr auto beginPatience = 1500ms; // until a command has begun
constexpr auto partingTime = 500ms;
constexpr auto breath = 200ms;            // silence after which a torn mark is looked for
constexpr auto longestBetween = 15s;      // between questions whether a command has ended
constexpr auto deafAfter = 12s;           // nothing to questions before a command began
constexpr qsizetype mostInput = 24 << 20; // whatever limit a caller gives

using Clock = std::chrono::steady_clock;

QString atFront(const QString &what)
{
    return what.left(1).toUpper() + what.mid(1);
}

} // namespace

QByteArray randomToken()
{
    return QByteArray::number(QRandomGenerator::system()->generate64(), 36).rightJustified(13, '0');
}

// A command on its way.
struct LinuxConsole::Running {
    QByteArray token;
    bool sent = false, began = false, done = false, readyCalled = false;
    int sendings = 0, questions = 0;
    qsizetype searched = 0; // of m_in, for marks
    qsizetype bodyAt = 0;   // behind the B mark
    Clock::time_point heardAt = Clock::now(), askedAt = heardAt, sentAt = heardAt;
    std::chrono::milliseconds askAfter = beginPatience;
    qsizetype heardAtQuestion = 0;
    bool breathTaken = false;
    Reply reply;
};

LinuxConsole::LinuxConsole(std::unique_ptr<ByteLink> link, const LinuxBoard &board)
    : m_link(std::move(link)), m_board(board)
{}

LinuxConsole::~LinuxConsole()
{
    if (!m_attached)
        return;
    try {
        m_link->write(".\n", Deadline::in(partingTime), {});
        // One after the other: a shell that ends takes with it what it has read ahead.
        for (int shells = m_started ? 2 : 1; shells > 0; --shells) {
            m_in.clear();
            const Deadline prompt = Deadline::in(partingTime);
            while (console::classify(m_in, m_board.patterns) != console::Seen::Prompt && pump(prompt, {})) {
            }
            m_link->write("exit\n", Deadline::in(partingTime), {});
        }
    } catch (const Fault &) {
        // It is gone: nothing to leave tidy.
    }
}

bool LinuxConsole::pump(Deadline deadline, const std::stop_token &stop)
{
    if (!(m_link->wait(ByteLink::Readable, deadline, stop) & ByteLink::Readable))
        return false;
    char buffer[8192];
    const qsizetype got = m_link->readSome(buffer, sizeof buffer);
    m_in.append(buffer, got);
    if (m_in.size() > mostInput) // nobody waits for so much
        m_in.remove(0, m_in.size() / 2);
    return true;
}

void LinuxConsole::send(QByteArrayView bytes, const Task &task, Deadline deadline,
                        const std::function<void(qsizetype)> &sent)
{
    while (!bytes.isEmpty()) {
        const int events = m_link->wait(ByteLink::Readable | ByteLink::Writable, deadline, task.stop);
        if (events == 0)
            silent(u"a transfer"_s);
        if (events & ByteLink::Readable)
            pump(Deadline::in(0ms), task.stop);
        if (events & ByteLink::Writable) {
            const qsizetype n = m_link->writeSome(bytes.first(std::min<qsizetype>(bytes.size(), 4096)));
            bytes = bytes.sliced(n);
            if (sent)
                sent(n);
        }
    }
}

void LinuxConsole::type(QByteArrayView bytes, const Task &task)
{
    const double rate = info().bytesPerSecond();
    const auto wire = std::chrono::milliseconds(rate > 0 ? qint64(2000 * double(bytes.size()) / rate) : 0);
    send(bytes, task, Deadline::in(5s + wire));
}

// seen: told what came so far; once the device pauses, without what the kernel wrote in between.
bool LinuxConsole::waitFor(const std::function<bool(const QByteArray &text)> &seen, std::chrono::milliseconds patience,
                           const Task &task)
{
    const Deadline deadline = task.deadline.sooner(patience);
    bool paused = false;
    while (!deadline.expired()) {
        if (pump(paused ? deadline : deadline.sooner(breath), task.stop)) {
            paused = false;
            if (seen(m_in))
                return true;
        } else if (!paused) {
            paused = true;
            if (seen(console::withoutKernelLines(m_in)))
                return true;
        }
    }
    return seen(console::withoutKernelLines(m_in));
}

bool LinuxConsole::awaitMark(char kind, QByteArrayView token, std::chrono::milliseconds patience, const Task &task,
                             console::Mark *found)
{
    return waitFor(
        [&](const QByteArray &text) {
            const auto mark = console::findMark(text, kind, token);
            if (mark && found)
                *found = *mark;
            return mark.has_value();
        },
        patience, task);
}

void LinuxConsole::silent(const QString &what) const
{
    throw Fault("linux.silent", {info().port, what});
}

LinuxConsole::Reply LinuxConsole::run(const Order &order, const Task &task)
{
    task.check(atFront(order.what));
    if (!m_attached)
        attach(task);
    try {
        return perform(order, task);
    } catch (const Fault &fault) {
        if (fault.is("link.gone") || fault.is("link.failed") || fault.is("linux.silent") || fault.is("linux.garbled"))
            m_attached = false;
        throw;
    }
}

QString LinuxConsole::ask(const QString &command, const QString &what, const Task &task)
{
    const Reply reply = run({command.toUtf8(), u"the command \"%1\""_s.arg(oneLine(command, 60))}, task);
    if (!reply.ok()) {
        const QString words = oneLine(reply.text(), 120);
        throw Fault("device.refused", {what, words.isEmpty() ? u"status %1"_s.arg(reply.status) : words});
    }
    return reply.text();
}

LinuxConsole::Reply LinuxConsole::perform(const Order &wanted, const Task &task)
{
    Running running;
    running.token = randomToken();
    const Deadline deadline = task.deadline.sooner(wanted.patience);
    m_in.clear();
    order(wanted, running.token, task);
    running.sendings = 1;
    bool stopped = false;
    try {
        while (!running.done) {
            if (deadline.expired() || m_in.size() - running.bodyAt > wanted.limit + 64 * 1024)
                break;
            const bool decided = step(running, wanted, task.within(deadline.remaining()));
            if (!decided && wanted.parting)
                running.askedAt = Clock::now();
            else if (!decided)
                inquire(running, wanted, task);
        }
    } catch (const Fault &fault) {
        if (!fault.is("base.stopped"))
            throw;
        stopped = true;
    }
    if (running.done && running.reply.output.size() <= wanted.limit)
        return std::move(running.reply);
    if (wanted.parting && !stopped) {
        m_attached = false;
        return {};
    }
    const bool tooMuch = running.done || m_in.size() - running.bodyAt > wanted.limit;
    const bool answers = running.done || interrupt();
    m_attached = answers;
    if (stopped)
        throw Fault("base.stopped");
    if (tooMuch)
        throw Fault("linux.output", {atFront(wanted.what), humanSize(wanted.limit)});
    if (!answers)
        silent(wanted.what);
    throw Fault("linux.timeout", {atFront(wanted.what)});
}

QByteArray LinuxConsole::checkWord(QByteArrayView bytes) const
{
    if (m_checker == "cksum")
        return QByteArray::number(console::cksum(bytes));
    const bool sha = m_checker == "sha256sum";
    if (!sha && m_checker != "md5sum")
        return {};
    QCryptographicHash sum(sha ? QCryptographicHash::Sha256 : QCryptographicHash::Md5);
    sum.addData(bytes);
    return sum.result().toHex();
}

void LinuxConsole::order(const Order &order, const QByteArray &token, const Task &task)
{
    const QByteArray code = console::forPrintf(order.command);
    QByteArray lines = "-\n";
    for (qsizetype at = 0; at < code.size(); at += pieceLength)
        lines += '+' + code.mid(at, pieceLength) + '\n';
    lines += (order.input == Input::Terminal ? '!' : '=') + token + ' ' + QByteArray::number(code.size()) + ' ' +
             checkWord(code) + '\n';
    type(lines, task);
}

// Takes in what comes until something is decided or it is time to ask; false: time to ask.
bool LinuxConsole::step(Running &running, const Order &wanted, const Task &task)
{
    const auto until = std::max(running.heardAt, running.askedAt) + running.askAfter;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left <= 0ms)
        return false;
    const Deadline wait =
        task.deadline.sooner(running.breathTaken ? left : std::min<std::chrono::milliseconds>(left, breath));
    if (!pump(wait, task.stop)) {
        if (running.breathTaken || task.deadline.expired())
            return task.deadline.expired();
        running.breathTaken = true;
        if (!finished(running, true)) // a kernel message may have torn the mark
            callReady(running, wanted, console::withoutKernelLines(m_in), 0);
        return true;
    }
    running.heardAt = Clock::now();
    running.breathTaken = false;
    if (finished(running, false))
        return true;
    if (!running.began && console::findMark(m_in, 'X', running.token)) { // it did not arrive as it was sent
        if (running.sendings++ >= 6)
            throw Fault("linux.garbled", {info().port, wanted.what});
        m_in.clear();
        running.searched = 0;
        order(wanted, running.token, task);
        return true;
    }
    callReady(running, wanted, m_in, running.bodyAt);
    return true;
}

void LinuxConsole::callReady(Running &running, const Order &wanted, const QByteArray &text, qsizetype from)
{
    if (!wanted.ready || running.readyCalled || !console::findMark(text, 'G', running.token, from))
        return;
    running.readyCalled = true;
    wanted.ready();
    running.heardAt = Clock::now();
}

bool LinuxConsole::finished(Running &running, bool cleaned)
{
    const QByteArray text = cleaned ? console::withoutKernelLines(m_in) : m_in;
    if (!running.began) {
        if (const auto begin = console::findMark(text, 'B', running.token)) {
            running.began = true;
            running.askAfter = 2s;
            running.bodyAt = cleaned ? 0 : begin->end;
            running.searched = running.bodyAt;
        }
    }
    const auto end = console::findMark(text, 'E', running.token, cleaned ? 0 : running.searched);
    if (!end) {
        running.searched = std::max<qsizetype>(running.bodyAt, m_in.size() - 512);
        return false;
    }
    bool isNumber = false;
    running.reply.status = end->words.toInt(&isNumber);
    if (!isNumber)
        return false;
    const auto begin = console::findMark(text, 'B', running.token);
    if (!begin && !cleaned && finished(running, true)) // that one is torn
        return true;
    const qsizetype from = begin && begin->end <= end->at ? begin->end : 0;
    running.reply.raw = text.mid(from, end->at - from);
    running.reply.output = m_transparent ? console::withoutKernelLines(running.reply.raw) : running.reply.raw;
    if (!m_transparent)
        running.reply.output.replace("\r\n", "\n");
    running.done = true;
    return true;
}

// Asks the loop what it did last: it answers when it is idle, so a lost mark or a lost command shows.
void LinuxConsole::inquire(Running &running, const Order &wanted, const Task &task)
{
    const QByteArray clean = console::withoutKernelLines(m_in);
    const console::Seen seen = console::classify(clean, m_board.patterns);
    if (running.questions >= 1 && m_in.size() > running.heardAtQuestion &&
        (seen == console::Seen::Login || seen == console::Seen::Password || seen == console::Seen::Refused ||
         seen == console::Seen::BootLoader)) {
        m_attached = false;
        throw Fault("linux.logged-out", {info().port, wanted.what}, oneLine(console::plainText(clean)));
    }
    if (!running.began && Clock::now() - running.sentAt > deafAfter) {
        m_attached = false;
        silent(wanted.what);
    }
    const QByteArray nonce = randomToken();
    running.heardAtQuestion = m_in.size();
    ++running.questions;
    type('?' + nonce + '\n', task);
    console::Mark answer;
    const bool answered = awaitMark('?', nonce, 700ms, task, &answer);
    running.askedAt = Clock::now();
    if (running.began)
        running.askAfter = std::min<std::chrono::milliseconds>(running.askAfter * 2, longestBetween);
    if (!answered)
        return;
    running.sentAt = Clock::now(); // it is there
    const QByteArrayList words = answer.words.split(' ');
    if (finished(running, false) || finished(running, true))
        return;
    if (words.value(0) == running.token) { // done; its marks were lost
        bool isNumber = false;
        running.reply.status = words.value(1).toInt(&isNumber);
        running.done = isNumber;
        running.reply.raw = m_in.mid(running.bodyAt);
        running.reply.output = clean.mid(std::min(running.bodyAt, clean.size()));
        if (running.done)
            return;
    }
    if (running.began) { // another loop than the one that began it
        m_attached = false;
        throw Fault("linux.logged-out", {info().port, wanted.what});
    }
    if (running.sendings++ >= 6)
        throw Fault("linux.garbled", {info().port, wanted.what});
    m_in.clear();
    running = Running{.token = running.token, .sendings = running.sendings, .reply = {}};
    order(wanted, running.token, task);
}

// Ends the command that runs; whether the loop answers afterwards.
bool LinuxConsole::interrupt()
{
    const Task task; // also after a stop
    try {
        for (const char *key : {"\x03", "\x03", "\x1c", "\x1c"}) {
            // What is typed in raw mode, while a file goes over, is part of the file: there the device's own clock
            // helps.
            m_in.clear();
            const QByteArray nonce = randomToken();
            type(QByteArray(key) + "\n-\n?" + nonce + '\n', task);
            if (awaitMark('?', nonce, 1500ms, task))
                return true;
        }
    } catch (const Fault &) {
        // The link is gone as well.
    }
    return false;
}

QString LinuxConsole::scratch(const Task &task)
{
    if (!m_attached)
        attach(task);
    if (!m_scratch.isEmpty())
        return m_scratch;
    const QString folder = console::shellWord(m_board.scratch + u"/slipway-"_s + QString::fromLatin1(randomToken()));
    Order order;
    order.command = u"umask 077; mkdir %1 && D=%1 && printf %s \"$D\""_s.arg(folder).toUtf8();
    order.what = u"making a folder in %1"_s.arg(m_board.scratch);
    order.input = Input::Terminal; // D is the loop's
    const Reply reply = run(order, task);
    if (!reply.ok())
        throw Fault("linux.no-scratch", {m_board.scratch, oneLine(reply.text(), 100)});
    m_scratch = reply.text();
    return m_scratch;
}

} // namespace slipway
