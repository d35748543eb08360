#include "core/station/counters.h"

#include <algorithm>

namespace slipway {

void ShiftCounters::passedBefore(const QList<QDateTime> &times)
{
    m_passes.assign(times.begin(), times.end());
}

void ShiftCounters::add(const QString &serial, Verdict verdict, bool firstRun, const QDateTime &at)
{
    if (verdict == Verdict::Error || verdict == Verdict::Stopped)
        return;
    m_latest.insert(serial, verdict);
    if (verdict == Verdict::Pass)
        m_passes.push_back(at);
    if (firstRun) {
        ++m_firstRuns;
        m_firstPasses += verdict == Verdict::Pass;
    }
}

Counters ShiftCounters::read(const QDateTime &now) const
{
    Counters c;
    for (const Verdict verdict : m_latest)
        ++(verdict == Verdict::Pass ? c.done : c.failed);
    const QDateTime hourAgo = now.addSecs(-3600);
    while (!m_passes.empty() && m_passes.front() < hourAgo)
        m_passes.pop_front();
    c.lastHour = int(m_passes.size());
    if (m_firstRuns > 0)
        c.firstPassYield = double(m_firstPasses) / m_firstRuns;
    return c;
}

} // namespace slipway
