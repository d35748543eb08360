#pragma once
// The driver "linux": a Linux board behind a serial console. Throws link.*, linux.no-answer, linux.no-login,
// linux.board-unknown, linux.quirks.

#include "core/device/driver.h"
#include "drivers/linux/linuxboards.h"

#include <exception>

namespace slipway {

class LinuxDriver final : public Driver
{
public:
    LinuxDriver();

    QString name() const override { return QStringLiteral("linux"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    const LinuxBoards &known() const;

    LinuxBoards m_boards;
    std::exception_ptr m_trouble; // of a station's own file of quirks; told when something needs it
};

} // namespace slipway
