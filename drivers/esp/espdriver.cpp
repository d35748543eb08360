#include "drivers/esp/espdriver.h"

#include "core/base/fault.h"
#include "drivers/esp/espdevice.h"
#include "drivers/esp/espentry.h"
#include "drivers/link/ports.h"
#include "drivers/link/seriallink.h"

namespace slipway {

using namespace Qt::StringLiterals;

QString EspDriver::summary() const
{
    return u"ROM loader of ESP32, ESP32-S2, -S3, -C3, -C6 and -H2 over a serial port or the chip's own USB"_s;
}

QSet<Capability> EspDriver::capabilities(const QString &board) const
{
    if (!board.isEmpty())
        m_quirks.get().find(board); // esp.board-unknown
    return {Capability::Memory, Capability::Reset};
}

QStringList EspDriver::boards() const
{
    return m_quirks.orEmpty().names();
}

QList<PortInfo> EspDriver::ports() const
{
    QList<PortInfo> out;
    for (const SerialPort &port : serialPorts()) {
        const EspAdapter *adapter = m_quirks.orEmpty().adapter(port.vendorId, port.productId);
        if (!adapter)
            continue;
        // Adapters are on boards of every kind; the chip's own USB says who it is.
        out << PortInfo{port.node, port.topology, port.description,
                        name(),    adapter->why,  port.vendorId == QLatin1String("303a")};
    }
    return out;
}

std::unique_ptr<Device> EspDriver::open(const OpenOptions &options, const Task &task) const
{
    EspDevice::Setup setup;
    setup.quirks = m_quirks.get();
    if (!options.board.isEmpty())
        setup.board = m_quirks.get().find(options.board);
    LinkOptions link;
    link.port = options.port;
    auto opened = openLink(link, task);
    const auto *serial = dynamic_cast<const SerialLink *>(opened.get());
    if (!serial)
        throw Fault("link.not-a-port", {options.port});
    const bool pseudo = serial->isPseudoTerminal();
    if (const auto port = pseudo ? std::nullopt : serialPort(options.port)) {
        if (const EspAdapter *adapter = m_quirks.get().adapter(port->vendorId, port->productId))
            setup.adapter = *adapter;
    }
    setup.baud = options.baud > 0 ? options.baud : setup.board && setup.board->baud > 0 ? setup.board->baud : 0;
    // Where the rate is somebody else's it stays: a pseudo-terminal has none, a chip's own USB knows none.
    if (setup.baud == 0 && !pseudo && !(setup.adapter && setup.adapter->native))
        setup.baud = m_quirks.get().baud();
    auto device = std::make_unique<EspDevice>(std::make_unique<EspClient>(std::move(opened)), std::move(setup));
    device->begin(task);
    return device;
}

} // namespace slipway
