#include "app/desktop/loglistmodel.h"

#include "app/desktop/ligatures.h"

#include <QDateTime>

namespace slipway {

void LogListModel::update(const QString &runId, const QStringList &lines)
{
    if (runId != m_runId || lines.size() < m_lines.size()) {
        beginResetModel();
        m_runId = runId;
        m_lines.clear();
        m_shown.clear();
        endResetModel();
    }
    QList<int> added;
    for (qsizetype i = m_lines.size(); i < lines.size(); ++i) {
        const QString &raw = lines[i];
        Line line;
        const qsizetype first = raw.indexOf(u'\t');
        const qsizetype second = first < 0 ? -1 : raw.indexOf(u'\t', first + 1);
        if (second < 0) {
            line.text = raw;
        } else {
            const QString stamp = raw.left(first);
            const QDateTime at = QDateTime::fromString(stamp, Qt::ISODateWithMs);
            line.time = at.isValid() ? at.toLocalTime().toString(QStringLiteral("HH:mm:ss.zzz")) : stamp;
            bool ok = false;
            const int step = QStringView(raw).sliced(first + 1, second - first - 1).toInt(&ok);
            line.step = ok ? step : everyStep;
            line.text = raw.mid(second + 1);
        }
        if (passes(line))
            added << int(m_lines.size());
        m_lines << line;
    }
    if (!added.isEmpty()) {
        beginInsertRows({}, count(), count() + int(added.size()) - 1);
        m_shown += added;
        endInsertRows();
    }
    Q_EMIT countChanged();
}

void LogListModel::filter(int step)
{
    if (step == m_step)
        return;
    m_step = step;
    rebuild();
    Q_EMIT stepChanged();
}

void LogListModel::rebuild()
{
    beginResetModel();
    m_shown.clear();
    for (int i = 0; i < m_lines.size(); ++i) {
        if (passes(m_lines[i]))
            m_shown << i;
    }
    endResetModel();
    Q_EMIT countChanged();
}

QString LogListModel::text() const
{
    QString all;
    for (const int i : m_shown)
        all += m_lines[i].time + u' ' + m_lines[i].text + u'\n';
    return all;
}

int LogListModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant LogListModel::data(const QModelIndex &index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Line &line = m_lines[m_shown[index.row()]];
    return role == Time ? line.time : role == Text ? withoutLigatures(line.text) : QString();
}

QHash<int, QByteArray> LogListModel::roleNames() const
{
    return {{Time, "time"}, {Text, "line"}};
}

} // namespace slipway
