#pragma once
// Mounted volumes that a person can pull out: USB sticks, cards.

#include <QString>
#include <QStringList>

namespace slipway {

// Whether the block device ("sdb1", "mmcblk0p1") is removable, or hangs on USB, by what the kernel says in sys.
bool isRemovable(const QString &blockDevice, const QString &sys = QStringLiteral("/sys"));
// Where such volumes are mounted, sorted.
QStringList removableVolumes();

} // namespace slipway
