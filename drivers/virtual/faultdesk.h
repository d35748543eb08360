#pragma once
// The faults that are set on a virtual device, and the counting that decides when each strikes.

#include "drivers/virtual/virtualsmp.h"

#include <vector>

namespace slipway {

class FaultDesk
{
public:
    void set(const VirtualFault &fault) { m_active.push_back({fault, 0}); }
    void clear() { m_active.clear(); }
    // The first fault of that kind, or null.
    const VirtualFault *find(VirtualFault::Kind kind) const
    {
        for (const Active &active : m_active)
            if (active.fault.kind == kind)
                return &active.fault;
        return nullptr;
    }
    bool has(VirtualFault::Kind kind) const { return find(kind) != nullptr; }
    // Counts one event; the fault when it strikes now: every `every`-th time, once `after` events went by.
    const VirtualFault *strike(VirtualFault::Kind kind)
    {
        for (Active &active : m_active) {
            if (active.fault.kind != kind)
                continue;
            ++active.seen;
            const qint64 past = active.seen - active.fault.after;
            if (past > 0 && past % std::max(1, active.fault.every) == 0)
                return &active.fault;
        }
        return nullptr;
    }
    void remove(VirtualFault::Kind kind)
    {
        std::erase_if(m_active, [kind](const Active &active) { return active.fault.kind == kind; });
    }

private:
    struct Active {
        VirtualFault fault;
        qint64 seen = 0;
    };
    std::vector<Active> m_active;
};

} // namespace slipway
