#include "drivers/probe/probeport.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "drivers/probe/tclword.h"

#include <QRegularExpression>

#include <algorithm>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint8 humanInterface = 0x03, vendorSpecific = 0xff; // where CMSIS-DAP is

ProbePort bitbang(const QString &text)
{
    static const QRegularExpression form(u"^bitbang:([A-Za-z0-9.-]{1,100}):([0-9]{1,5})$"_s);
    const auto match = form.match(text);
    const int port = match.captured(2).toInt();
    if (!match.hasMatch() || port < 1 || port > 65535 || !isTclWord(match.captured(1)))
        throw Fault("probe.port", {oneLine(text, 60)});
    ProbePort out;
    out.text = text;
    out.kind = u"bitbang"_s;
    out.description = u"remote_bitbang at %1:%2"_s.arg(match.captured(1)).arg(port);
    out.line = u"JTAG"_s;
    out.arguments = {"-c", "adapter driver remote_bitbang",
                     "-c", "remote_bitbang host " + tclWord(match.captured(1)),
                     "-c", "remote_bitbang port " + QByteArray::number(port),
                     "-c", "transport select jtag"};
    return out;
}

UsbDevice theProbe(const QString &text, const ProbeQuirks &quirks, QList<UsbDevice> &all)
{
    if (text.startsWith("probe:"_L1)) {
        all = ProbePort::plugged(quirks);
        const QString serial = text.mid(6);
        QList<UsbDevice> found;
        std::copy_if(all.begin(), all.end(), std::back_inserter(found),
                     [&serial](const UsbDevice &device) { return device.serial == serial; });
        if (serial.isEmpty())
            throw Fault("probe.port", {oneLine(text, 60)});
        if (found.isEmpty())
            throw Fault("link.no-port", {oneLine(text, 60)});
        if (found.size() > 1)
            throw Fault("link.usb-ambiguous", {oneLine(text, 60), QString::number(found.size()),
                                               u"usb:%1, usb:%2"_s.arg(found[0].path, found[1].path)});
        return found.first();
    }
    if (!UsbAddress::recognises(text))
        throw Fault("probe.port", {oneLine(text, 60)});
    const UsbAddress address = UsbAddress::parse(text);
    all = usbDevices([&](const UsbDevice &device) {
        return device.path == address.path || (address.path.isEmpty() && address.fits(device)) || quirks.kindOf(device);
    });
    return address.pick(all);
}

} // namespace

QList<UsbDevice> ProbePort::plugged(const ProbeQuirks &quirks)
{
    // Some are known by their names only, which takes asking them.
    QList<UsbDevice> out = usbDevices([&quirks](const UsbDevice &device) {
        return quirks.kindOf(device) ||
               std::any_of(device.settings.begin(), device.settings.end(), [](const UsbSetting &setting) {
                   return setting.kind == humanInterface || setting.kind == vendorSpecific;
               });
    });
    out.removeIf([&quirks](const UsbDevice &device) { return !quirks.kindOf(device); });
    return out;
}

ProbePort ProbePort::find(const QString &text, const ProbeQuirks &quirks)
{
    if (text.startsWith("bitbang:"_L1))
        return bitbang(text);
    QList<UsbDevice> all;
    const UsbDevice device = theProbe(text, quirks, all);
    if (!device.permitted)
        throw Fault("link.usb-permission", {device.path});
    const ProbeKind *kind = quirks.kindOf(device);
    if (!kind)
        throw Fault("probe.unknown-probe", {text, device.description()});
    ProbePort out;
    out.text = text;
    out.kind = kind->name;
    out.description = device.description();
    out.line = kind->transport.contains("jtag"_L1) ? u"JTAG"_s : u"SWD"_s;
    out.arguments = {"-f", kind->script.toLatin1()};
    if (!kind->transport.isEmpty())
        out.arguments << "-c"
                      << "transport select " + kind->transport.toLatin1();
    const auto twins = std::count_if(all.begin(), all.end(), [&](const UsbDevice &other) {
        const ProbeKind *its = quirks.kindOf(other);
        return its && its->name == kind->name;
    });
    const auto sameSerial =
        std::count_if(all.begin(), all.end(), [&](const UsbDevice &other) { return other.serial == device.serial; });
    if (kind->byPlace)
        out.arguments << "-c"
                      << "adapter usb location " + tclWord(device.path);
    else if (isTclWord(device.serial) && sameSerial < 2)
        out.arguments << "-c"
                      << "adapter serial " + tclWord(device.serial);
    else if (twins > 1)
        throw Fault("probe.not-told-apart", {kind->description});
    return out;
}

} // namespace slipway
