#include "drivers/uf2/usbtree.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/link/waiter.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>

#include <fcntl.h>
#include <libudev.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr qint64 longestAttribute = 4096, longestMountinfo = 4 * 1024 * 1024;
constexpr auto lookAgain = 500ms;

QString attribute(const QString &folder, const char *name)
{
    QFile file(folder + u'/' + QLatin1String(name));
    return file.open(QIODevice::ReadOnly) ? oneLine(QString::fromUtf8(file.read(longestAttribute)).trimmed(), 120)
                                          : QString();
}

// "\040" and the like, of proc(5).
QString unescaped(const QByteArray &text)
{
    QByteArray out;
    for (qsizetype i = 0; i < text.size(); ++i) {
        bool octal = false;
        const int value = text[i] == '\\' ? text.mid(i + 1, 3).toInt(&octal, 8) : 0;
        out += octal ? char(value) : text[i];
        i += octal ? 3 : 0;
    }
    return QFile::decodeName(out);
}

const QRegularExpression &placePattern()
{
    static const QRegularExpression place(u"^[0-9]+-[0-9]+(\\.[0-9]+)*$"_s);
    return place;
}

struct Descriptor {
    int fd = -1;
    explicit Descriptor(int opened) : fd(opened) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor()
    {
        if (fd >= 0)
            ::close(fd);
    }
};

// Tells when it is worth looking again.
class Bell
{
public:
    explicit Bell(const UsbTree &tree)
        : m_all(::epoll_create1(EPOLL_CLOEXEC)), m_files(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
    {
        if (tree.isReal()) {
            m_udev.reset(udev_new());
            m_monitor.reset(m_udev ? udev_monitor_new_from_netlink(m_udev.get(), "kernel") : nullptr);
            if (m_monitor && udev_monitor_enable_receiving(m_monitor.get()) == 0)
                add(udev_monitor_get_fd(m_monitor.get()), EPOLLIN);
            m_mounts = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
            add(m_mounts, EPOLLPRI);
        } else {
            constexpr quint32 what = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE;
            for (const QString &folder : {u"/sys/bus/usb/devices"_s, u"/sys/class/block"_s, u"/proc/self"_s})
                ::inotify_add_watch(m_files.fd, QFile::encodeName(tree.root() + folder).constData(), what);
            add(m_files.fd, EPOLLIN);
        }
    }
    ~Bell()
    {
        if (m_mounts >= 0)
            ::close(m_mounts);
    }
    Bell(const Bell &) = delete;
    Bell &operator=(const Bell &) = delete;

    void wait(const Deadline &deadline, const std::stop_token &stop)
    {
        m_waiter.wait(m_all.fd, POLLIN, deadline.sooner(lookAgain), stop);
        std::array<char, 4096> forgotten;
        while (::read(m_files.fd, forgotten.data(), forgotten.size()) > 0) {
        }
        while (m_monitor) {
            udev_device *device = udev_monitor_receive_device(m_monitor.get());
            if (!device)
                break;
            udev_device_unref(device);
        }
        if (m_mounts >= 0) { // read anew, or it stays ready
            ::lseek(m_mounts, 0, SEEK_SET);
            while (::read(m_mounts, forgotten.data(), forgotten.size()) > 0) {
            }
        }
    }

private:
    void add(int fd, quint32 events) const
    {
        epoll_event event{};
        event.events = events;
        if (fd >= 0)
            ::epoll_ctl(m_all.fd, EPOLL_CTL_ADD, fd, &event);
    }
    struct Release {
        void operator()(udev *context) const { udev_unref(context); }
        void operator()(udev_monitor *monitor) const { udev_monitor_unref(monitor); }
    };

    Descriptor m_all, m_files;
    std::unique_ptr<udev, Release> m_udev;
    std::unique_ptr<udev_monitor, Release> m_monitor;
    int m_mounts = -1;
    Waiter m_waiter;
};

} // namespace

UsbTree::UsbTree(QString root) : m_root(std::move(root)) {}

bool UsbTree::isTree(const QString &folder)
{
    return QFileInfo(folder + u"/sys/bus/usb/devices"_s).isDir() &&
           QFileInfo(folder + u"/proc/self/mountinfo"_s).isFile();
}

QList<UsbTree::Mount> UsbTree::mounts() const
{
    QFile file((isReal() ? QString() : m_root) + u"/proc/self/mountinfo"_s);
    QList<Mount> out;
    if (!file.open(QIODevice::ReadOnly))
        return out;
    // 36 35 8:1 / /media/me/RPI-RP2 rw,nosuid - vfat /dev/sda1 rw,uid=1000
    const QList<QByteArray> lines = file.read(longestMountinfo).split('\n');
    for (const QByteArray &line : lines) {
        const QList<QByteArray> words = line.split(' ');
        const qsizetype dash = words.indexOf(QByteArray("-"));
        if (dash < 6)
            continue;
        out.append({QString::fromLatin1(words[2]), unescaped(words[4]),
                    words[5].split(',').contains("ro") || words.value(dash + 3).split(',').contains("ro")});
    }
    return out;
}

