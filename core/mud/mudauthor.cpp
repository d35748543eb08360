#include "core/mud/mudauthor.h"

#include "core/base/fault.h"
#include "core/mud/mudurl.h"

#include <QCryptographicHash>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qsizetype longestName = 64; // of a list and of a rule (RFC 8519 section 4.1)

// JSON in the order of insertion.
JsonValue string(const QString &text)
{
    JsonValue value;
    value.kind = JsonValue::Kind::String;
    value.text = text;
    return value;
}

JsonValue number(qint64 n)
{
    JsonValue value;
    value.kind = JsonValue::Kind::Number;
    value.text = QString::number(n);
    return value;
}

JsonValue boolean(bool b)
{
    JsonValue value;
    value.kind = JsonValue::Kind::Boolean;
    value.boolean = b;
    return value;
}

JsonValue object()
{
    JsonValue value;
    value.kind = JsonValue::Kind::Object;
    return value;
}

JsonValue array()
{
    JsonValue value;
    value.kind = JsonValue::Kind::Array;
    return value;
}

JsonValue empty() // a YANG leaf of type empty (RFC 7951 section 6.9)
{
    JsonValue value = array();
    value.items.push_back(JsonValue());
    return value;
}

JsonValue &set(JsonValue &object, const QString &name, JsonValue value)
{
    for (JsonMember &member : object.members) {
        if (member.name == name) {
            member.value = std::move(value);
            return member.value;
        }
    }
    object.members.push_back({name, 0, std::move(value)});
    return object.members.back().value;
}

JsonValue *child(JsonValue &object, const QString &name)
{
    for (JsonMember &member : object.members) {
        if (member.name == name)
            return &member.value;
    }
    return nullptr;
}

JsonValue &childOr(JsonValue &object, const QString &name, const JsonValue &fresh)
{
    JsonValue *found = child(object, name);
    return found && found->kind == fresh.kind ? *found : set(object, name, fresh);
}

// Two spaces a level; arrays without objects on one line.
void write(const JsonValue &value, int depth, QByteArray &out)
{
    const QByteArray inner(qsizetype(depth + 1) * 2, ' ');
    const QByteArray outer(qsizetype(depth) * 2, ' ');
    const bool flat = value.isArray() && std::none_of(value.items.begin(), value.items.end(),
                                                      [](const JsonValue &v) { return v.isObject() || v.isArray(); });
    if (value.isObject() && !value.members.empty()) {
        out += "{\n";
        for (size_t i = 0; i < value.members.size(); ++i) {
            out += inner + string(value.members[i].name).toJson() + ": ";
            write(value.members[i].value, depth + 1, out);
            out += i + 1 < value.members.size() ? ",\n" : "\n";
        }
        out += outer + '}';
    } else if (value.isArray() && !flat) {
        out += "[\n";
        for (size_t i = 0; i < value.items.size(); ++i) {
            out += inner;
            write(value.items[i], depth + 1, out);
            out += i + 1 < value.items.size() ? ",\n" : "\n";
        }
        out += outer + ']';
    } else {
        out += value.toJson();
    }
}

QString shortened(const QString &name, const QString &suffix, const QString &of)
{
    if (name.size() + suffix.size() <= longestName)
        return name + suffix;
    const QString digest =
        QString::fromLatin1(QCryptographicHash::hash(of.toUtf8(), QCryptographicHash::Sha256).toHex().left(8));
    return name.left(longestName - suffix.size() - digest.size() - 1) + u'-' + digest + suffix;
}

// "mqtt.example-tcp-8883-frdev"
QString ruleName(const MudPeer &peer, MudDirection direction)
{
    MudPeer both = peer;
    if (peer.protocol != 1 && peer.protocol != 58 && peer.who != MudPeer::Who::Address)
        both.v4 = both.v6 = true; // each list holds one kind
    const QString text = both.text();
    QString name;
    for (const QChar c : text)
        name += c.isLetterOrNumber() || c == u'.' || c == u'-' ? c : QChar(u'-');
    return shortened(name, direction == MudDirection::FromDevice ? u"-frdev"_s : u"-todev"_s, text);
}

