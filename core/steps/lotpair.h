#pragma once
// The identity of a lot that was issued ahead (identitylot.h), on its way into the unit of a run. Where the station
// made the keys, the pair's key is unsealed into locked memory first, then the pair is drawn on record, and only then
// the key sets out: from there on the pair belongs to that device. The device is told from others by its hardware
// number, or by the serial number that it says of itself; a device that says neither gets its pair once. Of a lot for
// the devices' own requests only the certificate is bound, and given back where it did not arrive.
// Throws identity.lot-*, issuer.passphrase, issuer.key, journal.*, and what Device::facts() throws.

#include "core/identity/keylot.h"
#include "core/identity/privatekey.h"
#include "core/steps/identitylot.h"
#include "core/steps/step.h"

namespace slipway {

class LotPair
{
public:
    // What can be said before the device is touched; serial empty: only of the lot. stationKey: the recipe injects.
    // Throws also identity.lot-profile, identity.lot-kind.
    static void check(StepContext &context, const QString &lot, const QString &profile, bool stationKey);

    // Finds the unit's; takes nothing yet. The context must outlive it.
    LotPair(StepContext &context, const QString &lot, bool stationKey);
    // Drawn and not ended: it stays with the unit, or is given back where it has no key of the station.
    ~LotPair();
    LotPair(const LotPair &) = delete;
    LotPair &operator=(const LotPair &) = delete;

    const QByteArray &certificate() const { return m_item.certificate; }
    PrivateKey unseal();
    // Durable when it returns. holds: the device has just proved that it has the key.
    void draw(bool holds, const Task &task);
    // The unit has it, on record; what was sealed is overwritten.
    void used(const QString &sentence);

private:
    KeyLot &keys();

    StepContext &m_context;
    const QString m_lot;
    const bool m_stationKey;
    LotItem m_item;
    std::optional<BoundPair> m_bound;
    std::optional<KeyLot> m_keys; // once it was needed
};

// What became of a pair that was drawn when power went.
Reconciled reconcileBinding(const QCborMap &detail, const Evidence &evidence);

} // namespace slipway
