#include "app/cli/runreport.h"

#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;

void RunTally::add(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Pass:
        ++passed;
        break;
    case Verdict::Fail:
        ++failed;
        break;
    case Verdict::Error:
        ++errors;
        break;
    case Verdict::Stopped:
        ++stopped;
        break;
    case Verdict::Unknown:
        ++unknown;
        break;
    }
}

QString RunTally::line() const
{
    QString text = u"%1 passed, %2 failed"_s.arg(passed).arg(failed);
    if (errors > 0)
        text += u", %1 %2"_s.arg(errors).arg(errors == 1 ? u"error"_s : u"errors"_s);
    if (unknown > 0)
        text += u", %1 unknown"_s.arg(unknown);
    if (stopped > 0)
        text += u", %1 stopped"_s.arg(stopped);
    return text;
}

int RunTally::exitStatus() const
{
    return stopped > 0 ? 4 : errors > 0 || unknown > 0 ? 3 : failed > 0 ? 1 : 0;
}

QJsonObject RunTally::toJson() const
{
    return {{u"event"_s, u"end"_s}, {u"passed"_s, passed},   {u"failed"_s, failed},
            {u"errors"_s, errors},  {u"unknown"_s, unknown}, {u"stopped"_s, stopped}};
}

struct RunReport::Bell {
    std::mutex mutex;
    std::condition_variable_any rung;
    bool ringing = true;
};

RunReport::RunReport(CliContext &context, Station &station, bool steps)
    : m_context(context), m_station(station), m_steps(steps), m_bell(std::make_shared<Bell>())
{
    station.onChanged([bell = m_bell](int) {
        const std::lock_guard lock(bell->mutex);
        bell->ringing = true;
        bell->rung.notify_all();
    });
}

void RunReport::ring()
{
    const std::lock_guard lock(m_bell->mutex);
    m_bell->ringing = true;
    m_bell->rung.notify_all();
}

bool RunReport::waitForChange(const std::stop_token &stop)
{
    std::unique_lock lock(m_bell->mutex);
    m_bell->rung.wait(lock, stop, [this] { return m_bell->ringing; });
    m_bell->ringing = false;
    return !stop.stop_requested();
}

bool RunReport::anyBusy() const
{
    for (int place = 1; place <= m_station.slotCount(); ++place) {
        const SlotState state = m_station.slot(place).state;
        if (state != SlotState::Ready && state != SlotState::Finished)
            return true;
    }
    return false;
}

void RunReport::update()
{
    QList<SlotView> views;
    for (int place = 1; place <= m_station.slotCount(); ++place)
        views.append(m_station.slot(place));
    for (const SlotView &view : views) {
        if (view.runId.isEmpty())
            continue;
        Seen &seen = m_seen[view.number];
        if (seen.runId != view.runId)
            seen = {view.runId, {}, false, -1};
        showSteps(view, seen);
        if (view.word == u"WAIT" && std::exchange(seen.waiting, view.currentStep) != view.currentStep)
            m_context.say(u"%1  %2  %3"_s.arg(view.number, 2).arg(view.serial, -12).arg(view.sentence));
        // An outage can take long, and nobody may be looking at a progress line.
        const QString &note = view.progress.note;
        if ((note.startsWith(u"waiting for the issuer") || note.endsWith(u"has not decided yet")) &&
            std::exchange(seen.waiting, view.currentStep) != view.currentStep)
            m_context.say(u"%1  %2  %3"_s.arg(view.number, 2).arg(view.serial, -12).arg(note));
        if (view.state == SlotState::Finished && !std::exchange(seen.verdict, true))
            showVerdict(view);
    }
    m_context.transient(progressText(views));
}

