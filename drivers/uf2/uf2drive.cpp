#include "drivers/uf2/uf2drive.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/codec/uf2.h"
#include "drivers/uf2/drivefile.h"

#include <QProcess>
#include <QStandardPaths>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto diskWithin = 5s;        // from plugging in to a disk, which the kernel delays on purpose
constexpr auto goneWithin = 1s;        // from an error of the drive to its device's leaving
constexpr auto mountedWithin = 3s;     // a desktop mounts by itself, where it does
constexpr int mountingWithin = 15'000; // ms, udisksctl
constexpr auto infoName = "INFO_UF2.TXT", currentName = "CURRENT.UF2";

QString udisksctl()
{
    return QStandardPaths::findExecutable(u"udisksctl"_s);
}

} // namespace

Uf2Drive::Uf2Drive(UsbTree tree, QString path) : m_tree(std::move(tree)), m_path(std::move(path)) {}

// Asks udisks, which asks nobody: without the right to mount it says so.
QString Uf2Drive::mount(const QString &node, const Task &task) const
{
    task.say(u"udisksctl is asked to mount %1."_s.arg(node));
    QProcess program;
    program.setProcessChannelMode(QProcess::MergedChannels);
    program.start(udisksctl(), {u"mount"_s, u"--no-user-interaction"_s, u"-b"_s, node});
    if (!program.waitForFinished(mountingWithin)) {
        program.kill();
        program.waitForFinished();
        return u"udisks does not answer"_s;
    }
    return program.exitCode() == 0 ? QString() : oneLine(QString::fromLocal8Bit(program.readAll()).trimmed(), 200);
}

Uf2Drive::Found Uf2Drive::find(const Task &task) const
{
    const QString port = u"usb:"_s + m_path;
    std::optional<UsbSeat> last;
    const auto look = [&](std::chrono::milliseconds within, const std::function<bool(const UsbSeat &)> &enough) {
        return m_tree.waitFor(
            m_path,
            [&](const std::optional<UsbSeat> &seat) {
                last = seat;
                return !seat || !seat->storage || enough(*seat);
            },
            task.within(within));
    };
    const auto mounted = [](const UsbSeat &seat) {
        return std::any_of(seat.drives.begin(), seat.drives.end(),
                           [](const UsbDrive &drive) { return !drive.mountedAt.isEmpty(); });
    };
    look(diskWithin, [](const UsbSeat &seat) { return !seat.drives.isEmpty(); });
    task.check(u"Looking for the drive"_s);
    if (!last)
        throw Fault("link.no-port", {port});
    if (last->drives.isEmpty())
        throw Fault("uf2.no-drive", {port, last->device.description()});
    if (!mounted(*last)) {
        QString trouble;
        if (m_tree.isReal() && !udisksctl().isEmpty())
            trouble = mount(last->drives.first().node, task);
        look(mountedWithin, mounted);
        task.check(u"Looking for the drive"_s);
        if (!last)
            throw Fault("link.no-port", {port});
        if (!mounted(*last)) {
            const QString node = last->drives.isEmpty() ? QString() : last->drives.first().node;
            if (node.isEmpty())
                throw Fault("uf2.no-drive", {port, last->device.description()});
            if (!trouble.isEmpty())
                throw Fault("uf2.mount", {node, trouble});
            throw Fault("uf2.not-mounted", {node, port});
        }
    }
    Found found{last->device, {}, {}, {}};
    for (const UsbDrive &drive : std::as_const(last->drives)) {
        if (drive.mountedAt.isEmpty())
            continue;
        const auto text = readDriveFile(drive.mountedAt, QLatin1String(infoName), Uf2Info::longest, task.at(nullptr));
        if (!text)
            continue;
        found.node = drive.node;
        found.folder = drive.mountedAt;
        found.info = Uf2Info::parse(*text, drive.mountedAt);
        return found;
    }
    throw Fault("uf2.no-drive", {port, last->device.description()});
}

std::optional<QByteArray> Uf2Drive::current(const Found &found, const Task &task) const
{
    return readDriveFile(found.folder, QLatin1String(currentName), largestUf2, task);
}

bool Uf2Drive::isGone(const UsbDevice &before, const Task &task) const
{
    return m_tree.waitFor(
        m_path,
        [&before](const std::optional<UsbSeat> &seat) { return !seat || seat->device.address != before.address; },
        task.within(goneWithin));
}

Uf2Drive::Next Uf2Drive::awaitNext(const UsbDevice &before, const Uf2Quirks &quirks, bool left, UsbDevice &device,
                                   const Task &task) const
{
    bool gone = left && isGone(before, task), there = false;
    const auto watch = [&](std::chrono::milliseconds within, bool orGone) {
        return m_tree.waitFor(
            m_path,
            [&](const std::optional<UsbSeat> &seat) {
                there = seat && seat->device.address != before.address;
                gone = gone || !seat || there;
                if (there)
                    device = seat->device;
                return there || (orGone && gone);
            },
            task.within(within));
    };
    if (task.progress)
        task.progress->setNote(u"waiting for the device to restart"_s);
    if (!watch(quirks.leaveTime, true)) {
        task.check(u"The device's restart"_s);
        return Next::Stayed;
    }
    if (!there && !watch(quirks.returnTime, false)) {
        task.check(u"The device's restart"_s);
        return Next::Away;
    }
    if (task.progress)
        task.progress->setNote({});
    if (device.id() != before.id())
        return Next::Application;
    // The same ids: it is the boot loader when it shows a drive. Interfaces come a moment after the device.
    bool storage = false;
    (void)m_tree.waitFor(
        m_path,
        [&storage](const std::optional<UsbSeat> &seat) {
            storage = seat && seat->storage;
            return !seat || seat->configured;
        },
        task.within(diskWithin));
    task.check(u"The device's restart"_s);
    return storage ? Next::Loader : Next::Application;
}

} // namespace slipway
