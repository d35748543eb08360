// Owner and licence (draft-ietf-iotops-ol-03) and quarantine.

#include "core/base/text.h"
#include "core/mud/mudrules.h"
#include "core/mud/spdx.h"

#include <QSet>

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

constexpr char olDraft[] = "draft-ietf-iotops-ol-03";

void checkTags(Findings &findings, const MudOwnerLicense::License &license)
{
    for (const MudLeaf<QString> &tag : license.spdxTags) {
        if (!tag || tag->startsWith(u"LicenseRef-") || tag->startsWith(u"DocumentRef-"))
            continue;
        const SpdxList &list = SpdxList::bundled();
        const QString path = license.pathOf(tag);
        if (!list.knows(*tag)) {
            const QString meant = list.nearest(*tag);
            findings.warning(tag.line, path, QLatin1String(olDraft),
                             u"\"%1\" is not in the SPDX licence list of %2%3"_s.arg(
                                 oneLine(*tag, 80), list.date(),
                                 meant.isEmpty() ? QString() : u"; did you mean \"%1\"?"_s.arg(meant)));
        } else if (list.isDeprecated(*tag)) {
            findings.warning(tag.line, path, QLatin1String(olDraft),
                             u"SPDX no longer wants \"%1\" to be used"_s.arg(*tag));
        }
    }
}

} // namespace

void checkOwnerLicense(Findings &findings, const MudFile &file)
{
    const QString clause = QLatin1String(olDraft);
    const bool declared = file.names(u"ol");
    if (!file.ownerLicense) {
        if (declared)
            findings.warning(file.extensionsLine, file.path + u"/extensions"_s, clause,
                             u"the extension \"ol\" is declared, and there is no ietf-owner-license:owner-license"_s);
        return;
    }
    const MudOwnerLicense &owner = *file.ownerLicense;
    if (!declared)
        findings.error(owner.line, owner.path, clause + u", RFC 8520 3.9"_s,
                       u"owner and licence are stated, and extensions does not declare \"ol\""_s);
    if (owner.shape == MudOwnerLicense::Shape::Obsolete) {
        findings.warning(owner.line, owner.path, clause,
                         u"obsolete ol shape: owner and licence stand in ietf-owner-license:owner-license since "
                         "draft-ietf-iotops-ol-03"_s);
        return;
    }
    QSet<QString> owners;
    for (const MudOwnerLicense::License &license : owner.licenses) {
        if (!license.ownerName.present()) {
            findings.error(license.line, license.path, clause, u"the licence names no owner: owner-name is missing"_s);
        } else if (license.ownerName) {
            // YANG counts characters, not UTF-16 units (RFC 7950 section 9.4.4).
            const qsizetype length = license.ownerName->toUcs4().size();
            if (length < 1 || length > 128)
                findings.error(license.ownerName.line, license.pathOf(license.ownerName), clause,
                               u"owner-name has 1 to 128 characters, and this has %1"_s.arg(length));
            if (owners.contains(*license.ownerName))
                findings.error(license.line, license.path, clause + u", RFC 7950 7.8.2"_s,
                               u"the owner \"%1\" stands here twice"_s.arg(oneLine(*license.ownerName, 128)));
            owners.insert(*license.ownerName);
        }
        const bool tags = !license.spdxTags.empty();
        const bool urls = !license.licenseInfo.empty();
        if (tags == urls)
            findings.error(license.line, license.path, clause,
                           tags ? u"spdx-tag and license-info exclude each other: use two owners"_s
                                : u"the licence is missing: one spdx-tag or license-info at least"_s);
        for (const auto *leaves : {&license.spdxTags, &license.licenseInfo}) {
            QSet<QString> seen;
            for (const MudLeaf<QString> &leaf : *leaves) {
                if (leaf && seen.contains(*leaf))
                    findings.error(leaf.line, license.pathOf(leaf), u"RFC 7950 7.7"_s,
                                   u"\"%1\" stands here twice"_s.arg(oneLine(*leaf, 80)));
                seen.insert(leaf.valueOr({}));
            }
        }
        checkTags(findings, license);
    }
}

void checkQuarantine(Findings &findings, const MudFile &file)
{
    const QString clause = u"draft-richardson-shg-mud-quarantined-access"_s;
    const MudQuarantine &quarantine = *file.quarantine;
    if (quarantine.enabledAces.empty())
        findings.warning(quarantine.line, quarantine.path, clause,
                         u"no entry stays in force in quarantine: the device cannot fetch new firmware"_s);
    QSet<QString> seen;
    for (const MudQuarantine::Entry &entry : quarantine.enabledAces) {
        if (!entry.aceName.present()) {
            findings.error(entry.line, entry.path, clause, u"ace-name is missing"_s);
            continue;
        }
        if (!entry.aceName)
            continue;
        const QString name = oneLine(*entry.aceName, 64);
        const auto aces = file.acesNamed(*entry.aceName);
        if (aces.empty())
            findings.error(entry.aceName.line, entry.pathOf(entry.aceName), clause,
                           u"no access list has an entry \"%1\""_s.arg(name));
        else if (aces.size() > 1)
            findings.warning(
                entry.aceName.line, entry.pathOf(entry.aceName), clause,
                u"%1 entries are named \"%2\", and all of them stay in force"_s.arg(aces.size()).arg(name));
        if (seen.contains(*entry.aceName))
            findings.warning(entry.aceName.line, entry.pathOf(entry.aceName), clause,
                             u"\"%1\" stands here twice"_s.arg(name));
        seen.insert(*entry.aceName);
    }
}

} // namespace slipway::mud
