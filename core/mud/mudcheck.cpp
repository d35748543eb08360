#include "core/mud/mudcheck.h"

#include "core/base/text.h"
#include "core/mud/mudlayout.h"
#include "core/mud/mudobject.h"
#include "core/mud/mudrules.h"
#include "core/mud/mudurl.h"

#include <QSet>
#include <QTextBoundaryFinder>
#include <QUrl>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using namespace mud;

template <typename T> void required(Findings &findings, const MudFile &file, const MudLeaf<T> &leaf, const char *name)
{
    if (!leaf.present())
        findings.error(file.line, file.path + u'/' + QLatin1String(name), u"RFC 8520 7"_s,
                       u"%1 is missing"_s.arg(QLatin1String(name)));
}

// Characters as a person counts them.
int displayLength(const QString &text)
{
    QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme, text);
    int count = 0;
    while (finder.toNextBoundary() != -1)
        ++count;
    return count;
}

void checkUrls(Findings &findings, const MudFile &file, const MudCheckOptions &options)
{
    if (file.mudUrl) {
        const QString path = file.pathOf(file.mudUrl);
        const QString why = MudUrl::whyNot(*file.mudUrl);
        if (!why.isEmpty())
            findings.error(file.mudUrl.line, path, u"RFC 8520 3.2, 6"_s,
                           u"\"%1\" is no MUD URL: %2"_s.arg(oneLine(*file.mudUrl, 80), why));
        else
            for (const MudFinding &odd : mudUrlOddities(*file.mudUrl))
                findings.add(odd.severity, file.mudUrl.line, path, odd.clause, odd.message);
        if (!options.url.isEmpty() && options.url != *file.mudUrl)
            findings.warning(file.mudUrl.line, path, u"draft-ietf-iotops-mud-acceptable-urls"_s,
                             u"the file is to be found under %1 and names another URL: devices that accept it go on "
                             "from there"_s.arg(oneLine(options.url, 255)));
    }
    if (!file.mudSignature.present()) {
        findings.warning(file.line, file.path + u"/mud-signature"_s, u"RFC 8520 13.1"_s,
                         u"mud-signature is missing: no MUD manager can find the signature"_s);
    } else if (file.mudSignature && whyNoUri(*file.mudSignature, true).isEmpty()) {
        const QString path = file.pathOf(file.mudSignature);
        const QUrl signature(*file.mudSignature);
        const QUrl resolved = QUrl(file.mudUrl.valueOr({})).resolved(signature);
        if (!signature.isRelative())
            findings.warning(
                file.mudSignature.line, path, u"draft-ietf-iotops-mud-acceptable-urls"_s,
                u"mud-signature should be a relative reference, so that file and signature move together"_s);
        if (file.mudUrl && MudUrl::whyNot(*file.mudUrl).isEmpty() && resolved.scheme() != u"https")
            findings.error(file.mudSignature.line, path, u"RFC 8520 13.1"_s,
                           u"mud-signature leads to %1, which is not https"_s.arg(oneLine(resolved.toString(), 255)));
        if (file.mudUrl && resolved == QUrl(*file.mudUrl))
            findings.error(file.mudSignature.line, path, u"RFC 8520 13.1"_s,
                           u"mud-signature leads to the MUD file itself"_s);
    }
    if (file.documentation && whyNoUri(*file.documentation, true).isEmpty() &&
        !whyNoUri(*file.documentation, false).isEmpty())
        findings.warning(file.documentation.line, file.pathOf(file.documentation), u"RFC 8520 4.3"_s,
                         u"documentation is no absolute URL, and people cannot open it"_s);
}

void checkRoot(Findings &findings, const MudFile &file, const MudCheckOptions &options)
{
    required(findings, file, file.mudVersion, "mud-version");
    required(findings, file, file.mudUrl, "mud-url");
    required(findings, file, file.lastUpdate, "last-update");
    required(findings, file, file.isSupported, "is-supported");
    if (file.mudVersion && *file.mudVersion != 1)
        findings.error(file.mudVersion.line, file.pathOf(file.mudVersion), u"RFC 8520 3.1"_s,
                       u"mud-version is %1, and 1 is all there is"_s.arg(*file.mudVersion));
    if (file.lastUpdate && options.now.isValid() && *file.lastUpdate > options.now)
        findings.warning(file.lastUpdate.line, file.pathOf(file.lastUpdate), u"RFC 8520 3.4"_s,
                         u"last-update lies in the future"_s);
    if (file.cacheValidity && *file.cacheValidity < 24)
        findings.warning(file.cacheValidity.line, file.pathOf(file.cacheValidity), u"RFC 8520 3.5"_s,
                         u"cache-validity is %1 hours, and no less than 24 is recommended"_s.arg(*file.cacheValidity));
    if (file.systeminfo && displayLength(*file.systeminfo) > 60)
        findings.warning(
            file.systeminfo.line, file.pathOf(file.systeminfo), u"RFC 8520 3.7"_s,
            u"systeminfo has %1 characters, and should have 60 at most"_s.arg(displayLength(*file.systeminfo)));
    for (const MudLeaf<QString> *leaf : {&file.firmwareRev, &file.softwareRev}) {
        if (!leaf->present())
            continue;
        if (options.urlInCertificate)
            findings.error(
                leaf->line, file.pathOf(*leaf), u"RFC 8520 3.8"_s,
                u"%1 must be absent: the device can be updated, and the MUD URL in its certificate cannot"_s.arg(
                    leaf->name));
        else
            findings.note(
                leaf->line, file.pathOf(*leaf), u"RFC 8520 3.8"_s,
                u"%1 may stand here only where an update of the device changes its MUD URL as well"_s.arg(leaf->name));
    }
    checkUrls(findings, file, options);
}

