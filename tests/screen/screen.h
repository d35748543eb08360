#pragma once
// A window over a rehearsed station: finds items by objectName, types, scans, judges what is shown, leaves a picture.

#include "app/desktop/window.h"
#include "tests/screen/rehearsedstation.h"
#include "tests/support/testmain.h"

#include <QQuickItem>
#include <QTemporaryDir>
#include <QtTest>

namespace slipway::test {

class Screen
{
public:
    explicit Screen(std::unique_ptr<RehearsedStation> station, const Window::Look &look = {});
    // Prepared by the test: no home, a fault, several recipes.
    explicit Screen(std::unique_ptr<RehearsedSource> source, const Window::Look &look = {});
    ~Screen();

    RehearsedStation &station() { return *m_station; }
    RehearsedSource &source() { return *m_source; }
    ShellViewModel &shell() { return *m_shell; }
    LineViewModel &line() { return *m_shell->line(); }
    QQuickWindow *window() { return m_window->window(); }
    QQmlEngine &engine() { return m_window->engine(); }
    QString folder() const { return m_folder.path(); }

    bool waitFor(ShellViewModel::Stage stage);
    // The first item of that objectName below the other one (default: the window); null when there is none.
    QQuickItem *find(const QString &name, QQuickItem *below = nullptr);
    QQuickItem *tile(int number) { return find(QStringLiteral("tile-%1").arg(number)); }
    QString text(const QString &name, QQuickItem *below = nullptr);
    bool isShown(const QString &name, QQuickItem *below = nullptr);
    QString focusName(); // objectName of the item with the focus

    // Key events with a clock of their own: keys come a second apart, a scanner's 4 ms apart.
    void key(int key, Qt::KeyboardModifiers modifiers = {}, const QString &text = {});
    void type(const QString &text);
    void scan(const QString &text, int gapMs = 4);

    // Lets bindings, layout and images come to rest.
    void settle();
    // Into build/<preset>/screens/NAME.png
    bool picture(const QString &name);

    // What is wrong with what is shown; empty: nothing. may: objectNames of texts that may be cut or overlap.
    QStringList cutTexts(const QStringList &may = {});
    QStringList overlappingTexts(const QStringList &may = {});
    // Texts of a tile that stand out over its edge.
    QStringList spillingTexts();
    QStringList namelessControls();

private:
    void send(int key, Qt::KeyboardModifiers modifiers, const QString &text);
    QList<QQuickItem *> shownTexts(const QStringList &except);

    QTemporaryDir m_folder;
    RehearsedStation *m_station = nullptr;
    RehearsedSource *m_source = nullptr;
    std::unique_ptr<ShellViewModel> m_shell;
    std::unique_ptr<Window> m_window;
    quint64 m_clock = 100'000; // ms of the key events
};

Window::Look lightLook(QSize size = {1600, 1000}, qreal textScale = 1);
Window::Look darkLook(QSize size = {1600, 1000}, qreal textScale = 1);

} // namespace slipway::test

// main() of a screen test: a GUI application, and an unexpected warning fails.
#define SLIPWAY_SCREEN_MAIN(Class)                                                                                     \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        slipway::Window::prepareApplication();                                                                         \
        QGuiApplication application(argc, argv);                                                                       \
        slipway::test::watchLog();                                                                                     \
        Class test;                                                                                                    \
        const int failed = QTest::qExec(&test, argc, argv);                                                            \
        return failed ? failed : (slipway::test::unexpectedLogs() ? 99 : 0);                                           \
    }
