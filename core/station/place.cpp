#include "core/station/place.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr size_t logLinesKept = 5000;

void showReady(SlotView &view, int number, const QString &name, const QString &port)
{
    view = SlotView();
    view.number = number;
    view.name = name;
    view.port = port;
    view.word = u"READY"_s;
    view.sentence = u"Scan a unit for this place."_s;
}

} // namespace

Place::Place(int number, QString name, QString port, QString driver, const Worksite &site, Hooks hooks)
    : m_number(number), m_name(std::move(name)), m_port(std::move(port)), m_driver(std::move(driver)), m_site(site),
      m_hooks(std::move(hooks))
{
    showReady(m_view, m_number, m_name, m_port);
    m_thread = std::jthread([this](const std::stop_token &ending) { work(ending); });
}

Place::~Place()
{
    stop();
    m_thread.request_stop();
    m_wake.notify_all();
    m_thread.join();
}

SlotView Place::view() const
{
    const std::lock_guard lock(m_mutex);
    return m_view;
}

QStringList Place::logLines() const
{
    const std::lock_guard lock(m_mutex);
    return QStringList(m_log.begin(), m_log.end());
}

bool Place::isBusy() const
{
    const std::lock_guard lock(m_mutex);
    return busyLocked();
}

void Place::begin(RunOrder order)
{
    m_stop = std::make_shared<std::stop_source>();
    m_busy = true;
    m_next = std::move(order);
    m_wake.notify_all();
}

void Place::start(RunOrder order)
{
    {
        const std::lock_guard lock(m_mutex);
        if (busyLocked())
            throw Fault("station.working", {QString::number(m_number)});
        showReady(m_view, m_number, m_name, m_port);
        m_view.state = SlotState::Working;
        m_view.serial = order.serial;
        m_view.word = u"START"_s;
        m_view.sentence = u"Preparing."_s;
        begin(std::move(order));
    }
    m_hooks.changed(m_number);
}

void Place::hold(RunOrder order)
{
    {
        const std::lock_guard lock(m_mutex);
        if (busyLocked())
            throw Fault("station.working", {QString::number(m_number)});
        showReady(m_view, m_number, m_name, m_port);
        m_view.state = SlotState::Waiting;
        m_view.serial = order.serial;
        m_view.word = u"WAITING"_s;
        m_view.sentence = u"Start all places together."_s;
        m_view.attempt = order.attempt;
        m_view.maxAttempts = order.maxAttempts;
        m_held = std::move(order);
    }
    m_hooks.changed(m_number);
}

bool Place::release()
{
    {
        const std::lock_guard lock(m_mutex);
        if (!m_held)
            return false;
        m_view.state = SlotState::Working;
        m_view.word = u"START"_s;
        m_view.sentence = u"Preparing."_s;
        begin(*std::exchange(m_held, std::nullopt));
    }
    m_hooks.changed(m_number);
    return true;
}

void Place::stop()
{
    bool changed = false;
    {
        const std::lock_guard lock(m_mutex);
        if (m_held) {
            m_held.reset();
            showReady(m_view, m_number, m_name, m_port);
            changed = true;
        }
    }
    // Stop callbacks run in this thread and may take locks of their own: not under ours.
    std::shared_ptr<std::stop_source> source;
    {
        const std::lock_guard lock(m_mutex);
        source = m_stop;
    }
    if (source)
        source->request_stop();
    {
        const std::lock_guard lock(m_mutex); // whoever asks has seen the stop, or waits and is woken
    }
    m_wake.notify_all();
    if (changed)
        m_hooks.changed(m_number);
}

void Place::clear()
{
    {
        const std::lock_guard lock(m_mutex);
        if (busyLocked())
            throw Fault("station.working", {QString::number(m_number)});
        showReady(m_view, m_number, m_name, m_port);
        m_log.clear();
    }
    m_hooks.changed(m_number);
}

void Place::answer(const PromptAnswer &answer)
{
    {
        const std::lock_guard lock(m_mutex);
        if (!m_view.prompt || m_answer)
            throw Fault("station.no-question", {QString::number(m_number)});
        const PromptRequest &request = *m_view.prompt;
        if (request.kind == PromptRequest::Kind::Value && !request.pattern.isEmpty()) {
            const QRegularExpression form(QRegularExpression::anchoredPattern(request.pattern));
            if (!form.match(answer.value).hasMatch())
                throw Fault("station.answer-form", {oneLine(answer.value, 60), request.pattern});
        }
        m_answer = answer;
    }
    m_wake.notify_all();
}

