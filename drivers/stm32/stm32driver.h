#pragma once
// The driver "stm32": opens a serial port with even parity, has the board's wires put the chip into its boot loader
// where there are any, finds the loader and the product. Throws link.*, stm32.no-answer, stm32.not-loader,
// stm32.unknown-product, stm32.wrong-chip, stm32.board-unknown, stm32.quirks.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/stm32/products.h"

namespace slipway {

class Stm32Driver final : public Driver
{
public:
    QString name() const override { return QStringLiteral("stm32"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    LoadedQuirks<Stm32Products> m_products;
};

} // namespace slipway
