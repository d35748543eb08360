#pragma once
// A device in its UF2 boot loader: memory that is written by blocks on a drive, and read where there is a CURRENT.UF2.

#include "core/device/device.h"
#include "drivers/uf2/quirks.h"
#include "drivers/uf2/uf2drive.h"

namespace slipway {

class Uf2Device final : public Device, private Memory
{
public:
    // Reaches it. named: the board that a person said it is, or null.
    Uf2Device(QString port, Uf2Drive drive, const Uf2Boards &boards, const Uf2Quirks *named, const Task &task);

    DeviceFacts facts(const Task &task) override;
    Memory *memory() override { return this; }

private:
    QList<MemoryRegion> regions(const Task &task) override;
    QList<quint32> families(const Task &task) override;
    void check(const QList<MemorySegment> &segments, const Task &task) override;
    WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override;
    QByteArray read(quint64 at, qint64 size, const Task &task) override;
    void erase(quint64 at, quint64 size, const Task &task) override;
    void eraseAll(const Task &task) override;
    void start(std::optional<quint64> at, const Task &task) override;

    QList<MemorySegment> contents(const Uf2Drive::Found &found, const Task &task) const;
    void takeNext(Uf2Drive::Next next, const UsbDevice &now, bool verify, const QList<MemorySegment> &segments,
                  WriteResult &result, const Task &task);

    QString m_port;
    Uf2Drive m_drive;
    Uf2Quirks m_quirks;
    bool m_left = false; // it runs its application
};

} // namespace slipway
