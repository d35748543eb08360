#include "core/station/runner.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/station/recovery.h"

#include <QUuid>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr auto reconcileWithin = std::chrono::seconds(10);
constexpr double connectWeight = 0.5;

double secondsSince(std::chrono::steady_clock::time_point begun)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

} // namespace

Verdict verdictOf(const Fault &fault)
{
    switch (fault.blame()) {
    case Blame::Unit:
        return Verdict::Fail;
    case Blame::Person:
        return Verdict::Stopped;
    case Blame::Usage:
    case Blame::Station:
        break;
    }
    return Verdict::Error;
}

std::optional<Fault> caught(const std::function<void()> &work)
{
    try {
        work();
        return {};
    } catch (const Fault &fault) {
        return fault;
    } catch (const std::exception &defect) {
        return Fault("internal.defect", {}, QString::fromUtf8(defect.what()));
    } catch (...) {
        return Fault("internal.defect", {}, u"an exception of unknown type"_s);
    }
}

Runner::Runner(const Worksite &site, RunBoard &board, RunOrder order)
    : m_site(site), m_board(board), m_order(std::move(order)),
      m_runId(QUuid::createUuid().toString(QUuid::WithoutBraces)), m_context(site, board, m_order, m_runId),
      m_progress({},
                 [this] {
                     m_board.update([this](SlotView &view) {
                         view.progress = m_progress.snapshot();
                         if (view.state == SlotState::Working && !view.progress.note.isEmpty())
                             view.sentence = view.progress.note;
                     });
                 }),
      m_begun(std::chrono::steady_clock::now())
{}

Runner::~Runner() = default;

Task Runner::task(const std::stop_token &stop)
{
    Task task;
    task.stop = stop;
    task.log = [this](const QString &line) { m_context.logLine(line); };
    return task;
}

RunEnd Runner::run(const std::stop_token &stop, const std::function<void(const RunEnd &)> &finished)
{
    std::optional<Fault> fault = caught([this] { begin(); });
    if (!fault)
        fault = runMain(stop);
    if (fault)
        fault = settleIntents(std::move(fault));
    m_mainFailed = fault.has_value();

    // What follows is done also when somebody wanted a stop: it brings the unit into a safe state.
    const std::stop_token none;
    if (fault && fault->blame() != Blame::Person)
        runSection(Line::Section::OnFail, none);
    const std::optional<Fault> late = runSection(Line::Section::Always, none);
    if (!fault && late)
        fault = settleIntents(late);
    m_context.close();

    RunEnd result = end(std::move(fault));
    caught([&] { finished(result); });
    show(result);
    return result;
}

void Runner::begin()
{
    const Recipe &recipe = *m_order.recipe;
    for (const auto &[steps, section] :
         {std::pair(&recipe.steps, Line::Section::Main), std::pair(&recipe.onFail, Line::Section::OnFail),
          std::pair(&recipe.always, Line::Section::Always)}) {
        for (const RecipeStep &step : *steps) {
            Line line;
            line.step = &step;
            line.kind = stepKind(step.kind);
            line.section = section;
            if (!line.kind)
                throw Fault("internal.defect", {}, u"step kind %1 is gone"_s.arg(step.kind));
            line.irreversible = line.kind->irreversible && line.kind->irreversible(step.parameters);
            m_lines.push_back(std::move(line));
        }
    }
    m_board.update([this](SlotView &view) {
        const SlotView old = view;
        view = SlotView();
        view.number = old.number;
        view.name = old.name;
        view.port = old.port;
        view.state = SlotState::Working;
        view.serial = m_order.serial;
        view.word = u"START"_s;
        view.sentence = u"Preparing."_s;
        view.runId = m_runId;
        view.attempt = m_order.attempt;
        view.maxAttempts = m_order.maxAttempts;
        view.begunAt = QDateTime::currentDateTimeUtc();
        for (const Line &line : m_lines) {
            StepView step;
            step.kind = line.step->kind;
            step.name = line.step->name;
            step.title = line.kind->title;
            step.irreversible = line.irreversible;
            step.section = line.section == Line::Section::Main     ? QString()
                           : line.section == Line::Section::OnFail ? u"on-fail"_s
                                                                   : u"always"_s;
            view.steps.append(step);
        }
    });

    std::optional<Fault> noNumber;
    for (const RecipeVariable &variable : recipe.variables) {
        const bool given =
            variable.from == RecipeVariable::From::Allocator || variable.from == RecipeVariable::From::Lot;
        if (given && variable.name == u"serial" && m_order.serial.isEmpty())
            noNumber = caught([&] { m_context.setSerial(m_site.allocator->take(variable, m_runId, {})); });
    }
    const QString driver = m_order.driver.isEmpty() ? recipe.driver : m_order.driver;
    m_context.entries().append(u"run.begun"_s, {{u"slot"_s, m_order.slotName},
                                                {u"recipe"_s, recipe.name},
                                                {u"recipe-version"_s, recipe.version},
                                                {u"recipe-sha256"_s, recipe.sha256},
                                                {u"signed"_s, recipe.isSigned},
                                                {u"driver"_s, driver},
                                                {u"port"_s, m_order.port},
                                                {u"mode"_s, toString(m_site.mode)},
                                                {u"attempt"_s, m_order.attempt},
                                                {u"operator"_s, m_site.person}});
    if (noNumber)
        throw Fault(*noNumber);
}

