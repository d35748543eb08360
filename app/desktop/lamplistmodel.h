#pragma once
// The station's health lamps: name, words, and a shape for each state ("good", "caution", "bad", "off").

#include "core/station/station.h"

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>

namespace slipway {

class LampListModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Lamps come from the line.")

public:
    using QAbstractListModel::QAbstractListModel;
    void update(const QList<Lamp> &lamps);

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

private:
    enum Role { Name = Qt::UserRole, Words, Shape };
    QList<Lamp> m_lamps;
};

} // namespace slipway
