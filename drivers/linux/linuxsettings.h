#pragma once
// Blobs of a Linux board. Files as they are; a name that ends with / is a folder, as a tar archive of what is in it,
// which is unpacked over what is there. Settings: KEY=VALUE lines of a file, of which only the one line changes, or
// commands, as the board's data says. Throws as LinuxFiles, and linux.no-setting, linux.setting-form, device.lacks,
// device.refused.

#include "core/device/capabilities.h"
#include "drivers/linux/linuxfiles.h"

namespace slipway {

// The lines of a KEY=VALUE file: comments, order and other lines stay.
class SettingLines
{
public:
    explicit SettingLines(QByteArray text) : m_text(std::move(text)) {}
    // The last one of that name counts, as for a shell that reads the file; one pair of quotes around it is taken off.
    std::optional<QByteArray> value(QByteArrayView name) const;
    void set(QByteArrayView name, QByteArrayView value);
    bool remove(QByteArrayView name);
    const QByteArray &text() const { return m_text; }

private:
    struct Place {
        qsizetype at, size; // with the line end
        QByteArray value;
    };
    QList<Place> places(QByteArrayView name) const;
    QByteArray m_text;
};

class LinuxSettings final : public Blobs
{
public:
    LinuxSettings(LinuxConsole &console, LinuxFiles &files, const LinuxBoard &board)
        : m_console(console), m_files(files), m_board(board)
    {}
    QByteArray read(Kind kind, const QString &name, const Task &task) override;
    void write(Kind kind, const QString &name, const QByteArray &content, const Task &task) override;
    void remove(Kind kind, const QString &name, const Task &task) override;
    std::optional<QByteArray> sha256(const QString &file, const Task &task) override;
    void commitSettings(const Task &task) override;

private:
    QByteArray readFolder(const QString &name, const Task &task);
    void writeFolder(const QString &name, const QByteArray &archive, const Task &task);
    SettingLines lines(const Task &task);
    void checkName(const QString &name) const;

    LinuxConsole &m_console;
    LinuxFiles &m_files;
    const LinuxBoard &m_board;
};

} // namespace slipway
