#include "drivers/link/seriallink.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/link/ports.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <fcntl.h>
#include <grp.h>
#include <libserialport.h>
#include <linux/serial.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway {

namespace {

constexpr std::chrono::milliseconds lookAgain{250}; // where no event tells of a new node

LinkInfo serialInfo(const LinkOptions &options)
{
    LinkInfo info;
    info.port = options.port;
    info.baud = options.baud;
    return info;
}

QString groupOf(const QString &node)
{
    struct stat info {};
    if (::stat(QFile::encodeName(node).constData(), &info) == 0) {
        std::array<char, 4096> buffer{};
        group entry{}, *found = nullptr;
        if (::getgrgid_r(info.st_gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found)
            return QString::fromLocal8Bit(found->gr_name);
    }
    return QStringLiteral("dialout");
}

[[noreturn]] void cannotOpen(const QString &port, const QString &node, int error)
{
    const QString detail = QString::fromLocal8Bit(std::strerror(error));
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case EIO:
        throw Fault("link.no-port", {port}, detail);
    case EACCES:
    case EPERM:
        throw Fault("link.permission", {port, groupOf(node)}, detail);
    case EBUSY:
        throw Fault("link.busy", {port}, detail);
    default:
        throw Fault("link.failed", {port, detail});
    }
}

bool isRealPort(const QString &path)
{
    return path.startsWith(QLatin1String("/dev/")) && path.count(u'/') == 2 &&
           QFileInfo::exists(QStringLiteral("/sys/class/tty/") + path.mid(5));
}

struct Rate {
    speed_t code;
    int baud;
};
constexpr Rate rates[] = {{B9600, 9600},       {B19200, 19200},     {B38400, 38400},     {B57600, 57600},
                          {B115200, 115200},   {B230400, 230400},   {B460800, 460800},   {B500000, 500000},
                          {B576000, 576000},   {B921600, 921600},   {B1000000, 1000000}, {B1152000, 1152000},
                          {B1500000, 1500000}, {B2000000, 2000000}, {B2500000, 2500000}, {B3000000, 3000000},
                          {B3500000, 3500000}, {B4000000, 4000000}};
constexpr speed_t untoldRate = B38400; // what the kernel gives a new pseudo-terminal

// A file's worth of inotify: tells when something in the folder of a node changes.
class FolderWatch
{
public:
    explicit FolderWatch(const QString &node) : m_fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
    {
        const QByteArray folder = QFile::encodeName(QFileInfo(node).absolutePath());
        if (m_fd >= 0)
            ::inotify_add_watch(m_fd, folder.constData(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
    }
    ~FolderWatch()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    FolderWatch(const FolderWatch &) = delete;
    FolderWatch &operator=(const FolderWatch &) = delete;
    int fd() const { return m_fd; }
    void drain() const
    {
        alignas(inotify_event) char scratch[4096];
        while (m_fd >= 0 && ::read(m_fd, scratch, sizeof scratch) > 0) {
        }
    }

private:
    int m_fd;
};

} // namespace

SerialLink::SerialLink(const LinkOptions &options, const Task &task) : FdLink(serialInfo(options)), m_options(options)
{
    task.check(QStringLiteral("Opening %1").arg(options.port));
    try {
        open(options.port);
    } catch (...) {
        shut();
        throw;
    }
    if (const auto port = serialPort(options.port))
        changeInfo().topology = port->topology;
}

SerialLink::~SerialLink()
{
    shut();
}

void SerialLink::shut()
{
    if (m_serial) {
        ::ioctl(fd(), TIOCNXCL);
        release();
        sp_close(m_serial);
        sp_free_port(m_serial);
        m_serial = nullptr;
    } else if (fd() >= 0) {
        ::close(release());
    }
}

void SerialLink::open(const QString &node)
{
    if (node.trimmed().isEmpty())
        throw Fault("link.no-port", {QStringLiteral("\"\"")});
    struct stat info {};
    if (::stat(QFile::encodeName(node).constData(), &info) < 0)
        cannotOpen(m_options.port, node, errno);
    if (!S_ISCHR(info.st_mode))
        throw Fault("link.not-a-port", {m_options.port});
    // libserialport knows what stands in /sys/class/tty; a pseudo-terminal does not. The name may be a link to either.
    QString real = QFileInfo(node).absoluteFilePath();
    if (!isRealPort(real))
        real = QFileInfo(node).canonicalFilePath();
    if (isRealPort(real))
        openReal(real);
    else
        openPseudo(node);
    describeLine();
}

void SerialLink::lock(const QString &node, int fd) const
{
    if (::flock(fd, LOCK_EX | LOCK_NB) < 0)
        cannotOpen(m_options.port, node, errno == EWOULDBLOCK ? EBUSY : errno);
}

void SerialLink::openReal(const QString &node)
{
    if (sp_get_port_by_name(QFile::encodeName(node).constData(), &m_serial) != SP_OK)
        cannotOpen(m_options.port, node, ENOENT);
    if (sp_open(m_serial, SP_MODE_READ_WRITE) != SP_OK) {
        const int error = sp_last_error_code();
        sp_free_port(m_serial);
        m_serial = nullptr;
        cannotOpen(m_options.port, node, error);
    }
    int handle = -1;
    sp_get_port_handle(m_serial, &handle);
    adopt(handle);
    lock(node, handle);
    if (::ioctl(handle, TIOCEXCL) < 0)
        cannotOpen(m_options.port, node, errno);
    const sp_parity parity = m_options.evenParity ? SP_PARITY_EVEN : SP_PARITY_NONE;
    if (sp_set_bits(m_serial, 8) != SP_OK || sp_set_parity(m_serial, parity) != SP_OK ||
        sp_set_stopbits(m_serial, 1) != SP_OK ||
        sp_set_flowcontrol(m_serial, m_options.hardwareFlowControl ? SP_FLOWCONTROL_RTSCTS : SP_FLOWCONTROL_NONE) !=
            SP_OK)
        throw Fault("link.settings",
                    {m_options.port, m_options.evenParity ? QStringLiteral("8E1") : QStringLiteral("8N1")});
    setBaud(m_options.baud > 0 ? m_options.baud : usualBaud);

    // FTDI's and others' drivers hold bytes back for up to 16 ms otherwise. Those that cannot say no; that is all
    // right.
    serial_struct settings{};
    if (::ioctl(handle, TIOCGSERIAL, &settings) == 0 && !(settings.flags & ASYNC_LOW_LATENCY)) {
        settings.flags |= ASYNC_LOW_LATENCY;
        ::ioctl(handle, TIOCSSERIAL, &settings);
    }
    sp_flush(m_serial, SP_BUF_BOTH);
}

void SerialLink::openPseudo(const QString &node)
{
    const int handle = ::open(QFile::encodeName(node).constData(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (handle < 0)
        cannotOpen(m_options.port, node, errno);
    adopt(handle);
    if (!::isatty(handle))
        throw Fault("link.not-a-port", {m_options.port});
    // No TIOCEXCL: on a pseudo-terminal it would outlive a program that was killed.
    lock(node, handle);
    termios line{};
    if (::tcgetattr(handle, &line) < 0)
        cannotOpen(m_options.port, node, errno);
    changeInfo().baud = m_options.baud;
    if (m_options.baud <= 0 && ::cfgetospeed(&line) != untoldRate) {
        for (const Rate &rate : rates) {
            if (rate.code == ::cfgetospeed(&line))
                changeInfo().baud = rate.baud;
        }
    }
    ::cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    line.c_cc[VMIN] = 1;
    line.c_cc[VTIME] = 0;
    if (::tcsetattr(handle, TCSANOW, &line) < 0)
        cannotOpen(m_options.port, node, errno);
}

void SerialLink::describeLine()
{
    LinkInfo &info = changeInfo();
    if (info.baud > 0) {
        QString digits = QString::number(info.baud);
        for (qsizetype at = digits.size() - 3; at > 0; at -= 3)
            digits.insert(at, u' ');
        info.line = digits + QStringLiteral(" baud");
    } else {
        info.line = QStringLiteral("pseudo-terminal");
    }
}

void SerialLink::setBaud(int baud)
{
    if (m_serial && sp_set_baudrate(m_serial, baud) != SP_OK)
        throw Fault("link.settings", {m_options.port, QStringLiteral("%1 baud").arg(baud)});
    changeInfo().baud = baud;
    m_options.baud = baud;
    describeLine();
}

bool SerialLink::setSignals(bool dtr, bool rts)
{
    if (!m_serial)
        return false;
    // In one call: between two, some boards would see a state that is neither and start the wrong way.
    int lines = 0;
    if (::ioctl(fd(), TIOCMGET, &lines) < 0)
        gone("TIOCMGET", errno);
    lines = (lines & ~(TIOCM_DTR | TIOCM_RTS)) | (dtr ? TIOCM_DTR : 0) | (rts ? TIOCM_RTS : 0);
    if (::ioctl(fd(), TIOCMSET, &lines) < 0)
        gone("TIOCMSET", errno);
    return true;
}

void SerialLink::reopen(const Task &task)
{
    shut();
    const FolderWatch watch(m_options.port);
    for (;;) {
        watch.drain();
        QString node = m_options.port;
        if (!info().topology.isEmpty()) {
            for (const SerialPort &port : serialPorts()) {
                if (port.topology == info().topology)
                    node = port.node;
            }
        }
        try {
            open(node);
            return;
        } catch (const Fault &fault) {
            shut();
            // Its node may be there before udev has given it its group.
            if (!fault.is("link.no-port") && !fault.is("link.permission") && !fault.is("link.busy"))
                throw;
            if (task.deadline.expired())
                throw Fault("link.gone", {m_options.port}, QString::fromUtf8(fault.what()));
        }
        waiter().wait(watch.fd(), POLLIN, task.deadline.sooner(lookAgain), task.stop);
    }
}

} // namespace slipway
