#include "core/firmware/removable.h"

#include <QFile>
#include <QFileInfo>
#include <QStorageInfo>

namespace slipway {

bool isRemovable(const QString &blockDevice, const QString &sys)
{
    // A link such as ../../devices/pci.../usb1/1-2/.../block/sdb/sdb1; "removable" stands at the whole disk.
    const QString place = QFileInfo(sys + QStringLiteral("/class/block/") + blockDevice).canonicalFilePath();
    if (place.isEmpty())
        return false;
    for (const QString &folder : {place, QFileInfo(place).path()}) {
        QFile removable(folder + QStringLiteral("/removable"));
        if (removable.open(QIODevice::ReadOnly) && removable.read(8).trimmed() == "1")
            return true;
    }
    return place.contains(u"/usb");
}

QStringList removableVolumes()
{
    QStringList out;
    const auto volumes = QStorageInfo::mountedVolumes();
    for (const QStorageInfo &volume : volumes) {
        const QString device = QFileInfo(QString::fromLocal8Bit(volume.device())).canonicalFilePath();
        if (volume.isReady() && device.startsWith(u"/dev/") && isRemovable(QFileInfo(device).fileName()) &&
            !out.contains(volume.rootPath()))
            out << volume.rootPath();
    }
    out.sort();
    return out;
}

} // namespace slipway
