#include "core/firmware/vault.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"

#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>

#include <algorithm>

namespace slipway {

namespace {

QByteArray sha256Of(const QByteArray &content)
{
    return QCryptographicHash::hash(content, QCryptographicHash::Sha256);
}

} // namespace

QString Vault::path(const QByteArray &sha256) const
{
    const QString name = hex(sha256);
    return m_folder + u'/' + name.left(2) + u'/' + name;
}

bool Vault::contains(const QByteArray &sha256) const
{
    return sha256.size() == 32 && QFileInfo(path(sha256)).isFile();
}

QByteArray Vault::put(const QByteArray &content)
{
    if (content.size() > MaximumBytes)
        throw Fault("file.too-large", {QStringLiteral("The artifact"), QStringLiteral("one in the vault")});
    const QByteArray name = sha256Of(content);
    const QString file = path(name);
    if (contains(name) && QFileInfo(file).size() == content.size()) {
        try {
            if (sha256Of(readFile(file, MaximumBytes, QStringLiteral("an artifact"))) == name)
                return name;
        } catch (const Fault &) {
            // Not readable: written anew below, or the fault of that is thrown.
        }
    }
    if (!QDir().mkpath(QFileInfo(file).path()))
        throw Fault("file.unwritable", {QFileInfo(file).path(), QStringLiteral("the folder cannot be made")});
    writeFile(file, content);
    return name;
}

QByteArray Vault::get(const QByteArray &sha256) const
{
    if (!contains(sha256))
        throw Fault("vault.missing", {hex(sha256.left(8))});
    const QByteArray content = readFile(path(sha256), MaximumBytes, QStringLiteral("an artifact"));
    if (sha256Of(content) != sha256)
        throw Fault("vault.damaged", {hex(sha256.left(8))}, path(sha256));
    return content;
}

QList<QByteArray> Vault::list() const
{
    QList<QByteArray> names;
    QDirIterator it(m_folder, QDir::Files, QDirIterator::Subdirectories);
    while (it.hasNext()) {
        it.next();
        const auto name = fromHex(it.fileName());
        if (name && name->size() == 32 && path(*name).endsWith(it.fileName()))
            names << *name;
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace slipway
