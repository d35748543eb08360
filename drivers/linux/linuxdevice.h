#pragma once
// A Linux board behind its console, with the capabilities that its data allows. Throws as LinuxConsole, LinuxFiles and
// the capabilities' own, and linux.no-restart, linux.clock.

#include "core/device/device.h"
#include "drivers/linux/linuxfirmware.h"
#include "drivers/linux/linuxidentity.h"
#include "drivers/linux/linuxsettings.h"

namespace slipway {

class LinuxDevice final : public Device, private Shell, private Reset, private Clock
{
public:
    LinuxDevice(std::unique_ptr<ByteLink> link, const LinuxBoard &board);

    // Logs in, and takes the data of the board that it turns out to be.
    void attach(const QList<LinuxBoard> &known, const Task &task);

    DeviceFacts facts(const Task &task) override;
    Firmware *firmware() override { return m_board.update == LinuxBoard::Update::None ? nullptr : &m_firmware; }
    Blobs *blobs() override { return &m_settings; }
    Shell *shell() override { return this; }
    Keys *keys() override { return m_board.hasKeys() ? &m_keys : nullptr; }
    Eraser *eraser() override { return m_board.areas.isEmpty() ? nullptr : &m_eraser; }
    Reset *resetter() override { return this; }
    Clock *clock() override { return this; }
    Lock *locker() override { return m_board.locks.isEmpty() ? nullptr : &m_locks; }

    LinuxConsole &console() { return m_console; }
    LinuxFiles &files() { return m_files; }
    const LinuxBoard &board() const { return m_board; }

private:
    Result run(const QString &command, const Task &task) override;
    void reset(const Task &task) override;
    void setTime(const QDateTime &utc, const Task &task) override;
    QDateTime time(const Task &task) override;
    std::optional<QString> fact(const LinuxFact &fact, const Task &task);
    QString proof(const Task &task);

    LinuxBoard m_board; // referred to by what follows
    LinuxConsole m_console;
    LinuxFiles m_files;
    LinuxFirmware m_firmware;
    LinuxSettings m_settings;
    LinuxKeys m_keys;
    LinuxLocks m_locks;
    LinuxEraser m_eraser;
};

} // namespace slipway
