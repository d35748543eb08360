#include "app/cli/runsession.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/station/scanrouter.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace slipway {

using namespace Qt::StringLiterals;

QList<Station::SlotConfig> placesFrom(const QStringList &words, const Home &home)
{
    QList<Station::SlotConfig> places;
    if (words.isEmpty()) {
        for (const HomeSlot &place : home.places())
            places.append({place.number, place.name, place.port, place.driver});
        return places;
    }
    for (const QString &word : words) {
        const qsizetype at = word.indexOf(u'=');
        const QString name = word.left(at).trimmed();
        const QString port = word.mid(at + 1).trimmed();
        if (at < 1 || name.isEmpty() || port.isEmpty())
            throw Fault("cli.slot", {oneLine(word, 80)});
        Station::SlotConfig config{int(places.size()) + 1, name, port, {}};
        for (const HomeSlot &known : home.places()) {
            if (known.name == name)
                config.driver = known.driver;
        }
        places.append(config);
    }
    return places;
}

RunSession::RunSession(CliContext &context, Station &station, const QStringList &answers, bool showSteps, Input input)
    : m_context(context), m_station(station), m_report(context, station, showSteps), m_answers(answers),
      m_terminal(input == Input::Terminal && context.inIsTerminal()), m_asks(input != Input::None)
{
    // A reader of our output that goes away must not end runs in the middle.
    std::signal(SIGPIPE, SIG_IGN);
    if (!m_terminal)
        return;
    m_wakeFd = ::eventfd(0, EFD_CLOEXEC);
    m_reader = std::jthread([this](const std::stop_token &stop) { readLines(stop); });
}

RunSession::~RunSession()
{
    m_reader.request_stop();
    if (m_wakeFd >= 0) {
        const quint64 one = 1;
        [[maybe_unused]] const ssize_t n = ::write(m_wakeFd, &one, sizeof one);
    }
    if (m_reader.joinable())
        m_reader.join();
    if (m_wakeFd >= 0)
        ::close(m_wakeFd);
}

void RunSession::start(const QStringList &serials)
{
    const int places = m_station.slotCount();
    if (serials.size() > places)
        throw Fault("cli.serials", {QString::number(serials.size()), QString::number(places)});
    if (QSet<QString>(serials.begin(), serials.end()).size() != serials.size())
        throw Fault("cli.serial-twice");
    if (serials.isEmpty()) {
        bool scanned = false;
        for (const RecipeVariable &variable : m_station.recipe()->variables)
            scanned |= variable.from == RecipeVariable::From::Scan;
        if (scanned && m_terminal) {
            m_scanning = true;
            m_context.say(u"Scan the first unit. PLACE-n picks a place, Ctrl-D ends."_s);
            return;
        }
    }
    const qsizetype count = serials.isEmpty() ? places : serials.size();
    // All before any: one serial number that does not fit must not stop a unit that has been begun.
    for (int place = 1; place <= count; ++place)
        m_station.check(place, serials.value(place - 1));
    try {
        for (int place = 1; place <= count; ++place)
            m_station.start(place, serials.value(place - 1));
    } catch (const Fault &) {
        m_station.stopAll();
        m_station.waitAll();
        throw;
    }
    m_station.releaseBarrier();
}

int RunSession::follow()
{
    bool stopping = false;
    for (;;) {
        if (!m_report.waitForChange(stopping ? std::stop_token() : m_context.stop())) {
            if (m_context.stop().stop_requested() && !std::exchange(stopping, true))
                m_station.stopAll();
        }
        for (const QString &line : takeLines())
            takeLine(line);
        if (!stopping && m_asks)
            answerPrompts();
        m_report.update();
        bool more = m_scanning && !stopping;
        if (more) {
            const std::lock_guard lock(m_mutex);
            more = !m_lineEnd;
        }
        if (!m_report.anyBusy() && !more)
            break;
    }
    m_station.waitAll();
    const int status = m_report.finish();
    return m_unanswered && (status == 4 || status == 1) ? 2 : status;
}

