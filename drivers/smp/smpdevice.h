#pragma once
// A device that speaks SMP, with the capabilities that its board's data allows. Throws as SmpClient and the groups.

#include "core/device/device.h"
#include "drivers/smp/quirks.h"
#include "drivers/smp/smpclient.h"
#include "drivers/smp/smpidentity.h"

#include <memory>
#include <optional>

namespace slipway {

class SmpDevice final : public Device, private Firmware, private Blobs, private Shell, private Reset, private Clock
{
public:
    // board: as recognised; a board without quirks has name and nothing else.
    SmpDevice(std::unique_ptr<SmpClient> client, BoardQuirks board);

    DeviceFacts facts(const Task &task) override;
    Firmware *firmware() override { return this; }
    Blobs *blobs() override { return this; }
    Shell *shell() override { return this; }
    Reset *resetter() override { return this; }
    Clock *clock() override { return this; }
    Keys *keys() override { return m_keys ? &*m_keys : nullptr; }
    Lock *locker() override { return m_lock ? &*m_lock : nullptr; }

    SmpClient &client() { return *m_client; }
    const BoardQuirks &board() const { return m_board; }

private:
    QList<ImageSlot> imageSlots(const Task &task) override;
    std::optional<qint64> capacity(int image, const Task &task) override;
    WriteResult write(const QByteArray &image, const WriteOptions &options, const Task &task) override;
    void activate(const QByteArray &hash, bool permanent, const Task &task) override;
    void confirm(const Task &task) override;
    void erase(int image, int slot, const Task &task) override;

    QByteArray read(Kind kind, const QString &name, const Task &task) override;
    void write(Kind kind, const QString &name, const QByteArray &content, const Task &task) override;
    void remove(Kind kind, const QString &name, const Task &task) override;
    std::optional<QByteArray> sha256(const QString &file, const Task &task) override;
    void commitSettings(const Task &task) override;

    Result run(const QString &command, const Task &task) override;
    void reset(const Task &task) override;
    void setTime(const QDateTime &utc, const Task &task) override;
    QDateTime time(const Task &task) override;

    std::optional<QString> fact(const FactSource &source, const Task &task);
    std::chrono::milliseconds restartTime() const { return std::chrono::seconds(m_board.restartSeconds); }

    std::unique_ptr<SmpClient> m_client;
    BoardQuirks m_board;
    std::optional<SmpKeys> m_keys;
    std::optional<SmpLock> m_lock;
};

} // namespace slipway
