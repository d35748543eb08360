#include "core/mud/mudfile.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/mud/mudobject.h"

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using namespace mud;

void readPolicy(Findings &findings, Object &mud, const char *name, MudPolicy &policy)
{
    const JsonMember *found = mud.container(name);
    if (!found)
        return;
    Object object(findings, found->value, policy, mud.pathOf(*found), mudModule);
    if (const JsonMember *lists = object.container("access-lists")) {
        MudContainer container;
        Object inner(findings, lists->value, container, object.pathOf(*lists), mudModule);
        inner.list("access-list", "name", [&](const JsonValue &item, const QString &path) {
            MudPolicy::Entry entry;
            Object fields(findings, item, entry, path, mudModule);
            fields.text(entry.name, "name");
            fields.finish();
            policy.accessLists.push_back(std::move(entry));
        });
        inner.finish();
        std::move(container.unknown.begin(), container.unknown.end(), std::back_inserter(policy.unknown));
    }
    object.finish();
}

void readMud(Findings &findings, const JsonMember &root, MudFile &file)
{
    Object mud(findings, root.value, file, u'/' + root.name, mudModule);
    file.line = root.line;
    mud.number(file.mudVersion, "mud-version", 0, 255, "RFC 8520 3.1");
    mud.uri(file.mudUrl, "mud-url");
    mud.dateTime(file.lastUpdate, "last-update", "RFC 8520 3.4");
    mud.uri(file.mudSignature, "mud-signature");
    mud.number(file.cacheValidity, "cache-validity", 1, 168, "RFC 8520 3.5");
    mud.boolean(file.isSupported, "is-supported");
    mud.text(file.systeminfo, "systeminfo");
    mud.text(file.mfgName, "mfg-name");
    mud.text(file.modelName, "model-name");
    mud.text(file.firmwareRev, "firmware-rev");
    mud.text(file.softwareRev, "software-rev");
    mud.uri(file.documentation, "documentation");
    if (const JsonMember *found = mud.member("extensions"))
        file.extensionsLine = found->line;
    mud.texts(file.extensions, "extensions");
    readPolicy(findings, mud, "from-device-policy", file.fromDevice);
    readPolicy(findings, mud, "to-device-policy", file.toDevice);
    readExtensions(findings, mud, file);
    mud.finish();
}

// The YANG path of what an RFC 6901 pointer leads to.
QString yangPath(const JsonValue &root, const QString &pointer)
{
    const JsonValue *at = &root;
    QString path;
    const QStringList parts = pointer.split(u'/', Qt::SkipEmptyParts);
    for (const QString &part : parts) {
        if (at->isArray()) {
            const size_t index = part.toUInt();
            if (index >= at->items.size())
                break;
            at = &at->items[index];
            const JsonMember *name = at->find(u"name");
            path += predicate("name", name ? &name->value : nullptr, index);
        } else {
            const JsonMember *member = at->find(QString(part).replace(u"~1"_s, u"/"_s).replace(u"~0"_s, u"~"_s));
            if (!member)
                break;
            at = &member->value;
            path += u'/' + member->name;
        }
    }
    return path;
}

} // namespace

MudFile MudFile::parse(const QByteArray &bytes, const QString &name)
{
    MudFile file;
    file.bytes = bytes;
    try {
        file.json = readJson(bytes, {.bytes = MaximumBytes, .depth = 64, .values = 200'000});
    } catch (const JsonError &error) {
        throw Fault("mud.json",
                    {name, u"line %1, column %2: %3"_s.arg(error.line).arg(error.column).arg(error.reason)});
    }
    const JsonValue &root = file.json.root;
    if (!root.isObject())
        throw Fault("mud.json", {name, u"it holds %1 where an object belongs"_s.arg(root.kindText())});

    Findings findings;
    for (const JsonDuplicate &twice : file.json.duplicates) {
        const QString path = yangPath(root, twice.pointer) + u'/' + oneLine(twice.name, 80);
        findings.error(
            twice.line, path, u"RFC 8259 4, RFC 7493 2.3"_s,
            u"\"%1\" stands here a second time (first: line %2), and readers differ in which one they take"_s.arg(
                oneLine(twice.name, 80), QString::number(twice.firstLine)));
    }
    MudContainer top;
    Object object(findings, root, top, {}, "");
    if (const JsonMember *found = object.member("mud", mudModule))
        readMud(findings, *found, file);
    if (const JsonMember *found = object.member("acls", aclModule))
        readAcls(findings, *found, file);
    object.finish();
    file.unknownRoots = std::move(top.unknown);
    file.foreignModules = findings.modules();
    file.readFindings = findings.take();
    return file;
}

bool MudFile::names(QStringView extension) const
{
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const MudLeaf<QString> &leaf) { return leaf && *leaf == extension; });
}

