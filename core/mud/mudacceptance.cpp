#include "core/mud/mudacceptance.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

const QString draft = u"draft-ietf-iotops-mud-acceptable-urls"_s;
const QString policy = u"station policy"_s;

constexpr std::array sources{std::pair(MudUrlSource::IDevId, "idevid"), std::pair(MudUrlSource::Label, "label"),
                             std::pair(MudUrlSource::Typed, "typed"), std::pair(MudUrlSource::Dhcp, "dhcp"),
                             std::pair(MudUrlSource::Lldp, "lldp")};

bool isUnreserved(char c)
{
    return std::isalnum(quint8(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

// RFC 3986 sections 6.2.2.1 and 6.2.2.2.
QByteArray normalPercent(const QByteArray &text)
{
    QByteArray out;
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const QByteArray digits = text.mid(i + 1, 2);
        const char c = QByteArray::fromHex(digits).at(0); // two digits: it is a MUD URL
        out += isUnreserved(c) ? QByteArray(1, c) : '%' + digits.toUpper();
        i += 2;
    }
    return out;
}

// The path's segments without dot segments (RFC 3986 section 5.2.4).
QList<QByteArray> segmentsOf(const QByteArray &path)
{
    QList<QByteArray> out;
    const QList<QByteArray> given = path.mid(1).split('/');
    for (qsizetype i = 0; i < given.size(); ++i) {
        const bool last = i == given.size() - 1;
        if (given[i] == "..") {
            if (!out.isEmpty())
                out.removeLast();
        } else if (given[i] != ".") {
            out << given[i];
            continue;
        }
        if (last)
            out << QByteArray();
    }
    return out;
}

struct Parts {
    QByteArray authority;
    QList<QByteArray> segments; // at least one, the last may be empty
    QByteArray query;           // with its question mark

    QByteArray text() const { return "https://" + authority + '/' + segments.join('/') + query; }
    QByteArray host() const
    {
        const qsizetype colon = authority.lastIndexOf(':');
        return colon > authority.lastIndexOf(']') ? authority.left(colon) : authority;
    }
};

Parts partsOf(const QString &url)
{
    const MudUrl checked = MudUrl::parse(url);
    Parts out;
    out.authority = checked.authority().toLatin1();
    if (out.authority.endsWith(":443"))
        out.authority.chop(4);
    QByteArray rest = checked.octets().mid(8 + checked.authority().size());
    if (const qsizetype query = rest.indexOf('?'); query >= 0) {
        out.query = normalPercent(rest.mid(query));
        rest.truncate(query);
    }
    out.segments = segmentsOf(rest.isEmpty() ? QByteArray("/") : normalPercent(rest));
    return out;
}

MudJudgement judged(MudOutcome outcome, const QString &sentence, const QString &clause)
{
    MudJudgement out;
    out.outcome = outcome;
    out.sentence = sentence;
    out.clause = clause;
    return out;
}

MudJudgement rejected(const QString &sentence, const QString &clause)
{
    return judged(MudOutcome::Reject, sentence, clause);
}

QString shown(const QByteArray &text)
{
    return oneLine(QString::fromLatin1(text), 80);
}

// By the letter of the URL test; nullopt where it is passed.
std::optional<MudJudgement> differs(const Parts &canonical, const Parts &offered)
{
    const QString rule = draft + u", the same base URI"_s;
    if (canonical.authority != offered.authority) {
        const bool port = canonical.host() == offered.host();
        return rejected(
            (port ? u"Its port is another one: \"%1\", not \"%2\""_s : u"It is on another host: \"%1\", not \"%2\""_s)
                .arg(shown(offered.authority), shown(canonical.authority)),
            rule);
    }
    if (canonical.segments.size() != offered.segments.size())
        return rejected(u"Its path has %1 segments, that of the canonical URL %2: only the last one may differ"_s
                            .arg(offered.segments.size())
                            .arg(canonical.segments.size()),
                        rule);
    for (qsizetype i = 0; i + 1 < canonical.segments.size(); ++i) {
        if (canonical.segments[i] != offered.segments[i])
            return rejected(
                u"Segment %1 of its path is \"%2\", not \"%3\": only the last one may differ"_s.arg(i + 1).arg(
                    shown(offered.segments[i]), shown(canonical.segments[i])),
                rule);
    }
    if (canonical.query != offered.query)
        return rejected(u"Its query differs, of which the rule says nothing"_s, policy);
    return std::nullopt;
}

bool sameUrl(const QString &used, const QByteArray &normal)
{
    return MudUrl::whyNot(used).isEmpty() && partsOf(used).text() == normal;
}

} // namespace

QString toString(MudUrlSource source)
{
    for (const auto &[value, name] : sources) {
        if (value == source)
            return QLatin1String(name);
    }
    return {};
}

std::optional<MudUrlSource> mudUrlSourceFromString(QStringView text)
{
    for (const auto &[value, name] : sources) {
        if (text == QLatin1String(name))
            return value;
    }
    return std::nullopt;
}

QString meaningOf(MudUrlSource source)
{
    switch (source) {
    case MudUrlSource::IDevId:
        return u"in the certificate: signed by the manufacturer, neither firmware nor malware can change it"_s;
    case MudUrlSource::Label:
        return u"on the label: as trustworthy as the packaging; a unit may carry the wrong one"_s;
    case MudUrlSource::Typed:
        return u"given by a person or a recipe"_s;
    case MudUrlSource::Dhcp:
        return u"in its DHCP request: unsigned, firmware and malware can change it"_s;
    case MudUrlSource::Lldp:
        return u"in its LLDP frames: unsigned, firmware and malware can change it"_s;
    }
    return {};
}

QString toString(MudOutcome outcome)
{
    switch (outcome) {
    case MudOutcome::Accept:
        return u"accept"_s;
    case MudOutcome::Refetch:
        return u"refetch"_s;
    case MudOutcome::Reject:
        return u"reject"_s;
    case MudOutcome::Rollback:
        return u"rollback"_s;
    }
    return {};
}

QString normalMudUrl(const QString &url)
{
    return QString::fromLatin1(partsOf(url).text());
}

MudJudgement judgeMudUrl(const MudStanding &standing, const QString &offered)
{
    const std::optional<Parts> canonical =
        standing.canonical.isEmpty() ? std::nullopt : std::optional(partsOf(standing.canonical));
    if (const QString why = MudUrl::whyNot(offered); !why.isEmpty())
        return rejected(u"It is no MUD URL: "_s + why, u"RFC 8520 3.1, RFC 3986 4.3"_s);
    const Parts now = partsOf(offered);
    const QByteArray normal = now.text();
    const bool used = std::any_of(standing.used.begin(), standing.used.end(),
                                  [&](const QString &url) { return sameUrl(url, normal); });
    MudJudgement out;
    if (normal.contains("%2F") || normal.contains("%5C")) {
        out = rejected(u"A slash or backslash in its path is percent-encoded, so that it can be read in two ways"_s,
                       policy);
    } else if (!canonical) {
        out = judged(MudOutcome::Accept, u"It is the first one: there is nothing to compare it with"_s,
                     draft + u", the root MUD file"_s);
    } else if (normal == canonical->text()) {
        out = judged(MudOutcome::Refetch, u"It is the canonical URL: fetch the file again when its time has come"_s,
                     draft + u", updates in place"_s);
        return out; // it stands among the used ones by right
    } else if (auto why = differs(*canonical, now)) {
        out = *why;
    } else {
        out = judged(MudOutcome::Accept, u"It differs from the canonical URL in the last segment only"_s,
                     draft + u", small changes"_s);
    }
    if (now.segments.last().isEmpty() && out.accepted())
        out.warnings << u"Its last segment is empty: a file's name is missing"_s;
    out.rollback = used;
    if (used && out.accepted()) {
        out.outcome = MudOutcome::Rollback;
        out.sentence = u"It was used before: the device seems to have gone back to an older firmware"_s;
        out.clause = draft + u", rollback of firmware"_s;
    } else if (used) {
        out.warnings << u"It was used before as well: the device seems to have gone back to an older firmware"_s;
    }
    return out;
}

MudJudgement judgeMudSigner(const MudStanding &standing, const MudSigner &signer)
{
    if (signer.cas.isEmpty())
        return rejected(u"No certification authority vouches for its signer"_s, u"RFC 8520 13.2"_s);
    if (!standing.signer) {
        MudJudgement out = judged(MudOutcome::Accept, u"It is the first signer seen: %1"_s.arg(signer.subject),
                                  draft + u", trust on first use"_s);
        out.warnings << u"There is no earlier signer to compare with"_s;
        return out;
    }
    const MudSigner &before = *standing.signer;
    const QString rule = draft + u", equivalent end entity"_s;
    const auto isKnown = [&](const MudSigner::Ca &ca) {
        return std::any_of(before.cas.begin(), before.cas.end(),
                           [&](const MudSigner::Ca &old) { return old.keySha256 == ca.keySha256; });
    };
    if (std::none_of(signer.cas.begin(), signer.cas.end(), isKnown))
        return rejected(u"Its signer is under another authority: %1, not %2"_s.arg(signer.cas.last().subject,
                                                                                   before.cas.last().subject),
                        rule);
    if (signer.subject != before.subject)
        return rejected(u"Its signer has another name: \"%1\", not \"%2\""_s.arg(signer.subject, before.subject), rule);
    MudJudgement out = judged(MudOutcome::Accept,
                              u"Its signer is equivalent: %1 under the same authority"_s.arg(signer.subject), rule);
    for (const MudSigner::Ca &ca : signer.cas) {
        if (!isKnown(ca))
            out.warnings << u"A new authority, %1, comes with it, vouched for by the one before"_s.arg(ca.subject);
    }
    return out;
}

MudStanding mudStandingAfter(MudStanding standing, const QString &offered, const QString &fileUrl,
                             const std::optional<MudSigner> &signer, MudUrlSource source)
{
    const QString canonical = MudUrl::parse(fileUrl).text();
    for (const QString &url : {MudUrl::parse(offered).text(), canonical}) {
        const QByteArray normal = partsOf(url).text();
        if (std::none_of(standing.used.begin(), standing.used.end(),
                         [&](const QString &known) { return sameUrl(known, normal); }))
            standing.used << url;
    }
    if (standing.root.isEmpty()) {
        standing.root = offered;
        standing.source = source;
    }
    standing.canonical = canonical;
    if (signer)
        standing.signer = signer;
    return standing;
}

MudJudgement judgeMudRedirect(const QString &from, const QString &to)
{
    const QString rule = draft + u", redirection"_s;
    if (const QString why = MudUrl::whyNot(to); !why.isEmpty())
        return rejected(u"It leads to what is no MUD URL: "_s + why, rule);
    const Parts a = partsOf(from), b = partsOf(to);
    if (a.authority != b.authority)
        return rejected(u"It leads to another host, \"%1\", and is not followed"_s.arg(shown(b.authority)), rule);
    return judged(MudOutcome::Accept, u"It stays on the same host"_s, rule);
}

std::chrono::seconds mudPollInterval(std::optional<std::chrono::seconds> maxAge, int cacheValidityHours)
{
    const std::chrono::seconds least = 1h, most = 24h * 30;
    const std::chrono::seconds validity = std::chrono::hours(std::clamp(cacheValidityHours, 1, 168));
    return std::max(std::clamp(maxAge.value_or(least), least, most), validity);
}

QStringList mudUrlAdvice(const QString &url)
{
    const Parts parts = partsOf(url);
    QStringList out;
    if (parts.segments.size() < 2)
        out << u"Its file lies in the top folder: give each product a folder of its own, or any product of that host "
               u"can take over its URL by a small change"_s;
    if (parts.segments.last().isEmpty())
        out << u"It has no file name"_s;
    if (!parts.query.isEmpty())
        out << u"It has a query, which no rule for later URLs covers"_s;
    if (parts.text() != MudUrl::parse(url).octets())
        out << u"It is not in normal form: %1 means the same"_s.arg(QString::fromLatin1(parts.text()));
    return out;
}

} // namespace slipway
