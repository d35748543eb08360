#include "core/mud/mudobject.h"

#include "core/base/text.h"
#include "core/codec/base64.h"

#include <algorithm>

namespace slipway::mud {

using namespace Qt::StringLiterals;

namespace {

QString quoted(const QString &text)
{
    return u'"' + oneLine(text, 80) + u'"';
}

} // namespace

void Findings::add(MudFinding::Severity severity, int line, const QString &path, const QString &clause,
                   const QString &message)
{
    static constexpr qsizetype limit = 1000; // nobody reads more
    if (m_list.size() < limit)
        m_list.append({line, path, clause, severity, message});
    else
        m_dropped = m_dropped ? std::min(*m_dropped, severity) : severity;
}

void Findings::foreign(const QString &module, int line, const QString &path)
{
    note(line, path, u"RFC 8520 3.9"_s,
         u"this is of the module \"%1\", which is kept and not judged"_s.arg(oneLine(module, 80)));
    for (const MudFile::ForeignModule &known : m_modules) {
        if (known.name == module)
            return;
    }
    m_modules.push_back({module, line, path});
}

QList<MudFinding> Findings::take()
{
    if (m_dropped)
        m_list.append({0, {}, {}, *m_dropped, u"there are more findings, which are not listed"_s});
    m_dropped.reset();
    return std::exchange(m_list, {});
}

QString predicate(const char *key, const JsonValue *name, size_t index)
{
    if (!key || !name || !name->isString() || name->text.size() > 64)
        return u'[' + QString::number(index + 1) + u']';
    const QString text = oneLine(name->text);
    const QChar quote = text.contains(u'\'') ? u'"' : u'\'';
    return u'[' + QLatin1String(key) + u'=' + quote + text + quote + u']';
}

Object::Object(Findings &findings, const JsonValue &value, MudContainer &container, const QString &path,
               const char *module)
    : m_findings(findings), m_value(value), m_container(container), m_module(module), m_taken(value.members.size())
{
    container.line = value.line;
    container.path = path;
    if (!value.isObject())
        findings.error(value.line, path, u"RFC 7951 5.2"_s, u"it must be an object, and is %1"_s.arg(value.kindText()));
}

const JsonMember *Object::member(const char *name, const char *module)
{
    const QLatin1String wanted(name);
    const QLatin1String home = module ? QLatin1String(module) : m_module;
    const bool foreign = home != m_module;
    m_asked.append({name, foreign ? module : nullptr});
    const JsonMember *found = nullptr;
    for (size_t i = 0; i < m_value.members.size(); ++i) {
        const JsonMember &candidate = m_value.members[i];
        const QStringView full(candidate.name);
        if (!full.endsWith(wanted))
            continue;
        const qsizetype colon = full.size() - wanted.size() - 1;
        const bool simple = full.size() == wanted.size();
        const bool qualified = !simple && full[colon] == u':' && full.first(colon) == home;
        if (!simple && !qualified)
            continue;
        m_taken[i] = true;
        if (found) // the first counts; that there are two was said already, or is now, of two spellings
            continue;
        found = &candidate;
        if (foreign && simple)
            m_findings.error(candidate.line, pathOf(candidate), u"RFC 7951 4"_s,
                             u"%1 belongs to the module %2: write %2:%1"_s.arg(wanted, home));
        else if (!foreign && qualified)
            m_findings.error(candidate.line, pathOf(candidate), u"RFC 7951 4"_s,
                             u"%1 is of the same module as what it stands in: write %1"_s.arg(wanted));
    }
    return found;
}

void Object::wrongKind(const JsonMember &found, const char *wanted, const char *clause)
{
    m_findings.error(found.line, pathOf(found), QLatin1String(clause),
                     u"it must be %1, and is %2"_s.arg(QLatin1String(wanted), found.value.kindText()));
}

std::optional<qint64> Object::integer(const JsonMember &found, qint64 least, qint64 most, const char *clause)
{
    std::optional<qint64> value = found.value.integer();
    if (!found.value.isNumber()) {
        bool digits = false;
        const qint64 meant = found.value.isString() ? found.value.text.toLongLong(&digits) : 0;
        if (!digits) {
            wrongKind(found, "a number", "RFC 7951 6.1");
            return {};
        }
        m_findings.error(found.line, pathOf(found), u"RFC 7951 6.1"_s,
                         u"a number is written without quotation marks: %1"_s.arg(meant));
        value = meant;
    }
    if (!value || *value < least || *value > most) {
        m_findings.error(
            found.line, pathOf(found), QLatin1String(clause),
            u"%1 is no whole number from %2 to %3"_s.arg(oneLine(found.value.text, 40)).arg(least).arg(most));
        return {};
    }
    return value;
}

// RFC 7950 section 9.4: no control characters but tab and line ends.
bool Object::checkText(const JsonValue &value, const QString &path, int line)
{
    for (const QChar c : value.text) {
        if ((c.unicode() < 0x20 && c != u'\t' && c != u'\n' && c != u'\r') || c.unicode() == 0xfffe ||
            c.unicode() == 0xffff) {
            m_findings.error(line, path, u"RFC 7950 9.4"_s, u"it has a control character in it"_s);
            return false;
        }
    }
    return true;
}

const JsonMember *Object::textMember(MudLeaf<QString> &leaf, const char *name, const char *module)
{
    const JsonMember *found = member(name, module);
    if (!found)
        return nullptr;
    leaf.line = found->line;
    leaf.name = found->name;
    if (!found->value.isString()) {
        wrongKind(*found, "a string", "RFC 7951 6.2");
        return nullptr;
    }
    return checkText(found->value, pathOf(*found), found->line) ? found : nullptr;
}

void Object::text(MudLeaf<QString> &leaf, const char *name, const char *module)
{
    if (const JsonMember *found = textMember(leaf, name, module))
        leaf.value = found->value.text;
}

void Object::uri(MudLeaf<QString> &leaf, const char *name, const char *module)
{
    const JsonMember *found = textMember(leaf, name, module);
    if (!found)
        return;
    leaf.value = found->value.text;
    const QString why = whyNoUri(found->value.text, true);
    if (!why.isEmpty())
        m_findings.error(found->line, pathOf(*found), u"RFC 6991 4, RFC 3986"_s,
                         u"%1 is no URI: %2"_s.arg(quoted(found->value.text), why));
}

void Object::host(MudLeaf<QString> &leaf, const char *name, const char *module)
{
    const JsonMember *found = textMember(leaf, name, module);
    if (!found)
        return;
    const QString why = whyNoHost(found->value.text);
    if (why.isEmpty())
        leaf.value = found->value.text.toLower();
    else
        m_findings.error(found->line, pathOf(*found), u"RFC 6991 4"_s,
                         u"%1 is no host: %2"_s.arg(quoted(found->value.text), why));
}

void Object::boolean(MudLeaf<bool> &leaf, const char *name)
{
    const JsonMember *found = member(name);
    if (!found)
        return;
    leaf.line = found->line;
    leaf.name = found->name;
    if (found->value.isBoolean())
        leaf.value = found->value.boolean;
    else
        wrongKind(*found, "true or false without quotation marks", "RFC 7951 6.3");
}

void Object::empty(MudLeaf<bool> &leaf, const char *name, const char *module)
{
    const JsonMember *found = member(name, module);
    if (!found)
        return;
    leaf.line = found->line;
    leaf.name = found->name;
    if (found->value.isArray() && found->value.items.size() == 1 && found->value.items[0].isNull())
        leaf.value = true;
    else
        m_findings.error(found->line, pathOf(*found), u"RFC 7951 6.9"_s,
                         u"a node without value is written [null], and this is %1"_s.arg(
                             oneLine(QString::fromUtf8(found->value.toJson()), 40)));
}

void Object::dateTime(MudLeaf<QDateTime> &leaf, const char *name, const char *clause)
{
    MudLeaf<QString> raw;
    const JsonMember *found = textMember(raw, name, nullptr);
    leaf.line = raw.line;
    leaf.name = raw.name;
    if (!found)
        return;
    // 2019-04-18T18:58:19.25+00:00: each letter stands for a digit, "." for one or more of them behind a point.
    const QString &text = found->value.text;
    const auto fits = [&](const char *pattern, qsizetype from) {
        for (qsizetype i = 0; pattern[i] != '\0'; ++i) {
            const QChar c = from + i < text.size() ? text[from + i] : QChar();
            if (pattern[i] == 'd' ? !(c >= u'0' && c <= u'9') : c != QLatin1Char(pattern[i]))
                return false;
        }
        return true;
    };
    qsizetype zone = 19;
    bool good = fits("dddd-dd-ddTdd:dd:dd", 0);
    if (good && zone < text.size() && text[zone] == u'.') {
        do
            ++zone;
        while (zone < text.size() && text[zone] >= u'0' && text[zone] <= u'9');
        good = zone > 20;
    }
    good = good && ((text.size() == zone + 1 && text[zone] == u'Z') ||
                    (text.size() == zone + 6 && (fits("+dd:dd", zone) || fits("-dd:dd", zone))));
    if (good) {
        const QDate date(text.mid(0, 4).toInt(), text.mid(5, 2).toInt(), text.mid(8, 2).toInt());
        const int second = text.mid(17, 2).toInt(); // 60: a leap second
        const QTime time(text.mid(11, 2).toInt(), text.mid(14, 2).toInt(), std::min(second, 59));
        const int hours = text.mid(zone + 1, 2).toInt();
        const int minutes = text.mid(zone + 4, 2).toInt();
        good = date.isValid() && time.isValid() && second <= 60 && hours <= 23 && minutes <= 59;
        if (good) {
            const int offset = (hours * 60 + minutes) * 60 * (text[zone] == u'-' ? -1 : 1);
            leaf.value = QDateTime(date, time, Qt::OffsetFromUTC, offset).toUTC();
        }
    }
    if (!good)
        m_findings.error(found->line, pathOf(*found), QLatin1String(clause),
                         u"%1 is no date and time such as 2026-11-20T00:00:00Z (RFC 3339)"_s.arg(quoted(text)));
}

void Object::prefix(MudLeaf<MudPrefix> &leaf, const char *name, int version)
{
    MudLeaf<QString> raw;
    const JsonMember *found = textMember(raw, name, nullptr);
    leaf.line = raw.line;
    leaf.name = raw.name;
    if (!found)
        return;
    const QString &text = found->value.text;
    const QString behind = text.section(u'/', 1);
    bool number = false;
    const int length = behind.toInt(&number);
    const auto host = addressIn(text.section(u'/', 0, 0), version);
    if (!host || !number || QString::number(length) != behind || length < 0 || length > (version == 4 ? 32 : 128)) {
        m_findings.error(
            found->line, pathOf(*found), u"RFC 6991 4"_s,
            u"%1 is no IPv%2 prefix such as %3"_s.arg(quoted(text), QString::number(version),
                                                      version == 4 ? u"192.0.2.0/24"_s : u"2001:db8::/32"_s));
        return;
    }
    if (version == 4) {
        const quint32 mask = length == 0 ? 0 : ~quint32(0) << (32 - length);
        leaf.value = MudPrefix{QHostAddress(host->toIPv4Address() & mask), length};
    } else {
        Q_IPV6ADDR bytes = host->toIPv6Address();
        for (int i = 0; i < 16; ++i) {
            const int kept = std::clamp(length - 8 * i, 0, 8);
            bytes[i] &= quint8(0xff00 >> kept);
        }
        leaf.value = MudPrefix{QHostAddress(bytes), length};
    }
    if (leaf->address != *host)
        m_findings.warning(found->line, pathOf(*found), u"RFC 6991 4"_s,
                           u"%1 has bits behind the prefix: it means %2"_s.arg(quoted(text), leaf->text()));
}

QString Object::wordOf(const JsonMember &found, const char *identitiesOf)
{
    if (!found.value.isString()) {
        wrongKind(found, "a string", identitiesOf ? "RFC 7951 6.8" : "RFC 7951 6.4");
        return {};
    }
    QString text = found.value.text;
    if (identitiesOf && text.startsWith(QLatin1String(identitiesOf) + u':'))
        text.remove(0, qsizetype(qstrlen(identitiesOf)) + 1);
    return text;
}

void Object::badWord(const JsonMember &found, const QStringList &words, const char *clause)
{
    const QString meant = nearMiss(found.value.text, words);
    m_findings.error(found.line, pathOf(found), QLatin1String(clause),
                     u"%1 is none of %2%3"_s.arg(quoted(found.value.text), words.join(u", "_s),
                                                 meant.isEmpty() ? QString() : u"; did you mean \"%1\"?"_s.arg(meant)));
}

void Object::bits(MudLeaf<QStringList> &leaf, const char *name, std::initializer_list<const char *> known)
{
    MudLeaf<QString> raw;
    const JsonMember *found = textMember(raw, name, nullptr);
    leaf.line = raw.line;
    leaf.name = raw.name;
    if (!found)
        return;
    const QStringList words = found->value.text.split(u' ', Qt::SkipEmptyParts);
    for (const QString &word : words) {
        if (std::none_of(known.begin(), known.end(), [&](const char *k) { return word == QLatin1String(k); }) ||
            words.count(word) > 1) {
            m_findings.error(found->line, pathOf(*found), u"RFC 7951 6.5"_s,
                             u"%1 is no set of flags: %2 is unknown, or stands twice"_s.arg(quoted(found->value.text),
                                                                                            quoted(word)));
            return;
        }
    }
    leaf.value = words;
}

void Object::binary(MudLeaf<QByteArray> &leaf, const char *name, qsizetype least, qsizetype most)
{
    MudLeaf<QString> raw;
    const JsonMember *found = textMember(raw, name, nullptr);
    leaf.line = raw.line;
    leaf.name = raw.name;
    if (!found)
        return;
    QByteArray bytes;
    if (!decodeBase64(found->value.text.toUtf8(), bytes) || bytes.size() < least || bytes.size() > most)
        m_findings.error(found->line, pathOf(*found), u"RFC 7951 6.6"_s,
                         u"it is no base64 of %1 bytes or more"_s.arg(least));
    else
        leaf.value = bytes;
}

void Object::mac(MudLeaf<QString> &leaf, const char *name)
{
    const JsonMember *found = textMember(leaf, name, nullptr);
    if (!found)
        return;
    const QString text = found->value.text.toLower();
    bool good = text.size() == 17;
    for (qsizetype i = 0; good && i < text.size(); ++i)
        good =
            i % 3 == 2 ? text[i] == u':' : (text[i] >= u'0' && text[i] <= u'9') || (text[i] >= u'a' && text[i] <= u'f');
    if (good)
        leaf.value = text;
    else
        m_findings.error(found->line, pathOf(*found), u"RFC 6991 3"_s,
                         u"%1 is no MAC address such as 02:00:5e:10:00:01"_s.arg(quoted(found->value.text)));
}

void Object::texts(std::vector<MudLeaf<QString>> &leaves, const char *name, bool uris)
{
    const JsonMember *found = member(name);
    if (!found)
        return;
    if (!found->value.isArray()) {
        wrongKind(*found, "an array", "RFC 7951 5.3");
        return;
    }
    for (size_t i = 0; i < found->value.items.size(); ++i) {
        const JsonValue &item = found->value.items[i];
        MudLeaf<QString> leaf;
        leaf.line = item.line;
        leaf.name = found->name + u'[' + QString::number(i + 1) + u']';
        const QString path = m_container.path + u'/' + leaf.name;
        if (!item.isString())
            m_findings.error(item.line, path, u"RFC 7951 5.3"_s,
                             u"it must be a string, and is %1"_s.arg(item.kindText()));
        else if (checkText(item, path, item.line))
            leaf.value = item.text;
        if (uris && leaf.value) {
            const QString why = whyNoUri(item.text, false);
            if (!why.isEmpty())
                m_findings.error(item.line, path, u"RFC 6991 4, RFC 3986"_s,
                                 u"%1 is no URI: %2"_s.arg(quoted(item.text), why));
        }
        leaves.push_back(std::move(leaf));
    }
}

bool Object::isList(const JsonMember &found)
{
    if (!found.value.isArray())
        wrongKind(found, "an array of objects", "RFC 7951 5.4");
    return found.value.isArray();
}

QString Object::entryPath(const JsonMember &list, size_t index, const char *key) const
{
    const JsonMember *name = key ? list.value.items[index].find(QString(QLatin1String(key))) : nullptr;
    return pathOf(list) + predicate(key, name ? &name->value : nullptr, index);
}

void Object::finish()
{
    for (size_t i = 0; i < m_value.members.size(); ++i) {
        if (m_taken[i])
            continue;
        const JsonMember &member = m_value.members[i];
        if (member.name.startsWith(u'@')) // RFC 7952 section 5.2: metadata of the node
            continue;
        m_container.unknown.push_back({member.name, member.line, pathOf(member), member.value});
        const qsizetype colon = member.name.indexOf(u':');
        const QString module = colon > 0 ? member.name.left(colon) : QString();
        static const QStringList known = {QLatin1String(mudModule), QLatin1String(aclModule), QLatin1String(dnsModule),
                                          u"ietf-owner-license"_s, u"ietf-mud-rats"_s};
        if (!module.isEmpty() && !known.contains(module)) {
            m_findings.foreign(module, member.line, pathOf(member));
            continue;
        }
        QStringList asked;
        for (const Asked &one : m_asked)
            asked += one.module ? QLatin1String(one.module) + u':' + QLatin1String(one.name)
                                : QString(QLatin1String(one.name));
        const QString meant = nearMiss(member.name, asked);
        m_findings.error(
            member.line, m_container.unknown.back().path, u"RFC 7951 4, RFC 8520 3.9"_s,
            u"no %1 is defined here, and a MUD manager passes over it%2"_s.arg(
                quoted(member.name), meant.isEmpty() ? QString() : u"; did you mean \"%1\"?"_s.arg(meant)));
    }
}

} // namespace slipway::mud
