#include "core/base/files.h"

#include "core/base/fault.h"

#include <QFile>
#include <QFileInfo>
#include <QSaveFile>

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

QByteArray readFile(const QString &path, qint64 limit, const QString &what)
{
    if (path.isEmpty())
        throw Fault("file.unreadable", {what, QStringLiteral("no name of a file is given")});
    const QFileInfo info(path);
    if (info.exists() && !info.isFile() && path != u"/dev/stdin")
        throw Fault("file.unreadable", {path, QStringLiteral("it is not a file")});
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        throw Fault("file.unreadable", {path, file.errorString()});
    const QByteArray content = file.read(limit + 1);
    if (file.error() != QFileDevice::NoError)
        throw Fault("file.unreadable", {path, file.errorString()});
    if (content.size() > limit)
        throw Fault("file.too-large", {path, what});
    return content;
}

void writeFile(const QString &path, const QByteArray &content, Access access)
{
    if (path.isEmpty())
        throw Fault("file.unwritable", {QStringLiteral("the result"), QStringLiteral("no name of a file is given")});
    // A device or a pipe would be replaced by a file, not written to.
    if (const QFileInfo info(path); info.exists() && !info.isFile())
        throw Fault("file.unwritable", {path, QStringLiteral("it is not a file")});
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        throw Fault("file.unwritable", {path, file.errorString()});
    if (access == Access::OwnerOnly)
        file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    // commit() alone does not notice when what is still in the buffer, or in the system's, finds no room: it would put
    // an empty file in the old one's place.
    if (file.write(content) != content.size() || !file.flush())
        throw Fault("file.unwritable", {path, file.errorString()});
    if (::fsync(file.handle()) != 0 && errno != EINVAL)
        throw Fault("file.unwritable", {path, QString::fromLocal8Bit(std::strerror(errno))});
    if (!file.commit())
        throw Fault("file.unwritable", {path, file.errorString()});
}

} // namespace slipway
