#pragma once
// The device's side of USB, without a bus: descriptors, control and bulk transfers (USB 2.0, chapters 5, 8 and 9).
// Whoever has a bus (tests/support/usbbed.h) passes transfers in, and re-enumerates when the device asks for that.
// Implementations are thread-safe.

#include <QByteArray>
#include <QByteArrayView>

#include <chrono>

namespace slipway {

class VirtualUsb
{
public:
    struct Setup {
        quint8 type = 0, request = 0; // type: with the direction
        quint16 value = 0, index = 0, length = 0;
    };
    enum class Answer { Done, Stall, Silence, Gone };
    struct Reply {
        Answer answer = Answer::Done;
        QByteArray bytes;
    };
    // It wants to leave the bus and come back with other descriptors after plugTime, or not at all.
    enum class Wish { Stay, Reenumerate, Leave };

    VirtualUsb() = default;
    VirtualUsb(const VirtualUsb &) = delete;
    VirtualUsb &operator=(const VirtualUsb &) = delete;
    virtual ~VirtualUsb() = default;

    virtual QByteArray deviceDescriptor() const = 0;
    virtual QByteArray configuration() const = 0;
    // A control transfer; out: its data stage towards the device.
    virtual Reply control(const Setup &setup, QByteArrayView out) = 0;
    // A bulk transfer of an endpoint (0x80: towards the host). Silence: it has nothing to say yet, and is asked again
    // after the next transfer towards it.
    virtual Reply bulk(quint8 endpoint, QByteArrayView out);
    virtual void setAlternate(int alternate);
    virtual void busReset() {}
    virtual Wish wish() const { return Wish::Stay; }
    virtual std::chrono::milliseconds plugTime() const { return std::chrono::milliseconds(10); }
    virtual void enumerated() {}   // it is on the bus (again)
    virtual void powerCycle() = 0; // the cable pulled and plugged in again

protected:
    // A string descriptor of UTF-16 (9.6.7); index 0 of a device with English texts.
    static QByteArray stringDescriptor(const QString &text);
    static QByteArray languages() { return QByteArray("\x04\x03\x09\x04", 4); }
};

} // namespace slipway
