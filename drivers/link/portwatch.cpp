#include "drivers/link/portwatch.h"

#include <libudev.h>
#include <poll.h>

#include <algorithm>

namespace slipway {

namespace {

constexpr std::chrono::milliseconds lookAgain{500};

bool same(const SerialPort &a, const SerialPort &b)
{
    return a.node == b.node && a.topology == b.topology && a.usbSerial == b.usbSerial;
}

QList<SerialPort> without(const QList<SerialPort> &all, const QList<SerialPort> &some)
{
    QList<SerialPort> rest;
    for (const SerialPort &port : all) {
        if (std::none_of(some.begin(), some.end(), [&port](const SerialPort &other) { return same(port, other); }))
            rest << port;
    }
    return rest;
}

} // namespace

void PortWatch::Release::operator()(udev *context) const
{
    udev_unref(context);
}

void PortWatch::Release::operator()(udev_monitor *monitor) const
{
    udev_monitor_unref(monitor);
}

PortWatch::PortWatch() : m_udev(udev_new())
{
    // The events of udev, not of the kernel: only after its rules have run has a node its group and its links.
    if (m_udev)
        m_monitor.reset(udev_monitor_new_from_netlink(m_udev.get(), "udev"));
    if (m_monitor) {
        udev_monitor_filter_add_match_subsystem_devtype(m_monitor.get(), "tty", nullptr);
        if (udev_monitor_enable_receiving(m_monitor.get()) < 0)
            m_monitor.reset();
    }
    m_ports = serialPorts(); // after the monitor listens, so that nothing falls between
}

PortWatch::~PortWatch() = default;

PortWatch::Change PortWatch::look()
{
    const QList<SerialPort> now = serialPorts();
    Change change{without(now, m_ports), without(m_ports, now)};
    m_ports = now;
    return change;
}

PortWatch::Change PortWatch::next(Deadline deadline, const std::stop_token &stop)
{
    for (;;) {
        const Change change = look();
        if (!change.isEmpty() || deadline.expired())
            return change;
        const int fd = m_monitor ? udev_monitor_get_fd(m_monitor.get()) : -1;
        m_waiter.wait(fd, POLLIN, deadline.sooner(lookAgain), stop);
        while (udev_device *event = m_monitor ? udev_monitor_receive_device(m_monitor.get()) : nullptr)
            udev_device_unref(event);
    }
}

} // namespace slipway
