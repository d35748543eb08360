// Time from a change of all places to the finished frame, 24 busy places at 1600 x 1000, against the 16 ms of a 60 Hz
// screen. Rendered as the platform and QT_QUICK_BACKEND say (in tests: offscreen, software).

#include "tests/screen/screen.h"

#include <QQuickWindow>

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

int main(int argc, char **argv)
{
    Window::prepareApplication();
    QGuiApplication application(argc, argv);
    for (const int places : {8, 24}) {
        auto line = std::make_unique<RehearsedStation>(places);
        for (int n = 1; n <= places; ++n)
            line->views[size_t(n) - 1] = workingView(n, u"T1-%1"_s.arg(n, 8, 10, QChar(u'0')), 1, 0);
        Screen screen(std::move(line), lightLook());
        if (!screen.waitFor(ShellViewModel::Line))
            return 3;
        std::vector<double> frames, work;
        for (int i = 1; i <= 200; ++i) {
            for (int n = 1; n <= places; ++n) {
                screen.station().views[size_t(n) - 1] =
                    workingView(n, u"T1-%1"_s.arg(n, 8, 10, QChar(u'0')), 1, (i * 7 % 200) / 200.0);
                screen.line().places()->place(n)->update(screen.station().views[size_t(n) - 1]);
            }
            QElapsedTimer clock;
            clock.start();
            const std::clock_t before = std::clock();
            const QImage image = screen.window()->grabWindow(); // polish, sync, render
            frames.push_back(double(clock.nsecsElapsed()) / 1e6);
            work.push_back(double(std::clock() - before) * 1e3 / CLOCKS_PER_SEC);
            if (image.isNull())
                return 3;
        }
        std::sort(frames.begin(), frames.end());
        std::sort(work.begin(), work.end());
        std::printf("%2d busy places: whole frame p50 %.1f ms, p95 %.1f ms; processor time p50 %.1f ms, p95 %.1f ms, "
                    "%.2f of 16 ms\n",
                    places, frames[frames.size() / 2], frames[frames.size() * 95 / 100], work[work.size() / 2],
                    work[work.size() * 95 / 100], work[work.size() * 95 / 100] / 16);
    }
    return 0;
}
