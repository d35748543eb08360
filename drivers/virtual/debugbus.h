#pragma once
// What a debug port reaches behind its access port: memory and registers at addresses, in units of 1, 2 or 4 bytes.

#include <QtGlobal>

namespace slipway {

class DebugBus
{
public:
    virtual ~DebugBus() = default;
    // size: 1, 2 or 4; at is a multiple of it. False: the bus answers with a fault, value is not touched.
    virtual bool read(quint32 at, int size, quint32 &value) = 0;
    virtual bool write(quint32 at, int size, quint32 value) = 0;
    // The memory is at work and stalls whoever comes: asked before each access.
    virtual bool stalls(quint32 at) = 0;
};

} // namespace slipway
