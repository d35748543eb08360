#pragma once
// What boot loaders do their own way: quirks.json, described in drivers/dfu/README.md. Throws dfu.quirks with what is
// wrong where, dfu.board-unknown with the nearest name.

#include "drivers/link/usb.h"

#include <QByteArray>
#include <QList>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>

namespace slipway {

struct DfuQuirks {
    struct Map { // a memory map in place of the one that the device gives
        QRegularExpression serial;
        int alternate = 0;
        QString map;
    };
    QString name, description, source, date;
    QStringList ids; // "0483:df11"; "1eaf:*"
    bool dfuse = false;
    bool forcePlain = false;                       // says DfuSe, and is not
    std::optional<std::chrono::milliseconds> poll; // in place of time-outs that mean nothing
    int writeAlign = 8;                            // DfuSe: flash is written in multiples of this
    char erased = '\xff';
    std::chrono::seconds eraseTime{40};  // at most, for one command
    std::chrono::seconds returnTime{15}; // at most, until it is back on the bus
    QRegularExpression resetsAfter;      // regions after whose writing it restarts; empty pattern: none
    int transferSize = 0;                // where the device states none
    QList<Map> maps;

    bool isFor(const UsbDevice &device) const;
};

class DfuBoards
{
public:
    // The built-in file, and before it the one that SLIPWAY_DFU_QUIRKS names.
    static DfuBoards load();
    static DfuBoards parse(const QByteArray &json, const QString &file);

    QStringList names() const;
    const DfuQuirks &find(const QString &name) const;
    // What is known of that device; usual values where nothing is.
    DfuQuirks forDevice(const UsbDevice &device) const;

private:
    QList<DfuQuirks> m_boards;
};

} // namespace slipway
