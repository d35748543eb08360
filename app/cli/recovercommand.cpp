#include "app/cli/recovercommand.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/station/station.h"

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct RecoverOptions {
    std::string port, driver, unit, dismiss, reason;
};

void show(CliContext &context, const Interrupted &run)
{
    context.object({{u"run"_s, run.runId},
                    {u"device"_s, run.device},
                    {u"mode"_s, run.mode},
                    {u"recipe"_s, run.recipe},
                    {u"slot"_s, run.slot},
                    {u"begun"_s, run.begunAt},
                    {u"step"_s, run.lastStep},
                    {u"act"_s, run.act},
                    {u"state"_s, run.known.state},
                    {u"sentence"_s, run.sentence},
                    {u"next"_s, run.known.safeNext}});
    context.result(u"%1  %2, place %3, begun %4"_s.arg(run.device.isEmpty() ? u"(unit unknown)"_s : run.device,
                                                       run.recipe, run.slot, run.begunAt));
    context.result(u"  run %1"_s.arg(run.runId));
    context.result(u"  "_s + run.sentence);
    context.result(u"  "_s + run.known.safeNext);
}

int recover(CliContext &context, const RecoverOptions &options)
{
    const Home home = context.openHome();
    StationOptions stationOptions;
    stationOptions.maxAttempts = home.attempts();
    const auto station = Station::open(home, context.drivers(), stationOptions);
    if (!options.dismiss.empty()) {
        station->dismiss(QString::fromStdString(options.dismiss), QString::fromStdString(options.reason));
        context.result(u"Dismissed."_s);
        return 0;
    }
    if (!options.port.empty())
        station->setSlots({{1, u"1"_s, QString::fromStdString(options.port), QString::fromStdString(options.driver)}});

    int open = 0;
    int shown = 0;
    for (Interrupted run : station->interrupted()) {
        if (!options.unit.empty() && run.device != QString::fromStdString(options.unit))
            continue;
        if (!options.port.empty() && !run.intent.isEmpty()) {
            try {
                run.known = station->reconcile(run, 1);
                run.sentence = run.known.sentence;
                if (run.known.state != u"unknown")
                    run.intent.clear();
            } catch (const Fault &fault) { // of another run's unit; this one's may be the next
                if (!fault.is("station.other-unit") && !fault.is("station.unit-unproven"))
                    throw;
                run.known.safeNext = fault.text();
            }
        }
        open += !run.intent.isEmpty();
        ++shown;
        show(context, run);
    }
    if (shown == 0)
        context.result(u"No run was interrupted."_s);
    return open > 0 ? 1 : 0;
}

} // namespace

void addRecoverCommand(CLI::App &app, CliContext &context)
{
    CLI::App *command =
        app.add_subcommand("recover", "Runs that were interrupted by a power cut or a kill, and what became of them");
    const auto options = std::make_shared<RecoverOptions>();
    command->add_option("--port", options->port, "Ask the device on this port about acts whose outcome is open")
        ->type_name("PORT");
    command->add_option("--driver", options->driver, "Its driver (default: the one of the interrupted run)")
        ->type_name("NAME");
    command->add_option("--unit", options->unit, "Only this unit")->type_name("SN");
    CLI::Option *dismiss =
        command->add_option("--dismiss", options->dismiss, "This run needs no more attention")->type_name("RUN");
    command->add_option("--reason", options->reason, "Why, for the record")->type_name("TEXT")->needs(dismiss);
    CliContext::examples(command, {u"slipway recover --home ~/line1"_s,
                                   u"slipway recover --port /dev/ttyACM0 --unit T1-00000042 --home ~/line1"_s,
                                   u"slipway recover --dismiss 6f9c... --reason \"unit scrapped\" --home ~/line1"_s,
                                   u"slipway run t1 --slot 1=/dev/ttyACM0 --serial T1-00000042    (the unit again)"_s,
                                   u"Exit status: 1 while the outcome of an irreversible act is unknown, else 0."_s});
    context.action(command, [&context, options] { return recover(context, *options); });
}

} // namespace slipway
