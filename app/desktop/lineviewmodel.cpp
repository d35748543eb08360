#include "app/desktop/lineviewmodel.h"

#include "app/desktop/slip.h"
#include "core/base/fault.h"

#include <QDir>
#include <QRegularExpression>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr int digitPauseMs = 1000;
}

LineViewModel::LineViewModel(Station &station, GuiHop &hop, QString slipFolder, QObject *parent)
    : QObject(parent), m_station(station), m_hop(hop), m_slipFolder(std::move(slipFolder)),
      m_now([] { return QDateTime::currentDateTime(); }), m_run(station, hop)
{
    m_minute.setSingleShot(true);
    m_minute.setTimerType(Qt::CoarseTimer);
    connect(&m_minute, &QTimer::timeout, this, &LineViewModel::tick);
    connect(&m_hop, &GuiHop::changed, this, &LineViewModel::update);
    connect(&m_run, &RunViewModel::copied, this, [this](int lines) {
        tell(lines == 1 ? tr("One line of the log is copied.") : tr("%1 lines of the log are copied.").arg(lines));
    });
    m_places.setCount(station.slotCount());
    tick();
    recipeLoaded();
    QSet<int> all{0};
    for (int number = 1; number <= station.slotCount(); ++number)
        all << number;
    update(all);
}

void LineViewModel::setNow(std::function<QDateTime()> now)
{
    m_now = std::move(now);
    tick();
}

// Once a minute, on the minute: nothing moves unless something happens.
void LineViewModel::tick()
{
    const QDateTime now = m_now();
    const QString clock = now.toString(u"HH:mm"_s);
    m_minute.start(60'000 - int(now.time().msecsSinceStartOfDay() % 60'000) + 20);
    if (clock == m_clock)
        return;
    m_clock = clock;
    Q_EMIT clockChanged();
}

void LineViewModel::recipeLoaded()
{
    QVariantList plan;
    if (const Recipe *recipe = m_station.recipe()) {
        for (const RecipeStep &step : recipe->steps) {
            const StepKind *kind = stepKind(step.kind);
            plan << QVariantMap{{u"name"_s, step.name.isEmpty() && kind ? kind->title : step.name},
                                {u"weight"_s, kind ? kind->weight : 1.0},
                                {u"fraction"_s, 0.0}};
        }
    }
    for (int number = 1; number <= m_places.count(); ++number)
        m_places.place(number)->setPlan(plan);
    Q_EMIT recipeChanged();
}

QString LineViewModel::recipeName() const
{
    const Recipe *recipe = m_station.recipe();
    return recipe ? recipe->name : tr("No recipe");
}

QString LineViewModel::recipeNote() const
{
    const Recipe *recipe = m_station.recipe();
    if (!recipe)
        return {};
    return recipe->isSigned ? tr("version %1, signed").arg(recipe->version)
                            : tr("version %1, not signed").arg(recipe->version);
}

QString LineViewModel::modeWord() const
{
    return training() ? tr("TRAINING") : tr("PRODUCTION");
}

void LineViewModel::update(const QSet<int> &places)
{
    for (const int number : places) {
        SlotViewModel *place = m_places.place(number);
        if (!place)
            continue;
        const SlotView view = m_station.slot(number);
        place->update(view);
        if (view.state == SlotState::Finished && view.verdict)
            m_recent.add(number, view.serial, view.runId, *view.verdict);
        if (m_run.place() == place)
            m_run.refresh();
    }
    // A change of a place may change counters too.
    m_counters.update(m_station.counters());
    if (places.contains(0)) {
        m_lamps.update(m_station.lamps());
        if (const bool shut = m_station.issuerTrouble().has_value(); shut != m_issuerShut) {
            m_issuerShut = shut;
            Q_EMIT issuerShutChanged();
        }
        const ScanMeaning scan = m_station.lastScan();
        if (scan.text != m_scan.text || scan.meaning != m_scan.meaning || scan.accepted != m_scan.accepted) {
            m_scan = scan;
            Q_EMIT scanChanged();
        }
    }
}

void LineViewModel::guarded(const std::function<void()> &function)
{
    try {
        function();
    } catch (const Fault &fault) {
        tell(fault);
    }
}

void LineViewModel::tell(const QString &sentence, const QString &remedy, bool trouble)
{
    m_notice = sentence;
    m_noticeRemedy = remedy;
    m_noticeIsTrouble = trouble;
    m_askedToClose = false;
    Q_EMIT noticeChanged();
}

