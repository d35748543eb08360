#include "drivers/probe/probedriver.h"

#include "core/base/fault.h"
#include "drivers/probe/probedevice.h"

namespace slipway {

using namespace Qt::StringLiterals;

ProbeDriver::ProbeDriver() : m_quirks(std::make_shared<ProbeQuirks>())
{
    try {
        m_quirks = std::make_shared<ProbeQuirks>(ProbeQuirks::load());
    } catch (const Fault &) {
        m_trouble = std::current_exception();
    }
}

const ProbeQuirks &ProbeDriver::quirks() const
{
    if (m_trouble)
        std::rethrow_exception(m_trouble);
    return *m_quirks;
}

QString ProbeDriver::summary() const
{
    return u"Debug probes (ST-LINK, J-Link, CMSIS-DAP) through OpenOCD"_s;
}

QSet<Capability> ProbeDriver::capabilities(const QString &board) const
{
    QSet<Capability> out{Capability::Memory, Capability::Eraser, Capability::Reset};
    if (board.isEmpty() || quirks().board(board).protection)
        out << Capability::Lock;
    return out;
}

QStringList ProbeDriver::boards() const
{
    return m_quirks->boardNames();
}

QList<PortInfo> ProbeDriver::ports() const
{
    QList<PortInfo> out;
    if (m_trouble)
        return out;
    for (const UsbDevice &device : ProbePort::plugged(*m_quirks)) {
        PortInfo info;
        info.port = u"usb:"_s + device.path;
        info.topology = u"usb-"_s + device.path;
        info.description = device.description();
        info.driver = name();
        info.likely = true;
        info.why = u"A debug probe (%1)."_s.arg(m_quirks->kindOf(device)->name);
        if (!device.permitted)
            info.why += u" You may not use it: install Slipway's udev rules."_s;
        out << info;
    }
    return out;
}

std::unique_ptr<Device> ProbeDriver::open(const OpenOptions &options, const Task &task) const
{
    // A board or a file that is wrong is told before anything is started.
    const ProbeBoard board = options.board.isEmpty() ? (void(quirks()), ProbeBoard()) : quirks().board(options.board);
    return std::make_unique<ProbeDevice>(options.port, board, m_quirks, task);
}

} // namespace slipway
