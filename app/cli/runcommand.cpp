#include "app/cli/runcommand.h"

#include "app/cli/runreport.h"
#include "app/cli/runsession.h"
#include "app/cli/secretinput.h"
#include "core/base/fault.h"
#include "core/identity/privatekey.h"
#include "core/station/recipefit.h"
#include "core/steps/recipechecker.h"

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct RunOptions {
    std::string recipe;
    std::vector<std::string> places;
    std::vector<std::string> serials;
    std::vector<std::string> answers;
    std::string person;
    int seedFd = -1;
    bool training = false;
    bool together = false;
};

QStringList texts(const std::vector<std::string> &list)
{
    QStringList out;
    for (const std::string &item : list)
        out += QString::fromStdString(item);
    return out;
}

int run(CliContext &context, const RunOptions &options)
{
    const Home home = context.openHome();
    const Recipe recipe = loadRecipe(home.recipePath(QString::fromStdString(options.recipe)),
                                     stationChecks(home.path(), context.drivers()));

    StationOptions stationOptions;
    stationOptions.mode = options.training ? Mode::Training : Mode::Production;
    stationOptions.person = QString::fromStdString(options.person);
    stationOptions.barrierStart = options.together;
    stationOptions.maxAttempts = home.attempts();
    if (options.seedFd >= 0)
        stationOptions.seeds = std::make_shared<const SeedTable>(SeedTable::parse(secretFromFd(options.seedFd)));
    const auto station = Station::open(home, context.drivers(), stationOptions);
    const auto places = placesFrom(texts(options.places), home);
    station->setSlots(places);
    if (places.isEmpty())
        throw Fault("station.no-places");
    station->loadRecipe(recipe);
    if (const auto open = station->interrupted(); !open.isEmpty())
        context.say(u"%1 interrupted %2 attention. See: slipway recover"_s.arg(open.size())
                        .arg(open.size() == 1 ? u"run needs"_s : u"runs need"_s));

    RunSession session(context, *station, texts(options.answers), places.size() == 1);
    session.start(texts(options.serials));
    return session.follow();
}

} // namespace

void addRunCommand(CLI::App &app, CliContext &context)
{
    CLI::App *command = app.add_subcommand("run", "Take one device per place through a recipe");
    const auto options = std::make_shared<RunOptions>();
    command->add_option("recipe", options->recipe, "Name of a recipe of the home, or a file")
        ->type_name("RECIPE")
        ->required();
    command
        ->add_option("--slot", options->places,
                     "A place and its port; may be given several times (default: the places of station.yaml)")
        ->type_name("NAME=PORT")
        ->allow_extra_args(false);
    command->add_option("--serial", options->serials, "Serial number of a unit, in the order of the places")
        ->type_name("SN")
        ->allow_extra_args(false);
    command
        ->add_option("--answer", options->answers,
                     "Answer to the recipe's next question: yes, no, or a text; every place takes them in order")
        ->type_name("TEXT")
        ->allow_extra_args(false);
    command->add_option("--operator", options->person, "Who does it, for the record")->type_name("NAME");
    command
        ->add_option("--seed-fd", options->seedFd,
                     "Read the seeds of devices that derive their keys from this file descriptor: lines \"SERIAL HEX\"")
        ->type_name("FD")
        ->check(CLI::Range(0, 1'000'000));
    command->add_flag("--training", options->training, "Training CA and numbers; the record says so");
    command->add_flag("--together", options->together, "Start all places at the same moment");
    CliContext::examples(
        command, {u"slipway run t1 --slot 1=/dev/ttyACM0 --serial T1-00000042 --home ~/line1"_s,
                  u"slipway run t1 --slot left=/dev/ttyACM0 --slot right=udp:192.0.2.7:1337 --serial T1-00000042 "
                  "--serial T1-00000043"_s,
                  u"slipway run recipes/test.yaml --training --answer yes"_s,
                  u"slipway run t1 --serial T1-00000042 --seed-fd 3 3< seeds"_s,
                  u"slipway run t1            (in a terminal: scan the units one after the other, Ctrl-D ends)"_s});
    context.action(command, [&context, options] { return run(context, *options); });
}

} // namespace slipway
