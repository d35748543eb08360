// time: sets the device's clock to UTC and reads it back.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/kinds.h"

#include <QDateTime>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

class TimeStep : public Step
{
public:
    explicit TimeStep(const RecipeStep &step)
        : m_name(step.name), m_toleranceMs(step.parameters.value(u"tolerance"_s).toLongLong())
    {}

    void prepare(StepContext &) override
    {
        // A station whose own clock was never set would hand the error on.
        if (QDateTime::currentDateTimeUtc().date().year() < 2026)
            throw Fault("time.station", {QDateTime::currentDateTimeUtc().toString(Qt::ISODate)});
    }

    void run(StepContext &context, const Task &task) override
    {
        Clock *clock = context.device().clock();
        if (!clock)
            throw Fault("device.lacks", {u"keep the time"_s});
        clock->setTime(QDateTime::currentDateTimeUtc(), task);
        const QDateTime before = QDateTime::currentDateTimeUtc();
        const QDateTime read = clock->time(task);
        const QDateTime after = QDateTime::currentDateTimeUtc();
        if (!read.isValid())
            throw Fault("time.differs", {u"no time"_s, after.toString(Qt::ISODate), humanSpan(tolerance())});

        // The device read its clock somewhere between before and after.
        double off = 0;
        if (read < before)
            off = double(read.msecsTo(before)) / -1000.0;
        else if (read > after)
            off = double(after.msecsTo(read)) / 1000.0;
        Measurement measurement;
        measurement.name = m_name;
        measurement.value = off;
        measurement.unit = u"s"_s;
        measurement.low = -tolerance();
        measurement.high = tolerance();
        const bool good = std::abs(off) <= tolerance();
        measurement.verdict = good ? Verdict::Pass : Verdict::Fail;
        context.measured(measurement);
        if (!good)
            throw Fault("time.differs",
                        {read.toUTC().toString(Qt::ISODate), after.toString(Qt::ISODate), humanSpan(tolerance())});
        context.fact(u"time-set"_s, rfc3339Now());
        context.summary(u"%1, %2 s off"_s.arg(read.toUTC().toString(Qt::ISODate)).arg(off, 0, 'f', 1));
    }

private:
    double tolerance() const { return double(m_toleranceMs) / 1000.0; }

    QString m_name;
    qint64 m_toleranceMs;
};

} // namespace

StepKind timeKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"time"_s;
    kind.title = u"Time"_s;
    kind.summary = u"Sets the device's clock to UTC and reads it back."_s;
    kind.manual = u"A device without a clock that runs on (classes below T7, or TP0 and TP1) does not know the time "
                  "until somebody tells it; certificates then look not yet valid to it. The difference between its "
                  "clock and the station's is recorded as a measurement."_s;
    kind.example = u"- time: { tolerance: 1s }"_s;
    kind.parameters = {{.name = u"tolerance"_s,
                        .type = Type::Duration,
                        .fallback = qlonglong(2000),
                        .doc = u"How far the clock may be off when it is read back."_s}};
    kind.weight = 0.2;
    kind.timeoutMs = 10'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Clock}; };
    kind.check = [](const QVariantMap &, const Recipe &recipe) {
        QList<std::pair<QString, QString>> troubles;
        if (recipe.deviceClass.token(u"T"_s) == u"T0")
            troubles.append({QString(), u"class T0 means that the device keeps no time: it cannot be set"_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<TimeStep>(step); };
    return kind;
}

} // namespace slipway
