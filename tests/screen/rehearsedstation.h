#pragma once
// A station that shows whatever a screen test wants, without runs, threads or devices, and notes what it is asked.

#include "app/desktop/stationsource.h"
#include "core/base/fault.h"

#include <QTemporaryDir>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

namespace slipway::test {

class RehearsedStation : public Station
{
public:
    explicit RehearsedStation(int places, Mode mode = Mode::Production);

    // What is shown; touch() afterwards.
    std::vector<SlotView> views; // index 0 is place 1
    std::map<int, QStringList> logs;
    Counters shownCounters;
    QList<Lamp> shownLamps;
    ScanMeaning shownScan;
    QList<Interrupted> cutOff;
    std::unique_ptr<Recipe> shownRecipe;
    std::function<ScanMeaning(const QString &)> meaning;
    std::vector<NewEntry> lives;    // entries of a journal that is made when a run's page asks for it
    std::optional<Fault> nextFault; // thrown by the next call that may throw
    QByteArray rightPin;            // of the issuer's token; empty: it needs none
    AskSecret askSecret;
    int pinsTried() const { return m_pinsTried; }
    void touch(int place);

    // What was asked: "start 3 ", "stop 2", "answer 4 yes", "scan ABC" ...
    QStringList asked;

    void setSlots(const QList<SlotConfig> &) override {}
    void loadRecipe(const Recipe &recipe) override;
    const Recipe *recipe() const override { return shownRecipe.get(); }
    int slotCount() const override { return int(views.size()); }
    SlotView slot(int number) const override { return views.at(size_t(number) - 1); }
    void onChanged(std::function<void(int)> callback) override { m_changed.push_back(std::move(callback)); }
    void onLog(std::function<void(int, const QString &, int, const QString &)>) override {}
    QStringList logLines(int slot) const override;
    ScanMeaning scan(const QString &text) override;
    ScanMeaning lastScan() const override { return shownScan; }
    void check(int, const QString &) const override {}
    void start(int slot, const QString &serial) override;
    void releaseBarrier() override { ask(QStringLiteral("release")); }
    void stop(int slot) override { ask(QStringLiteral("stop %1").arg(slot)); }
    void stopAll() override { ask(QStringLiteral("stop all")); }
    void retry(int slot) override { ask(QStringLiteral("retry %1").arg(slot)); }
    void clear(int slot) override { ask(QStringLiteral("clear %1").arg(slot)); }
    void answer(int slot, const PromptAnswer &answer) override;
    void waitAll() override {}
    Counters counters() const override { return shownCounters; }
    QList<Lamp> lamps() const override;
    Mode mode() const override { return m_mode; }
    QString person() const override { return QStringLiteral("Operator 07"); }
    QString name() const override { return QStringLiteral("Line 3, station 2"); }
    Journal &journal() override;
    QList<Interrupted> interrupted() const override { return cutOff; }
    Reconciled reconcile(const Interrupted &run, int slot) override;
    void dismiss(const QString &runId, const QString &) override { ask(QStringLiteral("dismiss %1").arg(runId)); }
    QString takeNumber(const QString &, const QString &, qint64) override { return {}; }
    std::optional<Fault> issuerTrouble() const override;
    std::optional<Fault> openIssuer() override;

private:
    void ask(const QString &what);

    const Mode m_mode;
    mutable std::mutex m_mutex; // of what openIssuer() changes in a thread of the desktop
    std::optional<Fault> m_issuerTrouble;
    std::atomic<int> m_pinsTried = 0;
    QTemporaryDir m_folder;
    std::unique_ptr<Journal> m_journal;
    std::vector<std::function<void(int)>> m_changed;
};

// Hands out one RehearsedStation, or the fault or the missing home that a test wants.
class RehearsedSource : public StationSource
{
public:
    explicit RehearsedSource(std::unique_ptr<RehearsedStation> station);

    bool homeThere = true;
    std::optional<Fault> openFault;
    QList<RecipeChoice> choices;
    QString preferredId;
    QString folder;
    RehearsedStation *station = nullptr; // stays valid while the shell lives
    QStringList made;

    QString where() const override { return QStringLiteral("/home/line/slipway"); }
    bool exists() const override { return homeThere; }
    void make(const QString &name) override;
    std::unique_ptr<Station> open(const QByteArray &passphrase) override;
    QList<RecipeChoice> recipes() override { return choices; }
    Recipe load(const QString &id) override;
    QString preferred() override { return preferredId; }
    void prefer(const QString &id) override { preferredId = id; }
    QString slipFolder() const override { return folder; }
    void setAskSecret(AskSecret ask) override { station->askSecret = std::move(ask); }

private:
    std::unique_ptr<RehearsedStation> m_station;
};

// Cases, as a line shows them.
Recipe sampleRecipe();
SlotView readyView(int number);
SlotView workingView(int number, const QString &serial, int step, double fraction);
SlotView passView(int number, const QString &serial);
SlotView failView(int number, const QString &serial);
SlotView stoppedView(int number, const QString &serial);
SlotView errorView(int number, const QString &serial);
SlotView unknownView(int number, const QString &serial);
SlotView waitingView(int number, const QString &serial);
SlotView promptView(int number, const QString &serial, const PromptRequest &prompt);
SlotView labelView(int number, const QString &serial);
// A line of that many places in all states, with counters, lamps and a scan.
std::unique_ptr<RehearsedStation> mixedLine(int places, Mode mode = Mode::Production);

} // namespace slipway::test
