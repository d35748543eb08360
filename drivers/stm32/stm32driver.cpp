#include "drivers/stm32/stm32driver.h"

#include "core/base/fault.h"
#include "drivers/link/ports.h"
#include "drivers/stm32/stm32device.h"

namespace slipway {

using namespace Qt::StringLiterals;

QString Stm32Driver::summary() const
{
    return u"STM32 system boot loader over a serial port (AN3155)"_s;
}

QSet<Capability> Stm32Driver::capabilities(const QString &) const
{
    return {Capability::Memory, Capability::Lock, Capability::Eraser, Capability::Reset};
}

QStringList Stm32Driver::boards() const
{
    return m_products.orEmpty().boardNames();
}

QList<PortInfo> Stm32Driver::ports() const
{
    QList<PortInfo> out;
    for (const SerialPort &port : serialPorts()) {
        PortInfo info;
        info.port = port.node;
        info.topology = port.topology;
        info.description = port.description;
        info.driver = name();
        info.why = port.usbPath.isEmpty() ? u"A serial port: an STM32 boot loader may be behind it."_s
                                          : u"A USB serial port: an STM32 boot loader may be behind it."_s;
        out << info;
    }
    return out;
}

std::unique_ptr<Device> Stm32Driver::open(const OpenOptions &options, const Task &task) const
{
    // A board or a file that is wrong is told before the device is touched.
    const Stm32Board board = options.board.isEmpty() ? Stm32Board() : m_products.get().board(options.board);
    m_products.get();
    LinkOptions wanted;
    wanted.port = options.port;
    wanted.baud = options.baud > 0 ? options.baud : board.baud;
    wanted.evenParity = true;
    auto link = openLink(wanted, task);
    if (link->info().datagrams)
        throw Fault("link.not-a-port", {options.port});
    if (!Stm32Device::play(*link, board.enter, task))
        task.say(
            u"%1 has no lines to reset the board with; it must be in its boot loader already."_s.arg(options.port));

    auto client = std::make_unique<Stm32Client>(std::move(link));
    stm32::Loader loader;
    quint16 id = 0;
    for (int attempt = 1;; ++attempt) {
        client->synchronise(task);
        try {
            loader = client->get(task);
            id = client->id(task);
            break;
        } catch (const Fault &fault) {
            // A byte lost on the way is worth a second look; a program that prints has no such answers ever.
            const bool unlike = fault.is("stm32.bad-reply") || fault.is("stm32.refused") || fault.is("stm32.silent");
            if (!unlike)
                throw;
            if (attempt == 2)
                throw Fault("stm32.not-loader", {options.port, u"its answers make no sense"_s},
                            QString::fromUtf8(fault.what()));
        }
    }
    const Stm32Product &product = m_products.get().find(id);
    if (!board.products.isEmpty() && !board.products.contains(id))
        throw Fault("stm32.wrong-chip", {product.name, board.name});
    return std::make_unique<Stm32Device>(std::move(client), std::move(loader), product, board);
}

} // namespace slipway