JsonValue ports(const std::pair<quint16, quint16> &range)
{
    JsonValue value = object();
    if (range.first == range.second) {
        set(value, u"operator"_s, string(u"eq"_s));
        set(value, u"port"_s, number(range.first));
    } else {
        set(value, u"lower-port"_s, number(range.first));
        set(value, u"upper-port"_s, number(range.second));
    }
    return value;
}

bool isIcmp(const MudPeer &peer)
{
    return peer.protocol == 1 || peer.protocol == 58;
}

// Nothing where the peer needs no rule in that direction.
std::optional<JsonValue> ace(const MudPeer &peer, MudDirection direction, bool v4)
{
    const bool from = direction == MudDirection::FromDevice;
    const auto group = peer.who == MudPeer::Who::Address ? IpPrefix::parse(peer.value) : std::nullopt;
    if (group && group->address.isMulticast() && !from)
        return std::nullopt; // a group answers from its members' own addresses

    JsonValue matches = object();
    const auto term = [&](const QString &name, JsonValue value) {
        JsonValue terms = object();
        set(terms, name, std::move(value));
        set(matches, u"ietf-mud:mud"_s, std::move(terms));
    };
    JsonValue ip = object();
    switch (peer.who) {
    case MudPeer::Who::Name:
        set(ip, from ? u"ietf-acldns:dst-dnsname"_s : u"ietf-acldns:src-dnsname"_s, string(peer.value));
        break;
    case MudPeer::Who::Address:
        set(ip, u"%1-ipv%2-network"_s.arg(from ? u"destination"_s : u"source"_s).arg(v4 ? 4 : 6), string(peer.value));
        break;
    case MudPeer::Who::LocalNetworks:
        term(u"local-networks"_s, empty());
        break;
    case MudPeer::Who::SameManufacturer:
        term(u"same-manufacturer"_s, empty());
        break;
    case MudPeer::Who::MyController:
        term(u"my-controller"_s, empty());
        break;
    case MudPeer::Who::Controller:
        term(u"controller"_s, string(peer.value));
        break;
    case MudPeer::Who::Manufacturer:
        term(u"manufacturer"_s, string(peer.value));
        break;
    case MudPeer::Who::Model:
        term(u"model"_s, string(peer.value));
        break;
    }
    if (peer.protocol >= 0)
        set(ip, u"protocol"_s, number(peer.protocol));
    if (!ip.members.empty())
        set(matches, v4 ? u"ipv4"_s : u"ipv6"_s, std::move(ip));

    if (peer.protocol == 6 || peer.protocol == 17) {
        JsonValue transport = object();
        if (peer.ports) {
            // The service is on the side that does not begin.
            const bool theirs = !peer.begins || *peer.begins == MudDirection::FromDevice;
            set(transport, theirs == from ? u"destination-port"_s : u"source-port"_s, ports(*peer.ports));
        }
        if (peer.protocol == 6 && peer.begins)
            set(transport, u"ietf-mud:direction-initiated"_s, string(toString(*peer.begins)));
        if (!transport.members.empty())
            set(matches, peer.protocol == 6 ? u"tcp"_s : u"udp"_s, std::move(transport));
    } else if (isIcmp(peer) && peer.icmpType) {
        // A request in the direction in which it goes, and its answer in the other.
        const int request = peer.protocol == 1 ? 8 : 128;
        const int answer = peer.protocol == 1 ? 0 : 129;
        const bool same = !peer.begins || *peer.begins == direction;
        if (!same && *peer.icmpType != request)
            return std::nullopt;
        JsonValue icmp = object();
        set(icmp, u"type"_s, number(same ? *peer.icmpType : answer));
        set(matches, u"icmp"_s, std::move(icmp));
    }

    JsonValue rule = object();
    set(rule, u"name"_s, string(ruleName(peer, direction)));
    set(rule, u"matches"_s, std::move(matches));
    JsonValue actions = object();
    set(actions, u"forwarding"_s, string(u"accept"_s));
    set(rule, u"actions"_s, std::move(actions));
    return rule;
}

