#pragma once
// An STM32 in its system boot loader: flash, RAM, option bytes and system memory by address, readout and write
// protection, erasing, starting the program. Throws stm32.*, memory.*, device.lacks, and what Stm32Client throws.

#include "core/device/device.h"
#include "drivers/stm32/blockplan.h"
#include "drivers/stm32/products.h"
#include "drivers/stm32/stm32client.h"

#include <functional>
#include <memory>
#include <optional>

namespace slipway {

class Stm32Device final : public Device, private Memory, private Lock, private Eraser, private Reset
{
public:
    // board: empty name: none, its loader was entered by hand.
    Stm32Device(std::unique_ptr<Stm32Client> client, stm32::Loader loader, Stm32Product product, Stm32Board board);

    DeviceFacts facts(const Task &task) override;
    Memory *memory() override { return this; }
    Lock *locker() override { return this; }
    Eraser *eraser() override { return this; }
    Reset *resetter() override { return this; }

    const Stm32Product &product() const { return m_product; }

    // A board's wires to reset and boot mode; false where the port has no modem lines.
    static bool play(ByteLink &link, const QList<Stm32SignalStep> &steps, const Task &task);

private:
    struct FlashSize {
        qint64 bytes = 0;
        bool told = false; // by the chip, else the most that the product has
    };

    QList<MemoryRegion> regions(const Task &task) override;
    void check(const QList<MemorySegment> &segments, const Task &task) override;
    WriteResult write(const QList<MemorySegment> &segments, const WriteOptions &options, const Task &task) override;
    QByteArray read(quint64 at, qint64 size, const Task &task) override;
    void erase(quint64 at, quint64 size, const Task &task) override;
    void eraseAll(const Task &task) override;
    void start(std::optional<quint64> at, const Task &task) override;

    QStringList locks(const Task &task) override;
    bool isLocked(const QString &name, const Task &task) override;
    void lock(const QString &name, const Task &task) override;

    QStringList areas(const Task &task) override;
    void erase(const QString &area, const Task &task) override;
    bool isBlank(const QString &area, const Task &task) override;

    void reset(const Task &task) override;

    const FlashSize &flashSize(const Task &task); // throws memory.protected under readout protection
    QByteArray uniqueId(const Task &task);        // empty: not to be had
    Stm32Client::Outcome readSignature(quint32 at, quint32 size, QByteArray &to, const Task &task);
    QList<MemoryRegion> regionsOf(qint64 flashSize) const;
    QList<Stm32Page> pages(const Task &task);
    bool readoutProtected(const Task &task);
    std::optional<bool> writeProtected(const Task &task); // nothing: the product's data does not say how to tell
    // With the link found again after a frame was lost or damaged, a few times.
    Stm32Client::Outcome trying(const Task &task, const std::function<Stm32Client::Outcome()> &call);
    void readBlock(quint32 at, qsizetype count, QByteArray &to, const Task &task);
    void writeBlock(const Stm32Block &block, bool flash, const Task &task);
    void verify(const QList<MemorySegment> &segments, qint64 doneBefore, const Task &task);
    void erasePages(const QList<Stm32Page> &pages, const Task &task);
    bool massErase(const Task &task);                      // false: this loader cannot
    void restarted(const QString &what, const Task &task); // the loader restarts itself: find it again
    void checkLockName(const QString &name) const;
    double lineLimit(bool verified) const;

    std::unique_ptr<Stm32Client> m_client;
    stm32::Loader m_loader;
    Stm32Product m_product;
    Stm32Board m_board;
    std::optional<FlashSize> m_flashSize;
};

} // namespace slipway
