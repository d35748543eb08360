#include "tests/unit/station/fakeline.h"

#include "core/base/files.h"
#include "core/steps/recipechecker.h"

#include <sqlite3.h>

namespace slipway::test {

namespace {

// The device stays when the run lets go of it.
class Handle : public Device
{
public:
    explicit Handle(std::shared_ptr<FakeDevice> device) : m_device(std::move(device)) {}
    DeviceFacts facts(const Task &task) override { return m_device->facts(task); }
    Firmware *firmware() override { return m_device->firmware(); }
    Blobs *blobs() override { return m_device->blobs(); }
    Shell *shell() override { return m_device->shell(); }
    Keys *keys() override { return m_device->keys(); }
    Reset *resetter() override { return m_device->resetter(); }
    Clock *clock() override { return m_device->clock(); }
    Lock *locker() override { return m_device->locker(); }

private:
    std::shared_ptr<FakeDevice> m_device;
};

constexpr auto patience = std::chrono::seconds(20);

} // namespace

FakeDriver::FakeDriver(int ports)
    : able{Capability::Firmware, Capability::Blobs, Capability::Shell, Capability::Keys,
           Capability::Reset,    Capability::Clock, Capability::Lock}
{
    for (int port = 1; port <= ports; ++port)
        replace(port);
}

void FakeDriver::replace(int port)
{
    auto device = std::make_shared<FakeDevice>();
    device->said.driver = name();
    device->said.port = QStringLiteral("fake:%1").arg(port);
    device->said.board = QStringLiteral("t1-rev-b");
    device->said.hardwareId = QStringLiteral("02-00-5e-10-00-00-00-%1").arg(port, 2, 16, QLatin1Char('0'));
    device->answers[QStringLiteral("adc vdd")] = {{0, QStringLiteral("vdd = 3.312 V")}};
    m_devices[port] = device;
}

std::unique_ptr<Device> FakeDriver::open(const OpenOptions &options, const Task &task) const
{
    const int port = options.port.section(u':', 1).toInt();
    {
        const std::lock_guard lock(m_mutex);
        ++m_opens[port];
    }
    if (beforeOpen)
        beforeOpen(options, task);
    task.check(QStringLiteral("Opening the port"));
    return std::make_unique<Handle>(m_devices.at(port));
}

int FakeDriver::opens(int port) const
{
    const std::lock_guard lock(m_mutex);
    return m_opens[port];
}

FakeLine::FakeLine(int places) : m_places(places), m_bell(std::make_shared<Bell>())
{
    auto driver = std::make_unique<FakeDriver>(places);
    m_driver = driver.get();
    m_registry.add(std::move(driver));
    m_home = std::make_unique<Home>(Home::create(m_folder.filePath(QStringLiteral("home")), QStringLiteral("Test line"),
                                                 QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples"), {}));
}

FakeLine::~FakeLine() = default;

void FakeLine::open(const QString &steps, const StationOptions &options, const QString &more, const QString &variables)
{
    close();
    const QString file = m_home->file(QStringLiteral("recipes/test.yaml"));
    QString yaml = QStringLiteral("slipway: 1\nname: Test recipe\ndevice: { driver: fake, board: t1-rev-b }\n");
    if (!variables.isEmpty())
        yaml += QStringLiteral("variables:\n") + variables;
    yaml += QStringLiteral("steps:\n") + steps + more;
    writeFile(file, yaml.toUtf8());
    m_station = Station::open(*m_home, m_registry, options);
    m_station->onChanged([bell = m_bell](int) {
        const std::lock_guard lock(bell->mutex);
        ++bell->count;
        bell->rung.notify_all();
    });
    QList<Station::SlotConfig> places;
    for (int place = 1; place <= m_places; ++place)
        places.append({place, QString::number(place), QStringLiteral("fake:%1").arg(place), {}});
    m_station->setSlots(places);
    RecipeChecks checks;
    checks.drivers = &m_registry;
    m_station->loadRecipe(loadRecipe(file, checks));
}

bool FakeLine::waitFor(int place, const std::function<bool(const SlotView &)> &holds)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        quint64 seen = 0;
        {
            const std::lock_guard lock(m_bell->mutex);
            seen = m_bell->count;
        }
        if (holds(m_station->slot(place)))
            return true;
        std::unique_lock lock(m_bell->mutex);
        if (!m_bell->rung.wait_until(lock, until, [&] { return m_bell->count != seen; }))
            return false;
    }
}

SlotView FakeLine::run(int place, const QString &serial)
{
    m_station->start(place, serial);
    waitFor(place, SlotState::Finished);
    return m_station->slot(place);
}

void FakeLine::clearPlaces()
{
    for (int place = 1; place <= m_places; ++place) {
        m_station->clear(place);
        m_driver->replace(place);
    }
}

QString FakeLine::query(const QString &sql) const
{
    sqlite3 *db = nullptr;
    const QByteArray path = m_home->file(QStringLiteral("journal.db")).toUtf8();
    QString value;
    if (sqlite3_open_v2(path.constData(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
        sqlite3_stmt *statement = nullptr;
        if (sqlite3_prepare_v2(db, sql.toUtf8().constData(), -1, &statement, nullptr) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            value = QString::fromUtf8(reinterpret_cast<const char *>(sqlite3_column_text(statement, 0)));
        else
            value = QStringLiteral("(%1)").arg(QString::fromUtf8(sqlite3_errmsg(db)));
        sqlite3_finalize(statement);
    }
    sqlite3_close_v2(db);
    return value;
}

} // namespace slipway::test
