#include "core/mud/mudsite.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/mud/mudcheck.h"
#include "core/mud/mudlayout.h"
#include "core/mud/mudurl.h"

#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QSet>
#include <QUrl>

#include <algorithm>
#include <map>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int hour = 3600;
constexpr int month = 30 * 24 * hour;
constexpr qint64 pageLimit = 4 * 1024 * 1024;
constexpr qsizetype siteLimit = 20'000; // files

// One line for each entry of each policy, without its name: what the file allows.
QSet<QByteArray> rulesOf(const MudFile &file)
{
    QSet<QByteArray> rules;
    const JsonMember *root = file.json.root.find(u"ietf-access-control-list:acls");
    const JsonMember *lists = root ? root->value.find(u"acl") : nullptr;
    if (!lists || lists->value.items.size() != file.acls.size())
        return rules;
    for (const MudDirection direction : {MudDirection::FromDevice, MudDirection::ToDevice}) {
        for (const MudAcl *acl : file.aclsOf(direction)) {
            const JsonValue &list = lists->value.items[size_t(acl - file.acls.data())];
            const JsonMember *aces = list.find(u"aces");
            const JsonMember *entries = aces ? aces->value.find(u"ace") : nullptr;
            if (!entries)
                continue;
            for (const JsonValue &entry : entries->value.items) {
                QByteArray line = toString(direction).toLatin1();
                for (const auto &name : {u"matches", u"actions"}) {
                    const JsonMember *part = entry.find(name);
                    line += part ? part->value.toJson() : QByteArray("{}");
                }
                rules.insert(line);
            }
        }
    }
    return rules;
}

// What a correction does to devices that know the old description.
QStringList remarksOnCorrection(const MudFile &before, const MudFile &after)
{
    QStringList remarks;
    const QSet<QByteArray> old = rulesOf(before);
    const QSet<QByteArray> now = rulesOf(after);
    const qsizetype gone = (old - now).size();
    const qsizetype added = (now - old).size();
    const auto rules = [](qsizetype count) { return count == 1 ? u"1 rule"_s : u"%1 rules"_s.arg(count); };
    if (gone > 0)
        remarks += u"%1 of the old file are gone: devices that still use them look like attackers."_s.arg(rules(gone));
    if (added > 0)
        remarks += u"%1 are new: devices with old firmware may use them as well."_s.arg(rules(added));
    if (before.mudUrl && after.mudUrl && *before.mudUrl != *after.mudUrl)
        remarks += u"The file names another MUD URL, %1: devices that accept it go on from there."_s.arg(*after.mudUrl);
    return remarks;
}

QString signatureUrlOf(const MudFile &file)
{
    return QUrl(file.mudUrl.valueOr({})).resolved(QUrl(file.mudSignature.valueOr({}))).toString(QUrl::FullyEncoded);
}

std::optional<MudFile> mudFileIn(const QByteArray &content)
{
    try {
        MudFile file = MudFile::parse(content);
        return file.present() ? std::optional<MudFile>(std::move(file)) : std::nullopt;
    } catch (const Fault &) {
        return {};
    }
}

// The other MUD files of the folder: products that share it can take each other's, and no signature serves two.
QStringList remarksOnFolder(const QString &site, const QString &path, const MudFile &file, const QString &signatureUrl)
{
    QStringList remarks;
    const QFileInfo target(site + u'/' + path);
    const QFileInfoList others = QDir(target.path()).entryInfoList(QDir::Files, QDir::Name);
    int looked = 0;
    for (const QFileInfo &other : others) {
        if (other.fileName() == target.fileName() || other.size() > MudFile::MaximumBytes || ++looked > 500)
            continue;
        const auto found = mudFileIn(readFile(other.filePath(), MudFile::MaximumBytes, u"a MUD file"_s));
        if (!found)
            continue;
        if (signatureUrlOf(*found) == signatureUrl && found->bytes != file.bytes)
            throw Fault("mud.layout",
                        {signatureUrl, u"%1 has its signature there already"_s.arg(oneLine(other.fileName(), 80))});
        if (remarks.isEmpty() && found->modelName && file.modelName && *found->modelName != *file.modelName)
            remarks += u"%1 in the same folder is of the model \"%2\": give each product a folder of its own, or its "
                       "devices can take this file for theirs."_s.arg(oneLine(other.fileName(), 80),
                                                                      oneLine(*found->modelName, 80));
    }
    return remarks;
}

