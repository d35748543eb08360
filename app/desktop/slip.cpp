#include "app/desktop/slip.h"

#include "app/desktop/steplistmodel.h"
#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QDir>
#include <QFontMetricsF>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <qrencode.h>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int dotsPerInch = 300;
constexpr double margin = 7; // mm

QString say(const char *text)
{
    return QCoreApplication::translate("slipway::Slip", text);
}

double mm(double value)
{
    return value / 25.4 * dotsPerInch;
}

// Writes blocks of text down a page.
class Sheet
{
public:
    Sheet(QPdfWriter &writer, QPainter &painter)
        : m_painter(painter), m_width(writer.width() - 2 * mm(margin)), m_bottom(writer.height() - mm(margin))
    {}

    void space(double heightMm) { m_y += mm(heightMm); }
    void moveTo(double y) { m_y = std::max(m_y, y); }
    double y() const { return m_y; }
    double left() const { return mm(margin); }
    double width() const { return m_width; }
    bool full(double heightMm) const { return m_y + mm(heightMm) > m_bottom; }

    QFont font(double sizePt, int weight, bool mono = false) const
    {
        QFont font(mono ? QStringList{u"JetBrains Mono"_s, u"DejaVu Sans Mono"_s}
                        : QStringList{u"Inter"_s, u"DejaVu Sans"_s});
        font.setPixelSize(int(sizePt / 72 * dotsPerInch));
        font.setWeight(QFont::Weight(weight));
        return font;
    }
    void text(const QString &text, const QFont &font, double widthMm = 0)
    {
        const QRectF box(left(), m_y, widthMm > 0 ? mm(widthMm) : m_width, m_bottom - m_y);
        QRectF used;
        m_painter.setFont(font);
        m_painter.drawText(box, Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, text, &used);
        m_y += used.height();
    }
    // Label left, value in a column of its own, time right.
    void row(const QString &mark, const QString &label, const QString &value, const QString &time)
    {
        const QFont small = font(7, QFont::Normal);
        m_painter.setFont(font(7, QFont::Bold));
        const double h = QFontMetricsF(small).height();
        m_painter.drawText(QRectF(left(), m_y, mm(12), h), Qt::AlignLeft, mark);
        m_painter.setFont(small);
        const auto cut = [&](const QString &text, double width) {
            return QFontMetricsF(small).elidedText(text, Qt::ElideRight, width);
        };
        m_painter.drawText(QRectF(left() + mm(13), m_y, mm(24), h), Qt::AlignLeft, cut(label, mm(24)));
        const QRectF box(left() + mm(38), m_y, m_width - mm(38) - mm(11), m_bottom - m_y);
        QRectF used;
        m_painter.drawText(box, Qt::AlignLeft | Qt::TextWordWrap, value, &used);
        m_painter.drawText(QRectF(left(), m_y, m_width, h), Qt::AlignRight, time);
        m_y += std::max(h, used.height()) + mm(0.8);
    }
    void rule()
    {
        m_painter.setPen(QPen(Qt::black, mm(0.2)));
        m_painter.drawLine(QPointF(left(), m_y), QPointF(left() + m_width, m_y));
        m_y += mm(1.5);
    }

private:
    QPainter &m_painter;
    double m_y = mm(margin);
    double m_width, m_bottom;
};

void drawQr(QPainter &painter, const QString &text, const QRectF &box)
{
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
        QRcode_encodeString(text.toUtf8().constData(), 0, QR_ECLEVEL_M, QR_MODE_8, 1), &QRcode_free);
    if (!code)
        return;
    const double module = box.width() / code->width;
    for (int y = 0; y < code->width; ++y) {
        for (int x = 0; x < code->width; ++x) {
            if (code->data[y * code->width + x] & 1)
                painter.fillRect(QRectF(box.x() + x * module, box.y() + y * module, module * 1.02, module * 1.02),
                                 Qt::black);
        }
    }
}

QString resultOf(const StepView &step)
{
    QStringList parts;
    for (const Measurement &m : step.measurements) {
        const QVariantMap map = StepListModel::measurementMap(m);
        const QString limits = map.value(u"limits"_s).toString();
        parts << map.value(u"value"_s).toString() + (limits.isEmpty() ? QString() : u" ("_s + limits + u')');
    }
    if (parts.isEmpty() && !step.summary.isEmpty())
        parts << step.summary;
    return parts.join(u"; "_s);
}

} // namespace

QString Slip::fileName() const
{
    QString name = (view.serial.isEmpty() ? u"unit"_s : view.serial) + u'-' +
                   toString(view.verdict.value_or(Verdict::Unknown)) + u'-' + view.runId.left(8);
    for (QChar &c : name) {
        if (!(c.isLetterOrNumber() && c.unicode() < 128) && c != u'-' && c != u'_')
            c = u'_';
    }
    return name.left(120) + u".pdf"_s;
}

QString Slip::write(const QString &folder) const
{
    QByteArray pdf;
    QBuffer buffer(&pdf);
    buffer.open(QIODevice::WriteOnly);
    {
        QPdfWriter writer(&buffer);
        writer.setResolution(dotsPerInch);
        writer.setPageSize(QPageSize(QPageSize::A6));
        writer.setPageMargins(QMarginsF(0, 0, 0, 0));
        writer.setTitle(say("Slip of %1").arg(view.serial));
        writer.setCreator(u"Slipway"_s);
        QPainter painter(&writer);
        Sheet sheet(writer, painter);

        const double qr = mm(22);
        if (!view.serial.isEmpty())
            drawQr(painter, view.serial, QRectF(sheet.left() + sheet.width() - qr, sheet.y(), qr, qr));
        if (training)
            sheet.text(say("TRAINING, not a product"), sheet.font(9, QFont::Bold), 60);
        sheet.text(toString(view.verdict.value_or(Verdict::Unknown)), sheet.font(30, QFont::ExtraBold), 60);
        sheet.text(view.serial.isEmpty() ? say("no serial number") : view.serial, sheet.font(12, QFont::Normal, true),
                   60);
        sheet.moveTo(mm(margin) + qr);
        sheet.space(3);
        sheet.text(view.sentence, sheet.font(10, QFont::DemiBold));
        if (!view.remedy.isEmpty())
            sheet.text(view.remedy, sheet.font(9, QFont::Normal));
        sheet.space(2);
        sheet.rule();
        int left = int(view.steps.size());
        for (const StepView &step : view.steps) {
            if (sheet.full(22)) {
                sheet.text(say("and %1 more steps").arg(left), sheet.font(7, QFont::Normal));
                break;
            }
            sheet.row(step.verdict ? toString(*step.verdict) : u"–"_s, step.name.isEmpty() ? step.title : step.name,
                      step.verdict ? resultOf(step) : say("not reached"),
                      step.verdict ? say("%1 s").arg(QString::number(step.seconds, 'f', 1)) : QString());
            --left;
        }
        sheet.rule();
        const QDateTime at = view.endedAt.isValid() ? view.endedAt.toLocalTime() : QDateTime::currentDateTime();
        sheet.text(say("%1, version %2").arg(recipe, recipeVersion), sheet.font(7, QFont::Normal));
        sheet.text(say("%1, place %2, %3, %4")
                       .arg(station, QString::number(view.number), person, at.toString(u"yyyy-MM-dd HH:mm"_s)),
                   sheet.font(7, QFont::Normal));
        sheet.text(say("Run %1").arg(view.runId), sheet.font(7, QFont::Normal, true));
    }
    if (!QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, say("the folder cannot be made")});
    const QString path = folder + u'/' + fileName();
    writeFile(path, pdf);
    return path;
}

} // namespace slipway
