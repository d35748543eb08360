// lock: sets locks that nobody can take back.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/kinds.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QStringList lockNames(const QVariantMap &parameters)
{
    QStringList names;
    if (parameters.value(u"debug"_s).toBool())
        names << u"debug"_s;
    names += parameters.value(u"others"_s).toStringList();
    return names;
}

// What the device says of the lock, whatever became of the act: its own short time, and no stop in between.
std::optional<bool> stateOf(Lock &locker, const QString &name, const Task &task)
{
    Task asking;
    asking.deadline = Deadline::in(std::chrono::seconds(10));
    asking.log = task.log;
    try {
        return locker.isLocked(name, asking);
    } catch (const Fault &fault) {
        asking.say(u"asked for the state of the lock: "_s + fault.sentence());
        return {};
    }
}

class LockStep : public Step
{
public:
    explicit LockStep(const RecipeStep &step) : m_names(lockNames(step.parameters)) {}

    void prepare(StepContext &) override {}

    void run(StepContext &context, const Task &task) override
    {
        Lock *locker = context.device().locker();
        if (!locker)
            throw Fault("device.lacks", {u"be locked"_s});
        const QStringList known = locker->locks(task);
        for (const QString &name : m_names) {
            if (!known.contains(name))
                throw Fault("lock.unknown-name", {oneLine(name, 40), known.join(u", "_s)});
        }
        QStringList done;
        for (const QString &name : m_names) {
            task.check(u"Locking"_s); // the last moment to stop
            if (locker->isLocked(name, task)) {
                done << name + u" was locked already"_s;
                continue;
            }
            lock(context, *locker, name, task);
            done << name + u" locked, read back"_s;
        }
        context.summary(done.join(u", "_s));
    }

private:
    static void lock(StepContext &context, Lock &locker, const QString &name, const Task &task)
    {
        const QString intent = context.intend(u"lock"_s, {{u"lock"_s, name}, {u"serial"_s, context.serial()}});
        std::optional<Fault> trouble;
        try {
            locker.lock(name, task);
        } catch (const Fault &fault) {
            trouble = fault;
        }
        const std::optional<bool> locked = stateOf(locker, name, task);
        if (!locked) {
            context.outcome(intent, u"unknown"_s, u"The device does not say whether its %1 lock is set."_s.arg(name));
            throw Fault("lock.unknown", {name}, trouble ? QString::fromUtf8(trouble->what()) : QString());
        }
        if (!*locked) {
            context.outcome(intent, u"not-done"_s, u"The device says that its %1 lock is not set."_s.arg(name));
            if (trouble)
                throw *trouble;
            throw Fault("lock.open", {name});
        }
        context.outcome(intent, u"done"_s, u"The device says that its %1 lock is set."_s.arg(name));
    }

    QStringList m_names;
};

Reconciled reconcileLock(const QString &, const QCborMap &detail, const Evidence &evidence)
{
    const QString name = detail.value(u"lock"_s).toString();
    Lock *locker = evidence.device ? evidence.device->locker() : nullptr;
    const auto locked = locker ? stateOf(*locker, name, evidence.task) : std::nullopt;
    if (!locked) {
        return {u"unknown"_s, u"Nobody knows whether the %1 lock of %2 is set."_s.arg(name, evidence.serial),
                u"Put the unit into a place and ask again; until then do not ship it and do not lock it again."_s};
    }
    if (*locked) {
        return {u"done"_s, u"The device says that its %1 lock is set."_s.arg(name),
                u"Run the recipe again: steps that a locked device does not take are refused before anything is "
                "changed."_s};
    }
    return {u"not-done"_s, u"The device says that its %1 lock is not set."_s.arg(name), u"Run the recipe again."_s};
}

} // namespace

StepKind lockKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"lock"_s;
    kind.title = u"Lock"_s;
    kind.summary = u"Sets locks that nobody can take back, and reads them back."_s;
    kind.manual =
        u"**Irreversible.** Put it last: the checker refuses a recipe that writes to the device after it.\n\n"
        "The state is read first; a lock that is set already is left alone. The intent is on record before the act and "
        "the outcome after it. The verdict rests on what the device says afterwards, not on how the act was answered: "
        "where it does not say, the run ends as UNKNOWN, and `slipway run` says after a restart what the device "
        "answers then."_s;
    kind.example = u"- lock: { debug: true }"_s;
    kind.parameters = {{.name = u"debug"_s, .type = Type::Boolean, .fallback = false, .doc = u"Lock the debug port."_s},
                       {.name = u"others"_s,
                        .type = Type::List,
                        .doc = u"Further locks, by the names that the board's data gives them."_s}};
    kind.weight = 0.5;
    kind.timeoutMs = 15'000;
    kind.irreversible = [](const QVariantMap &p) { return !lockNames(p).isEmpty(); };
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Lock}; };
    kind.check = [](const QVariantMap &p, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        if (lockNames(p).isEmpty())
            troubles.append(
                {QString(), u"\"lock\" locks nothing: write \"debug: true\" or name locks in \"others\""_s});
        if (QStringList names = lockNames(p); names.removeDuplicates() > 0)
            troubles.append({u"others"_s, u"a lock is named twice"_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<LockStep>(step); };
    kind.acts = {u"lock"_s};
    kind.reconcile = reconcileLock;
    return kind;
}

} // namespace slipway
