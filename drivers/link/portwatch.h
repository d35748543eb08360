#pragma once
// Serial ports coming and going: told by udev, and looked for twice a second where no udev runs (a container). A port
// is the same one while its node and its place in the topology stay. Used by one thread. Throws base.stopped.

#include "core/base/deadline.h"
#include "drivers/link/ports.h"
#include "drivers/link/waiter.h"

#include <memory>
#include <stop_token>

struct udev;
struct udev_monitor;

namespace slipway {

class PortWatch
{
public:
    struct Change {
        QList<SerialPort> came, went;
        bool isEmpty() const { return came.isEmpty() && went.isEmpty(); }
    };

    PortWatch(); // what is there now is no change
    ~PortWatch();
    PortWatch(const PortWatch &) = delete;
    PortWatch &operator=(const PortWatch &) = delete;

    const QList<SerialPort> &ports() const { return m_ports; }
    // What changed since the last call; waits for something to. Nothing changed at the deadline: empty.
    Change next(Deadline deadline, const std::stop_token &stop);

private:
    Change look();

    struct Release {
        void operator()(udev *context) const;
        void operator()(udev_monitor *monitor) const;
    };
    std::unique_ptr<udev, Release> m_udev;
    std::unique_ptr<udev_monitor, Release> m_monitor;
    Waiter m_waiter;
    QList<SerialPort> m_ports;
};

} // namespace slipway
