#include "drivers/link/usb.h"

#include "core/base/fault.h"
#include "core/base/text.h"

#include <QRegularExpression>
#include <QtEndian>

#include <libusb.h>

#include <algorithm>
#include <array>

namespace slipway {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr auto lookAgain = 250ms;     // should an event get lost
constexpr unsigned textTimeout = 500; // ms, for one string descriptor
constexpr auto cancelLimit = 2s;

[[noreturn]] void failed(const char *call, int error)
{
    throw Fault("link.failed", {QString::fromLatin1(call), QString::fromUtf8(libusb_strerror(libusb_error(error)))});
}

// A context of its own for every user: each handles its events in its own thread.
class Context
{
public:
    Context()
    {
        if (const int error = libusb_init(&m_context); error < 0)
            failed("libusb_init", error);
    }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
    ~Context() { libusb_exit(m_context); }
    operator libusb_context *() const { return m_context; }

private:
    libusb_context *m_context = nullptr;
};

class Devices
{
public:
    explicit Devices(libusb_context *context)
    {
        m_count = libusb_get_device_list(context, &m_list);
        if (m_count < 0)
            failed("libusb_get_device_list", int(m_count));
    }
    Devices(const Devices &) = delete;
    Devices &operator=(const Devices &) = delete;
    ~Devices() { libusb_free_device_list(m_list, 1); }
    libusb_device **begin() const { return m_list; }
    libusb_device **end() const { return m_list + m_count; }

private:
    libusb_device **m_list = nullptr;
    ssize_t m_count = 0;
};

QString pathOf(libusb_device *device)
{
    std::array<uint8_t, 7> ports{}; // USB allows no deeper tree
    const int depth = libusb_get_port_numbers(device, ports.data(), int(ports.size()));
    if (depth <= 0)
        return {}; // a root hub
    QStringList words;
    for (int i = 0; i < depth; ++i)
        words << QString::number(ports[size_t(i)]);
    return u"%1-%2"_s.arg(libusb_get_bus_number(device)).arg(words.join(u'.'));
}

// Texts of an open device; a device that does not answer is asked once.
class Texts
{
public:
    explicit Texts(libusb_device_handle *handle) : m_handle(handle) {}

    QString read(quint8 index)
    {
        if (!index || m_dead)
            return {};
        if (!m_language) {
            const QByteArray languages = descriptor(0, 0);
            if (languages.size() < 4)
                return {};
            m_language = qFromLittleEndian<quint16>(languages.constData() + 2);
        }
        const QByteArray bytes = descriptor(index, *m_language);
        QString text;
        for (qsizetype i = 2; i + 1 < bytes.size(); i += 2)
            text += QChar(qFromLittleEndian<quint16>(bytes.constData() + i));
        return oneLine(text, 255);
    }

private:
    QByteArray descriptor(quint8 index, quint16 language)
    {
        QByteArray bytes(255, '\0');
        const int size = libusb_control_transfer(
            m_handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR, quint16(LIBUSB_DT_STRING << 8 | index),
            language, reinterpret_cast<unsigned char *>(bytes.data()), quint16(bytes.size()), textTimeout);
        m_dead = size < 0 && size != LIBUSB_ERROR_PIPE;
        if (size < 2 || bytes[1] != LIBUSB_DT_STRING)
            return {};
        bytes.truncate(std::min<qsizetype>(size, static_cast<quint8>(bytes[0])));
        return bytes;
    }

