#include "app/desktop/figuretext.h"

#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace slipway {

namespace {

bool isDigit(QChar c)
{
    return c >= u'0' && c <= u'9';
}

// Calls what(text, isDigit) for each digit and each run of other characters.
template <typename What> void split(const QString &text, What what)
{
    for (qsizetype from = 0; from < text.size();) {
        qsizetype to = from + 1;
        if (!isDigit(text[from])) {
            while (to < text.size() && !isDigit(text[to]))
                ++to;
        }
        what(text.mid(from, to - from), isDigit(text[from]));
        from = to;
    }
}

} // namespace

FigureText::FigureText(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
}

void FigureText::measure()
{
    const QFontMetricsF metrics(m_font);
    m_digit = 0;
    for (char16_t c = u'0'; c <= u'9'; ++c)
        m_digit = std::max(m_digit, metrics.horizontalAdvance(QChar(c)));
    double width = 0;
    m_advances.clear();
    split(m_text, [&](const QString &part, bool digit) {
        m_advances << (digit ? m_digit : metrics.horizontalAdvance(part));
        width += m_advances.last();
    });
    setImplicitSize(std::ceil(width), std::ceil(metrics.height()));
    setBaselineOffset(metrics.ascent());
    update();
    Q_EMIT changed();
}

void FigureText::paint(QPainter *painter)
{
    painter->setFont(m_font);
    painter->setPen(m_color);
    painter->setRenderHint(QPainter::TextAntialiasing);
    const QFontMetricsF metrics(m_font);
    double x = 0;
    qsizetype i = 0;
    split(m_text, [&](const QString &part, bool digit) {
        const double indent = digit ? (m_digit - metrics.horizontalAdvance(part)) / 2 : 0;
        painter->drawText(QPointF(x + indent, metrics.ascent()), part);
        x += m_advances.value(i++);
    });
}

void FigureText::setText(const QString &text)
{
    if (text == m_text)
        return;
    m_text = text;
    measure();
}

void FigureText::setColor(const QColor &color)
{
    if (color == m_color)
        return;
    m_color = color;
    update();
    Q_EMIT changed();
}

void FigureText::setFont(const QFont &font)
{
    if (font == m_font)
        return;
    m_font = font;
    measure();
}

} // namespace slipway
