#pragma once
// The issuer that makes certificates itself: its key lies in a PKCS#8 PEM file, encrypted when a passphrase is given,
// or in a PKCS#11 token. Issues IDevIDs after the profile (IEEE 802.1AR, RFC 5280; ECDSA with SHA-256, with a P-384 key
// SHA-384; RSA with SHA-256) and signs the CRL. The TBSCertificate is laid out once per profile and only its variable
// parts are filled in; signing contexts are kept and reused, one per thread at work. Thread-safe.
// Throws issuer.key, issuer.passphrase, issuer.token-*, issuer.certificate, issuer.mismatch, issuer.sign and
// identity.*.

#include "core/identity/issuer.h"
#include "core/identity/quota.h"
#include "core/identity/secret.h"

#include <memory>
#include <optional>

namespace slipway {

struct CrlEntry {
    QString certificateSerial; // hex
    QString at;                // RFC 3339
    QString reason;            // "keyCompromise", ... or ""; in deltas also "removeFromCRL"
};

// What a list says of itself (RFC 5280 sections 5.1.2.4, 5.2.3 to 5.2.6).
struct CrlForm {
    qint64 number = 0;
    qint64 at = 0;               // thisUpdate, seconds since 1970
    qint64 seconds = 30 * 86400; // until nextUpdate
    std::optional<qint64> base;  // a delta to the list of that number
    QStringList freshestUrls;    // where deltas are published; whole lists only
};

// keyCompromise, superseded, ... : what CrlEntry::reason may be (RFC 5280 section 5.3.1).
QStringList revocationReasons();
// The number of such a reason, -1 for any other text.
qsizetype revocationReasonNumber(const QString &reason);

class FileIssuer : public Issuer
{
public:
    // keyPath: a file, or "pkcs11:token=...;object=..." (then pin, and no passphrase). certificatePath: PEM, the
    // issuing certificate first, then those above it.
    static std::unique_ptr<FileIssuer> open(const QString &keyPath, const QString &certificatePath,
                                            const QByteArray &passphrase = {}, const SecretSource &pin = {});
    ~FileIssuer() override;

    QString name() const override;
    QList<QByteArray> chain() const override;
    IssuedCertificate issue(const IssueOrder &order, const Task &task) override;
    void checkHealth() const override;
    OutagePolicy outage() const override { return m_outage; }
    int parallelism() const override;
    void setOutage(const OutagePolicy &outage) { m_outage = outage; } // of a token, before the first use

    // The chain that goes with a certificate of this CA, also of one of its former keys.
    QList<QByteArray> chainFor(const QByteArray &certificate) const override;
    void setFormerChains(const QList<QList<QByteArray>> &chains); // before it is shared
    const QuotaBook *quotas() const override;
    void setQuotas(QuotaBook book); // bounds it from now on, also where the book is empty; before it is shared

    // DER, RFC 5280 section 5; valid for days from now.
    QByteArray crl(const QList<CrlEntry> &revoked, qint64 number, int days) const;
    QByteArray crl(const QList<CrlEntry> &revoked, const CrlForm &form) const;

private:
    struct Private;
    explicit FileIssuer(std::unique_ptr<Private> p);
    std::unique_ptr<Private> d;
    OutagePolicy m_outage;
};

} // namespace slipway
