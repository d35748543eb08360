#include "tests/support/usbbed.h"

#include <QFile>
#include <QHash>
#include <QList>

#include <libusb.h>
#include <linux/usbdevice_fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <umockdev.h>

#include <cerrno>
#include <condition_variable>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

namespace slipway::test {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

template <typename T> struct Unref {
    void operator()(T *object) const { g_object_unref(object); }
};
using Data = std::unique_ptr<UMockdevIoctlData, Unref<UMockdevIoctlData>>;

struct Transfer {
    Data urb, buffer;
};

// One appearance of a device on the bus: a re-enumeration makes another.
// umockdev aborts where a program that listens ends while it is being told. POSIX lets a handler of SIGABRT jump, and
// umockdev holds nothing there that matters; who hears of a device twice takes it for one.
thread_local sigjmp_buf escape;
thread_local bool guarded = false;
struct sigaction formerHandler = {};

void onAbort(int signal)
{
    if (guarded)
        siglongjmp(escape, 1);
    ::sigaction(SIGABRT, &formerHandler, nullptr);
    ::raise(signal);
}

bool told(UMockdevTestbed *bed, const char *place, const char *action)
{
    struct sigaction handler = {};
    handler.sa_handler = onAbort;
    ::sigaction(SIGABRT, &handler, &formerHandler);
    if (sigsetjmp(escape, 1) != 0) {
        guarded = false;
        ::sigaction(SIGABRT, &formerHandler, nullptr);
        return false;
    }
    guarded = true;
    umockdev_testbed_uevent(bed, place, action);
    guarded = false;
    ::sigaction(SIGABRT, &formerHandler, nullptr);
    return true;
}

struct Node {
    VirtualUsb *device = nullptr;
    QString path, place; // in /sys, of the node
    int address = 0;
    std::mutex mutex;
    std::deque<Transfer> done, waiting;
    bool gone = false;
    int idle = 0; // times asked for a finished transfer in vain, in a row
    std::function<void(VirtualUsb::Wish)> heard;
    UMockdevIoctlBase *ioctl = nullptr;
};

template <typename T> T get(UMockdevIoctlData *data)
{
    T value{};
    memcpy(&value, data->data, sizeof value);
    return value;
}

void finish(Transfer &transfer, int status, int length)
{
    umockdev_ioctl_data_update(transfer.urb.get(), offsetof(usbdevfs_urb, status), reinterpret_cast<guint8 *>(&status),
                               sizeof status);
    umockdev_ioctl_data_update(transfer.urb.get(), offsetof(usbdevfs_urb, actual_length),
                               reinterpret_cast<guint8 *>(&length), sizeof length);
}

// What the device made of a transfer whose data stands behind so many bytes of its buffer. Returns 0 or the error.
int settle(Node &node, Transfer &transfer, const VirtualUsb::Reply &reply, bool in, int before)
{
    switch (reply.answer) {
    case VirtualUsb::Answer::Gone:
        return ENODEV;
    case VirtualUsb::Answer::Silence:
        node.waiting.push_back(std::move(transfer));
        return 0;
    case VirtualUsb::Answer::Stall:
        finish(transfer, -EPIPE, 0);
        break;
    case VirtualUsb::Answer::Done: {
        const int room = get<usbdevfs_urb>(transfer.urb.get()).buffer_length - before;
        const int length = in ? int(std::min<qsizetype>(reply.bytes.size(), room)) : room;
        if (in && length > 0) {
            QByteArray copy = reply.bytes;
            umockdev_ioctl_data_update(transfer.buffer.get(), gsize(before), reinterpret_cast<guint8 *>(copy.data()),
                                       length);
        }
        finish(transfer, 0, length);
        break;
    }
    }
    node.done.push_back(std::move(transfer));
    node.idle = 0;
    return 0;
}

// A bulk transfer; it waits where the device has nothing to say. Returns 0 or the error.
int carry(Node &node, Transfer &transfer)
{
    const auto urb = get<usbdevfs_urb>(transfer.urb.get());
    const bool in = urb.endpoint & 0x80;
    const VirtualUsb::Reply reply = node.device->bulk(
        urb.endpoint, in ? QByteArrayView()
                         : QByteArrayView(reinterpret_cast<const char *>(transfer.buffer->data), urb.buffer_length));
    return settle(node, transfer, reply, in, 0);
}

// Returns 0 or the error.
int submit(Node &node, UMockdevIoctlData *argument)
{
    Transfer transfer;
    transfer.urb.reset(umockdev_ioctl_data_resolve(argument, 0, sizeof(usbdevfs_urb), nullptr));
    if (!transfer.urb)
        return EFAULT;
    const auto urb = get<usbdevfs_urb>(transfer.urb.get());
    const bool isControl = urb.type == USBDEVFS_URB_TYPE_CONTROL;
    if ((!isControl && urb.type != USBDEVFS_URB_TYPE_BULK) || (isControl && urb.buffer_length < 8))
        return EINVAL;
    transfer.buffer.reset(umockdev_ioctl_data_resolve(transfer.urb.get(), offsetof(usbdevfs_urb, buffer),
                                                      gsize(urb.buffer_length), nullptr));
    if (!transfer.buffer)
        return EFAULT;
    if (!isControl) {
        if (const int error = carry(node, transfer))
            return error;
        if (!(urb.endpoint & 0x80)) { // it may have something to say now
            for (qsizetype left = qsizetype(node.waiting.size()); left > 0; --left) {
                Transfer next = std::move(node.waiting.front());
                node.waiting.pop_front();
                carry(node, next);
            }
        }
        return 0;
    }
    const guint8 *bytes = transfer.buffer->data;
    const VirtualUsb::Setup setup{bytes[0], bytes[1], quint16(bytes[2] | bytes[3] << 8),
                                  quint16(bytes[4] | bytes[5] << 8), quint16(bytes[6] | bytes[7] << 8)};
    const bool in = setup.type & 0x80;
    const VirtualUsb::Reply reply = node.device->control(
        setup, in ? QByteArrayView()
                  : QByteArrayView(reinterpret_cast<const char *>(bytes + 8), qsizetype(urb.buffer_length) - 8));
    return settle(node, transfer, reply, in, 8);
}

gboolean answer(UMockdevIoctlBase *, UMockdevIoctlClient *client, gpointer user)
{
    Node &node = *static_cast<Node *>(user);
    std::unique_lock lock(node.mutex);
    UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
    int error = node.gone ? ENODEV : 0;
    const auto request = umockdev_ioctl_client_get_request(client);
    Data held;
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES: {
        guint32 none = 0;
        held.reset(umockdev_ioctl_data_resolve(argument, 0, sizeof none, nullptr));
        umockdev_ioctl_data_update(held.get(), 0, reinterpret_cast<guint8 *>(&none), sizeof none);
        error = 0;
        break;
    }
    case USBDEVFS_SETINTERFACE:
        if (!error) {
            held.reset(umockdev_ioctl_data_resolve(argument, 0, sizeof(usbdevfs_setinterface), nullptr));
            node.device->setAlternate(int(get<usbdevfs_setinterface>(held.get()).altsetting));
        }
        break;
    case USBDEVFS_RESET:
        if (!error) {
            node.device->busReset();
            error = node.device->wish() == VirtualUsb::Wish::Stay ? 0 : ENODEV;
        }
        break;
    case USBDEVFS_CLAIMINTERFACE:
    case USBDEVFS_RELEASEINTERFACE:
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_DISCONNECT_CLAIM:
        break;
    case USBDEVFS_SUBMITURB:
        if (!error)
            error = submit(node, argument);
        break;
    case USBDEVFS_DISCARDURB:
        error = EINVAL;
        for (auto it = node.waiting.begin(); it != node.waiting.end(); ++it) {
            if (it->urb->client_addr == get<gulong>(argument)) {
                finish(*it, -ENOENT, 0);
                node.done.push_back(std::move(*it));
                node.waiting.erase(it);
                error = 0;
                break;
            }
        }
        break;
    case USBDEVFS_REAPURBNDELAY:
    case USBDEVFS_REAPURB:
        if (!node.done.empty()) {
            held.reset(umockdev_ioctl_data_resolve(argument, 0, sizeof(gpointer), nullptr));
            umockdev_ioctl_data_set_ptr(held.get(), 0, node.done.front().urb.get());
            umockdev_ioctl_client_complete(client, 0, 0);
            node.done.pop_front();
            return TRUE;
        }
        // The node polls as ready always: whoever waits for an answer would spin.
        if (!error && ++node.idle > 2) {
            lock.unlock();
            std::this_thread::sleep_for(1ms);
            lock.lock();
        }
        error = node.gone ? ENODEV : EAGAIN;
        break;
    case USBDEVFS_GETDRIVER:
    case USBDEVFS_IOCTL:
        error = ENODATA;
        break;
    default:
        error = ENOTTY;
    }
    const VirtualUsb::Wish wish = node.device->wish();
    if (wish != VirtualUsb::Wish::Stay && !node.gone) {
        node.gone = true;
        node.heard(wish);
    }
    umockdev_ioctl_client_complete(client, error ? -1 : 0, error);
    return TRUE;
}

