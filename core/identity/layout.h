#pragma once
// An IDevID's TBSCertificate for one profile under one issuing certificate: everything that is the same for each device
// is laid out once, the rest is put between (RFC 5280 section 4.1; extensions in the order AKI, SKI, key usage, basic
// constraints, extended key usage, policies, SAN, MUD URL, MASA URL, mudsigner, the profile's others). Immutable, so
// threads may share it. Room-internal.

#include "core/identity/issuer.h"

namespace slipway {

class CertificateLayout
{
public:
    struct Validity {
        QByteArray der;   // SEQUENCE of the two times
        QString notAfter; // "99991231235959Z"
    };

    // issuerName and issuerKeyId: subject (DER) and SubjectKeyIdentifier of the issuing certificate.
    // algorithm: AlgorithmIdentifier of the issuer's signatures. Throws identity.profile for words that make no
    // certificate.
    CertificateLayout(const Profile &profile, QByteArrayView issuerName, QByteArrayView issuerKeyId,
                      QByteArrayView algorithm);

    const Profile &profile() const { return m_profile; }
    // certificateSerial: unsigned, big endian. The order has been checked.
    // mudExtension: of mudExtension(), or empty.
    QByteArray tbs(const IssueOrder &order, const QByteArray &certificateSerial, const Validity &validity,
                   const QByteArray &mudExtension) const;
    // The extension in DER; throws mud.url.
    static QByteArray mudExtension(const QString &url);
    // seconds since 1970; notBefore is put a little into the past but not before earliest ("20261121000000Z").
    Validity validityAt(qint64 now, const QString &earliest) const;

private:
    QByteArray subject(const QString &serial) const;

    Profile m_profile;
    QByteArray m_issuerName, m_algorithm;
    QByteArray m_subjectFixed; // the RDNs before serialNumber, when no template holds ${serial}
    bool m_subjectVaries = false;
    QByteArray m_before; // extensions before SKI
    QByteArray m_middle; // key usage, basic constraints, extended key usage, policies
    QByteArray m_after;  // MASA URL, mudsigner, others
};

} // namespace slipway
