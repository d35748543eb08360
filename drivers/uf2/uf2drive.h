#pragma once
// A boot loader's drive at a place on the bus: finding it, mounting it where udisks allows, what it says of itself, and
// what becomes of it after the last block. Throws uf2.*, link.no-port, base.stopped.

#include "drivers/uf2/quirks.h"
#include "drivers/uf2/uf2info.h"
#include "drivers/uf2/usbtree.h"

#include <QString>

#include <optional>

namespace slipway {

class Uf2Drive
{
public:
    Uf2Drive(UsbTree tree, QString path);

    const QString &path() const { return m_path; }
    struct Found {
        UsbDevice device;
        QString node, folder;
        Uf2Info info;
    };
    // The drive as it is now, mounted. Waits a little for a disk that is about to appear or to be mounted.
    Found find(const Task &task) const;
    // CURRENT.UF2, as it is; nothing where the boot loader has none. Progress: bytes.
    std::optional<QByteArray> current(const Found &found, const Task &task) const;

    // Whether what was there is gone by now, or goes in a moment: an error of the drive is seen before that.
    bool isGone(const UsbDevice &before, const Task &task) const;

    enum class Next {
        Stayed,      // it did not restart
        Application, // back as something else
        Loader,      // back as the boot loader
        Away         // left, and is not back
    };
    // before: what was there while it was written. device: what came back.
    Next awaitNext(const UsbDevice &before, const Uf2Quirks &quirks, bool left, UsbDevice &device,
                   const Task &task) const;

private:
    QString mount(const QString &node, const Task &task) const;

    UsbTree m_tree;
    QString m_path;
};

} // namespace slipway