QString placeOf(const QString &path)
{
    const QString base = u"/sys/devices/pci0000:00/0000:00:14.0/usb1/"_s;
    return path.contains(u'.') ? base + path.section(u'.', 0, 0) + u'/' + path : base + path;
}

} // namespace

struct UsbBed::Private {
    UMockdevTestbed *bed = umockdev_testbed_new();
    mutable std::mutex mutex; // of what is plugged in; never taken by a handler
    std::mutex orderMutex;
    std::condition_variable_any changed;
    std::deque<std::unique_ptr<Node>> nodes;
    QHash<QString, Node *> there;
    struct Order {
        QString path;
        VirtualUsb *device;
        bool back;
    };
    std::deque<Order> orders;
    int lastAddress = 1;
    libusb_context *listener = nullptr;
    std::jthread worker; // last: it uses all of the others

    void addHub(const QString &place, int address)
    {
        // Device, configuration, interface of class 9, endpoint.
        const QByteArray descriptors = "1201000209000040"
                                       "6b1d0200"
                                       "0000"
                                       "00000001"
                                       "09021900010100e032"
                                       "0904000001090000"
                                       "00"
                                       "0705810304000c";
        const QByteArray text =
            "P: " + place.mid(4).toUtf8() +
            "\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: busnum=1\nA: devnum=" + QByteArray::number(address) +
            "\nA: speed=480\nA: bConfigurationValue=1\nH: descriptors=" + descriptors + "\n\n";
        umockdev_testbed_add_from_string(bed, text.constData(), nullptr);
    }
    void add(VirtualUsb &device, const QString &path);
    void remove(const QString &path);
    void tell(const Node &node, const char *action);
    void serve(const std::stop_token &stop);
};

