#pragma once
// A device in DFU mode: memory where it speaks DfuSe, images otherwise.

#include "core/device/device.h"
#include "drivers/dfu/dfuimages.h"
#include "drivers/dfu/dfusememory.h"

namespace slipway {

class DfuDevice final : public Device, private Reset
{
public:
    // Reaches it. board: what the facts say, empty: unknown.
    DfuDevice(QString port, QString path, DfuQuirks quirks, const Task &task);

    DeviceFacts facts(const Task &task) override;
    Firmware *firmware() override { return m_dfuse ? nullptr : &m_images; }
    Blobs *blobs() override { return m_dfuse ? nullptr : &m_images; }
    Memory *memory() override { return m_dfuse ? &m_memory : nullptr; }
    Eraser *eraser() override { return m_dfuse ? &m_memory : nullptr; }
    Lock *locker() override { return m_dfuse ? &m_memory : nullptr; }
    Reset *resetter() override { return m_dfuse ? nullptr : this; }

private:
    void reset(const Task &task) override;

    QString m_port;
    DfuSession m_session;
    DfuseMemory m_memory;
    DfuImages m_images;
    bool m_dfuse = false;
};

} // namespace slipway