QList<UsbSeat> UsbTree::look(const QString &path) const
{
    const QString sys = (isReal() ? QString() : m_root) + u"/sys"_s;
    const QString devices = sys + u"/bus/usb/devices/"_s;
    QList<UsbSeat> out;
    const QStringList names =
        path.isEmpty() ? QDir(devices).entryList(QDir::AllEntries | QDir::NoDotAndDotDot) : QStringList{path};
    for (const QString &name : names) {
        const QString folder = devices + name;
        const QString address = attribute(folder, "devnum");
        if (!placePattern().match(name).hasMatch() || address.isEmpty() || attribute(folder, "bDeviceClass") == u"09")
            continue;
        UsbSeat seat;
        seat.device.path = name;
        seat.device.address = address.toInt();
        seat.device.vendorId = quint16(attribute(folder, "idVendor").toUInt(nullptr, 16));
        seat.device.productId = quint16(attribute(folder, "idProduct").toUInt(nullptr, 16));
        seat.device.maker = attribute(folder, "manufacturer");
        seat.device.product = attribute(folder, "product");
        seat.device.serial = attribute(folder, "serial");
        const QStringList interfaces = QDir(folder).entryList({name + u":*"_s}, QDir::Dirs | QDir::NoDotAndDotDot);
        seat.configured = !interfaces.isEmpty();
        seat.storage = std::any_of(interfaces.begin(), interfaces.end(), [&folder](const QString &interface) {
            return attribute(folder + u'/' + interface, "bInterfaceClass") == u"08";
        });
        out << seat;
    }
    std::sort(out.begin(), out.end(), [](const UsbSeat &a, const UsbSeat &b) { return a.device.path < b.device.path; });
    if (std::none_of(out.begin(), out.end(), [](const UsbSeat &seat) { return seat.storage; }))
        return out;

    const QList<Mount> mounted = mounts();
    const QDir blocks(sys + u"/class/block"_s);
    const QStringList nodes = blocks.entryList(QDir::AllEntries | QDir::NoDotAndDotDot, QDir::Name);
    for (const QString &node : nodes) {
        const QString place = QFileInfo(blocks.filePath(node)).canonicalFilePath();
        const QStringList parts = place.split(u'/');
        const auto owner = std::find_if(out.begin(), out.end(), [&parts](const UsbSeat &seat) {
            return parts.contains(seat.device.path) &&
                   !std::any_of(parts.begin(), parts.end(), [&](const QString &part) {
                       return part.startsWith(seat.device.path + u'.') && !part.contains(u':');
                   });
        });
        if (owner == out.end() || attribute(place, "size") == u"0") // no medium
            continue;
        // A disk with partitions is not what one mounts.
        const bool partition = QFileInfo::exists(place + u"/partition"_s);
        if (!partition && !QDir(place).entryList({node + u"*"_s}, QDir::Dirs).isEmpty())
            continue;
        UsbDrive drive;
        drive.node = u"/dev/"_s + node;
        const QString number = attribute(place, "dev");
        for (const Mount &mount : mounted) {
            if (mount.number == number) { // the newest one: an older one may be left over from another plugging
                drive.mountedAt = mount.folder;
                drive.readOnly = mount.readOnly;
            }
        }
        owner->drives << drive;
    }
    return out;
}

QList<UsbSeat> UsbTree::seats() const
{
    return look({});
}

std::optional<UsbSeat> UsbTree::seat(const QString &path) const
{
    const QList<UsbSeat> found = look(path);
    return found.isEmpty() ? std::nullopt : std::optional(found.first());
}

std::optional<UsbSeat> UsbTree::seatOfMount(const QString &folder) const
{
    const QString wanted = QDir::cleanPath(QFileInfo(folder).absoluteFilePath());
    const QString followed = QFileInfo(folder).canonicalFilePath();
    const QList<UsbSeat> all = seats();
    for (const UsbSeat &seat : all) {
        for (const UsbDrive &drive : seat.drives) {
            if (!drive.mountedAt.isEmpty() && (drive.mountedAt == wanted || drive.mountedAt == followed))
                return seat;
        }
    }
    return std::nullopt;
}

bool UsbTree::waitFor(const QString &path, const Decide &decide, const Task &task) const
{
    Bell bell(*this); // before the first look, so that nothing is missed
    for (;;) {
        if (decide(seat(path)))
            return true;
        if (task.stop.stop_requested())
            throw Fault("base.stopped");
        if (task.deadline.expired())
            return false;
        bell.wait(task.deadline, task.stop);
    }
}

} // namespace slipway