// Where a signature is to go over other content: not over a MUD file, nor over the signature of another one, which
// devices in the field rely on.
void refuseOthersSignature(const QString &site, const MudPublished &done, const MudFile &file, const QByteArray &there)
{
    const auto refuse = [&](const QString &why) -> Fault { return Fault("mud.layout", {done.signatureUrl, why}); };
    if (mudFileIn(there))
        throw refuse(u"a MUD file is published there"_s);
    const qsizetype root = QDir(site).path().size() + 1;
    qsizetype seen = 0;
    QDirIterator it(QDir(site).path(), QDir::Files | QDir::NoSymLinks, QDirIterator::Subdirectories);
    while (it.hasNext()) {
        const QString other = it.next();
        if (++seen > siteLimit)
            throw Fault("mud.layout", {site, u"it has more than %1 files"_s.arg(siteLimit)});
        const QString path = other.mid(root);
        if (path == done.path || it.fileInfo().size() > MudFile::MaximumBytes)
            continue;
        const auto found = mudFileIn(readFile(other, MudFile::MaximumBytes, u"a MUD file"_s));
        if (found && found->bytes != file.bytes && signatureUrlOf(*found) == done.signatureUrl)
            throw refuse(u"%1 has its signature there already"_s.arg(oneLine(path, 80)));
    }
}

// Makes the folder of a path below the site; nothing of it may lead out of the site.
void makeFolder(const QString &site, const QString &path)
{
    const QString folder = QFileInfo(site + u'/' + path).path();
    const QString root = QFileInfo(site).canonicalFilePath();
    QString there = folder; // what of it is there already
    while (there.size() > site.size() && !QFileInfo::exists(there))
        there = QFileInfo(there).path();
    const QString real = QFileInfo(there).canonicalFilePath();
    const QFileInfo target(site + u'/' + path);
    if ((real != root && !real.startsWith(root + u'/')) || target.isSymLink() || target.isDir())
        throw Fault("file.unwritable", {site + u'/' + path, u"a link or a folder stands in the way"_s});
    if (!QDir().mkpath(folder))
        throw Fault("file.unwritable", {folder, u"the folder cannot be made"_s});
}

} // namespace

int mudMaxAge(const MudFile &file)
{
    return std::clamp(file.cacheValidityHours() * hour, hour, month);
}

QByteArray mudEtag(const QByteArray &content)
{
    return '"' + QCryptographicHash::hash(content, QCryptographicHash::Sha256).toHex().left(32) + '"';
}

MudPublished publishMudFile(const QString &site, const MudPublication &publication)
{
    if (!QFileInfo(site).isDir())
        throw Fault("file.unwritable", {site, u"the folder does not exist"_s});
    const MudFile file = MudFile::parse(publication.file);
    const auto findings = checkMudFile(file);
    for (const MudFinding &finding : findings) {
        if (finding.severity == MudFinding::Severity::Error)
            throw Fault("mud.unfit", {u"line %1: %2"_s.arg(finding.line).arg(finding.message)});
    }
    MudPublished done;
    done.url = publication.at.isEmpty() ? *file.mudUrl : publication.at;
    done.path = sitePath(done.url);
    if (!file.mudSignature)
        throw Fault("mud.unfit", {u"mud-signature is missing, and no manager could find the signature"_s});
    done.signatureUrl = signatureUrlOf(file);
    done.signaturePath = sitePath(done.signatureUrl);
    if (MudUrl::parse(done.signatureUrl).authority() != MudUrl::parse(done.url).authority())
        throw Fault("mud.layout", {done.signatureUrl, u"its signature belongs on another server than the file"_s});
    if (done.signaturePath == done.path)
        throw Fault("mud.layout", {done.signatureUrl, u"the file itself goes there"_s});
    done.etag = QString::fromLatin1(mudEtag(publication.file));
    done.maxAge = mudMaxAge(file);
    for (const MudFinding &oddity : mudUrlOddities(done.url))
        done.remarks += oddity.message.left(1).toUpper() + oddity.message.mid(1) + u'.';

    makeFolder(site, done.path);
    makeFolder(site, done.signaturePath);
    done.remarks += remarksOnFolder(site, done.path, file, done.signatureUrl);
    const QString target = site + u'/' + done.path;
    const QString signatureTarget = site + u'/' + done.signaturePath;
    bool sameFile = false;
    if (QFileInfo::exists(target)) {
        const QByteArray old = readFile(target, pageLimit, u"a MUD file"_s);
        sameFile = old == publication.file;
        if (!sameFile && !publication.correction)
            throw Fault("mud.published", {done.url});
        if (!sameFile) {
            done.corrected = true;
            if (const auto before = mudFileIn(old)) {
                if (before->lastUpdate && file.lastUpdate && *file.lastUpdate <= *before->lastUpdate)
                    throw Fault("mud.older",
                                {before->lastUpdate->toString(Qt::ISODate), file.lastUpdate->toString(Qt::ISODate)});
                done.remarks += remarksOnCorrection(*before, file);
            } else {
                throw Fault("mud.layout", {done.url, u"what stands there is no MUD file"_s});
            }
        }
    }
    bool sameSignature = false;
    if (QFileInfo::exists(signatureTarget)) {
        const QByteArray there = readFile(signatureTarget, pageLimit, u"a signature"_s);
        sameSignature = there == publication.signature;
        if (!sameSignature)
            refuseOthersSignature(site, done, file, there);
    }
    done.wasThere = sameFile && sameSignature;
    // The signature first: who finds the file finds its signature.
    if (!sameSignature)
        writeFile(signatureTarget, publication.signature);
    if (!sameFile)
        writeFile(target, publication.file);
    return done;
}

