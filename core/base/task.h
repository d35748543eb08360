#pragma once
// What every blocking call gets: how long it may take, whether somebody wants it stopped, where to tell progress and
// where to log. Cheap to copy; a narrower one is made with within() or at().

#include "core/base/deadline.h"

#include <QString>

#include <functional>
#include <stop_token>

namespace slipway {

class Progress;

// A line for the run's log. Called from the slot's thread.
using LogSink = std::function<void(const QString &line)>;

struct Task {
    Deadline deadline = Deadline::never();
    std::stop_token stop;
    Progress *progress = nullptr; // may be null
    LogSink log;                  // may be empty

    // Throws base.stopped or base.timeout ("%1 did not finish in time.").
    void check(const QString &what) const;
    void say(const QString &line) const
    {
        if (log)
            log(line);
    }
    Task within(std::chrono::milliseconds span) const
    {
        Task t = *this;
        t.deadline = deadline.sooner(span);
        return t;
    }
    Task at(Progress *node) const
    {
        Task t = *this;
        t.progress = node;
        return t;
    }
};

} // namespace slipway
