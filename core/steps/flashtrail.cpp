#include "core/steps/flashtrail.h"

#include "core/base/text.h"
#include "core/journal/queries.h"

#include <QCborArray>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QCborMap reachBody(const FlashReach &reach)
{
    QCborMap body{{u"stage"_s, toString(reach.stage)}, {u"done"_s, reach.done}, {u"total"_s, reach.total}};
    if (reach.at)
        body.insert(u"at"_s, qint64(*reach.at));
    return body;
}

FlashReach reachOf(const QCborMap &body)
{
    FlashReach reach;
    const QString stage = body.value(u"stage"_s).toString();
    for (const WriteStage one : {WriteStage::Checking, WriteStage::Erasing, WriteStage::Writing, WriteStage::Verifying,
                                 WriteStage::Restarting}) {
        if (toString(one) == stage)
            reach.stage = one;
    }
    reach.done = body.value(u"done"_s).toInteger();
    reach.total = body.value(u"total"_s).toInteger();
    if (const QCborValue at = body.value(u"at"_s); at.isInteger())
        reach.at = quint64(at.toInteger());
    return reach;
}

QString afterwards(const FlashReach &reach)
{
    return reach.stage < WriteStage::Verifying ? u"What the device holds is not whole."_s
                                               : u"Whether the device holds and runs it as it should was not seen."_s;
}

} // namespace

void FlashTrail::reached(const FlashReach &reach)
{
    if (m_intent.isEmpty()) {
        QCborMap detail = m_detail;
        detail.insert(u"bytes"_s, reach.total);
        m_intent = m_context.intend(u"flash"_s, detail);
    } else {
        QCborMap body = reachBody(reach);
        body.insert(u"intent"_s, m_intent);
        m_context.record(u"flash.reached"_s, body);
    }
    m_reach = reach;
}

void FlashTrail::done(const QString &summary)
{
    if (m_intent.isEmpty())
        return;
    QCborMap detail = m_detail;
    detail.remove(u"files"_s);
    m_context.outcome(m_intent, u"done"_s, u"%1 is written: %2."_s.arg(m_names, summary), detail);
}

void FlashTrail::cut()
{
    if (m_intent.isEmpty())
        return;
    try {
        m_context.summary(u"ended "_s + m_reach.words());
        const bool changed = m_reach.changedDevice();
        m_context.outcome(m_intent, changed ? u"partial"_s : u"not-done"_s,
                          u"Writing %1 ended %2. %3"_s.arg(m_names, m_reach.words(),
                                                           changed ? afterwards(m_reach) : u"Nothing was changed."_s),
                          reachBody(m_reach));
    } catch (const std::exception &) {
    }
}

// The journal alone knows how far it got; nothing is lost by writing it again.
Reconciled FlashTrail::reconcile(const QString &, const QCborMap &detail, const Evidence &evidence)
{
    QStringList names;
    for (const QCborValue &file : detail.value(u"files"_s).toArray())
        names << oneLine(file.toMap().value(u"name"_s).toString(), 60);
    const QString name = names.isEmpty() ? u"the firmware"_s : names.join(u", "_s);
    FlashReach reach;
    if (evidence.journal) {
        JournalReader reader(evidence.journal->path());
        qint64 begun = 0; // of this write: what an earlier try reached does not count
        for (const Entry &entry : reader.entries({.run = evidence.run, .kind = u"intent"_s})) {
            if (entry.body.value(u"act"_s).toString() == u"flash")
                begun = entry.seq;
        }
        for (const Entry &entry :
             reader.entries({.run = evidence.run, .kind = u"flash.reached"_s, .after = begun, .last = 1}))
            reach = reachOf(entry.body);
    }
    const QString next = u"Run the unit again: the firmware is written anew."_s;
    if (!reach.changedDevice()) {
        return {u"partial"_s,
                u"Writing %1 had begun, and nobody knows whether anything was changed: the device may hold nothing "
                "whole."_s.arg(name),
                next};
    }
    return {u"partial"_s, u"Writing %1 was cut %2, or later. %3"_s.arg(name, reach.words(), afterwards(reach)), next};
}

} // namespace slipway
