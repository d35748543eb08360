#include "app/desktop/slotviewmodel.h"

#include "core/base/text.h"

#include <QFileInfo>

#include <cmath>
#include <tuple>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

QVariantMap action(const char *id, const QString &text, const QString &key, bool primary)
{
    return {{u"id"_s, QString::fromLatin1(id)}, {u"text"_s, text}, {u"key"_s, key}, {u"primary"_s, primary}};
}

QString joined(const QString &a, const QString &b)
{
    return a.isEmpty() ? b : b.isEmpty() ? a : a + u' ' + b;
}

} // namespace

SlotViewModel::SlotViewModel(int number, QObject *parent) : QObject(parent), m_number(number)
{
    m_view.number = number;
    words();
    actions();
    progress();
}

SlotViewModel::Look SlotViewModel::lookOf(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Pass:
        return Look::Pass;
    case Verdict::Fail:
        return Look::Fail;
    case Verdict::Error:
        return Look::Error;
    case Verdict::Stopped:
        return Look::Stopped;
    case Verdict::Unknown:
        break;
    }
    return Look::Unknown;
}

QString SlotViewModel::glyphOf(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Pass:
        return u"pass"_s;
    case Verdict::Fail:
        return u"fail"_s;
    case Verdict::Error:
        return u"error"_s;
    case Verdict::Stopped:
        return u"stopped"_s;
    case Verdict::Unknown:
        break;
    }
    return u"unknown"_s;
}

void SlotViewModel::update(const SlotView &view)
{
    if (view.runId != m_view.runId || view.state != m_view.state)
        m_complaint.clear();
    const auto rest = [this] {
        return std::tuple(m_view.serial, m_view.name, m_view.remedy, m_view.state, m_view.runId, irreversibleNow(),
                          valueWanted(), picture());
    };
    const auto before = rest();
    m_view = view;
    if (finished() && view.verdict)
        m_before = tr("Before: %1, %2.").arg(view.serial, toString(*view.verdict));
    if (!running())
        m_asksToStop = false;
    words();
    actions();
    progress();
    if (rest() != before)
        Q_EMIT changed();
}

void SlotViewModel::setPlan(const QVariantList &plan)
{
    m_plan = plan;
    progress();
}

void SlotViewModel::askToStop(bool ask)
{
    m_asksToStop = ask && running();
    words();
    actions();
}

void SlotViewModel::setComplaint(const QString &complaint)
{
    m_complaint = complaint;
    words();
}

bool SlotViewModel::running() const
{
    return m_view.state == SlotState::Waiting || m_view.state == SlotState::Working || m_view.state == SlotState::Act;
}

bool SlotViewModel::valueWanted() const
{
    return !m_asksToStop && m_view.state == SlotState::Act && m_view.prompt &&
           m_view.prompt->kind == PromptRequest::Kind::Value;
}

QUrl SlotViewModel::picture() const
{
    if (m_asksToStop || m_view.state != SlotState::Act || !m_view.prompt || m_view.prompt->picture.isEmpty())
        return {};
    const QFileInfo file(m_view.prompt->picture);
    return file.isFile() ? QUrl::fromLocalFile(file.absoluteFilePath()) : QUrl();
}

bool SlotViewModel::irreversibleNow() const
{
    return running() && m_view.currentStep >= 0 && m_view.currentStep < m_view.steps.size() &&
           m_view.steps[m_view.currentStep].irreversible;
}

void SlotViewModel::words()
{
    const auto before = std::tie(m_look, m_glyph, m_word, m_sentence, m_quiet);
    const std::tuple<Look, QString, QString, QString, QString> old(before);
    m_word = m_view.word;
    m_sentence = m_view.sentence;
    m_quiet = m_view.remedy;
    switch (m_view.state) {
    case SlotState::Ready:
        m_look = Look::Ready;
        m_glyph = u"ready"_s;
        if (m_word.isEmpty())
            m_word = tr("READY");
        if (m_sentence.isEmpty())
            m_sentence = tr("Scan a unit for this place.");
        m_quiet = joined(m_quiet, m_before);
        break;
    case SlotState::Waiting:
        m_look = Look::Waiting;
        m_glyph = u"waiting"_s;
        if (m_word.isEmpty())
            m_word = tr("WAITING");
        if (m_sentence.isEmpty())
            m_sentence = m_view.progress.note.isEmpty() ? tr("Waits for its turn.") : m_view.progress.note;
        break;
    case SlotState::Working:
        m_look = Look::Working;
        m_glyph = u"working"_s;
        if (m_word.isEmpty())
            m_word = m_view.progress.phase.isEmpty() ? tr("WORKING") : m_view.progress.phase.toUpper();
        break;
    case SlotState::Act:
        m_look = Look::Act;
        promptWords(m_view.prompt.value_or(PromptRequest{}));
        break;
    case SlotState::Finished:
        finishedWords();
        break;
    }
    if (m_asksToStop) {
        m_look = Look::Stopped;
        m_glyph = u"stop-question"_s;
        m_word = tr("STOP?");
        m_sentence = tr("Stop this unit?");
        m_quiet =
            m_view.irreversibleDone ? tr("What cannot be undone stays done.") : tr("Nothing irreversible was done.");
    }
    if (!m_complaint.isEmpty())
        m_quiet = m_complaint;
    if (old != before)
        Q_EMIT changed();
}

