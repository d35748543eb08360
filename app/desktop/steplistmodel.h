#pragma once
// The steps of one run as rows: glyph, name, what came of it, its measurements as scales, time.

#include "core/station/station.h"

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>

namespace slipway {

class StepListModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Steps come from a run.")
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    using QAbstractListModel::QAbstractListModel;
    void update(const SlotView &view);
    int count() const { return int(m_rows.size()); }

    // Where a value stands on a scale whose allowed band is bandFrom..bandTo of its width; all 0..1.
    struct Scale {
        double bandFrom = 0.25, bandTo = 0.75, at = 0.5;
        double sureFrom = 0.25, sureTo = 0.75; // within the marginal limits
    };
    static std::optional<Scale> scaleOf(const Measurement &measurement);
    // {name, value, limits, hasScale, bandFrom, bandTo, sureFrom, sureTo, at, marginal, passed, spoken}
    static QVariantMap measurementMap(const Measurement &measurement);

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void countChanged();

private:
    enum Role {
        Name = Qt::UserRole,
        Glyph,
        Summary,
        Seconds,
        Measurements,
        Irreversible,
        Reached,
        Current,
        Wrong,
        Spoken
    };
    struct Row {
        QString name, glyph, summary, seconds;
        QVariantList measurements;
        bool irreversible = false, reached = false, current = false, wrong = false;
        bool operator==(const Row &) const = default;
    };
    static Row rowOf(const SlotView &view, int index);
    QList<Row> m_rows;
};

} // namespace slipway
