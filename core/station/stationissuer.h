#pragma once
// The issuer of a station, which may be shut: its PIN was not given, or its token is not there. Whoever wants something
// of it then hears issuer.shut with the reason, and the station works on: recipes that need no issuer run. A person
// opens it (open()); nothing tries by itself, for each wrong PIN brings a token nearer to being locked.
// One object for as long as the station is open. Thread-safe.

#include "core/base/fault.h"
#include "core/identity/issuer.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace slipway {

class StationIssuer : public Issuer
{
public:
    using Opener = std::function<std::unique_ptr<Issuer>()>;
    // chain: the certificates that lie beside the key, issuing one first, for while it is shut.
    StationIssuer(Opener opener, QList<QByteArray> chain) : m_opener(std::move(opener)), m_chain(std::move(chain)) {}

    // Tries once. Nothing: it is open. Blocks while a person is asked; one call at a time.
    std::optional<Fault> open();
    std::optional<Fault> trouble() const; // why it is shut

    QString name() const override;
    QList<QByteArray> chain() const override;
    QList<QByteArray> chainFor(const QByteArray &certificate) const override;
    const QuotaBook *quotas() const override;
    IssuedCertificate issue(const IssueOrder &order, const Task &task) override;
    void checkHealth() const override;
    bool isRemote() const override;
    bool mayAskAgain() const override;
    bool confirms() const override;
    int parallelism() const override;
    OutagePolicy outage() const override;
    QString address() const override;
    bool revoke(const QByteArray &certificate, const QString &reason, const Task &task) override;

private:
    Issuer *inner() const; // null: shut. Once open it stays.
    Issuer &need() const;

    const Opener m_opener;
    const QList<QByteArray> m_chain;
    std::mutex m_opening;
    mutable std::mutex m_mutex;
    std::unique_ptr<Issuer> m_inner;
    std::optional<Fault> m_trouble;
};

} // namespace slipway
