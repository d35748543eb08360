#pragma once
// Firmware of a Linux board: sent over as a file, then installed by RAUC ("Using RAUC": status, install, mark-active,
// mark-good) or by the commands that the board's data names (SWUpdate or its own). With RAUC the slots are RAUC's of
// the board's class, in the order of their names, and their hash that of the image in them; a slot's number is its
// place there. With commands there is one slot that runs, and after write() a second one with the SHA-256 of the file.
// Throws as LinuxFiles, and linux.install, linux.output-form, device.lacks, device.refused.

#include "core/device/capabilities.h"
#include "drivers/linux/linuxfiles.h"
#include "drivers/linux/raucstatus.h"

namespace slipway {

class LinuxFirmware final : public Firmware
{
public:
    LinuxFirmware(LinuxConsole &console, LinuxFiles &files, const LinuxBoard &board)
        : m_console(console), m_files(files), m_board(board)
    {}
    QList<ImageSlot> imageSlots(const Task &task) override;
    std::optional<qint64> capacity(int image, const Task &task) override;
    WriteResult write(const QByteArray &image, const WriteOptions &options, const Task &task) override;
    void activate(const QByteArray &hash, bool permanent, const Task &task) override;
    void confirm(const Task &task) override;
    void erase(int image, int slot, const Task &task) override;

private:
    RaucStatus status(const Task &task);
    QList<RaucSlot> raucSlots(const RaucStatus &status) const;
    void command(const QString &command, const QString &what, const Task &task);

    LinuxConsole &m_console;
    LinuxFiles &m_files;
    const LinuxBoard &m_board;
    QByteArray m_written; // SHA-256 of the file installed last in this session
};

} // namespace slipway
