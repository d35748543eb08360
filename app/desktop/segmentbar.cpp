#include "app/desktop/segmentbar.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <numeric>

namespace slipway {

SegmentBar::SegmentBar(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
    connect(this, &SegmentBar::changed, this, [this] { update(); });
}

QList<std::pair<double, double>> SegmentBar::layOut(const QList<double> &weights, double width, double gap,
                                                    double least)
{
    QList<std::pair<double, double>> result;
    const auto count = weights.size();
    if (count == 0)
        return result;
    const double room = std::max(0.0, width - gap * double(count - 1));
    const double floor = std::min(least, room / double(count));
    // What the narrow ones take beyond their share is taken from the wide ones.
    QList<double> widths(count, floor);
    QList<bool> fixed(count, false);
    for (bool again = true; again;) {
        again = false;
        double free = room;
        double total = 0;
        for (qsizetype i = 0; i < count; ++i) {
            if (fixed[i])
                free -= floor;
            else
                total += std::max(weights[i], 0.0);
        }
        for (qsizetype i = 0; i < count; ++i) {
            if (fixed[i])
                continue;
            widths[i] = total > 0 ? free * std::max(weights[i], 0.0) / total : floor;
            if (widths[i] < floor) {
                widths[i] = floor;
                fixed[i] = again = true;
            }
        }
    }
    double x = 0;
    for (const double w : widths) {
        result << std::pair(x, w);
        x += w + gap;
    }
    return result;
}

void SegmentBar::paint(QPainter *painter)
{
    painter->setRenderHint(QPainter::Antialiasing);
    QList<double> weights;
    for (const QVariant &segment : m_segments)
        weights << segment.toMap().value(QStringLiteral("weight")).toDouble();
    const auto places = layOut(weights, width(), m_gap, m_thickness * 0.8);
    const QFontMetricsF metrics(m_font);
    for (qsizetype i = 0; i < m_segments.size(); ++i) {
        const QVariantMap segment = m_segments[i].toMap();
        const auto [x, w] = places[i];
        QPainterPath shape;
        shape.addRoundedRect(QRectF(x, 0, w, m_thickness), m_radius, m_radius);
        painter->fillPath(shape, m_track);
        const double fraction = std::clamp(segment.value(QStringLiteral("fraction")).toDouble(), 0.0, 1.0);
        if (fraction > 0) {
            painter->save();
            painter->setClipRect(QRectF(x, 0, w * fraction, m_thickness));
            painter->fillPath(shape, m_color);
            painter->restore();
        }
        const QString name = segment.value(QStringLiteral("name")).toString();
        if (m_named && metrics.horizontalAdvance(name) <= w) {
            painter->setFont(m_font);
            painter->setPen(m_nameColor);
            painter->drawText(QPointF(x, m_thickness + metrics.ascent() * 1.4), name);
        }
    }
}

} // namespace slipway
