#pragma once
// The application's window over a shell view model: engine, QML, scan filter. main() and the screen tests both make
// one.

#include "app/desktop/shellviewmodel.h"

#include <QQmlApplicationEngine>
#include <QQuickWindow>

#include <memory>

namespace slipway {

class ScanFilter;

class Window
{
public:
    struct Look {
        enum class Scheme { System, Light, Dark };
        Scheme scheme = Scheme::System;
        qreal textScale = 1; // 1..2
        bool fullScreen = false;
        QSize size{1600, 1000};
    };

    // Throws internal.defect when the screens cannot be loaded. shell must outlive it.
    Window(ShellViewModel &shell, const Look &look);
    ~Window();

    QQuickWindow *window() const { return m_window; }
    QQmlEngine &engine() { return m_engine; }
    ScanFilter &filter() const { return *m_filter; }

    // To be called before the QGuiApplication is made.
    static void prepareApplication();

private:
    QQmlApplicationEngine m_engine;
    QQuickWindow *m_window = nullptr;
    ScanFilter *m_filter = nullptr; // child of the window
};

} // namespace slipway
