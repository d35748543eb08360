#pragma once
// USB devices by the place where they are plugged in, through libusb: what there is, control transfers with a deadline
// and a stop token, waiting for a device to come back. A place is named by bus and ports, "1-2.3", as in sysfs; it
// stays the same when a device re-enumerates under another address, name or product id. Throws link.usb-address,
// link.usb-ambiguous, link.no-port, link.usb-permission, link.busy, link.gone, link.failed and base.stopped.

#include "core/base/task.h"

#include <QByteArray>
#include <QList>
#include <QString>

#include <functional>
#include <memory>
#include <optional>

namespace slipway {

// One alternate setting of an interface.
struct UsbSetting {
    int configuration = 0, interface = 0, alternate = 0;
    quint8 kind = 0, subKind = 0, protocol = 0; // class, subclass
    QString name;
    QByteArray extra; // the descriptors behind it, of its class
};

struct UsbDevice {
    QString path; // "1-2.3"
    int address = 0;
    quint16 vendorId = 0, productId = 0, release = 0;
    QString maker, product, serial;
    QList<UsbSetting> settings;
    bool permitted = true; // false: texts could not be read
    QString id() const;    // "0483:df11"
    QString description() const;
};

// "usb:1-2.3", "usb:0483:df11", "usb:0483:df11:SERIAL".
struct UsbAddress {
    QString text; // as given
    QString path; // or
    quint16 vendorId = 0, productId = 0;
    QString serial; // empty: any

    static bool recognises(const QString &text) { return text.startsWith(QLatin1String("usb:")); }
    static UsbAddress parse(const QString &text);
    bool fits(const UsbDevice &device) const;
    // The one that fits.
    UsbDevice pick(const QList<UsbDevice> &devices) const;
};

using UsbWanted = std::function<bool(const UsbDevice &)>;
// In the order of their places, hubs left out. Texts are read of the wanted ones only: that takes opening them.
QList<UsbDevice> usbDevices(const UsbWanted &wanted = {});
// Waits until decide returns true: it gets what is plugged in at that place, null while there is nothing, at first and
// whenever something is plugged in or out. Returns that device (or nothing, for null); false at the deadline.
using UsbDecide = std::function<bool(const UsbDevice *)>;
bool waitForUsb(const QString &path, const UsbDecide &decide, const Task &task);

class UsbLink
{
public:
    // libusb's limit on Linux for one control transfer.
    static constexpr int largestControl = 4096;
    struct Request {
        quint8 type = 0, request = 0; // type: without the direction
        quint16 value = 0, index = 0;
    };
    enum class Result { Done, Stalled, TimedOut };
    struct Reply {
        Result result = Result::Done;
        QByteArray bytes;
        bool done() const { return result == Result::Done; }
    };

    explicit UsbLink(const QString &path);
    UsbLink(const UsbLink &) = delete;
    UsbLink &operator=(const UsbLink &) = delete;
    ~UsbLink();

    const UsbDevice &device() const;
    void claim(int interface);
    void setAlternate(int interface, int alternate);
    Reply in(const Request &request, int length, const Task &task);
    Reply out(const Request &request, const QByteArray &bytes, const Task &task);
    // As if unplugged and plugged in; the device may be another one afterwards, and this link is over then.
    void busReset();
    bool isGone() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