void RunReport::showSteps(const SlotView &view, Seen &seen)
{
    for (int i = 0; i < view.steps.size(); ++i) {
        const StepView &step = view.steps[i];
        if (!step.verdict || seen.steps.contains(i))
            continue;
        // A step that is tried again reports its last try: wait until the run has gone on.
        if (view.currentStep == i && view.state != SlotState::Finished && *step.verdict != Verdict::Pass)
            continue;
        seen.steps.insert(i);
        m_context.object({{u"event"_s, u"step"_s},
                          {u"slot"_s, view.number},
                          {u"device"_s, view.serial},
                          {u"run"_s, view.runId},
                          {u"index"_s, i},
                          {u"step"_s, step.kind},
                          {u"name"_s, step.name},
                          {u"verdict"_s, toString(*step.verdict)},
                          {u"seconds"_s, step.seconds},
                          {u"summary"_s, step.summary}});
        if (m_steps || *step.verdict != Verdict::Pass) {
            m_context.say(u"%1  %2  %3  %4  %5  %6"_s.arg(view.number, 2)
                              .arg(view.serial, -12)
                              .arg(step.name, -16)
                              .arg(toString(*step.verdict), -7)
                              .arg(humanSpan(step.seconds), 6)
                              .arg(step.summary));
        }
    }
}

void RunReport::showVerdict(const SlotView &view)
{
    const Verdict verdict = view.verdict.value_or(Verdict::Error);
    const double seconds = double(view.begunAt.msecsTo(view.endedAt)) / 1000;
    m_tally.add(verdict);
    const bool passed = verdict == Verdict::Pass;
    m_rows.append({view.number, view.serial, toString(verdict), passed ? QString() : view.sentence, seconds});
    QJsonObject object{{u"event"_s, u"verdict"_s},        {u"slot"_s, view.number},
                       {u"device"_s, view.serial},        {u"run"_s, view.runId},
                       {u"verdict"_s, toString(verdict)}, {u"seconds"_s, seconds},
                       {u"attempt"_s, view.attempt},      {u"first-entry"_s, view.firstEntry},
                       {u"last-entry"_s, view.lastEntry}, {u"irreversible"_s, view.irreversibleDone}};
    if (!view.certificate.isEmpty())
        object.insert(u"certificate"_s, view.certificate);
    if (!passed) {
        object.insert(u"fault"_s, view.faultCode);
        object.insert(u"sentence"_s, view.sentence);
        object.insert(u"remedy"_s, view.remedy);
    }
    m_context.object(object);
    if (!passed)
        m_context.say(u"%1  %2  %3: %4 %5"_s.arg(view.number, 2)
                          .arg(view.serial, -12)
                          .arg(toString(verdict), view.sentence, view.remedy)
                          .trimmed());
}

QString RunReport::progressText(const QList<SlotView> &views) const
{
    QStringList parts;
    double rate = 0;
    double fraction = 0;
    int busy = 0;
    for (const SlotView &view : views) {
        if (view.state == SlotState::Act)
            parts += u"%1: %2"_s.arg(view.number).arg(view.sentence);
        const bool queued = view.state == SlotState::Waiting && !view.runId.isEmpty();
        if (view.state != SlotState::Working && view.state != SlotState::Act && !queued)
            continue;
        ++busy;
        rate += view.progress.rate;
        fraction += view.progress.fraction;
        if (views.size() <= 4 && view.state == SlotState::Working)
            parts += u"%1: %2"_s.arg(view.number).arg(ProgressLine::text(view.progress));
    }
    if (busy == 0)
        return {};
    if (views.size() > 4) {
        parts.prepend(u"%1 at work, %2 %"_s.arg(busy).arg(int(fraction * 100 / busy)));
        if (rate > 0)
            parts[0] += u", "_s + humanRate(rate);
    }
    return parts.join(u"  "_s).left(160);
}

int RunReport::finish()
{
    update();
    m_context.transient({});
    std::sort(m_rows.begin(), m_rows.end(), [](const Row &a, const Row &b) { return a.place < b.place; });
    if (!m_rows.isEmpty())
        m_context.result(u"%1  %2  %3  %4"_s.arg(u"place"_s, u"unit"_s.leftJustified(14), u"verdict"_s, u"time"_s));
    for (const Row &row : std::as_const(m_rows)) {
        QString line = u"%1  %2  %3  %4  %5"_s.arg(row.place, 5)
                           .arg(row.unit, -14)
                           .arg(row.verdict, -7)
                           .arg(humanSpan(row.seconds), 6)
                           .arg(row.sentence);
        while (line.endsWith(u' '))
            line.chop(1);
        m_context.result(line);
    }
    m_context.object(m_tally.toJson());
    m_context.result(m_tally.line());
    return m_tally.exitStatus();
}

} // namespace slipway
