#pragma once
// What a kernel would show of virtual USB devices and their drives: sysfs and /proc/self/mountinfo as plain folders and
// files below a root, in the kernel's own shape. Several devices may share a root, within one program. Throws
// virtual.link.

#include <QString>

#include <optional>

namespace slipway {

struct KernelDevice {
    QString place; // "1-2.3"
    int address = 1;
    quint16 vendorId = 0, productId = 0;
    QString maker, product, serial;
    QString disk; // "sda", with a partition "sda1"; empty: no mass storage
};

class KernelTree
{
public:
    explicit KernelTree(QString root);

    const QString &root() const { return m_root; }
    void add(const KernelDevice &device);
    void remove(const KernelDevice &device);
    void mount(const KernelDevice &device, const QString &folder, bool readOnly);
    void unmount(const QString &folder);

private:
    QString folderOf(const KernelDevice &device) const;

    QString m_root;
};

} // namespace slipway
