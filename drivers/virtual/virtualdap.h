#pragma once
// A CMSIS-DAP version 2 debug probe on USB with an STM32F103 on its SWD lines: descriptors as Arm's CMSIS-DAP document
// wants them (one vendor-specific interface whose text holds "CMSIS-DAP", bulk out, bulk in), commands by CmsisDap. It
// has no bus of its own (tests/support/usbbed.h). Thread-safe.

#include "drivers/virtual/virtualprobe.h"
#include "drivers/virtual/virtualusb.h"

#include <QString>

#include <memory>

namespace slipway {

class VirtualDap final : public VirtualUsb
{
public:
    struct Options {
        VirtualProbeOptions chip; // its port is not used
        quint16 vendorId = 0x1209, productId = 0x0da9, release = 0x0100;
        QString maker = QStringLiteral("Slipway"), product = QStringLiteral("Virtual CMSIS-DAP"),
                serial = QStringLiteral("DAP0001");
    };

    explicit VirtualDap(Options options);
    ~VirtualDap() override;

    QByteArray deviceDescriptor() const override;
    QByteArray configuration() const override;
    Reply control(const Setup &setup, QByteArrayView out) override;
    Reply bulk(quint8 endpoint, QByteArrayView out) override;
    Wish wish() const override;
    void powerCycle() override;

    void cutAfter(qint64 commands); // the cable is pulled after so many further commands
    void setWaitEvery(int every);   // every n-th access to memory is put off

    struct Facts {
        VirtualProbe::Facts chip; // connections and bytes are those of its own link
        qint64 commands = 0, invalid = 0;
        qint64 swdTransactions = 0, swdProtocolErrors = 0, lineResets = 0;
    };
    Facts facts() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
