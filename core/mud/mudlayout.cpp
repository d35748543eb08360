#include "core/mud/mudlayout.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/mud/mudurl.h"

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct Parts {
    QString authority, path, query;
    bool hasQuery = false;
};

Parts partsOf(const QString &url)
{
    Parts parts;
    const QString rest = url.mid(8); // "https://"
    const qsizetype query = rest.indexOf(u'?');
    parts.hasQuery = query >= 0;
    const QString before = query >= 0 ? rest.left(query) : rest;
    parts.query = query >= 0 ? rest.mid(query + 1) : QString();
    const qsizetype slash = before.indexOf(u'/');
    parts.authority = slash < 0 ? before : before.left(slash);
    parts.path = slash < 0 ? QString() : before.mid(slash);
    return parts;
}

bool isDots(const QString &segment)
{
    const QString plain = QString(segment).replace(u"%2e"_s, u"."_s, Qt::CaseInsensitive);
    return plain == u"." || plain == u"..";
}

} // namespace

QList<MudFinding> mudUrlOddities(const QString &url)
{
    QList<MudFinding> odd;
    const auto warn = [&](const char *clause, const QString &message) {
        odd += MudFinding{0, {}, QLatin1String(clause), MudFinding::Severity::Warning, message};
    };
    const auto note = [&](const QString &message) {
        odd += MudFinding{0, {}, u"draft-ietf-iotops-mud-acceptable-urls"_s, MudFinding::Severity::Note, message};
    };
    const Parts parts = partsOf(url);
    if (!url.startsWith(u"https://") || parts.authority != parts.authority.toLower())
        warn("RFC 3986 6.2.2.1", u"scheme and host should be in lower case: MUD URLs are compared octet by octet"_s);
    if (parts.authority.endsWith(u":443"))
        warn("RFC 3986 6.2.3", u"the port 443 need not be named, and makes another authority of it"_s);
    if (parts.authority.contains(u"xn--"))
        note(u"the host is an internationalised name: check that it is the one you mean"_s);
    const QStringList segments = parts.path.split(u'/');
    for (const QString &segment : segments) {
        if (isDots(segment)) {
            warn("RFC 3986 6.2.2.3", u"the path has dot segments, which one reader resolves and the next does not"_s);
            break;
        }
    }
    if (parts.path.contains(u"%2f"_s, Qt::CaseInsensitive) || parts.path.contains(u"%5c"_s, Qt::CaseInsensitive))
        warn("RFC 3986 2.2", u"the path has an encoded slash, which may be taken for a step into another folder"_s);
    if (parts.path.contains(u"//"))
        warn("RFC 3986 3.3", u"the path has an empty segment"_s);
    if (parts.path.isEmpty() || parts.path.endsWith(u'/'))
        warn("RFC 8520 3.2", u"the path names a folder and no file"_s);
    else if (segments.size() < 3)
        note(u"the file lies in the server's root: products that share a folder can take each other's MUD files"_s);
    if (parts.hasQuery)
        note(u"the URL has a query, which static servers and caches treat as they please"_s);
    return odd;
}

QString sitePath(const QString &url)
{
    const MudUrl checked = MudUrl::parse(url);
    const Parts parts = partsOf(checked.text());
    const auto refuse = [&](const QString &why) -> Fault { return Fault("mud.layout", {oneLine(url, 255), why}); };
    if (parts.hasQuery)
        throw refuse(u"it has a query"_s);
    QStringList names;
    const QStringList segments = parts.path.mid(1).split(u'/');
    for (const QString &segment : segments) {
        if (segment.isEmpty())
            throw refuse(parts.path.size() <= 1 || parts.path.endsWith(u'/') ? u"its path names a folder"_s
                                                                             : u"its path has an empty segment"_s);
        const QByteArray name = QByteArray::fromPercentEncoding(segment.toLatin1());
        if (name == "." || name == "..")
            throw refuse(u"its path has dot segments"_s);
        if (name.contains('/') || name.contains('\\') || name.contains('\0'))
            throw refuse(u"its path has an encoded slash or null character"_s);
        for (const char c : name) {
            if (quint8(c) < 0x20 || c == 0x7f)
                throw refuse(u"its path has a control character"_s);
        }
        if (name.startsWith('.'))
            throw refuse(u"a name in its path begins with a dot, which servers hide"_s);
        if (!name.isValidUtf8() || name.size() > 200)
            throw refuse(u"a name in its path is no name of a file"_s);
        names += QString::fromUtf8(name);
    }
    return names.join(u'/');
}

} // namespace slipway
