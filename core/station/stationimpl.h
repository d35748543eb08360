#pragma once
// The station behind core/station/station.h. Locks, in the order in which they may be taken: start, station or router
// or callbacks, a place's own. No callback and no device is reached with one of them held, but for callbacks under the
// start lock.

#include "core/station/allocator.h"
#include "core/station/counters.h"
#include "core/station/lamps.h"
#include "core/station/lookup.h"
#include "core/station/place.h"
#include "core/station/scanrouter.h"
#include "core/station/station.h"
#include "core/station/stationissuer.h"
#include "core/station/stationlock.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace slipway {

class StationImpl : public Station
{
public:
    StationImpl(const Home &home, const DriverRegistry &drivers, const StationOptions &options);
    ~StationImpl() override;

    void setSlots(const QList<SlotConfig> &places) override;
    void loadRecipe(const Recipe &recipe) override;
    const Recipe *recipe() const override;
    int slotCount() const override;
    SlotView slot(int number) const override;
    void onChanged(std::function<void(int slot)> callback) override;
    void onLog(std::function<void(int slot, const QString &runId, int step, const QString &line)> callback) override;
    QStringList logLines(int slot) const override;
    ScanMeaning scan(const QString &text) override;
    ScanMeaning lastScan() const override;
    void check(int slot, const QString &serial) const override;
    void start(int slot, const QString &serial) override;
    void releaseBarrier() override;
    void stop(int slot) override;
    void stopAll() override;
    void retry(int slot) override;
    void clear(int slot) override;
    void answer(int slot, const PromptAnswer &answer) override;
    void waitAll() override;
    Counters counters() const override;
    QList<Lamp> lamps() const override;
    Mode mode() const override { return m_options.mode; }
    QString person() const override { return m_options.person; }
    QString name() const override { return m_home.stationName(); }
    Journal &journal() override { return *m_journal; }
    QList<Interrupted> interrupted() const override;
    Reconciled reconcile(const Interrupted &run, int slot) override;
    void dismiss(const QString &runId, const QString &reason) override;
    std::optional<Fault> issuerTrouble() const override { return m_issuer.trouble(); }
    std::optional<Fault> openIssuer() override;
    QString takeNumber(const QString &pool, const QString &format, qint64 first) override;

private:
    struct Callbacks {
        std::vector<std::function<void(int)>> changed;
        std::vector<std::function<void(int, const QString &, int, const QString &)>> logged;
    };

    std::shared_ptr<Place> place(int number) const;
    std::vector<std::shared_ptr<Place>> places() const;
    std::shared_ptr<const Callbacks> callbacks() const;
    void tellChanged(int slot);
    void tellLog(int slot, const QString &run, int step, const QString &line);
    static const RecipeVariable *unitVariable(const Recipe &recipe);
    int fails(const Recipe &recipe, const QString &serial) const;
    std::optional<Fault> refusal(const Recipe &recipe, const QString &serial) const;
    RunOrder orderFor(const Place &place, const QString &serial) const;
    void runEnded(int slot, const RunEnd &end);
    void keepHouse(const std::stop_token &stop);
    Stock stock();

    const Home m_home;
    const StationOptions m_options;
    StationLock m_lock;
    std::unique_ptr<Journal> m_journal;
    mutable Lookup m_lookup;
    Lookup m_stockLookup; // counting a large lot takes a moment: nobody waits for it
    StationIssuer m_issuer;
    Allocator m_allocator;
    TransferGate m_gate;
    Worksite m_site;

    std::mutex m_keyMutex; // one person is asked once
    std::mutex m_startMutex;
    std::mutex m_routerMutex;
    ScanRouter m_router;

    mutable std::mutex m_mutex;
    std::vector<std::shared_ptr<const Recipe>> m_recipes;
    ScanMeaning m_lastScan;
    ShiftCounters m_counters;
    QList<Lamp> m_lamps;
    QString m_journalTrouble;
    bool m_houseStale = false;
    std::condition_variable_any m_houseWake;
    int m_interruptedFound = 0;

    mutable std::mutex m_callbackMutex;
    std::shared_ptr<const Callbacks> m_callbacks = std::make_shared<const Callbacks>();

    std::vector<std::shared_ptr<Place>> m_places;
    std::jthread m_housekeeper;
};

} // namespace slipway
