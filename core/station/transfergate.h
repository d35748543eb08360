#pragma once
// How many places may move much data at once behind one USB host controller or hub. Those that have to wait go in the
// order in which they came, and past one another only where nothing is shared. A pass is given back with its object,
// whatever ends the step, and a run holds one at a time and takes all of it at once: nobody can wait in a circle.
// Thread-safe. Throws base.stopped.

#include "core/device/usbplace.h"

#include <QMap>
#include <QString>
#include <QStringList>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace slipway {

struct TransferLimits {
    int perController = 0; // 0: no limit
    int perHub = 0;
};

class TransferGate
{
public:
    class Pass
    {
    public:
        Pass() = default;
        Pass(Pass &&other) noexcept : m_gate(std::exchange(other.m_gate, nullptr)), m_keys(std::move(other.m_keys)) {}
        Pass &operator=(Pass &&other) noexcept
        {
            std::swap(m_gate, other.m_gate);
            std::swap(m_keys, other.m_keys);
            return *this;
        }
        ~Pass()
        {
            if (m_gate)
                m_gate->leave(m_keys);
        }
        bool holdsAny() const { return m_gate != nullptr; }

    private:
        friend class TransferGate;
        TransferGate *m_gate = nullptr;
        QStringList m_keys;
    };

    void setLimits(const TransferLimits &limits);
    // Waits until there is room; waiting: called once, if it has to wait, with the sentence for people.
    Pass enter(const std::optional<UsbPlace> &place, const std::stop_token &stop,
               const std::function<void(const QString &sentence)> &waiting);
    int inside() const;
    int queued() const;

private:
    QStringList keysOf(const UsbPlace &place) const;
    bool mayGo(std::list<QStringList>::const_iterator who) const;
    void leave(const QStringList &keys);

    mutable std::mutex m_mutex;
    std::condition_variable_any m_changed;
    TransferLimits m_limits;
    QMap<QString, int> m_inside; // by key
    std::list<QStringList> m_queue;
    int m_passes = 0;
};

} // namespace slipway
