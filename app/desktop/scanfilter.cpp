#include "app/desktop/scanfilter.h"

#include <QCoreApplication>
#include <QGuiApplication>
#include <QWindow>

namespace slipway {

ScanFilter::ScanFilter(QWindow *window) : QObject(window), m_window(window)
{
    m_pause.setSingleShot(true);
    m_pause.setTimerType(Qt::PreciseTimer);
    connect(&m_pause, &QTimer::timeout, this, &ScanFilter::decide);
    window->installEventFilter(this);
}

bool ScanFilter::eventFilter(QObject *watched, QEvent *event)
{
    if (watched != m_window || m_replaying || event->type() != QEvent::KeyPress)
        return QObject::eventFilter(watched, event);
    return keyPressed(*static_cast<QKeyEvent *>(event));
}

bool ScanFilter::keyPressed(const QKeyEvent &event)
{
    const bool enter = event.key() == Qt::Key_Return || event.key() == Qt::Key_Enter;
    const bool quick = !m_held.empty() && event.timestamp() - m_last <= quint64(longestGapMs);
    if (!m_held.empty() && !quick)
        typed();
    if (enter && quick && m_text.size() >= shortestScan) {
        const QString text = m_text;
        m_held.clear();
        m_text.clear();
        m_pause.stop();
        if (QObject *field = fieldThatTakesScans())
            field->setProperty("text", text);
        else
            Q_EMIT scanned(text);
        return true;
    }
    const Qt::KeyboardModifiers commands = Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier;
    const bool character = !enter && !(event.modifiers() & commands) && !event.text().isEmpty() &&
                           event.text().at(0).isPrint() && !event.isAutoRepeat();
    if (!character) {
        const bool onlyModifier = event.key() == Qt::Key_Shift || event.key() == Qt::Key_CapsLock;
        if (!onlyModifier)
            typed();
        return false;
    }
    m_last = event.timestamp();
    if (m_text.size() < longestScan) {
        m_held.push_back(std::make_unique<QKeyEvent>(QEvent::KeyPress, event.key(), event.modifiers(), event.text()));
        m_text += event.text();
    }
    m_waitedOnce = false;
    m_pause.start(longestGapMs);
    return true;
}

void ScanFilter::decide()
{
    // After a busy moment the next keys may wait behind this timer: let them come first, once.
    if (!m_waitedOnce) {
        m_waitedOnce = true;
        m_pause.start(0);
        return;
    }
    typed();
}

void ScanFilter::typed()
{
    m_pause.stop();
    const auto held = std::move(m_held);
    m_held.clear();
    m_text.clear();
    m_replaying = true;
    for (const auto &press : held) {
        QCoreApplication::sendEvent(m_window, press.get());
        QKeyEvent release(QEvent::KeyRelease, press->key(), press->modifiers(), press->text());
        QCoreApplication::sendEvent(m_window, &release);
    }
    m_replaying = false;
}

QObject *ScanFilter::fieldThatTakesScans() const
{
    QObject *focus =
        m_window->isActive() || QGuiApplication::focusWindow() == m_window ? m_window->focusObject() : nullptr;
    return focus && focus->property("takesScan").toBool() ? focus : nullptr;
}

} // namespace slipway
