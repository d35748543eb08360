#pragma once
// The last 20 units of this session, newest first: what the strip at the bottom shows.

#include "app/desktop/slotviewmodel.h"

#include <QAbstractListModel>

namespace slipway {

class RecentListModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Units come from the line.")

public:
    static constexpr int limit = 20;

    using QAbstractListModel::QAbstractListModel;
    void add(int place, const QString &serial, const QString &runId, Verdict verdict);

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

private:
    enum Role { Place = Qt::UserRole, Serial, Look, Glyph, Spoken };
    struct Unit {
        int place;
        QString serial, runId;
        Verdict verdict;
    };
    QList<Unit> m_units;
};

} // namespace slipway
