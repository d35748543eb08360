#pragma once
// A protocol: opens a port and gives a Device. The applications fill one DriverRegistry with all drivers; core knows
// only this interface.

#include "core/codec/packetsource.h"
#include "core/device/device.h"

#include <QList>
#include <QSet>

#include <functional>
#include <memory>
#include <vector>

namespace slipway {

struct OpenOptions {
    QString port;  // "/dev/ttyACM0", "udp:192.0.2.7:1337", "/tmp/dut0"
    int baud = 0;  // 0: the board's or the driver's default
    QString board; // entry of the driver's quirks.json; empty: found from what the device says
};

// A port on which a device may be.
struct PortInfo {
    QString port;        // what OpenOptions::port takes
    QString topology;    // stable across re-enumeration: USB path or by-path name
    QString description; // "USB 1-2.3, FTDI FT232R, serial A50285BI"
    QString driver;      // that could take it
    QString why;         // one sentence
    bool likely = false; // the port itself speaks for that driver: a known USB id, a DFU interface
};

// One port with every driver that could take it.
struct PortChoice {
    QString port, topology, description;
    QList<PortInfo> candidates; // likely ones first
    // The one driver that is likely; empty: none or several are, so a person has to say.
    QString driver() const;
    QString why() const; // one sentence, also for an empty driver()
};

class Driver
{
public:
    virtual ~Driver() = default;
    virtual QString name() const = 0;    // "smp"
    virtual QString summary() const = 0; // one line
    // What its devices can do at most; with a board, what that board can do.
    virtual QSet<Capability> capabilities(const QString &board) const = 0;
    // Boards that its data knows.
    virtual QStringList boards() const = 0;
    virtual QList<PortInfo> ports() const = 0;
    // Opens the port and reaches the device. Throws link.* and the driver's own faults.
    virtual std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const = 0;
};

class DriverRegistry
{
public:
    void add(std::unique_ptr<Driver> driver);
    // Throws driver.unknown with the nearest name.
    const Driver &find(const QString &name) const;
    QStringList names() const;
    const std::vector<std::unique_ptr<Driver>> &all() const { return m_drivers; }
    // Every port that any driver sees, each once.
    QList<PortChoice> ports() const;

    // How to hear what passes a network interface.
    using Tap = std::function<std::unique_ptr<PacketSource>(const QString &interface)>;
    void setTap(Tap tap) { m_tap = std::move(tap); }
    // Throws capture.*.
    std::unique_ptr<PacketSource> listen(const QString &interface) const;

private:
    std::vector<std::unique_ptr<Driver>> m_drivers;
    Tap m_tap;
};

} // namespace slipway
