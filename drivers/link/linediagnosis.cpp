#include "drivers/link/linediagnosis.h"

#include "drivers/link/ports.h"

#include <QFileInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr double goodShare = 0.85;
constexpr int slowTimerMs = 2; // a bulk transfer with answers loses little below that

} // namespace

LineDiagnosis diagnoseLine(const QString &port)
{
    LineDiagnosis line;
    line.node = port;
    if (const auto known = serialPort(port)) {
        line.node = known->node;
        line.adapterDriver = known->adapterDriver;
        line.latencyMs = known->latencyMs;
        line.usbMegabit = known->usbMegabit;
    } else {
        line.isPseudoTerminal = QFileInfo(port).canonicalFilePath().startsWith(u"/dev/pts/"_s);
    }
    return line;
}

QString LineDiagnosis::advice(int baud, double share) const
{
    if (isPseudoTerminal || (share > 0 && share >= goodShare))
        return {};
    if (latencyMs && *latencyMs > slowTimerMs) {
        return u"The adapter keeps every answer back for up to %1 ms; \"echo 1 > "
               u"/sys/class/tty/%2/device/latency_timer\" "
               "as root, or Slipway's udev rules, bring it to 1 ms."_s.arg(*latencyMs)
                   .arg(QFileInfo(node).fileName());
    }
    if (baud > 0 && baud < 460'800 && adapterDriver != u"cdc_acm")
        return u"The line runs at %1 baud; where board and adapter allow it, a higher --baud shortens everything."_s
            .arg(baud);
    if (usbMegabit && *usbMegabit <= 12 && share > 0)
        return u"The adapter is a full-speed USB device, which answers once a millisecond; a high-speed one (FT232H, "
               "CP2105's own port, CH347) answers eight times as often."_s;
    if (share > 0)
        return u"The line and the adapter allow more: what is waited for is the device, its flash or its number of "
               "buffers."_s;
    return {};
}

} // namespace slipway