    libusb_device_handle *m_handle;
    std::optional<quint16> m_language;
    bool m_dead = false;
};

struct Indices {
    quint8 maker = 0, product = 0, serial = 0;
    QList<quint8> settings;
};

std::optional<UsbDevice> describe(libusb_device *device, Indices &indices)
{
    libusb_device_descriptor head{};
    UsbDevice out;
    out.path = pathOf(device);
    if (out.path.isEmpty() || libusb_get_device_descriptor(device, &head) < 0 || head.bDeviceClass == LIBUSB_CLASS_HUB)
        return std::nullopt;
    out.address = libusb_get_device_address(device);
    out.vendorId = head.idVendor;
    out.productId = head.idProduct;
    out.release = head.bcdDevice;
    indices = {head.iManufacturer, head.iProduct, head.iSerialNumber, {}};
    libusb_config_descriptor *raw = nullptr;
    if (libusb_get_active_config_descriptor(device, &raw) < 0 && libusb_get_config_descriptor(device, 0, &raw) < 0)
        return out; // not configured, or a descriptor that libusb cannot read
    const std::unique_ptr<libusb_config_descriptor, decltype(&libusb_free_config_descriptor)> config(
        raw, &libusb_free_config_descriptor);
    const QByteArray configExtra(reinterpret_cast<const char *>(config->extra), config->extra_length);
    for (int i = 0; i < config->bNumInterfaces; ++i) {
        const libusb_interface &interface = config->interface[i];
        for (int j = 0; j < interface.num_altsetting; ++j) {
            const libusb_interface_descriptor &alt = interface.altsetting[j];
            UsbSetting setting;
            setting.configuration = config->bConfigurationValue;
            setting.interface = alt.bInterfaceNumber;
            setting.alternate = alt.bAlternateSetting;
            setting.kind = alt.bInterfaceClass;
            setting.subKind = alt.bInterfaceSubClass;
            setting.protocol = alt.bInterfaceProtocol;
            setting.extra = QByteArray(reinterpret_cast<const char *>(alt.extra), alt.extra_length) + configExtra;
            out.settings << setting;
            indices.settings << alt.iInterface;
        }
    }
    return out;
}

void readTexts(UsbDevice &device, const Indices &indices, libusb_device_handle *handle)
{
    Texts texts(handle);
    device.maker = texts.read(indices.maker).trimmed();
    device.product = texts.read(indices.product).trimmed();
    device.serial = texts.read(indices.serial).trimmed();
    for (qsizetype i = 0; i < device.settings.size(); ++i)
        device.settings[i].name = texts.read(indices.settings[i]);
}

} // namespace

QString UsbDevice::id() const
{
    return u"%1:%2"_s.arg(vendorId, 4, 16, QLatin1Char('0')).arg(productId, 4, 16, QLatin1Char('0'));
}

QString UsbDevice::description() const
{
    QStringList words{u"USB "_s + path};
    const QString name = (maker + u' ' + product).trimmed();
    words << (name.isEmpty() ? id() : name + u" ("_s + id() + u')');
    if (!serial.isEmpty())
        words << u"serial "_s + serial;
    return words.join(u", "_s);
}

UsbAddress UsbAddress::parse(const QString &text)
{
    static const QRegularExpression form(
        u"^usb:(?:([0-9]{1,3}-[0-9]{1,3}(?:\\.[0-9]{1,3}){0,6})|([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.{1,126}))?)$"_s);
    const QRegularExpressionMatch match = form.match(text);
    if (!match.hasMatch())
        throw Fault("link.usb-address", {oneLine(text, 80)});
    UsbAddress out;
    out.text = text;
    out.path = match.captured(1);
    out.vendorId = quint16(match.captured(2).toUInt(nullptr, 16));
    out.productId = quint16(match.captured(3).toUInt(nullptr, 16));
    out.serial = match.captured(4);
    return out;
}

bool UsbAddress::fits(const UsbDevice &device) const
{
    if (!path.isEmpty())
        return device.path == path;
    return device.vendorId == vendorId && device.productId == productId &&
           (serial.isEmpty() || device.serial == serial);
}

UsbDevice UsbAddress::pick(const QList<UsbDevice> &devices) const
{
    QList<UsbDevice> fitting;
    QStringList places;
    for (const UsbDevice &device : devices) {
        if (fits(device)) {
            fitting << device;
            places << u"usb:"_s + device.path;
        }
    }
    if (fitting.isEmpty())
        throw Fault("link.no-port", {text});
    if (fitting.size() > 1)
        throw Fault("link.usb-ambiguous", {text, QString::number(fitting.size()), places.join(u", "_s)});
    return fitting.first();
}

