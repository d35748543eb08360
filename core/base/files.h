#pragma once
// Whole files in and out, with limits and without half-written results.

#include <QByteArray>
#include <QString>

namespace slipway {

// Throws file.unreadable (also for folders and devices) or file.too-large ("... larger than %2 can be": what).
QByteArray readFile(const QString &path, qint64 limit, const QString &what);
// Writes to a temporary file beside it, syncs, renames: the old content or the new, never half. Throws file.unwritable.
enum class Access { Everybody, OwnerOnly };
void writeFile(const QString &path, const QByteArray &content, Access access = Access::Everybody);

} // namespace slipway
