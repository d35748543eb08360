#pragma once
// Firmware of a device that speaks plain DFU 1.1: one image for each alternate setting, number and slot being those of
// the setting. Writing is download and manifestation (section 6.1); there is no hash, and what was written is what runs
// next. As blobs, images go by the name of their setting; reading is upload. A file with a DFU suffix must be for this
// device. Throws dfu.*, codec.dfu, firmware.*, device.lacks, link.*, base.*.

#include "core/device/capabilities.h"
#include "drivers/dfu/dfusession.h"

namespace slipway {

class DfuImages final : public Firmware, public Blobs
{
public:
    explicit DfuImages(DfuSession &session) : m_session(session) {}

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

private:
    int alternateOf(const QString &name, const Task &task);
    void manifest(quint16 block, const Task &task);

    DfuSession &m_session;
};

} // namespace slipway