QList<UsbDevice> usbDevices(const UsbWanted &wanted)
{
    const Context context;
    QList<UsbDevice> out;
    for (libusb_device *raw : Devices(context)) {
        Indices indices;
        auto device = describe(raw, indices);
        if (!device || (wanted && !wanted(*device)))
            continue;
        libusb_device_handle *handle = nullptr;
        const int error = libusb_open(raw, &handle);
        if (error == LIBUSB_SUCCESS) {
            readTexts(*device, indices, handle);
            libusb_close(handle);
        } else if (error == LIBUSB_ERROR_ACCESS) {
            device->permitted = false;
        } else {
            continue; // on its way out
        }
        out << *device;
    }
    std::sort(out.begin(), out.end(), [](const UsbDevice &a, const UsbDevice &b) {
        return std::pair(a.path.size(), a.path) < std::pair(b.path.size(), b.path);
    });
    return out;
}

bool waitForUsb(const QString &path, const UsbDecide &decide, const Task &task)
{
    const Context context;
    int changed = 0;
    libusb_hotplug_callback_handle hook = 0;
    const auto note = [](libusb_context *, libusb_device *, libusb_hotplug_event, void *flag) {
        *static_cast<int *>(flag) = 1;
        return 0;
    };
    if (libusb_has_capability(LIBUSB_CAP_HAS_HOTPLUG)) {
        const int error = libusb_hotplug_register_callback(
            context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
            LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, note, &changed, &hook);
        if (error < 0)
            failed("libusb_hotplug_register_callback", error);
    }
    const std::stop_callback wake(task.stop, [&context] { libusb_interrupt_event_handler(context); });
    for (;;) {
        std::optional<UsbDevice> there;
        for (libusb_device *raw : Devices(context)) {
            if (pathOf(raw) == path) {
                Indices indices;
                there = describe(raw, indices);
            }
        }
        if (decide(there ? &*there : nullptr))
            return true;
        changed = 0;
        const Deadline pause = task.deadline.sooner(lookAgain);
        while (!changed && !pause.expired()) {
            if (task.stop.stop_requested())
                throw Fault("base.stopped");
            const auto left = pause.remaining();
            timeval span{static_cast<time_t>(left.count() / 1000),
                         static_cast<suseconds_t>(left.count() % 1000 * 1000)};
            libusb_handle_events_timeout_completed(context, &span, &changed);
        }
        if (!changed && task.deadline.expired())
            return false;
    }
}

struct UsbLink::Private {
    Context context;
    UsbDevice device;
    libusb_device_handle *handle = nullptr;
    int claimed = -1;
    bool gone = false;

    [[noreturn]] void left()
    {
        gone = true;
        throw Fault("link.gone", {u"usb:"_s + device.path});
    }
    void check(const char *call, int error)
    {
        if (error == LIBUSB_ERROR_NO_DEVICE)
            left();
        if (error == LIBUSB_ERROR_BUSY)
            throw Fault("link.busy", {u"usb:"_s + device.path});
        if (error < 0)
            failed(call, error);
    }
    Reply transfer(quint8 direction, const Request &request, const QByteArray &bytes, int length, const Task &task);
};