const MudAcl *MudFile::acl(QStringView name) const
{
    for (const MudAcl &candidate : acls) {
        if (candidate.name && *candidate.name == name)
            return &candidate;
    }
    return nullptr;
}

std::vector<const MudAcl *> MudFile::aclsOf(MudDirection direction) const
{
    std::vector<const MudAcl *> used;
    for (const MudPolicy::Entry &entry : policy(direction).accessLists) {
        const MudAcl *found = entry.name ? acl(*entry.name) : nullptr;
        if (found && std::find(used.begin(), used.end(), found) == used.end())
            used.push_back(found);
    }
    return used;
}

std::vector<const MudAce *> MudFile::acesNamed(QStringView name) const
{
    std::vector<const MudAce *> found;
    for (const MudAcl &list : acls) {
        for (const MudAce &ace : list.aces) {
            if (ace.name && *ace.name == name)
                found.push_back(&ace);
        }
    }
    return found;
}

bool MudAcl::takesIpv4() const
{
    return !type || *type == MudAclType::Ipv4 || *type == MudAclType::MixedEthIpv4 ||
           *type == MudAclType::MixedEthIpv4Ipv6;
}

bool MudAcl::takesIpv6() const
{
    return !type || *type == MudAclType::Ipv6 || *type == MudAclType::MixedEthIpv6 ||
           *type == MudAclType::MixedEthIpv4Ipv6;
}

int MudTerms::count() const
{
    return manufacturer.present() + sameManufacturer.present() + model.present() + localNetworks.present() +
           controller.present() + myController.present();
}

bool MudPorts::matches(quint16 number) const
{
    if (lower && upper)
        return number >= *lower && number <= *upper;
    if (!port)
        return true;
    switch (op.valueOr(MudPortOperator::Equal)) {
    case MudPortOperator::Equal:
        return number == *port;
    case MudPortOperator::NotEqual:
        return number != *port;
    case MudPortOperator::LessOrEqual:
        return number <= *port;
    case MudPortOperator::GreaterOrEqual:
        return number >= *port;
    }
    return true;
}

QString MudPorts::text() const
{
    if (lower && upper)
        return u"%1-%2"_s.arg(*lower).arg(*upper);
    if (!port)
        return u"any"_s;
    switch (op.valueOr(MudPortOperator::Equal)) {
    case MudPortOperator::Equal:
        break;
    case MudPortOperator::NotEqual:
        return u"not %1"_s.arg(*port);
    case MudPortOperator::LessOrEqual:
        return u"0-%1"_s.arg(*port);
    case MudPortOperator::GreaterOrEqual:
        return u"%1-65535"_s.arg(*port);
    }
    return QString::number(*port);
}

QJsonObject MudFinding::toJson() const
{
    return {{u"line"_s, line},
            {u"path"_s, path},
            {u"clause"_s, clause},
            {u"severity"_s, toString(severity)},
            {u"message"_s, message}};
}

QString toString(MudFinding::Severity severity)
{
    switch (severity) {
    case MudFinding::Severity::Error:
        return u"error"_s;
    case MudFinding::Severity::Warning:
        return u"warning"_s;
    case MudFinding::Severity::Note:
        return u"note"_s;
    }
    return {};
}

bool hasErrors(const QList<MudFinding> &findings)
{
    return std::any_of(findings.begin(), findings.end(),
                       [](const MudFinding &finding) { return finding.severity == MudFinding::Severity::Error; });
}

QString toString(MudDirection direction)
{
    return direction == MudDirection::FromDevice ? u"from-device"_s : u"to-device"_s;
}

QString toString(MudForwarding forwarding)
{
    switch (forwarding) {
    case MudForwarding::Accept:
        return u"accept"_s;
    case MudForwarding::Drop:
        return u"drop"_s;
    case MudForwarding::Reject:
        return u"reject"_s;
    }
    return {};
}

QString toString(MudAclType type)
{
    switch (type) {
    case MudAclType::Ipv4:
        return u"ipv4-acl-type"_s;
    case MudAclType::Ipv6:
        return u"ipv6-acl-type"_s;
    case MudAclType::Eth:
        return u"eth-acl-type"_s;
    case MudAclType::MixedEthIpv4:
        return u"mixed-eth-ipv4-acl-type"_s;
    case MudAclType::MixedEthIpv6:
        return u"mixed-eth-ipv6-acl-type"_s;
    case MudAclType::MixedEthIpv4Ipv6:
        return u"mixed-eth-ipv4-ipv6-acl-type"_s;
    }
    return {};
}

} // namespace slipway
