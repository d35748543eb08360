#pragma once
// A state's shape, drawn in one colour so that it is told from the others without any colour. Kinds: pass, fail, error,
// stopped, stop-question, unknown, ready, waiting, working, act, yes-no, value, scan, not-reached; lamps: good,
// caution, bad, off. Fills its box; drawn again only when something changes.

#include <QColor>
#include <QtQml/qqmlregistration.h>
#include <QtQuick/QQuickPaintedItem>

namespace slipway {

class Glyph : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString kind READ kind WRITE setKind NOTIFY changed)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed)
    // Behind the shape, where the kind has a plate (stopped, error, stop-question)
    Q_PROPERTY(QColor plate READ plate WRITE setPlate NOTIFY changed)
    Q_PROPERTY(QColor plateEdge READ plateEdge WRITE setPlateEdge NOTIFY changed)

public:
    explicit Glyph(QQuickItem *parent = nullptr);
    void paint(QPainter *painter) override;

    QString kind() const { return m_kind; }
    void setKind(const QString &kind);
    QColor color() const { return m_color; }
    void setColor(const QColor &color);
    QColor plate() const { return m_plate; }
    void setPlate(const QColor &color);
    QColor plateEdge() const { return m_plateEdge; }
    void setPlateEdge(const QColor &color);

Q_SIGNALS:
    void changed();

private:
    QString m_kind;
    QColor m_color, m_plate, m_plateEdge;
};

} // namespace slipway
