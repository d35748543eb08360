#pragma once
// What a station has used of its quotas (core/identity/quota.h): each serial number that a certificate is asked for is
// taken from the quota in the transaction that writes the intent, before anything is signed. A serial number counts
// once, however often its certificate is tried. Days are judged by the later of the computer's clock and the journal's
// latest time, and a clock that was set back is refused: else a quota could be used after its last day.
// Throws identity.quota-*, journal.*.

#include "core/identity/issuer.h"
#include "core/identity/quota.h"
#include "core/journal/journal.h"

struct sqlite3;

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

// Where a quota of this station stands today.
struct QuotaStanding {
    enum class State {
        Unknown,  // lies in the folder, but was not added here
        Open,     // may be issued within
        UsedUp,   // nothing is left: to be reported
        Over,     // its last day is over: to be reported
        Reported, // closed; what was left went back
    };
    Quota quota;
    State state = State::Unknown;
    int used = 0, left = 0; // left: that may still be issued
    bool isDue() const { return state == State::UsedUp || state == State::Over; }
    QString words() const; // "12 of 500 left", "used up, to be reported", ...
};
// Through any connection to the journal.
QList<QuotaStanding> quotaStandings(sqlite3 *journal, const QuotaBook &book);
QList<QuotaStanding> quotaStandings(Journal &journal, const QuotaBook &book);

// The engineer's side: what was signed here, and what came back.
struct SignedQuota {
    Quota quota;
    bool settled = false;
    int used = 0, unused = 0; // as the station reported
    QString station, settledAt, troubles;
};
QList<SignedQuota> signedQuotas(Journal &journal);

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