void UsbBed::Private::add(VirtualUsb &device, const QString &path)
{
    nodes.push_back(std::make_unique<Node>());
    Node *node = nodes.back().get();
    node->device = &device;
    node->path = path;
    node->place = placeOf(path);
    node->address = ++lastAddress;
    node->heard = [this, path, &device](VirtualUsb::Wish wish) {
        const std::lock_guard lock(orderMutex);
        orders.push_back({path, &device, wish == VirtualUsb::Wish::Reenumerate});
        changed.notify_all();
    };
    node->ioctl = umockdev_ioctl_base_new();
    g_signal_connect(node->ioctl, "handle-ioctl", G_CALLBACK(answer), node);
    const QByteArray number = QByteArray::number(node->address).rightJustified(3, '0');
    umockdev_testbed_attach_ioctl(bed, ("/dev/bus/usb/001/" + number).constData(), node->ioctl, nullptr);
    const QByteArray head = device.deviceDescriptor();
    const auto word = [&](qsizetype at) {
        return QByteArray::number(static_cast<quint8>(head[at]) | static_cast<quint8>(head[at + 1]) << 8, 16)
            .rightJustified(4, '0');
    };
    const QByteArray text = "P: " + node->place.mid(4).toUtf8() + "\nN: bus/usb/001/" + number +
                            "\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: BUSNUM=001\nE: DEVNUM=" + number +
                            "\nE: DEVNAME=/dev/bus/usb/001/" + number +
                            "\nE: MAJOR=189\nE: MINOR=" + QByteArray::number(node->address - 1) +
                            "\nA: busnum=1\nA: devnum=" + QByteArray::number(node->address) +
                            "\nA: speed=12\nA: bConfigurationValue=1\nA: bNumConfigurations=1\nA: idVendor=" + word(8) +
                            "\nA: idProduct=" + word(10) +
                            "\nH: descriptors=" + (head + device.configuration()).toHex() + "\n\n";
    there[path] = node;
    umockdev_testbed_add_from_string(bed, text.constData(), nullptr);
    tell(*node, "add");
}

