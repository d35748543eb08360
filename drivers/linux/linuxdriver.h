#pragma once
// The driver "linux": a Linux board behind a serial console. Throws link.*, linux.no-answer, linux.no-login,
// linux.board-unknown, linux.quirks.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/linux/linuxboards.h"

namespace slipway {

class LinuxDriver final : public Driver
{
public:
    QString name() const override { return QStringLiteral("linux"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    LoadedQuirks<LinuxBoards> m_boards;
};

} // namespace slipway
