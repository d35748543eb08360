#include "app/desktop/runviewmodel.h"

#include "app/desktop/guihop.h"
#include "app/desktop/ligatures.h"
#include "core/base/fault.h"
#include "core/base/text.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLocale>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

class Section
{
public:
    explicit Section(const QString &title) : m_title(title) {}
    // Left out when there is nothing to say.
    Section &row(const QString &label, const QString &value, bool mono = true)
    {
        if (!value.isEmpty())
            m_rows << QVariantMap{
                {u"label"_s, label}, {u"value"_s, mono ? withoutLigatures(value) : value}, {u"mono"_s, mono}};
        return *this;
    }
    void addTo(QVariantList &sections) const
    {
        if (!m_rows.isEmpty())
            sections << QVariantMap{{u"title"_s, m_title}, {u"rows"_s, m_rows}};
    }

private:
    QString m_title;
    QVariantList m_rows;
};

// "88 102": thin groups, as entries are long numbers that people read aloud.
QString grouped(qint64 number)
{
    QString digits = QString::number(number);
    for (qsizetype at = digits.size() - 3; at > 0; at -= 3)
        digits.insert(at, QChar(0x2009));
    return digits;
}

QString when(const QString &at)
{
    const QDateTime time = QDateTime::fromString(at, Qt::ISODateWithMs).toLocalTime();
    if (!time.isValid())
        return at;
    return time.date() == QDate::currentDate() ? RunViewModel::tr("%1 today").arg(time.toString(u"HH:mm"_s))
                                               : time.toString(u"yyyy-MM-dd HH:mm"_s);
}

QString shortRun(const QString &runId)
{
    return runId.left(8);
}

} // namespace

RunViewModel::RunViewModel(Station &station, GuiHop &hop, QObject *parent)
    : QObject(parent), m_station(station), m_hop(hop)
{}

void RunViewModel::show(SlotViewModel *place)
{
    if (place == m_place)
        return;
    if (m_place)
        m_place->disconnect(this);
    m_place = place;
    if (m_place)
        connect(m_place, &SlotViewModel::changed, this, &RunViewModel::headlineChanged);
    m_chosen = false;
    m_runId.clear();
    m_lifeKey.clear();
    m_life = {};
    Q_EMIT placeChanged();
    refresh();
}

int RunViewModel::stepOfInterest() const
{
    const SlotView &view = m_place->view();
    for (int i = 0; i < view.steps.size(); ++i) {
        if (view.steps[i].verdict && *view.steps[i].verdict != Verdict::Pass)
            return i;
    }
    return view.state == SlotState::Finished ? LogListModel::everyStep : view.currentStep;
}

void RunViewModel::refresh()
{
    if (!m_place)
        return;
    const SlotView &view = m_place->view();
    if (view.runId != m_runId) {
        m_runId = view.runId;
        m_chosen = false;
    }
    m_steps.update(view);
    m_log.update(view.runId, m_station.logLines(view.number));
    if (!m_chosen && m_selectedStep != stepOfInterest()) {
        m_selectedStep = stepOfInterest();
        m_log.filter(m_selectedStep);
        Q_EMIT selectedStepChanged();
    }
    lookUpLife();
    makeSections();
    Q_EMIT headlineChanged();
}

QString RunViewModel::title() const
{
    return m_place ? tr("Place %1").arg(m_place->number()) : QString();
}

QString RunViewModel::headline() const
{
    if (!m_place)
        return {};
    if (!m_place->sentence().isEmpty())
        return m_place->sentence();
    return m_place->detail().isEmpty() ? m_place->word() : m_place->detail();
}

QString RunViewModel::advice() const
{
    return m_place ? m_place->quiet() : QString();
}

QString RunViewModel::runText() const
{
    if (!m_place || m_place->view().runId.isEmpty())
        return {};
    const Recipe *recipe = m_station.recipe();
    return recipe ? tr("Run %1, %2, version %3").arg(shortRun(m_runId), recipe->name, recipe->version)
                  : tr("Run %1").arg(shortRun(m_runId));
}

QString RunViewModel::logTitle() const
{
    if (!m_place || m_selectedStep < 0 || m_selectedStep >= m_place->view().steps.size())
        return tr("Log of the whole run");
    const StepView &step = m_place->view().steps[m_selectedStep];
    return tr("Log of step %1, %2").arg(m_selectedStep + 1).arg(step.name.isEmpty() ? step.title : step.name);
}

