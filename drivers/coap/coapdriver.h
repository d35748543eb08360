#pragma once
// The driver "coap": reaches a device at "coap://..." or "coaps://..." and recognises its board. Throws coap.*.

#include "core/device/driver.h"
#include "core/device/quirksfile.h"
#include "drivers/coap/coapquirks.h"

namespace slipway {

class CoapClient;
struct LinkFormat;

class CoapDriver final : public Driver
{
public:
    QString name() const override { return QStringLiteral("coap"); }
    QString summary() const override;
    QSet<Capability> capabilities(const QString &board) const override;
    QStringList boards() const override;
    // Who answers a multicast on this station's interfaces within a moment.
    QList<PortInfo> ports() const override;
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;

private:
    CoapBoardQuirks recognise(CoapClient &client, const LinkFormat &links, const Task &task) const;

    LoadedQuirks<CoapQuirks> m_quirks;
};

} // namespace slipway
