#pragma once
// Tells a keyboard-wedge scanner from a person: a burst of characters with at most 35 ms between keys that ends with
// Enter is a scan, whatever has the focus; anything else is typed. Characters are held back until the pause decides,
// then delivered as if nothing had been. A text field that asked for a value (property "takesScan") gets a scan as
// text. Installed on a window.

#include <QKeyEvent>
#include <QObject>
#include <QTimer>

#include <memory>
#include <vector>

class QWindow;

namespace slipway {

class ScanFilter : public QObject
{
    Q_OBJECT

public:
    static constexpr int longestGapMs = 35;
    static constexpr int shortestScan = 3;   // characters
    static constexpr int longestScan = 4096; // more is no scan; the rest is dropped

    explicit ScanFilter(QWindow *window);

    bool isHolding() const { return !m_held.empty(); } // keys of which it is not known yet what they are
    bool eventFilter(QObject *watched, QEvent *event) override;

Q_SIGNALS:
    void scanned(const QString &text);

private:
    bool keyPressed(const QKeyEvent &event);
    void decide();
    void typed();
    QObject *fieldThatTakesScans() const;

    QWindow *m_window;
    std::vector<std::unique_ptr<QKeyEvent>> m_held;
    QString m_text;
    quint64 m_last = 0; // ms, the events' clock
    QTimer m_pause;
    bool m_waitedOnce = false; // after a late timer, for keys that are still on their way
    bool m_replaying = false;
};

} // namespace slipway
