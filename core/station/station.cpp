#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/recipe/variables.h"
#include "core/station/lamps.h"
#include "core/station/recipefit.h"
#include "core/station/recovery.h"
#include "core/station/stationimpl.h"

#include <QCoreApplication>
#include <QDir>
#include <QScopeGuard>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr auto lampsEvery = std::chrono::seconds(10);
constexpr qint64 shiftSeconds = 8 * 3600; // for so long a FAIL counts as an attempt
} // namespace

std::unique_ptr<Station> Station::open(const Home &home, const DriverRegistry &drivers, const StationOptions &options)
{
    return std::make_unique<StationImpl>(home, drivers, options);
}

StationImpl::StationImpl(const Home &home, const DriverRegistry &drivers, const StationOptions &options)
    : m_home(home), m_options(options), m_lock(home.path()), m_journal(home.openJournal()), m_lookup(m_journal->path()),
      m_stockLookup(m_journal->path()),
      m_issuer([this] { return m_home.openIssuer(m_options.mode); }, home.issuerChain(options.mode)),
      m_allocator(*m_journal, options.mode)
{
    if (const auto trouble = m_issuer.open(); trouble && !options.openShut)
        throw Fault(*trouble);
    m_site.journal = m_journal.get();
    m_site.issuer = &m_issuer;
    m_site.lookup = &m_lookup;
    m_site.allocator = &m_allocator;
    m_site.drivers = &drivers;
    m_gate.setLimits(home.limits());
    m_site.gate = &m_gate;
    m_site.profiles = home.profiles();
    m_site.mudInterface = home.mudInterface();
    m_site.seeds = options.seeds;
    m_site.keyLot = [this](const QString &lot) {
        const std::lock_guard lock(m_keyMutex);
        return m_home.openKeyLot(m_options.mode, lot);
    };
    m_site.mode = options.mode;
    m_site.person = options.person;
    m_site.outputFolder = home.file(options.mode == Mode::Training ? u"labels/training"_s : u"labels"_s);
    if (!QDir().mkpath(m_site.outputFolder))
        throw Fault("file.unwritable", {m_site.outputFolder, u"the folder could not be made"_s});

    m_interruptedFound = endInterruptedRuns(*m_journal, m_lookup);
    m_journal->append({u"station.opened"_s,
                       {},
                       {},
                       {{u"name"_s, home.stationName()},
                        {u"version"_s, QCoreApplication::applicationVersion()},
                        {u"mode"_s, toString(options.mode)},
                        {u"interrupted"_s, m_interruptedFound}}});
    m_counters.passedBefore(m_lookup.passedSince(options.mode, QDateTime::currentDateTimeUtc().addSecs(-3600)));

    QList<SlotConfig> places;
    for (const HomeSlot &place : home.places())
        places.append({place.number, place.name, place.port, place.driver});
    setSlots(places);
    m_lamps = readLamps(m_home, m_issuer, m_options.mode, {}, stock());
    m_housekeeper = std::jthread([this](const std::stop_token &stop) { keepHouse(stop); });
}

StationImpl::~StationImpl()
{
    stopAll();
    m_housekeeper.request_stop();
    m_houseWake.notify_all();
    std::vector<std::shared_ptr<Place>> places;
    {
        const std::lock_guard lock(m_mutex);
        places.swap(m_places);
    }
    places.clear(); // joins
}

void StationImpl::setSlots(const QList<SlotConfig> &configs)
{
    QStringList ports;
    QStringList names;
    for (const SlotConfig &config : configs) {
        if (ports.contains(config.port) || names.contains(config.name))
            throw Fault("station.place-twice", {ports.contains(config.port) ? config.port : config.name});
        ports += config.port;
        names += config.name;
        if (!config.driver.isEmpty())
            m_site.drivers->find(config.driver);
    }
    std::vector<std::shared_ptr<Place>> places;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto &place : m_places) {
            if (place->isBusy())
                throw Fault("station.working", {QString::number(place->number())});
        }
        places.swap(m_places);
        m_router.forget();
        Place::Hooks hooks;
        hooks.changed = [this](int slot) { tellChanged(slot); };
        hooks.logged = [this](int slot, const QString &run, int step, const QString &line) {
            tellLog(slot, run, step, line);
        };
        hooks.finished = [this](int slot, const RunEnd &end) { runEnded(slot, end); };
        int number = 0;
        for (const SlotConfig &config : configs) {
            ++number;
            m_places.push_back(std::make_shared<Place>(number,
                                                       config.name.isEmpty() ? QString::number(number) : config.name,
                                                       config.port, config.driver, m_site, hooks));
        }
    }
    places.clear();
    tellChanged(0);
}

