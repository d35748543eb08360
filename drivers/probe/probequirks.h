#pragma once
// Which USB devices are debug probes, and which boards OpenOCD knows how to reach behind them: quirks.json, described
// in drivers/probe/README.md. Addresses and sizes in bytes. Throws probe.quirks with what is wrong where,
// probe.board-unknown with the nearest name.

#include "drivers/link/usb.h"

#include <QByteArray>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

struct ProbeKind {
    QString name, description, source, date;
    QStringList ids; // "0483:374b"; "0d28:*"
    QString product; // a part of the product's name, for ids of many things; empty: any
    QString script;  // OpenOCD's, "interface/stlink.cfg"
    QString transport;
    bool byPlace = false; // OpenOCD can choose it by its place on the bus; else by its serial number

    bool isFor(const UsbDevice &device) const;
};

// A value somewhere in the chip's registers.
struct ProbeRegister {
    quint32 at = 0, mask = 0xffffffff;
};

struct ProbeBoard {
    QString name, description, source, date;
    QString script;       // OpenOCD's, "target/stm32f1x.cfg"
    int speed = 0;        // kHz; 0: what the script says
    bool workArea = true; // helpers may run out of its RAM; false: slow, and nothing of it is touched

    // How the chip is told from others where nobody names the board.
    quint32 core = 0; // part number in CPUID; 0: it cannot be told
    ProbeRegister identity;
    QMap<quint32, QString> ids; // value, name

    quint32 uniqueId = 0; // 96 bits; 0: nowhere
    QList<quint32> uniqueWords{0, 4, 8};
    quint32 ramAt = 0, ramSize = 0; // that may be written; 0: nothing is known of it
    char erased = '\xff';

    // Readout protection: level 0 where the register has the value `open`, 2 where it has `forever`, else 1.
    struct Protection {
        ProbeRegister level;
        quint32 open = 0;
        std::optional<quint32> forever;
        QString driver;    // OpenOCD's flash driver, whose lock and unlock do it
        bool load = false; // option_load makes it true; else a reset
    };
    std::optional<Protection> protection;
};

class ProbeQuirks
{
public:
    // The built-in file, and before it the one that SLIPWAY_PROBE_QUIRKS names.
    static ProbeQuirks load();
    // file: for messages. others: whose boards it may be like.
    static ProbeQuirks parse(const QByteArray &json, const QString &file, const ProbeQuirks &others = {});

    const QList<ProbeKind> &kinds() const { return m_kinds; }
    const QList<ProbeBoard> &boards() const { return m_boards; }
    QStringList boardNames() const;
    const ProbeBoard &board(const QString &name) const;
    const ProbeKind *kindOf(const UsbDevice &device) const; // null: no probe that is known

private:
    QList<ProbeKind> m_kinds;
    QList<ProbeBoard> m_boards;
};

} // namespace slipway
