#pragma once
// Certificates made before their devices come by: a lot of them is issued at once, for requests that the devices made
// or for key pairs that the station makes (core/identity/keylot.h), and each is bound to its unit at the station. A
// pair is bound on record before anything of it leaves the station, and never a second time, whatever happens
// afterwards. Closing a lot accounts for every one: used, revoked (nobody took it, or it was revoked before), lost
// (bound, and nobody knows whether the unit has it); what is not used is revoked. Throws identity.lot-*, identity.*,
// journal.*.

#include "core/steps/identityissue.h"

namespace slipway {

// Takes the lot's name, once. Throws identity.lot-name, identity.lot-known.
void beginLot(Journal &journal, Mode mode, const QString &name, const QString &profile, bool stationKeys);

struct LotItem {
    QString serial, certificateSerial;
    QByteArray certificate, publicKeySha256;
    QString state; // "waiting", "bound", "used", "lost", "revoked"
    QString since; // when it came to that, RFC 3339
};
struct Lot {
    QString name, profile;
    bool stationKeys = false, closed = false;
    QList<LotItem> items;
    int count(const QString &state) const;
};
// Throws identity.lot-unknown.
Lot lotRecorded(Journal &journal, Mode mode, const QString &name);

struct BoundPair {
    QByteArray certificate, publicKeySha256;
    QString serial, certificateSerial;
    QString intent; // to be ended with endBinding()
};
// Takes the pair for that serial number. Durable when it returns. Throws identity.lot-none, identity.lot-bound,
// identity.lot-closed.
BoundPair bindPair(Journal &journal, Mode mode, const QString &name, const QString &serial, const QString &run = {});
// done: the unit has it. Else the pair counts as lost.
void endBinding(Journal &journal, Mode mode, const BoundPair &pair, bool done, const QString &sentence,
                const QString &run = {});

// Revokes what is not used, in one transaction with the closing. A lot that is closed can be asked for again.
Lot closeLot(Journal &journal, Mode mode, const QString &name, const QString &reason);

} // namespace slipway