void checkPolicies(Findings &findings, const MudFile &file)
{
    for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
        const MudPolicy &policy = file.policy(direction);
        const QString name = toString(direction) + u"-policy"_s;
        if (!policy.present()) {
            findings.warning(file.line, file.path + u'/' + name, u"RFC 8520 3.3"_s,
                             u"%1 is missing: all traffic in that direction is denied"_s.arg(name));
            continue;
        }
        if (policy.accessLists.empty())
            findings.warning(policy.line, policy.path, u"RFC 8520 3.3"_s,
                             u"%1 names no access list: all traffic in that direction is denied"_s.arg(name));
        QSet<QString> seen;
        for (const MudPolicy::Entry &entry : policy.accessLists) {
            if (!entry.name.present()) {
                findings.error(entry.line, entry.path, u"RFC 8520 7"_s, u"the entry has no name"_s);
            } else if (entry.name) {
                if (!file.acl(*entry.name))
                    findings.error(entry.name.line, entry.pathOf(entry.name), u"RFC 8520 7"_s,
                                   u"there is no access list \"%1\"%2"_s.arg(oneLine(*entry.name, 64),
                                                                             didYouMeanAcl(file, *entry.name)));
                if (seen.contains(*entry.name))
                    findings.error(entry.name.line, entry.path, u"RFC 7950 7.8.2"_s,
                                   u"%1 names the access list \"%2\" twice"_s.arg(name, oneLine(*entry.name, 64)));
                seen.insert(*entry.name);
            }
        }
    }
    const auto namesIn = [&file](MudDirection direction) {
        QSet<QString> names;
        for (const MudPolicy::Entry &entry : file.policy(direction).accessLists) {
            if (entry.name)
                names.insert(*entry.name);
        }
        return names;
    };
    const QSet<QString> fromNames = namesIn(MudDirection::FromDevice);
    const QSet<QString> toNames = namesIn(MudDirection::ToDevice);
    for (const MudAcl &acl : file.acls) {
        if (!acl.name)
            continue;
        const bool from = fromNames.contains(*acl.name);
        const bool to = toNames.contains(*acl.name);
        if (!from && !to)
            findings.warning(acl.line, acl.path, u"RFC 8520 3.3"_s,
                             u"no policy names this access list: it has no effect"_s);
        checkAcl(findings, acl, from, to);
    }
}

// RFC 8520 section 3.9: what is used is declared. Which token stands for which module is for each document to say;
// where a token is declared that is not known here, it may well be that of the module.
void checkExtensions(Findings &findings, const MudFile &file)
{
    QSet<QString> seen;
    bool others = false;
    for (const MudLeaf<QString> &leaf : file.extensions) {
        if (!leaf)
            continue;
        const QString path = file.pathOf(leaf);
        if (leaf->isEmpty() || leaf->size() > 40)
            findings.error(leaf.line, path, u"RFC 8520 7"_s,
                           u"the name of an extension has 1 to 40 characters, and this has %1"_s.arg(leaf->size()));
        if (seen.contains(*leaf))
            findings.error(leaf.line, path, u"RFC 7950 7.7"_s,
                           u"the extension \"%1\" is named twice"_s.arg(oneLine(*leaf, 40)));
        seen.insert(*leaf);
        if (*leaf != u"ol") {
            others = true;
            findings.note(leaf.line, path, u"RFC 8520 3.9"_s,
                          u"the extension \"%1\" is not judged here"_s.arg(oneLine(*leaf, 40)));
        }
    }
    const auto undeclared = [&](int line, const QString &path, const QString &what) {
        if (!others)
            findings.error(line, path, u"RFC 8520 3.9"_s,
                           u"%1 is used, and extensions does not declare it"_s.arg(what));
    };
    for (const MudFile::ForeignModule &module : file.foreignModules)
        undeclared(module.line, module.path, u"the module \"%1\""_s.arg(oneLine(module.name, 80)));
    if (file.quarantine)
        undeclared(file.quarantine->line, file.quarantine->path, u"the quarantine extension"_s);
    if (file.attestation)
        undeclared(file.attestation->line, file.attestation->path, u"the module \"ietf-mud-rats\""_s);
}

} // namespace

QList<MudFinding> checkMudFile(const MudFile &file, const MudCheckOptions &options)
{
    Findings findings;
    for (const MudFinding &found : file.readFindings)
        findings.add(found.severity, found.line, found.path, found.clause, found.message);
    if (!file.present())
        findings.error(1, u"/ietf-mud:mud"_s, u"RFC 8520 2.1"_s, u"the object ietf-mud:mud is missing"_s);
    else
        checkRoot(findings, file, options);
    if (!file.aclsContainer.present())
        findings.warning(1, u"/ietf-access-control-list:acls"_s, u"RFC 8520 2.1"_s,
                         u"the object ietf-access-control-list:acls is missing"_s);
    if (file.present())
        checkPolicies(findings, file);
    checkAclNames(findings, file);
    if (file.present())
        checkExtensions(findings, file);
    if (file.quarantine)
        checkQuarantine(findings, file);
    checkOwnerLicense(findings, file);

    QList<MudFinding> list = findings.take();
    std::stable_sort(list.begin(), list.end(),
                     // That there are more, which has no line, comes last.
                     [](const MudFinding &a, const MudFinding &b) { return uint(a.line - 1) < uint(b.line - 1); });
    return list;
}

} // namespace slipway