// Runs until the first fault; what went wrong before the first step is nobody's step.
std::optional<Fault> Runner::runMain(const std::stop_token &stop)
{
    std::optional<Fault> fault = caught([&] {
        Progress &first = m_progress.add(u"Connect"_s, connectWeight);
        for (Line &line : m_lines) {
            if (line.section != Line::Section::OnFail)
                line.progress = &m_progress.add(line.step->name, line.kind->weight);
        }
        takeVariables(task(stop));
        prepare();
        first.begin();
        connect(task(stop).at(&first));
        first.finish();
    });
    return fault ? fault : runSection(Line::Section::Main, stop);
}

void Runner::prepare()
{
    for (size_t i = 0; i < m_lines.size(); ++i) {
        Line &line = m_lines[i];
        m_context.beginStep(int(i));
        line.work = line.kind->make(*line.step);
        const auto fault = caught([&] { line.work->prepare(m_context); });
        m_context.beginStep(-1);
        // Nothing has touched the unit yet: whatever is wrong, it is not the unit.
        if (fault && fault->blame() == Blame::Unit)
            throw Fault("station.recipe-attention", {fault->text()}, fault->detail());
        if (fault)
            throw Fault(*fault);
    }
}

void Runner::takeVariables(const Task &task)
{
    bool unitTaken = false; // the first scan variable is the unit itself
    for (const RecipeVariable &variable : m_order.recipe->variables) {
        if (variable.from == RecipeVariable::From::Allocator && variable.name != u"serial") {
            m_context.setVariable(variable.name, m_site.allocator->take(variable, m_runId, m_context.serial()));
        } else if (variable.from == RecipeVariable::From::Scan) {
            if (std::exchange(unitTaken, true)) {
                PromptRequest request;
                request.kind = PromptRequest::Kind::Value;
                request.word = u"SCAN"_s;
                request.sentence = u"Scan the unit's %1."_s.arg(variable.name);
                request.pattern = variable.pattern;
                m_context.setVariable(variable.name, m_context.ask(request, task).value);
            }
        }
    }
}

void Runner::connect(const Task &task)
{
    m_board.update([this](SlotView &view) {
        view.word = u"CONNECT"_s;
        view.sentence = u"Connecting to the device on %1."_s.arg(m_order.port);
    });
    m_context.open(task);
    bool wantsFacts = m_context.serial().isEmpty();
    for (const RecipeVariable &variable : m_order.recipe->variables)
        wantsFacts |= variable.from == RecipeVariable::From::Device;
    if (wantsFacts) {
        const DeviceFacts facts = m_context.device().facts(task.within(std::chrono::seconds(20)));
        m_context.takeFacts(facts);
        if (m_context.serial().isEmpty()) {
            const QString serial = m_context.variables().value(u"serial"_s).value_or(facts.serial);
            if (!serial.isEmpty())
                m_context.setSerial(serial);
        }
    }
    reconcileEarlier(task);
}

// An irreversible act of an earlier run of this unit whose outcome nobody knows: ask the device before doing more. The
// serial number is only what somebody scanned: a device that does not prove to be that unit is not asked.
void Runner::reconcileEarlier(const Task &task)
{
    if (m_context.serial().isEmpty())
        return;
    const auto earlier = m_site.lookup->openIntentsOfUnit(m_site.mode, m_context.serial());
    if (earlier.isEmpty())
        return;
    const Task asking = task.within(reconcileWithin);
    const DeviceFacts facts = m_context.device().facts(asking);
    for (const Lookup::OpenIntent &open : earlier) {
        const bool same = isUnitOf(facts, open.run, m_context.serial(), *m_site.lookup);
        if (!same)
            m_context.logLine(u"The device does not prove that it is the %1 of an earlier run."_s.arg(open.device));
        const Reconciled known =
            reconcileIntent(open, m_site.mode, same ? m_context.deviceOrNull() : nullptr, *m_site.journal, asking);
        m_context.logLine(u"Earlier run, %1: %2"_s.arg(actWords(open.act, open.detail), known.sentence));
        recordOutcome(*m_site.journal, open, known);
    }
}