void RunViewModel::selectStep(int step)
{
    m_chosen = true;
    if (step < 0 || step >= m_steps.count())
        step = LogListModel::everyStep;
    if (step == m_selectedStep)
        return;
    m_selectedStep = step;
    m_log.filter(step);
    Q_EMIT selectedStepChanged();
}

void RunViewModel::moveStep(int by)
{
    const int next = m_selectedStep + by;
    selectStep(std::clamp(next, int(LogListModel::everyStep), m_steps.count() - 1));
}

void RunViewModel::toggleWholeLog()
{
    selectStep(m_selectedStep == LogListModel::everyStep && m_place ? stepOfInterest() : LogListModel::everyStep);
}

void RunViewModel::copyLog()
{
    QGuiApplication::clipboard()->setText(m_log.text());
    Q_EMIT copied(m_log.count());
}

void RunViewModel::lookUpLife()
{
    const SlotView &view = m_place->view();
    // Looked up when a unit comes and when its run ends, not at every change.
    const QString key =
        view.serial + u'\n' + view.runId + (view.state == SlotState::Finished ? u"\nended"_s : QString());
    if (view.serial.isEmpty() || key == m_lifeKey)
        return;
    m_lifeKey = key;
    m_hop.aside([this, key, serial = view.serial, mode = m_station.mode(),
                 path = m_station.journal().path()]() -> std::function<void()> {
        UnitLife life;
        try {
            life = UnitLife::read(path, mode, serial);
        } catch (const Fault &fault) {
            life.trouble = fault.sentence();
        }
        return [this, key, life = std::move(life)] {
            if (key != m_lifeKey)
                return;
            m_life = life;
            makeSections();
        };
    });
}

void RunViewModel::makeSections()
{
    const SlotView &view = m_place->view();
    const DeviceFacts &facts = view.facts;
    QVariantList sections;

    Section device(tr("Device"));
    device.row(tr("Serial"), view.serial.isEmpty() ? facts.serial : view.serial)
        .row(tr("Board"), facts.board)
        .row(tr("Hardware id"), facts.hardwareId)
        .row(tr("Port"), facts.port.isEmpty() ? view.port : facts.port)
        .row(tr("Line"), facts.line)
        .row(tr("Firmware"), facts.firmwareVersion)
        .row(tr("Boot loader"), facts.bootLoader);
    if (const Recipe *recipe = m_station.recipe())
        device.row(tr("Class"), recipe->deviceClass.tokens().join(u' '));
    device.addTo(sections);

    Section(tr("Identity"))
        .row(tr("Certificate"), view.certificate)
        .row(tr("Issuer"), view.issuer, false)
        .row(tr("Valid to"), view.notAfter.startsWith(u"9999"_s) ? tr("no expiry") : view.notAfter, false)
        .row(tr("MUD URL"), view.mudUrl)
        .addTo(sections);

    Section life(tr("Life"));
    for (const RunRow &passage : m_life.passages) {
        QString text = passage.verdict            ? toString(*passage.verdict)
                       : passage.id == view.runId ? tr("going on")
                                                  : tr("cut off");
        text += u", "_s + passage.recipe;
        if (!passage.sentence.isEmpty() && passage.verdict != Verdict::Pass)
            text += u": "_s + passage.sentence;
        life.row(when(passage.begunAt), text, false);
    }
    if (m_life.passages.isEmpty() && !m_life.trouble.isEmpty())
        life.row(tr("Journal"), m_life.trouble, false);
    life.addTo(sections);

    Section record(tr("Record"));
    record.row(tr("Run"), shortRun(view.runId));
    if (view.firstEntry > 0)
        record.row(tr("Entries"), view.lastEntry > view.firstEntry
                                      ? tr("%1 to %2").arg(grouped(view.firstEntry), grouped(view.lastEntry))
                                      : tr("from %1").arg(grouped(view.firstEntry)));
    if (m_life.signedTo > 0)
        record.row(tr("Chain"),
                   view.lastEntry > 0 && m_life.signedTo >= view.lastEntry
                       ? tr("signed to entry %1, this run included").arg(grouped(m_life.signedTo))
                       : tr("signed to entry %1").arg(grouped(m_life.signedTo)),
                   false);
    record.addTo(sections);

    Section more(tr("More that the device says"));
    for (auto it = facts.more.begin(); it != facts.more.end(); ++it)
        more.row(it.key().left(1).toUpper() + it.key().mid(1), it.value().simplified());
    more.addTo(sections);

    if (sections == m_sections)
        return;
    m_sections = sections;
    Q_EMIT sectionsChanged();
}

} // namespace slipway