MudPage mudPage(const QString &path, const QByteArray &content)
{
    MudPage page{path, "application/octet-stream", mudEtag(content), "no-cache"};
    if (path.endsWith(u".p7s") || path.endsWith(u".p7m")) {
        // Asked for anew each time, so that it is never older than the file it belongs to.
        page.mediaType = signatureMediaType;
    } else if (const auto file = mudFileIn(content)) {
        page.mediaType = mudMediaType;
        page.cacheControl = "max-age=" + QByteArray::number(mudMaxAge(*file));
    }
    return page;
}

QList<MudPage> mudPages(const QString &site)
{
    if (!QFileInfo(site).isDir())
        throw Fault("file.unreadable", {site, u"it is no folder"_s});
    const qsizetype root = QDir(site).path().size() + 1;
    std::map<QString, MudPage> pages;
    qsizetype seen = 0;
    QDirIterator it(QDir(site).path(), QDir::Files | QDir::NoSymLinks, QDirIterator::Subdirectories);
    while (it.hasNext()) {
        const QString file = it.next();
        if (++seen > siteLimit)
            throw Fault("mud.layout", {site, u"it has more than %1 files"_s.arg(siteLimit)});
        if (it.fileInfo().size() > pageLimit)
            continue;
        const MudPage page = mudPage(file.mid(root), readFile(file, pageLimit, u"a MUD file"_s));
        if (page.mediaType == mudMediaType || page.mediaType == signatureMediaType)
            pages.emplace(page.path, page);
    }
    QList<MudPage> list;
    for (const auto &[path, page] : pages)
        list += page;
    return list;
}

QStringList mudServers()
{
    QStringList names = QDir(u":/slipway/mud/servers"_s).entryList(QDir::Files, QDir::Name);
    for (QString &name : names)
        name = name.section(u'.', 0, 0);
    return names;
}

QByteArray mudServerLines(const QString &server, const QList<MudPage> &pages)
{
    const QStringList files = QDir(u":/slipway/mud/servers"_s).entryList({server + u".*"_s}, QDir::Files);
    QFile file(u":/slipway/mud/servers/"_s + files.value(0));
    if (!mudServers().contains(server) || files.size() != 1 || !file.open(QIODevice::ReadOnly))
        throw Fault("mud.server", {oneLine(server, 40), mudServers().join(u", "_s)});
    const QByteArray form = file.readAll();
    // What no configuration file takes for its own.
    const auto plain = [](QChar c) {
        return c.unicode() < 0x80 && (c.isLetterOrNumber() || QStringView(u"-._~/").contains(c));
    };
    QByteArray lines;
    for (const MudPage &page : pages) {
        if (!std::all_of(page.path.begin(), page.path.end(), plain)) {
            lines += "# /" + QUrl::toPercentEncoding(page.path, "/") + ": write the lines for this one by hand\n";
            continue;
        }
        lines += QByteArray(form)
                     .replace("@path@", page.path.toLatin1())
                     .replace("@type@", page.mediaType)
                     .replace("@cache@", page.cacheControl);
    }
    return lines;
}

} // namespace slipway
