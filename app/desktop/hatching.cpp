#include "app/desktop/hatching.h"

#include <QPainter>
#include <QPainterPath>

#include <cmath>

namespace slipway {

Hatching::Hatching(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
    connect(this, &Hatching::changed, this, [this] { update(); });
}

void Hatching::paint(QPainter *painter)
{
    painter->setRenderHint(QPainter::Antialiasing);
    const QRectF box(0, 0, width(), height());
    if (m_dash > 0) {
        QPen pen(m_color, m_line);
        pen.setDashPattern({m_dash / m_line, m_dash / m_line * 0.75});
        painter->setPen(pen);
        painter->setBrush(Qt::NoBrush);
        const double in = m_line / 2;
        painter->drawRoundedRect(box.adjusted(in, in, -in, -in), m_radius, m_radius);
        return;
    }
    if (m_stripe <= 0)
        return;
    QPainterPath clip;
    clip.addRoundedRect(box, m_radius, m_radius);
    painter->setClipPath(clip);
    // Along the upper edge a stripe of width s covers s * sqrt(2).
    const double across = m_stripe * std::sqrt(2.0);
    painter->setPen(Qt::NoPen);
    painter->setBrush(m_color);
    for (double x = 0; x < width() + height() + across; x += 2 * across) {
        const QPointF stripe[] = {{x, 0}, {x + across, 0}, {x + across - height(), height()}, {x - height(), height()}};
        painter->drawPolygon(stripe, 4);
    }
}

} // namespace slipway
