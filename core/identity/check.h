#pragma once
// Judges a certificate against a profile, field by field (IEEE 802.1AR, RFC 5280, RFC 8520 section 11, RFC 8995
// section 2.3, RFC 4108 section 5). Reads the DER itself, so that what it says does not depend on what a library shows.

#include "core/identity/profile.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QString>

#include <optional>

namespace slipway {

struct CertificateFinding {
    QString field; // "not-after"
    bool ok = false;
    QString expected;
    QString found;
    QString clause;             // "IEEE 802.1AR 8.7"
    QString sentence;           // why it does not hold; "" when it does
    QJsonObject toJson() const; // {"field","ok","expected","found","clause","sentence"}
};

struct CertificateExpectations {
    std::optional<QString> serial; // subject serialNumber
    std::optional<QString> mudUrl;
    std::optional<QByteArray> publicKey; // SubjectPublicKeyInfo, DER
};

// chain: the issuing certificate first, DER; the last one is the anchor. Empty: signature and issuer do not hold.
// Throws identity.certificate when der is no X.509 certificate at all.
QList<CertificateFinding> checkCertificate(const QByteArray &der, const Profile &profile,
                                           const QList<QByteArray> &chain,
                                           const CertificateExpectations &expectations = {});
bool allHold(const QList<CertificateFinding> &findings);
// The sentences of those that do not hold, joined; "" when all do.
QString whatDoesNotHold(const QList<CertificateFinding> &findings);

// PEM (the first certificate) or DER, at most 64 KiB, to DER. Throws identity.certificate.
QByteArray certificateFromFile(const QByteArray &pemOrDer);
// All certificates of a PEM file, DER each. Throws identity.certificate when there is none.
QList<QByteArray> certificatesFromPem(const QByteArray &pem);
QByteArray certificateToPem(const QByteArray &der);

// A few facts for records and screens.
struct CertificateFacts {
    QString subjectSerial, certificateSerial, subject, issuer, notBefore, notAfter, mudUrl, masaUrl;
    QByteArray sha256, publicKeyDer, publicKeySha256;
    QByteArray authorityKeyId, subjectKeyId; // empty when absent
};
CertificateFacts certificateFacts(const QByteArray &der);

// The chain among these whose first certificate issued this one: by name and key identifier, since a CA keeps its name
// when it changes its key. The first chain when none fits.
QList<QByteArray> chainOf(const QByteArray &der, const QList<QList<QByteArray>> &chains);

} // namespace slipway
