#pragma once
// A chip of the ESP32 family in its ROM loader: its flash memory by address, and what it is. Made by EspDriver.

#include "core/device/device.h"
#include "drivers/esp/espchipstate.h"

#include <optional>

namespace slipway {

class EspDevice final : public Device, public Memory, public Reset
{
public:
    struct Setup {
        EspQuirks quirks;
        std::optional<EspAdapter> adapter;
        std::optional<EspBoard> board;
        int baud = 0; // to go to once it answers; 0: stay
    };
    EspDevice(std::unique_ptr<EspClient> client, Setup setup);

    // Into the loader, all that is to be known, the rate. Called before anything else.
    void begin(const Task &task);

    DeviceFacts facts(const Task &task) override;
    Memory *memory() override { return this; }
    Reset *resetter() override { return this; }

    QList<MemoryRegion> regions(const Task &task) override;
    void check(const QList<MemorySegment> &segments, const Task &task) override;
    WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override;
    QByteArray read(quint64 at, qint64 size, const Task &task) override;
    void erase(quint64 at, quint64 size, const Task &task) override;
    void eraseAll(const Task &task) override;
    void start(std::optional<quint64> at, const Task &task) override;
    void reset(const Task &task) override;

private:
    QList<MemorySegment> checked(const QList<MemorySegment> &segments, const Task &task);
    QList<MemorySegment> wholeSectors(const QList<MemorySegment> &segments, bool blank, const Task &task);
    QByteArray readSome(quint64 at, qint64 size, const Task &task, bool counted);
    quint32 tableAt() const;

    Setup m_setup;
    std::unique_ptr<EspClient> m_client;
    EspChipState m_state;
};

} // namespace slipway
