// The desktop over the real thing: a home, the journal, the virtual line; nothing rehearsed.

#include "app/desktop/demosource.h"
#include "app/desktop/unitlife.h"
#include "app/desktop/window.h"
#include "tests/support/testmain.h"

#include <QDir>
#include <QQuickItem>
#include <QTemporaryDir>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

constexpr int patience = 120'000; // ms: four real runs on a busy machine

QQuickItem *find(QQuickItem *below, const QString &name)
{
    if (below->objectName() == name && below->isVisible())
        return below;
    const QList<QQuickItem *> children = below->childItems();
    for (QQuickItem *child : children) {
        if (QQuickItem *found = find(child, name))
            return found;
    }
    return nullptr;
}

bool picture(const Window &window, const QString &name)
{
    return QDir().mkpath(QStringLiteral(SLIPWAY_SCREENS)) &&
           window.window()->grabWindow().save(QStringLiteral(SLIPWAY_SCREENS) + u'/' + name + u".png"_s);
}

} // namespace

class TestDemoScreen : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void fourUnits()
    {
        QTemporaryDir folder;
        const QString home = folder.filePath(u"home"_s);
        QString serial;
        QString journal;
        {
            ShellViewModel shell(std::make_unique<DemoSource>(home, 4, u"demo"_s));
            Window window(shell, {Window::Look::Scheme::Light, 1, false, QSize(1600, 1000)});
            shell.begin();
            QTRY_COMPARE_WITH_TIMEOUT(shell.stage(), ShellViewModel::Line, patience);
            LineViewModel &line = *shell.line();
            QVERIFY(line.training());
            QCOMPARE(line.places()->count(), 4);
            bool pictured = false;
            const auto allPassed = [&] {
                int passed = 0;
                for (int number = 1; number <= 4; ++number) {
                    const SlotViewModel *place = line.places()->place(number);
                    passed += place->look() == SlotViewModel::Look::Pass ? 1 : 0;
                    if (!pictured && place->percent().size() > 3 && place->look() == SlotViewModel::Look::Working)
                        pictured = picture(window, u"demo-working"_s);
                }
                return passed == 4;
            };
            const bool done = QTest::qWaitFor(allPassed, patience);
            QVERIFY(picture(window, u"demo-done"_s));
            QVERIFY2(done, qPrintable(line.places()->place(1)->spoken() + line.notice()));
            QVERIFY(pictured);
            QTRY_COMPARE(line.counters()->done(), u"4"_s);
            QTRY_COMPARE(line.counters()->firstPass(), u"100.0 %"_s);
            QCOMPARE(line.recent()->rowCount(), 4);

            // A run's page: every step passed, the certificate is shown, the life has come from the journal.
            line.open(1);
            serial = line.selectedPlace()->serial();
            const auto lifeShown = [&] {
                for (const QVariant &section : line.run()->sections()) {
                    const QVariantMap map = section.toMap();
                    if (map.value(u"title"_s) == u"Life"_s)
                        return !map.value(u"rows"_s).toList().isEmpty();
                }
                return false;
            };
            QTRY_VERIFY(lifeShown());
            QTRY_VERIFY(find(window.window()->contentItem(), u"fact-Certificate"_s));
            QVERIFY(line.run()->steps()->count() >= 5);
            line.run()->selectStep(LogListModel::everyStep);
            QVERIFY(line.run()->log()->count() > 0);
            QVERIFY(picture(window, u"demo-run"_s));
            line.act(1, u"print"_s);
            QVERIFY2(QFile::exists(line.noticeRemedy()), qPrintable(line.notice()));

            // Space brings the next unit.
            line.back();
            line.select(2);
            line.confirm();
            QTRY_VERIFY_WITH_TIMEOUT(line.counters()->done() == u"5", patience);
            QVERIFY(line.selectedPlace()->serial() != serial);
            journal = home + u"/journal.db"_s;
        }
        // What the screen said stands in the journal.
        const UnitLife life = UnitLife::read(journal, Mode::Training, serial);
        QCOMPARE(life.passages.size(), 1);
        QVERIFY(life.passages[0].verdict == Verdict::Pass);
        QVERIFY(life.signedTo > 0);
    }

    // A second Slipway on the same home is told so, and gets in when the first has gone.
    void secondStation()
    {
        QTemporaryDir folder;
        const QString home = folder.filePath(u"home"_s);
        auto first = std::make_unique<ShellViewModel>(std::make_unique<HomeSource>(home, StationOptions{}, QString()));
        first->begin();
        QCOMPARE(first->stage(), ShellViewModel::NoHome);
        first->makeHome(u"Line 3"_s);
        QTRY_COMPARE_WITH_TIMEOUT(first->stage(), ShellViewModel::Line, patience);
        QCOMPARE(first->line()->stationName(), u"Line 3"_s);
        QCOMPARE(first->line()->modeWord(), u"PRODUCTION"_s);

        ShellViewModel second(std::make_unique<HomeSource>(home, StationOptions{}, QString()));
        second.begin();
        QTRY_COMPARE_WITH_TIMEOUT(second.stage(), ShellViewModel::Trouble, patience);
        QVERIFY(second.headline().contains(u"at work"_s));
        first.reset();
        second.tryAgain();
        QTRY_COMPARE_WITH_TIMEOUT(second.stage(), ShellViewModel::Line, patience);
    }

    void damagedHome()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath(u"station.yaml"_s));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("station: 1\nname: [\n");
        file.close();
        ShellViewModel shell(std::make_unique<HomeSource>(folder.path(), StationOptions{}, QString()));
        shell.begin();
        QTRY_COMPARE_WITH_TIMEOUT(shell.stage(), ShellViewModel::Trouble, patience);
        QVERIFY(!shell.headline().isEmpty());
    }
};

int main(int argc, char **argv)
{
    Window::prepareApplication();
    QGuiApplication application(argc, argv);
    test::watchLog();
    TestDemoScreen test;
    const int failed = QTest::qExec(&test, argc, argv);
    return failed ? failed : (test::unexpectedLogs() ? 99 : 0);
}
#include "tst_demoscreen.moc"
