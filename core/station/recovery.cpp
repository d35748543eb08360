#include "core/station/recovery.h"

#include "core/base/fault.h"
#include "core/device/hardwareid.h"

#include <QHash>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

Mode modeFrom(const QString &text)
{
    return modeFromString(text).value_or(Mode::Production);
}

QString whereWords(const Lookup::RunRow &run)
{
    if (run.lastIndex < 0)
        return u"before the first step"_s;
    return run.lastEnded ? u"after step %1"_s.arg(run.lastStep) : u"in step %1"_s.arg(run.lastStep);
}

QString listWords(const QStringList &words)
{
    return words.join(u", "_s);
}

} // namespace

QString actWords(const QString &act, const QCborMap &detail)
{
    if (act == u"lock")
        return u"set lock %1"_s.arg(detail.value(u"lock"_s).toString(u"debug"_s));
    static const QHash<QString, QString> words = {
        {u"identity.issue"_s, u"issue the certificate"_s},
        {u"identity.inject"_s, u"bring a key into the device"_s},
        {u"identity.write"_s, u"write the identity into the device"_s},
        {u"identity.generate"_s, u"make the device's key"_s},
        {u"identity.bind"_s, u"bring the pair of a lot into the device"_s},
        {u"erase"_s, u"erase"_s},
        {u"flash"_s, u"write the firmware"_s},
    };
    return words.value(act, act);
}

Reconciled reconcileIntent(const Lookup::OpenIntent &open, Mode mode, Device *device, Journal &journal,
                           const Task &task)
{
    const Reconciled unknown{u"unknown"_s,
                             u"Nobody knows whether this took effect: %1."_s.arg(actWords(open.act, open.detail)),
                             u"Keep the unit apart until somebody has looked at it."_s};
    const StepKind *kind = stepKindOfAct(open.act);
    if (!kind || !kind->reconcile)
        return unknown;
    Evidence evidence;
    evidence.run = open.run;
    evidence.serial = open.device;
    evidence.mode = mode;
    evidence.device = device;
    evidence.journal = &journal;
    evidence.task = task;
    try {
        return kind->reconcile(open.act, open.detail, evidence);
    } catch (const std::exception &trouble) {
        task.say(QString::fromUtf8(trouble.what()));
        return unknown;
    }
}

bool isUnitOf(const DeviceFacts &facts, const QString &run, const QString &unit, Lookup &lookup)
{
    const QString hardwareId = lookup.factOf(run, u"hardware-id"_s);
    if (isPlausibleHardwareId(facts.hardwareId) && isPlausibleHardwareId(hardwareId))
        return facts.hardwareId == hardwareId;
    return !unit.isEmpty() && facts.serial == unit;
}

void recordOutcome(Journal &journal, const Lookup::OpenIntent &open, const Reconciled &known)
{
    if (known.state == u"unknown")
        return;
    journal.appendDurably({u"outcome"_s,
                           open.run,
                           open.device,
                           {{u"intent"_s, open.id},
                            {u"state"_s, known.state},
                            {u"sentence"_s, known.sentence},
                            {u"reconciled"_s, true}}});
}

int endInterruptedRuns(Journal &journal, Lookup &lookup)
{
    const QList<Lookup::RunRow> runs = lookup.openRuns();
    for (const Lookup::RunRow &run : runs) {
        QStringList open, partial;
        for (const Lookup::OpenIntent &intent : lookup.openIntentsOfRun(run.id)) {
            const Reconciled known = reconcileIntent(intent, modeFrom(run.mode), nullptr, journal, {});
            recordOutcome(journal, intent, known);
            if (known.state == u"unknown")
                open += actWords(intent.act, intent.detail);
            else if (known.state == u"partial")
                partial += known.sentence;
        }
        QStringList done;
        for (const QString &act : lookup.doneActs(run.id)) {
            if (!isRepeatableAct(act))
                done += actWords(act, {});
        }
        const QString where = whereWords(run);
        const Fault fault = !open.isEmpty()   ? Fault("station.interrupted-unknown", {where, listWords(open)})
                            : !done.isEmpty() ? Fault("station.interrupted-after", {where, listWords(done + partial)})
                            : !partial.isEmpty() ? Fault("station.interrupted-partial", {where, partial.join(u' ')})
                                                 : Fault("station.interrupted", {where});
        const Verdict verdict = open.isEmpty() ? Verdict::Error : Verdict::Unknown;
        journal.appendDurably({u"run.ended"_s,
                               run.id,
                               run.device,
                               {{u"verdict"_s, toString(verdict)},
                                {u"sentence"_s, fault.sentence()},
                                {u"remedy"_s, fault.remedy()},
                                {u"fault"_s, QLatin1String(fault.code())},
                                {u"step"_s, run.lastIndex},
                                {u"irreversible"_s, !done.isEmpty() || !open.isEmpty()},
                                {u"interrupted"_s, true}}});
    }
    return int(runs.size());
}

QList<Interrupted> listInterrupted(Lookup &lookup)
{
    QList<Interrupted> list;
    for (const Lookup::RunRow &run : lookup.unsettledRuns()) {
        Interrupted entry;
        entry.runId = run.id;
        entry.device = run.device;
        entry.recipe = run.recipe;
        entry.slot = run.slot;
        entry.begunAt = run.begunAt;
        entry.mode = run.mode;
        entry.lastStep = run.lastStep;
        entry.sentence = run.sentence;
        const auto open = lookup.openIntentsOfRun(run.id);
        if (!open.isEmpty()) {
            entry.intent = open.first().id;
            entry.act = open.first().act;
            entry.known = {
                u"unknown"_s,
                u"It is not known whether this took effect: %1."_s.arg(actWords(open.first().act, open.first().detail)),
                u"Put the unit into a place and ask the device, or run it again."_s};
        } else {
            // The run's own sentence is older than what was found out since.
            if (const QStringList found = lookup.reconciled(run.id); !found.isEmpty())
                entry.sentence = found.join(u' ');
            entry.known = {u"known"_s, entry.sentence, u"Run the unit again."_s};
        }
        list += entry;
    }
    return list;
}

} // namespace slipway
