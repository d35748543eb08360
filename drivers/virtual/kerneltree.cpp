#include "drivers/virtual/kerneltree.h"

#include "core/base/fault.h"
#include "core/base/files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <mutex>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr auto controller = "/sys/devices/pci0000:00/0000:00:14.0/usb";
constexpr qint64 longestMountinfo = 1024 * 1024;

std::mutex &mountLock()
{
    static std::mutex lock;
    return lock;
}

void attribute(const QString &folder, const QString &name, const QString &value)
{
    QFile file(folder + u'/' + name);
    if (!file.open(QIODevice::WriteOnly) || file.write(value.toUtf8() + '\n') < 0)
        throw Fault("virtual.link", {folder, file.errorString()});
}

void folder(const QString &path)
{
    if (!QDir().mkpath(path))
        throw Fault("virtual.link", {path, u"the folder cannot be made"_s});
}

void link(const QString &to, const QString &at)
{
    QFile::remove(at);
    if (!QFile::link(to, at))
        throw Fault("virtual.link", {at, u"the link cannot be made"_s});
}

// "8:1" of sda1, as sd.c numbers disks: 16 minor numbers each.
QString number(const QString &disk, int partition)
{
    return u"8:%1"_s.arg((disk.back().unicode() - u'a') * 16 + partition);
}

QString escaped(QString path)
{
    return path.replace(u'\\', u"\\134"_s).replace(u' ', u"\\040"_s);
}

} // namespace

KernelTree::KernelTree(QString root) : m_root(std::move(root))
{
    for (const QString &part : {u"/sys/bus/usb/devices"_s, u"/sys/class/block"_s, u"/proc/self"_s, u"/media"_s})
        folder(m_root + part);
    if (!QFileInfo::exists(m_root + u"/proc/self/mountinfo"_s))
        writeFile(m_root + u"/proc/self/mountinfo"_s, {});
}

// .../usb1/1-2/1-2.3
QString KernelTree::folderOf(const KernelDevice &device) const
{
    QString out = m_root + QLatin1String(controller) + device.place.section(u'-', 0, 0);
    const QStringList ports = device.place.split(u'.');
    for (qsizetype i = 1; i <= ports.size(); ++i)
        out += u'/' + ports.first(i).join(u'.');
    return out;
}

void KernelTree::add(const KernelDevice &device)
{
    const QString at = folderOf(device), interface = at + u'/' + device.place + u":1.0"_s;
    folder(interface);
    attribute(at, u"idVendor"_s, u"%1"_s.arg(device.vendorId, 4, 16, QLatin1Char('0')));
    attribute(at, u"idProduct"_s, u"%1"_s.arg(device.productId, 4, 16, QLatin1Char('0')));
    attribute(at, u"bDeviceClass"_s, u"00"_s);
    attribute(at, u"manufacturer"_s, device.maker);
    attribute(at, u"product"_s, device.product);
    attribute(at, u"serial"_s, device.serial);
    attribute(interface, u"bInterfaceClass"_s, device.disk.isEmpty() ? u"02"_s : u"08"_s);
    attribute(at, u"devnum"_s, QString::number(device.address));
    if (!device.disk.isEmpty()) {
        const QString disk = interface + u"/host0/target0:0:0/0:0:0:0/block/"_s + device.disk;
        const QString partition = device.disk + u'1';
        folder(disk + u'/' + partition);
        attribute(disk, u"dev"_s, number(device.disk, 0));
        attribute(disk, u"size"_s, u"131072"_s);
        attribute(disk, u"removable"_s, u"1"_s);
        attribute(disk + u'/' + partition, u"dev"_s, number(device.disk, 1));
        attribute(disk + u'/' + partition, u"size"_s, u"131071"_s);
        attribute(disk + u'/' + partition, u"partition"_s, u"1"_s);
        link(disk, m_root + u"/sys/class/block/"_s + device.disk);
        link(disk + u'/' + partition, m_root + u"/sys/class/block/"_s + partition);
    }
    link(at, m_root + u"/sys/bus/usb/devices/"_s + device.place);
}

void KernelTree::remove(const KernelDevice &device)
{
    QFile::remove(m_root + u"/sys/bus/usb/devices/"_s + device.place);
    if (!device.disk.isEmpty()) {
        QFile::remove(m_root + u"/sys/class/block/"_s + device.disk);
        QFile::remove(m_root + u"/sys/class/block/"_s + device.disk + u'1');
    }
    QDir(folderOf(device)).removeRecursively();
}

void KernelTree::mount(const KernelDevice &device, const QString &folder, bool readOnly)
{
    const std::lock_guard lock(mountLock());
    const QString file = m_root + u"/proc/self/mountinfo"_s;
    const QString access = readOnly ? u"ro"_s : u"rw"_s;
    const QString line = u"36 35 %1 / %2 %3,nosuid,nodev,relatime shared:1 - vfat /dev/%4 %3,errors=remount-ro\n"_s.arg(
        number(device.disk, 1), escaped(folder), access, device.disk + u'1');
    writeFile(file, readFile(file, longestMountinfo, u"mountinfo"_s) + line.toUtf8());
}

void KernelTree::unmount(const QString &folder)
{
    const std::lock_guard lock(mountLock());
    const QString file = m_root + u"/proc/self/mountinfo"_s;
    QByteArray kept;
    const QList<QByteArray> lines = readFile(file, longestMountinfo, u"mountinfo"_s).split('\n');
    for (const QByteArray &line : lines) {
        if (!line.isEmpty() && line.split(' ').value(4) != escaped(folder).toUtf8())
            kept += line + '\n';
    }
    writeFile(file, kept);
}

} // namespace slipway
