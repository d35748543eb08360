#pragma once
// An identity made outside the chip and written into its partition esp_secure_cert, in the same visit of its loader
// that writes the firmware. Key and certificate go in with one writing, so the certificate is issued first: one whose
// writing was cut is revoked at the next try (superseded: no device was seen to hold it, and its key is gone), and the
// unit gets a new key and a new certificate. A chip in its loader cannot sign; that it holds what was written is known
// from its own digest of the memory, and the record says so. A pair that was issued ahead comes out of its lot
// (lotpair.h), and the same chip gets the same one again.
//
// Throws what Memory throws, idevid.*, identity.*, issuer.*, flash.unverified, codec.*.

#include "core/identity/profile.h"
#include "core/steps/keyloading.h"

#include <QVariantMap>

#include <functional>

namespace slipway {

struct PartitionOrder {
    QVariantMap parameters; // of partitionParameters()
    Profile profile;
    QString mudUrl;
    QString lot;        // whose pair it is; empty: made and issued now
    bool start = false; // leave the loader and run
    // Whether a certificate is what recipe and profile ask for; throws.
    std::function<void(const QByteArray &certificate, const std::optional<QByteArray> &publicKey)> judge;
};

struct PartitionResult {
    QByteArray certificate;
    bool fresh = false;
};

PartitionResult givePartitionIdentity(StepContext &context, const PartitionOrder &order, Task &task);

} // namespace slipway
