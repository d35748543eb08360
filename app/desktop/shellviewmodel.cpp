#include "app/desktop/shellviewmodel.h"

#include "core/base/fault.h"

#include <QDateTime>
#include <QSysInfo>

namespace slipway {

using namespace Qt::StringLiterals;

ShellViewModel::ShellViewModel(std::unique_ptr<StationSource> source, QObject *parent)
    : QObject(parent), m_source(std::move(source)), m_hop(std::make_unique<GuiHop>())
{
    m_source->setAskSecret(m_desk.asker());
}

// Work aside uses the station, and the station's threads knock at the hop.
ShellViewModel::~ShellViewModel()
{
    m_desk.close(); // nobody answers any more
    m_hop->release();
    m_hop.reset();
    m_keys.reset();
    m_line.reset();
    m_source->closing();
    m_station.reset();
}

QString ShellViewModel::suggestedName() const
{
    return QSysInfo::machineHostName();
}

void ShellViewModel::go(Stage stage, const QString &headline, const QString &advice)
{
    m_stage = stage;
    m_headline = headline;
    m_advice = advice;
    m_busy = false;
    Q_EMIT changed();
}

void ShellViewModel::fail(const Fault &fault, Stage stage)
{
    if (fault.is("issuer.passphrase"))
        go(Passphrase, m_passphraseTried ? tr("That passphrase does not open them.") : QString(),
           tr("Type the passphrase of this station's keys."));
    else
        go(stage, fault.sentence(), fault.remedy());
}

void ShellViewModel::begin()
{
    if (m_source->exists())
        open({});
    else
        go(NoHome);
}

void ShellViewModel::makeHome(const QString &stationName)
{
    if (m_busy)
        return;
    if (stationName.trimmed().isEmpty()) {
        go(NoHome, tr("The station needs a name."), tr("Choose one that people on the line know, such as Line 3."));
        return;
    }
    m_busy = true;
    m_headline.clear();
    m_advice.clear();
    Q_EMIT changed();
    m_hop->aside([this, name = stationName.trimmed()]() -> std::function<void()> {
        try {
            m_source->make(name);
            return [this] { open({}); };
        } catch (const Fault &fault) {
            return [this, fault] { fail(fault, NoHome); };
        }
    });
}

void ShellViewModel::openWith(const QString &passphrase)
{
    if (m_busy || passphrase.isEmpty())
        return;
    m_passphraseTried = true;
    open(passphrase.toUtf8());
}

void ShellViewModel::tryAgain()
{
    if (!m_busy && m_stage == Trouble)
        begin();
}

void ShellViewModel::open(const QByteArray &passphrase)
{
    go(Opening);
    m_busy = true;
    m_hop->aside([this, passphrase]() -> std::function<void()> {
        try {
            auto station = std::make_shared<std::unique_ptr<Station>>(m_source->open(passphrase));
            return [this, station] { opened(station); };
        } catch (const Fault &fault) {
            return [this, fault] { fail(fault, Trouble); };
        }
    });
}

void ShellViewModel::opened(std::shared_ptr<std::unique_ptr<Station>> station)
{
    m_station = std::move(*station);
    m_hop->watch(*m_station);
    m_busy = false;
    m_open = m_station->interrupted();
    if (m_open.isEmpty()) {
        afterInterrupted();
        return;
    }
    makeInterrupted();
    go(InterruptedRuns);
}

void ShellViewModel::makeInterrupted()
{
    m_interrupted.clear();
    for (const Interrupted &run : m_open) {
        const QDateTime begun = QDateTime::fromString(run.begunAt, Qt::ISODateWithMs).toLocalTime();
        m_interrupted << QVariantMap{
            {u"device"_s, run.device.isEmpty() ? tr("no serial number") : run.device},
            {u"recipe"_s, run.recipe},
            {u"place"_s, run.slot},
            {u"begun"_s, begun.isValid() ? begun.toString(u"yyyy-MM-dd HH:mm"_s) : run.begunAt},
            {u"step"_s, run.lastStep},
            {u"open"_s, !run.intent.isEmpty() && run.known.state != u"done" && run.known.state != u"not-done"},
            {u"state"_s, run.known.state},
            {u"sentence"_s, run.known.sentence.isEmpty() ? run.sentence : run.known.sentence},
            {u"safeNext"_s, run.known.safeNext},
        };
    }
}

void ShellViewModel::askDevice(int row)
{
    if (m_busy || row < 0 || row >= m_open.size())
        return;
    const Interrupted run = m_open[row];
    int number = 0;
    for (int i = 1; i <= m_station->slotCount(); ++i) {
        const SlotView view = m_station->slot(i);
        if (view.name == run.slot || QString::number(i) == run.slot)
            number = i;
    }
    if (number == 0) {
        go(InterruptedRuns, tr("Place %1 is not on this line any more.").arg(run.slot),
           tr("Put the unit into a place and run the recipe again; the record stays as it is."));
        return;
    }
    m_busy = true;
    m_headline = tr("Asking the device in place %1 ...").arg(number);
    m_advice.clear();
    Q_EMIT changed();
    m_hop->aside([this, row, run, number]() -> std::function<void()> {
        try {
            const Reconciled known = m_station->reconcile(run, number);
            return [this, row, known] {
                m_open[row].known = known;
                makeInterrupted();
                go(InterruptedRuns);
            };
        } catch (const Fault &fault) {
            return [this, fault] { fail(fault, InterruptedRuns); };
        }
    });
}

void ShellViewModel::setAside(int row)
{
    if (m_busy || row < 0 || row >= m_open.size())
        return;
    try {
        m_station->dismiss(m_open[row].runId, tr("set aside at the station"));
    } catch (const Fault &fault) {
        fail(fault, InterruptedRuns);
        return;
    }
    m_open.removeAt(row);
    makeInterrupted();
    if (m_open.isEmpty())
        afterInterrupted();
    else
        go(InterruptedRuns);
}

void ShellViewModel::leaveInterrupted()
{
    if (m_stage == InterruptedRuns && !m_busy)
        afterInterrupted();
}

void ShellViewModel::afterInterrupted()
{
    if (m_station->recipe()) {
        showLine();
        return;
    }
    try {
        const QString id = m_source->preferred();
        if (!id.isEmpty()) {
            chooseRecipe(id);
            return;
        }
    } catch (const Fault &) {
        // Then a person chooses.
    }
    lookForRecipes();
}

void ShellViewModel::lookForRecipes()
{
    listRecipes();
    go(Recipes, m_recipes.isEmpty() ? tr("There is no recipe in this home.") : QString(),
       m_recipes.isEmpty() ? tr("Put a recipe into the folder recipes of the home, then try again.") : QString());
}

void ShellViewModel::listRecipes()
{
    m_recipes.clear();
    try {
        for (const RecipeChoice &choice : m_source->recipes())
            m_recipes << QVariantMap{
                {u"id"_s, choice.id}, {u"name"_s, choice.name}, {u"note"_s, choice.note}, {u"usable"_s, choice.usable}};
    } catch (const Fault &fault) {
        m_recipes << QVariantMap{
            {u"id"_s, QString()}, {u"name"_s, fault.sentence()}, {u"note"_s, fault.remedy()}, {u"usable"_s, false}};
    }
}

// "" keeps the recipe that the station has already.
void ShellViewModel::chooseRecipe(const QString &id)
{
    if (id.isEmpty()) {
        showLine();
        return;
    }
    if (m_busy)
        return;
    m_busy = true;
    Q_EMIT changed();
    // Aside: large files are read, and somebody may be asked for the passphrase of a lot.
    m_hop->aside([this, id]() -> std::function<void()> {
        try {
            m_station->loadRecipe(m_source->load(id));
            m_source->prefer(id);
            return [this] { showLine(); };
        } catch (const Fault &fault) {
            return [this, fault] {
                listRecipes();
                go(Recipes, fault.sentence(), fault.remedy());
            };
        }
    });
}

void ShellViewModel::showLine()
{
    m_line = std::make_unique<LineViewModel>(*m_station, *m_hop, m_source->slipFolder());
    m_line->setBringer([this](int place) { return m_source->bringUnit(*m_station, place); });
    connect(m_line.get(), &LineViewModel::issuerWanted, this, &ShellViewModel::openIssuer);
    m_keys = std::make_unique<KeyCommands>(*m_line);
    go(Line);
    if (const auto trouble = m_station->issuerTrouble(); trouble && !m_openingIssuer)
        issuerTried(trouble);
    try {
        m_source->begun(*m_station);
    } catch (const Fault &fault) {
        m_line->tell(fault);
    }
}

void ShellViewModel::tellShut(const Fault &trouble)
{
    if (!m_line)
        return;
    const bool refused = trouble.is("issuer.secret-missing");
    m_line->tell(refused ? tr("The issuer stays shut: units that need a certificate will end as ERROR.")
                         : tr("The issuer is shut. %1").arg(trouble.sentence()),
                 refused ? tr("Press I to open it.") : tr("%1 Then press I to open it.").arg(trouble.remedy()), true);
}

void ShellViewModel::openIssuer()
{
    if (m_desk.wanted()) { // somebody asks already
        m_desk.wantFocus();
        return;
    }
    if (m_openingIssuer || !m_station)
        return;
    if (!m_station->issuerTrouble()) {
        if (m_line)
            m_line->tell(tr("The issuer is open."));
        return;
    }
    m_openingIssuer = true;
    if (m_line)
        m_line->dismissNotice();
    m_hop->aside([this]() -> std::function<void()> {
        const std::optional<Fault> trouble = m_station->openIssuer();
        return [this, trouble] { issuerTried(trouble); };
    });
}

void ShellViewModel::issuerTried(const std::optional<Fault> &trouble)
{
    m_openingIssuer = false;
    if (!trouble) {
        if (m_line)
            m_line->tell(tr("The issuer is open."));
    } else if (trouble->is("issuer.token-pin")) { // said, and another one asked for; the same is never given again
        m_desk.complain(trouble->sentence());
        openIssuer();
        return;
    } else {
        m_desk.complain({});
        tellShut(*trouble);
    }
    Q_EMIT changed();
}

void ShellViewModel::scan(const QString &text)
{
    if (m_line)
        m_line->scan(text);
}

} // namespace slipway
