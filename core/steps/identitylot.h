#pragma once
// Certificates made before their devices come by: a lot of them is issued at once, for requests that the devices made
// or for key pairs that the station makes (core/identity/keylot.h), and each is bound to its unit at the station. A
// pair is bound on record before anything of it leaves the station, and never goes to a second device, whatever happens
// afterwards:
//   waiting   nobody has drawn it, or it was given back: nothing of it had left the station
//   bound     drawn, and its key may have reached the device; only that same device gets it again
//   used      the device proved that it has it, or it was given out by a command
// Closing a lot accounts for every one: used, revoked (nobody took it, or it was revoked before), lost (bound, and
// nobody knows whether the unit has it); what is not used is revoked. Throws identity.lot-*, identity.*, journal.*.

#include "core/steps/identityissue.h"

struct sqlite3;

namespace slipway {

// Takes the lot's name, once. lastDay: "2026-12-31" (UTC), after which nothing of it is given out; empty: no such day.
// Throws identity.lot-name, identity.lot-known.
void beginLot(Journal &journal, Mode mode, const QString &name, const QString &profile, bool stationKeys,
              const QString &lastDay = {});

struct LotItem {
    QString serial, certificateSerial;
    QByteArray certificate, publicKeySha256;
    QString state; // "waiting", "bound", "used", "lost", "revoked"
    QString since; // when it came to that, RFC 3339
};
struct Lot {
    QString name, profile, lastDay;
    bool stationKeys = false, closed = false;
    QList<LotItem> items;
    int count(const QString &state) const;
};
// Throws identity.lot-unknown.
Lot lotRecorded(Journal &journal, Mode mode, const QString &name);

// A lot in figures, without its certificates: quick, and through any connection to the journal.
struct LotStock {
    QString name, profile, lastDay;
    bool stationKeys = false, closed = false;
    int total = 0, left = 0; // left: neither drawn nor revoked
    bool over() const;       // its last day is over
};
// Throws identity.lot-unknown.
LotStock lotStock(sqlite3 *journal, Mode mode, const QString &name);
LotStock lotStock(Journal &journal, Mode mode, const QString &name);
// The certificate that was made for that unit, whatever became of it but a revocation. Throws identity.lot-unknown,
// identity.lot-closed, identity.lot-over, identity.lot-spent (nothing is left for anybody), identity.lot-none.
LotItem lotItemOf(Journal &journal, Mode mode, const QString &name, const QString &serial);
// For units that come without a serial number: the next of the lot that nobody has, never given twice.
// Throws as above.
QString takeSerialOfLot(Journal &journal, Mode mode, const QString &name, const QString &run);

// Who draws a pair. Without anything: a command that gives it out for good.
struct LotTaker {
    QString run;
    int stepIndex = -1;
    QString hardware;   // what tells this very device from others; empty: nothing does
    bool holds = false; // it has just proved that it has the pair's key
};
struct BoundPair {
    QByteArray certificate, publicKeySha256;
    QString serial, certificateSerial;
    QString intent; // to be ended with endBinding(); empty: the unit had it already, and there is nothing to end
};
// Takes the pair for that serial number, with the intent in the same transaction. Durable when it returns.
// Throws what lotItemOf() throws, and identity.lot-bound.
BoundPair bindPair(Journal &journal, Mode mode, const QString &name, const QString &serial, const LotTaker &taker = {});
enum class BindingEnd {
    Used,      // the unit has it
    Kept,      // it may have it: stays with it, and counts as lost where the lot is closed before that is known
    GivenBack, // nothing of it has left the station
};
void endBinding(Journal &journal, Mode mode, const BoundPair &pair, BindingEnd end, const QString &sentence,
                const QString &run = {});

// Revokes what is not used, in one transaction with the closing. A lot that is closed can be asked for again.
Lot closeLot(Journal &journal, Mode mode, const QString &name, const QString &reason);

} // namespace slipway
