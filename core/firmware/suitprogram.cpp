#include "core/firmware/suitprogram.h"

#include "core/base/fault.h"

#include <QSet>

#include <utility>

namespace slipway {

namespace {

using suit::Command;
using suit::Parameters;
using suit::Sequence;

constexpr size_t maximumCases = 64;
constexpr int maximumSteps = 50'000;
constexpr qsizetype maximumPayloads = 64; // of one case

struct Case {
    enum State { Running, Failed, Aborted }; // Failed: by a condition, which a choice may pass over
    struct Place {
        Parameters parameters;
        std::optional<quint64> slot; // assumed
        QSet<quint64> otherSlots;    // assumed not to be
        bool matched = false;        // its content was held against a digest since it was stored
    };
    State state = Running;
    std::optional<Fault> why;
    std::vector<Place> places;
    std::vector<int> current{0};
    bool soft = false;
    SuitPlan plan;
};
using Cases = std::vector<Case>;

class Follower
{
public:
    explicit Follower(const SuitTarget &target) : m_target(target) {}

    Cases run(const Sequence &sequence, Cases cases)
    {
        for (const Command &command : sequence) {
            Cases next;
            for (Case &one : cases) {
                if (one.state != Case::Running) {
                    next.push_back(std::move(one));
                    continue;
                }
                for (Case &after : apply(command, std::move(one)))
                    next.push_back(std::move(after));
            }
            if (next.size() > maximumCases)
                throw Fault("firmware.suit-unsupported", {QStringLiteral("more than %1 cases").arg(maximumCases)});
            cases = std::move(next);
        }
        return cases;
    }

private:
    static Case failed(Case one, const Fault &why, Case::State state = Case::Failed)
    {
        one.state = state;
        one.why = why;
        return one;
    }
    static Fault broken(const QString &what) { return Fault("firmware.suit-manifest", {what}); }

    Cases apply(const Command &command, Case one)
    {
        if (++m_steps > maximumSteps)
            throw Fault("firmware.suit-unsupported", {QStringLiteral("more than %1 steps").arg(maximumSteps)});
        if (command.code == suit::SetComponentIndex) {
            one.current = command.components;
            return {std::move(one)};
        }
        if (command.code == suit::OverrideParameters) {
            for (auto it = command.parameters.constBegin(); it != command.parameters.constEnd(); ++it) {
                if (it.key() == suit::SoftFailure)
                    one.soft = it.value().toBool();
                else if (it.key() != suit::StrictOrder)
                    setParameter(one, it.key(), it.value());
            }
            return {std::move(one)};
        }
        // Everything else is done for each chosen component, one after the other.
        const std::vector<int> chosen = one.current;
        Cases cases;
        cases.push_back(std::move(one));
        for (const int component : chosen) {
            Cases next;
            for (Case &before : cases) {
                if (before.state != Case::Running) {
                    next.push_back(std::move(before));
                    continue;
                }
                for (Case &after : each(command, component, chosen, std::move(before)))
                    next.push_back(std::move(after));
            }
            cases = std::move(next);
        }
        return cases;
    }

    static void setParameter(Case &one, int key, const QCborValue &value)
    {
        for (const int component : one.current)
            one.places[size_t(component)].parameters.insert(key, value);
    }

    Cases each(const Command &command, int component, const std::vector<int> &chosen, Case one)
    {
        if (command.code != suit::TryEach && command.code != suit::RunSequence)
            return step(command.code, component, std::move(one));
        const bool outerSoft = one.soft;
        if (chosen.size() > 1)
            one.current = {component};
        Cases done;
        Cases open;
        open.push_back(std::move(one));
        const bool choice = command.code == suit::TryEach;
        for (const Sequence &alternative : command.alternatives) {
            for (Case &start : open) {
                start.state = Case::Running;
                start.soft = choice;
            }
            Cases ended = run(alternative, std::exchange(open, {}));
            for (Case &end : ended) {
                if (end.state == Case::Failed && choice && end.soft)
                    open.push_back(std::move(end));
                else if (end.state == Case::Failed && !choice && end.soft) {
                    end.state = Case::Running; // halts without further effect
                    done.push_back(std::move(end));
                } else {
                    if (end.state == Case::Failed && choice)
                        end.state = Case::Aborted;
                    done.push_back(std::move(end));
                }
            }
        }
        for (Case &left : open) { // no alternative held
            left.state = command.orNothing ? Case::Running : Case::Aborted;
            done.push_back(std::move(left));
        }
        for (Case &end : done) {
            end.soft = outerSoft;
            if (chosen.size() > 1)
                end.current = chosen;
        }
        return done;
    }

