#include "core/steps/lotpair.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/device/hardwareid.h"
#include "core/steps/keyloading.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QString hardwareOf(StepContext &context, const Task &task)
{
    const DeviceFacts facts = context.device().facts(task);
    if (isPlausibleHardwareId(facts.hardwareId))
        return oneLine(facts.hardwareId, 80);
    return !facts.serial.isEmpty() && facts.serial == context.serial() ? u"serial "_s + oneLine(facts.serial, 80)
                                                                       : QString();
}

} // namespace

void LotPair::check(StepContext &context, const QString &lot, const QString &profile, bool stationKey)
{
    if (!context.serial().isEmpty()) {
        const auto rows = validCertificates(context.journal(), context.mode(), context.serial());
        const bool has = std::any_of(rows.begin(), rows.end(), [&context](const CertificateRow &row) {
            return wasDelivered(context.journal(), row);
        });
        if (has) // nothing will be taken
            return;
    }
    const LotStock stock = lotStock(context.journal(), context.mode(), lot);
    if (stock.closed)
        throw Fault("identity.lot-closed", {lot});
    if (stock.over())
        throw Fault("identity.lot-over", {lot, stock.lastDay});
    if (stock.profile != profile)
        throw Fault("identity.lot-profile", {lot, stock.profile, profile});
    if (stock.stationKeys != stationKey)
        throw Fault("identity.lot-kind",
                    {lot, stock.stationKeys ? u"keys that the station made"_s : u"requests of the devices"_s,
                     stock.stationKeys ? u"injected"_s : u"on-device"_s});
    if (stationKey)
        context.openKeyLot(lot); // the passphrase may be wrong
    if (!context.serial().isEmpty())
        lotItemOf(context.journal(), context.mode(), lot, context.serial()); // there is one for it
}

LotPair::LotPair(StepContext &context, const QString &lot, bool stationKey)
    : m_context(context), m_lot(lot), m_stationKey(stationKey),
      m_item(lotItemOf(context.journal(), context.mode(), lot, context.serial()))
{}

LotPair::~LotPair()
{
    if (!m_bound)
        return;
    try {
        endBinding(m_context.journal(), m_context.mode(), *m_bound,
                   m_stationKey ? BindingEnd::Kept : BindingEnd::GivenBack,
                   m_stationKey ? u"The key may have reached the device: the pair stays with it."_s
                                : u"The certificate did not arrive and is given back."_s,
                   m_context.runId());
    } catch (const Fault &) {
        // The intent stays open then, and recovery ends it.
    }
}

KeyLot &LotPair::keys()
{
    if (!m_keys)
        m_keys = m_context.openKeyLot(m_lot);
    return *m_keys;
}

PrivateKey LotPair::unseal()
{
    if (m_item.state == u"used") // by a device that is not this one
        throw Fault("identity.lot-bound", {m_context.serial(), m_item.certificateSerial, m_item.since});
    return PrivateKey::fromPkcs8(keys().unseal(m_item.publicKeySha256), u"of lot "_s + m_lot);
}

void LotPair::draw(bool holds, const Task &task)
{
    LotTaker taker;
    taker.run = m_context.runId();
    taker.stepIndex = m_context.stepIndex();
    taker.hardware = hardwareOf(m_context, task);
    taker.holds = holds;
    task.check(u"Taking the identity out of its lot"_s);
    m_bound = bindPair(m_context.journal(), m_context.mode(), m_lot, m_context.serial(), taker);
    m_context.fact(u"lot"_s, m_lot);
    task.say(u"certificate %1 of lot %2 is bound to %3"_s.arg(m_item.certificateSerial, m_lot, m_context.serial()));
}

void LotPair::used(const QString &sentence)
{
    if (!m_bound)
        return;
    endBinding(m_context.journal(), m_context.mode(), *m_bound, BindingEnd::Used, sentence, m_context.runId());
    m_bound.reset();
    if (m_stationKey)
        keys().discard(m_item.publicKeySha256);
}

Reconciled reconcileBinding(const QCborMap &detail, const Evidence &evidence)
{
    const QString lot = detail.value(u"batch"_s).toString();
    const QByteArray sha256 = detail.value(u"certificate-sha256"_s).toByteArray();
    const QString again = u"Run the unit again: the same device gets the same pair, no other one does."_s;
    if (!evidence.journal)
        return {u"unknown"_s, u"Nobody has looked into the journal."_s, u"Open the station again."_s};
    bool stationKeys = true;
    std::optional<CertificateRow> bound;
    for (const CertificateRow &row : validCertificates(*evidence.journal, evidence.mode, evidence.serial)) {
        if (row.sha256 == sha256)
            bound = row;
    }
    try {
        stationKeys = lotStock(*evidence.journal, evidence.mode, lot).stationKeys;
    } catch (const Fault &) {
        // No such lot here: as little is known as can be.
    }
    if (bound && wasDelivered(*evidence.journal, *bound))
        return {u"done"_s, u"%1 holds the certificate of lot %2 that was drawn for it."_s.arg(evidence.serial, lot),
                again};
    if (!stationKeys)
        return {u"not-done"_s,
                u"Nothing secret had left the station: the certificate is given back to lot %1."_s.arg(lot),
                u"Run the recipe again."_s};
    if (Keys *keys = evidence.device ? evidence.device->keys() : nullptr; keys && bound) {
        try {
            provePossession(*keys, bound->der, evidence.task);
            return {u"done"_s, u"The device holds the key of its pair of lot %1."_s.arg(lot), again};
        } catch (const Fault &fault) {
            evidence.task.say(fault.text());
        }
    }
    return {u"partial"_s,
            u"The key of the pair of lot %1 may have reached %2, so the pair stays with that device."_s.arg(
                lot, evidence.serial),
            again};
}

} // namespace slipway
