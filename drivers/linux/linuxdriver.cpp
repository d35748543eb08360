#include "drivers/linux/linuxdriver.h"

#include "core/base/fault.h"
#include "drivers/link/ports.h"
#include "drivers/linux/linuxdevice.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

const QString generic = u"generic-linux"_s; // how a board that nobody named is reached

} // namespace

QString LinuxDriver::summary() const
{
    return u"Linux gateways over a serial console: shell, files, RAUC, SWUpdate, keys by openssl or TPM"_s;
}

QSet<Capability> LinuxDriver::capabilities(const QString &board) const
{
    QSet<Capability> out{Capability::Blobs, Capability::Shell, Capability::Reset, Capability::Clock};
    if (board.isEmpty()) // at most
        return out + QSet<Capability>{Capability::Firmware,    Capability::Keys,       Capability::Eraser,
                                      Capability::Lock,        Capability::KeyElement, Capability::KeyDerivation,
                                      Capability::KeyInjection};
    const LinuxBoard &one = m_boards.get().find(board);
    if (one.update != LinuxBoard::Update::None)
        out << Capability::Firmware;
    if (one.hasKeys())
        out << Capability::Keys;
    if (one.hasKeys() && one.element.handle.given())
        out << Capability::KeyElement;
    if (one.hasKeys() && !one.derive.isEmpty())
        out << Capability::KeyDerivation;
    if (one.hasKeys() && !one.injectFile.isEmpty())
        out << Capability::KeyInjection;
    if (!one.areas.isEmpty())
        out << Capability::Eraser;
    if (!one.locks.isEmpty())
        out << Capability::Lock;
    return out;
}

QStringList LinuxDriver::boards() const
{
    return m_boards.orEmpty().names();
}

QList<PortInfo> LinuxDriver::ports() const
{
    QList<PortInfo> out;
    for (const SerialPort &port : serialPorts()) {
        PortInfo info;
        info.port = port.node;
        info.topology = port.topology;
        info.description = port.description;
        info.driver = name();
        info.why = u"A serial port: the console of a Linux board may be behind it."_s;
        out << info;
    }
    return out;
}

std::unique_ptr<Device> LinuxDriver::open(const OpenOptions &options, const Task &task) const
{
    const LinuxBoard &board = m_boards.get().find(options.board.isEmpty() ? generic : options.board);
    LinkOptions link;
    link.port = options.port;
    link.baud = options.baud > 0 ? options.baud : board.baud;
    auto device = std::make_unique<LinuxDevice>(openLink(link, task), board);
    device->attach(options.board.isEmpty() ? m_boards.get().boards() : QList<LinuxBoard>(), task);
    return device;
}

} // namespace slipway
