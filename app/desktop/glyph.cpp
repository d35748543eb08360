#include "app/desktop/glyph.h"

#include <QPainter>
#include <QPainterPath>

#include <functional>

namespace slipway {

namespace {

// All shapes are drawn in a box of 100 x 100.
struct Brush {
    QPainter &p;
    QColor color;

    void stroke(const QPainterPath &path, double width, Qt::PenCapStyle cap = Qt::FlatCap,
                Qt::PenJoinStyle join = Qt::MiterJoin) const
    {
        p.setPen(QPen(color, width, Qt::SolidLine, cap, join));
        p.setBrush(Qt::NoBrush);
        p.drawPath(path);
    }
    void line(double x1, double y1, double x2, double y2, double width, Qt::PenCapStyle cap = Qt::FlatCap) const
    {
        QPainterPath path(QPointF(x1, y1));
        path.lineTo(x2, y2);
        stroke(path, width, cap);
    }
    void polygon(std::initializer_list<QPointF> points) const
    {
        p.setPen(Qt::NoPen);
        p.setBrush(color);
        p.drawPolygon(QPolygonF(QList<QPointF>(points)));
    }
    void disc(double x, double y, double radius) const
    {
        p.setPen(Qt::NoPen);
        p.setBrush(color);
        p.drawEllipse(QPointF(x, y), radius, radius);
    }
    void ring(double x, double y, double radius, double width) const
    {
        p.setPen(QPen(color, width));
        p.setBrush(Qt::NoBrush);
        p.drawEllipse(QPointF(x, y), radius, radius);
    }
    void rect(double x, double y, double w, double h) const { p.fillRect(QRectF(x, y, w, h), color); }
};

void check(const Brush &b, double x, double y, double size, double width)
{
    QPainterPath path(QPointF(x + size * 0.07, y + size * 0.52));
    path.lineTo(x + size * 0.37, y + size * 0.81);
    path.lineTo(x + size * 0.93, y + size * 0.19);
    b.stroke(path, width);
}

void cross(const Brush &b, double x, double y, double size, double width)
{
    b.line(x + size * 0.08, y + size * 0.08, x + size * 0.92, y + size * 0.92, width);
    b.line(x + size * 0.92, y + size * 0.08, x + size * 0.08, y + size * 0.92, width);
}

void question(const Brush &b)
{
    QPainterPath path;
    path.moveTo(27, 33);
    path.cubicTo(27, -1, 75, -1, 75, 30);
    path.cubicTo(75, 50, 50, 48, 50, 72);
    b.stroke(path, 14);
    b.rect(42, 82, 16, 16);
}

// A raised hand: a person must do something.
void hand(const Brush &b)
{
    for (const auto &[x, top] : {std::pair{33.0, 24.0}, {47.0, 10.0}, {61.0, 12.0}, {75.0, 26.0}})
        b.line(x, top, x, 62, 11, Qt::RoundCap);
    QPainterPath palm;
    palm.moveTo(27.5, 50);
    palm.lineTo(80.5, 50);
    palm.lineTo(80.5, 68);
    palm.cubicTo(80.5, 88, 68, 98, 54, 98);
    palm.cubicTo(42, 98, 36, 92, 30, 84);
    palm.lineTo(27.5, 80);
    palm.closeSubpath();
    b.p.setPen(Qt::NoPen);
    b.p.setBrush(b.color);
    b.p.drawPath(palm);
    QPainterPath thumb(QPointF(34, 82));
    thumb.lineTo(15, 59);
    b.stroke(thumb, 11, Qt::RoundCap);
}

void corners(const Brush &b, double width)
{
    const double a = width / 2;
    const double z = 100 - a;
    for (const auto &[x, y, dx, dy] :
         {std::tuple{a, a, 1.0, 1.0}, {z, a, -1.0, 1.0}, {a, z, 1.0, -1.0}, {z, z, -1.0, -1.0}}) {
        QPainterPath path(QPointF(x + dx * 22, y));
        path.lineTo(x, y);
        path.lineTo(x, y + dy * 22);
        b.stroke(path, width);
    }
}

void barcode(const Brush &b)
{
    corners(b, 9);
    for (const auto &[x, w] : {std::pair{22.0, 8.0}, {36.0, 5.0}, {47.0, 12.0}, {64.0, 5.0}, {74.0, 5.0}})
        b.rect(x, 24, w, 52);
}

void draw(const QString &kind, const Brush &b)
{
    if (kind == u"pass")
        check(b, 0, 0, 100, 17);
    else if (kind == u"fail")
        cross(b, 0, 0, 100, 18);
    else if (kind == u"stopped" || kind == u"stop-question")
        b.rect(30, 30, 40, 40);
    else if (kind == u"error") {
        QPainterPath triangle(QPointF(50, 17));
        triangle.lineTo(87, 81);
        triangle.lineTo(13, 81);
        triangle.closeSubpath();
        b.stroke(triangle, 9, Qt::FlatCap, Qt::RoundJoin);
        b.rect(45.5, 38, 9, 20);
        b.rect(45.5, 63, 9, 9);
    } else if (kind == u"unknown")
        question(b);
    else if (kind == u"ready" || kind == u"off")
        b.ring(50, 50, 42, kind == u"off" ? 16 : 11);
    else if (kind == u"waiting") {
        b.ring(50, 50, 43, 11);
        QPainterPath hands(QPointF(50, 22));
        hands.lineTo(50, 52);
        hands.lineTo(70, 64);
        b.stroke(hands, 10);
    } else if (kind == u"working")
        b.polygon({{16, 6}, {94, 50}, {16, 94}});
    else if (kind == u"act")
        hand(b);
    else if (kind == u"yes-no") {
        check(b, 0, 4, 52, 12);
        cross(b, 58, 48, 42, 12);
        b.line(28, 96, 72, 4, 5);
    } else if (kind == u"value") {
        b.p.setPen(QPen(b.color, 9));
        b.p.setBrush(Qt::NoBrush);
        b.p.drawRect(QRectF(4.5, 22, 91, 56));
        b.rect(26, 34, 8, 32);
        b.rect(18, 31, 24, 6);
        b.rect(18, 63, 24, 6);
    } else if (kind == u"scan")
        barcode(b);
    else if (kind == u"not-reached")
        b.rect(18, 43, 64, 14);
    else if (kind == u"good")
        b.disc(50, 50, 50);
    else if (kind == u"caution")
        b.polygon({{50, 0}, {100, 50}, {50, 100}, {0, 50}});
    else if (kind == u"bad")
        cross(b, 0, 0, 100, 24);
}

bool hasPlate(const QString &kind)
{
    return kind == u"stopped" || kind == u"error" || kind == u"stop-question";
}

} // namespace

Glyph::Glyph(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
}

void Glyph::paint(QPainter *painter)
{
    const double side = std::min(width(), height());
    if (side <= 0)
        return;
    painter->setRenderHint(QPainter::Antialiasing);
    painter->translate((width() - side) / 2, (height() - side) / 2);
    painter->scale(side / 100, side / 100);
    if (hasPlate(m_kind) && m_plate.alpha() > 0) {
        painter->setPen(QPen(m_plateEdge, 4));
        painter->setBrush(m_plate);
        painter->drawRoundedRect(QRectF(2, 2, 96, 96), 9, 9);
    }
    draw(m_kind, Brush{*painter, m_color});
}

void Glyph::setKind(const QString &kind)
{
    if (kind == m_kind)
        return;
    m_kind = kind;
    update();
    Q_EMIT changed();
}

void Glyph::setColor(const QColor &color)
{
    if (color == m_color)
        return;
    m_color = color;
    update();
    Q_EMIT changed();
}

void Glyph::setPlate(const QColor &color)
{
    if (color == m_plate)
        return;
    m_plate = color;
    update();
    Q_EMIT changed();
}

void Glyph::setPlateEdge(const QColor &color)
{
    if (color == m_plateEdge)
        return;
    m_plateEdge = color;
    update();
    Q_EMIT changed();
}

} // namespace slipway