void StationImpl::loadRecipe(const Recipe &recipe)
{
    QStringList drivers;
    {
        const std::lock_guard lock(m_mutex);
        for (const auto &place : m_places) {
            if (place->isBusy())
                throw Fault("station.working", {QString::number(place->number())});
            drivers += place->driver();
        }
    }
    checkRecipeFits(recipe, drivers, m_site);
    {
        const std::lock_guard lock(m_mutex);
        m_recipes.push_back(std::make_shared<const Recipe>(recipe));
        m_houseStale = true; // the lamps speak of what it needs
    }
    m_houseWake.notify_all();
    tellChanged(0);
}

// Recipes stay until the station goes: a pointer handed out stays good.
const Recipe *StationImpl::recipe() const
{
    const std::lock_guard lock(m_mutex);
    return m_recipes.empty() ? nullptr : m_recipes.back().get();
}

int StationImpl::slotCount() const
{
    const std::lock_guard lock(m_mutex);
    return int(m_places.size());
}

std::shared_ptr<Place> StationImpl::place(int number) const
{
    const std::lock_guard lock(m_mutex);
    if (m_places.empty())
        throw Fault("station.no-places");
    if (number < 1 || number > int(m_places.size()))
        throw Fault("station.no-place", {QString::number(number), QString::number(m_places.size())});
    return m_places[size_t(number - 1)];
}

std::vector<std::shared_ptr<Place>> StationImpl::places() const
{
    const std::lock_guard lock(m_mutex);
    return m_places;
}

SlotView StationImpl::slot(int number) const
{
    return place(number)->view();
}

QStringList StationImpl::logLines(int slot) const
{
    return place(slot)->logLines();
}

void StationImpl::onChanged(std::function<void(int)> callback)
{
    const std::lock_guard lock(m_callbackMutex);
    auto list = std::make_shared<Callbacks>(*m_callbacks);
    list->changed.push_back(std::move(callback));
    m_callbacks = std::move(list);
}

void StationImpl::onLog(std::function<void(int, const QString &, int, const QString &)> callback)
{
    const std::lock_guard lock(m_callbackMutex);
    auto list = std::make_shared<Callbacks>(*m_callbacks);
    list->logged.push_back(std::move(callback));
    m_callbacks = std::move(list);
}

std::shared_ptr<const StationImpl::Callbacks> StationImpl::callbacks() const
{
    const std::lock_guard lock(m_callbackMutex);
    return m_callbacks;
}

void StationImpl::tellChanged(int slot)
{
    for (const auto &call : callbacks()->changed)
        call(slot);
}

void StationImpl::tellLog(int slot, const QString &run, int step, const QString &line)
{
    for (const auto &call : callbacks()->logged)
        call(slot, run, step, line);
}

const RecipeVariable *StationImpl::unitVariable(const Recipe &recipe)
{
    for (const RecipeVariable &variable : recipe.variables) {
        if (variable.from == RecipeVariable::From::Scan)
            return &variable;
    }
    return nullptr;
}

// Attempts that the unit has had, in whatever program: a restart gives it no new ones.
int StationImpl::fails(const Recipe &recipe, const QString &serial) const
{
    if (serial.isEmpty())
        return 0;
    return m_lookup.failsSince(m_options.mode, serial, recipe, QDateTime::currentDateTimeUtc().addSecs(-shiftSeconds));
}

// Why this unit cannot be started anywhere now; nothing when it can.
std::optional<Fault> StationImpl::refusal(const Recipe &recipe, const QString &serial) const
{
    for (const auto &place : places()) {
        const SlotView view = place->view();
        if (place->isBusy() && view.serial == serial)
            return Fault("station.serial-working", {serial, QString::number(view.number)});
    }
    if (m_lookup.hasPassed(m_options.mode, serial, recipe.name))
        return Fault("station.serial-passed", {serial});
    if (fails(recipe, serial) >= m_options.maxAttempts)
        return Fault("station.attempts", {serial, QString::number(m_options.maxAttempts)});
    return {};
}

RunOrder StationImpl::orderFor(const Place &place, const QString &serial) const
{
    RunOrder order;
    {
        const std::lock_guard lock(m_mutex);
        if (m_recipes.empty())
            throw Fault("station.no-recipe");
        order.recipe = m_recipes.back();
    }
    order.attempt = fails(*order.recipe, serial) + 1;
    order.maxAttempts = m_options.maxAttempts;
    order.slot = place.number();
    order.slotName = place.name();
    order.port = place.port();
    order.driver = place.driver();
    order.serial = serial;

    const RecipeVariable *scanned = unitVariable(*order.recipe);
    const RecipeVariable *given = nullptr;
    for (const RecipeVariable &variable : order.recipe->variables) {
        const bool fromStation =
            variable.from == RecipeVariable::From::Allocator || variable.from == RecipeVariable::From::Lot;
        if (fromStation && variable.name == u"serial")
            given = &variable;
    }
    if (serial.isEmpty()) {
        if (scanned)
            throw Fault("station.serial-missing", {QString::number(order.slot)});
        return order;
    }
    if (scanned && !accepts(*scanned, serial))
        throw Fault("station.serial-form", {oneLine(serial, 60), scanned->pattern});
    if (given && !scanned) {
        const QString pool = given->from == RecipeVariable::From::Lot ? u"lot-serial"_s
                             : given->pool.isEmpty()                  ? given->name
                                                                      : given->pool;
        if (!m_lookup.numberGiven(m_options.mode, pool, serial))
            throw Fault("station.serial-allocated", {oneLine(serial, 60)});
    }
    if (auto why = refusal(*order.recipe, serial))
        throw Fault(*why);
    return order;
}

