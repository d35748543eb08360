#pragma once
// Whether a device may use another MUD URL than before (draft-ietf-iotops-mud-acceptable-urls, which updates RFC 8520).
// The rule has two halves: the URL offered may differ from the canonical one (the mud-url inside the file accepted
// last) in its last path segment only, and the file behind it must be signed by an equivalent end entity: under the
// same CA and with the same subject as the signer before. Only then does the mud-url inside that file become the
// canonical one. A URL that was used before is suspected to be a rollback.
//
// Where the draft is silent, this station is strict, and says so in the clause "station policy": a query that differs,
// encoded slashes and backslashes, ports, and user information are refused. URLs are compared in the normal form of RFC
// 3986 section 6.2: scheme and host in lower case, no default port, no needless percent-encoding, no dot segments.

#include "core/mud/mudurl.h"

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>

namespace slipway {

// How the station learned a URL, the most trustworthy first: what malware on the device cannot change.
enum class MudUrlSource { IDevId, Label, Typed, Dhcp, Lldp };
QString toString(MudUrlSource source); // "idevid", "label", "typed", "dhcp", "lldp"
std::optional<MudUrlSource> mudUrlSourceFromString(QStringView text);
QString meaningOf(MudUrlSource source); // "signed by the manufacturer; neither firmware nor malware can change it"

// Who signed a MUD file. CAs are those of the chain that was verified, the one next to the signer first, the trust
// anchor last.
struct MudSigner {
    struct Ca {
        QString subject;          // RFC 4514
        QByteArray keyIdentifier; // SubjectKeyIdentifier, or SHA-1 over the key's bits where the certificate has none
        QByteArray keySha256;     // of its SubjectPublicKeyInfo: what is compared
        bool operator==(const Ca &) const = default;
    };
    QString subject; // RFC 4514
    QList<Ca> cas;
    bool operator==(const MudSigner &) const = default;
};

// What a product or a device is known by.
struct MudStanding {
    QString root;      // the first URL; "" when none was accepted yet
    QString canonical; // the mud-url in the file accepted last
    MudUrlSource source = MudUrlSource::Typed;
    QStringList used; // URLs whose files were accepted, in their order
    std::optional<MudSigner> signer;
};

enum class MudOutcome { Accept, Refetch, Reject, Rollback };
QString toString(MudOutcome outcome); // "accept", "refetch", "reject", "rollback"

struct MudJudgement {
    MudOutcome outcome = MudOutcome::Reject;
    QString sentence;      // why, for people
    QString clause;        // "draft-ietf-iotops-mud-acceptable-urls 3", "RFC 8520 ...", "station policy"
    QStringList warnings;  // what stands beside it
    bool rollback = false; // the URL was used before, whatever the outcome
    bool accepted() const { return outcome == MudOutcome::Accept || outcome == MudOutcome::Refetch; }
};

// Normal form. Throws mud.url for what is no MUD URL.
QString normalMudUrl(const QString &url);

// The first half: the URL alone. Throws mud.url where the canonical URL is none; an offered one that is none is
// rejected.
MudJudgement judgeMudUrl(const MudStanding &standing, const QString &offered);

// The second half: the file that the offered URL gave, once its signature was verified. fileUrl is the mud-url inside.
// A standing without signer takes the first one (trust on first use) and says so.
MudJudgement judgeMudSigner(const MudStanding &standing, const MudSigner &signer);

// After both halves: the file's own URL becomes the canonical one, the offered one is used, the signer's CAs are the
// ones to compare with. Throws mud.url.
MudStanding mudStandingAfter(MudStanding standing, const QString &offered, const QString &fileUrl,
                             const std::optional<MudSigner> &signer, MudUrlSource source);

// Whether a redirection may be followed: to another host it must not. Rejects with the reason.
MudJudgement judgeMudRedirect(const QString &from, const QString &to);

// How long to wait before the same URL is fetched again: max-age between 1 hour and 30 days, and no sooner than
// cache-validity says. Random delays are the caller's.
std::chrono::seconds mudPollInterval(std::optional<std::chrono::seconds> maxAge, int cacheValidityHours);

// What is unwise about the URL of a new product: one folder for each product, a file's name, no query.
QStringList mudUrlAdvice(const QString &url);

} // namespace slipway
