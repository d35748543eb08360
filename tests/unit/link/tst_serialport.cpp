// A real serial port, as far as libserialport and udev can tell: umockdev makes a USB adapter whose wire is a
// pseudo-terminal, and answers the modem lines that a pseudo-terminal lacks. Needs its preload library.

#include "core/base/fault.h"
#include "drivers/link/linediagnosis.h"
#include "drivers/link/ports.h"
#include "drivers/link/portwatch.h"
#include "drivers/link/seriallink.h"
#include "tests/support/testmain.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <umockdev.h>
#include <unistd.h>

#include <functional>
#include <memory>

using namespace slipway;
using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr const char *adapter =
    "P: /devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3\n"
    "E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\n"
    "A: idVendor=0403\nA: idProduct=6001\nA: manufacturer=FTDI\nA: product=FT232R\nA: serial=A50285BI\n"
    "A: busnum=1\nA: devnum=7\nA: speed=12\\n\n\n"
    "P: /devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0\n"
    "E: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n\n";
constexpr const char *port =
    "P: /devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/%1\n"
    "E: SUBSYSTEM=usb-serial\nA: latency_timer=16\\n\n\n"
    "P: /devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/%1/tty/%1\n"
    "N: %1\nE: DEVNAME=/dev/%1\nE: SUBSYSTEM=tty\nE: DEVLINKS=/dev/serial/by-id/x /dev/serial/by-path/usb-2.3-%1\nE: "
    "ID_PATH=pci-0000:00:14.0-usb-0:2.3:1.0\nA: dev=188:0\n\n";

gboolean answer(UMockdevIoctlBase *, UMockdevIoctlClient *client, gpointer)
{
    switch (umockdev_ioctl_client_get_request(client)) {
    case TIOCMGET: {
        UMockdevIoctlData *data =
            umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, sizeof(int), nullptr);
        int lines = TIOCM_CTS | TIOCM_DSR;
        umockdev_ioctl_data_update(data, 0, reinterpret_cast<guint8 *>(&lines), sizeof lines);
        umockdev_ioctl_data_unref(data);
        umockdev_ioctl_client_complete(client, 0, 0);
        return TRUE;
    }
    case TIOCMSET:
    case TIOCMBIS:
    case TIOCMBIC:
        umockdev_ioctl_client_complete(client, 0, 0);
        return TRUE;
    default:
        umockdev_ioctl_client_complete(client, -100, 0); // to the pseudo-terminal
        return TRUE;
    }
}

// The rate as the kernel has it: libserialport sets any rate as a number, which cfgetospeed() cannot tell.
unsigned rateOf(int fd)
{
    struct {
        unsigned iflag, oflag, cflag, lflag;
        unsigned char line, cc[19];
        unsigned ispeed, ospeed;
    } settings{};
    return ::ioctl(fd, _IOR('T', 0x2a, settings), &settings) == 0 ? settings.ospeed : 0;
}

QString faultOf(const std::function<void()> &call)
{
    try {
        call();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code());
    }
    return u"none"_s;
}

} // namespace

class TestSerialPort : public QObject
{
    Q_OBJECT

private:
    UMockdevTestbed *m_bed = nullptr;
    UMockdevIoctlBase *m_ioctl = nullptr;

    void plug(const QString &name)
    {
        GError *error = nullptr;
        QVERIFY2(
            umockdev_testbed_add_from_string(m_bed, QString::fromLatin1(port).arg(name).toLatin1().constData(), &error),
            error ? error->message : "");
        const QByteArray node = "/dev/" + name.toLatin1();
        QVERIFY(umockdev_testbed_attach_ioctl(m_bed, node.constData(), m_ioctl, &error));
        // umockdev leaves out the link by which libserialport finds the driver.
        const QByteArray tty = QByteArray(umockdev_testbed_get_root_dir(m_bed)) +
                               "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/" + name.toLatin1() +
                               "/tty/" + name.toLatin1() + "/device";
        if (::access(tty.constData(), F_OK) != 0)
            QCOMPARE(::symlink(("../../../" + name).toLatin1().constData(), tty.constData()), 0);
    }
    int wire(const QString &name)
    {
        return umockdev_testbed_get_dev_fd(m_bed, ("/dev/" + name).toLatin1().constData());
    }

private Q_SLOTS:
    void init()
    {
        if (!qEnvironmentVariable("LD_PRELOAD").contains(u"umockdev"_s))
            QSKIP("umockdev's preload library is not loaded");
        m_bed = umockdev_testbed_new();
        m_ioctl = umockdev_ioctl_base_new();
        g_signal_connect(m_ioctl, "handle-ioctl", G_CALLBACK(answer), nullptr);
        QVERIFY(umockdev_testbed_add_from_string(m_bed, adapter, nullptr));
        plug(u"ttyUSB0"_s);
    }
    void cleanup()
    {
        g_clear_object(&m_ioctl);
        g_clear_object(&m_bed);
    }

