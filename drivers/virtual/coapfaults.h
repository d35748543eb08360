#pragma once
// The troubles that are set on a virtual CoAP device, and the counting that decides when each strikes.

#include "drivers/virtual/virtualcoap.h"

#include <algorithm>
#include <vector>

namespace slipway {

class CoapFaultDesk
{
public:
    using Kind = VirtualCoapFault::Kind;
    void set(const VirtualCoapFault &fault) { m_active.push_back({fault, 0}); }
    void clear() { m_active.clear(); }
    bool has(Kind kind) const
    {
        return std::any_of(m_active.begin(), m_active.end(), [&](const Active &a) { return a.fault.kind == kind; });
    }
    // Counts one event; the fault when it strikes now.
    const VirtualCoapFault *strike(Kind kind)
    {
        for (Active &active : m_active) {
            if (active.fault.kind != kind)
                continue;
            const qint64 past = ++active.seen - active.fault.after;
            if (past > 0 && past % std::max(1, active.fault.every) == 0)
                return &active.fault;
        }
        return nullptr;
    }
    // One that goes by bytes: strikes once these are reached, and is over.
    bool reached(Kind kind, qint64 bytes)
    {
        return std::erase_if(m_active, [&](const Active &active) {
                   return active.fault.kind == kind && bytes >= active.fault.after;
               }) > 0;
    }

private:
    struct Active {
        VirtualCoapFault fault;
        qint64 seen = 0;
    };
    std::vector<Active> m_active;
};

} // namespace slipway
