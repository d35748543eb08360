#include "core/journal/pdfsheet.h"

#include <QFontDatabase>
#include <QFontMetricsF>
#include <QPageLayout>
#include <QPolygonF>

#include <algorithm>

namespace slipway {

namespace {

constexpr int dotsPerInch = 600;
constexpr double pointsPerInch = 72;
constexpr double pageWidth = 595.276;
constexpr double pageHeight = 841.890;
constexpr double left = 52;
constexpr double right = pageWidth - 52;
constexpr double contentTop = 84;
constexpr double contentBottom = pageHeight - 64;
constexpr double contentWidth = right - left;
constexpr double labelWidth = 100;
constexpr double gutter = 14;
constexpr double verdictWidth = 66;

const QColor ink(0x14, 0x1e, 0x28);
const QColor quiet(0x62, 0x6e, 0x79);
const QColor hair(0xd6, 0xdc, 0xe2);
const QColor faint(0xf3, 0xf5, 0xf7);
const QColor amber(0xf2, 0xb2, 0x3a);
const QColor watermark(0xfb, 0xee, 0xd5);

QColor colourOf(const QString &verdict)
{
    if (verdict == u"PASS" || verdict == u"DONE")
        return {0x17, 0x7a, 0x48};
    if (verdict == u"FAIL")
        return {0xc0, 0x28, 0x2d};
    if (verdict == u"ERROR" || verdict == u"UNKNOWN" || verdict == u"OPEN" || verdict == u"MARGINAL" ||
        verdict == u"NOT ENDED")
        return {0xa8, 0x62, 0x00};
    return quiet;
}

// Words are kept whole, but for one that is wider than its column.
int wrapping(const QFontMetricsF &metrics, double width, const QString &words)
{
    const QStringList single = words.split(u' ');
    const bool tooWide = std::any_of(single.begin(), single.end(),
                                     [&](const QString &word) { return metrics.horizontalAdvance(word) > width; });
    return tooWide ? Qt::TextWordWrap | Qt::TextWrapAnywhere : Qt::TextWordWrap;
}

QString family(std::initializer_list<const char *> wanted, QFontDatabase::SystemFont otherwise)
{
    const QStringList there = QFontDatabase::families();
    for (const char *name : wanted) {
        if (there.contains(QLatin1String(name)))
            return QLatin1String(name);
    }
    return QFontDatabase::systemFont(otherwise).family();
}

} // namespace

PdfSheet::PdfSheet(QIODevice &device, const Frame &frame)
    : m_frame(frame), m_writer(&device), m_scale(dotsPerInch / pointsPerInch)
{
    m_writer.setPdfVersion(QPagedPaintDevice::PdfVersion_A1b);
    m_writer.setResolution(dotsPerInch);
    m_writer.setPageLayout({QPageSize(QPageSize::A4), QPageLayout::Portrait, QMarginsF(0, 0, 0, 0)});
    m_writer.setTitle(frame.kind + u' ' + frame.name);
    m_writer.setCreator(QStringLiteral("Slipway"));
    m_painter.begin(&m_writer);
    m_painter.setRenderHint(QPainter::Antialiasing);
    beginPage();
}

int PdfSheet::finish()
{
    m_painter.end();
    return m_page;
}

QFont PdfSheet::font(Face face, double size, double spacing) const
{
    static const QString text = family({"Inter", "Noto Sans", "DejaVu Sans"}, QFontDatabase::GeneralFont);
    static const QString mono =
        family({"JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono"}, QFontDatabase::FixedFont);
    QFont font(face == Face::Mono ? mono : text);
    font.setPointSizeF(size);
    font.setWeight(face == Face::Strong ? QFont::DemiBold : QFont::Normal);
    // No contextual glyphs: a hyphen between digits must stay a hyphen when it is copied out of the file.
    font.setStyleStrategy(QFont::StyleStrategy(QFont::PreferQuality | QFont::PreferNoShaping));
    if (spacing > 0)
        font.setLetterSpacing(QFont::PercentageSpacing, 100 + spacing);
    return font;
}

double PdfSheet::heightOf(double width, const QString &words, const QFont &font) const
{
    const QFontMetricsF metrics(font, m_painter.device());
    const QRectF room(0, 0, pixels(width), pixels(pageHeight));
    return metrics.boundingRect(room, wrapping(metrics, room.width(), words), words).height() / m_scale;
}

double PdfSheet::block(double x, double y, double width, const QString &words, const QFont &font, const QColor &colour,
                       Qt::Alignment alignment)
{
    const double height = heightOf(width, words, font);
    m_painter.setFont(font);
    m_painter.setPen(colour);
    const int wrap = wrapping(QFontMetricsF(font, m_painter.device()), pixels(width), words);
    m_painter.drawText(QRectF(pixels(x), pixels(y), pixels(width), pixels(height + 2)),
                       int(alignment | Qt::AlignTop) | wrap, words);
    return height;
}

void PdfSheet::line(double x1, double y1, double x2, double y2, const QColor &colour, double width)
{
    QPen pen(colour, pixels(width));
    pen.setCapStyle(Qt::FlatCap);
    m_painter.setPen(pen);
    m_painter.drawLine(QPointF(pixels(x1), pixels(y1)), QPointF(pixels(x2), pixels(y2)));
}

void PdfSheet::need(double height)
{
    if (m_y + height <= contentBottom)
        return;
    m_writer.newPage();
    beginPage();
}

void PdfSheet::beginPage()
{
    ++m_page;
    if (m_frame.training) {
        m_painter.save();
        m_painter.translate(pixels(pageWidth / 2), pixels(pageHeight / 2));
        m_painter.rotate(-52);
        m_painter.setFont(font(Face::Strong, 108, 4));
        m_painter.setPen(watermark);
        m_painter.drawText(QRectF(pixels(-500), pixels(-80), pixels(1000), pixels(160)), Qt::AlignCenter,
                           QStringLiteral("TRAINING"));
        m_painter.restore();
        m_painter.fillRect(QRectF(0, 0, pixels(pageWidth), pixels(24)), amber);
        block(left, 6.5, contentWidth, QStringLiteral("TRAINING  ·  made for practice, no record of a real device"),
              font(Face::Strong, 8.5), ink, Qt::AlignHCenter);
    }
    const double top = 44;
    block(left, top, contentWidth, m_frame.kind.toUpper(), font(Face::Strong, 7.5, 14), quiet);
    const QString corner = m_page == 1 ? m_frame.issuer : m_frame.name;
    block(left, top, contentWidth, corner, font(Face::Text, 8), quiet, Qt::AlignRight);
    line(left, top + 16, right, top + 16, hair, 0.6);

    const double foot = pageHeight - 46;
    line(left, foot, right, foot, hair, 0.6);
    block(left, foot + 7, contentWidth, m_frame.footer, font(Face::Text, 7.5), quiet);
    const QString number = m_frame.pages > 0 ? QStringLiteral("Page %1 of %2").arg(m_page).arg(m_frame.pages)
                                             : QStringLiteral("Page %1").arg(m_page);
    block(left, foot + 7, contentWidth, number, font(Face::Text, 7.5), quiet, Qt::AlignRight);
    m_y = contentTop;
}

void PdfSheet::title(const QString &name, const QString &subtitle, const QString &verdict, const QString &when,
                     const QString &sentence)
{
    const QRectF place(right - 138, m_y, 138, 54);
    badge(place, verdict);
    const double room = place.left() - left - 18;
    double size = 25;
    while (size > 12 &&
           QFontMetricsF(font(Face::Strong, size), m_painter.device()).horizontalAdvance(name) > pixels(room))
        size -= 1;
    double y = m_y - 4;
    y += block(left, y, room, name, font(Face::Strong, size), ink) + 2;
    if (!subtitle.isEmpty())
        y += block(left, y, room, subtitle, font(Face::Text, 11), ink) + 1;
    if (!when.isEmpty())
        y += block(left, y, room, when, font(Face::Text, 9), quiet);
    if (!sentence.isEmpty())
        y += 4 + block(left, y + 4, room, sentence, font(Face::Strong, 9.5), colourOf(verdict));
    m_y = std::max(y, place.bottom()) + 4;
}

void PdfSheet::badge(const QRectF &place, const QString &verdict)
{
    const QColor colour = colourOf(verdict);
    m_painter.setPen(Qt::NoPen);
    m_painter.setBrush(colour);
    m_painter.drawRoundedRect(
        QRectF(pixels(place.left()), pixels(place.top()), pixels(place.width()), pixels(place.height())), pixels(5),
        pixels(5));
    const QFont face = font(Face::Strong, verdict.size() > 7 ? 13 : 20);
    const QFontMetricsF metrics(face, m_painter.device());
    const double mark = 20;
    const double gap = 9;
    const double wordWidth = metrics.horizontalAdvance(verdict) / m_scale;
    const double x = place.left() + (place.width() - mark - gap - wordWidth) / 2;
    verdictMark(x, place.center().y() - mark / 2, mark, verdict, Qt::white);
    m_painter.setFont(face);
    m_painter.setPen(Qt::white);
    m_painter.drawText(
        QRectF(pixels(x + mark + gap), pixels(place.top()), pixels(wordWidth + 8), pixels(place.height())),
        Qt::AlignVCenter | Qt::AlignLeft, verdict);
}

// A tick, a cross, or a bar: told apart without colour.
void PdfSheet::verdictMark(double x, double y, double size, const QString &verdict, const QColor &colour)
{
    QPen pen(colour, pixels(size * 0.14));
    pen.setCapStyle(Qt::RoundCap);
    pen.setJoinStyle(Qt::RoundJoin);
    m_painter.setPen(pen);
    m_painter.setBrush(Qt::NoBrush);
    const auto at = [&](double u, double v) { return QPointF(pixels(x + u * size), pixels(y + v * size)); };
    if (verdict == u"PASS" || verdict == u"DONE") {
        m_painter.drawPolyline(QPolygonF({at(0.12, 0.54), at(0.40, 0.80), at(0.90, 0.22)}));
    } else if (verdict == u"FAIL") {
        m_painter.drawLine(at(0.18, 0.18), at(0.82, 0.82));
        m_painter.drawLine(at(0.82, 0.18), at(0.18, 0.82));
    } else if (verdict == u"STOPPED") {
        m_painter.drawRect(QRectF(at(0.2, 0.2), at(0.8, 0.8)));
    } else {
        m_painter.drawLine(at(0.5, 0.12), at(0.5, 0.6));
        m_painter.drawPoint(at(0.5, 0.88));
    }
}

void PdfSheet::section(const QString &title, double together)
{
    need(together);
    m_y += 17;
    m_y += block(left, m_y, contentWidth, title, font(Face::Strong, 11), ink) + 4;
    line(left, m_y, right, m_y, ink, 0.8);
    m_y += 7;
}

double PdfSheet::pairsHeight(double width, const Pairs &pairs) const
{
    double height = 0;
    for (const auto &[label, value] : pairs) {
        if (!value.isEmpty())
            height += std::max(13.0, heightOf(width - labelWidth, value, font(Face::Text, 9)) + 3);
    }
    return height;
}

double PdfSheet::drawPairs(double x, double y, double width, const Pairs &pairs)
{
    for (const auto &[label, value] : pairs) {
        if (value.isEmpty())
            continue;
        block(x, y + 0.6, labelWidth, label, font(Face::Text, 8.2), quiet);
        const double height = block(x + labelWidth, y, width - labelWidth, value, font(Face::Text, 9), ink);
        y += std::max(13.0, height + 3);
    }
    return y;
}

void PdfSheet::columns(const Pairs &first, const Pairs &second)
{
    const double width = (contentWidth - gutter) / 2;
    need(std::max(pairsHeight(width, first), pairsHeight(width, second)));
    const double a = drawPairs(left, m_y, width, first);
    const double b = drawPairs(left + width + gutter, m_y, width, second);
    m_y = std::max(a, b);
}

void PdfSheet::wide(const QString &label, const QString &value, Type type)
{
    if (value.isEmpty())
        return;
    const QFont face = type == Type::Mono ? font(Face::Mono, 7.6) : font(Face::Text, 9);
    const double height = heightOf(contentWidth - labelWidth, value, face);
    need(std::max(13.0, height + 3));
    block(left, m_y + 0.6, labelWidth, label, font(Face::Text, 8.2), quiet);
    block(left + labelWidth, m_y + (type == Type::Mono ? 0.8 : 0), contentWidth - labelWidth, value, face, ink);
    m_y += std::max(13.0, height + 3);
}

void PdfSheet::verdictWord(double y, const QString &verdict)
{
    const QColor colour = colourOf(verdict);
    const double x = right - verdictWidth;
    verdictMark(x, y + 2.2, 7.4, verdict, colour);
    block(x + 12, y + 0.4, verdictWidth - 12, verdict, font(Face::Strong, 8.2), colour);
}

void PdfSheet::stepRow(const QString &name, const QString &words, const QString &time, const QString &verdict,
                       bool follows)
{
    constexpr double nameWidth = 112;
    constexpr double timeWidth = 46;
    const double wordsX = left + nameWidth;
    const double wordsWidth = contentWidth - nameWidth - timeWidth - verdictWidth - 12;
    const QFont strong = font(Face::Strong, 9);
    const QFont plain = font(Face::Text, 8.6);
    const double height = std::max({12.0, heightOf(nameWidth - 8, name, strong), heightOf(wordsWidth, words, plain)});
    need(height + (follows ? 28 : 8)); // not without its first measurement
    block(left, m_y, nameWidth - 8, name, strong, ink);
    block(wordsX, m_y + 0.3, wordsWidth, words, plain, ink);
    block(right - verdictWidth - timeWidth - 10, m_y + 0.3, timeWidth, time, plain, quiet, Qt::AlignRight);
    verdictWord(m_y, verdict);
    m_y += height + 4;
    if (!follows)
        stepEnd();
}

void PdfSheet::stepEnd()
{
    line(left, m_y, right, m_y, hair, 0.5);
    m_y += 4;
}

void PdfSheet::measurementRow(const QString &name, const QString &value, const QString &limits, const Gauge &gauge,
                              const QString &verdict, bool marginal, bool last)
{
    constexpr double nameX = 112;
    constexpr double valueWidth = 64;
    constexpr double gaugeWidth = 84;
    constexpr double nameWidth = 84;
    const double limitsWidth = contentWidth - nameX - nameWidth - valueWidth - gaugeWidth - verdictWidth - 20;
    const QFont plain = font(Face::Text, 8.2);
    const double height = std::max({11.5, heightOf(nameWidth - 6, name, plain), heightOf(limitsWidth, limits, plain),
                                    heightOf(valueWidth - 4, value, plain)});
    need(height + 8);
    double x = left + nameX;
    block(x, m_y, nameWidth - 6, name, plain, quiet);
    x += nameWidth;
    block(x, m_y, valueWidth - 4, value, font(Face::Strong, 8.2), ink);
    x += valueWidth;
    if (gauge.shown && gauge.high > gauge.low) {
        // The middle 70 % is the tolerance; what lies outside stays visible at the ends.
        const double y = m_y + 5.6;
        const double inner = gaugeWidth * 0.7;
        const double begin = x + gaugeWidth * 0.15;
        line(x, y, x + gaugeWidth, y, hair, 0.8);
        line(begin, y, begin + inner, y, verdict == u"FAIL" ? quiet : colourOf(QStringLiteral("PASS")), 1.6);
        line(begin, y - 3, begin, y + 3, quiet, 0.7);
        line(begin + inner, y - 3, begin + inner, y + 3, quiet, 0.7);
        const double share = (gauge.value - gauge.low) / (gauge.high - gauge.low);
        const double dot = std::clamp(begin + share * inner, x, x + gaugeWidth);
        m_painter.setPen(Qt::NoPen);
        m_painter.setBrush(marginal && verdict == u"PASS" ? colourOf(QStringLiteral("ERROR")) : colourOf(verdict));
        m_painter.drawEllipse(QPointF(pixels(dot), pixels(y)), pixels(2.7), pixels(2.7));
    }
    x += gaugeWidth + 10;
    block(x, m_y, limitsWidth, limits, plain, quiet);
    if (verdict != u"PASS" || marginal)
        verdictWord(m_y, verdict == u"PASS" ? QStringLiteral("MARGINAL") : verdict);
    m_y += height + 3;
    if (last)
        stepEnd();
}

void PdfSheet::listRow(const QString &when, const QString &what, const QString &result)
{
    constexpr double whenWidth = 152;
    const QFont plain = font(Face::Text, 8.6);
    const double whatWidth = contentWidth - whenWidth - verdictWidth - 12;
    const double height = std::max(12.0, heightOf(whatWidth, what, plain));
    need(height + 3);
    block(left, m_y, whenWidth, when, plain, quiet);
    block(left + whenWidth, m_y, whatWidth, what, plain, ink);
    verdictWord(m_y, result.toUpper());
    m_y += height + 3;
}

void PdfSheet::paragraph(const QString &words)
{
    const QFont plain = font(Face::Text, 8.2);
    const double height = heightOf(contentWidth - 20, words, plain) + 14;
    need(height + 8);
    m_y += 8;
    m_painter.fillRect(QRectF(pixels(left), pixels(m_y), pixels(contentWidth), pixels(height)), faint);
    block(left + 10, m_y + 7, contentWidth - 20, words, plain, quiet);
    m_y += height;
}

} // namespace slipway
