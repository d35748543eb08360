#pragma once
// Follows the runs of a station for the command line: events as JSON, a line of progress on a terminal, failed steps
// and verdicts in words, a table at the end, and the exit status that all of it comes to.

#include "app/cli/clicontext.h"
#include "core/station/station.h"

#include <QMap>
#include <QSet>

#include <condition_variable>
#include <memory>
#include <mutex>

namespace slipway {

struct RunTally {
    int passed = 0, failed = 0, errors = 0, stopped = 0, unknown = 0;

    void add(Verdict verdict);
    QString line() const; // "4 passed, 0 failed", ", N errors" and so on where there are any
    int exitStatus() const;
    QJsonObject toJson() const;
};

class RunReport
{
public:
    // steps: a line for every step that ended, not just for those that went wrong.
    RunReport(CliContext &context, Station &station, bool steps);
    RunReport(const RunReport &) = delete;
    RunReport &operator=(const RunReport &) = delete;

    // Until something in the station changes, or a stop is wanted (false).
    bool waitForChange(const std::stop_token &stop);
    void ring(); // as if something had changed
    // Prints what is new since the last call.
    void update();
    // A place that has a unit at work, waiting or asking.
    bool anyBusy() const;
    // Table, closing line; the exit status.
    int finish();
    const RunTally &tally() const { return m_tally; }

private:
    struct Bell;
    struct Seen {
        QString runId;
        QSet<int> steps;
        bool verdict = false;
        int waiting = -1; // the step for which it was told
    };
    struct Row {
        int place = 0;
        QString unit, verdict, sentence;
        double seconds = 0;
    };

    void showSteps(const SlotView &view, Seen &seen);
    void showVerdict(const SlotView &view);
    QString progressText(const QList<SlotView> &views) const;

    CliContext &m_context;
    Station &m_station;
    const bool m_steps;
    std::shared_ptr<Bell> m_bell;
    QMap<int, Seen> m_seen;
    QList<Row> m_rows;
    RunTally m_tally;
};

} // namespace slipway
