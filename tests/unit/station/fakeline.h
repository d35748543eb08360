#pragma once
// A station in a temporary home with devices in memory behind ports "fake:1", "fake:2", ... of a driver "fake".

#include "core/base/fault.h"
#include "core/station/station.h"
#include "tests/support/fakedevice.h"

#include <QTemporaryDir>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace slipway::test {

// Hands out what FakeDevices can do. open() can be made to fail, or to throw what no driver should throw.
class FakeDriver : public Driver
{
public:
    explicit FakeDriver(int ports);

    FakeDevice &device(int port) { return *m_devices.at(port); }
    void replace(int port); // a blank one
    std::function<void(const OpenOptions &options, const Task &task)> beforeOpen;
    QSet<Capability> able;

    QString name() const override { return QStringLiteral("fake"); }
    QString summary() const override { return QStringLiteral("devices in memory"); }
    QSet<Capability> capabilities(const QString &) const override { return able; }
    QStringList boards() const override { return {QStringLiteral("t1-rev-b")}; }
    QList<PortInfo> ports() const override { return {}; }
    std::unique_ptr<Device> open(const OpenOptions &options, const Task &task) const override;
    int opens(int port) const;

private:
    std::map<int, std::shared_ptr<FakeDevice>> m_devices;
    mutable std::mutex m_mutex;
    mutable std::map<int, int> m_opens;
};

// "PASS", or "none".
inline QString said(const std::optional<Verdict> &verdict)
{
    return verdict ? toString(*verdict) : QStringLiteral("none");
}

class FakeLine
{
public:
    explicit FakeLine(int places = 1);
    ~FakeLine();

    // steps: the YAML below "steps:", each line indented by two; more: further top-level keys. The recipe has a scanned
    // serial number T1-NNNNNNNN unless variables says otherwise.
    void open(const QString &steps, const StationOptions &options = {}, const QString &more = {},
              const QString &variables = QStringLiteral("  serial: { from: scan, pattern: \"T1-[0-9]{8}\" }\n"));
    void close() { m_station.reset(); }
    Station &station() { return *m_station; }
    FakeDriver &driver() { return *m_driver; }
    FakeDevice &device(int place) { return m_driver->device(place); }
    const Home &home() const { return *m_home; }
    QString path() const { return m_home->path(); }

    // Until the predicate holds of the place; false after ten seconds.
    bool waitFor(int place, const std::function<bool(const SlotView &)> &holds);
    bool waitFor(int place, SlotState state)
    {
        return waitFor(place, [state](const SlotView &view) { return view.state == state; });
    }
    SlotView run(int place, const QString &serial); // start and wait for the verdict

    // First column of the first row, as text.
    QString query(const QString &sql) const;
    void clearPlaces();

private:
    struct Bell {
        std::mutex mutex;
        std::condition_variable rung;
        quint64 count = 0;
    };
    QTemporaryDir m_folder;
    int m_places;
    DriverRegistry m_registry;
    FakeDriver *m_driver = nullptr;
    std::unique_ptr<Home> m_home;
    std::unique_ptr<Station> m_station;
    std::shared_ptr<Bell> m_bell;
};

} // namespace slipway::test
