#pragma once
// Where a debug probe is: "usb:1-2.3", "usb:0483:374b", "usb:0483:374b:SERIAL" (see drivers/link/usb.h),
// "probe:SERIAL" for the probe of that serial number whatever its kind, "bitbang:127.0.0.1:9824" for something that
// speaks OpenOCD's remote_bitbang protocol (a simulator, slipway virtual probe). Throws probe.port,
// probe.unknown-probe, probe.not-told-apart, link.*.

#include "drivers/probe/probequirks.h"

#include <QByteArray>

namespace slipway {

struct ProbePort {
    QString text;                // as given
    QString description;         // "ST-LINK/V2-1, serial 066C..."
    QString kind;                // "st-link", "bitbang"
    QString line;                // "SWD", "JTAG"
    QList<QByteArray> arguments; // of OpenOCD: adapter, transport, which one of several

    static ProbePort find(const QString &text, const ProbeQuirks &quirks);
    // USB devices that are probes.
    static QList<UsbDevice> plugged(const ProbeQuirks &quirks);
};

} // namespace slipway