void Place::waitIdle()
{
    std::unique_lock lock(m_mutex);
    m_wake.wait(lock, [this] { return !m_running && !m_next && !m_held; });
}

std::stop_token Place::occupy(const QString &sentence)
{
    std::stop_token token;
    {
        const std::lock_guard lock(m_mutex);
        if (busyLocked())
            throw Fault("station.working", {QString::number(m_number)});
        m_before = m_view;
        showReady(m_view, m_number, m_name, m_port);
        m_view.state = SlotState::Working;
        m_view.word = u"ASK"_s;
        m_view.sentence = sentence;
        m_busy = true;
        m_stop = std::make_shared<std::stop_source>();
        token = m_stop->get_token();
    }
    m_hooks.changed(m_number);
    return token;
}

void Place::vacate()
{
    {
        const std::lock_guard lock(m_mutex);
        m_view = std::exchange(m_before, {});
        m_busy = false;
    }
    m_hooks.changed(m_number);
}

void Place::update(const std::function<void(SlotView &)> &change)
{
    {
        const std::lock_guard lock(m_mutex);
        change(m_view);
        m_busy = m_busy && m_view.state != SlotState::Finished;
    }
    m_hooks.changed(m_number);
}

PromptAnswer Place::ask(const PromptRequest &request, const Task &task)
{
    QString word;
    QString sentence;
    {
        const std::lock_guard lock(m_mutex);
        if (m_stop->stop_requested())
            throw Fault("base.stopped");
        word = m_view.word;
        sentence = m_view.sentence;
        m_answer.reset();
        m_view.prompt = request;
        m_view.state = SlotState::Act;
        if (!request.word.isEmpty())
            m_view.word = request.word;
        m_view.sentence = request.sentence;
    }
    m_hooks.changed(m_number);
    std::optional<PromptAnswer> given;
    bool stopped = false;
    {
        std::unique_lock lock(m_mutex);
        const auto answered = [this] { return m_answer.has_value() || m_stop->stop_requested(); };
        if (task.deadline.isNever())
            m_wake.wait(lock, task.stop, answered);
        else
            m_wake.wait_until(lock, task.stop, task.deadline.at(), answered);
        given = std::exchange(m_answer, std::nullopt);
        stopped = m_stop->stop_requested();
        m_view.prompt.reset();
        m_view.state = SlotState::Working;
        m_view.word = word;
        m_view.sentence = sentence;
    }
    m_hooks.changed(m_number);
    if (!given) {
        if (stopped)
            throw Fault("base.stopped");
        task.check(request.sentence.isEmpty() ? u"The answer"_s
                                              : u"Waiting for an answer to \"%1\""_s.arg(request.sentence));
        throw Fault("base.stopped");
    }
    return *given;
}

void Place::log(const QString &runId, int step, const QString &line)
{
    {
        const std::lock_guard lock(m_mutex);
        m_log.push_back(rfc3339Now() + u'\t' + QString::number(step) + u'\t' + line);
        if (m_log.size() > logLinesKept)
            m_log.pop_front();
    }
    m_hooks.logged(m_number, runId, step, line);
}

void Place::work(const std::stop_token &ending)
{
    for (;;) {
        RunOrder order;
        std::stop_token stop;
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait(lock, ending, [this] { return m_next.has_value(); });
            if (!m_next)
                return;
            order = *std::exchange(m_next, std::nullopt);
            m_running = true;
            m_log.clear();
            stop = m_stop->get_token();
        }
        const auto defect = caught([&] {
            Runner runner(m_site, *this, order);
            runner.run(stop, [this](const RunEnd &end) { m_hooks.finished(m_number, end); });
        });
        if (defect) { // the Runner lets nothing through; whatever this is, the place must not stay at work
            update([&](SlotView &view) {
                view.state = SlotState::Finished;
                view.verdict = Verdict::Error;
                view.word = toString(Verdict::Error);
                view.faultCode = QLatin1String(defect->code());
                view.sentence = defect->sentence();
                view.remedy = defect->remedy();
            });
        }
        {
            const std::lock_guard lock(m_mutex);
            m_running = false;
        }
        m_wake.notify_all();
        m_hooks.changed(m_number);
    }
}

} // namespace slipway