void LineViewModel::tell(const Fault &fault)
{
    tell(fault.sentence(), fault.remedy(), true);
}

void LineViewModel::dismissNotice()
{
    tell({});
}

// A scan opens and closes nothing: it only goes to the station, which says what it meant.
void LineViewModel::scan(const QString &text)
{
    guarded([&] {
        m_scan = m_station.scan(text);
        Q_EMIT scanChanged();
        if (m_scan.slot > 0 && m_page == LinePage)
            select(m_scan.slot);
    });
}

void LineViewModel::select(int number)
{
    if (!m_places.place(number) || number == m_selected)
        return;
    if (SlotViewModel *old = selectedPlace())
        old->askToStop(false);
    m_selected = number;
    if (m_page == RunPage)
        m_run.show(selectedPlace());
    Q_EMIT selectedChanged();
}

void LineViewModel::pick(int digit)
{
    const int count = m_places.count();
    const bool more = m_digits > 0 && m_sinceDigit.isValid() && m_sinceDigit.elapsed() < digitPauseMs;
    int number = more ? m_digits * 10 + digit : digit;
    if (number > count)
        number = digit;
    if (!m_places.place(number))
        return;
    const bool same = number == m_selected && !more;
    m_digits = number * 10 <= count ? number : 0;
    m_sinceDigit.start();
    if (same && m_page == LinePage && m_digits == 0)
        open(number);
    else
        select(number);
}

void LineViewModel::move(int across, int down)
{
    if (m_page == RunPage) {
        if (down != 0)
            m_run.moveStep(down);
        else
            select(std::clamp(m_selected + across, 1, m_places.count()));
        return;
    }
    const int count = m_places.count();
    int number = m_selected + across;
    if (down != 0) {
        number = m_selected + down * m_columns;
        // The last row may be short.
        if (number > count && (m_selected - 1) / m_columns < (count - 1) / m_columns)
            number = count;
    }
    if (number >= 1 && number <= count)
        select(number);
}

void LineViewModel::setColumns(int columns)
{
    if (columns == m_columns || columns < 1)
        return;
    m_columns = columns;
    Q_EMIT columnsChanged();
}

void LineViewModel::open(int number)
{
    select(number);
    m_run.show(selectedPlace());
    if (m_page == RunPage)
        return;
    m_page = RunPage;
    Q_EMIT pageChanged();
}

void LineViewModel::back()
{
    if (m_page == LinePage)
        return;
    m_page = LinePage;
    m_run.show(nullptr);
    Q_EMIT pageChanged();
}

void LineViewModel::confirm()
{
    SlotViewModel *place = selectedPlace();
    if (!place)
        return;
    const SlotView &view = place->view();
    if (place->asksToStop()) {
        act(m_selected, u"stop"_s);
    } else if (view.state == SlotState::Act && view.prompt) {
        switch (view.prompt->kind) {
        case PromptRequest::Kind::Message:
            act(m_selected, u"yes"_s);
            break;
        case PromptRequest::Kind::Value:
            act(m_selected, u"value"_s);
            break;
        case PromptRequest::Kind::YesNo:
            place->setComplaint(tr("Press Y for yes or N for no."));
            break;
        case PromptRequest::Kind::ScanBack:
            place->setComplaint(tr("Scan the label; no key answers this."));
            break;
        }
    } else if (view.state == SlotState::Ready) {
        act(m_selected, u"start"_s);
    } else if (view.state == SlotState::Finished && view.verdict == Verdict::Stopped) {
        act(m_selected, u"retry"_s);
    } else if (view.state == SlotState::Finished && m_bringer) {
        guarded([this] { m_bringer(m_selected); });
    }
}

void LineViewModel::escape()
{
    if (m_helpOpen)
        setHelpOpen(false);
    else if (m_scanEntryOpen)
        setScanEntryOpen(false);
    else if (!m_notice.isEmpty())
        dismissNotice();
    else if (selectedPlace() && selectedPlace()->asksToStop())
        selectedPlace()->askToStop(false);
    else if (m_page == RunPage)
        back();
    else
        askToStop(m_selected);
}

void LineViewModel::askToStop(int number)
{
    if (SlotViewModel *place = m_places.place(number); place && place->running()) {
        select(number);
        place->askToStop(true);
    }
}

