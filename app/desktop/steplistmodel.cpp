#include "app/desktop/steplistmodel.h"

#include "app/desktop/slotviewmodel.h"
#include "core/base/text.h"

#include <algorithm>
#include <cmath>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

QString number(double value)
{
    QString text = QString::number(value, 'g', 6);
    return text.startsWith(u'-') ? u'\u2212' + text.mid(1) : text;
}

} // namespace

std::optional<StepListModel::Scale> StepListModel::scaleOf(const Measurement &m)
{
    if (!m.value || (!m.low && !m.high))
        return {};
    Scale scale;
    // The width of one half-track: half of the allowed band, or a tenth of the one limit where only one is given.
    double low = m.low.value_or(0);
    double high = m.high.value_or(0);
    if (!m.low || !m.high) {
        const double one = m.low ? *m.low : *m.high;
        const double span = std::max({std::abs(one) * 0.2, std::abs(*m.value - one) * 1.5, 1e-9});
        low = m.low ? one : one - span;
        high = m.low ? one + span : one;
        scale.bandFrom = m.low ? 0.25 : 0;
        scale.bandTo = m.high ? 0.75 : 1;
    }
    const double span = high > low ? high - low : std::max(std::abs(high), 1e-9);
    const auto place = [&](double v) { return std::clamp(0.25 + (v - low) / span * 0.5, 0.0, 1.0); };
    scale.at = std::clamp(place(*m.value), 0.01, 0.99);
    scale.sureFrom = m.marginalLow ? place(*m.marginalLow) : scale.bandFrom;
    scale.sureTo = m.marginalHigh ? place(*m.marginalHigh) : scale.bandTo;
    return scale;
}

QVariantMap StepListModel::measurementMap(const Measurement &m)
{
    QString value = m.text;
    QString limits = m.expected.isEmpty() ? QString() : tr("expected %1").arg(m.expected);
    if (m.value) {
        const QString unit = m.unit.isEmpty() ? QString() : u'\u00a0' + m.unit;
        value = number(*m.value) + unit;
        if (m.low && m.high)
            limits = tr("%1 to %2").arg(number(*m.low), number(*m.high));
        else if (m.low)
            limits = tr("at least %1").arg(number(*m.low));
        else if (m.high)
            limits = tr("at most %1").arg(number(*m.high));
    }
    if (m.marginal)
        limits += tr(", close to the limit");
    const std::optional<Scale> scale = scaleOf(m);
    const Scale s = scale.value_or(Scale{});
    return {{u"name"_s, m.name},
            {u"value"_s, value},
            {u"limits"_s, limits},
            {u"hasScale"_s, scale.has_value()},
            {u"bandFrom"_s, s.bandFrom},
            {u"bandTo"_s, s.bandTo},
            {u"sureFrom"_s, s.sureFrom},
            {u"sureTo"_s, s.sureTo},
            {u"at"_s, s.at},
            {u"marginal"_s, m.marginal},
            {u"passed"_s, m.verdict == Verdict::Pass}};
}

StepListModel::Row StepListModel::rowOf(const SlotView &view, int index)
{
    const StepView &step = view.steps[index];
    Row row;
    row.name = step.name.isEmpty() ? step.title : step.name;
    row.irreversible = step.irreversible;
    row.reached = step.begun;
    row.summary = step.summary;
    const bool finished = view.state == SlotState::Finished;
    if (step.verdict) {
        row.glyph = SlotViewModel::glyphOf(*step.verdict);
        row.seconds = tr("%1 s").arg(QString::number(step.seconds, 'f', step.seconds < 100 ? 1 : 0));
        row.wrong = *step.verdict != Verdict::Pass;
    } else if (step.begun && !finished) {
        const Progress::Snapshot &p = view.progress;
        row.glyph = view.state == SlotState::Act ? u"act"_s : u"working"_s;
        row.current = true;
        if (!p.note.isEmpty())
            row.summary = p.note;
        else if (p.total > 0 && row.summary.isEmpty())
            row.summary = tr("%1 of %2").arg(humanSize(p.done), humanSize(p.total));
        if (p.rate > 0 && p.note.isEmpty())
            row.summary +=
                p.lineLimit > 0
                    ? tr(", %1, %2 % of the line").arg(humanRate(p.rate)).arg(std::lround(p.lineShare() * 100))
                    : u", "_s + humanRate(p.rate);
    } else {
        row.glyph = u"not-reached"_s;
        if (finished && row.summary.isEmpty())
            row.summary = step.irreversible && !view.irreversibleDone ? tr("not reached; nothing irreversible was done")
                                                                      : tr("not reached");
        else if (step.irreversible && row.summary.isEmpty())
            row.summary = tr("cannot be undone");
    }
    for (const Measurement &m : step.measurements)
        row.measurements << measurementMap(m);
    return row;
}

void StepListModel::update(const SlotView &view)
{
    if (view.steps.size() != m_rows.size()) {
        beginResetModel();
        m_rows.clear();
        for (int i = 0; i < view.steps.size(); ++i)
            m_rows << rowOf(view, i);
        endResetModel();
        Q_EMIT countChanged();
        return;
    }
    for (int i = 0; i < m_rows.size(); ++i) {
        Row row = rowOf(view, i);
        if (row == m_rows[i])
            continue;
        m_rows[i] = std::move(row);
        Q_EMIT dataChanged(index(i), index(i));
    }
}

int StepListModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant StepListModel::data(const QModelIndex &index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row &row = m_rows[index.row()];
    switch (role) {
    case Name:
        return row.name;
    case Glyph:
        return row.glyph;
    case Summary:
        return row.summary;
    case Seconds:
        return row.seconds;
    case Measurements:
        return row.measurements;
    case Irreversible:
        return row.irreversible;
    case Reached:
        return row.reached;
    case Current:
        return row.current;
    case Wrong:
        return row.wrong;
    case Spoken: {
        QString text = tr("Step %1, %2: %3").arg(index.row() + 1).arg(row.name, row.summary);
        for (const QVariant &m : row.measurements)
            text += u", "_s + m.toMap().value(u"value"_s).toString();
        return text;
    }
    default:
        return {};
    }
}

QHash<int, QByteArray> StepListModel::roleNames() const
{
    return {{Name, "name"},
            {Glyph, "glyph"},
            {Summary, "summary"},
            {Seconds, "seconds"},
            {Measurements, "measurements"},
            {Irreversible, "irreversible"},
            {Reached, "reached"},
            {Current, "current"},
            {Wrong, "wrong"},
            {Spoken, "spoken"}};
}

} // namespace slipway