    void listed()
    {
        const auto ports = serialPorts();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports[0].node, u"/dev/ttyUSB0"_s);
        QCOMPARE(ports[0].topology, u"pci-0000:00:14.0-usb-0:2.3:1.0"_s);
        QCOMPARE(ports[0].usbPath, u"1-2.3"_s);
        QCOMPARE(stableName(ports[0]), u"/dev/serial/by-path/usb-2.3-ttyUSB0"_s);
        QCOMPARE(ports[0].description, u"USB 1-2.3, FTDI FT232R, serial A50285BI"_s);
        QCOMPARE(ports[0].vendorId + u':' + ports[0].productId, u"0403:6001"_s);
    }

    void bytes()
    {
        SerialLink link({u"/dev/ttyUSB0"_s, 921600, 0, false}, {});
        QVERIFY(!link.isPseudoTerminal());
        QCOMPARE(link.info().line, u"921 600 baud"_s);
        const int fd = wire(u"ttyUSB0"_s);
        termios line{};
        QCOMPARE(::tcgetattr(fd, &line), 0);
        QCOMPARE(rateOf(fd), 921600u);
        link.setBaud(115200);
        QCOMPARE(rateOf(fd), 115200u);
        QVERIFY(!(line.c_lflag & (ICANON | ECHO)));

        QByteArray all;
        for (int i = 0; i < 256; ++i)
            all += char(i);
        link.write(all, Deadline::in(5s), {});
        QByteArray got(256, '\0');
        qsizetype n = 0;
        while (n < 256) {
            const auto more = ::read(fd, got.data() + n, size_t(256 - n));
            QVERIFY(more > 0);
            n += more;
        }
        QCOMPARE(got, all);
        QCOMPARE(::write(fd, "hello", 5), 5);
        QCOMPARE(link.read(Deadline::in(5s), {}), QByteArray("hello"));
        QVERIFY(link.read(Deadline::in(30ms), {}).isEmpty()); // no byte is no end: the port is there
    }

    void oneProgramOnly()
    {
        SerialLink first({u"/dev/ttyUSB0"_s, 0, 0, false}, {});
        QCOMPARE(first.info().baud, SerialLink::usualBaud);
        QCOMPARE(faultOf([] { SerialLink({u"/dev/ttyUSB0"_s, 0, 0, false}, {}); }), u"link.busy"_s);
    }

    void freedAgain()
    {
        SerialLink({u"/dev/ttyUSB0"_s, 0, 0, false}, {});
        SerialLink({u"/dev/ttyUSB0"_s, 0, 0, false}, {});
        QCOMPARE(faultOf([] { SerialLink({u"/dev/ttyUSB7"_s, 0, 0, false}, {}); }), u"link.no-port"_s);
    }

    void watched()
    {
        PortWatch watch;
        QCOMPARE(watch.ports().size(), 1);
        QVERIFY(watch.next(Deadline::in(20ms), {}).isEmpty());
        plug(u"ttyUSB3"_s);
        const auto came = watch.next(Deadline::in(10s), {});
        QCOMPARE(came.came.size(), 1);
        QCOMPARE(came.came[0].node, u"/dev/ttyUSB3"_s);
        QVERIFY(came.went.isEmpty());
        umockdev_testbed_remove_device(
            m_bed, "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/ttyUSB0/tty/ttyUSB0");
        const auto went = watch.next(Deadline::in(10s), {});
        QCOMPARE(went.went.size(), 1);
        QCOMPARE(went.went[0].node, u"/dev/ttyUSB0"_s);
        std::stop_source stop;
        stop.request_stop();
        QCOMPARE(faultOf([&] { watch.next(Deadline::never(), stop.get_token()); }), u"base.stopped"_s);
    }

    void diagnosed()
    {
        const LineDiagnosis line = diagnoseLine(u"/dev/ttyUSB0"_s);
        QCOMPARE(line.latencyMs, std::optional(16));
        QCOMPARE(line.usbMegabit, std::optional(12));
        QVERIFY2(line.advice(921600, 0.46).contains(u"up to 16 ms"_s), qPrintable(line.advice(921600, 0.46)));
        QCOMPARE(line.advice(921600, 0.97), QString());
        LineDiagnosis quick = line;
        quick.latencyMs = 1;
        QVERIFY(quick.advice(115200, 0.5).contains(u"115200 baud"_s));
        QVERIFY(quick.advice(921600, 0.5).contains(u"full-speed"_s));
        QCOMPARE(quick.advice(921600, 0), QString());
        quick.usbMegabit = 480;
        QVERIFY(quick.advice(921600, 0.5).contains(u"the device"_s));
        QVERIFY(diagnoseLine(u"/dev/ttyUSB9"_s).adapterDriver.isEmpty());
    }

    // It restarts and comes back on the same plug under another name.
    void reenumerates()
    {
        SerialLink link({u"/dev/ttyUSB0"_s, 460800, 0, false}, {});
        QCOMPARE(link.info().topology, u"pci-0000:00:14.0-usb-0:2.3:1.0"_s);
        umockdev_testbed_remove_device(
            m_bed, "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.3/1-2.3:1.0/ttyUSB0/tty/ttyUSB0");
        plug(u"ttyUSB3"_s);
        Task task;
        task.deadline = Deadline::in(10s);
        link.reopen(task);
        QCOMPARE(::write(wire(u"ttyUSB3"_s), "back", 4), 4);
        QCOMPARE(link.read(Deadline::in(5s), {}), QByteArray("back"));
        QCOMPARE(link.info().baud, 460800);
    }
};

SLIPWAY_TEST_MAIN(TestSerialPort)
#include "tst_serialport.moc"
