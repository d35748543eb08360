// Reads what other documents add to the container ietf-mud:mud.

#include "core/mud/mudobject.h"

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

// By any module prefix: the draft's text was never seen to fix one, and published files have "nist-mud".
const JsonMember *quarantineOf(const JsonValue &mud)
{
    for (const JsonMember &member : mud.members) {
        if (member.name == u"quarantined-device-policy" || member.name.endsWith(u":quarantined-device-policy"))
            return &member;
    }
    return nullptr;
}

void readQuarantine(Findings &findings, const JsonMember &member, const QString &path, MudQuarantine &quarantine)
{
    quarantine.module = member.name.contains(u':') ? member.name.section(u':', 0, 0) : QString();
    Object object(findings, member.value, quarantine, path, "nist-mud");
    object.list("enabled-ace-names", "ace-name", [&](const JsonValue &item, const QString &itemPath) {
        MudQuarantine::Entry entry;
        Object fields(findings, item, entry, itemPath, "nist-mud");
        fields.text(entry.aceName, "ace-name");
        fields.finish();
        quarantine.enabledAces.push_back(std::move(entry));
    });
    object.finish();
}

void readCurrentLicense(Findings &findings, const JsonMember &member, const QString &path, MudOwnerLicense &owner)
{
    static constexpr char module[] = "ietf-owner-license";
    Object object(findings, member.value, owner, path, module);
    object.list("license", "owner-name", [&](const JsonValue &item, const QString &itemPath) {
        MudOwnerLicense::License license;
        Object fields(findings, item, license, itemPath, module);
        fields.text(license.ownerName, "owner-name");
        fields.texts(license.spdxTags, "spdx-tag");
        fields.texts(license.licenseInfo, "license-info", true);
        fields.finish();
        owner.licenses.push_back(std::move(license));
    });
    object.finish();
}

// What is there, in whichever of the shapes that were: strings, or arrays of strings, under several names.
void readObsoleteLicense(const JsonMember &member, const QString &path, MudOwnerLicense &owner)
{
    owner.shape = MudOwnerLicense::Shape::Obsolete;
    owner.line = member.line;
    owner.path = path;
    const auto collect = [](const JsonValue &object, QStringView name, std::vector<MudLeaf<QString>> &into) {
        const JsonMember *found = object.find(name);
        if (!found)
            return;
        if (found->value.isString())
            into.push_back({found->value.text, found->line, found->name});
        for (const JsonValue &item : found->value.items) {
            if (item.isString())
                into.push_back({item.text, item.line, found->name});
        }
    };
    const auto readOne = [&](const JsonValue &object, const QString &objectPath) {
        MudOwnerLicense::License license;
        license.line = object.line;
        license.path = objectPath;
        std::vector<MudLeaf<QString>> owners;
        collect(object, u"owner-name", owners);
        collect(object, u"owners", owners);
        if (!owners.empty())
            license.ownerName = owners.front();
        for (const QStringView name : {QStringView(u"spdx-tags"), QStringView(u"spdx-tag")})
            collect(object, name, license.spdxTags);
        collect(object, u"license-info", license.licenseInfo);
        if (license.ownerName.present() || !license.spdxTags.empty() || !license.licenseInfo.empty())
            owner.licenses.push_back(std::move(license));
    };
    readOne(member.value, path); // the oldest: owners and licence at the container itself
    for (const QString &name : {u"license"_s, u"licenses"_s}) {
        if (const JsonMember *list = member.value.find(name)) {
            for (size_t i = 0; i < list->value.items.size(); ++i)
                readOne(list->value.items[i], path + u'/' + name + u'[' + QString::number(i + 1) + u']');
        }
    }
}

void readUris(Findings &findings, Object &mud, const char *container, const char *leaves,
              std::vector<MudLeaf<QString>> &into, MudContainer &attestation)
{
    static constexpr char module[] = "ietf-mud-rats";
    const JsonMember *found = mud.container(container, module);
    if (!found)
        return;
    MudContainer place;
    Object object(findings, found->value, place, mud.pathOf(*found), module);
    object.texts(into, leaves, true);
    object.finish();
    if (!attestation.present()) {
        attestation.line = place.line;
        attestation.path = place.path;
    }
    std::move(place.unknown.begin(), place.unknown.end(), std::back_inserter(attestation.unknown));
}

} // namespace

void readExtensions(Findings &findings, Object &mud, MudFile &file)
{
    if (const JsonMember *found = quarantineOf(mud.value())) {
        mud.take(*found);
        if (!found->name.contains(u':'))
            findings.error(found->line, mud.pathOf(*found), u"RFC 7951 4"_s,
                           u"%1 is of another module: write nist-mud:%1"_s.arg(found->name));
        readQuarantine(findings, *found, mud.pathOf(*found), file.quarantine.emplace());
    }
    if (const JsonMember *found = mud.container("owner-license", "ietf-owner-license"))
        readCurrentLicense(findings, *found, mud.pathOf(*found), file.ownerLicense.emplace());
    for (const char *name : {"ol", "owner-license"}) {
        if (!mud.value().find(u"ietf-ol:"_s + QLatin1String(name)))
            continue;
        const JsonMember *found = mud.container(name, "ietf-ol");
        if (found && !file.ownerLicense)
            readObsoleteLicense(*found, mud.pathOf(*found), file.ownerLicense.emplace());
    }
    MudAttestation attestation;
    readUris(findings, mud, "ras", "ras-uris", attestation.ras, attestation);
    readUris(findings, mud, "rim", "rim-uris", attestation.rim, attestation);
    readUris(findings, mud, "edt", "edt-uris", attestation.edt, attestation);
    if (attestation.present())
        file.attestation = std::move(attestation);
}

} // namespace slipway::mud
