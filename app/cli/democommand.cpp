#include "app/cli/democommand.h"

#include "app/cli/runsession.h"
#include "app/common/demo.h"
#include "core/base/fault.h"
#include "core/station/recipefit.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int mostPlaces = 64;

struct DemoOptions {
    bool headless = false;
    int places = 4;
};

// Becomes the desktop application. Returns only by throwing.
[[noreturn]] void showDesktop(const CliContext &context, const DemoOptions &options, const QString &home)
{
    const QString beside = QFileInfo(u"/proc/self/exe"_s).canonicalPath() + u"/slipway-desktop"_s;
    const QString program = QFileInfo(beside).isExecutable() ? beside : u"slipway-desktop"_s;
    QList<QByteArray> words{QFile::encodeName(program),         "--demo", "--slots",
                            QByteArray::number(options.places), "--home", QFile::encodeName(home)};
    Q_UNUSED(context);
    std::vector<char *> argv;
    for (QByteArray &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    throw Fault("cli.no-desktop", {QString::fromLocal8Bit(std::strerror(errno))});
}

int demo(CliContext &context, const DemoOptions &options, bool homeGiven)
{
    const Home home = openDemoHome(homeGiven ? context.homePath() : QString(), context.passphrase());
    if (!homeGiven)
        context.say(u"Home: %1"_s.arg(home.path()));
    if (!options.headless)
        showDesktop(context, options, home.path());

    VirtualLineOptions lineOptions;
    lineOptions.places = options.places;
    VirtualLine line(lineOptions);
    StationOptions stationOptions;
    stationOptions.mode = Mode::Training;
    stationOptions.person = u"demo"_s;
    stationOptions.maxAttempts = home.attempts();
    const auto station = Station::open(home, context.drivers(), stationOptions);
    station->setSlots(line.places());
    station->loadRecipe(loadRecipe(home.recipePath(u"t1"_s), stationChecks(home.path(), context.drivers())));

    const VirtualScanner scanner(*station, home.file(u"labels/training"_s));
    RunSession session(context, *station, {}, options.places == 1, RunSession::Input::None);
    QStringList serials;
    for (int place = 1; place <= options.places; ++place)
        serials += nextDemoSerial(*station);
    session.start(serials);
    return session.follow();
}

} // namespace

void addDemoCommand(CLI::App &app, CliContext &context)
{
    CLI::App *command =
        app.add_subcommand("demo", "Virtual devices through the sample recipe, in training mode: nothing to plug in");
    const auto options = std::make_shared<DemoOptions>();
    command->add_flag("--headless", options->headless,
                      "Without the desktop application; ends with a table of verdicts");
    command->add_option("--slots", options->places, "How many devices at once")
        ->type_name("N")
        ->check(CLI::Range(1, mostPlaces).description(""));
    CliContext::examples(command, {u"slipway demo"_s, u"slipway demo --headless --home ~/line1"_s,
                                   u"slipway demo --headless --slots 16 --home ~/line1"_s});
    context.action(command, [&context, options] { return demo(context, *options, context.homeGiven()); });
}

} // namespace slipway
