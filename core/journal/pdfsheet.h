#pragma once
// Paper: an A4 document with header, footer and page numbers on each page, and the few kinds of rows a passport has.
// Keeps the pen's place and begins a new page when a row does not fit. All lengths are points (1/72 inch). Colours are
// opaque, so that the file is PDF/A-1b, made to be kept. Needs a QGuiApplication for its fonts (Inter and JetBrains
// Mono where installed, else what the system has).

#include <QColor>
#include <QFont>
#include <QList>
#include <QPainter>
#include <QPdfWriter>
#include <QRectF>
#include <QString>

#include <utility>

class QIODevice;

namespace slipway {

class PdfSheet
{
public:
    struct Frame {
        QString kind;   // "Device passport"
        QString issuer; // top right
        QString footer; // bottom left
        QString name;   // of the thing, on the second page and on
        bool training = false;
        int pages = 0; // of the whole document, 0: not known yet
    };
    using Pairs = QList<std::pair<QString, QString>>; // label and value; an empty value leaves the row out
    struct Gauge {
        bool shown = false;
        double value = 0, low = 0, high = 0;
    };

    PdfSheet(QIODevice &device, const Frame &frame);

    void title(const QString &name, const QString &subtitle, const QString &verdict, const QString &when,
               const QString &sentence);
    // Begins a new page unless heading and content of this height fit.
    void section(const QString &title, double together = 74);
    void columns(const Pairs &left, const Pairs &right);
    enum class Type { Text, Mono };
    void wide(const QString &label, const QString &value, Type type = Type::Mono);
    // follows: its measurements come next, the last of them with last.
    void stepRow(const QString &name, const QString &words, const QString &time, const QString &verdict, bool follows);
    void measurementRow(const QString &name, const QString &value, const QString &limits, const Gauge &gauge,
                        const QString &verdict, bool marginal, bool last);
    void listRow(const QString &when, const QString &what, const QString &result);
    void paragraph(const QString &words);
    int finish(); // number of pages

private:
    enum class Face { Text, Strong, Mono };
    QFont font(Face face, double size, double spacing = 0) const; // spacing: percent more
    double pixels(double points) const { return points * m_scale; }
    // Draws wrapped text and returns its height.
    double block(double x, double y, double width, const QString &words, const QFont &font, const QColor &colour,
                 Qt::Alignment alignment = Qt::AlignLeft);
    double heightOf(double width, const QString &words, const QFont &font) const;
    void line(double x1, double y1, double x2, double y2, const QColor &colour, double width);
    void need(double height); // a new page when so much does not fit
    void beginPage();
    void stepEnd();
    void badge(const QRectF &place, const QString &verdict);
    void verdictMark(double x, double y, double size, const QString &verdict, const QColor &colour);
    void verdictWord(double y, const QString &verdict);
    double pairsHeight(double width, const Pairs &pairs) const;
    double drawPairs(double x, double y, double width, const Pairs &pairs);

    Frame m_frame;
    QPdfWriter m_writer;
    double m_scale = 1; // device dots a point
    QPainter m_painter;
    double m_y = 0;
    int m_page = 0;
};

} // namespace slipway
