#pragma once
// A chip behind a debug probe. Facts are asked without halting it.

#include "core/device/device.h"
#include "drivers/probe/probememory.h"

namespace slipway {

class ProbeDevice final : public Device, private Reset
{
public:
    // Reaches it. board: empty name: to be found.
    ProbeDevice(QString port, ProbeBoard board, std::shared_ptr<const ProbeQuirks> quirks, const Task &task);

    DeviceFacts facts(const Task &task) override;
    Memory *memory() override { return &m_memory; }
    Eraser *eraser() override { return &m_memory; }
    Lock *locker() override { return m_session.board().protection ? &m_memory : nullptr; }
    Reset *resetter() override { return this; }

    // Of the child that drives the probe; -1: there is none now. For tests.
    pid_t openOcd(const Task &task) { return m_session.client(task).program().pid(); }

private:
    void reset(const Task &task) override { m_session.run(task); }

    QString m_portText;
    ProbeSession m_session;
    ProbeMemory m_memory;
};

} // namespace slipway
