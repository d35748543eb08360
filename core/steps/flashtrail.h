#pragma once
// The record of one write of firmware: an intent before the device is changed, entries flash.reached on the way (stage,
// bytes, address), and the outcome: "done", "not-done" (nothing was changed) or "partial". Where nobody came to write
// an outcome, the entries tell how far it got. A write can be done again, so it is repeatable
// (StepKind::repeatableActs). Throws journal.*.

#include "core/steps/flashing.h"
#include "core/steps/step.h"

namespace slipway {

class FlashTrail
{
public:
    // names: of the files, for sentences. detail: of the intent.
    FlashTrail(StepContext &context, QString names, QCborMap detail)
        : m_context(context), m_names(std::move(names)), m_detail(std::move(detail))
    {}

    void reached(const FlashReach &reach);
    void done(const QString &summary);
    // Never throws: what went wrong is said already, and an intent without an outcome is found later.
    void cut();
    // Of an intent without an outcome.
    static Reconciled reconcile(const QString &act, const QCborMap &detail, const Evidence &evidence);

private:
    StepContext &m_context;
    QString m_names;
    QCborMap m_detail;
    QString m_intent;
    FlashReach m_reach;
};

} // namespace slipway