    Cases step(int code, int component, Case one)
    {
        Case::Place &place = one.places[size_t(component)];
        SuitPlan::Component &seen = one.plan.components[component];
        const auto parameter = [&place](int key) { return place.parameters.value(key); };
        const auto has = [&place](int key) { return place.parameters.contains(key); };
        const auto only = [](Case result) {
            Cases cases;
            cases.push_back(std::move(result));
            return cases;
        };
        switch (code) {
        case suit::CheckVendor:
            return only(identity(std::move(one), parameter(suit::VendorId), QStringLiteral("vendor"), m_target.vendor,
                                 seen.vendor));
        case suit::CheckClass:
            return only(identity(std::move(one), parameter(suit::ClassId), QStringLiteral("class"),
                                 m_target.deviceClass, seen.deviceClass));
        case suit::CheckDevice:
            return only(identity(std::move(one), parameter(suit::DeviceId), QStringLiteral("device"), m_target.device,
                                 seen.device));
        case suit::ImageMatch:
            return imageMatch(component, std::move(one));
        case suit::CheckContent:
            if (!has(suit::Content))
                return only(failed(std::move(one), broken(QStringLiteral("it checks content without naming it"))));
            return seen.stored.isEmpty() ? eitherWay(std::move(one)) : only(std::move(one));
        case suit::ComponentSlot:
            return slot(component, std::move(one));
        case suit::Abort:
            return only(failed(std::move(one), broken(QStringLiteral("it gives up in every case"))));
        case suit::Write:
            if (!has(suit::Content))
                return only(failed(std::move(one), broken(QStringLiteral("it writes nothing")), Case::Aborted));
            seen.stored = QStringLiteral("written");
            seen.content = parameter(suit::Content).toByteArray();
            seen.source.reset();
            place.matched = true; // the content stands in the manifest itself
            return only(std::move(one));
        case suit::Fetch:
            return only(fetch(component, std::move(one)));
        case suit::Copy:
        case suit::Swap:
            if (!has(suit::SourceComponent) || parameter(suit::SourceComponent).toInteger() == component)
                return only(failed(std::move(one), broken(QStringLiteral("it copies from nowhere")), Case::Aborted));
            seen.stored = code == suit::Copy ? QStringLiteral("copied") : QStringLiteral("swapped");
            seen.source = int(parameter(suit::SourceComponent).toInteger());
            place.matched = false;
            return only(std::move(one));
        default:
            seen.invoked = true;
            return only(std::move(one));
        }
    }

    static Case identity(Case one, const QCborValue &wanted, const QString &what, const std::optional<QUuid> &is,
                         QString &seen)
    {
        if (wanted.isUndefined())
            return failed(std::move(one), Fault("firmware.suit-no-identity", {what}));
        seen = suit::idText(wanted);
        if (is && wanted.toByteArray() != is->toRfc4122()) {
            return failed(std::move(one), Fault("firmware.suit-identity",
                                                {what, suit::idText(wanted), is->toString(QUuid::WithoutBraces)}));
        }
        return one;
    }

    // Holds or not: nobody knows. Where failure would end it all, it is taken to hold.
    static Cases eitherWay(Case one)
    {
        Cases cases;
        if (one.soft)
            cases.push_back(failed(one, broken(QStringLiteral("what it looks for is not there"))));
        cases.insert(cases.begin(), std::move(one));
        return cases;
    }

    Cases imageMatch(int component, Case one) const
    {
        Case::Place &place = one.places[size_t(component)];
        SuitPlan::Component &seen = one.plan.components[component];
        Cases cases;
        if (!place.parameters.contains(suit::ImageDigest)) {
            cases.push_back(
                failed(std::move(one), broken(QStringLiteral("it checks an image without naming its digest"))));
            return cases;
        }
        seen.digest = digestOf(place);
        seen.size = sizeOf(place);
        if (seen.stored.isEmpty())
            return eitherWay(std::move(one));
        for (SuitPayload &payload : one.plan.payloads) {
            if (payload.component != component || place.matched)
                continue;
            if (!payload.digest)
                payload.digest = seen.digest;
            if (!payload.size)
                payload.size = seen.size;
            if (payload.digest != seen.digest && seen.stored == u"fetched") {
                cases.push_back(failed(std::move(one), broken(QStringLiteral("it names two digests for one payload"))));
                return cases;
            }
        }
        place.matched = true;
        cases.push_back(std::move(one));
        return cases;
    }

