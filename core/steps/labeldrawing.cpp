#include "core/steps/labeldrawing.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/recipe/variables.h"

#include <QBuffer>
#include <QFontMetricsF>
#include <QGuiApplication>
#include <QPainter>
#include <QPdfWriter>
#include <QStringDecoder>
#include <qrencode.h>

#include <memory>
#include <mutex>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr int dotsPerInch = 1200;
constexpr double dotsPerMm = dotsPerInch / 25.4;
constexpr double margin = 2.5; // mm
constexpr double qrSide = 17;  // mm, without its quiet zone, which the margin is
constexpr double textLeft = margin + qrSide + 2.5;
constexpr double textWidth = labelWidthMm - textLeft - margin;

struct FreeQr {
    void operator()(QRcode *code) const { QRcode_free(code); }
};

void drawQr(QPainter &painter, const QString &content)
{
    const QByteArray utf8 = content.toUtf8();
    const std::unique_ptr<QRcode, FreeQr> code(QRcode_encodeString8bit(utf8.constData(), 0, QR_ECLEVEL_M));
    if (!code)
        throw Fault("label.qr", {oneLine(content, 60)});
    const double module = qrSide / code->width;
    for (int y = 0; y < code->width; ++y) {
        for (int x = 0; x < code->width;) {
            int end = x;
            while (end < code->width && code->data[y * code->width + end] & 1)
                ++end;
            if (end > x)
                painter.fillRect(QRectF((margin + x * module) * dotsPerMm,
                                        ((labelHeightMm - qrSide) / 2 + y * module) * dotsPerMm,
                                        (end - x) * module * dotsPerMm, module * dotsPerMm),
                                 Qt::black);
            x = std::max(end, x + 1);
        }
    }
}

// One line of text, as large as the width allows, at most `size` mm high.
void drawLine(QPainter &painter, const QString &text, double baseline, double size, QFont::Weight weight)
{
    QFont font(u"Inter"_s);
    font.setStyleHint(QFont::SansSerif);
    font.setWeight(weight);
    font.setPixelSize(int(size * dotsPerMm));
    const double width = QFontMetricsF(font, painter.device()).horizontalAdvance(text);
    if (width > textWidth * dotsPerMm)
        font.setPixelSize(std::max(1, int(font.pixelSize() * textWidth * dotsPerMm / width)));
    painter.setFont(font);
    painter.drawText(QPointF(textLeft * dotsPerMm, baseline * dotsPerMm), text);
}

} // namespace

QByteArray labelPdf(const LabelTexts &texts)
{
    if (!qobject_cast<QGuiApplication *>(QCoreApplication::instance()))
        throw Fault("label.no-fonts");
    static std::mutex drawing; // the font database is shared by all slots' threads
    const std::lock_guard lock(drawing);

    QByteArray pdf;
    QBuffer buffer(&pdf);
    buffer.open(QIODevice::WriteOnly);
    {
        QPdfWriter writer(&buffer);
        writer.setCreator(u"Slipway"_s);
        writer.setTitle(texts.product + u' ' + texts.serial);
        writer.setResolution(dotsPerInch);
        writer.setPageSize(
            QPageSize(QSizeF(labelWidthMm, labelHeightMm), QPageSize::Millimeter, {}, QPageSize::ExactMatch));
        writer.setPageMargins({});
        QPainter painter(&writer);
        painter.setPen(Qt::black);
        drawQr(painter, texts.qr);
        const double middle = labelHeightMm / 2;
        drawLine(painter, texts.product, middle - 3.2, 2.6, QFont::Medium);
        drawLine(painter, texts.serial, middle + 1.9, 4.6, QFont::Bold);
        if (!texts.note.isEmpty())
            drawLine(painter, texts.note, middle + 5.8, 2.4, QFont::Normal);
    }
    return pdf;
}

QByteArray labelZpl(const QByteArray &zplTemplate, const std::function<QString(const QString &)> &value)
{
    QStringDecoder decoder(QStringDecoder::Utf8);
    const QString text = decoder(zplTemplate);
    if (decoder.hasError() || !text.contains(u"^XA"_s) || !text.contains(u"^XZ"_s))
        throw Fault("label.template");
    QString out;
    qsizetype from = 0;
    for (const VariableReference &reference : variableReferences(text)) {
        const QString filled = value(text.mid(reference.offset, reference.length));
        for (const QChar c : filled) {
            if (c == u'^' || c == u'~' || c.category() == QChar::Other_Control)
                throw Fault("label.text", {reference.name, oneLine(filled, 60)});
        }
        out += QStringView(text).mid(from, reference.offset - from);
        out += filled;
        from = reference.offset + reference.length;
    }
    out += QStringView(text).mid(from);
    return out.toUtf8();
}

} // namespace slipway
