#pragma once
// The entries that issuing leaves in the journal, and what stands in its way; shared by identityissue.cpp and
// remoteissue.cpp alone.

#include "core/steps/identityissue.h"

namespace slipway {

// Why the order must not be carried out: serial number, key or certificate number are used already.
std::optional<Fault> issueConflict(Journal::Transaction &transaction, Mode mode, const IssueOrder &order);

QString newIntentId();
NewEntry issueIntentEntry(const QString &id, const QString &device, const QCborMap &detail, const IssueRecord &record);
NewEntry issueOutcomeEntry(const QString &id, const QString &device, const QString &state, const QString &sentence,
                           const IssueRecord &record, const QCborMap &detail = {});
NewEntry issuedCertificateEntry(const IssueOrder &order, const IssuedCertificate &issued, const IssueRecord &record);

} // namespace slipway
