#include "app/desktop/slotlistmodel.h"

namespace slipway {

void SlotListModel::setCount(int count)
{
    if (count == this->count())
        return;
    beginResetModel();
    for (SlotViewModel *place : m_places)
        place->deleteLater();
    m_places.clear();
    for (int number = 1; number <= count; ++number)
        m_places.push_back(new SlotViewModel(number, this));
    endResetModel();
    Q_EMIT countChanged();
}

SlotViewModel *SlotListModel::place(int number) const
{
    return number >= 1 && number <= count() ? m_places[size_t(number) - 1] : nullptr;
}

int SlotListModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant SlotListModel::data(const QModelIndex &index, int role) const
{
    if (role != Qt::UserRole || !index.isValid() || index.row() >= count())
        return {};
    return QVariant::fromValue(m_places[size_t(index.row())]);
}

QHash<int, QByteArray> SlotListModel::roleNames() const
{
    return {{Qt::UserRole, "place"}};
}

} // namespace slipway
