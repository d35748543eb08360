#pragma once
// Answers OCSP requests (RFC 6960; nonces RFC 9654) with a key that the CA delegated this to: a request in DER comes
// in, a signed response in DER goes out; whoever runs the web server moves the files. What is known of a certificate is
// asked of the caller. Throws identity.ocsp-request, issuer.sign, identity.certificate.

#include "core/identity/signingkey.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <functional>

namespace slipway {

struct OcspStatus {
    enum class State { Good, Revoked, Unknown };
    State state = State::Unknown;
    QString revokedAt; // RFC 3339
    QString reason;    // "keyCompromise", ... or ""
};

struct OcspAnswer {
    QString certificateSerial; // hex
    OcspStatus status;
};
struct OcspResponse {
    QByteArray der;
    QList<OcspAnswer> answers; // in the order of the request
    bool nonce = false;
};

struct OcspForm {
    qint64 at = 0;          // thisUpdate, seconds since 1970
    qint64 seconds = 86400; // until nextUpdate
};

// issuers: certificates of the CA's keys, DER. look(certificate serial in hex, index into issuers); a certificate of
// any other issuer is unknown without asking.
OcspResponse ocspRespond(const QByteArray &request, const SigningKey &responder, const QList<QByteArray> &issuers,
                         const std::function<OcspStatus(const QString &, qsizetype)> &look, const OcspForm &form);
// The index into issuers of the first one that the request asks about; -1: none.
qsizetype ocspIssuerOf(const QByteArray &request, const QList<QByteArray> &issuers);

} // namespace slipway