    Cases slot(int component, Case one) const
    {
        Case::Place &place = one.places[size_t(component)];
        Cases cases;
        if (!place.parameters.contains(suit::Slot)) {
            cases.push_back(failed(std::move(one), broken(QStringLiteral("it checks a slot without naming it"))));
            return cases;
        }
        const quint64 wanted = quint64(place.parameters.value(suit::Slot).toInteger());
        if (!place.slot && m_target.slot)
            place.slot = m_target.slot;
        const Fault other("firmware.suit-identity",
                          {QStringLiteral("slot"), QString::number(wanted),
                           place.slot ? QString::number(*place.slot) : QStringLiteral("another one")});
        if ((place.slot && place.slot != wanted) || place.otherSlots.contains(wanted)) {
            cases.push_back(failed(std::move(one), other));
            return cases;
        }
        if (!place.slot && one.soft) {
            Case elsewhere = one;
            elsewhere.places[size_t(component)].otherSlots.insert(wanted);
            cases.push_back(failed(std::move(elsewhere), other));
        }
        one.places[size_t(component)].slot = wanted;
        one.plan.components[component].slot = wanted;
        cases.insert(cases.begin(), std::move(one));
        return cases;
    }

    static Case fetch(int component, Case one)
    {
        Case::Place &place = one.places[size_t(component)];
        if (!place.parameters.contains(suit::Uri))
            return failed(std::move(one), broken(QStringLiteral("it fetches from nowhere")), Case::Aborted);
        if (one.plan.payloads.size() >= maximumPayloads)
            throw Fault("firmware.suit-unsupported", {QStringLiteral("more than %1 payloads").arg(maximumPayloads)});
        one.plan.payloads.append(
            {place.parameters.value(suit::Uri).toString(), component, digestOf(place), sizeOf(place)});
        one.plan.components[component].stored = QStringLiteral("fetched");
        one.plan.components[component].source.reset();
        place.matched = false;
        return one;
    }

    static std::optional<suit::Digest> digestOf(const Case::Place &place)
    {
        const auto it = place.parameters.constFind(suit::ImageDigest);
        if (it == place.parameters.constEnd())
            return {};
        const QString what = QStringLiteral("an image digest");
        return suit::Digest::read(suit::strictCbor(it->toByteArray(), what, "firmware.suit-manifest"), what,
                                  "firmware.suit-manifest");
    }
    static std::optional<quint64> sizeOf(const Case::Place &place)
    {
        const auto it = place.parameters.constFind(suit::ImageSize);
        return it == place.parameters.constEnd() ? std::nullopt : std::optional(quint64(it->toInteger()));
    }

    const SuitTarget &m_target;
    int m_steps = 0;
};

} // namespace

QList<SuitPlan> SuitManifest::Program::follow(const SuitTarget &target) const
{
    Case start;
    start.places.resize(size_t(components));
    start.plan.components.resize(components);
    Follower follower(target);
    Cases cases;
    cases.push_back(std::move(start));
    for (const Sequence *sequence : {&shared, &fetch, &install, &validate, &load, &invoke}) {
        for (Case &one : cases)
            one.current = {0};
        cases = follower.run(*sequence, std::move(cases));
    }
    QList<SuitPlan> plans;
    std::optional<Fault> why;
    for (Case &one : cases) {
        for (const SuitPayload &payload : std::as_const(one.plan.payloads)) {
            if (one.state == Case::Running && !payload.digest) {
                one.state = Case::Aborted;
                one.why = Fault("firmware.suit-unvouched", {payload.uri});
            }
        }
        if (one.state == Case::Running && !plans.contains(one.plan))
            plans.append(one.plan);
        else if (one.state != Case::Running && !why)
            why = one.why;
    }
    if (plans.isEmpty())
        throw why.value_or(Fault("firmware.suit-manifest", {QStringLiteral("none of its cases ends well")}));
    return plans;
}

} // namespace slipway
