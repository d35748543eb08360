#pragma once
// The chip's memory through OpenOCD: banks of flash, RAM where the board's data has it, readout protection. The core is
// halted for what changes flash; reading and looking leave it running. Throws memory.*, probe.*, link.*, lock.*,
// base.*.

#include "core/device/capabilities.h"
#include "drivers/probe/probesession.h"

namespace slipway {

class ProbeMemory final : public Memory, public Eraser, public Lock
{
public:
    explicit ProbeMemory(ProbeSession &session) : m_session(session) {}

    QList<MemoryRegion> regions(const Task &task) override;
    void check(const QList<MemorySegment> &segments, const Task &task) override;
    WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override;
    QByteArray read(quint64 at, qint64 size, const Task &task) override;
    void erase(quint64 at, quint64 size, const Task &task) override;
    void eraseAll(const Task &task) override;
    void start(std::optional<quint64> at, const Task &task) override;

    QStringList areas(const Task &task) override;
    void erase(const QString &area, const Task &task) override;
    bool isBlank(const QString &area, const Task &task) override;

    QStringList locks(const Task &task) override;
    bool isLocked(const QString &name, const Task &task) override;
    void lock(const QString &name, const Task &task) override;

    // 0: open, 1: erasing everything opens it, 2: for good; nothing: the board's data does not say how to tell.
    std::optional<int> protectionLevel(const Task &task);
    qint64 flashSize(const Task &task);

private:
    struct Bank {
        int number = 0;
        QString name;
        quint64 at = 0, size = 0;
        QList<openocd::Sector> sectors;
        bool writable = true;
        quint64 end() const { return at + size; }
    };

    const QList<Bank> &banks(const Task &task);
    const Bank *bankAt(quint64 at, const Task &task);
    bool inRam(quint64 at) const;
    void open(bool eraseAllowed, const Task &task); // sees to it that the chip can be written
    void unlock(const Task &task);
    void takeEffect(bool load, const Task &task);
    void eraseSectors(const Bank &bank, qsizetype first, qsizetype last, const Task &task);
    void eraseRange(quint64 at, quint64 size, const Task &task);
    void writeFlash(const QList<MemorySegment> &segments, const Task &task);
    void writeRam(const MemorySegment &segment, const Task &task);
    QByteArray readPiece(quint64 at, qsizetype size, const Task &task);
    QString verify(const QList<MemorySegment> &segments, qint64 doneBefore, const Task &task);
    void checkLockName(const QString &name) const;

    ProbeSession &m_session;
    QList<Bank> m_banks;
};

} // namespace slipway
