#pragma once
// Turns a checked certificate request into a certificate. File CA here; PKCS#11, EST and CMP are to come behind the
// same interface.

#include "core/base/task.h"
#include "core/identity/profile.h"

#include <QByteArray>
#include <QList>
#include <QString>

namespace slipway {

class QuotaBook;

// A PKCS#10 request whose signature has been verified (proof of possession, RFC 2986 section 4.2).
struct CertificateRequest {
    QByteArray der;
    QByteArray publicKeyDer;    // SubjectPublicKeyInfo
    QByteArray publicKeySha256; // of publicKeyDer
    QString serialNumber;       // subject serialNumber (2.5.4.5), "" when absent
    QString keyType;            // "P-256", ...
    // PEM or DER, at most 16 KiB. Throws identity.csr, identity.csr-signature.
    static CertificateRequest parse(const QByteArray &pemOrDer);
};

struct IssueOrder {
    CertificateRequest request;
    Profile profile;
    QString serial;
    QString mudUrl;               // may be empty when the profile does not require it
    QByteArray certificateSerial; // 20 bytes or fewer, positive; see newCertificateSerial()
    bool renew = false;           // an LDevID beside one that the unit has, also for the same key
};

struct IssuedCertificate {
    QByteArray der;
    QString certificateSerial; // hex
    QByteArray sha256;
    QString issuerName, notAfter; // "no expiry" is 99991231235959Z
};

QByteArray newCertificateSerial(); // 16 random bytes, positive

class Issuer
{
public:
    virtual ~Issuer() = default;
    virtual QString name() const = 0;            // "Acme Device CA 3 (file)"
    virtual QList<QByteArray> chain() const = 0; // issuing certificate first, DER
    // The one that goes with this certificate, which may be of a key that the issuer had before.
    virtual QList<QByteArray> chainFor(const QByteArray &) const { return chain(); }
    // The quotas within which it may issue; null: without a bound. See quota.h.
    virtual const QuotaBook *quotas() const { return nullptr; }
    // Thread-safe. Checks request against order (serial, key type) and throws identity.* ; issuer.* when it cannot
    // sign.
    virtual IssuedCertificate issue(const IssueOrder &order, const Task &task) = 0;
    virtual void checkHealth() const = 0; // throws when it could not issue now
};

} // namespace slipway
