#pragma once
// Takes one unit through one recipe in the thread that calls it: loads and verifies everything before the device is
// touched, runs the steps with their retries and time limits, then what stands under on-fail and always, and ends with
// a verdict that is durable before anybody sees it. Every fault of a step is caught here and nowhere else:
//   the unit's fault FAIL; the station's or the recipe's ERROR; a person STOPPED;
//   an irreversible act begun whose outcome cannot be found out UNKNOWN.
// A stop ends the steps, and every question from then on, also those under on-fail and always: nobody answers any more.
// Throws nothing.

#include "core/base/fault.h"
#include "core/station/runcontext.h"

#include <chrono>
#include <optional>
#include <stop_token>

namespace slipway {

struct RunEnd {
    Verdict verdict = Verdict::Error;
    QString serial;
    std::optional<Fault> fault;
    bool recorded = false; // the end is in the journal
    bool firstRun = true;  // no run of this unit with this recipe has counted before
};

class Runner
{
public:
    Runner(const Worksite &site, RunBoard &board, RunOrder order);
    ~Runner();

    // finished is called when the end is durable and before it is shown.
    RunEnd run(const std::stop_token &stop, const std::function<void(const RunEnd &)> &finished);

private:
    struct Line { // one step of the recipe on its way
        const RecipeStep *step = nullptr;
        const StepKind *kind = nullptr;
        std::unique_ptr<Step> work;
        Progress *progress = nullptr;
        enum class Section { Main, OnFail, Always } section = Section::Main;
        bool irreversible = false;
    };

    void begin();
    void takeVariables(const Task &task);
    void prepare();
    void connect(const Task &task);
    void reconcileEarlier(const Task &task);
    std::optional<Fault> runMain(const std::stop_token &stop);
    std::optional<Fault> runSection(Line::Section section, const std::stop_token &stop);
    std::optional<Fault> runStep(int index, const std::stop_token &stop);
    TransferGate::Pass takePlace(const Line &line, const std::stop_token &stop);
    void endStep(int index, const std::optional<Fault> &fault, double seconds);
    std::optional<Fault> settleIntents(std::optional<Fault> fault);
    RunEnd end(std::optional<Fault> fault);
    void show(const RunEnd &end);
    Task task(const std::stop_token &stop);

    const Worksite &m_site;
    RunBoard &m_board;
    const RunOrder m_order;
    const QString m_runId;
    RunContext m_context;
    Progress m_progress;
    std::vector<Line> m_lines;
    std::chrono::steady_clock::time_point m_begun;
    int m_at = -1; // the step that is or was last at work
    bool m_mainFailed = false;
    bool m_unknown = false;
};

// FAIL, ERROR, STOPPED for a fault within a run.
Verdict verdictOf(const Fault &fault);
// Runs work; whatever it throws comes back as a Fault.
std::optional<Fault> caught(const std::function<void()> &work);

} // namespace slipway