void LineViewModel::startAll()
{
    guarded([&] {
        m_station.releaseBarrier();
        for (int number = 1; number <= m_places.count(); ++number) {
            if (m_station.slot(number).state == SlotState::Ready && !(m_bringer && m_bringer(number)))
                m_station.start(number, {});
        }
    });
}

void LineViewModel::setHelpOpen(bool open)
{
    if (open == m_helpOpen)
        return;
    m_helpOpen = open;
    Q_EMIT helpOpenChanged();
}

void LineViewModel::setScanEntryOpen(bool open)
{
    if (open == m_scanEntryOpen)
        return;
    m_scanEntryOpen = open;
    Q_EMIT scanEntryOpenChanged();
}

void LineViewModel::act(int number, const QString &action)
{
    SlotViewModel *place = m_places.place(number);
    if (!place)
        return;
    select(number);
    guarded([&] {
        if (action == u"yes" || action == u"no") {
            const auto &prompt = place->view().prompt;
            const bool asked = prompt && place->view().state == SlotState::Act &&
                               (prompt->kind == PromptRequest::Kind::YesNo ||
                                (prompt->kind == PromptRequest::Kind::Message && action == u"yes"));
            if (asked && !place->asksToStop())
                m_station.answer(number, PromptAnswer{action == u"yes", {}});
        } else if (action == u"value") {
            Q_EMIT valueEntryWanted(number);
        } else if (action == u"start") {
            if (place->view().state == SlotState::Ready && !(m_bringer && m_bringer(number)))
                m_station.start(number, {});
        } else if (action == u"ask-stop") {
            askToStop(number);
        } else if (action == u"go-on") {
            place->askToStop(false);
        } else if (action == u"stop") {
            place->askToStop(false);
            m_station.stop(number);
        } else if (action == u"retry") {
            if (place->finished() && place->view().retryable)
                m_station.retry(number);
        } else if (action == u"clear") {
            if (place->finished())
                m_station.clear(number);
        } else if (action == u"print") {
            if (place->finished())
                printSlip(number);
        } else if (action == u"reconcile") {
            reconcile(number);
        }
    });
}

bool LineViewModel::answerValue(int number, const QString &value)
{
    SlotViewModel *place = m_places.place(number);
    if (!place || !place->valueWanted())
        return false;
    const QString pattern = place->view().prompt->pattern;
    if (!pattern.isEmpty()) {
        const QRegularExpression expression(QRegularExpression::anchoredPattern(pattern));
        if (expression.isValid() && !expression.match(value).hasMatch()) {
            place->setComplaint(tr("\"%1\" does not have the expected form.").arg(value));
            return false;
        }
    }
    guarded([&] { m_station.answer(number, PromptAnswer{true, value}); });
    return true;
}

bool LineViewModel::mayClose()
{
    int running = 0;
    for (int number = 1; number <= m_places.count(); ++number)
        running += m_places.place(number)->running() ? 1 : 0;
    if (running == 0 || m_askedToClose)
        return true;
    tell(running == 1 ? tr("One unit is being worked on.") : tr("%1 units are being worked on.").arg(running),
         tr("Close the window once more to stop and leave."), true);
    m_askedToClose = true;
    return false;
}

void LineViewModel::printSlip(int number)
{
    const SlotView view = m_station.slot(number);
    Slip slip{view, m_station.name(), m_station.person(), {}, {}, training()};
    if (const Recipe *recipe = m_station.recipe()) {
        slip.recipe = recipe->name;
        slip.recipeVersion = recipe->version;
    }
    const QString file = slip.write(m_slipFolder);
    tell(tr("The slip for %1 is written.").arg(view.serial), QDir::toNativeSeparators(file));
}

void LineViewModel::reconcile(int number)
{
    const SlotView view = m_station.slot(number);
    const QList<Interrupted> all = m_station.interrupted();
    const auto it = std::find_if(all.begin(), all.end(), [&](const Interrupted &i) { return i.runId == view.runId; });
    if (it == all.end()) {
        tell(tr("Nothing is left open in this run."), {});
        return;
    }
    tell(tr("Asking the device in place %1 ...").arg(number));
    m_hop.aside([this, number, run = *it]() -> std::function<void()> {
        try {
            const Reconciled known = m_station.reconcile(run, number);
            return [this, known] { tell(known.sentence, known.safeNext); };
        } catch (const Fault &fault) {
            return [this, fault] { tell(fault); };
        }
    });
}

} // namespace slipway
