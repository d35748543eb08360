#include "app/desktop/lamplistmodel.h"

namespace slipway {

void LampListModel::update(const QList<Lamp> &lamps)
{
    if (lamps.size() != m_lamps.size()) {
        beginResetModel();
        m_lamps = lamps;
        endResetModel();
        return;
    }
    for (qsizetype i = 0; i < lamps.size(); ++i) {
        const Lamp &now = lamps[i];
        Lamp &was = m_lamps[i];
        if (now.name == was.name && now.words == was.words && now.state == was.state)
            continue;
        was = now;
        Q_EMIT dataChanged(index(int(i)), index(int(i)));
    }
}

int LampListModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_lamps.size());
}

QVariant LampListModel::data(const QModelIndex &index, int role) const
{
    if (!index.isValid() || index.row() >= m_lamps.size())
        return {};
    const Lamp &lamp = m_lamps[index.row()];
    switch (role) {
    case Name:
        return lamp.name;
    case Words:
        return lamp.words;
    case Shape:
        switch (lamp.state) {
        case Lamp::State::Good:
            return QStringLiteral("good");
        case Lamp::State::Caution:
            return QStringLiteral("caution");
        case Lamp::State::Bad:
            return QStringLiteral("bad");
        case Lamp::State::Off:
            return QStringLiteral("off");
        }
    }
    return {};
}

QHash<int, QByteArray> LampListModel::roleNames() const
{
    return {{Name, "name"}, {Words, "words"}, {Shape, "shape"}};
}

} // namespace slipway
