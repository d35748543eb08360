#pragma once
// The figures of a shift: units done and failed since the station opened, done in the last hour, first-pass yield.
// ERROR and STOPPED never count. A unit counts once, by its latest verdict; its first pass is the first run that counts
// in the whole journal. Fed with ends that are in the journal. Not thread-safe by itself: the station holds its lock.

#include "core/base/verdict.h"
#include "core/station/station.h"

#include <QDateTime>
#include <QMap>

#include <deque>

namespace slipway {

class ShiftCounters
{
public:
    // Units that passed within the hour before the station opened.
    void passedBefore(const QList<QDateTime> &times);
    // firstRun: the unit has no earlier run that counts.
    void add(const QString &serial, Verdict verdict, bool firstRun, const QDateTime &at);
    Counters read(const QDateTime &now) const;

private:
    QMap<QString, Verdict> m_latest;
    int m_firstRuns = 0;
    int m_firstPasses = 0;
    mutable std::deque<QDateTime> m_passes;
};

} // namespace slipway
