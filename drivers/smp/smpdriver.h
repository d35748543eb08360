#pragma once
// The driver "smp": opens a port, finds the rate, the framing and the protocol version at which something answers, and
// recognises the board. Throws link.*, smp.no-answer, smp.not-smp, smp.board-unknown, smp.quirks.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/smp/quirks.h"

namespace slipway {

class SmpClient;

class SmpDriver final : public Driver
{
public:
    static constexpr int udpPort = 1337;

    QString name() const override { return QStringLiteral("smp"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    std::unique_ptr<SmpClient> reach(const OpenOptions &options, const BoardQuirks *board, const Task &task) const;
    BoardQuirks recognise(SmpClient &client, const Task &task) const;

    LoadedQuirks<Quirks> m_quirks;
};

} // namespace slipway
