#include "core/station/transfergate.h"

#include "core/base/fault.h"

#include <algorithm>

namespace slipway {

namespace {
constexpr QChar hubMark = u'#';
}

void TransferGate::setLimits(const TransferLimits &limits)
{
    {
        const std::lock_guard lock(m_mutex);
        m_limits = limits;
    }
    m_changed.notify_all();
}

// "0000:00:14.0", and of a hub "0000:00:14.0#2": what is limited, and nothing else.
QStringList TransferGate::keysOf(const UsbPlace &place) const
{
    QStringList keys;
    if (m_limits.perController > 0)
        keys << place.controller;
    if (m_limits.perHub > 0 && !place.hub.isEmpty())
        keys << place.controller + hubMark + place.hub;
    return keys;
}

bool TransferGate::mayGo(std::list<QStringList>::const_iterator who) const
{
    return std::all_of(who->begin(), who->end(), [&](const QString &key) {
        const int limit = key.contains(hubMark) ? m_limits.perHub : m_limits.perController;
        if (limit > 0 && m_inside.value(key) >= limit)
            return false;
        return std::none_of(m_queue.begin(), who, [&key](const QStringList &earlier) { return earlier.contains(key); });
    });
}

TransferGate::Pass TransferGate::enter(const std::optional<UsbPlace> &place, const std::stop_token &stop,
                                       const std::function<void(const QString &)> &waiting)
{
    Pass pass;
    std::unique_lock lock(m_mutex);
    const QStringList keys = place ? keysOf(*place) : QStringList();
    if (keys.isEmpty())
        return pass;
    const auto mine = m_queue.insert(m_queue.end(), keys);
    if (!mayGo(mine) && waiting) {
        const bool hub = m_inside.value(keys.first()) < m_limits.perController || m_limits.perController == 0;
        const QString sentence =
            hub && !place->hub.isEmpty()
                ? QStringLiteral("Waiting: as many units as may be at work behind hub %1 of USB controller %2 are.")
                      .arg(place->hub, place->controller)
                : QStringLiteral("Waiting: as many units as may be at work behind USB controller %1 are.")
                      .arg(place->controller);
        lock.unlock();
        waiting(sentence);
        lock.lock();
    }
    const bool go = m_changed.wait(lock, stop, [&] { return mayGo(mine); });
    m_queue.erase(mine);
    if (go && !stop.stop_requested()) {
        for (const QString &key : keys)
            ++m_inside[key];
        ++m_passes;
        pass.m_gate = this;
        pass.m_keys = keys;
    }
    lock.unlock();
    m_changed.notify_all(); // whoever stood behind
    if (!pass.m_gate)
        throw Fault("base.stopped");
    return pass;
}

void TransferGate::leave(const QStringList &keys)
{
    {
        const std::lock_guard lock(m_mutex);
        for (const QString &key : keys) {
            if (--m_inside[key] <= 0)
                m_inside.remove(key);
        }
        --m_passes;
    }
    m_changed.notify_all();
}

int TransferGate::inside() const
{
    const std::lock_guard lock(m_mutex);
    return m_passes;
}

int TransferGate::queued() const
{
    const std::lock_guard lock(m_mutex);
    return int(m_queue.size());
}

} // namespace slipway
