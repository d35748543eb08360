#include "drivers/dfu/dfudevice.h"

#include "core/base/fault.h"
#include "core/base/text.h"

namespace slipway {

using namespace Qt::StringLiterals;

DfuDevice::DfuDevice(QString port, QString path, DfuQuirks quirks, const Task &task)
    : m_port(std::move(port)), m_session(std::move(path), std::move(quirks)), m_memory(m_session), m_images(m_session)
{
    m_dfuse = m_session.client(task).isDfuse();
}

DeviceFacts DfuDevice::facts(const Task &task)
{
    DfuClient &client = m_session.client(task);
    const UsbDevice device = client.link().device();
    const DfuInterface interface = client.interface();
    DeviceFacts facts;
    facts.driver = u"dfu"_s;
    facts.port = m_port;
    facts.line = u"USB "_s + device.path;
    facts.board = client.quirks().name;
    facts.hardwareId = device.serial;
    facts.bootLoader = u"%1 %2.%3"_s.arg(m_dfuse ? u"DfuSe"_s : u"DFU"_s)
                           .arg(interface.version >> 8)
                           .arg(interface.version & 0xff, 0, 16);
    facts.more[u"usb-id"_s] = device.id();
    if (m_session.ids().size() > 1)
        facts.more[u"usb-id-application"_s] = m_session.ids().first();
    facts.more[u"usb-serial"_s] = device.serial;
    facts.more[u"product"_s] = (device.maker + u' ' + device.product).trimmed();
    const auto bcd = [](quint16 release) {
        return u"%1.%2"_s.arg(release >> 8, 0, 16).arg(release & 0xff, 2, 16, QLatin1Char('0'));
    };
    facts.more[u"usb-release"_s] = bcd(device.release);
    if (const auto &release = m_session.applicationRelease())
        facts.more[u"usb-release-application"_s] = bcd(*release);
    facts.more[u"transfer-size"_s] = QString::number(interface.transferSize);
    QStringList alternates;
    for (const DfuInterface::Alternate &alternate : interface.alternates)
        alternates << u"%1: %2"_s.arg(alternate.number).arg(alternate.name);
    facts.more[u"alternates"_s] = alternates.join(u"; "_s);
    if (m_dfuse) {
        try {
            facts.locked = m_memory.isLocked(u"read protection"_s, task);
        } catch (const Fault &fault) {
            if (fault.blame() == Blame::Person || fault.is("link.gone"))
                throw;
            task.say(fault.text()); // a map that cannot be read, for example: told when memory is asked for
        }
    }
    return facts;
}

void DfuDevice::reset(const Task &task)
{
    m_session.leave(task);
}

} // namespace slipway
