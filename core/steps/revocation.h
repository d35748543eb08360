#pragma once
// Revocations on record, and what is published of them: revocation lists, whole or as deltas, and answers to OCSP
// requests. A list's number is taken from the journal for good, in the transaction that reads what goes into it, so
// numbers only grow and a list never says less than an earlier one (RFC 5280 section 5.2.3). A CA keeps its name when
// it changes its key; each of its keys signs the same revocations, in one sequence of numbers. Throws
// identity.not-issued, identity.revoked, identity.reason, identity.not-held, identity.no-base, issuer.*, journal.*.

#include "core/identity/fileissuer.h"
#include "core/identity/ocsp.h"
#include "core/journal/journal.h"

#include <optional>

namespace slipway {

// serialOrCertificate: a device's serial number, or a certificate serial in hex (colons allowed). Revokes what is not
// revoked yet, also what is only on hold, and returns the certificate serials.
QStringList revokeRecorded(Journal &journal, Mode mode, const QString &serialOrCertificate, const QString &reason);
// Ends the hold of those certificates that were revoked with certificateHold.
QStringList releaseRecorded(Journal &journal, Mode mode, const QString &serialOrCertificate);

struct CrlOrder {
    Mode mode = Mode::Production;
    bool delta = false;         // what changed since the last whole list
    std::optional<qint64> base; // of a delta: the number of another whole list
    qint64 seconds = 30 * 86400;
    QStringList freshestUrls; // of a whole list
};
struct PublishedCrl {
    QByteArray der;
    qint64 number = 0;
    std::optional<qint64> base;
    qsizetype entries = 0, removed = 0; // removed: removeFromCRL in a delta
    QString nextUpdate;                 // RFC 3339
};
PublishedCrl publishCrl(Journal &journal, const FileIssuer &issuer, const CrlOrder &order);
// A whole list over all revocations that the journal holds of this issuer's certificates. DER.
QByteArray crlFromJournal(Journal &journal, const FileIssuer &issuer, int days = 30);

// What the journal knows of a certificate that one of these keys issued (authorityKeyId: its SubjectKeyIdentifier).
OcspStatus statusRecorded(Journal &journal, const QString &certificateSerial, const QString &issuerName,
                          const QByteArray &authorityKeyId);

} // namespace slipway