std::optional<Fault> Runner::runSection(Line::Section section, const std::stop_token &stop)
{
    std::optional<Fault> first;
    for (size_t i = 0; i < m_lines.size(); ++i) {
        Line &line = m_lines[i];
        if (line.section != section || !line.work)
            continue;
        if (section == Line::Section::Main) {
            if (stop.stop_requested()) {
                m_at = int(i);
                return Fault("base.stopped");
            }
        } else if (!m_context.isOpen() && line.kind->needs && !line.kind->needs(line.step->parameters).isEmpty()) {
            continue; // nothing to do it with
        }
        const int before = m_at;
        std::optional<Fault> fault = runStep(int(i), stop);
        if (section != Line::Section::Main && (m_mainFailed || first || !fault))
            m_at = before; // the run ended where it went wrong first
        if (fault && !first)
            first = std::move(fault);
        if (first && section == Line::Section::Main)
            return first;
    }
    return first;
}

std::optional<Fault> Runner::runStep(int index, const std::stop_token &stop)
{
    const Line &line = m_lines[size_t(index)];
    const RecipeStep &step = *line.step;
    m_at = index;
    std::optional<Fault> fault;
    for (int attempt = 0;; ++attempt) {
        auto begun = std::chrono::steady_clock::now();
        m_context.beginStep(index);
        m_board.update([&](SlotView &view) {
            view.currentStep = index;
            view.word = line.kind->title.toUpper();
            view.sentence = step.name == line.kind->title ? QString() : step.name + u'.';
            view.remedy.clear();
            StepView &row = view.steps[index];
            row.begun = true;
            row.verdict.reset();
            row.summary.clear();
            row.measurements.clear();
        });
        if (line.progress)
            line.progress->begin();
        m_context.entries().append(u"step.begun"_s,
                                   {{u"index"_s, index}, {u"step"_s, step.kind}, {u"name"_s, step.name}});
        Task work = task(stop).at(line.progress);
        const qint64 limit = step.timeoutMs > 0 ? step.timeoutMs : line.kind->timeoutMs;
        fault = caught([&] {
            const TransferGate::Pass pass = takePlace(line, stop);
            if (pass.holdsAny()) // the time in the queue is not the step's
                begun = std::chrono::steady_clock::now();
            work.deadline = Deadline::in(std::chrono::milliseconds(limit));
            line.work->run(m_context, work);
        });
        if (fault && !fault->detail().isEmpty())
            m_context.logLine(fault->detail());
        endStep(index, fault, secondsSince(begun));
        if (!fault || attempt >= step.retries || !fault->retryable() || fault->blame() == Blame::Person ||
            stop.stop_requested() || !m_context.openIntents().isEmpty())
            break;
        m_context.logLine(u"%1 Trying again, %2 of %3."_s.arg(fault->sentence()).arg(attempt + 1).arg(step.retries));
    }
    if (!fault && line.progress)
        line.progress->finish();
    return fault;
}

// A place behind the slot's USB controller for steps that move much data; given back when the step ends, however.
TransferGate::Pass Runner::takePlace(const Line &line, const std::stop_token &stop)
{
    if (!m_site.gate || !line.kind->transfers)
        return {};
    bool waited = false;
    TransferGate::Pass pass = m_site.gate->enter(usbPlaceOf(m_order.port), stop, [&](const QString &sentence) {
        waited = true;
        m_context.logLine(sentence);
        if (line.progress)
            line.progress->setNote(sentence);
        m_board.update([&sentence](SlotView &view) {
            view.state = SlotState::Waiting;
            view.word = u"WAIT"_s;
            view.sentence = sentence;
        });
    });
    if (waited) {
        if (line.progress)
            line.progress->setNote({});
        m_board.update([&line](SlotView &view) {
            view.state = SlotState::Working;
            view.word = line.kind->title.toUpper();
            view.sentence.clear();
        });
    }
    return pass;
}

void Runner::endStep(int index, const std::optional<Fault> &fault, double seconds)
{
    const Line &line = m_lines[size_t(index)];
    const Verdict verdict = fault ? verdictOf(*fault) : Verdict::Pass;
    const QString summary = m_context.takeSummary();
    m_context.flushLog();
    QCborMap body{{u"index"_s, index},
                  {u"step"_s, line.step->kind},
                  {u"name"_s, line.step->name},
                  {u"verdict"_s, toString(verdict)},
                  {u"seconds"_s, seconds}};
    if (!summary.isEmpty())
        body.insert(u"summary"_s, summary);
    if (fault) {
        body.insert(u"sentence"_s, fault->sentence());
        body.insert(u"remedy"_s, fault->remedy());
        body.insert(u"fault"_s, QLatin1String(fault->code()));
    }
    m_context.entries().append(u"step.ended"_s, body);
    caught([this] { m_context.noteActs(); });
    m_board.update([&](SlotView &view) {
        StepView &row = view.steps[index];
        row.verdict = verdict;
        row.seconds = seconds;
        row.summary = fault ? fault->sentence() : summary;
        view.irreversibleDone = m_context.irreversibleDone();
    });
}

