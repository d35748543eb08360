#pragma once
// The log of a place's current or last run, filtered by step. Lines come from Station::logLines as
// "time\tstep index\ttext"; only what is new is added while a run goes on.

#include <QAbstractListModel>
#include <QtQml/qqmlregistration.h>

namespace slipway {

class LogListModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Log lines come from a run.")
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(int step READ step NOTIFY stepChanged)

public:
    static constexpr int everyStep = -1;

    using QAbstractListModel::QAbstractListModel;
    void update(const QString &runId, const QStringList &lines);
    void filter(int step);
    int step() const { return m_step; }
    int count() const { return int(m_shown.size()); }
    QString text() const; // of the lines shown, for the clipboard

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void countChanged();
    void stepChanged();

private:
    enum Role { Time = Qt::UserRole, Text };
    struct Line {
        QString time, text;
        int step = everyStep;
    };
    bool passes(const Line &line) const { return m_step == everyStep || line.step == m_step; }
    void rebuild();

    QString m_runId;
    QList<Line> m_lines;
    QList<int> m_shown; // indices into m_lines
    int m_step = everyStep;
};

} // namespace slipway