// A tree of JSON in which rules are put.
class Draft
{
public:
    explicit Draft(JsonValue root) : m_root(std::move(root)) {}

    JsonValue &mud() { return childOr(m_root, u"ietf-mud:mud"_s, object()); }

    void applyFacts(const MudProduct &product)
    {
        JsonValue &mud = this->mud();
        if (product.lastUpdate.isValid())
            set(mud, u"last-update"_s, string(product.lastUpdate.toUTC().toString(u"yyyy-MM-ddTHH:mm:ss+00:00"_s)));
        const auto text = [&](const QString &name, const QString &value) {
            if (!value.isEmpty())
                set(mud, name, string(value));
        };
        text(u"mud-signature"_s, product.mudSignature);
        if (product.cacheValidity)
            set(mud, u"cache-validity"_s, number(*product.cacheValidity));
        if (!child(mud, u"is-supported"_s))
            set(mud, u"is-supported"_s, boolean(true));
        text(u"systeminfo"_s, product.systeminfo);
        text(u"mfg-name"_s, product.mfgName);
        text(u"model-name"_s, product.modelName);
        text(u"documentation"_s, product.documentation);
    }

    // The rules of the list that a policy uses for that kind of packets; made where there is none.
    JsonValue &rules(MudDirection direction, bool v4, const MudFile *existing)
    {
        const MudAclType type = v4 ? MudAclType::Ipv4 : MudAclType::Ipv6;
        QString name;
        if (existing) {
            const auto acls = existing->aclsOf(direction);
            const auto other = existing->aclsOf(direction == MudDirection::FromDevice ? MudDirection::ToDevice
                                                                                      : MudDirection::FromDevice);
            for (const MudAcl *acl : acls) {
                if (name.isEmpty() && acl->name && acl->type && *acl->type == type &&
                    std::find(other.begin(), other.end(), acl) == other.end())
                    name = *acl->name;
            }
        }
        JsonValue &acls = childOr(childOr(m_root, u"ietf-access-control-list:acls"_s, object()), u"acl"_s, array());
        const bool make = name.isEmpty();
        if (make) {
            name = u"mud-v%1%2"_s.arg(v4 ? 4 : 6).arg(direction == MudDirection::FromDevice ? u"fr"_s : u"to"_s);
            const auto list = u"%1"_s.arg(name);
            for (int i = 2; existing && existing->acl(name) && !m_made.contains(name); ++i)
                name = u"%1-%2"_s.arg(list).arg(i);
        }
        for (JsonValue &acl : acls.items) {
            const JsonMember *named = acl.find(u"name");
            if (named && named->value.text == name)
                return childOr(childOr(acl, u"aces"_s, object()), u"ace"_s, array());
        }
        m_made.insert(name);
        JsonValue acl = object();
        set(acl, u"name"_s, string(name));
        set(acl, u"type"_s, string(toString(type)));
        JsonValue aces = object();
        set(aces, u"ace"_s, array());
        set(acl, u"aces"_s, aces);
        acls.items.push_back(acl);
        JsonValue entry = object();
        set(entry, u"name"_s, string(name));
        JsonValue &policy = childOr(mud(), toString(direction) + u"-policy"_s, object());
        childOr(childOr(policy, u"access-lists"_s, object()), u"access-list"_s, array()).items.push_back(entry);
        return *child(*child(acls.items.back(), u"aces"_s), u"ace"_s);
    }

