#pragma once
// What a station has used of its quotas (core/identity/quota.h): each serial number that a certificate is asked for is
// taken from the quota in the transaction that writes the intent, before anything is signed. A serial number counts
// once, however often its certificate is tried. Days are judged by the later of the computer's clock and the journal's
// latest time, and a clock that was set back is refused: else a quota could be used after its last day.
// Throws identity.quota-*, journal.*.

#include "core/identity/issuer.h"
#include "core/identity/quota.h"
#include "core/journal/journal.h"

namespace slipway {

// Does nothing for an issuer without quotas and in training. Throws identity.quota-none, -product, -serial, -count,
// -day, -clock.
void takeFromQuota(Journal::Transaction &transaction, const Issuer &issuer, const IssueOrder &order, Mode mode,
                   const QString &run);

struct QuotaUse {
    int used = 0;
    QStringList serials;
    bool known = false;  // added here, on record
    bool closed = false; // reported; nothing more is issued within it
};
QuotaUse quotaUse(Journal &journal, const QString &id);

// Puts a quota on record, once. Throws identity.quota-known.
void addQuotaRecorded(Journal &journal, const Quota &quota);
// The engineer's side: that it was signed here.
void signedQuotaRecorded(Journal &journal, const Quota &quota);
// What was used of a quota, for the engineer: JSON of the form "slipway-quota-report-1". Closes it: the rest goes back.
QByteArray closeQuotaRecorded(Journal &journal, const Quota &quota, const QString &stationName);

struct QuotaSettlement {
    QString id, station;
    int count = 0, used = 0, unused = 0;
    QStringList troubles; // certificates beyond the quota, differing counts; empty: all as it should be
    QByteArray list;      // the certificates, in the form that an import takes (identitylist.h)
};
// The engineer's side: holds a report against the quota that was signed here, and puts it on record, once.
// Throws identity.quota-report, identity.quota-settled.
QuotaSettlement settleQuotaRecorded(Journal &journal, const QByteArray &report);

} // namespace slipway
