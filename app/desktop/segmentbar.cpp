#include "app/desktop/segmentbar.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <numeric>
#include <utility>

namespace slipway {

SegmentBar::SegmentBar(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
    connect(this, &SegmentBar::changed, this, [this] { update(); });
}

QList<std::pair<double, double>> SegmentBar::layOut(const QList<double> &weights, const QList<double> &least,
                                                    double width, double gap)
{
    QList<std::pair<double, double>> result;
    const auto count = weights.size();
    if (count == 0)
        return result;
    const double room = std::max(0.0, width - gap * double(count - 1));
    QList<double> floors = least;
    if (std::accumulate(floors.begin(), floors.end(), 0.0) > room)
        floors.fill(room / double(count));
    // What the narrow ones take beyond their share is taken from the wide ones.
    QList<double> widths = floors;
    QList<bool> fixed(count, false);
    for (bool again = true; again;) {
        again = false;
        double free = room;
        double total = 0;
        for (qsizetype i = 0; i < count; ++i) {
            if (fixed[i])
                free -= floors[i];
            else
                total += std::max(weights[i], 0.0);
        }
        for (qsizetype i = 0; i < count; ++i) {
            if (fixed[i])
                continue;
            widths[i] = total > 0 ? free * std::max(weights[i], 0.0) / total : floors[i];
            if (widths[i] < floors[i]) {
                widths[i] = floors[i];
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
    const QFontMetricsF metrics(m_font);
    QList<double> weights, least, named;
    for (const QVariant &item : std::as_const(m_segments)) {
        const QVariantMap segment = item.toMap();
        weights << segment.value(QStringLiteral("weight")).toDouble();
        least << m_thickness * 0.8;
        named << metrics.horizontalAdvance(segment.value(QStringLiteral("name")).toString()) + m_thickness * 0.5;
    }
    const double room = width() - m_gap * double(std::max<qsizetype>(0, m_segments.size() - 1));
    const bool allNamed = m_named && std::accumulate(named.begin(), named.end(), 0.0) <= room;
    const auto places = layOut(weights, allNamed ? named : least, width(), m_gap);
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
        if (m_named && metrics.horizontalAdvance(name) <= w + 0.5) {
            painter->setFont(m_font);
            painter->setPen(m_nameColor);
            painter->drawText(QPointF(x, m_thickness + metrics.ascent() * 1.4), name);
        }
    }
}

} // namespace slipway
