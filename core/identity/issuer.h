#pragma once
// Turns a checked certificate request into a certificate: the station itself with a key in a file or a PKCS#11 token
// (fileissuer.h), or a certification authority somewhere else by EST (estissuer.h) or CMP (cmpissuer.h).
// issuersettings.h opens the one that a station has chosen.

#include "core/base/task.h"
#include "core/identity/profile.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <chrono>
#include <functional>

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

struct IssuedCertificate {
    QByteArray der;
    QString certificateSerial; // hex
    QByteArray sha256;
    QString issuerName, notAfter; // "no expiry" is 99991231235959Z
    QString deviation{};          // of a remote issuer: what is wrong with it, and nobody must get it; "": nothing
};

struct IssueOrder {
    CertificateRequest request;
    Profile profile;
    QString serial;
    QString mudUrl; // may be empty when the profile does not require it
    // 20 bytes or fewer, positive; see newCertificateSerial(). A remote issuer has its own.
    QByteArray certificateSerial;
    bool renew = false; // an LDevID beside one that the unit has, also for the same key

    // For remote issuers. transaction: 16 bytes that name this order for good; the same where it is sent again.
    QByteArray transaction;
    // Called when a good certificate has come, before the issuer is told so; makes it durable. What it throws makes the
    // issuer take the certificate back.
    std::function<void(const IssuedCertificate &)> beforeConfirm{};
    // Called each time the authority says that it has not decided yet, before it is asked again; makes durable that it
    // has the order, and what it said (CMP, DER). heard: what was kept of that in this transaction, the first and the
    // last: with it an order is taken up again where it stood, and not sent a second time.
    std::function<void(const QByteArray &)> whileWaiting{};
    QList<QByteArray> heard{};
};

// What to do while an issuer cannot be reached.
struct OutagePolicy {
    std::chrono::milliseconds patience{0}; // 0: stop at once; else try again for so long
    std::chrono::milliseconds firstPause{1'000};
    std::chrono::milliseconds longestPause{30'000}; // pauses double up to this
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
    // sign. Of a remote issuer issuer.answer-lost says that a certificate may have been issued which did not arrive
    // (issuer.already-asked: was, or soon will be; issuer.forgotten: and it cannot be asked any more), issuer.pending
    // that it has not decided yet (issuer.pending-away: and cannot be reached); any other fault, that none was issued
    // for this order.
    virtual IssuedCertificate issue(const IssueOrder &order, const Task &task) = 0;
    virtual void checkHealth() const = 0; // throws when it could not issue now

    // Whether what it issues can get lost on the way: such orders stand in the journal with all that is needed to ask
    // again.
    virtual bool isRemote() const { return false; }
    // Whether the same order may be sent again after issuer.answer-lost without danger of a second certificate.
    virtual bool mayAskAgain() const { return false; }
    // Whether it waits for a confirmation, so that a certificate on record may still be taken back.
    virtual bool confirms() const { return false; }
    virtual OutagePolicy outage() const { return {}; }
    virtual int parallelism() const { return 1; }  // threads that make a batch quicker
    virtual QString address() const { return {}; } // of a remote issuer, for the record
    // Asks for the revocation of a certificate of its own; false: there is no way but to tell its people. reason: of
    // revocationReasons(). Throws issuer.*.
    virtual bool revoke(const QByteArray &certificate, const QString &reason, const Task &task);
};

} // namespace slipway
