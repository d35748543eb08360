#pragma once
// Weighted progress: one segment per phase, as wide as its weight (but wide enough for its name where all names fit),
// filled as far as it is done. segments: [{name, weight, fraction}].

#include <QColor>
#include <QFont>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>
#include <QtQuick/QQuickPaintedItem>

namespace slipway {

class SegmentBar : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QVariantList segments MEMBER m_segments NOTIFY changed)
    Q_PROPERTY(QColor color MEMBER m_color NOTIFY changed)
    Q_PROPERTY(QColor track MEMBER m_track NOTIFY changed)
    Q_PROPERTY(qreal gap MEMBER m_gap NOTIFY changed)
    Q_PROPERTY(qreal thickness MEMBER m_thickness NOTIFY changed)
    Q_PROPERTY(qreal radius MEMBER m_radius NOTIFY changed)
    Q_PROPERTY(QColor nameColor MEMBER m_nameColor NOTIFY changed)
    Q_PROPERTY(QFont font MEMBER m_font NOTIFY changed)
    Q_PROPERTY(bool named MEMBER m_named NOTIFY changed)

public:
    explicit SegmentBar(QQuickItem *parent = nullptr);
    void paint(QPainter *painter) override;

    // Offsets and widths of the segments for a bar of that width; each gets at least its least width, or all the same
    // where there is not even room for that.
    static QList<std::pair<double, double>> layOut(const QList<double> &weights, const QList<double> &least,
                                                   double width, double gap);

Q_SIGNALS:
    void changed();

private:
    QVariantList m_segments;
    QColor m_color, m_track, m_nameColor;
    QFont m_font;
    qreal m_gap = 2, m_thickness = 12, m_radius = 2;
    bool m_named = false;
};

} // namespace slipway
