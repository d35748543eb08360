#include "drivers/dfu/dfusession.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr quint8 classInterface = 0x21, detachRequest = 0;
constexpr auto detachAnswer = 2s;
constexpr quint16 resetWithin = 1000; // ms, told to the device
constexpr int lateResets = 3;
constexpr auto resetSeen = 2s;   // by then a device that took the reset has left the bus
constexpr auto staysWithin = 1s; // a boot loader with no application behind it does not go at a reset

} // namespace

DfuSession::DfuSession(QString path, DfuQuirks quirks) : m_path(std::move(path)), m_quirks(std::move(quirks)) {}

DfuSession::~DfuSession()
{
    if (!m_detached || !m_client || m_client->link().isGone())
        return;
    try {
        m_client->link().busReset();
    } catch (const Fault &) { // it is left as it is
    }
}

void DfuSession::detach(UsbLink &link, const DfuInterface &interface, const Task &task)
{
    const int before = link.device().address;
    task.say(u"The application is asked to start the boot loader."_s);
    link.claim(interface.number);
    const auto timeout = quint16(std::clamp<qint64>(interface.detachTimeout.count(), 1, resetWithin));
    bool there = false, moved = false;
    const auto returned = [&](std::chrono::milliseconds within) {
        return waitForUsb(
            m_path,
            [&](const UsbDevice *device) {
                there = device;
                moved = moved || !device || device->address != before;
                return device && DfuInterface::isInDfuMode(*device);
            },
            task.within(within));
    };
    // A reset that comes later than the device allows finds it as if nothing had been asked: once more then.
    for (int tries = 0; tries < lateResets; ++tries) {
        if (!ask(link, interface, timeout, task) || interface.willDetach)
            break;
        if (returned(resetSeen))
            return;
        if (moved || !there)
            break;
    }
    if (returned(m_quirks.returnTime))
        return;
    task.check(u"Starting the boot loader"_s);
    if (there)
        throw Fault("dfu.no-detach", {u"usb:"_s + m_path}, moved ? u"it came back as the application"_s : QString());
    throw Fault("dfu.no-return",
                {humanSpan(double(m_quirks.returnTime.count())), u"it was to start its boot loader"_s});
}

// Asks the application to leave for its boot loader, and resets it where it wants that. False: it is gone already.
bool DfuSession::ask(UsbLink &link, const DfuInterface &interface, quint16 timeout, const Task &task) const
{
    try {
        const auto reply = link.out({classInterface, detachRequest, timeout, quint16(interface.number)}, {},
                                    task.within(detachAnswer));
        task.check(u"Starting the boot loader"_s);
        if (reply.result == UsbLink::Result::Stalled)
            throw Fault("dfu.no-detach", {u"usb:"_s + m_path});
        if (!interface.willDetach)
            link.busReset();
    } catch (const Fault &fault) {
        if (!fault.is("link.gone")) // it left before it answered
            throw;
        return false;
    }
    return true;
}

DfuClient &DfuSession::client(const Task &task)
{
    if (m_client && !m_client->link().isGone())
        return *m_client;
    m_client.reset();
    auto link = std::make_unique<UsbLink>(m_path);
    const auto note = [this](const UsbDevice &device) {
        if (!m_ids.contains(device.id()))
            m_ids << device.id();
    };
    if (!DfuInterface::isIn(link->device()))
        throw Fault("dfu.no-interface", {u"usb:"_s + m_path, link->device().description()});
    DfuInterface interface = DfuInterface::of(link->device());
    note(link->device());
    if (interface.runtime) {
        m_applicationRelease = link->device().release;
        detach(*link, interface, task);
        link.reset();
        link = std::make_unique<UsbLink>(m_path);
        interface = DfuInterface::of(link->device());
        note(link->device());
        m_detached = true;
    }
    link->claim(interface.number);
    auto client = std::make_unique<DfuClient>(std::move(link), std::move(interface), m_quirks);
    client->recover(task);
    m_client = std::move(client);
    return *m_client;
}

void DfuSession::awaitReturn(const QString &after, const Task &task)
{
    const int before = m_client ? m_client->link().device().address : 0;
    m_client.reset();
    if (task.progress)
        task.progress->setNote(u"waiting for the device to restart"_s);
    const bool back = waitForUsb(
        m_path, [before](const UsbDevice *device) { return device && device->address != before; },
        task.within(m_quirks.returnTime));
    task.check(u"The device's restart"_s);
    if (!back)
        throw Fault("dfu.no-return", {humanSpan(double(m_quirks.returnTime.count())), after});
    if (task.progress)
        task.progress->setNote({});
}

void DfuSession::leave(const Task &task)
{
    UsbLink &link = client(task).link();
    const int before = link.device().address;
    link.busReset();
    m_detached = false;
    const bool gone = link.isGone();
    m_client.reset();
    const bool back = waitForUsb(
        m_path, [before](const UsbDevice *device) { return device && device->address != before; },
        task.within(gone ? std::chrono::milliseconds(m_quirks.returnTime) : staysWithin));
    task.check(u"The device's restart"_s);
    if (!back && gone)
        throw Fault("dfu.no-return", {humanSpan(double(m_quirks.returnTime.count())), u"the restart"_s});
}

} // namespace slipway
