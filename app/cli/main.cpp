// slipway: the station on the command line. Every noun lives in its own file; this one joins them, understands the
// line, and turns what comes out into an exit status.

#include "app/cli/clicontext.h"
#include "app/cli/completioncommand.h"
#include "app/cli/democommand.h"
#include "app/cli/devicecommand.h"
#include "app/cli/firmwarecommand.h"
#include "app/cli/firmwarewritecommand.h"
#include "app/cli/identitycommand.h"
#include "app/cli/initcommand.h"
#include "app/cli/journalcommand.h"
#include "app/cli/mudcommand.h"
#include "app/cli/outputs.h"
#include "app/cli/recipecommand.h"
#include "app/cli/recovercommand.h"
#include "app/cli/runcommand.h"
#include "app/cli/teachcommand.h"
#include "app/cli/usage.h"
#include "app/cli/virtualcommand.h"
#include "app/common/registry.h"
#include "core/base/fault.h"

#include <QGuiApplication>

#include <array>
#include <csignal>

using namespace slipway;

namespace {

void addCommands(CLI::App &app, CliContext &context)
{
    addInitCommand(app, context);
    addRunCommand(app, context);
    addDemoCommand(app, context);
    addRecoverCommand(app, context);
    addRecipeCommand(app, context);
    addDeviceCommand(app, context);
    addTeachCommand(app, context);
    addFirmwareCommand(app, context);
    addFirmwareDeviceCommands(app, context); // adds to the noun "firmware"
    addIdentityCommand(app, context);
    addMudCommand(app, context);
    addJournalCommand(app, context);
    addVirtualCommand(app, context);
    addCompletionCommand(app, context);
}

QStringList wordsOf(int argc, char **argv)
{
    QStringList words;
    for (int i = 1; i < argc; ++i)
        words += QString::fromLocal8Bit(argv[i]);
    return words;
}

} // namespace

int main(int argc, char **argv)
{
    // Labels and passports are drawn, so a QGuiApplication; but never on a screen, whatever the environment says.
    std::array<char, 8> name{"slipway"};
    std::array<char, 10> platform{"-platform"};
    std::array<char, 10> offscreen{"offscreen"};
    std::array<char *, 4> words{name.data(), platform.data(), offscreen.data(), nullptr};
    int count = 3;
    // Without a login session the platform plugin remarks that there is no run-time folder: nothing to tell a person.
    const QtMessageHandler usual =
        qInstallMessageHandler([](QtMsgType, const QMessageLogContext &, const QString &) {});
    QGuiApplication application(count, words.data());
    qInstallMessageHandler(usual);
    QCoreApplication::setApplicationName(QStringLiteral("slipway"));
    QCoreApplication::setApplicationVersion(QStringLiteral(SLIPWAY_VERSION));

    const DriverRegistry drivers = makeDriverRegistry();
    CliContext context(drivers);
    CLI::App app("Slipway launches IoT devices: firmware, identity, network policy and the record of it all.",
                 "slipway");
    app.set_version_flag("--version", "slipway " SLIPWAY_VERSION);
    app.set_help_all_flag("--help-all", "Help of every subcommand");
    app.require_subcommand(1);
    addCommands(app, context);
    context.addCommonOptions(app);
    CliContext::examples(&app, {QStringLiteral("slipway init --home ~/line1"),
                                QStringLiteral("slipway demo --headless --home ~/line1"),
                                QStringLiteral("slipway run t1 --slot 1=/dev/ttyACM0 --home ~/line1"),
                                QStringLiteral("slipway journal verify --home ~/line1")});

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success &wanted) { // --help, --help-all, --version
        return app.exit(wanted);
    } catch (const CLI::ParseError &error) {
        context.say(Fault("base.usage", usageError(app, wordsOf(argc, argv), error)));
        return 2;
    }

    // A file-size limit that is reached shall be an error to report, like a full disk, not an end without a word.
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        context.watchSignals();
        refuseOwnFiles(app, context.homePath());
        return context.perform();
    } catch (const Fault &fault) {
        context.say(fault);
        if (!fault.detail().isEmpty() && qEnvironmentVariableIsSet("SLIPWAY_DETAIL"))
            context.say(QStringLiteral("  ") + fault.detail());
        return fault.exitStatus();
    } catch (const std::exception &defect) {
        context.say(Fault("internal.defect", {}, QString::fromUtf8(defect.what())));
        context.say(QStringLiteral("  ") + QString::fromUtf8(defect.what()));
        return 3;
    }
}
