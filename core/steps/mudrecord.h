#pragma once
// MUD URLs on record: what a product, or one unit, is known by (MudStanding), out of the journal's entries
// "mud.accepted". A product is named as its certificate profile is. Before a recipe writes a MUD URL into certificates,
// that URL is judged by draft-ietf-iotops-mud-acceptable-urls against what the field already has.
// Throws mud.not-acceptable, journal.*.

#include "core/identity/cms.h"
#include "core/journal/journal.h"
#include "core/mud/mudacceptance.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace slipway {

class JournalReader;

struct MudSubject {
    Mode mode = Mode::Production;
    QString product;
    QString device; // serial number; "": the product as a whole
};

struct MudAcceptance {
    QString at, url, canonical, reason, fileSha256, person;
    MudUrlSource source = MudUrlSource::Typed;
    std::optional<MudSigner> signer;
    qint64 entry = 0;
};

// The accepted ones, first to last. A unit without any of its own has its product's.
std::vector<MudAcceptance> mudHistory(JournalReader &reader, const MudSubject &subject);
MudStanding mudStandingFrom(const std::vector<MudAcceptance> &history);

// Throws mud.url.
void recordMudAcceptance(Journal &journal, const MudSubject &subject, const MudAcceptance &acceptance);

// The signer of a MUD file as it is pinned.
MudSigner mudSignerOf(const CmsSigner &signer);

// Throws mud.not-acceptable where the product is known by another URL and this one cannot follow it.
void checkMudUrlFollows(Journal &journal, const MudSubject &subject, const QString &url);
void checkMudUrlFollows(const QString &journalPath, const MudSubject &subject, const QString &url);

} // namespace slipway
