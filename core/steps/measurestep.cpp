// measure: reads a value from the device and judges it.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/kinds.h"

#include <QLocale>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

std::optional<double> end(const QVariantMap &parameters, const QString &name, int index)
{
    const QVariantList ends = parameters.value(name).toList();
    return ends.size() == 2 && ends[index].isValid() ? std::optional(ends[index].toDouble()) : std::nullopt;
}

QString number(double value)
{
    return QLocale::c().toString(value, 'g', 8);
}

class MeasureStep : public Step
{
public:
    explicit MeasureStep(const RecipeStep &step)
        : m_name(step.name), m_p(step.parameters), m_pattern(m_p.value(u"pattern"_s).toString()),
          m_count(std::max(1, m_p.value(u"count"_s).toInt()))
    {}

    void prepare(StepContext &) override {}

    void run(StepContext &context, const Task &task) override
    {
        if (isNumber())
            judgeNumber(context, task);
        else
            judgeText(context, task);
    }

private:
    bool isNumber() const
    {
        return m_p.contains(u"limits"_s) || m_p.contains(u"unit"_s) || m_p.contains(u"marginal"_s) || m_count > 1;
    }

    // What the device says, cut to what the pattern's group catches.
    QString read(StepContext &context, const Task &task) const
    {
        QString answer;
        if (m_p.contains(u"command"_s)) {
            Shell *shell = context.device().shell();
            if (!shell)
                throw Fault("device.lacks", {u"run commands"_s});
            const QString command = context.expand(m_p.value(u"command"_s).toString());
            const Shell::Result result = shell->run(command, task);
            task.say(u"%1: %2"_s.arg(command, oneLine(result.output)));
            if (result.status != 0)
                throw Fault("measure.command", {oneLine(command, 80), QString::number(result.status)},
                            oneLine(result.output));
            answer = result.output;
        } else if (m_p.contains(u"setting"_s)) {
            Blobs *blobs = context.device().blobs();
            if (!blobs)
                throw Fault("device.lacks", {u"store settings"_s});
            const QString name = context.expand(m_p.value(u"setting"_s).toString());
            answer = QString::fromUtf8(blobs->read(Blobs::Kind::Setting, name, task));
        } else {
            answer = context.expand(u"${fact:%1}"_s.arg(m_p.value(u"fact"_s).toString()));
        }
        if (m_pattern.pattern().isEmpty())
            return answer.trimmed();
        const auto match = m_pattern.match(answer.left(64 * 1024));
        if (!match.hasMatch())
            throw Fault("measure.no-match", {m_name, oneLine(answer.trimmed(), 80)});
        return match.captured(1);
    }

    void judgeNumber(StepContext &context, const Task &task)
    {
        std::vector<double> values;
        for (int i = 0; i < m_count; ++i) {
            task.check(m_name);
            if (task.progress) {
                task.progress->setTotal(m_count);
                task.progress->setDone(i);
            }
            const QString text = read(context, task);
            bool ok = false;
            const double value = QLocale::c().toDouble(text.trimmed(), &ok);
            if (!ok || !std::isfinite(value))
                throw Fault("measure.not-a-number", {m_name, oneLine(text, 60)});
            values.push_back(value);
        }
        std::sort(values.begin(), values.end());
        const size_t middle = values.size() / 2;

        Measurement m;
        m.name = m_name;
        m.value = values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
        m.unit = m_p.value(u"unit"_s).toString();
        m.low = end(m_p, u"limits"_s, 0);
        m.high = end(m_p, u"limits"_s, 1);
        m.marginalLow = end(m_p, u"marginal"_s, 0);
        m.marginalHigh = end(m_p, u"marginal"_s, 1);
        if (m_count > 1)
            m.text = u"median of %1, %2 to %3"_s.arg(m_count).arg(number(values.front()), number(values.back()));
        const bool good = (!m.low || *m.value >= *m.low) && (!m.high || *m.value <= *m.high);
        m.marginal =
            good && ((m.marginalLow && *m.value < *m.marginalLow) || (m.marginalHigh && *m.value > *m.marginalHigh));
        m.verdict = good ? Verdict::Pass : Verdict::Fail;
        context.measured(m);
        const QString words = withUnit(*m.value, m.unit);
        if (!good) {
            throw Fault("measure.limits", {m_name, words,
                                           m.low && *m.value < *m.low ? u"below %1"_s.arg(withUnit(*m.low, m.unit))
                                                                      : u"above %1"_s.arg(withUnit(*m.high, m.unit))});
        }
        context.summary(m.marginal ? words + u", marginal"_s : words);
    }

    void judgeText(StepContext &context, const Task &task)
    {
        const QString text = read(context, task);
        Measurement m;
        m.name = m_name;
        m.text = oneLine(text, 200);
        bool good = true;
        if (m_p.contains(u"equals"_s)) {
            m.expected = context.expand(m_p.value(u"equals"_s).toString());
            good = text == m.expected;
        } else if (m_p.contains(u"matches"_s)) {
            m.expected = m_p.value(u"matches"_s).toString();
            good = QRegularExpression(QRegularExpression::anchoredPattern(m.expected)).match(text).hasMatch();
        }
        m.verdict = good ? Verdict::Pass : Verdict::Fail;
        context.measured(m);
        if (!good)
            throw Fault("measure.text", {m_name, oneLine(text, 60), oneLine(m.expected, 60)});
        context.summary(oneLine(text, 80));
    }

