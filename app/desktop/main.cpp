// slipway-desktop: the station on a screen. Opens the home (or offers to make one), or the virtual line of --demo.

#include "app/desktop/demosource.h"
#include "app/desktop/window.h"
#include "core/base/fault.h"

#include <QCommandLineParser>
#include <QGuiApplication>
#include <QIcon>
#include <QSocketNotifier>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

int wakeUp[2] = {-1, -1};

extern "C" void onSignal(int)
{
    const char byte = 1;
    [[maybe_unused]] const auto written = ::write(wakeUp[1], &byte, 1);
}

// A session that ends, or a kill, is a close: runs stop at their next safe point and the journal is closed.
void quitOnSignals(QGuiApplication &application)
{
    if (::pipe2(wakeUp, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    auto *notifier = new QSocketNotifier(wakeUp[0], QSocketNotifier::Read, &application);
    QObject::connect(notifier, &QSocketNotifier::activated, &application, &QGuiApplication::quit);
    struct sigaction action = {};
    action.sa_handler = onSignal;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        ::sigaction(signal, &action, nullptr);
}

int refuse(const QString &sentence)
{
    std::fprintf(stderr, "slipway-desktop: %s\n", qPrintable(sentence));
    return 2;
}

} // namespace

int main(int argc, char **argv)
{
    Window::prepareApplication();
    QGuiApplication application(argc, argv);
    QGuiApplication::setApplicationName(u"slipway"_s);
    QGuiApplication::setApplicationDisplayName(u"Slipway"_s);
    QGuiApplication::setApplicationVersion(QStringLiteral(SLIPWAY_VERSION));
    QGuiApplication::setDesktopFileName(u"slipway-desktop"_s);
    QGuiApplication::setWindowIcon(QIcon(u":/slipway/icons/slipway-desktop.svg"_s));

    QCommandLineParser parser;
    parser.setApplicationDescription(u"The Slipway station on a screen: takes IoT devices from blank to shipped."_s);
    const QCommandLineOption help = parser.addHelpOption();
    const QCommandLineOption version = parser.addVersionOption();
    const QCommandLineOption home(u"home"_s, u"The station's folder (default: the platform's data folder)."_s,
                                  u"DIR"_s);
    const QCommandLineOption demo(u"demo"_s, u"A virtual line in training mode: nothing to plug in."_s);
    const QCommandLineOption places(u"slots"_s, u"How many virtual devices, 1 to 64 (default 4)."_s, u"N"_s, u"4"_s);
    const QCommandLineOption recipe(u"recipe"_s, u"A recipe of the home, or a file."_s, u"NAME"_s);
    const QCommandLineOption training(u"training"_s,
                                      u"Training: its own numbers and certificates; on record as such."_s);
    const QCommandLineOption person(u"operator"_s, u"Who works here, for the record."_s, u"NAME"_s);
    const QCommandLineOption together(u"together"_s, u"Units wait until A starts all places at once."_s);
    const QCommandLineOption light(u"light"_s, u"Dark on light (default: as the desktop is set)."_s);
    const QCommandLineOption dark(u"dark"_s, u"Light on dark."_s);
    const QCommandLineOption fullScreen(u"fullscreen"_s, u"The whole screen, without a frame."_s);
    const QCommandLineOption textScale(u"text-scale"_s, u"Size of text in percent, 100 to 200."_s, u"PERCENT"_s,
                                       u"100"_s);
    parser.addOptions({home, demo, places, recipe, training, person, together, light, dark, fullScreen, textScale});
    if (!parser.parse(QGuiApplication::arguments()))
        return refuse(parser.errorText());
    if (parser.isSet(help))
        parser.showHelp(0);
    if (parser.isSet(version))
        parser.showVersion();
    if (!parser.positionalArguments().isEmpty())
        return refuse(u"\"%1\" is no option. See --help."_s.arg(parser.positionalArguments().constFirst()));

    bool placesGood = false;
    const int count = parser.value(places).toInt(&placesGood);
    if (!placesGood || count < 1 || count > 64)
        return refuse(u"--slots takes a number from 1 to 64."_s);
    bool scaleGood = false;
    const int percent = parser.value(textScale).toInt(&scaleGood);
    if (!scaleGood || percent < 100 || percent > 200)
        return refuse(u"--text-scale takes a number from 100 to 200."_s);
    if (parser.isSet(light) && parser.isSet(dark))
        return refuse(u"--light and --dark exclude each other."_s);

    std::unique_ptr<StationSource> source;
    if (parser.isSet(demo)) {
        source = std::make_unique<DemoSource>(parser.value(home), count,
                                              parser.isSet(person) ? parser.value(person) : u"demo"_s);
    } else {
        StationOptions options;
        options.mode = parser.isSet(training) ? Mode::Training : Mode::Production;
        options.person = parser.value(person);
        options.barrierStart = parser.isSet(together);
        source = std::make_unique<HomeSource>(parser.isSet(home) ? parser.value(home) : Home::defaultPath(), options,
                                              parser.value(recipe));
    }

    Window::Look look;
    look.scheme = parser.isSet(dark)    ? Window::Look::Scheme::Dark
                  : parser.isSet(light) ? Window::Look::Scheme::Light
                                        : Window::Look::Scheme::System;
    look.textScale = percent / 100.0;
    look.fullScreen = parser.isSet(fullScreen);
    try {
        ShellViewModel shell(std::move(source));
        const Window window(shell, look);
        quitOnSignals(application);
        shell.begin();
        return QGuiApplication::exec();
    } catch (const Fault &fault) {
        std::fprintf(stderr, "%s\n", qPrintable(fault.text()));
        if (!fault.detail().isEmpty())
            std::fprintf(stderr, "  %s\n", qPrintable(fault.detail()));
        return fault.exitStatus();
    }
}
