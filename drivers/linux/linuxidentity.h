#pragma once
// Keys, Lock and Eraser of a board, as its data says: commands and files. The private key stays on the device, in a
// file or a TPM as the commands have it. Throws as LinuxFiles, and device.locked, device.refused, device.lacks,
// linux.serial-form, linux.lock-open.

#include "core/device/capabilities.h"
#include "drivers/linux/linuxfiles.h"

namespace slipway {

class LinuxKeys final : public Keys
{
public:
    LinuxKeys(LinuxConsole &console, LinuxFiles &files, const LinuxBoard &board)
        : m_console(console), m_files(files), m_board(board)
    {}
    void generate(const Task &task) override;
    QByteArray request(const QString &serial, const Task &task) override;
    QByteArray sign(const QByteArray &challenge, const Task &task) override;
    void writeChain(const QList<QByteArray> &chain, const Task &task) override;
    QList<QByteArray> readChain(const Task &task) override;
    Element generateInElement(const Task &task) override;
    void derive(const QString &serial, const Task &task) override;
    void load(const SecretBytes &pkcs8, const Task &task) override;

private:
    QByteArray product(const QString &command, QMap<QString, QString> values, const QString &what, const Task &task);

    LinuxConsole &m_console;
    LinuxFiles &m_files;
    const LinuxBoard &m_board;
};

class LinuxLocks final : public Lock
{
public:
    LinuxLocks(LinuxConsole &console, const LinuxBoard &board) : m_console(console), m_board(board) {}
    QStringList locks(const Task &) override { return m_board.locks.keys(); }
    bool isLocked(const QString &name, const Task &task) override;
    void lock(const QString &name, const Task &task) override;

private:
    const LinuxLock &find(const QString &name) const;

    LinuxConsole &m_console;
    const LinuxBoard &m_board;
};

class LinuxEraser final : public Eraser
{
public:
    LinuxEraser(LinuxConsole &console, const LinuxBoard &board) : m_console(console), m_board(board) {}
    QStringList areas(const Task &) override { return m_board.areas.keys(); }
    void erase(const QString &area, const Task &task) override;
    bool isBlank(const QString &area, const Task &task) override;

private:
    const LinuxArea &find(const QString &name) const;

    LinuxConsole &m_console;
    const LinuxBoard &m_board;
};

} // namespace slipway
