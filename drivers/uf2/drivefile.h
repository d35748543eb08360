#pragma once
// Files on a drive that may go away at any moment, past the page cache (open(2), O_DIRECT): what was written is at the
// device, and what was read came from there. A file system that cannot do that gets O_SYNC, fsync and
// POSIX_FADV_DONTNEED. Throws uf2.* and base.stopped; uf2.vanished is left to the caller, who knows what it means.

#include "core/base/task.h"

#include <QByteArray>
#include <QString>

#include <optional>

namespace slipway {

// That the device is not there any more, as the kernel says it.
bool meansGone(int error);

// Nothing: there is no such file. Progress: bytes. Throws uf2.stale where the drive behind the folder is gone.
std::optional<QByteArray> readDriveFile(const QString &folder, const QString &name, qint64 limit, const Task &task);

struct DriveWrite {
    qint64 done = 0;   // bytes that the device took
    int goneAt = 0;    // errno; 0: it is still there
    bool last = false; // the last piece was handed over, whether it was answered or not
};
// Writes in pieces, the last block of 512 bytes in one of its own: what fails before it has failed, and of what fails
// with it only the device's next step can tell. Progress: bytes. Throws uf2.read-only, uf2.permission, uf2.no-room,
// uf2.write.
DriveWrite writeDriveFile(const QString &folder, const QString &name, const QByteArray &content, const Task &task);

} // namespace slipway
