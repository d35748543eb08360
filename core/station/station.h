#pragma once
// A station at work: its home, its slots, its journal, and the runs in the slots. The command line and the desktop both
// drive this class and know nothing below it. Thread-safe: each slot has its own thread; snapshots may be taken from
// any.

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/device/driver.h"
#include "core/journal/journal.h"
#include "core/recipe/recipe.h"
#include "core/station/home.h"
#include "core/steps/step.h"

#include <QDateTime>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace slipway {

enum class SlotState {
    Ready,    // scan a unit
    Waiting,  // has a unit, waits for the device, a place or the barrier
    Working,  // a run is going on
    Act,      // a person must do something (prompt)
    Finished, // verdict stands until the next scan or removal
};

struct StepView {
    QString kind, name, title;
    QString section; // "", "on-fail", "always"
    bool begun = false;
    std::optional<Verdict> verdict; // none: not reached or going on
    QString summary;                // or the fault's sentence
    double seconds = 0;
    QList<Measurement> measurements;
    bool irreversible = false;
};

// Everything a screen shows of one place, copied under a lock.
struct SlotView {
    int number = 0; // from 1, bench order
    QString name, port;
    SlotState state = SlotState::Ready;
    QString serial;
    QString word;     // "READY", "FLASH", "LABEL", "PASS", ...
    QString sentence; // one sentence with one verb
    QString remedy;   // second line, quiet
    std::optional<Verdict> verdict;
    QString faultCode;
    Progress::Snapshot progress;
    std::optional<PromptRequest> prompt;
    QList<StepView> steps;
    int currentStep = -1;
    DeviceFacts facts;
    QString certificate; // serial number in hex with colons, empty: none
    QString mudUrl, issuer, notAfter;
    QString runId;
    int attempt = 0, maxAttempts = 0;
    bool irreversibleDone = false;
    bool retryable = false;
    QDateTime begunAt, endedAt;
    qint64 firstEntry = 0, lastEntry = 0;
};

struct Lamp {
    enum class State { Good, Caution, Bad, Off };
    QString name; // "Journal"
    State state = State::Off;
    QString words; // "durable"
};

struct Counters {
    int done = 0, failed = 0, lastHour = 0; // of this shift (since the station opened), this mode
    std::optional<double> firstPassYield;   // 0..1
};

struct ScanMeaning {
    QString text;    // the scan, made safe
    QString meaning; // "waiting for place 6", "label of place 3 matches", "no place is free"
    int slot = 0;    // 0: none
    bool accepted = false;
};

// An interrupted run found at start-up.
struct Interrupted {
    QString runId, device, recipe, slot, begunAt;
    QString mode; // "production", "training"
    QString lastStep;
    QString sentence;    // what is known, and what is safe now
    QString intent, act; // open intent, may be empty
    Reconciled known;
};

struct StationOptions {
    Mode mode = Mode::Production;
    QString person;
    bool barrierStart = false; // runs wait until all occupied slots are ready and start() is called
    int maxAttempts = 2;
    std::shared_ptr<const SeedTable> seeds; // of devices whose keys are derived; null: none
    bool openShut = false; // open also where the issuer cannot be: the lamp says so, and openIssuer() tries again
};

class Station
{
public:
    // Takes the home's station lock (station.busy when another process has it). drivers must outlive it.
    static std::unique_ptr<Station> open(const Home &home, const DriverRegistry &drivers,
                                         const StationOptions &options);
    virtual ~Station() = default; // stops all runs and waits

    // Replaces the slots of station.yaml (command line, demo).
    struct SlotConfig {
        int number = 0;
        QString name, port, driver;
    };
    virtual void setSlots(const QList<SlotConfig> &places) = 0;
    // Checks against the drivers' capabilities before anything is touched; throws.
    virtual void loadRecipe(const Recipe &recipe) = 0;
    virtual const Recipe *recipe() const = 0;

    virtual int slotCount() const = 0;
    virtual SlotView slot(int number) const = 0;
    // Called from any thread, often; receivers hop to their own thread and take snapshots. Reading the
    // station from inside is fine, acting on it is not.
    // Several may register; all are called, without any lock held, until the station is gone: capture nothing that goes
    // earlier. slot 0: counters, lamps, scans.
    virtual void onChanged(std::function<void(int slot)> callback) = 0;
    virtual void onLog(std::function<void(int slot, const QString &runId, int step, const QString &line)> callback) = 0;
    virtual QStringList logLines(int slot) const = 0; // of the current or last run, "time\tstep index\ttext"

    // One place for every scan: answers a scan-back, picks a place ("PLACE-3"), or brings a unit.
    virtual ScanMeaning scan(const QString &text) = 0;
    virtual ScanMeaning lastScan() const = 0;
    // Throws what start() would throw now, and starts nothing.
    virtual void check(int slot, const QString &serial) const = 0;
    // Starts a unit in a place. serial empty: from the recipe's allocator.
    virtual void start(int slot, const QString &serial) = 0;
    virtual void releaseBarrier() = 0;
    virtual void stop(int slot) = 0; // asks; the run ends as STOPPED at the next safe point
    virtual void stopAll() = 0;
    virtual void retry(int slot) = 0; // the same unit again
    virtual void clear(int slot) = 0; // takes a finished unit's verdict away
    virtual void answer(int slot, const PromptAnswer &answer) = 0;
    virtual void waitAll() = 0; // until no run is going on

    virtual Counters counters() const = 0;
    virtual QList<Lamp> lamps() const = 0; // journal, issuer, printer, disk, plant
    // Why the issuer is shut (no PIN, no token); nothing: it is open.
    virtual std::optional<Fault> issuerTrouble() const { return {}; }
    // Tries once to open it, and asks a person (Home::setAskSecret). Not from the thread that answers.
    virtual std::optional<Fault> openIssuer() { return {}; }
    virtual Mode mode() const = 0;
    virtual QString person() const = 0;
    virtual QString name() const = 0;
    virtual Journal &journal() = 0;
    virtual QList<Interrupted> interrupted() const = 0;
    // Asks the device in that place about an open intent, records the outcome.
    virtual Reconciled reconcile(const Interrupted &run, int slot) = 0;
    // A person says that the interrupted run needs no more attention (the unit was scrapped, for example).
    virtual void dismiss(const QString &runId, const QString &reason) = 0;
    // A number of a pool in this station's mode, never given twice; for units that come without a label.
    virtual QString takeNumber(const QString &pool, const QString &format, qint64 first = 1) = 0;
};

} // namespace slipway