void SlotViewModel::promptWords(const PromptRequest &prompt)
{
    switch (prompt.kind) {
    case PromptRequest::Kind::Message:
        m_glyph = u"act"_s;
        break;
    case PromptRequest::Kind::YesNo:
        m_glyph = u"yes-no"_s;
        break;
    case PromptRequest::Kind::Value:
        m_glyph = u"value"_s;
        break;
    case PromptRequest::Kind::ScanBack:
        m_glyph = u"scan"_s;
        break;
    }
    m_word = prompt.word.isEmpty() ? m_view.word : prompt.word;
    if (m_word.isEmpty())
        m_word = tr("ACT");
    if (!prompt.sentence.isEmpty())
        m_sentence = prompt.sentence;
    if (prompt.kind == PromptRequest::Kind::ScanBack && !prompt.expected.isEmpty())
        m_quiet = joined(m_quiet, tr("It must read %1.").arg(prompt.expected));
}

void SlotViewModel::finishedWords()
{
    const Verdict verdict = m_view.verdict.value_or(Verdict::Unknown);
    m_look = lookOf(verdict);
    m_glyph = glyphOf(verdict);
    m_word = toString(verdict);
    const bool again = m_view.retryable && (m_view.maxAttempts == 0 || m_view.attempt < m_view.maxAttempts);
    switch (verdict) {
    case Verdict::Pass:
        if (m_sentence.isEmpty())
            m_sentence = tr("Remove the unit.");
        break;
    case Verdict::Fail:
    case Verdict::Error:
        if (again && m_view.maxAttempts > 0)
            m_quiet = joined(m_quiet, tr("R tries once more (%1 of %2).").arg(m_view.attempt).arg(m_view.maxAttempts));
        else if (again)
            m_quiet = joined(m_quiet, tr("R tries once more."));
        break;
    case Verdict::Stopped:
        if (again || m_view.retryable)
            m_quiet = joined(m_quiet, tr("Space starts again."));
        break;
    case Verdict::Unknown:
        m_quiet = joined(m_quiet, tr("Press Enter to see what is known."));
        break;
    }
}

void SlotViewModel::actions()
{
    QVariantList tile, page;
    if (m_asksToStop) {
        tile = {action("stop", tr("Stop"), tr("Space"), true), action("go-on", tr("Go on"), tr("Esc"), false)};
        page = tile;
    } else if (m_view.state == SlotState::Act && m_view.prompt) {
        switch (m_view.prompt->kind) {
        case PromptRequest::Kind::Message:
            tile = {action("yes", tr("Done"), tr("Space"), true)};
            break;
        case PromptRequest::Kind::YesNo:
            tile = {action("yes", tr("Yes"), tr("Y"), true), action("no", tr("No"), tr("N"), false)};
            break;
        case PromptRequest::Kind::Value:
            tile = {action("value", tr("Enter value"), tr("Space"), true)};
            break;
        case PromptRequest::Kind::ScanBack:
            break;
        }
        page = tile;
        page << action("ask-stop", tr("Stop"), tr("X"), false);
    } else if (running()) {
        page = {action("ask-stop", tr("Stop"), tr("X"), false)};
    } else if (finished()) {
        const bool again = m_view.retryable && (m_view.maxAttempts == 0 || m_view.attempt < m_view.maxAttempts);
        if (again && m_view.verdict != Verdict::Pass)
            page << action("retry", tr("Try again"), tr("R"), true);
        if (m_view.verdict == Verdict::Unknown)
            page << action("reconcile", tr("Ask the device"), tr("K"), true);
        page << action("print", tr("Print slip"), tr("P"), false);
    } else {
        page = {action("start", tr("Start"), tr("Space"), true)};
    }
    if (tile != m_tileActions || page != m_pageActions) {
        m_tileActions = tile;
        m_pageActions = page;
        Q_EMIT changed();
    }
}

void SlotViewModel::progress()
{
    const Progress::Snapshot &p = m_view.progress;
    QString percent, detail, fine;
    QVariantList segments;
    if (running()) {
        percent = tr("%1 %").arg(int(std::floor(p.fraction * 100)));
        if (!p.note.isEmpty())
            detail = p.note;
        else if (p.total > 0)
            detail = tr("%1 of %2").arg(humanSize(p.done), humanSize(p.total));
        if (p.rate > 0 && p.note.isEmpty())
            fine = p.lineLimit > 0
                       ? tr("%1 · %2 % of the line").arg(humanRate(p.rate)).arg(int(std::lround(p.lineShare() * 100)))
                       : humanRate(p.rate);
    } else if (m_view.verdict == Verdict::Pass && m_view.begunAt.isValid() && m_view.endedAt.isValid()) {
        detail = humanSpan(double(m_view.begunAt.msecsTo(m_view.endedAt)) / 1000);
    }
    for (const Progress::Segment &s : p.segments)
        segments << QVariantMap{{u"name"_s, s.name}, {u"weight"_s, s.weight}, {u"fraction"_s, s.fraction}};
    if (!running() && !finished())
        segments = m_plan;
    const bool bar = !segments.isEmpty() && (running() || m_view.state == SlotState::Ready);
    if (std::tie(percent, detail, fine, bar, segments) ==
        std::tie(m_percent, m_detail, m_fineDetail, m_barShown, m_segments))
        return;
    m_percent = percent;
    m_detail = detail;
    m_fineDetail = fine;
    m_barShown = bar;
    m_segments = segments;
    Q_EMIT progressChanged();
}

QString SlotViewModel::progressLine() const
{
    QStringList parts{m_percent, m_sentence.isEmpty() ? QString() : m_detail, m_fineDetail};
    parts.removeAll(QString());
    return parts.join(u" · "_s);
}

QString SlotViewModel::spoken() const
{
    QString text = tr("Place %1, %2.").arg(m_number).arg(m_word);
    if (!m_view.serial.isEmpty())
        text += u' ' + tr("Unit %1.").arg(m_view.serial);
    for (const QString &part : {m_sentence, m_quiet}) {
        if (!part.isEmpty())
            text += u' ' + part;
    }
    return text;
}

} // namespace slipway
