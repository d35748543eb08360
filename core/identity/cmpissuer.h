#pragma once
// A certification authority by CMP (RFC 9810, RFC 9483; messages by OpenSSL, over HTTP as in RFC 9811). The station is
// a registration authority: it has verified the request's signature and says so (raVerified), and asks with ir for
// everything that the profile wants in the certificate; or it hands the device's own request in with p10cr. Messages
// are protected with a shared secret (password-based MAC) or signed with the station's certificate.
//
// A certificate is confirmed (certConf) only after it has been judged and is durable; one that deviates is refused
// there, and the authority takes it back. An answer that got lost leaves a certificate that is never confirmed. The
// order's transaction is that of CMP, so the same order sent again is known to the authority as such. One that the
// authority had not decided is taken up again by its transaction and the last nonce (RFC 9810 sections 5.1.1 and
// 5.3.22, RFC 9483 section 4.4): what it said then is read once more, and the next message asks (pollReq).
// Throws what Issuer says; issuer.refused, issuer.answer, issuer.unconfirmed, issuer.secret-*.

#include "core/identity/remoteissuer.h"

namespace slipway {

struct CmpSettings {
    bool p10cr = false;           // hand the device's request in as it is
    bool implicitConfirm = false; // ask the authority not to wait for a confirmation
    QString reference;            // of the shared secret
    SecretSource secret;          // used when there is no key in RemoteAccess
};

class CmpIssuer : public RemoteIssuer
{
public:
    CmpIssuer(RemoteAccess access, CmpSettings settings);
    ~CmpIssuer() override;

    IssuedCertificate issue(const IssueOrder &order, const Task &task) override;
    void checkHealth() const override; // that somebody answers there; CMP has no question without consequences
    bool mayAskAgain() const override { return true; } // the transaction is known to the authority
    bool confirms() const override { return true; }
    bool revoke(const QByteArray &certificate, const QString &reason, const Task &task) override;
    // A new certificate for the station's own access (kur): for the new key, asked for with the old one. DER. accept
    // throws when it is not what is wanted; the authority hears that, and what was thrown is thrown again.
    QByteArray renew(EVP_PKEY *newKey, const std::function<void(const QByteArray &)> &accept, const Task &task) const;

private:
    struct Session;
    CmpSettings m_settings;
    mutable std::mutex m_mutex;
    mutable QByteArray m_secret; // once it was asked for
};

} // namespace slipway