void StationImpl::check(int slot, const QString &serial) const
{
    const auto target = place(slot);
    if (target->isBusy())
        throw Fault("station.working", {QString::number(slot)});
    orderFor(*target, serial.trimmed());
}

void StationImpl::start(int slot, const QString &serial)
{
    const std::lock_guard starting(m_startMutex); // two scans of one unit at the same moment
    const auto target = place(slot);
    if (target->isBusy())
        throw Fault("station.working", {QString::number(slot)});
    RunOrder order = orderFor(*target, serial.trimmed());
    if (m_options.barrierStart)
        target->hold(std::move(order));
    else
        target->start(std::move(order));
}

void StationImpl::releaseBarrier()
{
    for (const auto &place : places())
        place->release();
}

void StationImpl::retry(int slot)
{
    const SlotView view = place(slot)->view();
    if (view.state != SlotState::Finished || view.serial.isEmpty())
        throw Fault("station.no-retry", {QString::number(slot)});
    if (view.verdict == Verdict::Pass)
        throw Fault("station.serial-passed", {view.serial});
    start(slot, view.serial);
}

void StationImpl::stop(int slot)
{
    place(slot)->stop();
}

void StationImpl::stopAll()
{
    for (const auto &place : places())
        place->stop();
}

void StationImpl::clear(int slot)
{
    place(slot)->clear();
}

void StationImpl::answer(int slot, const PromptAnswer &answer)
{
    place(slot)->answer(answer);
}

void StationImpl::waitAll()
{
    for (const auto &place : places())
        place->waitIdle();
}

ScanMeaning StationImpl::scan(const QString &text)
{
    ScanRouter::Situation situation;
    std::shared_ptr<const Recipe> recipe;
    {
        const std::lock_guard lock(m_mutex);
        if (!m_recipes.empty())
            recipe = m_recipes.back();
    }
    for (const auto &place : places()) {
        const SlotView view = place->view();
        situation.places.append({view.number, view.state, view.serial, view.prompt});
    }
    situation.recipeLoaded = recipe != nullptr;
    situation.unit = recipe ? unitVariable(*recipe) : nullptr;
    situation.refusal = [&](const QString &serial) -> std::optional<QString> {
        const auto fault = refusal(*recipe, serial);
        return fault ? std::optional(fault->sentence()) : std::nullopt;
    };
    ScanRouter::Decision decision;
    {
        const std::lock_guard lock(m_routerMutex);
        decision = m_router.route(text, situation);
    }
    const auto refused = caught([&] {
        if (decision.act == ScanRouter::Act::Answer)
            answer(decision.place, {decision.yes, decision.value});
        else if (decision.act == ScanRouter::Act::StartUnit)
            start(decision.place, decision.value);
    });
    ScanMeaning meaning{oneLine(text.trimmed(), 80), decision.meaning, decision.place, decision.accepted};
    if (refused) {
        meaning.accepted = false;
        meaning.meaning = refused->sentence();
    }
    {
        const std::lock_guard lock(m_mutex);
        m_lastScan = meaning;
    }
    tellChanged(0);
    return meaning;
}

ScanMeaning StationImpl::lastScan() const
{
    const std::lock_guard lock(m_mutex);
    return m_lastScan;
}

// In the slot's thread, before the verdict is shown.
void StationImpl::runEnded(int slot, const RunEnd &end)
{
    Q_UNUSED(slot);
    {
        const std::lock_guard lock(m_mutex);
        m_journalTrouble = end.recorded || !end.fault ? QString() : end.fault->sentence();
        if (end.recorded)
            m_counters.add(end.serial, end.verdict, end.firstRun, QDateTime::currentDateTimeUtc());
        m_houseStale = true;
    }
    m_houseWake.notify_all();
}

Counters StationImpl::counters() const
{
    const std::lock_guard lock(m_mutex);
    return m_counters.read(QDateTime::currentDateTimeUtc());
}

QList<Lamp> StationImpl::lamps() const
{
    const std::lock_guard lock(m_mutex);
    return m_lamps;
}

