#pragma once
// What stands between a transfer and the limit of its serial line, from what the system tells of the adapter: its
// driver, its latency timer, the speed of its USB port. One sentence says what would help most.

#include <QString>

#include <optional>

namespace slipway {

struct LineDiagnosis {
    QString node;
    QString adapterDriver;         // "ftdi_sio", "cp210x", "cdc_acm"; empty: not told
    std::optional<int> latencyMs;  // of the adapter's timer, where its driver shows it
    std::optional<int> usbMegabit; // speed of its USB port: 12, 480
    bool isPseudoTerminal = false;

    // Empty: nothing would help that is known. baud: of the line. share: of the line's limit that a transfer reached,
    // 0: not measured. turns: round trips in which both sides waited, 0: not counted.
    QString advice(int baud, double share) const;
};

LineDiagnosis diagnoseLine(const QString &port);

} // namespace slipway