    // Takes rules out, and lists that become empty with the policies' words about them.
    QStringList remove(const QSet<std::pair<QString, QString>> &which)
    {
        QStringList removed;
        JsonValue *acls = child(m_root, u"ietf-access-control-list:acls"_s);
        JsonValue *list = acls ? child(*acls, u"acl"_s) : nullptr;
        if (!list)
            return removed;
        QSet<QString> emptied;
        const auto nameOf = [](const JsonValue &value) {
            const JsonMember *name = value.find(u"name");
            return name ? name->value.text : QString();
        };
        for (JsonValue &acl : list->items) {
            const QString aclName = nameOf(acl);
            JsonValue *aces = child(acl, u"aces"_s);
            JsonValue *rules = aces ? child(*aces, u"ace"_s) : nullptr;
            if (!rules || rules->items.empty())
                continue;
            std::erase_if(rules->items, [&](const JsonValue &rule) {
                const bool out = which.contains({aclName, nameOf(rule)});
                if (out)
                    removed << nameOf(rule);
                return out;
            });
            if (rules->items.empty())
                emptied.insert(aclName);
        }
        std::erase_if(list->items, [&](const JsonValue &acl) { return emptied.contains(nameOf(acl)); });
        for (const QString &policy : {u"from-device-policy"_s, u"to-device-policy"_s}) {
            JsonValue *here = child(mud(), policy);
            JsonValue *lists = here ? child(*here, u"access-lists"_s) : nullptr;
            JsonValue *entries = lists ? child(*lists, u"access-list"_s) : nullptr;
            if (entries)
                std::erase_if(entries->items, [&](const JsonValue &e) { return emptied.contains(nameOf(e)); });
        }
        return removed;
    }

    QByteArray bytes() const
    {
        QByteArray out;
        write(m_root, 0, out);
        return out + '\n';
    }

private:
    JsonValue m_root;
    QSet<QString> m_made;
};

void addRules(Draft &draft, QList<MudPeer> peers, const MudFile *existing, MudDraft &result)
{
    std::sort(peers.begin(), peers.end());
    for (const bool v4 : {true, false}) {
        for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
            std::vector<JsonValue> made;
            for (const MudPeer &peer : peers) {
                if (!(v4 ? peer.v4 : peer.v6))
                    continue;
                if (auto rule = ace(peer, direction, v4))
                    made.push_back(std::move(*rule));
            }
            if (made.empty())
                continue;
            std::stable_sort(made.begin(), made.end(), [](const JsonValue &a, const JsonValue &b) {
                return a.find(u"name")->value.text < b.find(u"name")->value.text;
            });
            JsonValue &rules = draft.rules(direction, v4, existing);
            QSet<QString> names;
            for (const JsonValue &rule : rules.items) {
                if (const JsonMember *name = rule.find(u"name"))
                    names.insert(name->value.text);
            }
            for (JsonValue &rule : made) {
                const QString name = rule.find(u"name")->value.text;
                if (names.contains(name))
                    continue; // the rule is there
                names.insert(name);
                result.added << name;
                rules.items.push_back(std::move(rule));
            }
        }
    }
}

void keepNames(const MudFile &existing, MudDraft &result)
{
    for (const MudAcl &acl : existing.acls) {
        for (const MudAce &rule : acl.aces)
            result.kept << rule.name.valueOr(QString());
    }
}

MudDraft extended(const MudFile &existing, const MudProduct &product, const QList<MudPeer> &peers,
                  const QSet<std::pair<QString, QString>> &remove)
{
    if (!product.mudUrl.isEmpty() && existing.mudUrl && product.mudUrl != *existing.mudUrl)
        throw Fault("mud.author", {u"the existing file is for %1"_s.arg(*existing.mudUrl),
                                   u"Leave --mud-url away, or author a new file."_s});
    MudDraft result;
    keepNames(existing, result);
    Draft draft(existing.json.root);
    draft.applyFacts(product);
    if (!remove.isEmpty()) {
        result.removed = draft.remove(remove);
        for (const QString &name : std::as_const(result.removed))
            result.kept.removeOne(name);
    }
    // Lists that were taken out have to be made anew, so a tidied file is read again.
    if (result.removed.isEmpty()) {
        addRules(draft, peers, &existing, result);
        result.json = draft.bytes();
        return result;
    }
    const MudFile tidied = MudFile::parse(draft.bytes());
    Draft second(tidied.json.root);
    addRules(second, peers, &tidied, result);
    result.json = second.bytes();
    return result;
}

} // namespace