void StationImpl::keepHouse(const std::stop_token &stop)
{
    while (!stop.stop_requested()) {
        QString trouble;
        {
            std::unique_lock lock(m_mutex);
            m_houseWake.wait_for(lock, stop, lampsEvery, [this] { return m_houseStale; });
            if (stop.stop_requested())
                return;
            m_houseStale = false;
            trouble = m_journalTrouble;
        }
        caught([&] {
            QList<Lamp> lamps = readLamps(m_home, m_issuer, m_options.mode, trouble, stock());
            const std::lock_guard lock(m_mutex);
            m_lamps = std::move(lamps);
        });
        tellChanged(0);
    }
}

std::optional<Fault> StationImpl::openIssuer()
{
    const auto trouble = m_issuer.open();
    {
        const std::lock_guard lock(m_mutex);
        m_houseStale = true;
    }
    m_houseWake.notify_all();
    return trouble;
}

// What the recipe's units get: out of lots, or within quotas.
Stock StationImpl::stock()
{
    Stock stock;
    std::shared_ptr<const Recipe> recipe;
    {
        const std::lock_guard lock(m_mutex);
        if (!m_recipes.empty())
            recipe = m_recipes.back();
    }
    QStringList lots, products;
    for (const RecipeStep &step : recipe ? recipe->steps : QList<RecipeStep>()) {
        if (step.kind != u"idevid")
            continue;
        const QString lot = step.parameters.value(u"lot"_s).toString();
        if (!lot.isEmpty() && !lot.contains(u"${"_s) && !lots.contains(lot))
            lots << lot;
        else
            products << step.parameters.value(u"profile"_s).toString();
    }
    for (const QString &lot : std::as_const(lots)) {
        if (const auto fault = caught([&] { stock.lots << m_stockLookup.lotStock(m_options.mode, lot); }))
            stock.lotTrouble = fault->sentence();
    }
    const QuotaBook *book = m_options.mode == Mode::Production ? m_issuer.quotas() : nullptr;
    stock.boundByQuotas = book != nullptr;
    if (book) {
        for (QuotaStanding &standing : m_stockLookup.quotaStandings(*book)) {
            if (products.isEmpty() || products.contains(standing.quota.product))
                stock.quotas << std::move(standing);
        }
    }
    return stock;
}

QList<Interrupted> StationImpl::interrupted() const
{
    return listInterrupted(m_lookup);
}

Reconciled StationImpl::reconcile(const Interrupted &run, int slot)
{
    const auto open = m_lookup.openIntentsOfRun(run.runId);
    if (open.isEmpty())
        return run.known;
    const auto target = place(slot);
    Task task;
    {
        const std::lock_guard starting(m_startMutex);
        task.stop = target->occupy(u"Asking the device about an earlier run."_s);
    }
    const auto vacate = qScopeGuard([&target] { target->vacate(); });
    QString driver = target->driver();
    if (driver.isEmpty())
        driver = m_lookup.driverOf(run.runId);
    task.deadline = Deadline::in(std::chrono::seconds(40));
    const auto device = m_site.drivers->find(driver).open({target->port(), 0, {}}, task);
    const DeviceFacts facts = device->facts(task);
    if (!isUnitOf(facts, run.runId, run.device, m_lookup)) {
        if (!facts.serial.isEmpty() && facts.serial != run.device)
            throw Fault("station.other-unit", {oneLine(facts.serial, 60), run.device});
        throw Fault("station.unit-unproven", {run.device.isEmpty() ? u"that unit"_s : run.device});
    }
    Reconciled last = run.known;
    Reconciled unknown;
    for (const Lookup::OpenIntent &intent : open) {
        last = reconcileIntent(intent, run.mode == toString(Mode::Training) ? Mode::Training : Mode::Production,
                               device.get(), *m_journal, task);
        recordOutcome(*m_journal, intent, last);
        if (last.state == u"unknown")
            unknown = last;
    }
    tellChanged(0);
    return unknown.state.isEmpty() ? last : unknown;
}

void StationImpl::dismiss(const QString &runId, const QString &reason)
{
    for (const Interrupted &run : interrupted()) {
        if (run.runId == runId) {
            m_journal->appendDurably({u"run.dismissed"_s,
                                      run.runId,
                                      run.device,
                                      {{u"reason"_s, oneLine(reason)}, {u"operator"_s, m_options.person}}});
            tellChanged(0);
            return;
        }
    }
    throw Fault("station.not-interrupted", {oneLine(runId, 60)});
}

QString StationImpl::takeNumber(const QString &pool, const QString &format, qint64 first)
{
    RecipeVariable variable;
    variable.name = pool;
    variable.pool = pool;
    variable.format = format;
    variable.first = first;
    return m_allocator.take(variable, {}, {});
}

} // namespace slipway
