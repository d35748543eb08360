#include "app/desktop/recentlistmodel.h"

namespace slipway {

void RecentListModel::add(int place, const QString &serial, const QString &runId, Verdict verdict)
{
    for (const Unit &unit : m_units) {
        if (unit.runId == runId && unit.place == place)
            return;
    }
    beginInsertRows({}, 0, 0);
    m_units.prepend({place, serial, runId, verdict});
    endInsertRows();
    if (m_units.size() > limit) {
        beginRemoveRows({}, limit, limit);
        m_units.removeLast();
        endRemoveRows();
    }
}

int RecentListModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_units.size());
}

QVariant RecentListModel::data(const QModelIndex &index, int role) const
{
    if (!index.isValid() || index.row() >= m_units.size())
        return {};
    const Unit &unit = m_units[index.row()];
    switch (role) {
    case Place:
        return unit.place;
    case Serial:
        return unit.serial;
    case Look:
        return QVariant::fromValue(SlotViewModel::lookOf(unit.verdict));
    case Glyph:
        return SlotViewModel::glyphOf(unit.verdict);
    case Spoken:
        return tr("%1, place %2: %3").arg(unit.serial).arg(unit.place).arg(toString(unit.verdict));
    default:
        return {};
    }
}

QHash<int, QByteArray> RecentListModel::roleNames() const
{
    return {{Place, "place"}, {Serial, "serial"}, {Look, "look"}, {Glyph, "glyph"}, {Spoken, "spoken"}};
}

} // namespace slipway
