#include "app/desktop/countersviewmodel.h"

namespace slipway {

void CountersViewModel::update(const Counters &counters)
{
    if (counters.done == m_counters.done && counters.failed == m_counters.failed &&
        counters.lastHour == m_counters.lastHour && counters.firstPassYield == m_counters.firstPassYield)
        return;
    m_counters = counters;
    Q_EMIT changed();
}

// Rounded down: 100 % only when every unit passed at the first try.
QString CountersViewModel::firstPass() const
{
    if (!m_counters.firstPassYield)
        return QStringLiteral("–");
    const double percent = *m_counters.firstPassYield * 100;
    const double shown = percent >= 100 ? 100 : double(int(percent * 10 + 1e-6)) / 10;
    return tr("%1 %").arg(QString::number(shown, 'f', 1));
}

} // namespace slipway
