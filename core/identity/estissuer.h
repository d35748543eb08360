#pragma once
// A certification authority by EST (RFC 7030, with RFC 8951's clarifications). The station is a registration authority:
// it hands in the device's own request, whose proof of possession it has verified, over TLS with a certificate of its
// own. 202 with Retry-After is waited for, the same request sent again, within the order's patience.
// Throws what Issuer says; issuer.refused, issuer.answer, issuer.access.

#include "core/identity/estmessages.h"
#include "core/identity/remoteissuer.h"

#include <mutex>

namespace slipway {

class EstIssuer : public RemoteIssuer
{
public:
    // access.url: "https://HOST:PORT" or with "/.well-known/est" and a label behind it.
    explicit EstIssuer(RemoteAccess access);

    IssuedCertificate issue(const IssueOrder &order, const Task &task) override;
    void checkHealth() const override; // asks for the authority's certificates

    // "https://ca.example:8443" to the address under which the functions lie. Throws issuer.url: EST is https only.
    static QString base(const QString &url);
    // Certificates of the authority, as the server gives them now.
    QList<QByteArray> authorityCertificates(const Task &task) const;
    // A new certificate for the station's own access (simplereenroll): request signed by the key it is for. DER.
    QByteArray renew(const QByteArray &request, const Task &task) const;

private:
    // whileWaiting: that of IssueOrder, or empty.
    QByteArray enroll(const QString &function, const QByteArray &request,
                      const std::function<void(const QByteArray &)> &whileWaiting, const Task &task) const;
    void checkAttributes(const IssueOrder &order, const Task &task);

    std::mutex m_mutex;
    bool m_asked = false; // for the attributes
    EstAttributes m_attributes;
};

// First contact (RFC 7030 section 4.1.1): asks a server that nobody vouches for yet for its authority's certificates.
// One of them must have this SHA-256, which a person got by another way; those that do not lead to it are left out.
// That one comes last. Throws issuer.fingerprint.
QList<QByteArray> estBootstrap(const QString &url, const QByteArray &sha256, const Task &task);

} // namespace slipway
