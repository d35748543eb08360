#pragma once
// One physical place for one device: its thread, what a screen shows of it, and the question it may be asking. Runs one
// unit at a time. Thread-safe.

#include "core/station/runner.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace slipway {

class Place : private RunBoard
{
public:
    struct Hooks { // called without any lock of the place held
        std::function<void(int slot)> changed;
        std::function<void(int slot, const QString &runId, int step, const QString &line)> logged;
        std::function<void(int slot, const RunEnd &)> finished; // durable, not yet shown
    };

    Place(int number, QString name, QString port, QString driver, const Worksite &site, Hooks hooks);
    Place(const Place &) = delete;
    Place &operator=(const Place &) = delete;
    ~Place() override; // stops its run and waits for it

    int number() const { return m_number; }
    QString name() const { return m_name; }
    QString port() const { return m_port; }
    QString driver() const { return m_driver; }

    SlotView view() const;
    QStringList logLines() const;
    bool isBusy() const; // working, asking, or waiting for the barrier

    void start(RunOrder order);
    void hold(RunOrder order); // until release()
    bool release();
    void stop();
    void clear();
    // Throws station.no-question, station.answer-form.
    void answer(const PromptAnswer &answer);
    void waitIdle();
    // Keeps the place for a question to its device outside any run; no unit can start there meanwhile. The token is
    // that of stop(). Throws station.working.
    std::stop_token occupy(const QString &sentence);
    void vacate(); // as it was before

private:
    void update(const std::function<void(SlotView &)> &change) override;
    PromptAnswer ask(const PromptRequest &request, const Task &task) override;
    void log(const QString &runId, int step, const QString &line) override;
    void work(const std::stop_token &ending);
    void begin(RunOrder order);
    bool busyLocked() const { return m_busy || m_held; }

    const int m_number;
    const QString m_name, m_port, m_driver;
    const Worksite &m_site;
    const Hooks m_hooks;

    mutable std::mutex m_mutex;
    std::condition_variable_any m_wake;
    SlotView m_view;
    std::optional<RunOrder> m_next;           // for the thread
    std::optional<RunOrder> m_held;           // at the barrier
    bool m_busy = false;                      // a unit is at work: from its start until its verdict can be seen
    bool m_running = false;                   // the thread is inside a run, or on its way out of it
    std::shared_ptr<std::stop_source> m_stop; // of the current run
    std::optional<PromptAnswer> m_answer;
    SlotView m_before; // while the place is kept
    std::deque<QString> m_log;
    std::jthread m_thread; // last: it uses all the others
};

} // namespace slipway
