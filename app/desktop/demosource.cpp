#include "app/desktop/demosource.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

StationOptions demoOptions(const QString &person)
{
    StationOptions options;
    options.mode = Mode::Training;
    options.person = person;
    return options;
}

} // namespace

DemoSource::DemoSource(const QString &home, int places, const QString &person)
    : HomeSource(homePath(home), demoOptions(person), u"t1"_s), m_places(places)
{}

QString DemoSource::homePath(const QString &given)
{
    if (!given.isEmpty())
        return given;
    return Home::exists(Home::defaultPath()) ? Home::defaultPath() : Home::defaultPath() + u"-demo"_s;
}

std::unique_ptr<Station> DemoSource::open(const QByteArray &passphrase)
{
    home() = openDemoHome(where(), passphrase);
    VirtualLineOptions lineOptions;
    lineOptions.places = m_places;
    m_line = std::make_unique<VirtualLine>(lineOptions);
    options().maxAttempts = home()->attempts();
    auto station = Station::open(*home(), drivers(), options());
    station->setSlots(m_line->places());
    return station;
}

void DemoSource::begun(Station &station)
{
    m_scanner = std::make_unique<VirtualScanner>(station, home()->file(u"labels/training"_s));
    for (int place = 1; place <= m_places; ++place)
        station.start(place, nextDemoSerial(station));
}

bool DemoSource::bringUnit(Station &station, int place)
{
    const SlotState state = station.slot(place).state;
    if (state != SlotState::Ready && state != SlotState::Finished)
        return false;
    m_line->plugBlank(place);
    station.start(place, nextDemoSerial(station));
    return true;
}

void DemoSource::closing()
{
    m_scanner.reset();
}

} // namespace slipway
