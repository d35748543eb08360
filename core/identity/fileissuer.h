#pragma once
// The issuer that makes certificates itself: its key lies in a PKCS#8 PEM file, encrypted when a passphrase is given,
// or in a PKCS#11 token. Issues IDevIDs after the profile (IEEE 802.1AR, RFC 5280; ECDSA with SHA-256, with a P-384 key
// SHA-384; RSA with SHA-256) and signs the CRL. The TBSCertificate is laid out once per profile and only its variable
// parts are filled in; signing contexts are kept and reused, one per thread at work. Thread-safe.
// Throws issuer.key, issuer.passphrase, issuer.token-*, issuer.certificate, issuer.mismatch, issuer.sign and
// identity.*.

#include "core/identity/issuer.h"
#include "core/identity/secret.h"

#include <memory>

namespace slipway {

struct CrlEntry {
    QString certificateSerial; // hex
    QString at;                // RFC 3339
    QString reason;            // "keyCompromise", ... or ""
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
    void setOutage(const OutagePolicy &outage) { m_outage = outage; } // of a token, before the first use

    // DER, RFC 5280 section 5; valid for days from now.
    QByteArray crl(const QList<CrlEntry> &revoked, qint64 number, int days) const;

private:
    struct Private;
    explicit FileIssuer(std::unique_ptr<Private> p);
    std::unique_ptr<Private> d;
    OutagePolicy m_outage;
};

} // namespace slipway