void UsbBed::Private::tell(const Node &node, const char *action)
{
    const QByteArray place = node.place.toUtf8();
    for (int attempt = 0; attempt < 5; ++attempt) {
        if (told(bed, place.constData(), action))
            return;
    }
    qWarning("nobody could be told of %s at %s", action, place.constData());
}

void UsbBed::Private::remove(const QString &path)
{
    Node *node = there.take(path);
    if (!node)
        return;
    {
        const std::lock_guard lock(node->mutex);
        node->gone = true;
    }
    // As the kernel does: what names the device is gone from /sys before anybody is told. Else a context of libusb that
    // is being opened just now finds a device of whose going it will never hear.
    const QString folder = QFile::decodeName(umockdev_testbed_get_root_dir(bed)) + node->place;
    for (const QString &name : {u"/busnum"_s, u"/devnum"_s})
        QFile::remove(folder + name);
    tell(*node, "remove");
    umockdev_testbed_remove_device(bed, node->place.toUtf8().constData());
}

void UsbBed::Private::serve(const std::stop_token &stop)
{
    std::unique_lock lock(orderMutex);
    while (changed.wait(lock, stop, [this] { return !orders.empty(); })) {
        const Order order = orders.front();
        orders.pop_front();
        lock.unlock();
        {
            const std::lock_guard bedLock(mutex);
            remove(order.path);
        }
        lock.lock();
        if (!order.back)
            continue;
        // Away from the bus for as long as the device takes.
        changed.wait_for(lock, stop, order.device->plugTime(), [] { return false; });
        if (stop.stop_requested())
            return;
        lock.unlock();
        {
            const std::lock_guard bedLock(mutex);
            order.device->enumerated();
            add(*order.device, order.path);
        }
        lock.lock();
    }
}

bool UsbBed::isPreloaded()
{
    return qEnvironmentVariable("LD_PRELOAD").contains(u"umockdev"_s);
}

UsbBed::UsbBed() : d(std::make_unique<Private>())
{
    d->addHub(u"/sys/devices/pci0000:00/0000:00:14.0/usb1"_s, 1);
    // libusb looks for it once.
    ::mkdir((QByteArray(umockdev_testbed_get_root_dir(d->bed)) + "/dev/bus").constData(), 0755);
    ::mkdir((QByteArray(umockdev_testbed_get_root_dir(d->bed)) + "/dev/bus/usb").constData(), 0755);
    ::mkdir((QByteArray(umockdev_testbed_get_root_dir(d->bed)) + "/dev/bus/usb/001").constData(), 0755);
    // Keeps libusb's listener for plugging open: umockdev ends the program when one goes while it tells it something.
    libusb_init(&d->listener);
    d->worker = std::jthread([this](const std::stop_token &stop) { d->serve(stop); });
}

UsbBed::~UsbBed()
{
    d->worker.request_stop();
    d->worker.join();
    libusb_exit(d->listener);
    for (const auto &node : d->nodes) {
        const QByteArray number = QByteArray::number(node->address).rightJustified(3, '0');
        umockdev_testbed_detach_ioctl(d->bed, ("/dev/bus/usb/001/" + number).constData(), nullptr);
        g_object_unref(node->ioctl);
    }
    g_object_unref(d->bed);
}

void UsbBed::plug(VirtualUsb &device, const QString &path)
{
    const std::lock_guard lock(d->mutex);
    if (path.contains(u'.')) {
        const QString hub = path.section(u'.', 0, 0);
        if (!d->there.contains(hub)) {
            d->addHub(placeOf(hub), ++d->lastAddress);
            d->there.insert(hub, nullptr);
        }
    }
    device.powerCycle();
    d->add(device, path);
}

void UsbBed::unplug(const QString &path)
{
    const std::lock_guard lock(d->mutex);
    d->remove(path);
}

void UsbBed::forbid(const QString &path)
{
    const std::lock_guard lock(d->mutex);
    const QByteArray number = QByteArray::number(d->there.value(path)->address).rightJustified(3, '0');
    ::chmod((QByteArray(umockdev_testbed_get_root_dir(d->bed)) + "/dev/bus/usb/001/" + number).constData(), 0);
}

int UsbBed::addressOf(const QString &path) const
{
    const std::lock_guard lock(d->mutex);
    const Node *node = d->there.value(path);
    return node ? node->address : 0;
}

QString UsbBed::root() const
{
    return QFile::decodeName(umockdev_testbed_get_root_dir(d->bed));
}

} // namespace slipway::test