    static QString withUnit(double value, const QString &unit)
    {
        return unit.isEmpty() ? number(value) : number(value) + u' ' + unit;
    }

    QString m_name;
    QVariantMap m_p;
    QRegularExpression m_pattern;
    int m_count;
};

QList<std::pair<QString, QString>> checkMeasure(const QVariantMap &p, const Recipe &)
{
    QList<std::pair<QString, QString>> troubles;
    QStringList sources;
    for (const QString &name : {u"command"_s, u"setting"_s, u"fact"_s}) {
        if (p.contains(name))
            sources << name;
    }
    if (sources.isEmpty())
        troubles.append({QString(), u"\"measure\" needs \"command\", \"setting\" or \"fact\": what to read"_s});
    for (const QString &other : sources.mid(1))
        troubles.append({other, u"\"%1\" and \"%2\" exclude each other"_s.arg(sources[0], other)});

    const bool text = p.contains(u"equals"_s) || p.contains(u"matches"_s);
    if (p.contains(u"equals"_s) && p.contains(u"matches"_s))
        troubles.append({u"matches"_s, u"\"equals\" and \"matches\" exclude each other"_s});
    for (const QString &name : {u"limits"_s, u"marginal"_s, u"unit"_s}) {
        if (text && p.contains(name))
            troubles.append({name, u"\"%1\" is for numbers; \"equals\" and \"matches\" compare text"_s.arg(name)});
    }
    if (text && p.value(u"count"_s).toInt() > 1)
        troubles.append({u"count"_s, u"\"count\" is for numbers; \"equals\" and \"matches\" compare text"_s});
    if (p.contains(u"marginal"_s)) {
        if (!p.contains(u"limits"_s))
            troubles.append({u"marginal"_s, u"\"marginal\" needs \"limits\" around it"_s});
        const auto low = end(p, u"limits"_s, 0), nearLow = end(p, u"marginal"_s, 0);
        const auto high = end(p, u"limits"_s, 1), nearHigh = end(p, u"marginal"_s, 1);
        if ((low && nearLow && *nearLow < *low) || (high && nearHigh && *nearHigh > *high))
            troubles.append({u"marginal"_s, u"\"marginal\" must lie inside \"limits\""_s});
    }
    return troubles;
}

} // namespace

StepKind measureKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"measure"_s;
    kind.title = u"Measure"_s;
    kind.summary = u"Reads a value from the device and holds it against limits, a text or a pattern."_s;
    kind.manual =
        u"The value comes from a command of the device's shell, a setting or a fact; `pattern` cuts it out of a longer "
        "answer with its one group in parentheses. With `limits`, `unit` or `count` it is a number, else a text.\n\n"
        "A number outside `limits` fails the unit; the limits themselves still pass. `marginal` is a narrower range: a "
        "value inside `limits` but outside `marginal` passes and is recorded as marginal, so that a drifting line is "
        "seen before it fails. `~` leaves one end open: `[~, 5]`. With `count` the value is read so many times and the "
        "median counts. `retries` measures again; every measurement is recorded."_s;
    kind.example = u"- measure: { name: supply, command: \"adc vdd\", pattern: \"([0-9.]+) V\", unit: V, "
                   "limits: [3.2, 3.4], marginal: [3.25, 3.35], count: 5, retries: 1 }"_s;
    kind.parameters = {
        {.name = u"name"_s, .required = true, .doc = u"What is measured; its name in the record and in yields."_s},
        {.name = u"command"_s, .doc = u"Command for the device's shell; it must end with status 0."_s},
        {.name = u"setting"_s, .doc = u"Instead of `command`: a setting to read."_s},
        {.name = u"fact"_s, .doc = u"Instead of `command`: a fact that `identify` has read."_s},
        {.name = u"pattern"_s,
         .type = Type::Pattern,
         .doc = u"Regular expression with one group in parentheses that catches the value."_s,
         .groups = 1},
        {.name = u"unit"_s, .doc = u"Unit of the value and of the limits."_s},
        {.name = u"limits"_s, .type = Type::Range, .doc = u"`[low, high]`: the value must lie in between."_s},
        {.name = u"marginal"_s, .type = Type::Range, .doc = u"`[low, high]` inside the limits: outside it is near."_s},
        {.name = u"equals"_s, .doc = u"The text must be exactly this."_s},
        {.name = u"matches"_s, .type = Type::Pattern, .doc = u"The whole text must match this pattern."_s},
        {.name = u"count"_s,
         .type = Type::Integer,
         .fallback = qlonglong(1),
         .doc = u"Number of readings, of which the median counts."_s,
         .minimum = 1,
         .maximum = 1000}};
    kind.weight = 0.5;
    kind.timeoutMs = 15'000;
    kind.needs = [](const QVariantMap &p) {
        QSet<Capability> needs;
        if (p.contains(u"command"_s))
            needs << Capability::Shell;
        if (p.contains(u"setting"_s))
            needs << Capability::Blobs;
        return needs;
    };
    kind.check = checkMeasure;
    kind.make = [](const RecipeStep &step) { return std::make_unique<MeasureStep>(step); };
    return kind;
}

} // namespace slipway
