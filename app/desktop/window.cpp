#include "app/desktop/window.h"

#include "app/desktop/scanfilter.h"
#include "core/base/fault.h"

#include <QGuiApplication>
#include <QPalette>
#include <QQuickStyle>
#include <QSurfaceFormat>
#include <QtQml/qqmlextensionplugin.h>

#include <algorithm>

Q_IMPORT_QML_PLUGIN(SlipwayPlugin)

namespace slipway {

using namespace Qt::StringLiterals;

void Window::prepareApplication()
{
    QQuickStyle::setStyle(u"Basic"_s);
    QSurfaceFormat format = QSurfaceFormat::defaultFormat();
    format.setSamples(4);
    QSurfaceFormat::setDefaultFormat(format);
}

Window::Window(ShellViewModel &shell, const Look &look)
{
    bool dark = look.scheme == Look::Scheme::Dark;
    if (look.scheme == Look::Scheme::System)
        dark = QGuiApplication::palette().window().color().lightness() < 128;
    QString trouble;
    const auto watching =
        QObject::connect(&m_engine, &QQmlEngine::warnings, &m_engine, [&trouble](const QList<QQmlError> &errors) {
            for (const QQmlError &error : errors)
                trouble += error.toString() + u'\n';
        });
    m_engine.addImportPath(u":/qt/qml"_s);
    m_engine.setInitialProperties({{u"shell"_s, QVariant::fromValue(&shell)},
                                   {u"dark"_s, dark},
                                   {u"textScale"_s, std::clamp(look.textScale, 1.0, 2.0)},
                                   {u"width"_s, look.size.width()},
                                   {u"height"_s, look.size.height()}});
    m_engine.load(QUrl(u"qrc:/qt/qml/Slipway/Main.qml"_s));
    QObject::disconnect(watching);
    if (!m_engine.rootObjects().isEmpty())
        m_window = qobject_cast<QQuickWindow *>(m_engine.rootObjects().constFirst());
    if (!m_window)
        throw Fault("internal.defect", {}, trouble);
    m_filter = new ScanFilter(m_window);
    QObject::connect(m_filter, &ScanFilter::scanned, &shell, &ShellViewModel::scan);
    if (look.fullScreen)
        m_window->showFullScreen();
    else
        m_window->show();
}

Window::~Window() = default;

} // namespace slipway
