#pragma once
// Issues certificates and puts them on record such that no serial number, no public key and no certificate serial is
// ever used twice in the journal: first, in one transaction, the look-up and a durable intent; then the signature;
// then, in a second transaction, the look-up again (another slot or process may have been quicker) with certificate and
// outcome. A certificate leaves these functions only after it is durable; one that could not be recorded is dropped
// and was never seen by anyone. Used by the step idevid and by `slipway identity`. An issuer that has quotas (quota.h)
// issues within them only. Revocation: core/steps/revocation.h.
// Throws identity.duplicate-serial, identity.duplicate-key, identity.*, issuer.*, journal.*.

#include "core/base/fault.h"
#include "core/identity/fileissuer.h"
#include "core/journal/journal.h"
#include "core/steps/revocation.h"

#include <QCborMap>

#include <optional>
#include <span>
#include <vector>

namespace slipway {

// What the record says besides the certificate.
struct IssueRecord {
    Mode mode = Mode::Production;
    QString run;                                // "" outside a run
    int stepIndex = -1;                         // of the intent; -1: outside a run
    QString method = QStringLiteral("avocado"); // draft-irtf-t2trg-taxonomy-manufacturer-anchors
    QString transfer = QStringLiteral("device-generated, mechanically-transferred");
    QString batch; // of a lot: its certificates are to be bound one by one (identitybatch.h)
};

IssuedCertificate issueRecorded(Journal &journal, Issuer &issuer, const IssueOrder &order, const IssueRecord &record,
                                const Task &task);

// Puts a certificate on record that somebody else issued: of a device that came with it. The same look-ups hold.
void acceptRecorded(Journal &journal, const IssueOrder &order, const IssuedCertificate &certificate,
                    const IssueRecord &record);

struct BatchItem {
    std::optional<IssuedCertificate> certificate;
    std::optional<Fault> fault; // why there is none
};
// The same for many: one intent and one outcome for each group of them, groups of the next certificates signed while
// those before are being committed. One order's fault does not touch the others; items come in the orders' order.
std::vector<BatchItem> issueBatchRecorded(Journal &journal, Issuer &issuer, std::span<IssueOrder> orders,
                                          const IssueRecord &record, const Task &task, size_t group = 4096);

} // namespace slipway
