#pragma once
// What an EST server answers (RFC 7030 sections 4.1.3, 4.2.3 and 4.5.2, RFC 8951): certificates in a PKCS#7 message
// without signatures, and what a request should hold. Bodies are base64; raw DER is taken too, as real servers send it.
// Everything is bounded; throws issuer.answer with what is wrong.

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

// In the order of the message, DER; 1 to 16.
QList<QByteArray> estCertificates(const QByteArray &body, const QString &server);

struct EstAttributes {
    QStringList wanted; // OIDs that a request should hold, dotted
    QString keyType;    // that the server asks for: "P-256", "RSA"; "" where it asks for none
};
EstAttributes estAttributes(const QByteArray &body, const QString &server);

} // namespace slipway
