#pragma once
// Orders to an authority somewhere else (EST, CMP), such that none is carried out twice although answers can get lost.
// The intent holds all that is needed to ask again: the request, the authority's address and the transaction's name. An
// order whose end is not known stays open; the next for the same unit continues it where the authority knows it as the
// same, and is refused with identity.open-request where it would be a second one. What the authority gives is judged
// and durable before it is told that we have it. A certificate that deviates is put on record as revoked and its
// revocation asked for. While the authority cannot be reached the order waits, with a note in the progress, as long as
// the issuer's outage policy says.

#include "core/steps/identityissue.h"

namespace slipway {

// issueRecorded() for issuers that are remote.
IssuedCertificate issueRemotely(Journal &journal, Issuer &issuer, const IssueOrder &order, const IssueRecord &record,
                                const Task &task);

// An order to a remote issuer whose end is not known.
struct OpenRequest {
    QString intent, at, run, serial, issuer, profile, mudUrl;
    QByteArray publicKeySha256, transaction, request;
    bool pending = false;      // the authority said that it had not decided yet
    QString certificateSerial; // of the certificate that came, but was perhaps not confirmed; "": none came
    bool lost = false;         // it was sent, and nothing usable came back
    bool forgotten = false;    // the authority cannot be asked what came of it
    QList<QByteArray> heard;   // what the authority said while it had not decided: the first and the last
};
// The last one of the unit; nothing when none is open.
std::optional<OpenRequest> openRequestOf(Journal::Transaction &transaction, Mode mode, const QString &serial);
std::optional<OpenRequest> openRequestOf(Journal &journal, Mode mode, const QString &serial);

// Ends such an order by what a person found out from the authority's people: the certificate (DER), judged by the
// caller, or that there is none. Throws identity.nothing-open, identity.does-not-hold where the key is another.
void settleRequest(Journal &journal, Mode mode, const QString &serial, const Profile &profile,
                   const std::optional<IssuedCertificate> &certificate, const QString &person);

// DER of a certificate on record, by its number in hex; empty when there is none.
QByteArray certificateOnRecord(Journal &journal, const QString &certificateSerial);

// Calls act until it succeeds; as long as its fault says that trying again can help and the policy has patience, after
// a pause that is shown. Throws the last fault, base.stopped.
void withPatience(const OutagePolicy &policy, const Task &task, const std::function<void()> &act);

} // namespace slipway