void RunSession::readLines(const std::stop_token &stop)
{
    QByteArray pending;
    std::array<pollfd, 2> wait{pollfd{0, POLLIN, 0}, pollfd{m_wakeFd, POLLIN, 0}};
    while (!stop.stop_requested()) {
        if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR)
            return;
        if (stop.stop_requested() || !(wait[0].revents & (POLLIN | POLLHUP)))
            continue;
        std::array<char, 4096> buffer{};
        const ssize_t n = ::read(0, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR)
            continue;
        {
            const std::lock_guard lock(m_mutex);
            if (n > 0)
                pending.append(buffer.data(), n);
            for (qsizetype at = pending.indexOf('\n'); at >= 0; at = pending.indexOf('\n')) {
                m_lines.push_back(QString::fromUtf8(pending.left(at)).trimmed());
                pending.remove(0, at + 1);
            }
            if (pending.size() > 64 * 1024)
                pending.clear();
            m_lineEnd = n <= 0;
        }
        m_report.ring();
        if (n <= 0)
            return;
    }
}

std::deque<QString> RunSession::takeLines()
{
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_lines, {});
}

std::optional<PromptAnswer> RunSession::parse(const PromptRequest &request, const QString &text)
{
    if (request.kind == PromptRequest::Kind::Value || request.kind == PromptRequest::Kind::ScanBack)
        return PromptAnswer{true, text};
    if (text.isEmpty() && request.kind == PromptRequest::Kind::Message)
        return PromptAnswer{true, {}};
    const auto word = ScanRouter::yesOrNo(text);
    return word ? std::optional(PromptAnswer{*word, {}}) : std::nullopt;
}

// A line of the terminal: the answer to the only question there is, else a scan.
void RunSession::takeLine(const QString &line)
{
    QList<SlotView> asking;
    for (int place = 1; place <= m_station.slotCount(); ++place) {
        const SlotView view = m_station.slot(place);
        if (view.prompt)
            asking.append(view);
    }
    try {
        if (asking.size() == 1 && asking.first().prompt->kind != PromptRequest::Kind::ScanBack &&
            ScanRouter::placeOf(line) == 0) {
            if (const auto answer = parse(*asking.first().prompt, line))
                m_station.answer(asking.first().number, *answer);
            else
                m_context.say(u"Answer with yes or no."_s);
            return;
        }
        if (line.isEmpty())
            return;
        const ScanMeaning meaning = m_station.scan(line);
        m_context.say(meaning.text + u": "_s + meaning.meaning);
    } catch (const Fault &fault) {
        m_context.say(fault.text());
    }
}

void RunSession::giveUp(const SlotView &view)
{
    m_unanswered = true;
    m_context.say(Fault("cli.unanswered", {view.prompt->sentence}));
    m_station.stop(view.number);
}

void RunSession::answerPrompts()
{
    for (int place = 1; place <= m_station.slotCount(); ++place) {
        const SlotView view = m_station.slot(place);
        if (!view.prompt)
            continue;
        qsizetype &used = m_answered[view.runId];
        const QString key = view.runId + u'/' + QString::number(view.currentStep) + view.prompt->sentence;
        if (used >= m_answers.size()) {
            if (m_terminal) {
                if (!m_shown.contains(key))
                    m_context.say(u"%1  %2  %3"_s.arg(view.number, 2).arg(view.serial, -12).arg(view.prompt->sentence));
                m_shown.insert(key);
            } else if (!m_shown.contains(key)) {
                m_shown.insert(key);
                giveUp(view);
            }
            continue;
        }
        const auto answer = parse(*view.prompt, m_answers[used]);
        if (!answer) {
            giveUp(view);
            continue;
        }
        try {
            m_station.answer(place, *answer);
            ++used;
        } catch (const Fault &fault) {
            if (!fault.is("station.no-question"))
                giveUp(view);
        }
    }
}

} // namespace slipway
