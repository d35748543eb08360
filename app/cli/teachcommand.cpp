#include "app/cli/teachcommand.h"

#include "core/base/fault.h"
#include "core/station/stationconfig.h"
#include "drivers/link/portwatch.h"

#include <QSet>

#include <algorithm>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr std::chrono::milliseconds settling{1000}; // the ports of one unit come one after the other

struct TeachWords {
    int places = 1;
    std::string driver;
};

// The next unit that is plugged in, with all its ports.
QList<SerialPort> nextUnit(PortWatch &watch, const std::stop_token &stop)
{
    QList<SerialPort> came;
    while (came.isEmpty())
        came = watch.next(Deadline::never(), stop).came;
    const Deadline settled = Deadline::in(settling);
    while (!settled.expired()) {
        const PortWatch::Change change = watch.next(settled, stop);
        came += change.came;
        for (const SerialPort &gone : change.went)
            came.removeIf([&gone](const SerialPort &port) { return port.node == gone.node; });
    }
    return came;
}

int teach(CliContext &context, const TeachWords &words)
{
    Home home = context.openHome();
    if (!words.driver.empty())
        context.drivers().find(QString::fromStdString(words.driver)); // throws for a wrong name
    QList<HomeSlot> places;
    PortWatch watch;
    while (places.size() < words.places) {
        const int number = int(places.size()) + 1;
        context.say(u"Plug a unit into place %1."_s.arg(number));
        QList<SerialPort> ports = nextUnit(watch, context.stop());
        QSet<QString> units;
        for (const SerialPort &port : std::as_const(ports))
            units.insert(port.usbPath.isEmpty() ? port.node : port.usbPath);
        if (units.size() != 1) {
            if (!ports.isEmpty())
                context.say(u"Two units came at once, so nobody can tell them apart. Unplug both, then plug in one."_s);
            continue;
        }
        std::sort(ports.begin(), ports.end(),
                  [](const SerialPort &a, const SerialPort &b) { return a.topology < b.topology; });
        const QString port = stableName(ports.front());
        const auto taken =
            std::find_if(places.begin(), places.end(), [&port](const HomeSlot &place) { return place.port == port; });
        if (taken != places.end()) {
            context.say(u"That is place %1 already."_s.arg(taken->name));
            continue;
        }
        if (ports.front().byPath.isEmpty())
            context.say(u"%1 has no name of its own by its plug; it may get another when units restart."_s.arg(port));
        if (ports.size() > 1)
            context.say(u"The unit has %1 ports; the first one is taken: %2"_s.arg(ports.size()).arg(port));
        HomeSlot place;
        place.number = number;
        place.name = QString::number(number);
        place.port = port;
        place.driver = QString::fromStdString(words.driver);
        places << place;
        context.object({{u"place"_s, number},
                        {u"port"_s, port},
                        {u"topology"_s, ports.front().topology},
                        {u"description"_s, ports.front().description}});
        context.result(u"Place %1: %2, %3"_s.arg(number).arg(port, ports.front().description));
    }
    home.setPlaces(places);
    context.say(u"Written into %1."_s.arg(home.file(u"station.yaml"_s)));
    return 0;
}

} // namespace

void addTeachCommand(CLI::App &app, CliContext &context)
{
    CLI::App *noun = app.get_subcommand("device");
    const auto words = std::make_shared<TeachWords>();
    CLI::App *command = noun->add_subcommand(
        "teach",
        "Learn which port is which place: plug one unit into each place in turn. Replaces the station's places");
    command->add_option("--slots", words->places, "How many places")
        ->type_name("N")
        ->required()
        ->check(CLI::Range(1, maximumPlaces));
    command->add_option("--driver", words->driver, "Protocol of all of them (the recipe's)")->type_name("NAME");
    CliContext::examples(command, {u"slipway device teach --slots 8 --home ~/line1"_s});
    context.action(command, [&context, words] { return teach(context, *words); });
}

} // namespace slipway
