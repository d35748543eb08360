#pragma once
// How a device comes to its key: the five ways of draft-irtf-t2trg-taxonomy-manufacturer-anchors, section "Types of
// Trust Anchors" and the loading methods after it. A key that is made or derived here lies in locked memory, is proved
// by the device before a certificate is spent on it, and is gone from this process when the function returns.
//
//   value            draft      journal's transfer
//   on-device        avocado    device-generated
//   secure-element   salak      device-generated
//   preloaded        sapodilla  delivered inside the chip
//   derived          carrot     device/infrastructure-co-generated
//   injected         bamboo     infrastructure-generated
//
// followed by "mechanically-transferred" or, over UDP and CoAP, "network-transferred"; "mechanically-installed" for
// what is programmed straight into memory.

#include "core/identity/issuer.h"
#include "core/identity/privatekey.h"
#include "core/steps/identityissue.h"
#include "core/steps/step.h"

#include <vector>

namespace slipway {

enum class KeySource { OnDevice, SecureElement, Preloaded, Derived, Injected };
QStringList keySources(); // values of the parameter, in the order above
KeySource keySource(const QString &value);

// Where the computer does not lock memory.
inline const QString unlockedMemory =
    QStringLiteral("the computer does not let this program lock its memory: the key could get into swap");

// Names for the record; installed: programmed straight into memory.
IssueRecord issueRecordOf(const StepContext &context, KeySource source, bool installed = false);

// Makes a key in one of these ways, brings it to the device and has the device prove that it holds it. Nothing is
// issued before. Throws what Keys throws, idevid.possession, idevid.derivation, idevid.attestation, identity.*.
struct KeyOrder {
    KeySource source = KeySource::OnDevice;
    QList<QByteArray> elementAnchors; // for what a secure element says of itself; empty: recorded, not judged
};
CertificateRequest obtainKey(StepContext &context, Keys &keys, const KeyOrder &order, const Task &task);

// issueRecorded() by the station's issuer. The time that it takes, an outage and all, is not the device's: the task's
// deadline moves by it. DER.
QByteArray issueInStep(StepContext &context, const IssueOrder &order, const IssueRecord &record, Task &task);

// key: certificate or SubjectPublicKeyInfo. Throws idevid.possession.
void provePossession(Keys &keys, const QByteArray &key, const Task &task);

using CertificateRow = Journal::Transaction::CertificateRow;
std::vector<CertificateRow> validCertificates(Journal &journal, Mode mode, const QString &serial);
// A writing of it ended well: the device was seen to hold it.
bool wasDelivered(Journal &journal, const CertificateRow &row);
// Revokes a certificate whose key is gone and that no device was seen to hold (reason superseded), so that the unit can
// get another one.
void withdrawUndelivered(StepContext &context, const CertificateRow &row, const Task &task);

// The device has a certificate that is not on record for this unit: throws device.locked, idevid.present,
// idevid.other-unit or idevid.revoked, with whose it is.
[[noreturn]] void refuseHeld(StepContext &context, const QByteArray &held, const Task &task);

// What became of a key that was on its way when power went.
Reconciled reconcileInjection(const QCborMap &detail, const Evidence &evidence);

} // namespace slipway
