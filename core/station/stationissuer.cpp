#include "core/station/stationissuer.h"

namespace slipway {

std::optional<Fault> StationIssuer::open()
{
    const std::lock_guard one(m_opening);
    if (inner())
        return {};
    std::unique_ptr<Issuer> opened;
    std::optional<Fault> trouble;
    try {
        opened = m_opener();
    } catch (const Fault &fault) {
        trouble = fault;
    }
    const std::lock_guard lock(m_mutex);
    m_inner = std::move(opened);
    m_trouble = trouble;
    return trouble;
}

std::optional<Fault> StationIssuer::trouble() const
{
    const std::lock_guard lock(m_mutex);
    return m_trouble;
}

Issuer *StationIssuer::inner() const
{
    const std::lock_guard lock(m_mutex);
    return m_inner.get();
}

Issuer &StationIssuer::need() const
{
    if (Issuer *issuer = inner())
        return *issuer;
    const auto why = trouble();
    throw Fault("issuer.shut", {why ? why->sentence() : QString()}, why ? why->detail() : QString());
}

QString StationIssuer::name() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->name() : QString();
}

QList<QByteArray> StationIssuer::chain() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->chain() : m_chain;
}

QList<QByteArray> StationIssuer::chainFor(const QByteArray &certificate) const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->chainFor(certificate) : m_chain;
}

const QuotaBook *StationIssuer::quotas() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->quotas() : nullptr;
}

IssuedCertificate StationIssuer::issue(const IssueOrder &order, const Task &task)
{
    return need().issue(order, task);
}

void StationIssuer::checkHealth() const
{
    need().checkHealth();
}

bool StationIssuer::isRemote() const
{
    const Issuer *issuer = inner();
    return issuer && issuer->isRemote();
}

bool StationIssuer::mayAskAgain() const
{
    const Issuer *issuer = inner();
    return issuer && issuer->mayAskAgain();
}

bool StationIssuer::confirms() const
{
    const Issuer *issuer = inner();
    return issuer && issuer->confirms();
}

int StationIssuer::parallelism() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->parallelism() : 1;
}

OutagePolicy StationIssuer::outage() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->outage() : OutagePolicy();
}

QString StationIssuer::address() const
{
    const Issuer *issuer = inner();
    return issuer ? issuer->address() : QString();
}

bool StationIssuer::revoke(const QByteArray &certificate, const QString &reason, const Task &task)
{
    return need().revoke(certificate, reason, task);
}

} // namespace slipway
