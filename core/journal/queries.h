#pragma once
// What the screens, the command line and the runner ask the journal. Reads only; sees what is committed, also by other
// processes. Thread-safe (one question at a time); cheap enough to have one per thread. One unit's lookups go through
// indexes and do not grow with the journal.
// Throws journal.missing, journal.foreign, journal.newer, journal.unreadable, journal.damaged.

#include "core/base/verdict.h"
#include "core/journal/database.h"
#include "core/journal/entry.h"
#include "core/journal/headfile.h"

#include <functional>
#include <mutex>
#include <vector>

namespace slipway {

struct EntryFilter {
    QString run{}, device{}, kind{}; // empty: any. device: all entries of its runs and those about it outside runs
    qint64 after = 0;                // seq above this
    int last = 0;                    // only the last so many; 0: all
};

struct OpenIntent {
    QString id, act, run, device, at;
    int index = 0;
    qint64 entry = 0;
    Mode mode = Mode::Production;
    QCborMap detail;
};

struct MeasurementRow {
    qint64 entry = 0;
    int index = 0;
    QString name, unit, text, expected;
    std::optional<double> value, low, high;
    bool marginal = false;
    std::optional<Verdict> verdict;
};

struct StepRow {
    int index = 0;
    QString step, name; // kind and title
    int tries = 1;
    QString begunAt, endedAt;
    std::optional<Verdict> verdict; // of the last try; none: it did not end
    double seconds = 0;
    QString summary, sentence, remedy, fault;
    qint64 entry = 0, endedEntry = 0;
    std::vector<MeasurementRow> measurements; // of all tries
};

struct RunRow {
    QString id, device;
    Mode mode = Mode::Production;
    QString slot, recipe, recipeVersion, recipeSha256, driver, port, person;
    bool isSigned = false;
    int attempt = 0;
    QString begunAt, endedAt; // endedAt empty: going on, or interrupted
    std::optional<Verdict> verdict;
    QString sentence, remedy, fault;
    double seconds = 0;
    int step = -1; // where it ended
    bool irreversible = false;
    qint64 firstEntry = 0, lastEntry = 0; // lastEntry 0: not ended
};

struct UnitRow {
    Mode mode = Mode::Production;
    QString serial, firstAt, lastAt, lastRun;
    int runs = 0;
    std::optional<Verdict> verdict; // of the last run; none: it did not end
};

struct CertificateInfo {
    qint64 entry = 0;
    Mode mode = Mode::Production;
    QString serial, certificateSerial, sha256, publicKeySha256, issuer, notAfter, profile, mudUrl, masaUrl, run, at;
    QString method, transfer;         // how its key came into the device: "avocado", "device-generated, ..."
    QString revokedAt, revokedReason; // empty: good
    QByteArray der;
};

struct ArtifactRow {
    qint64 entry = 0;
    QString sha256, name, product, version, signer, admittedBy, use, run, at;
    qint64 size = 0;
};

struct RunCounters {
    int done = 0, failed = 0, errors = 0, stopped = 0; // runs; errors and stops never count against yield
    int lastHour = 0;                                  // runs that ended PASS in the last hour
    std::optional<double> firstPassYield;              // of units whose first run here ended PASS or FAIL
};

class JournalReader
{
public:
    explicit JournalReader(const QString &path);

    const QString &path() const { return m_database.path(); }
    // In the order of the chain, until the function returns false.
    void forEachEntry(const EntryFilter &filter, const std::function<bool(const Entry &)> &function);
    std::vector<Entry> entries(const EntryFilter &filter);
    qint64 lastEntry(); // seq, 0: empty

    std::vector<OpenIntent> openIntents();
    std::vector<RunRow> openRuns(); // begun, not ended: going on in some process, or interrupted
    std::optional<RunRow> run(const QString &id);
    std::vector<StepRow> stepsOf(const QString &run);
    std::vector<RunRow> runsOf(Mode mode, const QString &device); // first to last
    std::vector<RunRow> lastRuns(Mode mode, int count);           // last first
    std::vector<UnitRow> units(Mode mode, int count = 0);         // last seen first; 0: all
    std::optional<UnitRow> unit(Mode mode, const QString &serial);
    // Units whose serial number is like this one, for "did you mean".
    QStringList serialsLike(const QString &serial);
    std::vector<CertificateInfo> certificatesOf(Mode mode, const QString &serial);
    std::vector<ArtifactRow> artifactsOf(const QString &run);
    // Runs of that mode that began with entry sinceEntry or later.
    RunCounters counters(Mode mode, qint64 sinceEntry = 0);
    std::optional<Checkpoint> lastCheckpoint();
    std::optional<Checkpoint> head(); // at is empty

    Database &database() { return m_database; } // for reads of this room that nothing above foresees

private:
    std::recursive_mutex m_mutex;
    Database m_database;
};

// A body as it stands in the database; where it is no CBOR map: {"unreadable": bytes}.
QCborMap readBody(const QByteArray &bytes);

} // namespace slipway
