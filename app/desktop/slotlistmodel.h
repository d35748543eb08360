#pragma once
// The places of the line in bench order, one SlotViewModel a row (role "place").

#include "app/desktop/slotviewmodel.h"

#include <QAbstractListModel>

#include <vector>

namespace slipway {

class SlotListModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Places come from the line.")
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    using QAbstractListModel::QAbstractListModel;

    void setCount(int count);
    int count() const { return int(m_places.size()); }
    // number from 1; null when there is no such place.
    Q_INVOKABLE slipway::SlotViewModel *place(int number) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void countChanged();

private:
    std::vector<SlotViewModel *> m_places; // children of this
};

} // namespace slipway
