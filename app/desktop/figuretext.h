#pragma once
// One line of text whose digits all take the same room, so that running numbers stand still. Qt 6.4 cannot switch a
// font's tabular figures on, so each digit is centred in the width of the widest one.

#include <QColor>
#include <QFont>
#include <QtQml/qqmlregistration.h>
#include <QtQuick/QQuickPaintedItem>

namespace slipway {

class FigureText : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString text READ text WRITE setText NOTIFY changed)
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed)
    Q_PROPERTY(QFont font READ font WRITE setFont NOTIFY changed)

public:
    explicit FigureText(QQuickItem *parent = nullptr);
    void paint(QPainter *painter) override;

    QString text() const { return m_text; }
    void setText(const QString &text);
    QColor color() const { return m_color; }
    void setColor(const QColor &color);
    QFont font() const { return m_font; }
    void setFont(const QFont &font);

Q_SIGNALS:
    void changed();

private:
    void measure();

    QString m_text;
    QColor m_color;
    QFont m_font;
    double m_digit = 0;
    QList<double> m_advances; // of each character
};

} // namespace slipway