UsbLink::Reply UsbLink::Private::transfer(quint8 direction, const Request &request, const QByteArray &bytes, int length,
                                          const Task &task)
{
    if (gone)
        left();
    if (task.stop.stop_requested())
        throw Fault("base.stopped");
    QByteArray buffer(LIBUSB_CONTROL_SETUP_SIZE + length, '\0');
    auto *raw = reinterpret_cast<unsigned char *>(buffer.data());
    libusb_fill_control_setup(raw, quint8(request.type | direction), request.request, request.value, request.index,
                              quint16(length));
    buffer.replace(LIBUSB_CONTROL_SETUP_SIZE, bytes.size(), bytes);
    raw = reinterpret_cast<unsigned char *>(buffer.data());
    libusb_transfer *transfer = libusb_alloc_transfer(0);
    if (!transfer)
        failed("libusb_alloc_transfer", LIBUSB_ERROR_NO_MEM);
    std::unique_ptr<libusb_transfer, decltype(&libusb_free_transfer)> owner(transfer, &libusb_free_transfer);
    int completed = 0;
    libusb_fill_control_transfer(
        transfer, handle, raw, [](libusb_transfer *t) { *static_cast<int *>(t->user_data) = 1; }, &completed, 0);
    check("libusb_submit_transfer", libusb_submit_transfer(transfer));
    {
        const std::stop_callback wake(task.stop, [this] { libusb_interrupt_event_handler(context); });
        const auto turn = [&](const Deadline &until) {
            const auto left = until.remaining();
            timeval span{static_cast<time_t>(left.count() / 1000),
                         static_cast<suseconds_t>(left.count() % 1000 * 1000)};
            libusb_handle_events_timeout_completed(context, &span, &completed);
        };
        while (!completed && !task.deadline.expired() && !task.stop.stop_requested())
            turn(task.deadline);
        if (!completed) {
            libusb_cancel_transfer(transfer);
            const Deadline limit = Deadline::in(cancelLimit);
            while (!completed && !limit.expired())
                turn(limit);
            if (!completed) {
                // The kernel keeps it; the memory stays with it.
                gone = true;
                (void)new QByteArray(buffer);
                (void)owner.release();
                throw Fault("link.failed", {u"USB"_s, u"a transfer cannot be ended"_s});
            }
        }
    }
    switch (transfer->status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return {Result::Done,
                direction ? buffer.mid(LIBUSB_CONTROL_SETUP_SIZE, transfer->actual_length) : QByteArray()};
    case LIBUSB_TRANSFER_STALL:
        return {Result::Stalled, {}};
    case LIBUSB_TRANSFER_NO_DEVICE:
        left();
    case LIBUSB_TRANSFER_CANCELLED:
    case LIBUSB_TRANSFER_TIMED_OUT:
        if (task.stop.stop_requested())
            throw Fault("base.stopped");
        return {Result::TimedOut, {}};
    default:
        throw Fault("link.failed", {u"USB"_s, u"transfer error %1"_s.arg(int(transfer->status))});
    }
}

UsbLink::UsbLink(const QString &path) : d(std::make_unique<Private>())
{
    for (libusb_device *raw : Devices(d->context)) {
        if (pathOf(raw) != path)
            continue;
        Indices indices;
        const auto device = describe(raw, indices);
        if (!device)
            break;
        d->device = *device;
        const int error = libusb_open(raw, &d->handle);
        if (error == LIBUSB_ERROR_ACCESS)
            throw Fault("link.usb-permission", {u"usb:"_s + path});
        d->check("libusb_open", error);
        readTexts(d->device, indices, d->handle);
        libusb_set_auto_detach_kernel_driver(d->handle, 1);
        return;
    }
    throw Fault("link.no-port", {u"usb:"_s + path});
}

UsbLink::~UsbLink()
{
    if (!d->handle)
        return;
    if (d->claimed >= 0 && !d->gone)
        libusb_release_interface(d->handle, d->claimed);
    libusb_close(d->handle);
}

const UsbDevice &UsbLink::device() const
{
    return d->device;
}

void UsbLink::claim(int interface)
{
    d->check("libusb_claim_interface", libusb_claim_interface(d->handle, interface));
    d->claimed = interface;
}

void UsbLink::setAlternate(int interface, int alternate)
{
    d->check("libusb_set_interface_alt_setting", libusb_set_interface_alt_setting(d->handle, interface, alternate));
}

UsbLink::Reply UsbLink::in(const Request &request, int length, const Task &task)
{
    return d->transfer(LIBUSB_ENDPOINT_IN, request, {}, length, task);
}

UsbLink::Reply UsbLink::out(const Request &request, const QByteArray &bytes, const Task &task)
{
    return d->transfer(LIBUSB_ENDPOINT_OUT, request, bytes, int(bytes.size()), task);
}

void UsbLink::busReset()
{
    if (d->gone)
        d->left();
    const int error = libusb_reset_device(d->handle);
    if (error == LIBUSB_ERROR_NOT_FOUND || error == LIBUSB_ERROR_NO_DEVICE) {
        d->gone = true; // it has come back as another one, or is about to
        return;
    }
    d->check("libusb_reset_device", error);
}

bool UsbLink::isGone() const
{
    return d->gone;
}

} // namespace slipway
