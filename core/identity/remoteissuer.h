#pragma once
// What EST and CMP have in common: the authority's chain, how the station shows who it is, what is asked for and how
// an answer is judged. Nothing that arrives is given out unless it is exactly what was ordered. Room-internal.

#include "core/identity/httpexchange.h"
#include "core/identity/issuer.h"

#include <memory>

namespace slipway {

struct RemoteAccess {
    QString url;                       // http or https
    QList<QByteArray> chain;           // of the authority: the issuing certificate first, DER
    QList<QByteArray> anchors;         // for TLS, and for what the authority signs
    std::shared_ptr<const Signer> key; // of the station as registration authority; null: none
    QList<QByteArray> keyChain;
    OutagePolicy outage;
    std::chrono::milliseconds answerWithin{30'000};
    bool askAgain = false;
    bool needsCmcRa = true; // the station's certificate must have id-kp-cmcRA
};

class RemoteIssuer : public Issuer
{
public:
    QString name() const override { return m_name; }
    QList<QByteArray> chain() const override { return m_access.chain; }
    bool isRemote() const override { return true; }
    bool mayAskAgain() const override { return m_access.askAgain; }
    OutagePolicy outage() const override { return m_access.outage; }
    QString address() const override { return m_access.url; }
    QByteArray accessCertificate() const { return m_access.keyChain.value(0); } // of the station, "": it has none
    // What keeps the station from asking with that certificate: it is not valid now, or does not say cmcRA where it
    // must. "": nothing.
    // laterIsFine: one that will be valid only soon passes.
    QString whyNoAccess(const QByteArray &certificate, bool laterIsFine = false) const;

protected:
    // protocol: "EST", for the name. Throws issuer.certificate, issuer.access.
    RemoteIssuer(RemoteAccess access, const QString &protocol);

    const RemoteAccess &access() const { return m_access; }
    HttpPeer peer() const;
    // The order against its profile. Throws identity.*.
    static void check(const IssueOrder &order);
    // The station's own certificate: valid now? Throws issuer.access.
    void checkAccess() const;
    // What arrived, with its deviation from the order where there is one.
    IssuedCertificate judge(const QByteArray &der, const IssueOrder &order) const;

private:
    RemoteAccess m_access;
    QString m_name;
};

// Waits so long, or until the task's end; the note is shown meanwhile. Throws base.stopped, base.timeout.
void pauseFor(std::chrono::milliseconds span, const Task &task, const QString &note);

} // namespace slipway
