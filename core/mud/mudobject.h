#pragma once
// Reads the members of one JSON object into the leaves of a MudContainer, by the rules of RFC 7951 (JSON of YANG), and
// notes what does not fit. Room-internal.

#include "core/mud/mudfile.h"

#include <QHostAddress>
#include <QVarLengthArray>

#include <initializer_list>
#include <utility>

namespace slipway::mud {

inline constexpr char rfc8519[] = "RFC 8519 4.2"; // packet fields
inline constexpr char aclModule[] = "ietf-access-control-list";
inline constexpr char mudModule[] = "ietf-mud";
inline constexpr char dnsModule[] = "ietf-acldns";

// Findings on their way; no more than a thousand are kept, and how many more there were.
class Findings
{
public:
    void add(MudFinding::Severity severity, int line, const QString &path, const QString &clause,
             const QString &message);
    void error(int line, const QString &path, const QString &clause, const QString &message)
    {
        add(MudFinding::Severity::Error, line, path, clause, message);
    }
    void warning(int line, const QString &path, const QString &clause, const QString &message)
    {
        add(MudFinding::Severity::Warning, line, path, clause, message);
    }
    void note(int line, const QString &path, const QString &clause, const QString &message)
    {
        add(MudFinding::Severity::Note, line, path, clause, message);
    }
    // A node of a module that no document read here defines.
    void foreign(const QString &module, int line, const QString &path);
    QList<MudFinding> take();
    const std::vector<MudFile::ForeignModule> &modules() const { return m_modules; }

private:
    QList<MudFinding> m_list;
    std::vector<MudFile::ForeignModule> m_modules;
    std::optional<MudFinding::Severity> m_dropped; // the worst of those beyond the limit
};

class Object
{
public:
    // value: of the member; path: the container's own. Notes it when it is no object, and is then empty.
    Object(Findings &findings, const JsonValue &value, MudContainer &container, const QString &path,
           const char *module);

    // The member of that name. module: where it differs from the container's, and then the name must carry it. Both are
    // literals.
    const JsonMember *member(const char *name, const char *module = nullptr);
    // That this member of the object is no stranger.
    void take(const JsonMember &member) { m_taken[size_t(&member - m_value.members.data())] = true; }

    void text(MudLeaf<QString> &leaf, const char *name, const char *module = nullptr);
    void uri(MudLeaf<QString> &leaf, const char *name, const char *module = nullptr);
    void host(MudLeaf<QString> &leaf, const char *name, const char *module = nullptr); // inet:host, in lower case
    void boolean(MudLeaf<bool> &leaf, const char *name);
    void empty(MudLeaf<bool> &leaf, const char *name, const char *module = nullptr); // RFC 7951 section 6.9: [null]
    void dateTime(MudLeaf<QDateTime> &leaf, const char *name, const char *clause);
    void prefix(MudLeaf<MudPrefix> &leaf, const char *name, int version);
    void bits(MudLeaf<QStringList> &leaf, const char *name, std::initializer_list<const char *> known);
    void binary(MudLeaf<QByteArray> &leaf, const char *name, qsizetype least, qsizetype most);
    void mac(MudLeaf<QString> &leaf, const char *name);
    template <typename T>
    void number(MudLeaf<T> &leaf, const char *name, qint64 least, qint64 most, const char *clause = rfc8519)
    {
        if (const JsonMember *found = member(name)) {
            if (const auto value = integer(*found, least, most, clause))
                leaf.value = T(*value);
            leaf.line = found->line;
            leaf.name = found->name;
        }
    }
    // Words, or identities, which may carry the module that defines them.
    template <typename T>
    void word(MudLeaf<T> &leaf, const char *name, std::initializer_list<std::pair<const char *, T>> known,
              const char *clause, const char *module = nullptr, const char *identitiesOf = nullptr)
    {
        const JsonMember *found = member(name, module);
        if (!found)
            return;
        leaf.line = found->line;
        leaf.name = found->name;
        const QString text = wordOf(*found, identitiesOf);
        QStringList words;
        for (const auto &[spelling, value] : known) {
            words += QLatin1String(spelling);
            if (text == QLatin1String(spelling))
                leaf.value = value;
        }
        if (!leaf.value && found->value.isString())
            badWord(*found, words, clause);
    }
    // A leaf-list: one leaf for each entry that is a string.
    void texts(std::vector<MudLeaf<QString>> &leaves, const char *name, bool uris = false);
    // The objects of a list, for each(value, path of the entry). keys: the leaf that names an entry.
    template <typename Each> void list(const char *name, const char *key, Each each)
    {
        const JsonMember *found = member(name);
        if (!found || !isList(*found))
            return;
        for (size_t i = 0; i < found->value.items.size(); ++i) {
            const JsonValue &item = found->value.items[i];
            each(item, entryPath(*found, i, key));
        }
    }
    // A container below this one; null where it is missing. path() + name is its path.
    const JsonMember *container(const char *name, const char *module = nullptr) { return member(name, module); }
    const JsonValue &value() const { return m_value; }
    QString pathOf(const JsonMember &member) const { return m_container.path + u'/' + member.name; }

    // Members that nobody asked for, into the container's `unknown`. Call last.
    void finish();

private:
    std::optional<qint64> integer(const JsonMember &found, qint64 least, qint64 most, const char *clause);
    QString wordOf(const JsonMember &found, const char *identitiesOf);
    void badWord(const JsonMember &found, const QStringList &words, const char *clause);
    const JsonMember *textMember(MudLeaf<QString> &leaf, const char *name, const char *module);
    bool checkText(const JsonValue &value, const QString &path, int line);
    bool isList(const JsonMember &found);
    QString entryPath(const JsonMember &list, size_t index, const char *key) const;
    void wrongKind(const JsonMember &found, const char *wanted, const char *clause);

    Findings &m_findings;
    const JsonValue &m_value;
    MudContainer &m_container;
    QLatin1String m_module;
    std::vector<bool> m_taken;
    struct Asked {
        const char *name;
        const char *module; // null: the container's
    };
    QVarLengthArray<Asked, 32> m_asked; // literals; for "did you mean"
};

// An IPv4 address in four decimal numbers without leading zeros (version 4), or an IPv6 address without zone (6).
std::optional<QHostAddress> addressIn(const QString &text, int version);
// Why a text is no URI (RFC 3986) as a clause, "" when it is one. relative: a relative reference will do.
QString whyNoUri(const QString &text, bool relative);
// The same for inet:host (RFC 6991): a name or an address.
QString whyNoHost(const QString &text);

// [name='x'], with the other quotation marks where x has those; [3] where there is no name.
QString predicate(const char *key, const JsonValue *name, size_t index);

// mudacls.cpp: the members of ietf-access-control-list:acls.
void readAcls(Findings &findings, const JsonMember &acls, MudFile &file);
// mudextensions.cpp: quarantine, owner and licence, attestation.
void readExtensions(Findings &findings, Object &mud, MudFile &file);

} // namespace slipway::mud