MudDraft authorMudFile(const MudProduct &product, const QList<MudPeer> &peers)
{
    MudDraft result;
    JsonValue root = object();
    JsonValue mud = object();
    set(mud, u"mud-version"_s, number(1));
    set(mud, u"mud-url"_s, string(MudUrl::parse(product.mudUrl).text()));
    set(root, u"ietf-mud:mud"_s, mud);
    Draft draft(root);
    MudProduct facts = product;
    if (!facts.cacheValidity)
        facts.cacheValidity = 48;
    draft.applyFacts(facts);
    addRules(draft, peers, nullptr, result);
    result.json = draft.bytes();
    return result;
}

MudDraft extendMudFile(const MudFile &existing, const MudProduct &product, const QList<MudPeer> &peers)
{
    return extended(existing, product, peers, {});
}

MudDraft authorFromTraffic(const MudFile *existing, const MudProduct &product, const QList<MudPeer> &besides,
                           const DeviceTraffic &traffic, const MudMappings &mappings, bool tidy)
{
    QStringList remarks;
    if (!existing) {
        MudDraft result = authorMudFile(product, besides + peersOf(traffic, mappings, product.mudUrl, remarks));
        result.remarks = remarks;
        return result;
    }
    // Only what the file does not allow yet.
    const FlowRules rules(*existing, mappings, traffic);
    using Verdict = FlowRules::Outcome::Verdict;
    DeviceTraffic rest = traffic;
    std::erase_if(rest.flows, [&](const TrafficFlow &flow) {
        const bool from =
            flow.fromPackets == 0 || rules.judge(flow, MudDirection::FromDevice).verdict != Verdict::Denied;
        const bool to = flow.toPackets == 0 || rules.judge(flow, MudDirection::ToDevice).verdict != Verdict::Denied;
        if (!from || !to)
            return false;
        const auto names = rules.names().namesOf(flow.peer, flow.firstNs);
        return std::none_of(names.begin(), names.end(), [&](const NameTable::Name &name) {
            return name.fit == NameFit::InTime && traffic.asked.contains(name.name) && !rules.namesHost(name.name);
        });
    });
    QSet<std::pair<QString, QString>> unused;
    QStringList unusedNames;
    std::vector<bool> used(rules.rules().size());
    const auto asked = traffic.asked.keys();
    for (const TrafficFlow &flow : traffic.flows) {
        for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
            if ((direction == MudDirection::FromDevice ? flow.fromPackets : flow.toPackets) == 0)
                continue;
            const int rule = rules.judge(flow, direction).rule;
            if (rule >= 0)
                used[size_t(rule)] = true;
        }
    }
    for (size_t i = 0; i < used.size(); ++i) {
        const FlowRules::Rule &rule = rules.rules()[i];
        if (used[i] || !rule.ace || !rule.accept || !rule.acl->name || !rule.ace->name)
            continue;
        // Another name of the same host was taken for it: it stays, unless a rule in use names it too.
        const auto isNeeded = [&](const QByteArray &name) {
            if (!nameMatches(rule.peerName, name))
                return false;
            for (size_t j = 0; j < used.size(); ++j) {
                const FlowRules::Rule &other = rules.rules()[j];
                if (used[j] && other.accept && nameMatches(other.peerName, name))
                    return false;
            }
            return true;
        };
        if (!rule.peerName.isEmpty() && std::any_of(asked.begin(), asked.end(), isNeeded))
            continue;
        unused.insert({*rule.acl->name, *rule.ace->name});
        unusedNames << rule.name;
    }
    MudDraft result =
        extended(*existing, product, besides + peersOf(rest, mappings, existing->mudUrl.valueOr(QString()), remarks),
                 tidy ? unused : QSet<std::pair<QString, QString>>());
    result.unused = unusedNames;
    result.remarks = remarks;
    for (const FlowRules::Rule &rule : rules.rules()) {
        if (rule.ace && !rule.accept && !result.added.isEmpty()) {
            result.remarks << u"The file drops packets by rule %1; rules behind it do not take those back."_s.arg(
                rule.name);
            break;
        }
    }
    return result;
}

} // namespace slipway
