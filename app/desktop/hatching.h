#pragma once
// 45-degree stripes in one colour over a rounded box, the texture for UNKNOWN, training and what cannot be undone;
// or a dashed outline, the frame of a place that waits for a unit.

#include <QColor>
#include <QtQml/qqmlregistration.h>
#include <QtQuick/QQuickPaintedItem>

namespace slipway {

class Hatching : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QColor color MEMBER m_color NOTIFY changed)
    Q_PROPERTY(qreal stripe MEMBER m_stripe NOTIFY changed) // width of a stripe and of a gap
    Q_PROPERTY(qreal radius MEMBER m_radius NOTIFY changed)
    Q_PROPERTY(qreal dash MEMBER m_dash NOTIFY changed) // > 0: no stripes, a dashed outline of this dash length
    Q_PROPERTY(qreal line MEMBER m_line NOTIFY changed) // width of the outline

public:
    explicit Hatching(QQuickItem *parent = nullptr);
    void paint(QPainter *painter) override;

Q_SIGNALS:
    void changed();

private:
    QColor m_color;
    qreal m_stripe = 8, m_radius = 0, m_dash = 0, m_line = 1;
};

} // namespace slipway
