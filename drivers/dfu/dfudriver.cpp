#include "drivers/dfu/dfudriver.h"

#include "core/base/fault.h"
#include "drivers/dfu/dfudevice.h"

namespace slipway {

using namespace Qt::StringLiterals;

QString DfuDriver::summary() const
{
    return u"USB DFU 1.1 and ST's DfuSe: boot loaders in ROM and flash"_s;
}

QSet<Capability> DfuDriver::capabilities(const QString &board) const
{
    const QSet<Capability> dfuse{Capability::Memory, Capability::Eraser, Capability::Lock};
    const QSet<Capability> plain{Capability::Firmware, Capability::Blobs, Capability::Reset};
    if (board.isEmpty()) // at most
        return dfuse + plain;
    return m_boards.get().find(board).dfuse ? dfuse : plain;
}

QStringList DfuDriver::boards() const
{
    return m_boards.orEmpty().names();
}

QList<PortInfo> DfuDriver::ports() const
{
    QList<PortInfo> out;
    for (const UsbDevice &device : usbDevices(DfuInterface::isIn)) {
        PortInfo info;
        info.port = u"usb:"_s + device.path;
        info.topology = u"usb-"_s + device.path;
        info.description = device.description();
        info.driver = name();
        info.likely = true;
        info.why = DfuInterface::isInDfuMode(device) ? u"A boot loader with DFU."_s
                                                     : u"An application that can start its boot loader with DFU."_s;
        if (!device.permitted)
            info.why += u" You may not use it: install Slipway's udev rules."_s;
        out << info;
    }
    return out;
}

std::unique_ptr<Device> DfuDriver::open(const OpenOptions &options, const Task &task) const
{
    const UsbAddress address = UsbAddress::parse(options.port);
    const DfuQuirks *named = options.board.isEmpty() ? nullptr : &m_boards.get().find(options.board);
    const UsbDevice device = address.path.isEmpty() ? address.pick(usbDevices(DfuInterface::isIn))
                                                    : address.pick(usbDevices([&address](const UsbDevice &candidate) {
                                                          return candidate.path == address.path;
                                                      }));
    return std::make_unique<DfuDevice>(options.port, device.path, named ? *named : m_boards.get().forDevice(device),
                                       task);
}

} // namespace slipway