// A step that failed in the middle of an irreversible act: find out what became of it.
std::optional<Fault> Runner::settleIntents(std::optional<Fault> fault)
{
    const auto open = m_context.openIntents();
    for (const RunContext::OpenIntent &intent : open) {
        Reconciled known{u"unknown"_s, {}, {}};
        const auto trouble = caught([&] {
            Lookup::OpenIntent asked;
            asked.id = intent.id;
            asked.run = m_runId;
            asked.device = m_context.serial();
            asked.act = intent.act;
            asked.detail = intent.detail;
            known = reconcileIntent(asked, m_site.mode, m_context.deviceOrNull(), *m_site.journal,
                                    task({}).within(reconcileWithin));
            m_context.outcome(intent.id, known.state, known.sentence);
        });
        if (trouble || known.state == u"unknown") {
            m_unknown = true;
            fault = Fault("station.outcome-unknown", {actWords(intent.act, intent.detail), known.sentence},
                          fault ? fault->text() : QString());
        }
    }
    return fault;
}

RunEnd Runner::end(std::optional<Fault> fault)
{
    m_board.update([](SlotView &view) {
        view.state = SlotState::Working;
        view.prompt.reset();
        view.word = u"RECORD"_s;
        view.sentence = u"Writing the record."_s;
    });
    RunEnd result;
    result.serial = m_context.serial();
    result.verdict = m_unknown ? Verdict::Unknown : fault ? verdictOf(*fault) : Verdict::Pass;
    result.fault = fault;
    const auto body = [&] {
        QCborMap body{{u"verdict"_s, toString(result.verdict)},
                      {u"seconds"_s, secondsSince(m_begun)},
                      {u"step"_s, m_at},
                      {u"irreversible"_s, m_unknown || m_context.irreversibleDone()}};
        if (result.fault) {
            body.insert(u"sentence"_s, result.fault->sentence());
            body.insert(u"remedy"_s, result.fault->remedy());
            body.insert(u"fault"_s, QLatin1String(result.fault->code()));
        }
        return body;
    };
    // The verdict only after all that it stands on: an entry that is queued is kept by the journal where the disk is
    // full, and would come into the record later, whatever was shown by then.
    const auto trouble = caught([&] {
        result.firstRun = !m_site.lookup->hasCountedRun(m_site.mode, result.serial, m_order.recipe->name);
        m_context.flushLog();
        m_context.entries().settle();
        m_context.entries().appendDurably(u"run.ended"_s, body());
        result.recorded = true;
    });
    // What is not on record did not happen. The record says so too, as soon as it can.
    if (trouble) {
        result.fault = trouble;
        if (result.verdict != Verdict::Unknown)
            result.verdict = Verdict::Error;
        caught([&] { m_context.entries().append(u"run.ended"_s, body()); });
    }
    return result;
}

void Runner::show(const RunEnd &result)
{
    m_board.update([&](SlotView &view) {
        view.state = SlotState::Finished;
        view.verdict = result.verdict;
        view.word = toString(result.verdict);
        view.endedAt = QDateTime::currentDateTimeUtc();
        view.firstEntry = m_context.entries().first();
        view.lastEntry = m_context.entries().last();
        view.irreversibleDone = m_unknown || m_context.irreversibleDone(); // unknown: it has to be taken for done
        view.retryable = result.verdict != Verdict::Pass &&
                         (result.verdict != Verdict::Fail || m_order.attempt < m_order.maxAttempts);
        view.faultCode = result.fault ? QLatin1String(result.fault->code()) : QLatin1String();
        if (result.verdict == Verdict::Pass) {
            view.sentence = u"Remove the unit."_s;
            view.remedy.clear();
        } else if (result.verdict == Verdict::Stopped) {
            const QString where = m_at < 0 ? u"Stopped before the first step"_s
                                  : view.steps.value(m_at).begun
                                      ? u"Stopped in %1"_s.arg(view.steps.value(m_at).name)
                                      : u"Stopped before %1"_s.arg(view.steps.value(m_at).name);
            view.sentence = where + (view.irreversibleDone ? u", after something irreversible was done."_s
                                                           : u". Nothing irreversible was done."_s);
            view.remedy = u"Start it again, or remove the unit."_s;
        } else if (result.fault) {
            view.sentence = result.fault->sentence();
            view.remedy = result.fault->remedy();
        }
    });
}

} // namespace slipway
