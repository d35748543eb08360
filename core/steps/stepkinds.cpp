#include "core/base/fault.h"
#include "core/codec/packetsource.h"
#include "core/identity/keylot.h"
#include "core/steps/commonparameters.h"
#include "core/steps/kinds.h"

using namespace Qt::StringLiterals;

namespace slipway {

std::unique_ptr<PacketSource> StepContext::listen(const QString &interface)
{
    throw Fault("capture.none", {interface});
}

KeyLot StepContext::openKeyLot(const QString &lot)
{
    throw Fault("identity.lot-missing", {lot});
}

QStringList StepKind::lacking(const QVariantMap &parameters, const QSet<Capability> &able) const
{
    const auto missing = [&able](const QSet<Capability> &wanted) {
        QStringList names;
        for (const Capability need : wanted) {
            if (!able.contains(need))
                names << toString(need);
        }
        names.sort();
        return names;
    };
    if (!needs)
        return {};
    const QStringList first = missing(needs(parameters));
    if (first.isEmpty() || !needsInstead)
        return first;
    const QSet<Capability> instead = needsInstead(parameters);
    return !instead.isEmpty() && missing(instead).isEmpty() ? QStringList() : first;
}

const QList<StepKind> &stepKinds()
{
    static const QList<StepKind> kinds{identifyKind(),    flashKind(),      setKind(),    timeKind(),  idevidKind(),
                                       factoryDataKind(), measureKind(),    promptKind(), labelKind(), resetKind(),
                                       mudUrlKind(),      mudConformKind(), lockKind()};
    return kinds;
}

const StepKind *stepKind(const QString &name)
{
    for (const StepKind &kind : stepKinds()) {
        if (kind.name == name)
            return &kind;
    }
    return nullptr;
}

const StepKind *stepKindOfAct(const QString &act)
{
    for (const StepKind &kind : stepKinds()) {
        if (kind.acts.contains(act))
            return &kind;
    }
    return nullptr;
}

bool isRepeatableAct(const QString &act)
{
    const StepKind *kind = stepKindOfAct(act);
    return kind && kind->repeatableActs.contains(act);
}

QList<StepParameter> commonParameters(const StepKind &kind)
{
    using Type = StepParameter::Type;
    StepParameter name{.name = u"name"_s,
                       .doc = u"What the step is called on the screen and in the record; no two steps of a recipe "
                              "have the same. Without it: %1."_s.arg(kind.title)};
    StepParameter retries{.name = u"retries"_s,
                          .type = Type::Integer,
                          .fallback = 0,
                          .doc = u"How often the step is tried again where that can help."_s,
                          .minimum = 0,
                          .maximum = 10};
    StepParameter timeout{.name = u"timeout"_s,
                          .type = Type::Duration,
                          .fallback = kind.timeoutMs,
                          .doc = u"How long one try may take."_s};
    return {name, retries, timeout};
}

QList<StepParameter> allParameters(const StepKind &kind)
{
    QList<StepParameter> list = kind.parameters;
    for (const StepParameter &common : commonParameters(kind)) {
        const bool replaced = std::any_of(kind.parameters.begin(), kind.parameters.end(),
                                          [&common](const StepParameter &own) { return own.name == common.name; });
        if (!replaced)
            list << common;
    }
    return list;
}

} // namespace slipway
